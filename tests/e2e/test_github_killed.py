"""Killed between any two requests to GitHub and begun again: nothing twice, nothing lost."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.command import ROOT
from tests.e2e.github_cycle import APP, TOKEN, everything, live, served
from tests.once import once

_IDS = re.compile(r"\b1[0-9]{6}\b")
_WRITES = re.compile(r"before (POST|PATCH|PUT|DELETE) /repos/|before git push")


class Drive:
    """A whole cycle of processes; what is on GitHub in the end, what the record says, and the points."""

    def __init__(self, made: Path, folder: Path, kills: int) -> None:
        folder.mkdir()
        state, ledger = folder / "state", folder / "ledger"
        with served(folder, {TOKEN: APP}) as hub:
            done = subprocess.run(
                [sys.executable, "-m", "tests.engine.github_driver", str(made), str(state), str(ledger), hub.url,
                 str(kills)],
                cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
            )
            assert done.returncode == 0, done.stderr[-3000:]
            self.github = everything(hub)
            (path,) = state.glob("*/*/cycle-*/record.json")
            record = _IDS.sub("ID", path.read_text().replace(hub.url, "URL").replace(str(state), "STATE"))
        self.points = ledger.read_text().splitlines()
        self.record = _without(json.loads(record)["record"])
        self.documents = {name: (path.parent / name).read_text() for name in ("status.md", "proof.md")}


def _without(value: object) -> object:
    """A record without what a kill may change: how often it was saved, and whether a thing was made or found again."""
    if isinstance(value, dict):
        return {key: _without(item) for key, item in value.items() if key not in {"version", "did"}}
    return [_without(item) for item in value] if isinstance(value, list) else value


@pytest.mark.slow
def test_killed_between_any_two_requests(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    made = once(tmp_path_factory, "live-on-github", live)
    undisturbed, killed = Drive(made, tmp_path / "undisturbed", 0), Drive(made, tmp_path / "killed", 1)
    assert set(undisturbed.points) <= set(killed.points), "each point was died at"
    # The issue, the comment and eight changes of it, the branch, the pull request, the check.
    assert len({point for point in undisturbed.points if _WRITES.search(point)}) == 13
    assert len(set(killed.points)) == len(killed.points)
    assert killed.github == undisturbed.github
    assert killed.record == undisturbed.record
    assert isinstance(killed.record, dict)
    assert (killed.record["status"], killed.record["end"]) == ("ended", "fix proposed")
    assert killed.documents.keys() == undisturbed.documents.keys()
    counts = {kind: len(killed.github[kind]) for kind in ("issues", "comments", "pulls", "checks")}  # type: ignore[arg-type]
    assert counts == {"issues": 2, "comments": 1, "pulls": 1, "checks": 1}
