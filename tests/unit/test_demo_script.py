"""The demo's committed files fit together: script, service and captured log."""

from __future__ import annotations

import ast
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import demo
from bot.adapters.scripted_model import ScriptedModel
from bot.config import PRESETS
from bot.demo.repository import HEAD_SHA, HISTORY
from bot.domain.asking import Message, ModelReply, ModelRequest, Tool
from bot.domain.evidence import Support
from bot.domain.plan import TestPlan
from bot.domain.proposals import ProposedFix, ProposedTests, ProposedWhys
from bot.evidence.code import CodeAt
from bot.evidence.ground import Ground
from bot.evidence.pack import build_pack
from bot.evidence.shown import show
from bot.evidence.whys import check_whys
from bot.logs.entries import entry_from_json
from bot.logs.ranking import rank
from bot.logs.redact import redact
from bot.model.tools.investigator import Investigator
from tests.fakes.log_lines import analysed

FILES = tuple(sorted(path for commit in HISTORY for path in commit.adds))


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return gzip.decompress(demo.logs_path().read_bytes()).splitlines()


@pytest.fixture(scope="module")
def entries(lines: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


def reply(step: str, attempt: int, *messages: Message, tools: tuple[Tool, ...] = ()) -> ModelReply:
    request = ModelRequest(
        step=step, attempt=attempt, model="script", system="", messages=messages, answer="x", answer_schema={},
        most_tokens=1_000, tools=tools,
    )
    return ScriptedModel(demo.script_path()).ask(request)


def answer(step: str, attempt: int, prompt: str = "") -> str:
    return reply(step, attempt, Message(role="user", text=prompt)).text


def service_file(path: str) -> str:
    return (demo.service_path() / path).read_text()


def test_the_service_s_folder_holds_what_its_history_adds_and_nothing_else() -> None:
    def there() -> Iterator[str]:
        for path in demo.service_path().rglob("*"):
            relative = path.relative_to(demo.service_path())
            if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in relative.parts):
                yield relative.as_posix()

    assert sorted(there()) == list(FILES)


def test_the_target_is_run_by_this_interpreter_and_may_change_its_code_only() -> None:
    target = demo.target_config()

    assert Path(target.python).is_file()
    assert target.code == ("router/**",)
    assert all((demo.service_path() / folder).is_dir() for folder in (*target.tests, *target.suite))


def test_the_log_is_a_good_deal_of_traffic_at_the_repository_s_head(entries: list[dict[str, Any]]) -> None:
    assert 1_500 <= len(entries) <= 4_000
    assert demo.logs_path().stat().st_size < 1_000_000
    assert {entry["labels"]["commit-sha"] for entry in entries} == {HEAD_SHA}
    assert len({entry["labels"]["instanceId"] for entry in entries}) >= 15
    assert len({entry["resource"]["labels"]["revision_name"] for entry in entries}) == 2
    assert {entry["logName"].rpartition("%2F")[2] for entry in entries} == {"stdout", "stderr", "requests"}
    assert any("severity" not in entry for entry in entries)
    assert len({entry["insertId"] for entry in entries}) == len(entries)


def test_the_log_says_nothing_of_the_machine_it_was_made_on(lines: list[bytes]) -> None:
    text = b"\n".join(lines).decode()

    assert set(re.findall(r'File \\"(/[^/]+/[^/]+)', text)) <= {"/app/router", "/usr/local"}
    assert not re.search(r"/(tmp|home|root|Users|var)/", text)


def test_the_log_holds_the_incident_and_smaller_problems_beside_it(lines: list[bytes]) -> None:
    analysis = analysed(map(entry_from_json, lines), PRESETS["message-routing"])
    selection = rank(analysis.incidents, {})

    assert selection.winner is not None
    won = selection.winner.incident
    assert won.root.type.endswith("SubscriberNotRunning")
    assert "add_route" in won.root.location
    assert {group.title for group in won.groups} > {"closing the client with 1011"}
    assert won.commits == (HEAD_SHA,)
    assert len(won.revisions) == 2
    others = [ranked.incident for ranked in selection.runners_up]
    assert len(others) >= 3
    assert all(len(other.instances) < len(won.instances) for other in others)
    titles = " ".join(group.title for group in analysis.groups)
    for problem in ("slow consumer", "heartbeat timeout", "JSONDecodeError", "BROKER_ADDR is deprecated", "404"):
        assert problem in titles


def test_every_why_of_the_script_is_cited(lines: list[bytes]) -> None:
    analysis = analysed(map(entry_from_json, lines), PRESETS["message-routing"])
    winner = rank(analysis.incidents, {}).winner
    assert winner is not None
    incident = winner.incident
    members = analysis.entries_of(incident)
    seen = (*members, *analysis.context_of(members, 40))
    code = CodeAt(HEAD_SHA, service_file, FILES, lambda text: text)
    pack = build_pack(incident, analysis.entries_of(incident), seen, code, ("router/**",), 20_000)
    question = Message(role="user", text=show(pack))
    toolbox = Investigator(code, None, seen, incident.groups, pack, redact)
    looks = reply("five_whys", 1, question, tools=toolbox.tools)
    assert {call.name for call in looks.calls} == {"read_code", "git_log", "search_code"}
    results = tuple(toolbox.call(call) for call in looks.calls)
    assert [result.refused for result in results] == [False, True, False]  # no repository is at hand here
    told = (Message(role="assistant", calls=looks.calls), Message(role="user", results=results))
    proposed = ProposedWhys.model_validate_json(reply("five_whys", 1, question, *told, tools=toolbox.tools).text)

    checked = check_whys(proposed, Ground(incident, pack, seen, code, ("router/**",), ("tests",)))

    assert checked.failures == ()
    assert len(checked.result.whys) >= 4
    assert checked.result.root_cause is not None
    assert checked.result.root_cause.support is Support.CITED
    assert [suspect.key for suspect in checked.result.root_cause.suspects] == [
        "router/readiness.py::ReadinessValidator.validate", "router/broker.py::BrokerConnection.connect",
    ]
    assert checked.result.root_cause.not_caught
    assert checked.result.ruled_out
    assert any(why.ruled_out for why in checked.result.whys)
    assert all(item.support is Support.CITED for why in checked.result.whys for item in why.ruled_out)
    assert all(item.support is Support.CITED for item in checked.result.ruled_out)


def functions(source: str) -> list[str]:
    return [
        node.name for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]


def test_the_second_attempt_has_the_planned_tests_and_the_first_ten_others() -> None:
    plan = TestPlan.model_validate_json(answer("plan", 1))
    first = ProposedTests.model_validate_json(answer("write_tests", 1))
    second = ProposedTests.model_validate_json(answer("write_tests", 2))

    assert {(file.path, name) for file in second.files for name in functions(file.content)} == {
        (test.path, test.name) for test in plan.tests
    }
    assert len(first.files) == 1
    assert len(functions(first.files[0].content)) == 10
    assert not {file.path for file in second.files} & set(FILES)
    for test in plan.tests:
        assert test.expectation.reaches.function.rpartition(".")[2] in service_file(test.expectation.reaches.path)


def test_every_edit_of_the_fix_has_one_place() -> None:
    fix = ProposedFix.model_validate_json(answer("fix", 1))
    changed = {edit.path: service_file(edit.path) for edit in fix.edits}

    for edit in fix.edits:
        assert changed[edit.path].count(edit.find) == 1
        changed[edit.path] = changed[edit.path].replace(edit.find, edit.replace)

    assert not any("sleep" in edit.replace or "TIMEOUT" in edit.replace for edit in fix.edits)
    for text in changed.values():
        ast.parse(text)
