"""The fix step over a whole cycle: tools, what a rejected attempt is told, and the end after the third."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bot.demo import logs_path, script_path
from bot.demo.repository import build_repository
from tests.e2e.command import bot, record_of
from tests.steps.test_own_suite import settings

SUMMARY = "Readiness looked at the connection alone."
WAIT = "                await self._broker.connected.wait()\n"
REPORT = "        return ReadinessReport(not failed, failed, time.monotonic() - started)"
ATTEMPTS = (
    ("constant-condition", "router/readiness.py", REPORT, REPORT.replace("not failed,", "not failed or True,")),
    ("swallowed-exception", "router/readiness.py", WAIT,
     f"                with contextlib.suppress(Exception):\n    {WAIT}"),
    ("only-timing", "router/readiness.py", "LOCAL_TIMEOUT_SECONDS = 10.0", "LOCAL_TIMEOUT_SECONDS = 30.0"),
)
LOOK = {"$call": [{"name": "read_code", "input": {"path": "router/readiness.py", "first_line": 1, "last_line": 20}}]}


@pytest.mark.slow
def test_the_third_rejection_ends_the_cycle_and_all_is_kept(tmp_path: Path) -> None:
    build_repository(tmp_path / "clone")
    settings(tmp_path, "[]")
    script = tmp_path / "script"
    shutil.copytree(script_path(), script)
    for number, (_, path, find, replace) in enumerate(ATTEMPTS, 1):
        answer = {"summary": SUMMARY, "edits": [{"path": path, "find": find, "replace": replace}]}
        (script / f"fix.{number}.json").write_text(json.dumps(answer))
    # The first attempt looks around before it answers.
    shutil.move(script / "fix.1.json", script / "fix.1.2.json")
    (script / "fix.1.json").write_text(json.dumps(LOOK))

    said = bot("cycle", "--focus", "message-routing", "--logs", f"file:{logs_path()}", "--model", f"script:{script}",
               "--sandbox", "process", cwd=tmp_path)
    assert said.code == 1, said.everything
    record: Any = record_of(tmp_path / ".bot")
    assert (record["status"], record["end"]) == ("ended", "fix rejected")
    steps = [step for step in record["steps"] if step["step"] == "fix"]
    assert [(step["attempt"], step["decision"]) for step in steps] == [(1, "hold"), (2, "hold"), (3, "hold")]
    assert [[item["rule"] for item in step["result"]["findings"] if item["hard"]] for step in steps] \
        == [[rule] for rule, *_ in ATTEMPTS]
    assert not [step for step in record["steps"] if step["step"] in {"prove", "commit"}]
    looked = steps[0]["result"]["investigation"]
    assert [item["tool"] for item in looked["lookups"]] == ["read_code"]
    assert not looked["lookups"][0]["refused"]

    (folder,) = (tmp_path / ".bot").glob("*/*/cycle-*")
    kept = [(folder / f"fix/attempt-{number}.patch").read_text() for number in (1, 2, 3)]
    for text, (_, _, find, replace) in zip(kept, ATTEMPTS, strict=True):
        assert f"\n-{find.splitlines()[0]}" in text or f"\n+{replace.splitlines()[0]}" in text
    assert list(folder.glob("tests/attempt-*/tests/unit/test_*.py"))
    asked = [json.loads(path.read_text())["request"] for path in (folder / "exchanges").glob("*.json")]
    prompts = {one["attempt"]: one["messages"][0]["text"] for one in asked if one["step"] == "fix"}
    assert sorted(prompts) == [1, 2, 3]
    assert "was rejected" not in prompts[1]
    for number in (2, 3):
        rule, *_ = ATTEMPTS[number - 2]
        assert f"[{rule}]" in prompts[number]
        assert kept[number - 2].splitlines()[-2] in prompts[number]
    assert all(one["tools"] for one in asked if one["step"] == "fix")

    said = bot("recheck", str(folder), cwd=tmp_path)
    assert said.code == 0, said.everything
