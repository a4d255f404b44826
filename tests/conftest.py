"""What all tests share: which of them this machine can run, and why not the others."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Generator
from functools import cache
from pathlib import Path

import pytest

# Whoever starts the tests in the background of a shell without job control has them ignore Ctrl-C, and with them every
# process that they start, of which some test just that.
signal.signal(signal.SIGINT, signal.default_int_handler)

REQUIRED = frozenset(os.environ.get("WHYBOT_TESTS_REQUIRE", "").split())
"""Parts that must be there: their tests are then never skipped, so that a missing part fails the run."""

collect_ignore = ["audit_corpus"]
"""Tests that are judged, not run: half of them are meant to be wrong."""


@cache
def without_bubblewrap() -> str:
    """Why bubblewrap cannot be used here; empty when it can."""
    path = shutil.which("bwrap")
    if path is None:
        return "bubblewrap is not installed (Debian: apt install bubblewrap)"
    tried = subprocess.run(
        [path, "--unshare-all", "--ro-bind", "/", "/", "true"], capture_output=True, text=True, check=False, timeout=20
    )
    return "" if tried.returncode == 0 else f"bubblewrap does not work here: {tried.stderr.strip()[:200]}"


SARIF_SCHEMA = Path(os.environ.get("WHYBOT_SARIF_SCHEMA", ".ci/sarif/package/lib/schemas/sarif-2.1.0-rtm.5.json"))
"""The official schema of SARIF 2.1.0, which `.ci/run` fetches."""


def without_sarif_schema() -> str:
    """Why no SARIF can be held against its schema here; empty when it can."""
    there = SARIF_SCHEMA.is_file()
    return "" if there else "no schema of SARIF 2.1.0: .ci/run fetches it, WHYBOT_SARIF_SCHEMA names it"


def without_description() -> str:
    """Why no traffic with the local GitHub can be held against GitHub's description; empty when it can."""
    from tests.fakes.github.openapi import without_description as why

    return why()


def without_emulate() -> str:
    """Why the second opinion on GitHub cannot be asked here; empty when it can."""
    from tests.fakes.emulate import without_emulate as why

    return why()


def without_browser() -> str:
    """Why no page can be opened here; empty when one can."""
    from tests.browser.chromium import without_browser as why

    return why()


def without_key() -> str:
    """Why live tests do not run; empty when they do."""
    return "" if os.environ.get("WHYBOT_TESTS_LIVE") == "1" else "needs keys; WHYBOT_TESTS_LIVE=1 runs it"


PARTS = {
    "bubblewrap": without_bubblewrap, "sarif": without_sarif_schema, "openapi": without_description,
    "emulate": without_emulate, "browser": without_browser,
}
"""Parts that some tests need, by the marker of those tests, and why they are not here."""


def pytest_configure(config: pytest.Config) -> None:
    for name, reason in PARTS.items():
        if name in REQUIRED and reason():
            raise pytest.UsageError(f"WHYBOT_TESTS_REQUIRE names {name}, but {reason()}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and any(item.get_closest_marker(name) for name in REQUIRED):
        report.outcome = "failed"
        report.longrepr = f"It must run here (WHYBOT_TESTS_REQUIRE), but was skipped: {report.longrepr}"
    return report


LONGEST = "test_killed_at_every_write"
"""It takes minutes: begun last, one worker would have it alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.name.startswith(LONGEST))
    for item in items:
        for marker, reason in {**PARTS, "live": without_key}.items():
            if item.get_closest_marker(marker) and marker not in REQUIRED and reason():
                item.add_marker(pytest.mark.skip(reason=reason()))
