"""A local GitHub with one commit, and a clone of it. Both are copied, since git takes its time to make them."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.fake_github.client import TOKENS, Client
from tests.fakes.github_api import GitHub
from tests.fakes.instant_clock import InstantClock
from tests.fakes.repositories import git, make_repository


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clone that others are copies of."""
    folder = tmp_path_factory.mktemp("original")
    make_repository(folder / "clone", {"app.py": b"1\n", "docs/a.md": b"a\n"})
    git(folder, "clone", "--quiet", "--bare", "--template=", str(folder / "clone"), str(folder / "bare"))
    return folder


@pytest.fixture
def clone(original: Path, tmp_path: Path) -> Path:
    """A clone of one's own."""
    return Path(shutil.copytree(original / "clone", tmp_path / "clone"))


@pytest.fixture
def clock() -> InstantClock:
    """The time on the server."""
    return InstantClock()


@pytest.fixture
def hub(original: Path, tmp_path: Path, clock: InstantClock) -> Iterator[GitHub]:
    """The server. Leaving it fails when anything was not as GitHub describes it."""
    server = GitHub(tmp_path / "hub", clock=clock)
    server.tokens |= TOKENS
    for part in ("objects", "refs", "packed-refs"):
        source = original / "bare" / part
        if source.is_dir():
            shutil.copytree(source, server.bare / part, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy(source, server.bare / part)
    yield server
    server.close()
    gc.collect()


@pytest.fixture
def api(hub: GitHub) -> Iterator[Client]:
    """A client of it."""
    client = Client(hub)
    yield client
    client.session.close()
