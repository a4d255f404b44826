"""Claude itself: WHYBOT_TESTS_LIVE=1, and for each provider its credentials.

ANTHROPIC_API_KEY for Anthropic's own API; WHYBOT_LIVE_VERTEX_PROJECT and Google's default credentials for Vertex AI;
WHYBOT_LIVE_BEDROCK_REGION and what boto3 finds for Bedrock.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.adapters.claude_model import ClaudeModel
from bot.adapters.surroundings import Surroundings, opener
from bot.adapters.system_clock import SystemClock
from bot.domain.asking import Message, ModelRequest, StopReason, Tool, ToolResult
from bot.domain.base import Frozen
from bot.domain.config import BedrockConfig, BotConfig, ModelConfig, VertexConfig

NEEDED = {
    "claude": "ANTHROPIC_API_KEY", "vertex": "WHYBOT_LIVE_VERTEX_PROJECT", "bedrock": "WHYBOT_LIVE_BEDROCK_REGION",
}
MODELS = {
    "claude": "claude-sonnet-5-5", "vertex": "claude-sonnet-5-5", "bedrock": "global.anthropic.claude-sonnet-5-5",
}
SHELF = Tool(name="count_shelf", description="How many books stand on a shelf.", input_schema={
    "type": "object", "properties": {"shelf": {"type": "string"}}, "required": ["shelf"],
})


class Sum(Frozen):
    """The answer to a small question."""

    total: int


@pytest.fixture(params=NEEDED)
def model(request: pytest.FixtureRequest) -> ClaudeModel:
    kind = request.param
    given = os.environ.get(NEEDED[kind], "")
    if not given:
        pytest.skip(f"{NEEDED[kind]} is not set")
    config = ModelConfig(vertex=VertexConfig(project=given if kind == "vertex" else "", region="global"),
                         bedrock=BedrockConfig(region=given if kind == "bedrock" else ""))
    module = "bot.adapters.claude" if kind == "claude" else f"bot.adapters.claude_{kind}"
    surroundings = Surroundings(BotConfig(model=config), SystemClock(), os.environ, Path())
    found: ClaudeModel = opener(module, "open_model")(MODELS[kind], surroundings)
    return found


def question(model: ClaudeModel, text: str, tools: tuple[Tool, ...] = ()) -> ModelRequest:
    return ModelRequest(
        step="plan", attempt=1, model=model.name, system="Answer with JSON.", tools=tools,
        messages=(Message(role="user", text=text),), answer="Sum", answer_schema=Sum.model_json_schema(),
        most_tokens=2_000, effort="low",
    )


@pytest.mark.live
def test_a_structured_answer(model: ClaudeModel) -> None:
    reply = model.ask(question(model, "What is 2 + 3?"))
    assert reply.stop is StopReason.END
    assert Sum.model_validate_json(reply.text).total == 5
    assert reply.usage.input_tokens > 0


@pytest.mark.live
def test_a_call_and_the_cache(model: ClaudeModel) -> None:
    filler = "This line says nothing of the shelves, and is here to be cached.\n" * 400
    asked = question(model, f"{filler}\nHow many books are on shelves A and B together? Count them.", (SHELF,))
    for _ in range(4):
        reply = model.ask(asked)
        if reply.stop is not StopReason.TOOLS:
            break
        counts = {"A": "19", "B": "23"}
        asked = asked.model_copy(update={"messages": (
            *asked.messages, Message(role="assistant", text=reply.text, calls=reply.calls, opaque=reply.opaque),
            Message(role="user", results=tuple(
                ToolResult(id=call.id, text=counts.get(str(call.input.get("shelf")), "no such shelf"))
                for call in reply.calls
            )),
        )})
    assert Sum.model_validate_json(reply.text).total == 42
    assert reply.usage.cache_read_tokens > 1_000
