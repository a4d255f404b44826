"""Claude in a test: the real SDK of each provider against the local Messages server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.claude_setting import MODULES, Serve, serving


@pytest.fixture(params=MODULES)
def serve(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Serve]:
    """Each provider."""
    with serving(request.param, monkeypatch, tmp_path) as start:
        yield start


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Serve]:
    """Anthropic's own API, where it makes no difference which."""
    with serving("claude", monkeypatch, tmp_path) as start:
        yield start
