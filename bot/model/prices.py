"""What models cost. A price that is not known here has to be given in `bot.toml`; none is guessed."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Final

from bot.domain.asking import Usage
from bot.domain.base import Frozen
from bot.domain.config import ModelConfig, PriceConfig
from bot.domain.errors import ConfigProblem

PRICES_READ: Final = "2026-10-24"
"""The day for which the table below was last seen confirmed: platform.claude.com, "Pricing" and the model
overviews, standard tier, five-minute cache writes. Prices change: `[model.prices]` overrides the table.
"""
_MILLION = Decimal(1_000_000)


class Price(Frozen):
    """USD per million tokens. Where `long` is given, it applies to all tokens of a request whose prompt
    (cached tokens included) has more than `long_above` tokens.
    """

    usual: PriceConfig
    long: PriceConfig | None = None
    long_above: int = 0

    def at(self, prompt_tokens: int) -> PriceConfig:
        """The rates for a prompt of this many tokens."""
        return self.long if self.long is not None and prompt_tokens > self.long_above else self.usual


def _rates(given: str) -> PriceConfig:
    """Rates from "input output cache_write cache_read"."""
    into, out, write, read = (Decimal(part) for part in given.split())
    return PriceConfig(input=into, output=out, cache_write=write, cache_read=read)


PRICES: Final[dict[str, Price]] = {
    "claude-fable-5-1": Price(usual=_rates("10 50 12.50 0.25")),
    "claude-mythos-5-1": Price(usual=_rates("10 50 12.50 0.25")),
    "claude-fable-5": Price(usual=_rates("10 50 12.50 1")),
    "claude-mythos-5": Price(usual=_rates("10 50 12.50 1")),
    "claude-opus-5-5": Price(usual=_rates("4 20 5 0.20")),
    "claude-opus-5": Price(usual=_rates("5 25 6.25 0.50")),
    "claude-opus-4-8": Price(usual=_rates("5 25 6.25 0.50")),
    "claude-opus-4-7": Price(usual=_rates("5 25 6.25 0.50")),
    "claude-opus-4-6": Price(usual=_rates("5 25 6.25 0.50")),
    "claude-opus-4-5": Price(usual=_rates("5 25 6.25 0.50")),
    "claude-sonnet-5-5": Price(usual=_rates("2 10 2.50 0.10")),
    "claude-sonnet-5": Price(usual=_rates("2 10 2.50 0.20")),
    "claude-sonnet-4-6": Price(usual=_rates("3 15 3.75 0.30")),
    "claude-haiku-5-5": Price(
        usual=_rates("0.10 0.50 0.125 0.01"), long=_rates("0.50 2.50 0.625 0.05"), long_above=100_000,
    ),
    "claude-haiku-4-5": Price(usual=_rates("1 5 1.25 0.10")),
}

FREE: Final = Price(usual=PriceConfig(input=Decimal(0), output=Decimal(0)))
"""The price of a scripted model."""


_BEDROCK_GLOBAL: Final = re.compile(r"global\.anthropic\.(claude-[a-z0-9-]+?)(?:-20\d{6})?(?:-v\d+(?::\d+)?)?")
_VERTEX: Final = re.compile(r"(claude-[a-z0-9-]+)(?:@\S+)?")


def price_of(config: ModelConfig) -> Price:
    """Return the price of the configured model: what `[model.prices]` says under its name, else the table's.

    The name is a Claude model's id, or `vertex:ID` or `bedrock:ID`. On these two the table holds for global endpoints
    only: by the providers' rule those cost what Anthropic's own API costs, and regional ones 10 % more
    (platform.claude.com, "Pricing", cloud platforms; models of 4.5 and later, which all in the table are). Prices
    that depend on a prompt's length are known for Anthropic's own API alone. Raises ConfigProblem with the lines to
    add when the price is unknown.
    """
    given = config.prices.get(config.name)
    if given is not None:
        return Price(usual=_complete(given))
    known = _listed(config)
    if known is None:
        raise ConfigProblem(
            f"The price of the model {config.name!r} is not known (the list here is of {PRICES_READ}), so the budget "
            f"could not be kept.{_why(config)}",
            "Add its price in USD per million tokens to bot.toml:\n"
            f"[model.prices.{json.dumps(config.name, ensure_ascii=False)}]\n"
            'input = "…"\noutput = "…"\ncache_read = "…"\ncache_write = "…"',
        )
    return known


def _complete(given: PriceConfig) -> PriceConfig:
    """Prices of the cache that were left out, not below what they are: prompts are cached whether or not they stand
    there. A five-minute write costs 1.25 times the input, a read less than it.
    """
    left_out = {"cache_read": given.input, "cache_write": given.input * Decimal("1.25")}
    return given.model_copy(update={
        name: price for name, price in left_out.items() if name not in given.model_fields_set
    })


def _listed(config: ModelConfig) -> Price | None:
    """The table's price, where the model is known to have it."""
    kind, _, id_ = config.name.partition(":")
    if kind == "vertex":
        match = _VERTEX.fullmatch(id_) if config.vertex.region == "global" else None
    elif kind == "bedrock":
        match = _BEDROCK_GLOBAL.fullmatch(id_)
    else:
        return PRICES.get(config.name)
    found = PRICES.get(match.group(1)) if match is not None else None
    return None if found is None or found.long is not None else found


def _why(config: ModelConfig) -> str:
    """What would make it known, where that is not the price itself."""
    if config.name.startswith("vertex:") and config.vertex.region != "global":
        return ' The prices known here hold for the global endpoint alone: region = "global" under [model.vertex].'
    if config.name.startswith("bedrock:") and not config.name.startswith("bedrock:global."):
        return " The prices known here hold for global inference profiles alone: global.anthropic.…"
    return ""


def cost(price: Price, usage: Usage) -> Decimal:
    """Return what the usage costs in USD, exactly (not rounded)."""
    prompt = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    rates = price.at(prompt)
    return (
        usage.input_tokens * rates.input + usage.output_tokens * rates.output
        + usage.cache_read_tokens * rates.cache_read + usage.cache_write_tokens * rates.cache_write
    ) / _MILLION
