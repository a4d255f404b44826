"""The Model port: one suite over the scripted model and over Claude against the local Messages server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.adapters.claude import MOST_SENDS, ClaudeModel
from bot.adapters.claude import open_model as open_claude
from bot.adapters.scripted_model import ScriptedModel
from bot.adapters.scripted_model import open_model as open_script
from bot.adapters.surroundings import Surroundings
from bot.adapters.system_clock import SystemClock
from bot.domain.asking import Message, ModelRequest, StopReason
from bot.domain.config import BotConfig, ModelConfig
from bot.domain.errors import ConfigProblem, ModelProblem, UsageProblem
from bot.domain.evidence import EvidenceItem, EvidencePack
from bot.domain.plan import TestPlan
from bot.domain.proposals import ProposedFix, ProposedTests, ProposedWhys
from bot.evidence.shown import show
from bot.ports import Model
from tests.fakes.messages_api import KEY, MessagesServer, Planned, error, message, messages_server


class HandClock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)


def request(step: str = "five_whys", *, attempt: int = 1, prompt: str = "Why?", turns: int = 1,
            model: str = "claude-opus-5-5", answer: type = ProposedWhys) -> ModelRequest:
    messages = [Message(role="user", text=prompt)]
    for turn in range(turns - 1):
        messages += [Message(role="assistant", text=f"answer {turn}"), Message(role="user", text="again")]
    return ModelRequest(step=step, attempt=attempt, model=model, system="Be exact.", messages=tuple(messages),
                        answer=answer.__name__, answer_schema=answer.model_json_schema(), most_tokens=2000)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE", "ANTHROPIC_CUSTOM_HEADERS", "HTTP_PROXY", "HTTPS_PROXY",
                 "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", "/nonexistent")
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


def claude(url: str, monkeypatch: pytest.MonkeyPatch, clock: object | None = None, **config: object) -> ClaudeModel:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
    return ClaudeModel(ModelConfig(**config), clock or HandClock())  # type: ignore[arg-type]


@dataclass(frozen=True)
class Subject:
    """A model that answers `text` to step five_whys, attempt 1, and has nothing for attempt 9."""

    model: Model
    scripted: bool


TEXT = json.dumps({"whys": [], "note": "déjà vu"}, ensure_ascii=False)


@pytest.fixture(params=["scripted", "claude"])
def subject(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Subject]:
    if request.param == "scripted":
        (tmp_path / "five_whys.1.json").write_text(TEXT, encoding="utf-8")
        yield Subject(ScriptedModel(tmp_path), scripted=True)
        return

    def plan(number: int, body: dict[str, object]) -> Planned:
        if "attempt nine" in json.dumps(body):
            return error(400, "invalid_request_error", "no such thing")
        return message(TEXT)

    with messages_server(plan) as server:
        yield Subject(claude(server.url, monkeypatch), scripted=False)
        assert server.wrong == []


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


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[ClaudeModel, MessagesServer, HandClock]]]:
    servers = []

    def start(*planned: Planned, clock: object | None = None,
              **config: object) -> tuple[ClaudeModel, MessagesServer, HandClock]:
        manager = messages_server(lambda number, _: planned[min(number, len(planned) - 1)])
        server = manager.__enter__()
        servers.append((manager, server))
        used = clock or HandClock()
        return claude(server.url, monkeypatch, used, **config), server, used  # type: ignore[return-value]

    yield start
    for manager, server in servers:
        manager.__exit__(None, None, None)
        assert server.wrong == []


Serve = Callable[..., tuple[ClaudeModel, MessagesServer, HandClock]]


class TestClaude:
    def test_sends_what_was_asked(self, serve: Serve) -> None:
        model, server, _ = serve(message("{}"))
        model.ask(request(turns=2))
        body = server.seen[0]
        assert body["model"] == "claude-opus-5-5"
        assert body["system"] == "Be exact."
        assert body["max_tokens"] == 2000
        assert [item["role"] for item in body["messages"]] == ["user", "assistant", "user"]  # type: ignore[attr-defined]
        assert body["output_config"]["effort"] == "high"  # type: ignore[index]
        assert "temperature" not in body

    def test_costs_to_the_last_digit(self, serve: Serve) -> None:
        used = {"input_tokens": 12_345, "output_tokens": 678, "cache_read_input_tokens": 1_000,
                "cache_creation_input_tokens": 500}
        model, _, _ = serve(message("{}", used=used))
        usage = model.ask(request()).usage
        assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens) == (
            12_345, 678, 1_000, 500)
        # Opus 5.5: 4 in, 20 out, 0.20 cache read, 5 cache write, each for a million tokens.
        assert usage.cost_usd == Decimal("0.049380") + Decimal("0.013560") + Decimal("0.0002") + Decimal("0.0025")

    def test_thinking_is_not_part_of_the_answer(self, serve: Serve) -> None:
        thinking = {"type": "thinking", "thinking": "hm", "signature": "x"}
        model, _, _ = serve(message('{"a": 1}', before=(thinking,)))
        assert model.ask(request()).text == '{"a": 1}'

    @pytest.mark.parametrize(("stop", "reason"), [
        ("end_turn", StopReason.END), ("stop_sequence", StopReason.END), ("max_tokens", StopReason.LENGTH),
        ("model_context_window_exceeded", StopReason.LENGTH), ("refusal", StopReason.REFUSAL),
        ("tool_use", StopReason.OTHER), ("something_new", StopReason.OTHER),
    ])
    def test_stop_reasons(self, serve: Serve, stop: str, reason: StopReason) -> None:
        model, _, _ = serve(message("{}", stop=stop))
        assert model.ask(request()).stop is reason

    @pytest.mark.parametrize("status", [429, 500, 503, 529])
    def test_passing_trouble_is_waited_out(self, serve: Serve, status: int) -> None:
        model, server, clock = serve(error(status, "x", "y", retry_after="7"), error(status, "x", "y"), message("{}"))
        assert model.ask(request()).text == "{}"
        assert len(server.seen) == 3
        assert clock.slept == [7.0, 2.0]

    @pytest.mark.parametrize(("status", "words"), [(429, "rate limit"), (529, "overloaded"), (500, "status 500")])
    def test_lasting_trouble_is_named(self, serve: Serve, status: int, words: str) -> None:
        model, server, clock = serve(error(status, "x", "y"))
        with pytest.raises(ModelProblem, match=words) as caught:
            model.ask(request())
        assert len(server.seen) == MOST_SENDS
        assert clock.slept == [1.0, 2.0, 4.0]
        assert "resume" in caught.value.remedy

    @pytest.mark.parametrize("after", ["3600", "1e300", "inf", "999999999999"])
    def test_a_long_retry_after_ends_at_the_deadline_without_waiting(self, serve: Serve, after: str) -> None:
        model, server, clock = serve(error(429, "rate_limit_error", "slow down", retry_after=after))
        with pytest.raises(ModelProblem, match="rate limit"):
            model.ask(request())
        assert len(server.seen) == 1
        assert clock.slept == []

    @pytest.mark.parametrize("after", ["soon", "-5", "nan", "Wed, 21 Oct 2026 07:28:00 GMT"])
    def test_a_retry_after_that_is_no_number_counts_as_none(self, serve: Serve, after: str) -> None:
        model, _, clock = serve(error(429, "rate_limit_error", "slow down", retry_after=after), message("{}"))
        assert model.ask(request()).text == "{}"
        assert clock.slept == [1.0]

    @pytest.mark.parametrize(("status", "kind", "words"), [
        (401, ConfigProblem, "did not accept the key"), (403, ConfigProblem, "did not accept the key"),
        (404, ConfigProblem, "does not know the model"), (400, ModelProblem, "refused the request"),
        (402, ModelProblem, "payment"), (413, ModelProblem, "too large"), (422, ModelProblem, "refused the request"),
    ])
    def test_what_no_retry_cures(self, serve: Serve, status: int, kind: type[Exception], words: str) -> None:
        model, server, clock = serve(error(status, "x", "the reason\nin two lines"))
        with pytest.raises(kind, match=words) as caught:
            model.ask(request())
        assert "the reason in two lines" in str(caught.value)
        assert len(server.seen) == 1
        assert clock.slept == []

    def test_a_wrong_key_names_the_variable(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "wrong")
        model, _, _ = serve(message("{}"))
        with pytest.raises(ConfigProblem, match="ANTHROPIC_API_KEY"):
            model.ask(request())

    @pytest.mark.parametrize("body", [
        b"", b"<html>", b"[]", b"null", b'{"content": []}', b'"\xff"', message("\ud800").body,
    ])
    def test_a_broken_body_is_a_model_problem(self, serve: Serve, body: bytes) -> None:
        model, _, _ = serve(Planned(body=body))
        with pytest.raises(ModelProblem, match="no message"):
            model.ask(request())

    def test_a_body_that_breaks_off_is_asked_again(self, serve: Serve) -> None:
        whole = message('{"a": 1}')
        model, server, _ = serve(Planned(body=whole.body, cut=True), whole)
        assert model.ask(request()).text == '{"a": 1}'
        assert len(server.seen) == 2

    def test_a_body_that_always_breaks_off_is_named(self, serve: Serve) -> None:
        model, server, _ = serve(Planned(body=message("{}").body, cut=True))
        with pytest.raises(ModelProblem, match="not reachable"):
            model.ask(request())
        assert len(server.seen) == MOST_SENDS

    def test_a_silent_server_ends_at_the_deadline(self, serve: Serve) -> None:
        model, server, _ = serve(Planned(delay_s=30), clock=SystemClock(), timeout_seconds=0.4)
        began = datetime.now(UTC)
        with pytest.raises(ModelProblem, match="in time"):
            model.ask(request())
        assert (datetime.now(UTC) - began).total_seconds() < 5
        assert len(server.seen) == 1

    def test_a_trickle_ends_at_the_deadline(self, serve: Serve) -> None:
        trickle = Planned(body=message("x" * 5000).body, drip_s=0.02)
        model, _, _ = serve(trickle, clock=SystemClock(), timeout_seconds=0.6)
        began = datetime.now(UTC)
        with pytest.raises(ModelProblem, match="in time"):
            model.ask(request())
        assert (datetime.now(UTC) - began).total_seconds() < 5

    def test_nobody_listens(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = HandClock()
        model = claude("http://127.0.0.1:9", monkeypatch, clock)
        with pytest.raises(ModelProblem, match="not reachable"):
            model.ask(request())
        assert len(clock.slept) == MOST_SENDS - 1

    def test_without_a_key_it_does_not_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("ANTHROPIC_API_KEY")
        with pytest.raises(ConfigProblem, match="ANTHROPIC_API_KEY"):
            claude("http://127.0.0.1:9", monkeypatch)

    def test_without_a_price_it_does_not_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ConfigProblem, match=r'\[model\.prices\."claude-next"\]'):
            claude("http://127.0.0.1:9", monkeypatch, name="claude-next")


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

    def test_a_claude_model_by_its_id(self, tmp_path: Path) -> None:
        assert open_claude("claude-sonnet-5-5", self.surroundings(tmp_path)).name == "claude-sonnet-5-5"
