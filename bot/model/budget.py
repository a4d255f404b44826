"""Keeps model calls within the budget: an upper estimate before each call, the real usage after it."""

from __future__ import annotations

import json
from decimal import ROUND_UP, Decimal

from bot.domain.asking import ModelRequest, Usage
from bot.domain.config import BudgetConfig
from bot.domain.errors import BudgetSpent
from bot.model.prices import Price, cost

_OVERHEAD_TOKENS = 1_000


def estimate_tokens(text: str) -> int:
    """Return an upper estimate of a text's tokens: one for three ASCII characters, one for each other UTF-8 byte."""
    size = len(text.encode("utf-8", "surrogatepass"))
    plain = len(text.encode("ascii", "ignore"))
    return -(-plain // 3) + (size - plain)


def prompt_tokens(request: ModelRequest) -> int:
    """Return an upper estimate of what a request sends, its schema included."""
    schema = json.dumps(request.answer_schema)
    texts = (request.system, schema, *(message.text for message in request.messages))
    return sum(map(estimate_tokens, texts)) + _OVERHEAD_TOKENS


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
            self._spent = self._priced(spent)

    @property
    def spent(self) -> Usage:
        """What the cycle has spent, the charges since included."""
        return self._spent

    def check(self, request: ModelRequest) -> None:
        """Raise BudgetSpent when the call could take the cycle or the day over a limit."""
        into = prompt_tokens(request)
        rates = self._price.at(into)
        # A cache write is dearer than plain input, and which tokens are written is the provider's choice.
        dearest = max(rates.input, rates.cache_write)
        worst = (into * dearest + request.most_tokens * rates.output) / Decimal(1_000_000)
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
        if self._spent.tokens + into + request.most_tokens > self._limits.tokens_per_cycle:
            raise BudgetSpent(
                f"{what} may use up to {into + request.most_tokens} tokens, and {self._spent.tokens} of "
                f"{self._limits.tokens_per_cycle} for this cycle are used.",
                "Raise [budget] tokens_per_cycle in bot.toml, then run `bot resume`.",
            )

    def charge(self, usage: Usage) -> None:
        """Count a call. A stored reply is not charged: it is among what was spent already."""
        priced = self._priced(usage)
        self._spent = self._spent + priced
        self._today += priced.cost_usd or Decimal(0)

    def _priced(self, usage: Usage) -> Usage:
        if usage.cost_usd is not None:
            return usage
        return usage.model_copy(update={"cost_usd": cost(self._price, usage)})


def _usd(amount: Decimal) -> str:
    return f"{amount.quantize(Decimal('0.01'), ROUND_UP)} USD"
