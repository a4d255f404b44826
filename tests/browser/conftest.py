"""One browser for each worker, as long as it runs these tests."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import chromium
from tests.browser.drawing import Studio
from tests.browser.sites import Site, demo_state
from tests.e2e.test_recheck import demo_cycle
from tests.once import once
from tests.ten_cycles import STATE, made_once

if TYPE_CHECKING:
    from playwright.sync_api import Browser


# Not of the session: while it is open, an event loop runs in this thread, and no other test could run one.
@pytest.fixture(scope="package")
def browser() -> Generator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="package")
def studio(browser: Browser) -> Generator[Studio]:
    made = Studio(browser)
    yield made
    made.close()


@pytest.fixture(scope="package")
def cycle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the demo's cycle, shared with the tests of `bot recheck`."""
    return once(tmp_path_factory, "recheck", demo_cycle) / "copied"


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory, cycle: Path) -> Site:
    def make(folder: Path) -> None:
        demo_state(cycle, folder / "state")
        Site(folder / "state").made()

    return Site(once(tmp_path_factory, "site-of-the-demo", make) / "state")


@pytest.fixture(scope="package")
def ten(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Ten cycles that ended in different ways, and two runs beside them."""
    state = made_once(tmp_path_factory) / STATE

    def make(folder: Path) -> None:
        Site(state, folder / "site").made()

    return Site(state, once(tmp_path_factory, "site-of-ten", make) / "site")
