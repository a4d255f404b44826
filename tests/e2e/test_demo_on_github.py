"""The demo cycle with the GitHub forge, against a GitHub on this machine: real HTTP, real git push."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.repository import build_repository
from tests.e2e.command import bot, environment
from tests.fakes.github_api import GitHub, Token

TOKEN = "an-apps-token"


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHub]:
    hub = GitHub(tmp_path / "hub", "demo/message-router")
    hub.tokens[TOKEN] = Token("whybot-demo[bot]", 41, app="whybot-demo")
    build_repository(tmp_path / "clone")
    subprocess.run(["git", "push", "--quiet", str(hub.bare), "main"], cwd=tmp_path / "clone", check=True)
    yield hub
    hub.close()


@pytest.mark.slow
def test_a_cycle_on_github_and_nothing_new_when_it_runs_again(github: GitHub, tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text(f'[forge]\napi_url = "{github.url}"\n\n[proof]\nreruns = 1\nmutants = 0\n')
    env = environment(GITHUB_TOKEN=TOKEN)
    arguments = ("cycle", "--focus", "message-routing", "--demo", "--forge", "github")
    said = bot(*arguments, "--until", "audit", cwd=tmp_path, env=env)
    assert said.code == 0, said.everything
    assert (len(github.issues), len(github.comments), len(github.pulls)) == (1, 1, 0)
    said = bot("resume", cwd=tmp_path, env=env)
    assert said.code == 0, said.everything
    assert "ended: fix proposed" in said.everything
    (pull,) = github.pulls.values()
    (issue,) = [found for number, found in github.issues.items() if number not in github.pulls]
    assert (len(github.comments), len(github.checks)) == (1, 1)
    assert pull["draft"] is True
    assert f"Fixes #{issue['number']}" in pull["body"]
    assert TOKEN not in said.everything

    # The branch can be cloned, and its tests pass there.
    branch = pull["head"] if isinstance(pull["head"], str) else pull["head"]["ref"]
    clone = tmp_path / "fresh"
    subprocess.run(["git", "clone", "--quiet", "--branch", branch, str(github.bare), str(clone)], check=True)
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=clone,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "22 passed" in done.stdout

    for path in (tmp_path / ".bot").rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path
    assert bot("resume", cwd=tmp_path, env=env).code == 2
