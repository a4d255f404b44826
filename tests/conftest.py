"""What all tests share: which of them this machine can run, and why not the others."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator
from functools import cache

import pytest

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


def without_key() -> str:
    """Why live tests do not run; empty when they do."""
    return "" if os.environ.get("WHYBOT_TESTS_LIVE") == "1" else "needs keys; WHYBOT_TESTS_LIVE=1 runs it"


def pytest_configure(config: pytest.Config) -> None:
    if "bubblewrap" in REQUIRED and without_bubblewrap():
        raise pytest.UsageError(f"WHYBOT_TESTS_REQUIRE names bubblewrap, but {without_bubblewrap()}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and any(item.get_closest_marker(name) for name in REQUIRED):
        report.outcome = "failed"
        report.longrepr = f"It must run here (WHYBOT_TESTS_REQUIRE), but was skipped: {report.longrepr}"
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker, reason in (("bubblewrap", without_bubblewrap), ("live", without_key)):
            if item.get_closest_marker(marker) and marker not in REQUIRED and reason():
                item.add_marker(pytest.mark.skip(reason=reason()))
