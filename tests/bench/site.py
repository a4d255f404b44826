"""How fast the site's pages open: a run of ten cycles with 10,000 log entries each, against an empty page.

Both from `file://`, in the same browser; the time is from the start of the navigation to the end of the load event,
and to the first paint.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tests.browser.chromium import chromium, without_browser
from tests.browser.pages import opened
from tests.browser.sites import Site, long_state

if TYPE_CHECKING:
    from playwright.sync_api import Page

CYCLES, ENTRIES = 10, 10_000
ROUNDS = 7
_TIMES = """() => {
  const [opened] = performance.getEntriesByType('navigation');
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  return [opened.loadEventEnd, paint ? paint.startTime : 0];
}"""


@dataclass(frozen=True)
class Opened:
    """The median of some rounds: milliseconds to the end of the load event, and to the first paint."""

    load: float
    paint: float


def rows(cycle: Path, folder: Path) -> Iterator[tuple[str, str, str, float, str]]:
    """What, ours, against, ratio and how to read it. `cycle` is the folder of a finished cycle of the demo."""
    if without_browser():
        return
    long_state(cycle, folder / "state", CYCLES, ENTRIES)
    site = Site(folder / "state")
    start = time.perf_counter()
    site.made()
    made = time.perf_counter() - start
    logs = [path.read_bytes() for path in (folder / "state").rglob("*.ndjson")]
    start, decode = time.perf_counter(), msgspec.json.Decoder().decode
    for log in logs:
        for line in log.splitlines():
            decode(line)
    floor = time.perf_counter() - start
    yield (f"bot report, {CYCLES} cycles, {CYCLES * ENTRIES:,} entries", f"{made:.1f} s",
           f"msgspec decoding the logs, {floor:.2f} s", floor / made, "share of the floor")
    empty = folder / "empty.html"
    empty.write_text("<!DOCTYPE html><html lang='en'><title>empty</title><p>empty</p></html>")
    with chromium() as browser:
        page, _ = opened(browser, folder.as_uri())
        least = _times(page, empty)
        for name in (site.pages[0], next(one for one in site.pages if one.endswith("cycle-05.html"))):
            ours = _times(page, site.folder / name)
            size = (site.folder / name).stat().st_size
            yield (f"opening {Path(name).name} of it, {size / 1000:,.0f} kB",
                   f"{ours.load:.0f} ms to loaded, {ours.paint:.0f} ms to painted",
                   f"an empty page, {least.load:.0f} and {least.paint:.0f} ms", ours.load / least.load,
                   "times the peer")


def _times(page: Page, path: Path) -> Opened:
    found = []
    for _ in range(ROUNDS):
        page.goto("about:blank")
        page.goto(path.as_uri(), wait_until="load")
        page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length > 0")
        found.append(page.evaluate(_TIMES))
    loads, paints = zip(*found, strict=True)
    return Opened(sorted(loads)[ROUNDS // 2], sorted(paints)[ROUNDS // 2])
