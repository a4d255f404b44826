"""Keeps model calls within the budget: an upper estimate before each call, the real usage after it."""

from __future__ import annotations

import json
from decimal import ROUND_UP, Decimal

from pydantic import JsonValue

from bot.domain.asking import ModelRequest, Usage
from bot.domain.config import BudgetConfig
from bot.domain.errors import BudgetSpent
from bot.domain.tokens import estimate_tokens
from bot.model.prices import Price, cost

_OVERHEAD_TOKENS = 1_000
_BLOCK_TOKENS = 30
"""What a provider may write around a tool, a call, a result or a block of its own."""
_MOST_DIGITS = 24
"""Of the USD in an amount that is said to the cent: with the cents, Decimal's 28 digits hold them."""
_COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


def prompt_tokens(request: ModelRequest) -> int:
    """Return an upper estimate of what a request sends: its schema, tools, calls and their results included."""
    schema = json.dumps(request.answer_schema)
    texts = [request.system, schema, *(message.text for message in request.messages)]
    blocks = [_text(tool.model_dump(mode="json")) for tool in request.tools]
    for message in request.messages:
        blocks += [_text([call.id, call.name, call.input]) for call in message.calls]
        blocks += [f"{result.id} {result.text}" for result in message.results]
        blocks += [_text(block) for block in message.opaque]
    return sum(map(estimate_tokens, (*texts, *blocks))) + _BLOCK_TOKENS * len(blocks) + _OVERHEAD_TOKENS


def _text(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False)


class Budget:
    """What a cycle, and a day, may still spend. `spent` is what the cycle's record holds so far.

    A usage whose cost is unknown (None) is counted at the given price.
    """

    def __init__(self, limits: BudgetConfig, price: Price, spent: Usage | None = None,
                 spent_today_usd: Decimal = Decimal(0)) -> None:
        self._limits = limits
        self._price = price
        self._spent = Usage()
        self._today = spent_today_usd
        if spent is not None:
            self._spent = self.priced(spent)

    @property
    def spent(self) -> Usage:
        """What the cycle has spent, the charges since included."""
        return self._spent

    def estimate(self, request: ModelRequest) -> Usage:
        """What the call may use at most, with its cost."""
        into = prompt_tokens(request)
        rates = self._price.at(into)
        # A cache write is dearer than plain input, and which tokens are written is the provider's choice.
        dearest = max(rates.input, rates.cache_write)
        worst = (into * dearest + request.most_tokens * rates.output) / Decimal(1_000_000)
        return Usage(input_tokens=into, output_tokens=request.most_tokens, cost_usd=worst)

    def check(self, request: ModelRequest) -> None:
        """Raise BudgetSpent when the call could take the cycle or the day over a limit."""
        estimate = self.estimate(request)
        worst = estimate.cost_usd or Decimal(0)
        spent = self._spent.cost_usd or Decimal(0)
        what = f"The call for step {request.step} (attempt {request.attempt})"
        if spent + worst > self._limits.usd_per_cycle:
            raise BudgetSpent(
                f"{what} may cost up to {_usd(worst)}, and {_usd(spent)} of {_usd(self._limits.usd_per_cycle)} "
                "for this cycle are spent.",
                "Raise [budget] usd_per_cycle in bot.toml or lower [model] most_output_tokens, then run `bot resume`.",
            )
        if self._today + worst > self._limits.usd_per_day:
            raise BudgetSpent(
                f"{what} may cost up to {_usd(worst)}, and {_usd(self._today)} of {_usd(self._limits.usd_per_day)} "
                "for this day are spent.",
                "Run `bot resume` tomorrow, or raise [budget] usd_per_day in bot.toml.",
            )
        if self._spent.tokens + estimate.tokens > self._limits.tokens_per_cycle:
            raise BudgetSpent(
                f"{what} may use up to {estimate.tokens} tokens, and {self._spent.tokens} of "
                f"{self._limits.tokens_per_cycle} for this cycle are used.",
                "Raise [budget] tokens_per_cycle in bot.toml, then run `bot resume`.",
            )

    def charge(self, usage: Usage) -> None:
        """Count a call. A stored reply is not charged: it is among what was spent already."""
        priced = self.priced(usage)
        self._spent = self._spent + priced
        self._today += priced.cost_usd or Decimal(0)

    def release(self, usage: Usage, today: bool) -> None:
        """Take back what was counted for a call twice: by its estimate and by its stored reply."""
        cost_usd = self.priced(usage).cost_usd or Decimal(0)
        left = {name: max(0, getattr(self._spent, name) - getattr(usage, name)) for name in _COUNTS}
        self._spent = Usage(**left, cost_usd=max(Decimal(0), (self._spent.cost_usd or Decimal(0)) - cost_usd))
        if today:
            self._today = max(Decimal(0), self._today - cost_usd)

    def priced(self, usage: Usage) -> Usage:
        """The usage with its cost, where the provider's price for it is not known."""
        if usage.cost_usd is not None:
            return usage
        return usage.model_copy(update={"cost_usd": cost(self._price, usage)})


def _usd(amount: Decimal) -> str:
    """An amount, rounded up to cents; one with more digits than any money has in short."""
    if not amount.is_finite() or amount.adjusted() > _MOST_DIGITS:
        return f"{amount:.3E} USD"
    return f"{amount.quantize(Decimal('0.01'), ROUND_UP)} USD"
