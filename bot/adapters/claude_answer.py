"""An answer of Claude's as it comes in, event by event, and what it used so far."""

from __future__ import annotations

import json
from typing import Annotated, NoReturn

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from bot.adapters.claude_wire import THINKING
from bot.domain.asking import JsonObject, ModelRequest, StopReason, ToolCall, Usage
from bot.domain.tokens import estimate_tokens

STOPS = {
    "end_turn": StopReason.END, "stop_sequence": StopReason.END, "tool_use": StopReason.TOOLS,
    "max_tokens": StopReason.LENGTH, "model_context_window_exceeded": StopReason.LENGTH,
    "refusal": StopReason.REFUSAL,
}
_TEXTS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
_ORDER = {"thinking": 0, "redacted_thinking": 0, "text": 1, "tool_use": 2}
_JSON: TypeAdapter[JsonObject] = TypeAdapter(JsonObject)

Count = Annotated[int, Field(ge=0)]


class Unreadable(ValueError):
    """What came is not what the Messages API sends."""


class _Loose(BaseModel):
    """Part of an event; what we do not know is ignored, so that a newer API still works."""

    model_config = ConfigDict(extra="ignore")


class _Used(_Loose):
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None


class _Started(_Loose):
    model: str
    usage: _Used


class _Stopped(_Loose):
    stop_reason: str | None = None


class _Event(_Loose):
    type: str
    index: int = 0
    message: _Started | None = None
    content_block: JsonObject | None = None
    delta: JsonObject = {}
    usage: _Used | None = None


class Answer:
    """Collects the events of one streamed answer.

    `started` is true from the first event on: from there on tokens are billed. `ended` is true once the last event
    came; without it the answer is not whole.
    """

    def __init__(self) -> None:
        self.started = False
        self.ended = False
        self.model = ""
        self._stop: str | None = None
        self._used: dict[str, int] = {}
        self._counted = False
        self._blocks: dict[int, JsonObject] = {}
        self._pieces: dict[int, dict[str, list[str]]] = {}

    def take(self, event: object) -> None:
        """Add an event as the SDK gives it. Raises Unreadable."""
        made = event.to_dict(mode="json", warnings=False) if hasattr(event, "to_dict") else event
        try:
            found = _Event.model_validate(made)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            _unreadable(f"{'.'.join(map(str, first['loc'])) or 'event'}: {first['msg']}")
        match found.type:
            case "message_start":
                self._start(found.message)
            case "content_block_start" if found.content_block is not None:
                if not isinstance(found.content_block.get("type"), str):
                    _unreadable("a block without a type")
                self._blocks[found.index] = found.content_block
            case "content_block_delta":
                self._add(found.index, found.delta)
            case "message_delta":
                self._stop = _Stopped.model_validate(found.delta).stop_reason or self._stop
                self._use(found.usage)
                self._counted = self._counted or (found.usage is not None and found.usage.output_tokens is not None)
            case "message_stop":
                self.ended = True

    def usage(self) -> Usage:
        """What the provider counted so far, without a price.

        Output is the provider's count once it is there; before, an upper estimate of all that was received, signed
        thinking included, which stands for thinking that is not shown.
        """
        output = self._used.get("output_tokens", 0)
        if not self._counted:
            received = "".join(
                piece for parts in self._pieces.values() for pieces in parts.values() for piece in pieces
            )
            output = max(output, estimate_tokens(received))
        return Usage(
            input_tokens=self._used.get("input_tokens", 0), output_tokens=output,
            cache_read_tokens=self._used.get("cache_read_input_tokens", 0),
            cache_write_tokens=self._used.get("cache_creation_input_tokens", 0),
        )

    def text(self) -> str:
        """All text, thinking and calls left out."""
        return "".join(str(block.get("text", "")) for block in self._whole() if block.get("type") == "text")

    def stop(self) -> StopReason:
        """Why it stopped. One that stopped for tools and names none is no end."""
        found = STOPS.get(self._stop or "", StopReason.OTHER)
        return StopReason.OTHER if found is StopReason.TOOLS and not self._uses() else found

    def calls(self, request: ModelRequest) -> tuple[ToolCall, ...]:
        """The calls, renamed: numbered through the conversation. Raises Unreadable for an input that is no object."""
        if self.stop() is not StopReason.TOOLS:
            return ()
        before = sum(len(message.calls) for message in request.messages)
        return tuple(
            ToolCall(id=f"call-{number}", name=str(block.get("name", "")), input=_input(block.get("input")))
            for number, block in enumerate(self._uses(), start=before + 1)
        )

    def opaque(self, request: ModelRequest) -> tuple[JsonObject, ...]:
        """The blocks that must go back as they came: thinking, or all, where thinking stands after text or a call."""
        whole = self._whole()
        thinking = tuple(block for block in whole if block.get("type") in THINKING)
        order = [_ORDER[str(block.get("type"))] for block in whole]
        if self.stop() is not StopReason.TOOLS or not thinking or order == sorted(order):
            return thinking
        calls = iter(self.calls(request))
        return tuple(
            {"type": "tool_use", **next(calls).model_dump(mode="json")} if block.get("type") == "tool_use" else block
            for block in whole if block.get("type") != "text" or str(block.get("text", "")).strip()
        )

    def _start(self, message: _Started | None) -> None:
        if message is None:
            _unreadable("message_start without a message")
        self.started = True
        self.model = message.model
        self._use(message.usage)

    def _use(self, used: _Used | None) -> None:
        """Counts are cumulative: a later one replaces an earlier one."""
        if used is not None:
            self._used |= {name: count for name, count in used if count is not None}

    def _add(self, index: int, delta: JsonObject) -> None:
        kind = str(delta.get("type"))
        if index not in self._blocks:
            _unreadable("a part of a block that was not begun")
        parts = self._pieces.setdefault(index, {})
        if kind == "input_json_delta":
            parts.setdefault("input", []).append(str(delta.get("partial_json", "")))
        elif kind in _TEXTS:
            name = _TEXTS[kind]
            parts.setdefault(name, []).append(str(delta.get(name, "")))

    def _whole(self) -> list[JsonObject]:
        """The blocks that we know, in their order, their parts put together; a call's input is still text."""
        found = []
        for index, block in sorted(self._blocks.items()):
            if block.get("type") in _ORDER:
                parts = self._pieces.get(index, {})
                joined: JsonObject = {name: _begun(block, name) + "".join(parts[name]) for name in parts}
                found.append({**block, **joined})
        return found

    def _uses(self) -> list[JsonObject]:
        return [block for block in self._whole() if block.get("type") == "tool_use"]


def _begun(block: JsonObject, name: str) -> str:
    """What a block held when it began. A call's input begins as an empty object."""
    value = block.get(name)
    return value if isinstance(value, str) else ""


def _input(value: JsonValue) -> JsonObject:
    if isinstance(value, dict):
        return value
    try:
        return _JSON.validate_python(json.loads(str(value or "{}"), parse_constant=_unreadable))
    except (ValidationError, ValueError, RecursionError):
        _unreadable("the input of a call is no JSON object")


def _unreadable(why: str) -> NoReturn:
    raise Unreadable(why)
