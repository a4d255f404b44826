"""The local Messages server refuses what the real one refuses: a rule that never fires would hide our mistakes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.messages_rules import faults

Body = dict[str, Any]
GOOD: Body = {
    "model": "claude-opus-5-5", "max_tokens": 10, "stream": True,
    "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
    "tools": [{"name": "a", "description": "d", "strict": True, "input_schema": {
        "type": "object", "properties": {}, "additionalProperties": False}}],
    "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {
        "type": "object", "properties": {}, "additionalProperties": False}}},
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "q"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "call-1", "name": "a", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call-1", "content": "r"}]},
    ],
}


def content(body: Body, number: int) -> list[Body]:
    found: list[Body] = body["messages"][number]["content"]
    return found


def mark(body: Body, *numbers: int, control: object = None) -> None:
    for number in numbers:
        content(body, number)[0]["cache_control"] = control or {"type": "ephemeral"}


SPOILED: dict[str, Callable[[Body], object]] = {
    "temperature": lambda body: body.update(temperature=1),
    "no model": lambda body: body.pop("model"),
    "max_tokens": lambda body: body.update(max_tokens=0),
    "roles": lambda body: body["messages"].insert(0, {"role": "assistant", "content": "x"}),
    "two user turns": lambda body: body["messages"].append({"role": "user", "content": "x"}),
    "ends with assistant": lambda body: body["messages"].pop(),
    "empty content": lambda body: content(body, 0).clear(),
    "empty text": lambda body: content(body, 0)[0].update(text=" "),
    "result missing": lambda body: body["messages"][2].update(content=[{"type": "text", "text": "x"}]),
    "result of no call": lambda body: content(body, 2)[0].update(tool_use_id="call-2"),
    "a second result": lambda body: content(body, 2).append(dict(content(body, 2)[0])),
    "result after text": lambda body: content(body, 2).insert(0, {"type": "text", "text": "x"}),
    "result in the assistant's turn": lambda body: content(body, 1).append(content(body, 2)[0]),
    "error without content": lambda body: content(body, 2)[0].update(content="", is_error=True),
    "call's input": lambda body: content(body, 1)[0].update(input="{}"),
    "unsigned thinking": lambda body: content(body, 1).insert(0, {"type": "thinking", "thinking": "x"}),
    "breakpoint on thinking": lambda body: content(body, 1).insert(0, {
        "type": "redacted_thinking", "data": "x", "cache_control": {"type": "ephemeral"}}),
    "five breakpoints": lambda body: (mark(body, 0, 1, 2), body["tools"][0].update(
        cache_control={"type": "ephemeral"})),
    "unknown cache": lambda body: mark(body, 0, control={"type": "forever"}),
    "tool name": lambda body: body["tools"][0].update(name="a b"),
    "tool twice": lambda body: body["tools"].append(body["tools"][0]),
    "tool schema": lambda body: body["tools"][0].update(input_schema={"type": "string"}),
    "open strict schema": lambda body: body["tools"][0]["input_schema"].pop("additionalProperties"),
    "no tools for calls": lambda body: body.pop("tools"),
    "choice": lambda body: body.update(tool_choice={"type": "never"}),
    "effort": lambda body: body["output_config"].update(effort="huge"),
    "no format": lambda body: body["output_config"].pop("format"),
    "keyword": lambda body: body["output_config"]["format"]["schema"].update(pattern="x"),
    "optional properties": lambda body: body["output_config"]["format"]["schema"]["properties"].update(
        {str(number): {"type": "string"} for number in range(25)}),
}


def test_a_good_request_is_taken() -> None:
    assert list(faults(GOOD)) == []


@pytest.mark.parametrize("what", SPOILED)
def test_each_fault_is_found(what: str) -> None:
    body = copy.deepcopy(GOOD)
    SPOILED[what](body)
    assert list(faults(body))
