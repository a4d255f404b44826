"""Steps 1 and 2 with the real command and the real SDK, against a local server that speaks the Messages API.

The server plays the demo's script (`tests/fakes/claude_script.py`): five calls, the first three for the whys.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import ROUND_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.demo import logs_path, script_path
from bot.demo.repository import build_repository
from bot.domain.tokens import estimate_tokens
from tests.e2e.command import BOT, Said, bot, environment, record_of
from tests.fakes.claude_script import Trouble, played, script_with_more_turns
from tests.fakes.messages_api import KEY, MessagesServer, Planned, broken, error, message, messages_server
from tests.fakes.prompt_cache import PromptCache

OPUS = {"input_tokens": "4", "output_tokens": "20", "cache_read_input_tokens": "0.20",
        "cache_creation_input_tokens": "5"}
SONNET = {"input_tokens": "2", "output_tokens": "10", "cache_read_input_tokens": "0.10",
          "cache_creation_input_tokens": "2.50"}
"""USD per million tokens, from the provider's list: not from the code under test."""
CALLS = 5
PLAN = 3
"""Which call, from 0, is the first for the plan."""
MOST_OUTPUT = 16_000
PATIENT = "[model]\ntimeout_seconds = 120\n"
HASTY = "[model]\ntimeout_seconds = 6\n"
POOR = f'{PATIENT}[budget]\nusd_per_cycle = "0.80"\n'
"""Enough for the whole of it, and not for the upper estimates of two calls."""
CYCLE = ("cycle", "--focus", "message-routing", "--demo", "--until", "plan")
CLAUDE = (*CYCLE, "--model", "claude-opus-5-5")
RESUME = ("resume", "--until", "plan")
NOWHERE = "http://127.0.0.1:9"


def usd(used: Mapping[str, int], rates: Mapping[str, str] = OPUS) -> Decimal:
    return sum((count * Decimal(rates[name]) for name, count in used.items()), Decimal(0)) / 1_000_000


def total_usd(*billed: list[dict[str, int]]) -> Decimal:
    return sum((usd(used) for part in billed for used in part), Decimal(0))


def bodies(server: MessagesServer) -> list[bytes]:
    """The bodies as they came. The server keeps them parsed; the sizes say that writing them gives these bytes."""
    found = [json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() for body in server.seen]
    assert [str(len(body)) for body in found] == [headers["content-length"] for headers in server.headers]
    return found


@dataclass(frozen=True)
class Lab:
    """A folder in which the command runs."""

    folder: Path
    state: str = "state"

    @contextmanager
    def server(self, trouble: Mapping[int, Trouble] | None = None, lasting: bool = False) -> Iterator[MessagesServer]:
        """A server that plays the script. At the end nothing may have been sent that the API does not take."""
        script = self.folder / "script"
        if not script.exists():
            script_with_more_turns(script)
        with messages_server(played(script, trouble, lasting)) as server:
            yield server
            assert server.wrong == []

    def env(self, url: str = NOWHERE, key: str = KEY) -> dict[str, str]:
        """An environment in which nothing of the person's who runs the tests is found."""
        found = environment(HOME=str(self.folder), ANTHROPIC_BASE_URL=url)
        return {**found, "ANTHROPIC_API_KEY": key} if key else found

    def arguments(self, given: tuple[str, ...], config: str) -> tuple[str, ...]:
        (self.folder / "given.toml").write_text(config)
        return (*given, "--json", "--state", self.state, "--config", "given.toml")

    def run(self, url: str, *given: str, config: str = PATIENT, key: str = KEY) -> Said:
        return bot(*self.arguments(given, config), cwd=self.folder, env=self.env(url, key))

    def kill(self, url: str, silence: Silence, *given: str, config: str = PATIENT) -> None:
        """Run, and kill the process when the request is in flight that stays without an answer."""
        with subprocess.Popen(
            [*BOT, *self.arguments(given, config)], cwd=self.folder, env=self.env(url), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:
            came = silence.reached.wait(60)
            os.killpg(process.pid, signal.SIGKILL)
        assert came
        assert process.returncode == -signal.SIGKILL

    @property
    def cycle(self) -> Path:
        (path,) = (self.folder / self.state).glob("message-routing/*/cycle-01")
        return path

    @property
    def record(self) -> dict[str, Any]:
        return record_of(self.folder / self.state)

    def result(self, kind: str) -> dict[str, Any]:
        (found,) = [step["result"] for step in self.record["steps"] if (step["result"] or {}).get("result") == kind]
        assert isinstance(found, dict)
        return found

    def exchanges(self) -> list[dict[str, Any]]:
        """The stored exchanges, in the order in which they were paid for."""
        found = [json.loads(path.read_text()) for path in (self.cycle / "exchanges").glob("*.json")]
        return sorted(found, key=lambda item: str(item["paid_at"]))

    def lost(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in (self.cycle / "exchanges" / "lost").glob("*.json")]


@dataclass
class Silence:
    """The server takes a request and never answers."""

    reached: threading.Event = field(default_factory=threading.Event)

    def __call__(self, body: dict[str, Any], answer: Planned) -> Planned:
        self.reached.set()
        return replace(answer, delay_s=600)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@dataclass(frozen=True)
class Whole:
    """A run of steps 1 and 2 without trouble, and what the server saw of it."""

    lab: Lab
    said: Said
    bodies: list[bytes]
    seen: list[dict[str, Any]]
    billed: list[dict[str, int]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    lab = Lab(tmp_path_factory.mktemp("whole"))
    with lab.server() as server:
        said = lab.run(server.url, *CLAUDE)
        return Whole(lab, said, bodies(server), server.seen, server.billed)


# The whole of steps 1 and 2


@pytest.mark.slow
def test_whys_and_plan_over_several_turns_of_tools(whole: Whole) -> None:
    assert whole.said.code == 0, whole.said.everything
    document = whole.said.json()
    assert (document["status"], document["failure"], document["scripted_model"]) == ("paused", None, False)
    assert "Scripted model" not in whole.said.everything
    assert len(whole.bodies) == CALLS

    whys, planned = whole.lab.result("five_whys"), whole.lab.result("planned")
    assert [why["support"] for why in whys["whys"]] == ["cited"] * 5
    assert whys["root_cause"]["support"] == "cited"
    assert [(item["turns"], item["stopped_by"]) for item in (whys["investigation"], planned["investigation"])] == [
        (2, None), (1, None)]
    lookups = [*whys["investigation"]["lookups"], *planned["investigation"]["lookups"]]
    assert {item["tool"] for item in lookups} == {"read_code", "git_log", "search_code", "list_files"}
    assert not any(item["refused"] for item in lookups)
    script = json.loads((script_path() / "plan.1.json").read_text())
    assert [test["name"] for test in planned["plan"]["tests"]] == [test["name"] for test in script["tests"]]


@pytest.mark.slow
def test_costs_what_the_servers_figures_and_the_price_list_come_to(whole: Whole) -> None:
    cost = total_usd(whole.billed)
    assert Decimal(str(whole.said.json()["cost_usd"])) == cost
    assert cost > Decimal("0.05")
    assert whole.said.json()["tokens"] == sum(sum(used.values()) for used in whole.billed)
    steps = {step["step"]: [Decimal(charge["usage"]["cost_usd"]) for charge in step["charges"]]
             for step in whole.lab.record["steps"]}
    assert [*steps["five_whys"], *steps["plan"]] == [usd(used) for used in whole.billed]
    assert f"{cost:.4f} USD" in (whole.lab.cycle / "status.md").read_text()
    assert whole.lab.lost() == []


@pytest.mark.slow
def test_later_turns_read_the_cache(whole: Whole) -> None:
    used = [item["reply"]["usage"] for item in whole.lab.exchanges()]
    names = {"input_tokens": "input_tokens", "output_tokens": "output_tokens",
             "cache_read_input_tokens": "cache_read_tokens", "cache_creation_input_tokens": "cache_write_tokens"}
    assert [{theirs: item[ours] for theirs, ours in names.items()} for item in used] == whole.billed
    for first, last in ((0, PLAN), (PLAN, CALLS)):
        assert used[first]["cache_read_tokens"] == 0
        assert used[first]["cache_write_tokens"] > 5_000
        for before, item in zip(used[first:last], used[first + 1:last], strict=False):
            # All of the last request is read again; what is new are the answer to it and the results that it wanted.
            assert item["cache_read_tokens"] == before["cache_read_tokens"] + before["cache_write_tokens"]
            assert 0 < item["cache_write_tokens"] < 3_000
        assert [item["input_tokens"] for item in used[first:last]] == [0] * (last - first)


# Named outcomes


def refusing(body: dict[str, Any], answer: Planned) -> Planned:
    return message("I would rather not.", stop="refusal")


def cut_off(body: dict[str, Any], answer: Planned) -> Planned:
    return message('{"summary": "Withhold the', stop="max_tokens")


def chatting(body: dict[str, Any], answer: Planned) -> Planned:
    return message("Let me think about that: {")


def planning_nonsense(body: dict[str, Any], answer: Planned) -> Planned:
    plan = json.loads((script_path() / "plan.1.json").read_text())
    plan["tests"][0]["expectation"]["reaches"] = {"path": "router/quantum.py", "function": "Teleporter.send"}
    return message(json.dumps(plan))


def limiting(body: dict[str, Any], answer: Planned) -> Planned:
    return error(429, "rate_limit_error", "Slow down.", retry_after="3600")


def overloaded(body: dict[str, Any], answer: Planned) -> Planned:
    return error(529, "overloaded_error", "Overloaded")


PIECES = 4
"""Pieces of text, of 24 characters each, that come before a stream breaks."""


def cutting(body: dict[str, Any], answer: Planned) -> Planned:
    return broken(answer, "cut", after=3 + PIECES)


def erring(body: dict[str, Any], answer: Planned) -> Planned:
    return broken(answer, "error", after=3 + PIECES)


@dataclass(frozen=True)
class Outcome:
    """Trouble from the call `at` on, what it is called, and how often is asked before that is said."""

    trouble: Trouble
    at: int
    name: str
    sends: int = 1
    family: str = "model"
    config: str = PATIENT


UNREACHED = {
    "429": Outcome(limiting, 2, "rate limited"),
    "529": Outcome(overloaded, 1, "overloaded", sends=3, config=HASTY),
}
"""The provider gave nothing, and charges nothing."""
BROKEN = {
    "cut": Outcome(cutting, 2, "stream broken"),
    "error event": Outcome(erring, 2, "stream broken"),
}
"""The provider began to answer, and charges for it."""
UNUSABLE = {
    "refusal": Outcome(refusing, PLAN, "refusal", family="answer"),
    "max_tokens": Outcome(cut_off, PLAN, "cut off", family="answer"),
    "not JSON": Outcome(chatting, PLAN, "not JSON", sends=3, family="answer"),
    "nonsense": Outcome(planning_nonsense, PLAN, "unfounded", sends=2, family="answer"),
}
"""The model answered, and the answer is worth nothing."""


def failed(lab: Lab, server: MessagesServer, outcome: Outcome) -> Said:
    """Run into the trouble: its exit code and its name are told, and the cycle is paused."""
    said = lab.run(server.url, *CLAUDE, config=outcome.config)
    assert said.code == 8, said.everything
    document = said.json()
    failure = document["failure"]
    assert isinstance(failure, dict)
    assert (failure["name"], failure["family"], failure["exit_code"]) == (outcome.name, outcome.family, 8)
    assert (document["status"], document["end"], document["paused_because"]) == ("paused", None, failure["what"])
    assert failure["remedy"] in said.everything
    assert "bot resume" in failure["remedy"] or "exchanges folder" in failure["remedy"]
    status = (lab.cycle / "status.md").read_text()
    assert "**State:** paused" in status
    return said


def finished(lab: Lab, server: MessagesServer) -> Said:
    said = lab.run(server.url, *RESUME)
    assert said.code == 0, said.everything
    assert (said.json()["status"], said.json()["paused_because"]) == ("paused", "as asked: --until plan")
    assert said.json()["failure"] is None
    assert lab.result("five_whys")["root_cause"]["support"] == "cited"
    assert len(lab.result("planned")["plan"]["tests"]) == 3
    return said


@pytest.mark.slow
@pytest.mark.parametrize("outcome", UNREACHED.values(), ids=UNREACHED)
def test_a_provider_that_gives_nothing(outcome: Outcome, lab: Lab, whole: Whole) -> None:
    with lab.server({outcome.at: outcome.trouble}, lasting=True) as server:
        said = failed(lab, server, outcome)
        sent = bodies(server)
    assert sent[:outcome.at] == whole.bodies[:outcome.at]
    assert sent[outcome.at:] == [whole.bodies[outcome.at]] * outcome.sends
    assert Decimal(str(said.json()["cost_usd"])) == total_usd(server.billed)
    assert lab.lost() == []
    with lab.server() as healthy:
        said = finished(lab, healthy)
    assert bodies(healthy) == whole.bodies[outcome.at:]
    assert Decimal(str(said.json()["cost_usd"])) == total_usd(server.billed, healthy.billed)


@pytest.mark.slow
@pytest.mark.parametrize("outcome", BROKEN.values(), ids=BROKEN)
def test_an_answer_that_breaks_off_is_paid_for(outcome: Outcome, lab: Lab, whole: Whole) -> None:
    with lab.server({outcome.at: outcome.trouble}) as server:
        said = failed(lab, server, outcome)
    assert bodies(server) == whole.bodies[:outcome.at + 1]
    *answered, begun = server.billed
    came = server.turns[-1][0]["text"][:24 * PIECES]
    used = {**begun, "output_tokens": estimate_tokens(came)}
    assert used["output_tokens"] < begun["output_tokens"]
    assert Decimal(str(said.json()["cost_usd"])) == total_usd(answered, [used])
    (lost,) = lab.lost()
    assert (lost["usage"]["output_tokens"], Decimal(lost["usage"]["cost_usd"])) == (used["output_tokens"], usd(used))
    with lab.server() as healthy:
        said = finished(lab, healthy)
    assert bodies(healthy) == whole.bodies[outcome.at:]
    assert Decimal(str(said.json()["cost_usd"])) == total_usd(answered, [used], healthy.billed)


@pytest.mark.slow
@pytest.mark.parametrize("outcome", UNUSABLE.values(), ids=UNUSABLE)
def test_an_answer_that_is_none(outcome: Outcome, lab: Lab, whole: Whole) -> None:
    with lab.server({outcome.at: outcome.trouble}, lasting=True) as server:
        said = failed(lab, server, outcome)
    assert bodies(server)[:outcome.at + 1] == whole.bodies[:outcome.at + 1]
    assert len(server.seen) == outcome.at + outcome.sends
    assert Decimal(str(said.json()["cost_usd"])) == total_usd(server.billed)
    # The stored answer would be the same, so the step asks anew, and what other steps asked stays answered.
    with lab.server() as healthy:
        said = finished(lab, healthy)
    assert bodies(healthy) == whole.bodies[PLAN:]
    assert Decimal(str(said.json()["cost_usd"])) == total_usd(server.billed, healthy.billed)


@pytest.mark.slow
def test_a_wrong_key(lab: Lab, whole: Whole) -> None:
    with lab.server() as server:
        said = lab.run(server.url, *CLAUDE, key="sk-another")
        assert said.code == 3, said.everything
        document = said.json()
        assert (document["status"], document["cost_usd"]) == ("paused", "0")
        failure = document["failure"]
        assert isinstance(failure, dict)
        assert (failure["name"], failure["family"], failure["exit_code"]) == ("", "configuration", 3)
        assert "401" in failure["what"]
        assert "ANTHROPIC_API_KEY" in failure["remedy"]
        assert "sk-another" not in said.everything
        assert (len(server.seen), server.billed, lab.lost()) == (1, [], [])
        finished(lab, server)
        assert bodies(server)[1:] == whole.bodies


# Killed


@pytest.mark.slow
def test_a_call_in_flight_at_a_kill_is_spent(lab: Lab, whole: Whole) -> None:
    silence = Silence()
    with lab.server({2: silence}) as server:
        lab.kill(server.url, silence, *CLAUDE, config=POOR)
        answered = list(server.billed)
        assert bodies(server) == whole.bodies[:3]
    assert len(answered) == len(lab.exchanges()) == 2
    (lost,) = lab.lost()
    estimate = lost["usage"]
    assert estimate["output_tokens"] == MOST_OUTPUT
    prompt = PromptCache().usage(whole.seen[2])
    assert estimate["input_tokens"] > sum(prompt.values())
    # All that is sent counts as written to the cache, which is dearest.
    spent = usd({"cache_creation_input_tokens": estimate["input_tokens"], "output_tokens": MOST_OUTPUT})
    assert Decimal(estimate["cost_usd"]) == spent

    # With the estimate counted, a second call like it could go over the budget: nothing is asked.
    with lab.server() as unasked:
        said = lab.run(unasked.url, *RESUME, config=POOR)
    assert (said.code, unasked.seen) == (5, []), said.everything
    failure = said.json()["failure"]
    assert isinstance(failure, dict)
    assert (failure["family"], said.json()["status"]) == ("budget", "paused")
    counted = (total_usd(answered) + spent).quantize(Decimal("0.01"), ROUND_UP)
    assert f"{counted} USD of 0.80 USD for this cycle are spent" in said.everything

    with lab.server() as healthy:
        said = finished(lab, healthy)
    assert bodies(healthy) == whole.bodies[2:]
    assert Decimal(str(said.json()["cost_usd"])) == total_usd(answered, healthy.billed) + spent


@pytest.mark.slow
def test_the_record_says_what_a_lost_call_cost_whatever_is_asked_after_it(lab: Lab) -> None:
    silence = Silence()
    with lab.server({1: silence}) as server:
        lab.kill(server.url, silence, *CLAUDE, config=POOR)
        answered = list(server.billed)
    spent = total_usd(answered) + sum(Decimal(note["usage"]["cost_usd"]) for note in lab.lost())
    (waiting,) = bot("status", "--json", "--state", str(lab.folder / lab.state), cwd=lab.folder).json()["cycles"]  # type: ignore[misc]
    assert Decimal(str(waiting["cost_usd"])) == spent
    said = lab.run(NOWHERE, *RESUME, config=POOR)
    assert said.code == 5, said.everything
    assert Decimal(str(said.json()["cost_usd"])) == spent
    # What the error says to do makes other requests of all that follow.
    with lab.server() as healthy:
        said = lab.run(healthy.url, *RESUME, config=f"{PATIENT}most_output_tokens = 9000\n")
    assert said.code == 0, said.everything
    assert Decimal(str(said.json()["cost_usd"])) == spent + total_usd(healthy.billed)


# The same bytes


@pytest.mark.slow
def test_two_runs_send_the_same_bytes(whole: Whole, tmp_path: Path) -> None:
    (tmp_path / "another folder").mkdir()
    lab = Lab(tmp_path / "another folder", state="a-state-of-another-name")
    with lab.server() as server:
        said = lab.run(server.url, *CLAUDE)
    assert said.code == 0, said.everything
    assert bodies(server) == whole.bodies
    assert b"toolu_" not in b"".join(whole.bodies)
    assert lab.record["ref"] != whole.lab.record["ref"]
    assert [item["digest"] for item in lab.exchanges()] == [item["digest"] for item in whole.lab.exchanges()]


@pytest.mark.slow
def test_a_run_that_is_stopped_at_each_call_asks_each_once(lab: Lab, whole: Whole) -> None:
    """Killed at the calls 0, 2, 4 and failed at 1 and 3, each time with one more answer than the time before."""
    sent: list[bytes] = []
    billed: list[dict[str, int]] = []
    for number in range(CALLS):
        given = RESUME if number else CLAUDE
        silence = Silence()
        with lab.server({min(number, 1): silence if number % 2 == 0 else limiting}, lasting=True) as server:
            if number % 2 == 0:
                lab.kill(server.url, silence, *given)
            else:
                assert lab.run(server.url, *given).code == 8
            answered = list(server.billed)
            came = bodies(server)
        # A call, and the next one, which stays without an answer.
        assert len(answered) == len(came) - 1 == min(number, 1)
        sent += came[:len(answered)]
        billed += answered
        assert came[-1] == whole.bodies[number]
    with lab.server() as healthy:
        said = finished(lab, healthy)
    assert [*sent, *bodies(healthy)] == whole.bodies
    estimates = [Decimal(note["usage"]["cost_usd"]) for note in lab.lost()]
    assert len(estimates) == 3
    assert Decimal(str(said.json()["cost_usd"])) == total_usd(billed, healthy.billed) + sum(estimates)


# Replay


@pytest.mark.slow
def test_a_replay_gives_the_same_without_key_and_server(whole: Whole, lab: Lab) -> None:
    said = lab.run(NOWHERE, *CYCLE, "--model", f"replay:{whole.lab.cycle}", key="")
    assert said.code == 0, said.everything
    document = said.json()
    assert (document["cost_usd"], document["scripted_model"]) == ("0", True)
    assert document["tokens"] == whole.said.json()["tokens"]
    assert "answers come from files" in said.err
    assert "**Replayed model.**" in (lab.cycle / "status.md").read_text()
    for kind in ("five_whys", "planned"):
        assert lab.result(kind) == whole.lab.result(kind)
    assert lab.lost() == []


@pytest.mark.slow
@pytest.mark.parametrize("changed", [False, True], ids=["same log", "changed log"])
def test_a_replay_of_another_log_is_out_of_script(whole: Whole, lab: Lab, changed: bool) -> None:
    text = gzip.decompress(logs_path().read_bytes()).decode()
    assert "the subscriber is not running" in text
    (lab.folder / "logs.ndjson").write_text(
        text.replace("the subscriber is not running", "the subscriber is not walking") if changed else text)
    said = lab.run(
        NOWHERE, *CYCLE, "--model", f"replay:{whole.lab.cycle}", "--logs", "file:logs.ndjson", key="")
    if not changed:
        assert said.code == 0, said.everything
        return
    assert said.code == 8, said.everything
    failure = said.json()["failure"]
    assert isinstance(failure, dict)
    assert (failure["name"], said.json()["status"]) == ("out of script", "paused")
    assert "step five_whys, attempt 1" in failure["what"]
    assert "message 1" in failure["what"]


@pytest.mark.slow
def test_a_replay_can_be_resumed_from_another_folder(whole: Whole, lab: Lab) -> None:
    shutil.copytree(whole.lab.cycle, lab.folder / "recorded")
    said = lab.run(NOWHERE, *CYCLE[:-1], "five_whys", "--model", "replay:recorded", key="")
    assert said.code == 0, said.everything
    (lab.folder / "elsewhere").mkdir()
    said = bot(*RESUME, "--state", "../state", cwd=lab.folder / "elsewhere", env=lab.env(key=""))
    assert said.code == 0, said.everything


# Models by step, and prices


def own_config(folder: Path, model: str) -> str:
    """A configuration as a team has it, for the demo's service."""
    build_repository(folder / "clone")
    shutil.copy(logs_path(), folder / "logs.ndjson.gz")
    return f"""
[repository]
path = "clone"
[logs]
source = "file:logs.ndjson.gz"
[target.message-router]
code = ["router/**"]
tests = ["tests/unit", "tests/integration"]
[model]
name = "claude-opus-5-5"
{model}"""


OWN = ("cycle", "--focus", "message-routing", "--until", "plan")


@pytest.mark.slow
def test_a_model_of_its_own_for_a_step(lab: Lab) -> None:
    config = own_config(lab.folder, (
        '[model.step.plan]\nname = "claude-sonnet-5-5"\neffort = "low"\nmost_output_tokens = 9000\n'))
    with lab.server() as server:
        said = lab.run(server.url, *OWN, config=config)
    assert said.code == 0, said.everything
    asked = [(body["model"], body["output_config"]["effort"], body["max_tokens"]) for body in server.seen]
    assert asked == [("claude-opus-5-5", "high", MOST_OUTPUT)] * PLAN + [("claude-sonnet-5-5", "low", 9000)] * 2
    cost = total_usd(server.billed[:PLAN]) + sum(usd(used, SONNET) for used in server.billed[PLAN:])
    assert Decimal(str(said.json()["cost_usd"])) == cost


@pytest.mark.slow
def test_a_step_may_be_answered_from_files(lab: Lab) -> None:
    script = script_with_more_turns(lab.folder / "script")
    config = own_config(lab.folder, f'[model.step.plan]\nname = "script:{script}"\n')
    with lab.server() as server:
        said = lab.run(server.url, *OWN, config=config)
    assert said.code == 0, said.everything
    assert "Scripted model for a part of the steps" in said.err
    assert len(server.seen) == PLAN
    assert Decimal(str(said.json()["cost_usd"])) == total_usd(server.billed)
    checked = bot("recheck", str(lab.cycle), cwd=lab.folder)
    assert checked.code == 0, checked.everything


@pytest.mark.slow
@pytest.mark.parametrize("where", ["--model", "[model.step.plan]"])
def test_a_price_that_is_not_known_stops_before_anything_is_read(lab: Lab, where: str) -> None:
    by_step = '[model.step.plan]\nname = "claude-quantum-1"\n' if where != "--model" else ""
    config = own_config(lab.folder, by_step)
    given = (*OWN[:-1], "retrieve", *(("--model", "claude-quantum-1") if where == "--model" else ()))
    said = lab.run(NOWHERE, *given, config=config)
    assert said.code == 3, said.everything
    assert not list((lab.folder / "state").glob("message-routing/*"))
    document = said.json()
    assert (document["family"], document["exit_code"]) == ("configuration", 3)
    lines = str(document["remedy"]).split("\n", 1)[1]
    assert lines.startswith('[model.prices."claude-quantum-1"]\n')
    # With these lines, filled in, it starts.
    said = lab.run(NOWHERE, *given, config=f"{config}{lines.replace('…', '1.5')}\n")
    assert said.code == 0, said.everything


@pytest.mark.slow
def test_the_demo_asks_no_model_of_bot_toml(lab: Lab) -> None:
    with lab.server() as server:
        said = lab.run(server.url, *CYCLE, config='[model.step.plan]\nname = "claude-sonnet-5-5"\n')
    assert said.code == 0, said.everything
    assert server.seen == []
    assert (said.json()["cost_usd"], said.json()["scripted_model"]) == ("0", True)
