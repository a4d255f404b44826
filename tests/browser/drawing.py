"""Mermaid pictures as GitHub draws them: Markdown through its own renderer, the blocks through the real Mermaid."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.chromium import Watch
from tests.rendered import Tree

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_BLOCK = re.compile(r'<pre><code class="language-mermaid">(.*?)</code></pre>', re.DOTALL)

# Mermaid as GitHub starts it: nothing in a picture may run or lead anywhere.
_START = "mermaid.initialize({startOnLoad: false, securityLevel: 'strict'})"
_DRAW = """async blocks => {
  const found = [];
  for (const [number, block] of blocks.entries()) {
    const place = document.createElement('div');
    document.body.replaceChildren(place);
    try {
      const drawn = await mermaid.render(`picture-${number}`, block);
      place.innerHTML = drawn.svg;
      drawn.bindFunctions?.(place);
      const all = [...place.querySelectorAll('*')];
      const svg = place.querySelector('svg');
      const box = svg.getBBox();
      found.push({
        kind: drawn.diagramType ?? '', error: '', width: box.width, height: box.height,
        title: place.querySelector('title')?.textContent ?? '',
        classes: all.flatMap(one => [...one.classList].map(name => `${one.localName}.${name}`)),
        acting: all.filter(one =>
          /^(script|a|img|image|iframe|object|embed|form|input|link|use|animate|set|video|audio)$/.test(one.localName)
          || [...one.attributes].some(each => /^(on.*|href|src|xlink:href|action)$/i.test(each.name)))
          .map(one => one.outerHTML.slice(0, 200)),
        texts: [...place.querySelectorAll('g.node, g.edgeLabel, g.timeline-node, g.ticks, text')]
          .map(one => one.textContent),
      });
    } catch (error) {
      found.push({kind: '', error: String(error?.message ?? error), width: 0, height: 0, title: '', classes: [],
        acting: [], texts: []});
    }
  }
  return found;
}"""


@dataclass(frozen=True)
class Picture:
    """What Mermaid made of a block. `acting` are elements that could do something, `texts` what stands in its parts."""

    block: str
    kind: str
    error: str
    width: float
    height: float
    title: str
    classes: tuple[str, ...]
    acting: tuple[str, ...]
    texts: tuple[str, ...]

    @property
    def shape(self) -> Counter[str]:
        """How many there are of each kind of part, whatever stands in them."""
        return Counter(name for name in self.classes if re.fullmatch(_PARTS, name))

    @property
    def text(self) -> str:
        """All that can be read in it, without white space, for where lines break is Mermaid's business."""
        return re.sub(r"\s", "", "\n".join(self.texts))


_PARTS = (
    r"g\.(node|edgeLabel|cluster|edgePaths?|bar-plot-\d+|bottom-axis|left-axis)|rect\.task|\w+\.(unproven|cause)"
    r"|path\.(flowchart-link|edge-thickness-\w+|edge-pattern-\w+)"
)


def blocks_of(markdown: str) -> Iterator[str]:
    """The Mermaid blocks of a document, found as GitHub finds them."""
    for found in _BLOCK.findall(Tree(markdown).html):
        yield html.unescape(found)


class Studio:
    """A page of its own for each Mermaid, kept, since to load one takes longer than to draw with it."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._open: dict[Path, tuple[Page, Watch]] = {}

    def drawn(self, mermaid: Path, blocks: Sequence[str]) -> list[Picture]:
        """Each block drawn by this Mermaid. Raises AssertionError where one made the page do anything but draw."""
        page, watch = self._open.get(mermaid) or self._opened(mermaid)
        given = page.evaluate(_DRAW, list(blocks))
        # What would run late has had its time.
        page.evaluate("() => new Promise(done => setTimeout(done, 50))")
        assert page.evaluate("() => window.harmed ?? null") is None
        assert watch.take() == []
        return [
            Picture(block, **{name: tuple(value) if isinstance(value, list) else value for name, value in one.items()})
            for block, one in zip(blocks, given, strict=True)
        ]

    def close(self) -> None:
        """Close its pages."""
        for page, _ in self._open.values():
            page.close()

    def _opened(self, mermaid: Path) -> tuple[Page, Watch]:
        page = self._browser.new_page()
        watch = Watch(allowed=()).of(page)
        page.set_content("<!DOCTYPE html><html><body></body></html>")
        page.add_script_tag(path=mermaid)
        page.evaluate(_START)
        self._open[mermaid] = page, watch
        return page, watch
