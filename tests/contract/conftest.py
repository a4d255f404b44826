"""Claude and forges in a test: the real SDKs against local servers that speak their protocols."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.github_forge import GitHubForge
from bot.adapters.github_tokens import Tokens
from bot.adapters.local_forge import LocalForge
from bot.ports import FileChange, Forge
from tests.contract.claude_setting import MODULES, Serve, serving
from tests.contract.forge_setting import FORGES, SECRET, TOKENS, WHEN, Bench
from tests.fakes.github_api import GitHub
from tests.fakes.instant_clock import InstantClock
from tests.fakes.repositories import make_repository

if TYPE_CHECKING:
    from github.Requester import Requester


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


@pytest.fixture(scope="session")
def first_commit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with one commit, made once and copied."""
    path = tmp_path_factory.mktemp("template") / "clone"
    make_repository(path, {"app.py": b"1\n"})
    return path


@pytest.fixture
def workspace(tmp_path: Path, first_commit: Path) -> GitWorkspace:
    """A clone with one commit."""
    shutil.copytree(first_commit, tmp_path / "clone")
    return GitWorkspace(tmp_path / "clone")


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close every connection to a GitHub in the end, sooner than the garbage collector would."""
    from bot.adapters import github_connection

    opened: list[Requester] = []
    connect = github_connection.connect

    def noted(url: str, tokens: Tokens, timeout: int) -> Requester:
        opened.append(connect(url, tokens, timeout))
        return opened[-1]

    monkeypatch.setattr(github_connection, "connect", noted)
    yield
    for requester in opened:
        requester.close()


@pytest.fixture
def github(tmp_path: Path, first_commit: Path, connections: None) -> Iterator[GitHub]:
    """A GitHub with the clone's commit."""
    server = GitHub(tmp_path / "server")
    shutil.copytree(first_commit / ".git/objects", server.bare / "objects", dirs_exist_ok=True)
    shutil.copytree(first_commit / ".git/refs/heads", server.bare / "refs/heads", dirs_exist_ok=True)
    yield server
    server.close()


@pytest.fixture
def clock(connections: None) -> InstantClock:
    """A clock that waits without waiting, for whatever speaks to a GitHub."""
    return InstantClock()


@pytest.fixture(params=FORGES)
def bench(request: pytest.FixtureRequest, tmp_path: Path, workspace: GitWorkspace) -> Bench:
    """Each forge."""
    github: GitHub | None = None
    if request.param != "folder":
        github = request.getfixturevalue("github")
        github.tokens[SECRET] = TOKENS[request.param]

    def make() -> Forge:
        if github is None:
            return LocalForge(tmp_path / "forge", workspace)
        return GitHubForge(
            "acme/shop", SECRET, github.url, workspace, InstantClock(), ci_on_unreviewed_code=True
        )

    base = workspace.resolve("HEAD")
    assert base is not None
    commit = workspace.commit(base, (FileChange(path="fix.py", content=b"1"),), "Fix", WHEN)
    return Bench(request.param, make(), workspace, base, commit, make, tmp_path / "forge", github)
