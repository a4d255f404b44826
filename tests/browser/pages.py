"""An open page, and what can be asked of it: does it stay within the window, can it be read, does it keep quiet."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.browser.chromium import AXE, Watch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDE, PHONE = (1280, 900), (390, 844)

# What lies beside the window, but for what stands in a box of its own that can be scrolled or that cuts it off.
_BESIDE = """() => {
  const wide = document.documentElement.clientWidth;
  const held = new Set(['auto', 'scroll', 'hidden', 'clip']);
  const inBox = one => {
    for (let at = one; at && at !== document.body; at = at.parentElement)
      if (held.has(getComputedStyle(at).overflowX) && at.clientWidth && at.getBoundingClientRect().right <= wide + 1)
        return true;
    return false;
  };
  const found = [];
  if (document.documentElement.scrollWidth > wide)
    found.push(`the document is ${document.documentElement.scrollWidth} wide in a window of ${wide}`);
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const around = text.parentElement;
    if (!text.data.trim() || /^(SCRIPT|STYLE|NOSCRIPT)$/.test(around.tagName) || !around.checkVisibility()) continue;
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    if (box.width < 2 || getComputedStyle(around).clipPath !== 'none') continue;
    if ((box.right > wide + 1 || box.left < -1) && !inBox(around))
      found.push(`<${around.tagName.toLowerCase()} class="${around.className}"> ${Math.round(box.left)} to `
        + `${Math.round(box.right)}: ${text.data.trim().slice(0, 60)}`);
  }
  return found.slice(0, 12);
}"""

_CHARTS = """() => [...document.querySelectorAll('.plot')].map(plot => {
  const canvas = plot.querySelector('canvas');
  if (!canvas) return [plot.dataset.chart, 0, 0];
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  let painted = 0;
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 3] > 0) { painted++; colours.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]); }
  return [plot.dataset.chart, painted / (canvas.width * canvas.height), colours.size];
})"""


def opened(browser: Browser, *allowed: str, **context: Any) -> tuple[Page, Watch]:
    """A new page in a profile of its own, watched; it may ask for addresses that begin with one of `allowed`."""
    size = context.pop("size", WIDE)
    # Nothing glides: what is scrolled to is there at once.
    made = browser.new_context(viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce", **context)
    page = made.new_page()
    page.set_default_timeout(10_000)
    return page, Watch(allowed).of(page)


def beside(page: Page) -> list[str]:
    """What lies outside of the window to the left or right."""
    found: list[str] = page.evaluate(_BESIDE)
    return found


def charts(page: Page) -> dict[str, tuple[float, int]]:
    """The charts by name: which share of the canvas is painted, and in how many colours."""
    return {name: (share, colours) for name, share, colours in page.evaluate(_CHARTS)}


def elements(page: Page) -> Counter[str]:
    """How many elements there are that could do something but show text."""
    return Counter(page.evaluate("""() => [...document.querySelectorAll(`script, style, link, meta, base, iframe, img,
      svg, object, embed, video, audio, form, input, template, math, button`)].map(one => one.localName)"""))


@cache
def _axe() -> str:
    return AXE.read_text("utf-8")


COLOURS = ("color-contrast", "link-in-text-block")
"""The rules of axe for which colours matter."""


def barriers(page: Page, *rules: str) -> list[str]:
    """What axe finds that is serious or critical, one line each; by all its rules unless some are named."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_axe())
    found = page.evaluate("""rules => axe.run(document, {
        resultTypes: ['violations'], ...(rules.length ? {runOnly: rules} : {})})""", rules)
    return [
        f"{one['id']} ({one['impact']}): {one['help']}; {len(one['nodes'])} places, "
        f"first {one['nodes'][0]['html'][:200]} {one['nodes'][0].get('failureSummary', '')[:300]}"
        for one in found["violations"] if one["impact"] in ("serious", "critical")
    ]


def links(page: Page) -> list[str]:
    found: list[str] = page.evaluate("() => [...document.querySelectorAll('[href]')].map(one => one.href)")
    return found


def settled(page: Page) -> None:
    """Two frames later: what reacts to a change of size or theme has done so."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
