"""What the Messages API refuses in a request, as far as its documentation says so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MOST_BREAKPOINTS = 4
_UNKNOWN_KEYWORDS = ("oneOf", "discriminator", "pattern", "maxLength", "minLength", "maxItems", "minimum", "maximum")
_KNOWN = {
    "model", "max_tokens", "system", "messages", "tools", "tool_choice", "output_config", "stream", "thinking",
    "metadata", "stop_sequences", "anthropic_version",
}
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_TOOL_KEYS = {"name", "description", "input_schema", "strict", "cache_control"}
_BLOCKS = {
    "user": {"text", "tool_result"}, "assistant": {"text", "tool_use", "thinking", "redacted_thinking"},
}
_MOST_STRICT_TOOLS, _MOST_OPTIONAL, _MOST_UNIONS = 20, 24, 16


def faults(body: dict[str, Any]) -> Iterator[str]:
    """A line for each thing that is wrong in the body of a request."""
    for name in sorted(set(body) - _KNOWN):
        yield f"unknown parameter {name}"
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield "model"
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        yield "max_tokens"
    yield from _conversation(body.get("messages"))
    yield from _blocks_of("system", body.get("system", "x"), {"text"})
    yield from _tools(body)
    yield from _output(body)
    yield from _breakpoints(body)


def _conversation(messages: object) -> Iterator[str]:
    if not isinstance(messages, list) or not messages:
        yield "messages"
        return
    open_calls: list[str] = []
    known: set[str] = set()
    for number, item in enumerate(messages):
        where = f"messages.{number}"
        role = ("user", "assistant")[number % 2]
        if item.get("role") != role:
            yield f"{where}.role"
            return
        yield from _blocks_of(where, item.get("content"), _BLOCKS[role])
        blocks = item["content"] if isinstance(item.get("content"), list) else []
        kinds = [block.get("type") for block in blocks]
        results = [block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"]
        if sorted(map(str, results)) != sorted(open_calls):
            yield f"{where}: results {results} for calls {open_calls}"
        if "tool_result" in kinds and kinds.index("tool_result") > 0:
            yield f"{where}: tool_result is not first"
        open_calls = [str(block.get("id")) for block in blocks if block.get("type") == "tool_use"]
        if known & set(open_calls) or len(set(open_calls)) < len(open_calls):
            yield f"{where}: a call's id twice"
        known |= set(open_calls)
    if messages[-1]["role"] != "user":
        yield "the last message is not the user's"


def _blocks_of(where: str, content: object, kinds: set[str]) -> Iterator[str]:
    if not content:
        yield f"{where}.content is empty"
    if not isinstance(content, list):
        return
    for number, block in enumerate(content):
        place = f"{where}.content.{number}"
        kind = block.get("type")
        if kind not in kinds:
            yield f"{place}: a block {kind}"
        if kind == "text" and not str(block.get("text", "")).strip():
            yield f"{place}: empty text"
        if kind == "tool_use" and (not isinstance(block.get("input"), dict) or not _TOOL_NAME.fullmatch(
                str(block.get("name")))):
            yield f"{place}: tool_use"
        if kind == "tool_result" and block.get("is_error") and not block.get("content"):
            yield f"{place}: an error without content"
        if kind == "thinking" and not block.get("signature"):
            yield f"{place}: thinking without its signature"
        if kind in ("thinking", "redacted_thinking") and "cache_control" in block:
            yield f"{place}: cache_control on thinking"


def _tools(body: dict[str, Any]) -> Iterator[str]:
    tools = body.get("tools", [])
    names = [tool.get("name") for tool in tools]
    if len(set(names)) < len(names):
        yield "tools: a name twice"
    for tool in tools:
        name = tool.get("name")
        if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name):
            yield f"tools: the name {name!r}"
        for key in sorted(set(tool) - _TOOL_KEYS):
            yield f"tools.{name}.{key}"
        schema = tool.get("input_schema")
        if not isinstance(schema, dict) or schema.get("type") != "object":
            yield f"tools.{name}.input_schema is no object's"
        elif tool.get("strict"):
            yield from _schema(schema, f"tools.{name}.input_schema")
    if "tool_choice" in body:
        choice = body["tool_choice"]
        if not tools or choice.get("type") not in ("auto", "any", "tool", "none"):
            yield f"tool_choice {choice}"
    called = any(
        block.get("type") == "tool_use" for message in body.get("messages") or () if isinstance(message, dict)
        for block in message.get("content") or () if isinstance(block, dict)
    )
    if called and not tools:
        yield "calls in the conversation, and no tools"


def _output(body: dict[str, Any]) -> Iterator[str]:
    output = body.get("output_config")
    if not isinstance(output, dict) or output.get("effort") not in ("low", "medium", "high", "xhigh", "max"):
        yield "output_config.effort"
        return
    strict = [tool for tool in body.get("tools", []) if tool.get("strict")]
    schemas = [tool.get("input_schema") for tool in strict]
    if output.get("format", {}).get("type") != "json_schema":
        yield "output_config.format"
    else:
        yield from _schema(output["format"].get("schema"), "schema")
        schemas.append(output["format"].get("schema"))
    optional, unions = map(sum, zip(*map(_complexity, schemas), strict=True)) if schemas else (0, 0)
    if len(strict) > _MOST_STRICT_TOOLS or optional > _MOST_OPTIONAL or unions > _MOST_UNIONS:
        yield f"schemas too complex: {len(strict)} strict tools, {optional} optional properties, {unions} unions"


def _complexity(schema: object) -> tuple[int, int]:
    """How many optional properties and how many unions a schema has."""
    if isinstance(schema, list):
        counts = list(map(_complexity, schema))
        return sum(count for count, _ in counts), sum(count for _, count in counts)
    if not isinstance(schema, dict):
        return 0, 0
    optional, unions = _complexity(list(schema.values()))
    properties = schema.get("properties")
    if isinstance(properties, dict):
        optional += len(set(properties) - set(schema.get("required", ())))
    return optional, unions + isinstance(schema.get("anyOf"), list)


def _schema(schema: object, where: str) -> Iterator[str]:
    """Keywords that structured outputs refuse, and objects that are left open."""
    if isinstance(schema, list):
        for number, item in enumerate(schema):
            yield from _schema(item, f"{where}.{number}")
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        yield f"{where}: open object"
    for name, value in schema.items():
        if name in _UNKNOWN_KEYWORDS and not where.endswith("properties"):
            yield f"{where}.{name}"
        if name not in ("description", "title", "enum", "const", "required"):
            yield from _schema(value, f"{where}.{name}")


def _breakpoints(body: dict[str, Any]) -> Iterator[str]:
    found = list(_cache_controls(body))
    for control in found:
        if control not in ({"type": "ephemeral"}, {"type": "ephemeral", "ttl": "5m"}):
            yield f"cache_control {json.dumps(control)}"
    if len(found) > MOST_BREAKPOINTS:
        yield f"{len(found)} cache breakpoints"


def _cache_controls(value: object) -> Iterator[object]:
    if isinstance(value, list):
        for item in value:
            yield from _cache_controls(item)
    if isinstance(value, dict):
        if "cache_control" in value:
            yield value["cache_control"]
        for name, item in value.items():
            if name not in ("input_schema", "schema", "input"):
                yield from _cache_controls(item)
