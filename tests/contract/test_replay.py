"""The Model port on the exchanges of earlier cycles."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from bot.adapters import replayed_model
from bot.adapters.directory_store import DirectoryStore
from bot.adapters.replayed_model import ReplayedModel, open_model
from bot.adapters.scripted_model import ScriptedModel
from bot.adapters.surroundings import Surroundings
from bot.adapters.system_clock import SystemClock
from bot.domain.asking import (
    Exchange,
    Message,
    ModelReply,
    ModelRequest,
    StopReason,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from bot.domain.config import BotConfig, BudgetConfig, InvestigationConfig
from bot.domain.errors import AnswerRefused, ModelProblem, OutOfScript, RecordDamaged, UsageProblem
from bot.domain.evidence import StopCause
from bot.domain.proposals import ProposedWhys
from bot.domain.record import CycleRef
from bot.model.asking import Answer, Asker
from bot.model.budget import Budget
from bot.model.prices import FREE, PRICES
from bot.ports import Model
from tests.fakes.instant_clock import InstantClock

REF = CycleRef(focus="startup", run="20251107T081500Z-0a1b2c", number=1)
USED = Usage(input_tokens=900, output_tokens=100, cache_read_tokens=50, cost_usd=Decimal("0.0123"))
TOOL = Tool(name="read_code", description="Read.", input_schema={"type": "object"})


def request(**changes: Any) -> ModelRequest:
    plain = ModelRequest(step="five_whys", attempt=1, model="claude-opus-5-5", system="Be exact.",
                         messages=(Message(role="user", text="Why?"),), answer="ProposedWhys",
                         answer_schema={"type": "object"}, most_tokens=2000)
    return plain.model_copy(update=changes)


def kept(store: DirectoryStore, asked: ModelRequest, text: str = "{}", ref: CycleRef = REF) -> Path:
    reply = ModelReply(model=asked.model, text=text, stop=StopReason.END, usage=USED)
    store.put_exchange(ref, Exchange(digest=asked.digest(), request=asked, reply=reply))
    return Path(store.folder(ref)) / "exchanges" / f"{asked.digest()}.json"


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "state")


@pytest.fixture
def folder(store: DirectoryStore) -> Path:
    return Path(store.folder(REF))


class TestAnswers:
    @pytest.mark.parametrize("which", ["cycle", "exchanges", "run", "state"])
    def test_from_a_cycle_its_exchanges_or_several(self, store: DirectoryStore, folder: Path, which: str) -> None:
        kept(store, request(), '{"whys": []}')
        named = {"cycle": folder, "exchanges": folder / "exchanges", "run": folder.parent,
                 "state": folder.parent.parent.parent}[which]
        surroundings = Surroundings(BotConfig(), SystemClock(), {}, folder)
        model: Model = open_model(str(named), surroundings)
        assert (model.name, model.scripted) == ("replay:claude-opus-5-5", True)
        reply = model.ask(request(model=model.name))
        assert (reply.text, reply.stop, reply.model) == ('{"whys": []}', StopReason.END, "claude-opus-5-5")
        assert reply.usage == USED.model_copy(update={"cost_usd": Decimal(0)})
        assert model.ask(request(model="another")) == reply

    def test_calls_and_opaque_blocks_come_back(self, store: DirectoryStore, folder: Path) -> None:
        asked = request(tools=(TOOL,))
        call = ToolCall(id="call-1", name="read_code", input={"path": "a.py"})
        reply = ModelReply(model="m", text="", stop=StopReason.TOOLS, calls=(call,), opaque=({"signature": "s"},))
        store.put_exchange(REF, Exchange(digest=asked.digest(), request=asked, reply=reply))
        assert ReplayedModel(folder).ask(request(tools=(TOOL,), model="x")) == reply

    def test_of_several_models_all_are_named_and_the_first_found_answers(self, store: DirectoryStore) -> None:
        second = REF.model_copy(update={"number": 2})
        kept(store, request(model="z"), "first")
        kept(store, request(model="a"), "second", second)
        kept(store, request(model="replay:z", attempt=2), ref=second)
        folder = Path(store.folder(REF)).parent
        model = ReplayedModel(folder)
        assert model.name == "replay:a,z"
        assert model.ask(request(model=model.name)).text == "first"
        assert ReplayedModel(Path(store.folder(second))).ask(request()).text == "second"

    def test_notes_of_lost_calls_are_no_exchanges(self, store: DirectoryStore, folder: Path) -> None:
        path = kept(store, request())
        (folder / "exchanges" / "lost").mkdir()
        (folder / "exchanges" / "lost" / path.name).write_text("{}")
        assert ReplayedModel(folder).ask(request())


def messages(*texts: str) -> tuple[Message, ...]:
    return tuple(Message(role="user" if number % 2 == 0 else "assistant", text=text)
                 for number, text in enumerate(texts))


class TestOutOfScript:
    @pytest.mark.parametrize(("changes", "words"), [
        ({"step": "plan"}, r"step plan, attempt 1: nothing was asked there \(recorded: five_whys 1\)"),
        ({"attempt": 2}, "step five_whys, attempt 2: nothing was asked there"),
        ({"system": "Be kind."}, "attempt 1: it differs from the nearest recorded request in the system prompt"),
        ({"tools": (TOOL,)}, "the tools"),
        ({"answer_schema": {"type": "array"}}, "the answer's schema"),
        ({"effort": "low"}, "the effort"),
        ({"most_tokens": 1}, "the most output tokens"),
        ({"messages": messages("Why?", "a", "other")}, "message 3"),
        ({"messages": messages("Why?", "a", "b", "c", "d")}, "message 4"),
        ({"messages": messages("Why?", "b", "b"), "system": "x"}, "the system prompt and in message 2"),
        ({"messages": messages("How?")}, "message 1"),
        ({"tools_closed": True}, "whether tools are closed"),
    ], ids=["step", "attempt", "system", "tools", "schema", "effort", "most-tokens", "last-message", "longer",
            "system-and-message", "first-message", "closed"])
    def test_says_what_differs_from_the_nearest(self, store: DirectoryStore, folder: Path, changes: dict[str, Any],
                                                words: str) -> None:
        kept(store, request())
        kept(store, request(messages=messages("Why?", "a", "b")))
        model = ReplayedModel(folder)
        assert not model.knows(request(**changes))
        with pytest.raises(OutOfScript, match=words) as caught:
            model.ask(request(**changes))
        assert caught.value.usage is None

    def test_results_count_as_messages(self, store: DirectoryStore, folder: Path) -> None:
        def shown(text: str) -> ModelRequest:
            results = (ToolResult(id="call-1", text=text),)
            return request(messages=(*messages("Why?", ""), Message(role="user", results=results)))

        kept(store, shown("one"))
        with pytest.raises(OutOfScript, match="message 3"):
            ReplayedModel(folder).ask(shown("other"))


def test_no_such_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("missing", "file", "x\x00y"):
        with pytest.raises(UsageProblem, match="no folder"):
            ReplayedModel(tmp_path / name)
    with pytest.raises(UsageProblem, match="nothing to replay"):
        ReplayedModel(tmp_path)


DAMAGE: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "", "torn": lambda text: text[: len(text) // 2], "no exchange": lambda _: "{}",
    "deep": lambda _: "[" * 100_000, "edited": lambda text: text.replace("Why?", "Who?"),
    "other digest": lambda text: json.dumps({**json.loads(text), "digest": "0" * 64}),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_exchange_is_named(store: DirectoryStore, folder: Path, kind: str) -> None:
    path = kept(store, request())
    path.write_text(DAMAGE[kind](path.read_text()))
    with pytest.raises(RecordDamaged, match=path.name):
        ReplayedModel(folder)


@contextmanager
def barred(path: Path, mode: int) -> Iterator[None]:
    """Somebody who is not root, and a path with that mode."""
    path.chmod(mode)
    if os.getuid() == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(os.getuid())
        path.chmod(0o755)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter; nobody else may enter pytest's own."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize(("of", "mode"), [("file", 0o000), ("folder", 0o000), ("folder", 0o444), ("above", 0o000)])
def test_what_may_not_be_read_is_not_called_damaged(open_folder: Path, of: str, mode: int) -> None:
    path = kept(DirectoryStore(open_folder), request())
    for above in path.parents[:len(path.relative_to(open_folder).parts) - 1]:
        above.chmod(0o755)
    path.chmod(0o644)
    with (barred({"file": path, "folder": path.parent, "above": path.parent.parent}[of], mode),
          pytest.raises(RecordDamaged, match="Permission denied") as caught):
        ReplayedModel(path.parent)
    assert caught.value.remedy.startswith("Change its permissions")


@pytest.mark.parametrize(("of", "mode"), [("file", 0o000), ("folder", 0o000), ("folder", 0o444)])
def test_a_script_that_may_not_be_read(open_folder: Path, of: str, mode: int) -> None:
    folder = open_folder / "script"
    folder.mkdir(mode=0o755)
    path = folder / "five_whys.1.json"
    path.write_text("{}")
    with (barred(path if of == "file" else folder, mode),
          pytest.raises((ModelProblem, UsageProblem), match="cannot be read: Permission denied") as caught):
        ScriptedModel(folder).ask(request())
    assert caught.value.remedy.startswith("Change its permissions")


def test_an_exchange_under_another_s_name_is_damage(store: DirectoryStore, folder: Path) -> None:
    path = kept(store, request())
    path.rename(path.with_name("0" * 64 + ".json"))
    with pytest.raises(RecordDamaged, match="digest"):
        ReplayedModel(folder)


def test_links_pipes_and_huge_files_are_passed_over(store: DirectoryStore, folder: Path, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    path = kept(store, request())
    other = DirectoryStore(tmp_path / "other")
    outside = kept(other, request(attempt=2))
    (path.parent / outside.name).symlink_to(outside)
    (folder / "linked").symlink_to(outside.parent, target_is_directory=True)
    os.mkfifo(path.with_name("1" * 64 + ".json"))
    huge = path.with_name("2" * 64 + ".json")
    with huge.open("wb") as stream:
        stream.truncate(replayed_model.MOST_BYTES + 1)
    model = ReplayedModel(folder)
    assert model.knows(request())
    with pytest.raises(OutOfScript, match=r"3 files passed over"):
        model.ask(request(attempt=2))
    monkeypatch.setattr(replayed_model, "MOST_EXCHANGES", 0)
    with pytest.raises(UsageProblem, match="more than 0 stored exchanges"):
        ReplayedModel(folder)


# A whole question with tools, replayed

CLOSED_BY: dict[str, dict[str, Any]] = {
    "nothing": {}, "turns": {"most_turns": 2}, "money": {"most_usd": Decimal("0.07")}, "time": {"most_seconds": 150.0},
}


class Looks:
    """Asks for three files one after the other, a minute each, and answers when it has them or has to."""

    name = "claude-opus-5-5"
    scripted = False

    def __init__(self, clock: InstantClock) -> None:
        self._clock = clock

    def ask(self, asked: ModelRequest) -> ModelReply:
        self._clock.sleep(60)
        turn = (len(asked.messages) + 1) // 2
        if turn > 3 or asked.tools_closed:
            return ModelReply(model=self.name, text='{"whys": []}', stop=StopReason.END, usage=USED)
        call = ToolCall(id="x", name="read_code", input={"path": f"{turn}.py"})
        return ModelReply(model=self.name, text="", stop=StopReason.TOOLS, usage=USED, calls=(call,))


class Box:
    """One tool."""

    tools = (TOOL,)

    def call(self, call: ToolCall) -> ToolResult:
        return ToolResult(id=call.id, text=f"text of {call.input['path']}")


def question(model: Model, store: DirectoryStore, caps: dict[str, Any], clock: InstantClock) -> Answer[ProposedWhys]:
    price = FREE if model.scripted else PRICES["claude-opus-5-5"]
    asker = Asker(model, lambda digest: store.get_exchange(REF, digest), lambda found: store.put_exchange(REF, found),
                  Budget(BudgetConfig(), price), clock)
    return asker.ask("five_whys", 1, "Be exact.", "Why?", ProposedWhys, 1000, toolbox=Box(),
                     caps=InvestigationConfig(**caps))


@pytest.mark.parametrize("cause", CLOSED_BY)
def test_a_search_is_replayed_whatever_ended_it(tmp_path: Path, cause: str) -> None:
    """Neither the clock nor the price of then are there again, and yet the same way is taken."""
    recorded, again = DirectoryStore(tmp_path / "one"), DirectoryStore(tmp_path / "two")
    clock = InstantClock()
    first = question(Looks(clock), recorded, CLOSED_BY[cause], clock)
    assert first.investigation is not None
    assert first.investigation.stopped_by is (None if cause == "nothing" else StopCause(cause))
    replayed = question(ReplayedModel(Path(recorded.folder(REF))), again, CLOSED_BY[cause], InstantClock())
    assert (replayed.value, replayed.investigation, replayed.tries) == (first.value, first.investigation, first.tries)
    assert replayed.usage.cost_usd == 0
    assert replayed.usage.tokens == first.usage.tokens
    # And the replay's own record can be replayed.
    third = question(ReplayedModel(Path(again.folder(REF))), DirectoryStore(tmp_path / "three"), CLOSED_BY[cause],
                     InstantClock())
    assert third.exchanges == replayed.exchanges


def test_a_refused_answer_is_replayed_as_refused(store: DirectoryStore, tmp_path: Path) -> None:
    class Broken(Looks):
        def ask(self, asked: ModelRequest) -> ModelReply:
            return ModelReply(model=self.name, text="no", stop=StopReason.END, usage=USED)

    with pytest.raises(AnswerRefused):
        question(Broken(InstantClock()), store, {}, InstantClock())
    with pytest.raises(AnswerRefused):
        question(ReplayedModel(Path(store.folder(REF))), DirectoryStore(tmp_path / "two"), {}, InstantClock())
