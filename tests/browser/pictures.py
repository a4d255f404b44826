"""The pictures in the README, made from the real thing: python -m tests.browser.pictures [FOLDER]

A demo cycle runs in a terminal, `bot report` makes its site, and Chromium opens it.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.chromium import Watch, chromium, without_browser
from tests.browser.pages import PHONE, opened
from tests.browser.terminal import Terminal

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
BOT = (sys.executable, "-m", "bot.cli")
MOST_BYTES = 200_000
FOCUS = "message-routing"
CITED = "#why-2 a.cite >> nth=0"
HELD = "tests/unit/test_readiness_subscriber.py"


def main(folder: Path) -> None:
    """Make all of them.

    Raises SystemExit where there is no browser, FileExistsError where somebody else makes them, AssertionError where
    one is too large for a README.
    """
    why = without_browser()
    if why:
        raise SystemExit(why)
    folder.mkdir(parents=True, exist_ok=True)
    # Always the same place, for it stands in the pictures.
    place = Path(tempfile.gettempdir()) / "whybot-demo"
    place.mkdir()
    try:
        _terminals(place, folder)
        _pages(place / "site", folder)
    finally:
        shutil.rmtree(place)
    for path in sorted(folder.iterdir()):
        size = path.stat().st_size
        sys.stdout.write(f"{path.name}  {size:,} bytes\n")
        assert size < MOST_BYTES, path.name


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "HOME": os.environ.get("HOME", "/")}


def _terminals(place: Path, folder: Path) -> None:
    env = _environment()
    with Terminal((*BOT, "cycle", "--focus", FOCUS, "--demo"), place, env) as cycle:
        cycle.until(r"ok  fix\b")
        with Terminal((*BOT, "status"), place, env) as status:
            status.until(r" 7 +prove +[1-9]")
            _write(folder / "status.svg", status.svg("bot status, while a cycle runs"))
        cycle.until()
    # The model's first attempt at the tests, which the cycle held back.
    (attempt,) = place.glob(f".bot/*/*/cycle-01/tests/attempt-1/{HELD}")
    service = place / ".bot/demo/message-router"
    shutil.copyfile(attempt, service / HELD)
    with Terminal((*BOT, "audit", HELD), service, env) as audit:
        audit.until()
        _write(folder / "audit.svg", audit.svg(f"bot audit {HELD}", first=20, last=12))
    with Terminal((*BOT, "report", "--out", "site"), place, env) as report:
        report.until()


def _pages(site: Path, folder: Path) -> None:
    (cycle,) = site.glob("*/*/cycle-01.html")
    with chromium() as browser:
        page, watch = opened(browser, site.as_uri(), size=(1280, 860))
        page.goto(cycle.as_uri())
        _to(page, "#why")
        page.locator(CITED).click()
        _shot(page, watch, folder / "site-light.png")
        page, watch = opened(browser, site.as_uri(), size=(1280, 700), color_scheme="dark")
        page.goto(cycle.as_uri())
        _to(page, "#when")
        _shot(page, watch, folder / "site-dark.png")
        page, watch = opened(browser, site.as_uri(), size=PHONE, is_mobile=True, has_touch=True)
        page.goto(cycle.as_uri())
        _to(page, "#why-2")
        page.locator(CITED).evaluate("one => one.click()")    # a tap would leave its mark for a moment
        _shot(page, watch, folder / "site-phone.png")


def _to(page: Page, place: str) -> None:
    page.locator(place).evaluate("one => one.scrollIntoView()")


def _shot(page: Page, watch: Watch, path: Path) -> None:
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.screenshot(path=path, animations="disabled")
    assert watch.take() == []
    page.context.close()


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures")
