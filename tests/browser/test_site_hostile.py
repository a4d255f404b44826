"""The site of records in which others say what they like, and of long logs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from markupsafe import Markup

from bot.domain.visible import visible
from bot.logs.redact import redact
from bot.reports.site import html
from tests.browser.attacks import ON_PAGES
from tests.browser.chromium import Watch
from tests.browser.pages import PHONE, WIDE, beside, elements, links, opened, settled
from tests.browser.saying import saying
from tests.browser.sites import Site, long_state, said_state
from tests.once import once
from tests.unit.whole_records import plainly

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MOST_BYTES = 5_000_000


@pytest.fixture(scope="package")
def said(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A run of ten cycles in which everything is said by others, and means harm."""
    def make(folder: Path) -> None:
        said_state(folder / "state", saying(ON_PAGES))
        Site(folder / "state").made()

    return Site(once(tmp_path_factory, "site-of-harm", make) / "state")


@pytest.fixture(scope="package")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Site:
    def make(folder: Path) -> None:
        said_state(folder / "state", plainly)
        Site(folder / "state").made()

    return Site(once(tmp_path_factory, "site-of-no-harm", make) / "state")


def watching(browser: Browser, *sites: Site) -> tuple[Page, Watch]:
    """A page that says when a text did what it was after."""
    page, watch = opened(browser, *(site.folder.as_uri() for site in sites))
    page.add_init_script("""
        Object.defineProperty(window, 'harmed', {set: value => console.error('harmed')});
        window.open = () => console.error('window.open');
    """)
    return page, watch


def check_harmless(page: Page, watch: Watch, path: Path, usual: Counter[str]) -> str:
    """Open a page, do everything on it that a person can do, and return its text."""
    page.goto(path.as_uri())
    assert elements(page) == usual, "another number of elements than with harmless text"
    assert beside(page) == []
    outside = [link for link in links(page) if not link.startswith(("file:", "data:image/svg+xml,"))]
    assert all(link.startswith("https://evil.example/") for link in outside), outside
    attributes = set(page.evaluate("""() => [...document.querySelectorAll('*')].flatMap(one =>
        [...one.attributes].map(each => each.name)).filter(name => /^on|^style$|^srcdoc$|^src$/i.test(name))"""))
    assert attributes <= {"style"}    # with which uPlot places its canvas
    # Every event that a text could wait for.
    page.evaluate("""() => document.querySelectorAll('main *').forEach(one => {
        for (const kind of ['mouseover', 'focus', 'toggle', 'error', 'load']) one.dispatchEvent(new Event(kind));
    })""")
    assert page.evaluate("""() => [...document.querySelectorAll('a.cite')].every(cite => {
        cite.click();
        const open = document.querySelectorAll('article.evidence.is-open');
        return open.length === 1 && open[0].id === cite.dataset.evidence;
    })""")
    page.locator("button#theme").click()
    text: str = page.evaluate("() => document.documentElement.textContent")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    settled(page)
    assert beside(page) == [], "on a phone"
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    assert watch.take() == []
    return text


def test_hostile_text_does_nothing_and_breaks_nothing(browser: Browser, said: Site, plain: Site) -> None:
    page, watch = watching(browser, said, plain)
    assert said.pages == plain.pages
    texts = []
    for name in said.pages:
        page.goto((plain.folder / name).as_uri())
        assert beside(page) == [], name
        usual = elements(page)
        try:
            texts.append(check_harmless(page, watch, said.folder / name, usual))
        except AssertionError as error:
            error.add_note(name)
            raise
    everything = _closely("\n".join(texts))
    unseen = [text for text in ON_PAGES if _closely(visible(redact(text)))[:200] not in everything]
    assert unseen == [], "stands on no page as it was said"


def _closely(text: str) -> str:
    return re.sub(r"\s", "", text)


def test_these_checks_see_a_text_that_is_no_text(
    browser: Browser, plain: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With pages that put out every text as markup."""
    html._environment.cache_clear()
    monkeypatch.setattr(html, "_finalized", lambda value: Markup(value) if isinstance(value, str) else value)
    try:
        said_state(tmp_path / "state", saying(ON_PAGES[:5]))
        bare = Site(tmp_path / "state").made()
    finally:
        html._environment.cache_clear()
    page, watch = watching(browser, bare, plain)
    page.goto(plain.first.as_uri())
    with pytest.raises(AssertionError, match="another number of elements"):
        check_harmless(page, watch, bare.first, elements(page))
    assert any(one.startswith("console: error: Executing inline script violates") for one in watch.take())


def test_pages_of_long_logs_stay_small(tmp_path: Path, cycle: Path) -> None:
    """Ten cycles, a hundred thousand entries: how fast the pages open is measured by `python -m tests.bench`."""
    long_state(cycle, tmp_path / "state")
    site = Site(tmp_path / "state").made()
    assert len(site.pages) == 12
    sizes = {name: (site.folder / name).stat().st_size for name in site.pages}
    assert max(sizes.values()) < MOST_BYTES, sizes
