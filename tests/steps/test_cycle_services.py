"""A service that bot.toml declares and that is not there, over a cycle: its tests are not begun, and it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.demo import logs_path, script_path
from bot.demo.repository import build_repository
from tests.e2e.command import bot, record_of
from tests.steps.test_own_suite import settings

ABSENT = "queue does not answer at 127.0.0.1:1"


@pytest.mark.slow
def test_tests_that_need_it_are_not_begun(tmp_path: Path) -> None:
    build_repository(tmp_path / "clone")
    settings(tmp_path, "[]")
    with (tmp_path / "bot.toml").open("a") as file:
        file.write('\n[service.queue]\naddress = "127.0.0.1:1"\ntests = ["tests/unit/**"]\n')
    said = bot("cycle", "--focus", "message-routing", "--logs", f"file:{logs_path()}", "--model",
               f"script:{script_path()}", "--sandbox", "process", cwd=tmp_path)
    assert f"tests are not begun: {ABSENT}" in said.everything
    steps: Any = record_of(tmp_path / ".bot")["steps"]
    audit = [step for step in steps if step["step"] == "audit"][-1]
    assert audit["said"].startswith("HOLD")
    assert ABSENT in audit["said"]
    outcomes = audit["result"]["report"]["outcomes"]
    assert [each["kind"] for each in outcomes if each["test"].startswith("tests/unit/")] == ["not_run", "not_run"]
    assert [each["kind"] for each in outcomes if each["test"].startswith("tests/integration/")] == ["as_predicted"]
