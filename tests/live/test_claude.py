"""Claude itself, with a key: WHYBOT_TESTS_LIVE=1 and ANTHROPIC_API_KEY."""

from __future__ import annotations

import pytest

from bot.adapters.claude import ClaudeModel
from bot.adapters.system_clock import SystemClock
from bot.domain.asking import Message, ModelRequest, StopReason
from bot.domain.base import Frozen
from bot.domain.config import ModelConfig


class Sum(Frozen):
    """The answer to a small question."""

    total: int


@pytest.mark.live
def test_a_structured_answer() -> None:
    model = ClaudeModel(ModelConfig(name="claude-haiku-5-5"), SystemClock())
    request = ModelRequest(
        step="plan", attempt=1, model=model.name, system="Answer with JSON.",
        messages=(Message(role="user", text="What is 2 + 3?"),), answer="Sum", answer_schema=Sum.model_json_schema(),
        most_tokens=200, effort="low",
    )
    reply = model.ask(request)
    assert reply.stop is StopReason.END
    assert Sum.model_validate_json(reply.text).total == 5
    assert reply.usage.input_tokens > 0
