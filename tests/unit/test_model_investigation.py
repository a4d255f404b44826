from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.directory_store import DirectoryStore
from bot.adapters.scripted_model import ScriptedModel
from bot.domain.asking import (
    Exchange,
    JsonObject,
    ModelReply,
    ModelRequest,
    StopReason,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from bot.domain.config import BudgetConfig, InvestigationConfig
from bot.domain.errors import AnswerCutOff, AnswerRefused, BudgetSpent, ModelProblem, OutOfScript
from bot.domain.evidence import EvidenceItem, EvidencePack, StopCause
from bot.domain.proposals import ProposedFix
from bot.domain.record import CycleRef
from bot.domain.tokens import estimate_tokens
from bot.evidence.fence import fence, fenced
from bot.evidence.shown import show
from bot.model.asking import MOST_TRIES, Answer, Asker
from bot.model.bounds import MOST_CALLS_KEPT, MOST_INPUT_CHARS
from bot.model.budget import Budget
from bot.model.fitting import fitted
from bot.model.investigation import MOST_ASKED_CHARS, MOST_CALLS_A_TURN
from bot.model.prices import FREE, PRICES
from bot.ports import Model

GOOD = json.dumps({"summary": "Wait for it.", "edits": [{"path": "a.py", "find": "x", "replace": "y"}]})
USED = Usage(input_tokens=100, output_tokens=10, cost_usd=Decimal("0.01"))
SHA = "a" * 40
REF = CycleRef(focus="startup", run="20251107T081500Z-0a1b2c", number=1)
NEVER = InvestigationConfig(most_turns=60, most_tokens=10**7, most_usd=Decimal(10**6), most_seconds=86_400.0)


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Shelf:
    """A small toolbox over files in memory, which counts what it is asked."""

    def __init__(self, files: dict[str, str] | None = None) -> None:
        self.files = files if files is not None else {"a.py": "1| x = 1", "b.py": "1| y = 2"}
        self.asked: list[ToolCall] = []

    @property
    def tools(self) -> tuple[Tool, ...]:
        path: JsonObject = {"type": "object", "properties": {"path": {"type": "string"}}}
        return (Tool(name="read_code", description="Read a file.", input_schema=path),
                Tool(name="list_files", description="List.", input_schema={"type": "object"}))

    def call(self, call: ToolCall) -> ToolResult:
        self.asked.append(call)
        if call.name == "list_files":
            return ToolResult(id=call.id, text=fence("\n".join(sorted(self.files))))
        text = self.files.get(str(call.input.get("path")))
        if text is None:
            return ToolResult(id=call.id, text="There is no such file.", refused=True)
        item = EvidenceItem(id="C1", kind="code", ref=f"{call.input['path']}:1", text=text)
        return ToolResult(id=call.id, text=show(EvidencePack(commit=SHA, items=(item,))))


Said = str | Iterable[tuple[str, Any]]


def reply(said: Said, **more: Any) -> ModelReply:
    """Text is an answer; pairs of name and input are calls."""
    if isinstance(said, str):
        return ModelReply(**{"model": "m", "text": said, "stop": StopReason.END, "usage": USED, **more})
    calls = tuple(ToolCall(id="toolu_random", name=name, input=given) for name, given in said)
    return ModelReply(**{"model": "m", "text": "", "stop": StopReason.TOOLS, "usage": USED, "calls": calls, **more})


class Listed:
    """Answers from a list, or by a function of how often it was asked; the last one again and again."""

    name = "listed"
    scripted = False

    def __init__(self, *replies: ModelReply | Said, after: Callable[[int], None] = lambda _: None) -> None:
        self.replies = [item if isinstance(item, ModelReply) else reply(item) for item in replies]
        self.asked: list[ModelRequest] = []
        self._after = after

    def ask(self, request: ModelRequest) -> ModelReply:
        self.asked.append(request)
        self._after(len(self.asked))
        # By the turn, as a model answers by what it is shown: a resumed conversation goes on where it was.
        turn = (len(request.messages) + 1) // 2
        return self.replies[min(turn, len(self.replies)) - 1]


class Kept(dict[str, Exchange]):
    """Stored exchanges, as bytes would give them back."""

    def save(self, exchange: Exchange) -> None:
        assert exchange.digest not in self, "asked again"
        self[exchange.digest] = Exchange.model_validate_json(exchange.model_dump_json())


def ask(model: Model, shelf: Shelf | None, caps: InvestigationConfig = NEVER, kept: Kept | None = None,
        objections: Callable[[ProposedFix], tuple[str, ...]] | None = None, clock: Hand | None = None,
        limits: BudgetConfig | None = None, attempt: int = 1) -> Answer[ProposedFix]:
    store = kept if kept is not None else Kept()
    price = FREE if model.scripted else PRICES["claude-opus-5-5"]
    budget = Budget(limits or BudgetConfig(usd_per_cycle=Decimal(1000), usd_per_day=Decimal(1000),
                                           tokens_per_cycle=10**9), price)
    asker = Asker(model, store.get, store.save, budget, clock or Hand())
    return asker.ask("fix", attempt, "Be exact.", "Fix it.", ProposedFix, 1000, objections=objections, toolbox=shelf,
                     caps=caps)


def read(*paths: str) -> list[tuple[str, JsonObject]]:
    return [("read_code", {"path": path}) for path in paths]


def caps(**given: Any) -> InvestigationConfig:
    return NEVER.model_copy(update=given)


class TestTheLoop:
    def test_with_the_scripted_model(self, tmp_path: Path) -> None:
        for name, said in {
            "fix.1.json": {"$call": [{"name": "list_files", "input": {}}]},
            "fix.1.2.json": {"$call": [{"name": "read_code", "input": {"path": name}} for name in ("a.py", "b.py")]},
            "fix.1.3.json": {"summary": "Two.", "edits": [{"path": "b.py", "find": "y", "replace": "z"}]},
        }.items():
            (tmp_path / name).write_text(json.dumps(said))
        kept, shelf = Kept(), Shelf()
        answer = ask(ScriptedModel(tmp_path), shelf, kept=kept)
        assert answer.value.edits[0].path == "b.py"
        assert [call.id for call in shelf.asked] == ["call-1", "call-2", "call-3"]
        assert answer.exchanges == tuple(kept)
        last = kept[answer.exchanges[-1]].request
        assert [(m.role, len(m.calls), len(m.results)) for m in last.messages] == [
            ("user", 0, 0), ("assistant", 1, 0), ("user", 0, 1), ("assistant", 2, 0), ("user", 0, 2)]
        assert [result.id for result in last.messages[4].results] == ["call-2", "call-3"]
        assert "y = 2" in last.messages[4].results[1].text
        assert last.tools == shelf.tools
        assert not last.tools_closed
        found = answer.investigation
        assert found is not None
        assert (found.turns, found.stopped_by) == (2, None)
        assert [(item.tool, item.asked, item.refused) for item in found.lookups] == [
            ("list_files", "{}", False), ("read_code", '{"path": "a.py"}', False),
            ("read_code", '{"path": "b.py"}', False)]
        assert found.tokens == sum(estimate_tokens(r.text) for m in last.messages for r in m.results)

    def test_text_and_opaque_blocks_go_back_with_the_calls(self) -> None:
        thought: JsonObject = {"type": "thinking", "thinking": "hm", "signature": "s=="}
        model = Listed(reply(read("a.py"), text="Let me look.\u200b", opaque=(thought,)), GOOD)
        ask(model, Shelf())
        turn = model.asked[1].messages[1]
        assert (turn.text, turn.opaque, turn.calls[0].id) == ("Let me look.\\u{200b}", (thought,), "call-1")

    def test_without_a_toolbox_nothing_is_offered_and_a_call_is_a_broken_reply(self) -> None:
        model = Listed(read("a.py"), GOOD)
        answer = ask(model, None)
        assert answer.investigation is None
        assert model.asked[0].tools == ()
        assert "none are offered" in model.asked[1].messages[2].text
        assert model.asked[1].messages[1].calls == ()

    def test_a_toolbox_needs_a_clock(self) -> None:
        with pytest.raises(ValueError, match="clock"):
            Asker(Listed(GOOD), Kept().get, Kept().save, Budget(BudgetConfig(), FREE)).ask(
                "fix", 1, "s", "p", ProposedFix, 1000, toolbox=Shelf())

    def test_refused_and_cut_off_within_the_search_are_named(self) -> None:
        with pytest.raises(AnswerCutOff):
            ask(Listed(read("a.py"), reply(read("b.py"), stop=StopReason.LENGTH)), Shelf())


class TestRefusedCalls:
    def results(self, *said: Said) -> tuple[tuple[ToolResult, ...], Shelf]:
        model, shelf = Listed(*said, GOOD), Shelf()
        ask(model, shelf)
        return model.asked[-1].messages[-1].results, shelf

    @pytest.mark.parametrize("again", [
        {"b": 1, "a": [1.0, None]}, {"a": [1, None], "b": 1.0},
    ], ids=["same", "other-order-and-floats"])
    def test_an_identical_call_says_where_its_result_stands(self, again: JsonObject) -> None:
        results, shelf = self.results([("list_files", {}), ("read_code", {"a": [1, None], "b": 1})],
                                      [("read_code", again)])
        assert len(shelf.asked) == 2
        assert results == (ToolResult(
            id="call-3", text="This call was made before: its result is that of call-2.", refused=True),)

    def test_identical_within_one_turn(self) -> None:
        results, shelf = self.results(read("a.py", "a.py"))
        assert [result.refused for result in results] == [False, True]
        assert len(shelf.asked) == 1

    def test_one_and_true_are_not_the_same(self) -> None:
        _, shelf = self.results([("read_code", {"a": 1}), ("read_code", {"a": True})])
        assert len(shelf.asked) == 2

    def test_an_unknown_tool(self) -> None:
        results, shelf = self.results([("rm -rf /\n", {"path": "a.py"})])
        assert shelf.asked == []
        assert results[0].refused
        assert results[0].text == "There is no such tool. There are: read_code, list_files."

    def test_too_many_at_a_time_may_be_made_later(self) -> None:
        paths = [f"{number}.py" for number in range(MOST_CALLS_A_TURN + 2)]
        results, shelf = self.results(read(*paths), read(paths[-1]))
        assert len(shelf.asked) == MOST_CALLS_A_TURN + 1
        assert shelf.asked[-1].input == {"path": paths[-1]}
        assert "no such file" in results[0].text

    def test_what_the_tool_refuses_is_refused(self) -> None:
        results, _ = self.results(read("none.py"))
        assert results == (ToolResult(id="call-1", text="There is no such file.", refused=True),)


def many(count: int) -> list[Said]:
    return [read(f"{number}.py") for number in range(count)]


class TestCaps:
    def closed(self, model: Listed, cause: str) -> ModelRequest:
        """The last request, which must be the first with closed tools."""
        assert [request.tools_closed for request in model.asked] == [False] * (len(model.asked) - 1) + [True]
        assert model.asked[-1].tools == Shelf().tools, "they were called, so the provider must know them"
        assert f"The limit on {cause} for" in model.asked[-1].messages[-1].text
        assert model.asked[-1].messages[-1].results
        return model.asked[-1]

    @pytest.mark.parametrize("turns", [1, 3])
    def test_turns(self, turns: int) -> None:
        model, shelf = Listed(*many(turns), GOOD), Shelf()
        answer = ask(model, shelf, caps(most_turns=turns))
        self.closed(model, "turns")
        assert len(shelf.asked) == turns
        assert answer.investigation is not None
        assert (answer.investigation.turns, answer.investigation.stopped_by) == (turns, StopCause.TURNS)

    def test_no_turns_means_no_tools(self) -> None:
        model = Listed(GOOD)
        answer = ask(model, Shelf(), caps(most_turns=0))
        assert (model.asked[0].tools, model.asked[0].tools_closed) == ((), False)
        assert answer.investigation is not None
        assert answer.investigation.stopped_by is StopCause.TURNS

    def test_tokens(self) -> None:
        long = "\n".join(f"{number}| value_{number} = {number}" for number in range(1, 400))
        model, shelf = Listed(read("a.py"), read("long.py", "b.py"), GOOD), Shelf({"a.py": "1| x", "long.py": long})
        answer = ask(model, shelf, caps(most_tokens=800))
        results = self.closed(model, "tokens").messages[-1].results
        assert answer.investigation is not None
        assert answer.investigation.tokens <= 800
        assert answer.investigation.stopped_by is StopCause.TOKENS
        assert "value_1 = 1" in results[0].text
        assert "lines left out]" in results[0].text
        assert "value_399" in results[0].text
        assert "[Cut here: the whole result has some" in results[0].text
        assert len(list(fenced(results[0].text))) == 1
        assert results[1].refused
        assert results[1].text == "There is no room left for results, so this one is not shown."
        assert len(shelf.asked) == 2

    def test_money(self) -> None:
        model = Listed(*many(30), GOOD)
        with pytest.raises(AnswerRefused):
            ask(model, Shelf(), caps(most_usd=Decimal("0.10")))
        opened = [request for request in model.asked if not request.tools_closed]
        assert 2 <= len(opened) <= 8
        priced = Budget(BudgetConfig(), PRICES["claude-opus-5-5"])
        for number, request in enumerate(opened):
            assert number * Decimal("0.01") + (priced.estimate(request).cost_usd or 0) <= Decimal("0.10")
        assert "The limit on money" in model.asked[len(opened)].messages[-1].text

    def test_money_of_a_provider_that_does_not_say_what_it_costs(self) -> None:
        unpriced = USED.model_copy(update={"output_tokens": 2000, "cost_usd": None})
        model = Listed(*(reply(read(f"{number}.py"), usage=unpriced) for number in range(2)), GOOD)
        answer = ask(model, Shelf(), caps(most_usd=Decimal("0.10")))
        assert answer.investigation is not None
        assert answer.investigation.stopped_by is StopCause.MONEY

    def test_time(self) -> None:
        clock = Hand()
        model = Listed(*many(2), GOOD, after=lambda _: clock.sleep(40))
        answer = ask(model, Shelf(), caps(most_seconds=60), clock=clock)
        self.closed(model, "time")
        assert answer.investigation is not None
        assert (answer.investigation.turns, answer.investigation.stopped_by) == (2, StopCause.TIME)

    def test_a_model_that_never_answers_is_told_once_more_and_then_refused(self) -> None:
        model, shelf = Listed(*many(20)), Shelf()
        with pytest.raises(AnswerRefused, match="told twice") as caught:
            ask(model, shelf, caps(most_turns=3))
        assert caught.value.family == "answer", "a resume asks anew"
        assert len(model.asked) == 5
        assert len(shelf.asked) == 3
        assert model.asked[4].messages[-1].results[0].text == "No more tools can be called."
        assert model.asked[4].messages[-1].text.startswith("None of these calls was made.")

    def test_an_answer_before_counts_when_the_mended_one_never_comes(self) -> None:
        model = Listed(GOOD, *many(20))
        answer = ask(model, Shelf(), caps(most_turns=2), objections=lambda _: ("no",))
        assert (answer.objections, answer.tries) == (("no",), 5)
        assert answer.investigation is not None
        assert (answer.investigation.turns, len(answer.investigation.lookups)) == (2, 3)

    def test_the_budget_of_the_cycle_holds_within_the_loop(self) -> None:
        model = Listed(*many(20))
        with pytest.raises(BudgetSpent):
            ask(model, Shelf(), limits=BudgetConfig(usd_per_cycle=Decimal("0.08")))
        assert 2 <= len(model.asked) < 8


class TestRepair:
    def test_after_a_search(self) -> None:
        model = Listed(read("a.py"), "broken", GOOD)
        answer = ask(model, Shelf())
        assert answer.tries == 3
        assert [message.role for message in model.asked[2].messages] == ["user", "assistant"] * 2 + ["user"]
        assert "no" not in answer.objections

    def test_tools_stay_open_within_the_same_caps(self) -> None:
        model, shelf = Listed(read("a.py"), GOOD, read("b.py"), GOOD.replace('"y"', '"z"')), Shelf()
        answer = ask(model, shelf, caps(most_turns=2),
                     objections=lambda fix: ("no",) * (fix.edits[0].replace == "y"))
        assert (answer.value.edits[0].replace, answer.objections) == ("z", ())
        assert [call.id for call in shelf.asked] == ["call-1", "call-2"]
        assert [request.tools_closed for request in model.asked] == [False, False, False, True]

    def test_closed_tools_stay_closed(self) -> None:
        model = Listed(read("a.py"), "broken", GOOD)
        ask(model, Shelf(), caps(most_turns=1))
        assert [request.tools_closed for request in model.asked] == [False, True, True]


class TestResume:
    @pytest.mark.parametrize("cut", range(5))
    @pytest.mark.parametrize("given", [NEVER, caps(most_turns=2), caps(most_usd=Decimal("0.07")),
                                       caps(most_tokens=250)], ids=["free", "turns", "money", "tokens"])
    def test_stored_replies_are_used_and_no_call_is_made_twice(self, given: InvestigationConfig, cut: int) -> None:
        said: list[Said] = [read("a.py"), read("b.py", "none.py"), [("list_files", {})], GOOD]
        whole, kept = Listed(*said), Kept()
        try:
            first: Answer[ProposedFix] | None = ask(whole, Shelf(), given, kept)
        except AnswerRefused:
            first = None
        left = Kept(list(kept.items())[:cut])
        rest = Listed(*said)
        if first is None:
            with pytest.raises(AnswerRefused):
                ask(rest, Shelf(), given, left)
        else:
            again = ask(rest, Shelf(), given, left)
            assert (again.value, again.exchanges, again.investigation) == (
                first.value, first.exchanges, first.investigation)
            assert again.usage + again.replayed == first.usage
        assert rest.asked == whole.asked[cut:]
        assert list(left.items()) == list(kept.items())

    def test_what_the_clock_said_then_holds_on_another_day(self) -> None:
        clock, kept = Hand(), Kept()
        model = Listed(*many(2), GOOD, after=lambda _: clock.sleep(40))
        first = ask(model, Shelf(), caps(most_seconds=60), kept, clock=clock)
        silent = Listed("must not be asked")
        again = ask(silent, Shelf(), caps(most_seconds=60), kept)
        assert (silent.asked, again.exchanges, again.investigation) == ([], first.exchanges, first.investigation)

    @pytest.mark.parametrize("stop", [StopReason.REFUSAL, StopReason.LENGTH, StopReason.OTHER])
    def test_a_first_answer_is_not_lost_over_a_second_that_is_none(self, stop: StopReason) -> None:
        found = ask(Listed(GOOD, reply("no", stop=stop)), Shelf(), objections=lambda _: ("It names nothing.",))
        assert (found.value.summary, found.objections, found.tries) == ("Wait for it.", ("It names nothing.",), 2)

    def test_a_new_attempt_takes_what_was_looked_up_and_no_answer(self) -> None:
        kept = Kept()
        refusal = reply("no", stop=StopReason.REFUSAL)
        with pytest.raises(AnswerRefused):
            ask(Listed(read("a.py"), read("b.py"), refusal), Shelf(), kept=kept)
        with pytest.raises(AnswerRefused):
            ask(Listed(refusal), Shelf(), kept=kept, attempt=2)
        third = Listed(GOOD)
        again = ask(third, Shelf(), kept=kept, attempt=3)
        assert [(asked.attempt, len(asked.messages)) for asked in third.asked] == [(3, 5)]
        assert again.investigation is not None
        assert (again.investigation.turns, again.tries, len(kept)) == (2, 3, 5)

    def test_a_stored_open_turn_is_taken_however_late_it_is(self) -> None:
        kept = Kept()
        ask(Listed(*many(2), GOOD), Shelf(), caps(most_seconds=60), kept)

        class Late(Hand):
            def now(self) -> datetime:
                self.sleep(1000)
                return super().now()

        silent = Listed("must not be asked")
        assert ask(silent, Shelf(), caps(most_seconds=60), kept, clock=Late()).tries == 3
        assert silent.asked == []


def nested(depth: int) -> JsonObject:
    value: JsonObject = {}
    for _ in range(depth):
        value = {"a": value}
    return value


HOSTILE: dict[str, Said] = {
    "a megabyte": [("read_code", {"path": "x" * 1_000_000})],
    "many keys": [("read_code", {f"k{number}": 1 for number in range(100_000)})],
    "deep": [("read_code", nested(198))],
    "deep list": [("read_code", {"a": json.loads("[" * 198 + "]" * 198)})],
    "surrogate": [("read_code", {"path": "\ud800"})],
    "surrogate key": [("read_code", {"\udfff": 1})],
    "not a number": [("read_code", {"path": float("nan")})],
    "infinite": [("read_code", {"path": [float("-inf")]})],
    "large number": [("read_code", {"path": 10**5000})],
    "odd name": [("\ud800\n" * 1000, {})],
    "no name": [("", {})],
    "a thousand calls": [("read_code", {"path": f"{number}.py"}) for number in range(1000)],
    "a thousand the same": [("read_code", {"path": "a.py"})] * 1000,
    "hidden": [("read_code", {"path": "\u202e\u200b\x00"})],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_calls_are_bounded_stored_and_answered(kind: str, tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    for _ in range(2):
        shelf, clock = Shelf(), Hand()
        odd = reply(HOSTILE[kind], text="\ud800", opaque=(nested(100), {"n": float("nan")}))
        model = Listed(HOSTILE[kind], odd, GOOD)
        asker = Asker(model, lambda digest: store.get_exchange(REF, digest),
                      lambda exchange: store.put_exchange(REF, exchange), Budget(BudgetConfig(), FREE), clock)
        answer = asker.ask("fix", 1, "s", "p", ProposedFix, 1000, toolbox=shelf, caps=NEVER)
        assert len(shelf.asked) <= 2 * MOST_CALLS_A_TURN
        last = store.get_exchange(REF, answer.exchanges[-1])
        assert last is not None
        calls = [call for message in last.request.messages for call in message.calls]
        results = [result for message in last.request.messages for result in message.results]
        assert [call.id for call in calls] == [f"call-{number}" for number in range(1, len(calls) + 1)]
        assert [result.id for result in results] == [call.id for call in calls]
        assert len(calls) <= 2 * MOST_CALLS_KEPT
        assert all(len(json.dumps(call.input)) <= 3 * MOST_INPUT_CHARS for call in calls)
        assert all(call.name and call.name.isascii() and len(call.name) <= 64 for call in calls)
        assert sum(len(result.text) for result in results) < 8_000
        assert answer.investigation is not None
        assert all(len(item.asked) <= MOST_ASKED_CHARS and "\n" not in item.asked and item.asked.isprintable()
                   for item in answer.investigation.lookups)
    assert model.asked == [], "the second time everything was stored"


def test_a_name_is_made_one_that_a_provider_takes() -> None:
    model = Listed([("read code\n", {})], GOOD)
    ask(model, Shelf())
    assert model.asked[1].messages[1].calls[0].name == "read_code_"


def test_a_broken_input_is_said_and_not_called() -> None:
    model, shelf = Listed(HOSTILE["a megabyte"], GOOD), Shelf()
    ask(model, shelf)
    assert shelf.asked == []
    assert "left out" in model.asked[1].messages[2].results[0].text
    assert len(model.asked[1].model_dump_json()) < 10_000


def test_a_tool_that_shows_hidden_text_is_made_visible() -> None:
    model = Listed(read("a.py"), GOOD)

    class Careless(Shelf):
        def call(self, call: ToolCall) -> ToolResult:
            return ToolResult(id="other", text="\u202e\ud800 x")

    ask(model, Careless())
    assert model.asked[1].messages[2].results == (ToolResult(id="call-1", text="\\u{202e}\\u{d800} x"),)


inputs = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda part: st.lists(part, max_size=2) | st.dictionaries(st.text(st.characters(), max_size=4), part, max_size=2),
    max_leaves=5,
)
calls = st.tuples(st.sampled_from(["read_code", "list_files", "nope"]), st.one_of(
    st.sampled_from([{"path": "a.py"}, {"path": "b.py"}, {}]), st.dictionaries(st.sampled_from(["path", "x"]), inputs)))
turns = st.lists(st.one_of(st.lists(calls, min_size=1, max_size=10), st.sampled_from([GOOD, "broken", "{}"])),
                 min_size=1, max_size=6)


@settings(max_examples=80, deadline=None)
@given(turns, st.integers(0, 4), st.integers(1, 600), st.sampled_from(["0.05", "0.07", "9"]), st.booleans())
def test_two_runs_make_the_same_requests_within_the_caps(
    said: list[Said], most_turns: int, most_tokens: int, most_usd: str, objects: bool,
) -> None:
    given_caps = caps(most_turns=most_turns, most_tokens=most_tokens, most_usd=Decimal(most_usd))

    def run() -> tuple[list[str], object]:
        model, shelf = Listed(*said), Shelf()
        try:
            answer = ask(model, shelf, given_caps, objections=lambda _: ("no",) if objects else ())
            assert answer.investigation is not None
            assert answer.investigation.tokens <= most_tokens
            assert answer.investigation.turns <= most_turns
            outcome: object = (answer.value, answer.investigation)
        except ModelProblem as error:
            outcome = (type(error), str(error))
        assert len(model.asked) <= most_turns + 2 + MOST_TRIES
        assert len(shelf.asked) <= most_turns * MOST_CALLS_A_TURN
        return [request.model_dump_json() for request in model.asked], outcome

    assert run() == run()


blocks = st.lists(st.tuples(st.text(st.characters(), max_size=30), st.text(st.characters(), max_size=400)), max_size=4)


@settings(max_examples=120, deadline=None)
@given(blocks, st.integers(0, 400))
def test_a_cut_result_fits_and_its_fences_are_whole(given_blocks: list[tuple[str, str]], most: int) -> None:
    text = "\n".join(f"[C1] code {json.dumps(header)}\n{fence(body)}" for header, body in given_blocks) or "nothing"
    found = fitted(text, most)
    assert estimate_tokens(found) <= most
    assert (found == text) is (estimate_tokens(text) <= most)
    lines = found.split("\n")
    opened = [line for line in lines if line.startswith("<<<data ")]
    assert len(list(fenced(found))) <= len(opened)
    outside = found
    for _, body in fenced(found):
        outside = outside.replace(f"\n{body}\n", "\n", 1)
    for _, body in given_blocks:
        # What a stranger wrote stands nowhere but within a fence.
        assert len(body) < 30 or body not in outside


class TestScripts:
    def test_a_citation_of_what_a_tool_showed(self, tmp_path: Path) -> None:
        (tmp_path / "fix.1.json").write_text(json.dumps({"$call": [{"name": "read_code", "input": {"path": "b.py"}}]}))
        (tmp_path / "fix.1.2.json").write_text(json.dumps({"cited": {"$code": ["b.py", "y = 2"]}}))
        model, kept = ScriptedModel(tmp_path), Kept()
        with pytest.raises(AnswerRefused):
            ask(model, Shelf(), kept=kept)
        said = [json.loads(item.reply.text) for item in kept.values() if item.reply.text]
        assert said[0]["cited"] == {"kind": "code", "path": "b.py", "line": 1, "commit": SHA, "quote": "y = 2"}

    def test_closed_tools_lead_to_the_next_answer(self, tmp_path: Path) -> None:
        for name, path in (("fix.1", "a.py"), ("fix.1.2", "b.py"), ("fix.1.3", "c.py")):
            (tmp_path / f"{name}.json").write_text(json.dumps(
                {"$call": [{"name": "read_code", "input": {"path": path}}]}))
        (tmp_path / "fix.1.4.json").write_text(GOOD)
        for most, tries in ((0, 1), (1, 2), (2, 3), (9, 4)):
            assert ask(ScriptedModel(tmp_path), Shelf(), caps(most_turns=most)).tries == tries
        assert ask(ScriptedModel(tmp_path), None).tries == 1

    def test_closed_tools_and_nothing_but_calls(self, tmp_path: Path) -> None:
        (tmp_path / "fix.1.json").write_text('{"$call": [{"name": "list_files", "input": {}}]}')
        with pytest.raises(OutOfScript, match="no tool may be called now"):
            ask(ScriptedModel(tmp_path), Shelf(), caps(most_turns=1))

    @pytest.mark.parametrize("broken", ['{"$call": {}}', '{"$call": []}', '{"$call": ["x"]}',
                                        '{"$call": [{"name": "x"}]}', '{"$call": [{"name": 1, "input": {}}]}',
                                        '{"$call": [{"name": "x", "input": {}, "more": 1}]}', '{"a": {"$call": []}}'])
    def test_a_broken_call_names_its_file(self, tmp_path: Path, broken: str) -> None:
        (tmp_path / "fix.1.json").write_text(broken)
        with pytest.raises(ModelProblem, match=r"fix\.1\.json"):
            ask(ScriptedModel(tmp_path), Shelf())
