"""Which prices are known, and which are not guessed."""

from __future__ import annotations

import tomllib
from decimal import Decimal

import pytest

from bot.domain.asking import Usage
from bot.domain.config import ModelConfig, PriceConfig, VertexConfig
from bot.domain.errors import ConfigProblem
from bot.model.prices import PRICES, PRICES_READ, cost, price_of

OPUS = PRICES["claude-opus-5-5"]


def config(name: str, region: str = "", **prices: dict[str, str]) -> ModelConfig:
    return ModelConfig(name=name, vertex=VertexConfig(region=region),
                       prices={key: PriceConfig.model_validate(value) for key, value in prices.items()})


@pytest.mark.parametrize(("name", "region", "like"), [
    ("claude-opus-5-5", "", "claude-opus-5-5"),
    ("claude-haiku-5-5", "", "claude-haiku-5-5"),
    ("vertex:claude-opus-5-5", "global", "claude-opus-5-5"),
    ("vertex:claude-opus-5-5@20260801", "global", "claude-opus-5-5"),
    ("vertex:claude-haiku-4-5@20251001", "global", "claude-haiku-4-5"),
    ("bedrock:global.anthropic.claude-opus-5-5", "", "claude-opus-5-5"),
    ("bedrock:global.anthropic.claude-opus-4-6-v1", "", "claude-opus-4-6"),
    ("bedrock:global.anthropic.claude-haiku-4-5-20251001-v1:0", "", "claude-haiku-4-5"),
])
def test_the_list_holds(name: str, region: str, like: str) -> None:
    assert price_of(config(name, region)) == PRICES[like]


@pytest.mark.parametrize(("name", "region"), [
    ("claude-next", ""), ("claude-opus-5-5@20260801", "global"), ("claude-opus-5-5-20260801", ""),
    ("vertex:claude-opus-5-5", ""), ("vertex:claude-opus-5-5", "europe-west1"), ("vertex:claude-opus-5-5", "us"),
    ("vertex:claude-next", "global"), ("vertex:claude-opus-5-5@", "global"),
    ("vertex:claude-haiku-5-5", "global"),  # its price depends on the prompt's length
    ("bedrock:us.anthropic.claude-opus-5-5", ""), ("bedrock:anthropic.claude-opus-5-5", ""),
    ("bedrock:global.anthropic.claude-next", ""), ("bedrock:global.anthropic.claude-opus-5-5-preview", ""),
    ("bedrock:arn:aws:bedrock:eu-central-1:1:inference-profile/global.anthropic.claude-opus-5-5", ""),
    ("other:claude-opus-5-5", ""),
])
def test_nothing_is_guessed(name: str, region: str) -> None:
    with pytest.raises(ConfigProblem, match="is not known") as caught:
        price_of(config(name, region))
    assert PRICES_READ in caught.value.what
    toml = caught.value.remedy.partition("\n")[2].replace("…", "1.5")
    found = ModelConfig(**tomllib.loads(toml)["model"], name=name, vertex=VertexConfig(region=region))
    assert price_of(found).usual.output == Decimal("1.5")


def test_what_bot_toml_says_comes_first() -> None:
    found = price_of(config("claude-opus-5-5", **{"claude-opus-5-5": {"input": "1", "output": "2"}}))
    assert found.usual.input == Decimal(1)
    # A price is a provider's: that of the API is not that of Vertex AI.
    other = config("vertex:claude-opus-5-5", "us", **{"claude-opus-5-5": {"input": "1", "output": "2"}})
    with pytest.raises(ConfigProblem):
        price_of(other)


def test_cached_tokens_are_never_free_by_leaving_them_out() -> None:
    used = Usage(cache_read_tokens=1_000_000, cache_write_tokens=1_000_000)
    short = price_of(config("m", m={"input": "4", "output": "20"}))
    assert cost(short, used) == Decimal(4) + Decimal(5)
    whole = price_of(config("m", m={"input": "4", "output": "20", "cache_read": "0", "cache_write": "0"}))
    assert cost(whole, used) == 0
    assert cost(OPUS, used) == Decimal("5.20")
