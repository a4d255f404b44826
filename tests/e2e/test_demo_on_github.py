"""The demo cycle with the GitHub forge, against a GitHub on this machine: real HTTP, real git push."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.domain.effects import markers_in
from tests.e2e.github_cycle import TOKEN, Seen, live, seen_in
from tests.once import once

pytestmark = pytest.mark.slow

_DONE = re.compile(r"^- \[x\] ", re.MULTILINE)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "live-on-github", live)


@pytest.fixture(scope="module")
def seen(made: Path) -> Seen:
    return seen_in(made)


def counts(github: dict[str, Any]) -> tuple[int, ...]:
    return tuple(len(github[kind]) for kind in ("issues", "comments", "pulls", "checks", "branches"))


def test_a_cycle_up_to_its_audit_has_an_issue_and_one_comment(seen: Seen) -> None:
    assert seen.audited.code == 0, seen.audited.said
    # Branches: main.
    assert counts(seen.audited.github) == (1, 1, 0, 0, 1)


def test_a_whole_cycle(seen: Seen) -> None:
    assert seen.ended.code == 0, seen.ended.said
    assert "ended: fix proposed" in seen.ended.said
    github: Any = seen.ended.github
    assert counts(github) == (2, 1, 1, 1, 2)
    title, body, state, _, labels = github["issues"]["1"]
    assert "SubscriberNotRunning" in title
    assert {"issue"} == {key.split()[0] for key in markers_in(body)}
    assert (state, labels) == ("open", ["P1", "whybot"])
    (draft, _), pull = github["pulls"]["2"], github["issues"]["2"]
    assert draft is True
    assert "Fixes #1" in pull[1].splitlines()
    assert "proven" in pull[1]
    ((name, head, _, conclusion, output),) = github["checks"]
    assert (name, conclusion) == ("whybot proof", "success")
    assert any(line.endswith(head) and seen.branch in line for line in github["branches"])
    assert "4 of 4 runs hold" in output
    for step in (seen.audited, seen.ended, seen.again):
        assert TOKEN not in step.said


def test_the_status_comment_moves_along(seen: Seen) -> None:
    """One comment, whose list of steps grows with each; it says that the cycle paused, and in the end how it ended."""
    writes = [request for request in seen.requests if "/comments" in request]
    assert len(set(seen.moving)) == len(seen.moving) == len(writes) == 10
    assert ["cycle 1: paused" in body for body in seen.moving] == [number == 5 for number in range(10)]
    done = [len(_DONE.findall(body)) for body in seen.moving]
    assert done == sorted(done), done
    assert done[0] < done[-1]
    assert {frozenset(markers_in(body)) for body in seen.moving} == {frozenset(markers_in(seen.moving[0]))}
    assert [request for request in writes if request.startswith("POST")] == [
        "POST /repos/demo/message-router/issues/1/comments"]
    assert "#2" in seen.moving[-1]
    assert "fix proposed" in seen.moving[-1]
    assert not any("fix proposed" in body for body in seen.moving[:-1])


def test_run_again_there_is_nothing_new(seen: Seen) -> None:
    assert seen.resumed.code == 2
    assert seen.resumed.github == seen.ended.github
    # A demo knows nothing of earlier runs, so it takes the incident up again: the same issue, and its own comment.
    assert seen.again.code == 0, seen.again.said
    assert counts(seen.again.github) == (2, 2, 1, 1, 2)
    before: Any = seen.ended.github
    after: Any = seen.again.github
    assert after["comments"][0] == before["comments"][0]
    assert (after["issues"]["2"], after["checks"], after["pulls"]) == (
        before["issues"]["2"], before["checks"], before["pulls"])


def test_a_clone_of_the_branch_passes(made: Path, seen: Seen, tmp_path: Path) -> None:
    bare, clone = made / "hub/demo/message-router.git", tmp_path / "fresh"
    subprocess.run(["git", "clone", "--quiet", "--branch", seen.branch, str(bare), str(clone)], check=True)
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=clone,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "22 passed" in done.stdout


def test_the_token_is_written_nowhere(made: Path) -> None:
    for path in (made / ".bot").rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path
