"""The site that `bot report` writes, in a real browser: every page, every link, every citation, in all its forms."""

from __future__ import annotations

import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

from tests.browser.pages import COLOURS, PHONE, WIDE, barriers, beside, charts, links, opened, settled
from tests.browser.sites import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_every_page_opens_and_every_link_leads_somewhere(browser: Browser, demo: Site) -> None:
    base = f"{demo.folder.as_uri()}/"
    page, watch = opened(browser, base)
    waiting, ids, wanted = [f"{base}index.html"], dict[str, set[str]](), set[str]()
    while waiting:
        address = waiting.pop()
        if address in ids:
            continue
        page.goto(address)
        ids[address] = set(page.evaluate("() => [...document.querySelectorAll('[id]')].map(one => one.id)"))
        assert page.locator("h1").count() == 1
        assert page.title()
        for link in links(page):
            if not link.startswith("data:"):
                wanted.add(link)
                target = urldefrag(link).url
                assert target.startswith(base), f"{link} in {address} leads out of the site"
                waiting += [target] if target.endswith(".html") else []
    assert watch.take() == []
    assert {address.removeprefix(base) for address in ids} == set(demo.pages), "a page that no link leads to"
    assert len(wanted) > 30
    for link in wanted:
        target, anchor = urldefrag(link)
        assert Path(unquote(urlsplit(target).path)).is_file(), link
        assert not anchor or unquote(anchor) in ids[target], link
    documents = {urldefrag(link).url for link in wanted if link.endswith(".md")}
    assert {link.rpartition("/")[2] for link in documents} >= {"status.md", "plan.md", "audit.md", "proof.md"}
    for link in documents:
        page.goto(link)
        assert page.locator("body").inner_text().strip()


def test_a_citation_shows_its_entry_or_line_with_the_quote(browser: Browser, demo: Site) -> None:
    page, watch = opened(browser, demo.folder.as_uri())
    page.goto(demo.first.as_uri())
    cites = page.locator("a.cite")
    kinds = set[str]()
    assert cites.count() >= 8
    for number in range(cites.count()):
        cite = cites.nth(number)
        cite.scroll_into_view_if_needed()
        before = page.evaluate("() => scrollY")
        cite.click()
        shown = page.locator("article.evidence.is-open")
        assert shown.count() == 1
        assert shown.get_attribute("id") == cite.get_attribute("data-evidence")
        assert cite.get_attribute("aria-current") == "true"
        assert page.evaluate("() => scrollY") == before
        assert page.url.endswith(f"#{shown.get_attribute('id')}")
        kind = shown.get_attribute("data-kind") or ""
        quotes = shown.locator("tr.cited mark.quote")
        if quotes.count():    # a suspect is a whole function
            kinds.add(kind)
            quote = quotes.first.inner_text()
            assert " ".join(quote.split()) in " ".join(cite.locator("xpath=..").inner_text().split()), quote
            assert quotes.first.bounding_box() is not None
            panel, at = page.locator("#evidence").bounding_box(), quotes.first.bounding_box()
            assert panel is not None
            assert at is not None
            assert panel["y"] <= at["y"] < panel["y"] + panel["height"], "the quote must be scrolled to"
    assert kinds == {"log", "code"}
    assert watch.take() == []


def test_each_chart_is_drawn_in_both_themes_and_has_its_table(browser: Browser, demo: Site) -> None:
    page, watch = opened(browser, demo.folder.as_uri())
    seen = set[str]()
    for name in demo.pages:
        page.goto((demo.folder / name).as_uri())
        light = charts(page)
        seen |= {*light}
        background = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        page.locator("button#theme").click()
        page.locator("button#theme").click()
        assert page.locator("html").get_attribute("data-theme") == "dark"
        settled(page)
        assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") != background
        dark = charts(page)
        for chart, (share, colours) in {**light, **{f"{name} dark": found for name, found in dark.items()}}.items():
            assert share > 0.01, chart
            assert colours > 3, chart
        for place in page.locator("figure:has(.plot)").all():
            assert place.locator("details table tbody tr").count() > 0
        # It is remembered, and a third click goes back to the system's.
        page.reload()
        assert page.locator("html").get_attribute("data-theme") == "dark"
        page.locator("button#theme").click()
        assert page.locator("html").get_attribute("data-theme") is None
    assert seen == {"chart-when"} | ({"chart-cost"} & seen)
    assert watch.take() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out(browser: Browser, demo: Site, scheme: Literal["light", "dark"]) -> None:
    """Nothing serious by axe's rules, wide and on a phone; and no page is wider than the window."""
    page, watch = opened(browser, demo.folder.as_uri(), color_scheme=scheme)
    for name in demo.pages:
        page.goto((demo.folder / name).as_uri())
        assert watch.take() == [], name
        assert barriers(page, *(COLOURS if scheme == "dark" else ())) == [], name
        assert beside(page) == [], name
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        settled(page)
        assert beside(page) == [], f"{name} on a phone"
        if scheme == "light" and demo.folder / name == demo.first:
            assert barriers(page) == [], f"{name} on a phone"
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


def test_every_page_of_ten_cycles(browser: Browser, ten: Site) -> None:
    """Whatever a cycle came to, its page is whole."""
    page, watch = opened(browser, ten.folder.as_uri())
    cycles = [*ten.state.glob("*/*/cycle-*/record.json")]
    assert len(ten.pages) == 1 + len({path.parents[1] for path in cycles}) + len(cycles)
    assert len(cycles) > 10
    for number, name in enumerate(ten.pages):
        page.goto((ten.folder / name).as_uri())
        assert page.locator("h1").count() == 1
        assert all(share > 0.01 for share, _ in charts(page).values()), name
        assert beside(page) == [], name
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        settled(page)
        assert beside(page) == [], f"{name} on a phone"
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        assert watch.take() == [], name
        if number % 4 == 0:    # the demo's pages have all kinds of parts, and are looked at in every form
            assert barriers(page) == [], name
        for link in links(page):
            target = urldefrag(link).url
            assert link.startswith("data:") or Path(unquote(urlsplit(target).path)).is_file(), f"{link} in {name}"


def test_on_a_phone(browser: Browser, demo: Site) -> None:
    page, watch = opened(browser, demo.folder.as_uri(), size=PHONE, has_touch=True, is_mobile=True)
    page.goto(demo.first.as_uri())
    assert beside(page) == []
    assert all(share > 0.01 for share, _ in charts(page).values())
    cite = page.locator("a.cite").first
    cite.scroll_into_view_if_needed()
    cite.tap()
    sheet = page.locator("#evidence").bounding_box()
    assert sheet is not None
    assert sheet["x"] >= 0
    assert sheet["x"] + sheet["width"] <= PHONE[0]
    assert sheet["y"] + sheet["height"] <= PHONE[1] + 1
    assert sheet["y"] > 0
    assert page.locator("article.evidence.is-open mark.quote").first.is_visible()
    page.locator("#evidence-close").tap()
    assert not page.locator("#evidence-close").is_visible()
    small = page.evaluate("""() => [...document.querySelectorAll('button, nav a, a.cite, summary')]
        .filter(one => one.checkVisibility())
        .map(one => [one.textContent.trim().slice(0, 40), one.getBoundingClientRect()])
        .filter(([, box]) => box.width > 0 && box.height < 18).map(([text]) => text)""")
    assert small == [], "too small for a finger"
    assert watch.take() == []


def test_with_the_keyboard_alone(browser: Browser, demo: Site) -> None:
    page, watch = opened(browser, demo.folder.as_uri())
    page.goto(demo.first.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.matches('a.skip')")
    assert page.evaluate("() => document.activeElement.getBoundingClientRect().top >= 0"), "the skip link is seen"
    seen, stops = list[str](), 0
    page.keyboard.press("Tab")
    while page.evaluate("() => document.activeElement !== document.body") and stops < 400:
        stops += 1
        what, hidden, unmarked = page.evaluate("""() => {
          const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
          return [`${one.outerHTML.slice(0, 120)} ${box.x} ${box.y} ${box.width} ${box.height}`,
            box.width < 1 || box.height < 1 || box.bottom < 0 || box.top > innerHeight,
            (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 1) && style.boxShadow === 'none'];
        }""")
        assert not hidden, f"the focus is out of sight: {what}"
        assert not unmarked, f"the focus is not marked: {what}"
        seen.append(what)
        page.keyboard.press("Tab")
    assert stops < 400, "the Tab key never comes to an end"
    assert sum("cite" in what for what in seen) >= 8
    cite = page.locator("a.cite").nth(1)
    cite.focus()
    page.keyboard.press("Enter")
    shown = cite.get_attribute("data-evidence") or ""
    assert page.evaluate("id => document.getElementById(id).contains(document.activeElement)", shown)
    page.locator(f"#{shown} a.back").focus()
    page.keyboard.press("Enter")
    assert cite.evaluate("one => one === document.activeElement")
    assert watch.take() == []


PAPER = """() => {
  const shows = one => { const box = one.getBoundingClientRect(); return box.width > 1 && box.height > 1; };
  const of = chosen => [...document.querySelectorAll(chosen)].filter(
    one => !shows(one) && (one.textContent.trim() || one.localName === 'canvas')).map(
    one => `${chosen}: ${one.outerHTML.slice(0, 100)}`);
  return [...of('main section'), ...of('main h2'), ...of('li.why'), ...of('article.evidence'), ...of('mark.quote'),
    ...of('.plot canvas'), ...of('main table'), ...of('main tr'), ...of('main pre')];
}"""


def test_on_paper_nothing_is_missing(browser: Browser, demo: Site) -> None:
    page, watch = opened(browser, demo.folder.as_uri(), color_scheme="dark")
    for name in demo.pages:
        page.goto((demo.folder / name).as_uri())
        page.emulate_media(media="print", color_scheme="dark")
        # As the browser does it before it prints.
        page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
        settled(page)
        assert page.evaluate(PAPER) == [], name
        assert page.evaluate("""() => {
            const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).map(Number);
            return getComputedStyle(document.body).backgroundColor === 'rgba(0, 0, 0, 0)' || red + green + blue > 700;
        }"""), "no dark ground on paper"
        page.evaluate("() => window.dispatchEvent(new Event('afterprint'))")
        printed = page.pdf(format="A4")
        assert printed.startswith(b"%PDF")
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 1
        page.emulate_media(media="screen", color_scheme="dark")
    assert watch.take() == []


def test_without_scripts(browser: Browser, demo: Site) -> None:
    """Everything is in the page: a citation jumps to its evidence, a chart has its table."""
    page, watch = opened(browser, demo.folder.as_uri(), java_script_enabled=False)
    for name in demo.pages:
        page.goto((demo.folder / name).as_uri())
        assert page.locator("h1").is_visible()
        assert not page.locator("button#theme").is_visible(), "it would do nothing"
        assert all(not plot.is_visible() or (plot.bounding_box() or {"height": 0})["height"] < 60
                   for plot in page.locator(".plot").all()), "an empty place where a chart would be"
    page.goto(demo.first.as_uri())
    articles = page.locator("article.evidence")
    assert all(article.is_visible() for article in articles.all())
    cite = page.locator("a.cite").last
    cite.click()
    target = page.locator(f"#{cite.get_attribute('data-evidence')}")
    box = target.bounding_box()
    assert box is not None
    assert -5 <= box["y"] < 900
    page.locator("figure summary").first.click()
    assert page.locator("figure details table").first.is_visible()
    assert watch.take() == []


@contextmanager
def served(folder: Path, under: str) -> Generator[tuple[str, list[str]]]:
    """The folder from a server on this machine, under a path as on GitHub Pages; what it was asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            asked.append(path)
            inside = path.startswith(f"/{under}/")
            return super().translate_path(path.removeprefix(f"/{under}") if inside else "/nowhere/at/all")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/{under}/", asked
        finally:
            server.shutdown()
            thread.join()


def test_from_a_server_under_a_path(browser: Browser, demo: Site) -> None:
    """As on GitHub Pages. It asks for its own pages alone, and for no icon."""
    with served(demo.folder, "acme/whybot") as (base, asked):
        page, watch = opened(browser, base)
        page.goto(base)
        page.locator("table#cycles a[href$='cycle-01.html']").first.click()
        page.wait_for_load_state()
        assert page.url.startswith(f"{base}message-routing/")
        page.locator("a.cite").nth(2).click()
        assert page.locator("article.evidence.is-open").count() == 1
        page.locator("nav.crumbs a").first.click()
        page.wait_for_load_state()
        assert page.url.removesuffix("index.html") == base
        assert watch.take() == []
        page.context.close()
    assert all(path.startswith("/acme/whybot/") for path in asked), asked
