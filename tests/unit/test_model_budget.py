from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.domain.asking import JsonObject, Message, ModelRequest, Tool, ToolCall, ToolResult, Usage
from bot.domain.config import BudgetConfig, ModelConfig, PriceConfig
from bot.domain.errors import BudgetSpent, ConfigProblem
from bot.domain.tokens import estimate_tokens
from bot.model.budget import Budget, prompt_tokens
from bot.model.prices import FREE, PRICES, Price, cost, price_of

OPUS = PRICES["claude-opus-5-5"]


def request(text: str = "x", most_tokens: int = 1000) -> ModelRequest:
    return ModelRequest(step="plan", attempt=2, model="m", system="", messages=(Message(role="user", text=text),),
                        answer="A", answer_schema={}, most_tokens=most_tokens)


def test_cost_is_exact() -> None:
    usage = Usage(input_tokens=1_000_001, output_tokens=3, cache_read_tokens=7, cache_write_tokens=11)
    assert cost(OPUS, usage) == Decimal("4.000004") + Decimal("0.000060") + Decimal("0.0000014") + Decimal("0.000055")


def test_a_long_prompt_has_its_own_rates() -> None:
    haiku = PRICES["claude-haiku-5-5"]
    assert cost(haiku, Usage(input_tokens=100_000, output_tokens=1_000_000)) == Decimal("0.51")
    assert cost(haiku, Usage(input_tokens=100_000, cache_read_tokens=1, output_tokens=0)) == Decimal("0.05000005")


def test_a_configured_price_comes_before_the_table() -> None:
    given_price = PriceConfig(input=Decimal(1), output=Decimal(2), cache_read=Decimal(0), cache_write=Decimal(3))
    assert price_of(ModelConfig(prices={"claude-opus-5-5": given_price})).usual == given_price
    assert price_of(ModelConfig()) == OPUS


def test_cache_prices_that_are_left_out_are_not_free() -> None:
    found = price_of(ModelConfig(prices={"claude-opus-5-5": PriceConfig(input=Decimal(4), output=Decimal(2))})).usual
    assert (found.cache_read, found.cache_write) == (Decimal(4), Decimal(5))


def test_an_unknown_price_says_what_to_add_and_that_is_valid() -> None:
    with pytest.raises(ConfigProblem) as caught:
        price_of(ModelConfig(name="claude-next"))
    with pytest.raises(ValidationError):
        ModelConfig(**tomllib.loads(caught.value.remedy.split("\n", 1)[1])["model"])
    toml = caught.value.remedy.split("\n", 1)[1].replace("…", "1.5")
    found = ModelConfig(**tomllib.loads(toml)["model"], name="claude-next")
    assert price_of(found).usual.output == Decimal("1.5")


@given(st.text(max_size=300))
def test_the_estimate_is_never_below_a_third_of_the_characters(text: str) -> None:
    assert estimate_tokens(text) * 3 >= len(text)


def test_text_that_is_not_ascii_counts_by_its_bytes() -> None:
    assert estimate_tokens("abcdef") == 2
    assert estimate_tokens("日本") == 6


@given(st.integers(0, 20_000), st.integers(1, 20_000), st.integers(0, 6_000_000), st.integers(0, 30_000))
def test_what_passes_the_check_stays_within_the_limit(size: int, most: int, spent_micro: int, out: int) -> None:
    limits = BudgetConfig(usd_per_cycle=Decimal(5))
    spent = Usage(cost_usd=Decimal(spent_micro) / 1_000_000)
    budget = Budget(limits, OPUS, spent)
    asked = request("a" * size, most)
    try:
        budget.check(asked)
    except BudgetSpent:
        return
    budget.charge(Usage(input_tokens=min(size // 3, prompt_tokens(asked)), output_tokens=min(out, most), cost_usd=None))
    assert budget.spent.cost_usd is not None
    assert budget.spent.cost_usd <= limits.usd_per_cycle


@pytest.mark.parametrize(("limits", "spent", "today", "words"), [
    (BudgetConfig(), Usage(cost_usd=Decimal("4.99")), "0", "4.99 USD of 5.00 USD for this cycle"),
    (BudgetConfig(), Usage(), "19.995", "for this day"),
    (BudgetConfig(tokens_per_cycle=3000), Usage(input_tokens=1500), "0", "1500 of 3000 for this cycle"),
])
def test_each_limit_has_its_sentence(limits: BudgetConfig, spent: Usage, today: str, words: str) -> None:
    with pytest.raises(BudgetSpent, match=words) as caught:
        Budget(limits, OPUS, spent, Decimal(today)).check(request())
    assert "step plan (attempt 2)" in caught.value.what
    assert "bot resume" in caught.value.remedy


TOOL = Tool(name="read_code", description="d" * 300, input_schema={"type": "object", "description": "x" * 300})
SIGNED: JsonObject = {"type": "thinking", "signature": "s" * 300}


@pytest.mark.parametrize("more", [
    {"tools": (TOOL,)},
    {"messages": (Message(role="assistant", calls=(ToolCall(id="call-1", name="n", input={"a": "x" * 300}),)),)},
    {"messages": (Message(role="user", results=(ToolResult(id="call-1", text="x" * 300),)),)},
    {"messages": (Message(role="assistant", opaque=(SIGNED,)),)},
    {"messages": (Message(role="assistant", text="x" * 300),)},
    {"answer_schema": {"description": "x" * 300}}, {"system": "x" * 300},
], ids=["tools", "calls", "results", "opaque", "text", "schema", "system"])
def test_all_that_is_sent_counts(more: dict[str, object]) -> None:
    plain = request().model_copy(update={"messages": ()})
    assert prompt_tokens(plain.model_copy(update=more)) >= prompt_tokens(plain) + 100


def test_text_in_a_call_counts_by_its_bytes() -> None:
    def calling(text: str) -> ModelRequest:
        call = ToolCall(id="call-1", name="n", input={"a": text})
        return request().model_copy(update={"messages": (Message(role="assistant", calls=(call,)),)})

    assert prompt_tokens(calling("日" * 100)) - prompt_tokens(calling("")) == 300


def test_the_estimate_of_a_call_has_its_worst_cost() -> None:
    estimate = Budget(BudgetConfig(), OPUS).estimate(request(most_tokens=1000))
    assert (estimate.input_tokens, estimate.output_tokens) == (prompt_tokens(request()), 1000)
    assert estimate.cost_usd == (prompt_tokens(request()) * Decimal(5) + 1000 * Decimal(20)) / 1_000_000
    assert Budget(BudgetConfig(), FREE).estimate(request()).cost_usd == 0


def test_what_was_counted_twice_is_taken_back() -> None:
    limits = BudgetConfig(usd_per_cycle=Decimal(50), usd_per_day=Decimal(1))
    for today, raises in ((True, False), (False, True)):
        budget = Budget(limits, OPUS, Usage(input_tokens=10, cost_usd=Decimal("0.99")), Decimal("0.99"))
        budget.release(Usage(input_tokens=10, output_tokens=1, cost_usd=Decimal("0.90")), today)
        assert budget.spent == Usage(cost_usd=Decimal("0.09"))
        if raises:
            with pytest.raises(BudgetSpent, match="day"):
                budget.check(request())
        else:
            budget.check(request())


def test_a_scripted_model_costs_nothing_but_counts_its_tokens() -> None:
    budget = Budget(BudgetConfig(usd_per_cycle=Decimal("0.01")), FREE)
    budget.check(request(most_tokens=100_000))
    budget.charge(Usage(input_tokens=10, output_tokens=20))
    assert budget.spent == Usage(input_tokens=10, output_tokens=20)


def test_what_was_spent_on_other_days_does_not_count_for_this_one() -> None:
    spent = Usage(cost_usd=Decimal("0.99"))
    budget = Budget(BudgetConfig(usd_per_cycle=Decimal(50), usd_per_day=Decimal(1)), OPUS, spent)
    budget.check(request())
    budget.charge(Usage(cost_usd=Decimal("0.99")))
    with pytest.raises(BudgetSpent, match="day"):
        budget.check(request())


def test_an_unknown_cost_is_priced() -> None:
    budget = Budget(BudgetConfig(), OPUS, Usage(input_tokens=1_000_000, cost_usd=None))
    assert budget.spent.cost_usd == Decimal(4)


PRICE = st.decimals(0, 100_000, places=9)
USD = st.decimals("0.000000001", 1_000_000, places=9)


@given(PRICE, PRICE, PRICE, PRICE, USD, USD, st.integers(1, 10**12), st.integers(1, 128_000), st.integers(0, 10**15))
def test_no_allowed_price_or_limit_breaks_the_budget(
    into: Decimal, out: Decimal, read: Decimal, write: Decimal, cycle: Decimal, day: Decimal, tokens: int, most: int,
    used: int,
) -> None:
    price = PriceConfig(input=into, output=out, cache_read=read, cache_write=write)
    limits = BudgetConfig(usd_per_cycle=cycle, usd_per_day=day, tokens_per_cycle=tokens)
    spent = Usage(input_tokens=used, output_tokens=used, cache_read_tokens=used, cache_write_tokens=used)
    for already in (None, spent):
        budget = Budget(limits, Price(usual=price), already, Decimal(10) ** 20)
        with suppress(BudgetSpent):
            budget.check(request(most_tokens=most))
        assert budget.spent.cost_usd is not None
        assert budget.spent.cost_usd >= 0


@pytest.mark.parametrize(("spent", "said"), [
    ("0.001", "0.01 USD of 1.00 USD"), ("123456789012345678901234.001", "123456789012345678901234.01 USD of"),
    ("1E+30", "1.000E+30 USD of"), ("1E+999999", "1.000E+999999 USD of"),
])
def test_any_amount_can_be_said(spent: str, said: str) -> None:
    with pytest.raises(BudgetSpent, match=re.escape(said)):
        Budget(BudgetConfig(usd_per_cycle=Decimal(1)), OPUS, Usage(cost_usd=Decimal(spent))).check(
            request(most_tokens=128_000))
