"""The Model port: one suite over the scripted model and over Claude, by each provider, against the local server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.adapters import MODELS
from bot.adapters.scripted_model import ScriptedModel
from bot.adapters.scripted_model import open_model as open_script
from bot.adapters.surroundings import Surroundings
from bot.domain.asking import StopReason
from bot.domain.config import BotConfig
from bot.domain.errors import ModelProblem, UsageProblem
from bot.domain.evidence import EvidenceItem, EvidencePack
from bot.domain.plan import TestPlan
from bot.domain.proposals import ProposedFix, ProposedTests, ProposedWhys
from bot.evidence.shown import show
from bot.ports import Model
from tests.contract.claude_setting import MODULES, OPUS, HandClock, opened, request, serving
from tests.fakes.messages_api import Planned, error, message


@dataclass(frozen=True)
class Subject:
    """A model that answers `text` to step five_whys, attempt 1, and has nothing for attempt 9."""

    model: Model
    scripted: bool


TEXT = json.dumps({"whys": [], "note": "déjà vu"}, ensure_ascii=False)


@pytest.fixture(params=["scripted", *MODULES])
def subject(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Subject]:
    if request.param == "scripted":
        (tmp_path / "five_whys.1.json").write_text(TEXT, encoding="utf-8")
        yield Subject(ScriptedModel(tmp_path), scripted=True)
        return

    def plan(number: int, body: dict[str, object]) -> Planned:
        if "attempt nine" in json.dumps(body):
            return error(400, "invalid_request_error", "no such thing")
        return message(TEXT, used={"input_tokens": 1000, "output_tokens": 200})

    with serving(request.param, monkeypatch, tmp_path) as serve:
        model, _, _ = serve(plan=plan)
        yield Subject(model, scripted=False)


class TestEveryModel:
    def test_has_a_name_and_says_whether_it_is_scripted(self, subject: Subject) -> None:
        assert subject.model.name
        assert subject.model.scripted is subject.scripted
        assert subject.model.name.startswith("script:") is subject.scripted

    def test_answers_with_text_a_stop_and_usage(self, subject: Subject) -> None:
        reply = subject.model.ask(request())
        assert json.loads(reply.text) == json.loads(TEXT)
        assert reply.stop is StopReason.END
        assert reply.usage.input_tokens > 0
        assert reply.usage.output_tokens > 0
        assert reply.usage.cost_usd is not None
        assert (reply.usage.cost_usd == 0) is subject.scripted

    def test_gives_the_same_reply_again(self, subject: Subject) -> None:
        assert subject.model.ask(request()) == subject.model.ask(request())

    def test_takes_a_conversation(self, subject: Subject) -> None:
        assert json.loads(subject.model.ask(request(turns=3)).text) == json.loads(TEXT)

    @pytest.mark.parametrize("answer", [ProposedWhys, TestPlan, ProposedTests, ProposedFix])
    def test_takes_every_answer_type(self, subject: Subject, answer: type) -> None:
        assert subject.model.ask(request(answer=answer)).text

    def test_names_what_it_cannot_answer(self, subject: Subject) -> None:
        with pytest.raises(ModelProblem) as caught:
            subject.model.ask(request(attempt=9, prompt="attempt nine"))
        assert caught.value.what
        assert caught.value.remedy


class TestScripted:
    def test_later_attempts_and_tries_have_files_of_their_own(self, tmp_path: Path) -> None:
        for name in ("plan.1", "plan.1.2", "plan.2"):
            (tmp_path / f"{name}.json").write_text(json.dumps({"from": name}))
        model = ScriptedModel(tmp_path)
        asked = [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
        replies = [json.loads(model.ask(request("plan", attempt=attempt, turns=turns)).text)["from"]
                   for attempt, turns in asked]
        assert replies == ["plan.1", "plan.1.2", "plan.1", "plan.2", "plan.2"]

    def test_out_of_script(self, tmp_path: Path) -> None:
        with pytest.raises(ModelProblem, match=r"out of script: there is no fix\.3\.json"):
            ScriptedModel(tmp_path).ask(request("fix", attempt=3))

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(UsageProblem):
            ScriptedModel(tmp_path / "missing")

    def test_files_and_citations_are_filled_in(self, tmp_path: Path) -> None:
        sha = "a" * 40
        pack = EvidencePack(commit=sha, items=(
            EvidenceItem(id="E1", kind="log", ref="id-1", text="nothing\nhere"),
            EvidenceItem(id="E2", kind="log", ref="id-2", text="broker connected after 0.2 s"),
            EvidenceItem(id="C1", kind="code", ref="router/broker.py:9",
                         text=" 9| def a():\n10|     self.connected = True"),
        ))
        (tmp_path / "tests").mkdir()
        (tmp_path / "tests" / "test_x.py").write_text("def test_x():\n    assert False\n")
        script = {"file": {"$file": "tests/test_x.py"}, "cited": [{"$log": "broker connected"},
                  {"$code": ["router/broker.py", "self.connected = True"]}], "$odd": 1, "plain": {"a": [1, None]}}
        (tmp_path / "five_whys.1.json").write_text(json.dumps(script))
        reply = ScriptedModel(tmp_path).ask(request(prompt=f"Look:\n\n{show(pack)}\n\nEnd."))
        assert json.loads(reply.text) == {
            "file": "def test_x():\n    assert False\n",
            "cited": [
                {"kind": "log", "insert_id": "id-2", "quote": "broker connected"},
                {"kind": "code", "path": "router/broker.py", "line": 10, "commit": sha,
                 "quote": "self.connected = True"},
            ],
            "$odd": 1, "plain": {"a": [1, None]},
        }

    @pytest.mark.parametrize(("script", "words"), [
        ("{", "is no JSON"), ("[" * 100_000, "is no JSON"),
        ('{"a": {"$file": "../secret"}}', "outside its folder"), ('{"a": {"$file": "/etc/hostname"}}', "outside"),
        ('{"a": {"$file": "link"}}', "outside its folder"), ('{"a": {"$file": 3}}', "outside its folder"),
        ('{"a": {"$file": "absent"}}', "cannot be read"), ('{"a": {"$log": "not there"}}', "does not show"),
        ('{"a": {"$code": ["x.py", "not there"]}}', "does not show"), ('{"a": {"$code": "x"}}', "does not show"),
        ('{"a": {"$what": 1}}', r"knows no \$what"),
    ])
    def test_a_broken_script_names_its_file(self, tmp_path: Path, script: str, words: str) -> None:
        folder = tmp_path / "script"
        folder.mkdir()
        (tmp_path / "secret").write_text("s")
        (folder / "link").symlink_to(tmp_path / "secret")
        (folder / "plan.1.json").write_text(script)
        with pytest.raises(ModelProblem, match=words) as caught:
            ScriptedModel(folder).ask(request("plan"))
        assert "plan.1.json" in caught.value.what


class TestOpening:
    def surroundings(self, tmp_path: Path) -> Surroundings:
        return Surroundings(BotConfig(), HandClock(), {}, tmp_path)

    def test_a_script_by_its_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "story"
        folder.mkdir()
        assert open_script(str(folder), self.surroundings(tmp_path)).name == "script:story"

    @pytest.mark.parametrize(("kind", "name"), [
        ("claude", "claude-opus-5-5"), ("vertex", "vertex:claude-opus-5-5@20260801"),
        ("bedrock", "bedrock:global.anthropic.claude-opus-5-5"),
    ])
    def test_a_claude_model_by_its_id(self, kind: str, name: str, tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(kind, monkeypatch, tmp_path) as serve:
            model, _, _ = serve(message("{}"))
            assert model.name == opened(kind, OPUS[kind]).name == name

    def test_these_are_all_that_are_registered(self) -> None:
        assert MODULES.items() <= MODELS.items()
