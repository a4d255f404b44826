from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from bot.domain.asking import Exchange, Message, ModelReply, ModelRequest, StopReason, Usage
from bot.domain.config import BudgetConfig
from bot.domain.errors import (
    AnswerCutOff,
    AnswerNotJson,
    AnswerRefused,
    AnswerUnfit,
    BudgetSpent,
    ModelProblem,
    RecordDamaged,
    Refusal,
)
from bot.domain.plan import TestPlan
from bot.domain.proposals import ProposedFix, ProposedTests, ProposedWhys
from bot.model.asking import MOST_TRIES, Asker
from bot.model.budget import Budget
from bot.model.prices import PRICES
from bot.model.replies import MOST_REPLY_CHARS

GOOD = json.dumps({"summary": "Wait for the subscriber.", "edits": [{"path": "a.py", "find": "x", "replace": "y"}]})
USED = Usage(input_tokens=100, output_tokens=10, cost_usd=Decimal("0.01"))


class Listed:
    """Answers from a list; the last one again and again."""

    name = "listed"
    scripted = False

    def __init__(self, *texts: str, stop: StopReason = StopReason.END) -> None:
        self.texts = texts
        self.stop = stop
        self.asked: list[ModelRequest] = []

    def ask(self, request: ModelRequest) -> ModelReply:
        self.asked.append(request)
        text = self.texts[min(len(self.asked), len(self.texts)) - 1]
        return ModelReply(model=self.name, text=text, stop=self.stop, usage=USED)


class Kept(dict[str, Exchange]):
    """Stored exchanges."""

    def save(self, exchange: Exchange) -> None:
        assert exchange.digest not in self
        self[exchange.digest] = exchange


def asker(model: Listed, kept: Kept | None = None, limits: BudgetConfig | None = None) -> tuple[Asker, Kept, Budget]:
    store = Kept() if kept is None else kept
    budget = Budget(limits or BudgetConfig(), PRICES["claude-opus-5-5"])
    return Asker(model, store.get, store.save, budget), store, budget


def ask(asking: Asker, answer: type[BaseModel] = ProposedFix, objections: Callable[..., tuple[str, ...]] | None = None,
        most_tokens: int = 1000) -> object:
    return asking.ask("fix", 1, "Be exact.", "Fix it.", answer, most_tokens, objections=objections)


def test_a_good_reply_is_one_call() -> None:
    model = Listed(GOOD)
    asking, kept, budget = asker(model)
    answer = asking.ask("fix", 1, "Be exact.", "Fix it.", ProposedFix, 1000)
    assert answer.value.edits[0].replace == "y"
    assert (answer.tries, answer.usage, answer.replayed, answer.objections) == (1, USED, Usage(), ())
    assert answer.exchanges == tuple(kept)
    assert kept[answer.exchanges[0]].request == model.asked[0]
    assert budget.spent == USED
    assert model.asked[0].answer_schema == ProposedFix.model_json_schema()


@pytest.mark.parametrize("text", [f"```json\n{GOOD}\n```", f"```\n{GOOD}\n```", f"\n  {GOOD}\n\n"])
def test_a_markdown_fence_around_the_json_is_tolerated(text: str) -> None:
    assert asker(Listed(text))[0].ask("fix", 1, "s", "p", ProposedFix, 1000).tries == 1


def test_a_stored_reply_is_used_without_a_call_or_a_budget() -> None:
    kept = Kept()
    first = asker(Listed("broken", GOOD), kept)[0].ask("fix", 1, "s", "p", ProposedFix, 1000)
    silent = Listed("must not be asked")
    asking, _, budget = asker(silent, kept, BudgetConfig(usd_per_cycle=Decimal("0.000001")))
    again = asking.ask("fix", 1, "s", "p", ProposedFix, 1000)
    assert silent.asked == []
    assert (again.value, again.exchanges, again.tries) == (first.value, first.exchanges, 2)
    assert (again.usage, again.replayed) == (Usage(), first.usage)
    assert budget.spent == Usage(), "it is among what was spent before"


def test_killed_between_two_tries_it_goes_on_with_the_second() -> None:
    kept = Kept()
    whole = Listed("broken", GOOD)
    asker(whole, kept)[0].ask("fix", 1, "s", "p", ProposedFix, 1000)
    after_kill = Kept(list(kept.items())[:1])
    rest = Listed(GOOD)
    answer = asker(rest, after_kill)[0].ask("fix", 1, "s", "p", ProposedFix, 1000)
    assert rest.asked == whole.asked[1:]
    assert after_kill == kept
    assert answer.tries == 2


def test_the_reply_is_stored_before_it_is_looked_at() -> None:
    model = Listed("", stop=StopReason.REFUSAL)
    asking, kept, _ = asker(model)
    with pytest.raises(ModelProblem):
        ask(asking)
    assert len(kept) == 1


def test_a_broken_reply_goes_back_with_the_errors() -> None:
    model = Listed('{"summary": "Wait.", "edits": []}', GOOD)
    asker(model)[0].ask("fix", 1, "s", "p", ProposedFix, 1000)
    talk = model.asked[1].messages
    assert [message.role for message in talk] == ["user", "assistant", "user"]
    assert talk[1].text == '{"summary": "Wait.", "edits": []}'
    assert "edits" in talk[2].text
    assert "ProposedFix" in talk[2].text


def test_three_broken_replies_are_refused_with_the_first_errors() -> None:
    model = Listed("{}")
    asking, kept, _ = asker(model)
    with pytest.raises(AnswerRefused, match=r"Step fix: 3 replies .* summary: Field required; edits: Field required"):
        ask(asking)
    assert len(model.asked) == len(kept) == MOST_TRIES


@pytest.mark.parametrize(("text", "kind"), [
    ("Sure! Here it is.", AnswerNotJson), ('{"summary": "Wa', AnswerNotJson), ("", AnswerNotJson), ("[]", AnswerUnfit),
    ('{"summary": "Wait.", "edits": [], "more": 1}', AnswerUnfit), (" " * (MOST_REPLY_CHARS + 1), AnswerUnfit),
], ids=["prose", "torn", "empty", "list", "schema", "huge"])
def test_replies_that_stay_broken_are_named(text: str, kind: type[AnswerRefused]) -> None:
    with pytest.raises(AnswerRefused) as caught:
        ask(asker(Listed(text))[0])
    assert type(caught.value) is kind
    assert caught.value.family == "answer"


@pytest.mark.parametrize(("stop", "words", "kind"), [
    (StopReason.LENGTH, "cut off at its limit of 1000", AnswerCutOff),
    (StopReason.REFUSAL, "refused to answer", Refusal),
    (StopReason.OTHER, "not an end", AnswerRefused),
])
def test_a_reply_that_is_none_is_named(stop: StopReason, words: str, kind: type[AnswerRefused]) -> None:
    with pytest.raises(ModelProblem, match=words) as caught:
        ask(asker(Listed(GOOD, stop=stop))[0])
    assert type(caught.value) is kind
    # Stored like any reply, so only a new attempt asks anew: the family that the engine knows by.
    assert isinstance(caught.value, AnswerRefused)


def test_a_huge_reply_is_not_read() -> None:
    model = Listed(" " * (MOST_REPLY_CHARS + 1), GOOD)
    assert asker(model)[0].ask("fix", 1, "s", "p", ProposedFix, 1000).tries == 2
    assert len(model.asked[1].messages[1].text) < 100


def test_an_exchange_that_holds_another_request_is_damage() -> None:
    kept = Kept()
    asker(Listed(GOOD), kept)[0].ask("fix", 1, "s", "p", ProposedFix, 1000)
    (digest, exchange), = kept.items()
    kept[digest] = exchange.model_copy(update={"request": exchange.request.model_copy(update={"system": "other"})})
    with pytest.raises(RecordDamaged):
        asker(Listed(GOOD), kept)[0].ask("fix", 1, "s", "p", ProposedFix, 1000)


def test_no_call_without_budget() -> None:
    model = Listed(GOOD)
    with pytest.raises(BudgetSpent, match="step fix"):
        ask(asker(model, limits=BudgetConfig(usd_per_cycle=Decimal("0.01")))[0])
    assert model.asked == []


def test_the_budget_holds_within_one_question_too() -> None:
    model = Listed("{}")
    limits = BudgetConfig(usd_per_cycle=Decimal("0.04"))
    with pytest.raises(BudgetSpent):
        ask(asker(model, limits=limits)[0])
    assert 1 <= len(model.asked) < MOST_TRIES


class TestObjections:
    def test_go_back_once_and_the_better_answer_counts(self) -> None:
        better = GOOD.replace('"y"', '"z"')
        model = Listed(GOOD, better)
        answer = asker(model)[0].ask("fix", 1, "s", "p", ProposedFix, 1000,
                                     objections=lambda fix: ("not there",) * (fix.edits[0].replace == "y"))
        assert answer.value.edits[0].replace == "z"
        assert (answer.tries, answer.objections) == (2, ())
        assert "not there" in model.asked[1].messages[2].text

    def test_what_is_still_wrong_is_returned(self) -> None:
        model = Listed(GOOD)
        answer = asker(model)[0].ask("fix", 1, "s", "p", ProposedFix, 1000, objections=lambda _: ("no",))
        assert (answer.tries, answer.objections, len(model.asked)) == (2, ("no",), 2)

    def test_a_worse_second_answer_does_not_replace_the_first(self) -> None:
        model = Listed(GOOD, GOOD.replace('"y"', '"z"'))
        answer = asker(model)[0].ask("fix", 1, "s", "p", ProposedFix, 1000,
                                     objections=lambda fix: ("no",) if fix.edits[0].replace == "y" else ("no", "no!"))
        assert answer.value.edits[0].replace == "y"
        assert answer.objections == ("no",)

    def test_a_second_answer_that_never_fits_leaves_the_first(self) -> None:
        model = Listed(GOOD, "broken")
        answer = asker(model)[0].ask("fix", 1, "s", "p", ProposedFix, 1000, objections=lambda _: ("no",))
        assert answer.objections == ("no",)
        assert answer.tries == 1 + MOST_TRIES


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["whys", "citations", "statement", "root_cause", "tests", "expectation", "message", "edits",
                         "path", "kind", "files", "summary", "quote", "line", "content"]) | st.text(max_size=5),
        inner, max_size=4),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.one_of(json_values.map(json.dumps), st.text(max_size=200)),
       st.sampled_from([ProposedWhys, TestPlan, ProposedTests, ProposedFix]), st.sampled_from(list(StopReason)))
@example("[" * 20_000, ProposedWhys, StopReason.END)
@example('{"a":' * 5_000, TestPlan, StopReason.END)
@example('{"whys": [], "whys": NaN}', ProposedWhys, StopReason.END)
@example('{"line": ' + "9" * 5000 + "}", ProposedWhys, StopReason.END)
@example('"\\ud800"', ProposedFix, StopReason.END)
def test_no_reply_crashes_the_asker(text: str, answer: type[BaseModel], stop: StopReason) -> None:
    asking, kept, _ = asker(Listed(text, stop=stop))
    with contextlib.suppress(ModelProblem):
        assert isinstance(asking.ask("plan", 1, "s", "p", answer, 1000).value, answer)
    assert kept


@pytest.mark.parametrize("pattern", ["(" * 30_000, "x{99999999999999999999}", "[[a]", "(?P<a>", "a**", "(?i)b(?i)",
"\\"])
def test_a_monstrous_pattern_in_a_plan_is_only_a_broken_reply(pattern: str) -> None:
    plan = {"summary": "s", "tests": [{
        "name": "test_abc", "path": "tests/test_a.py", "level": "unit", "difficulty": "normal", "purpose": "p",
        "expectation": {"failure": "assertion", "message": pattern[:499], "reaches": {"path": "a.py", "function": "f"}},
    }]}
    asking, kept, _ = asker(Listed(json.dumps(plan)))
    with contextlib.suppress(AnswerRefused):
        assert asking.ask("plan", 1, "s", "p", TestPlan, 1000).value.tests[0].expectation.message == pattern[:499]
    assert kept


def test_a_cut_off_reply_is_found_again_only_under_the_same_attempt() -> None:
    kept = Kept()
    with pytest.raises(AnswerCutOff):
        ask(asker(Listed(GOOD, stop=StopReason.LENGTH), kept)[0])
    with pytest.raises(AnswerCutOff):
        ask(asker(Listed(GOOD), kept)[0])
    assert asker(Listed(GOOD), kept)[0].ask("fix", 2, "Be exact.", "Fix it.", ProposedFix, 1000).tries == 1


def test_the_digest_of_a_plain_request_is_what_it_was_before_there_were_tools() -> None:
    plain = ModelRequest(step="plan", attempt=1, model="m", system="s", messages=(Message(role="user", text="q"),),
                         answer="A", answer_schema={"type": "object"}, most_tokens=10)
    assert plain.digest() == "232b57ad364a312f341de762c6ebafacfa8e1476de7807fa4c0d4fd29ab4ef21"
    keys = {"step": "plan", "attempt": 1, "model": "m", "system": "s", "messages": [{"role": "user", "text": "q"}],
            "answer": "A", "answer_schema": {"type": "object"}, "most_tokens": 10, "effort": "high"}
    assert json.loads(plain.model_dump_json()) == keys
    assert ModelRequest.model_validate(keys) == plain


def test_a_reply_that_is_no_unicode_can_be_stored() -> None:
    asking, kept, _ = asker(Listed("\ud800", GOOD))
    assert asking.ask("fix", 1, "s", "p", ProposedFix, 1000).tries == 2
    assert [Exchange.model_validate_json(item.model_dump_json()) for item in kept.values()] == list(kept.values())


def test_the_same_question_is_the_same_request() -> None:
    one, other = Listed(GOOD), Listed(GOOD)
    asker(one)[0].ask("fix", 1, "s", "p", ProposedFix, 1000)
    asker(other)[0].ask("fix", 1, "s", "p", ProposedFix, 1000)
    assert one.asked[0].digest() == other.asked[0].digest()
    asker(other)[0].ask("fix", 2, "s", "p", ProposedFix, 1000)
    assert other.asked[1].digest() != one.asked[0].digest()
