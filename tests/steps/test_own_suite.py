"""The service's own suite over a whole cycle: one that is not there, and none."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.demo import PYTEST_ARGS, SERVICE, logs_path, script_path
from bot.demo.repository import build_repository
from tests.e2e.command import bot, record_of


def settings(tmp_path: Path, suite: str) -> None:
    (tmp_path / "bot.toml").write_text(
        '[repository]\nname = "acme/harbour"\npath = "clone"\n\n[proof]\nreruns = 1\nmutants = 0\n\n'
        f"[target.{SERVICE}]\n"
        f'python = "{sys.executable}"\ncode = ["router/**"]\ntests = ["tests/unit", "tests/integration"]\n'
        f"pytest_args = {json.dumps(PYTEST_ARGS)}\nsuite = {suite}\n"
    )


def result_of(tmp_path: Path, step: str) -> dict[str, Any]:
    steps: Any = record_of(tmp_path / ".bot")["steps"]
    found: dict[str, Any] = [each["result"] for each in steps if each["step"] == step][-1]
    return found


@pytest.mark.slow
def test_a_suite_that_is_not_there_is_no_suite_and_none_is_said(tmp_path: Path) -> None:
    build_repository(tmp_path / "clone")
    settings(tmp_path, '["nowhere"]')
    said = bot("cycle", "--focus", "message-routing", "--logs", f"file:{logs_path()}", "--model",
               f"script:{script_path()}", "--sandbox", "process", cwd=tmp_path)
    assert said.code == 11, said.everything
    assert "own suite could not be run (pytest ended with exit code 4)" in said.everything
    assert "`suite = []` says that there is none" in said.everything

    settings(tmp_path, "[]")
    said = bot("resume", cwd=tmp_path)
    assert said.code == 0, said.everything
    assert "proven: 3 of 3 runs hold" in said.everything
    runs = result_of(tmp_path, "prove")["proof"]["runs"]
    assert [(run["holds"], run["result"]["ran"]) for run in runs if run["suite"] == "own"] == [(False, False)]
    assert "the service has no suite of its own" in json.dumps([run for run in runs if run["suite"] == "own"])


@pytest.mark.slow
def test_the_totals_of_the_own_suite_compare(tmp_path: Path) -> None:
    build_repository(tmp_path / "clone")
    settings(tmp_path, '["tests"]')
    said = bot("cycle", "--focus", "message-routing", "--logs", f"file:{logs_path()}", "--model",
               f"script:{script_path()}", "--sandbox", "process", cwd=tmp_path)
    assert said.code == 0, said.everything
    before = result_of(tmp_path, "run_tests")["own"]
    runs = result_of(tmp_path, "prove")["proof"]["runs"]
    after = [run["result"] for run in runs if (run["suite"], run["role"]) == ("own", "fix")][-1]
    names = [[outcome["test"] for outcome in each["outcomes"]] for each in (before, after)]
    assert names[0] == names[1]
    assert names[0]
    assert "--ignore=tests/unit/test_readiness_subscriber.py" in after["command"]
    assert before["doubts"] == after["doubts"] == []
