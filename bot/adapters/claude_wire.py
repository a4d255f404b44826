"""A request in the form that Claude's Messages API wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pydantic import JsonValue

from bot.domain.asking import JsonObject, Message, ModelRequest, Tool, ToolResult

if TYPE_CHECKING:
    from anthropic.types import MessageParam, OutputConfigParam, TextBlockParam, ToolParam

THINKING = frozenset({"thinking", "redacted_thinking"})
"""The blocks that must go back with their turn, unmodified and in their order."""
_NOTHING = "(empty)"


def system_of(request: ModelRequest) -> list[TextBlockParam]:
    """The system prompt, with the end of what all requests of a step have in common: tools and system are cached."""
    if not request.system:
        return []
    text = cast("str", _sendable(request.system))
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]


def messages_of(request: ModelRequest) -> list[MessageParam]:
    """The conversation, with breakpoints of the prompt cache.

    They stand at the end of the first user turn (the evidence), of the last one, and of the one before that, where
    the last request wrote the cache: the service looks back over twenty blocks only, and a turn may have more. With
    the system prompt's these are four, the most that the API takes.
    """
    turns = [_blocks(message) for message in request.messages]
    users = [place for place, message in enumerate(request.messages) if message.role == "user"]
    for place in {*users[:1], *users[-2:]}:
        turns[place][-1]["cache_control"] = {"type": "ephemeral"}
    return [
        cast("MessageParam", {"role": message.role, "content": blocks})
        for message, blocks in zip(request.messages, turns, strict=True)
    ]


def tools_of(request: ModelRequest) -> list[ToolParam]:
    """The tools, in their order: a cached prefix begins with them."""
    return [_tool(tool) for tool in request.tools]


def output_of(request: ModelRequest) -> OutputConfigParam:
    """Effort, and the schema of the answer. What the API cannot hold becomes description, and is checked here again."""
    import anthropic

    schema = anthropic.transform_schema(dict(request.answer_schema))
    return {"effort": request.effort, "format": {"type": "json_schema", "schema": schema}}


def _blocks(message: Message) -> list[JsonObject]:
    """One turn's content: never empty, since the API refuses that.

    A user's results stand before the text (the API's rule). An assistant's thinking stands first; where `opaque`
    holds the whole turn, that is sent as it came.
    """
    opaque = [cast("JsonObject", _sendable(block)) for block in message.opaque]
    if any(block.get("type") not in THINKING for block in opaque):
        return opaque
    text = cast("str", _sendable(message.text))
    found = [*opaque, *map(_result, message.results)]
    if text.strip():
        found.append({"type": "text", "text": text})
    found += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": _sendable(call.input)} for call in message.calls
    ]
    return found if len(found) > len(opaque) else [*found, {"type": "text", "text": _NOTHING}]


def _result(result: ToolResult) -> JsonObject:
    found: JsonObject = {
        "type": "tool_result", "tool_use_id": result.id, "content": _sendable(result.text) or _NOTHING,
    }
    if result.refused:
        found["is_error"] = True
    return found


def _tool(tool: Tool) -> ToolParam:
    """A tool. `strict` where every property is required: the API allows few optional ones in all strict schemas."""
    import anthropic

    given = dict(tool.input_schema)
    try:
        closed = anthropic.transform_schema(given)
    except (ValueError, AssertionError):
        # A schema with parts that structured output does not know.
        closed = {}
    if closed.get("type") == "object" and _requires_all(closed):
        return {"name": tool.name, "description": tool.description, "input_schema": closed, "strict": True}
    return {"name": tool.name, "description": tool.description, "input_schema": cast("dict[str, object]", given)}


def _requires_all(schema: object) -> bool:
    if isinstance(schema, list):
        return all(map(_requires_all, schema))
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if isinstance(properties, dict) and set(properties) != set(schema.get("required", ())):
        return False
    return all(map(_requires_all, schema.values()))


def _sendable(value: JsonValue) -> JsonValue:
    """The same without halves of surrogate pairs, which no request can carry."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_sendable(item) for item in value]
    if isinstance(value, dict):
        return {cast("str", _sendable(key)): _sendable(item) for key, item in value.items()}
    return value
