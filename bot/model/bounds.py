"""What a model sends, cut down to what can be stored, sent back and hashed: no reply can break a record."""

from __future__ import annotations

import math
import re

from pydantic import JsonValue

from bot.domain.asking import JsonObject, Message, ModelReply, ToolCall

MOST_CALLS_KEPT = 16
"""Calls of one reply that stay in the conversation; what comes after them is forgotten."""
MOST_INPUT_CHARS = 8_000
_MOST_DEPTH = 24
_MOST_OPAQUE_CHARS = 2_000_000
_LARGEST_INTEGER = 10**18
_ODD = re.compile(r"[^A-Za-z0-9_-]")
_LEFT_OUT: JsonObject = {"input left out": True}


def bounded(reply: ModelReply, calls_before: int) -> ModelReply:
    """Return the reply with everything in it sound, its calls few and numbered on from `calls_before`.

    Text that is no Unicode has its lone surrogates replaced. A call's input that is too large, too deep, or no plain
    JSON is left out (`input_left_out` tells); opaque blocks of that kind are dropped.
    """
    kept = reply.calls[:MOST_CALLS_KEPT]
    return reply.model_copy(update={
        "text": reply.text.encode("utf-8", "replace").decode("utf-8"),
        "calls": tuple(_bounded_call(call, number) for number, call in enumerate(kept, calls_before + 1)),
        "opaque": tuple(block for block in reply.opaque if is_sound(block, _MOST_OPAQUE_CHARS)),
    })


def _bounded_call(call: ToolCall, number: int) -> ToolCall:
    given = call.input if is_sound(call.input, MOST_INPUT_CHARS) else _LEFT_OUT
    return ToolCall(id=f"call-{number}", name=_ODD.sub("_", call.name[:64]) or "_", input=given)


def input_left_out(call: ToolCall) -> bool:
    """Whether `bounded` left out the input of this call."""
    return call.input == _LEFT_OUT


def calls_in(messages: tuple[Message, ...]) -> int:
    """How many calls a conversation holds."""
    return sum(len(message.calls) for message in messages)


def is_sound(value: JsonValue, most_chars: int) -> bool:
    """Whether a value is JSON that comes back from a file as it is: finite, not deep, at most so many characters."""
    left = most_chars
    waiting: list[tuple[JsonValue, int]] = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        left -= 1
        if isinstance(item, str):
            left -= len(item)
            if left >= 0 and not _is_unicode(item):
                return False
        elif isinstance(item, bool) or item is None:
            pass
        elif isinstance(item, int | float):
            if not math.isfinite(item) if isinstance(item, float) else abs(item) > _LARGEST_INTEGER:
                return False
        else:
            if depth >= _MOST_DEPTH or len(item) > left:
                return False
            inner = [*item, *item.values()] if isinstance(item, dict) else item
            waiting += [(part, depth + 1) for part in inner]
        if left < 0:
            return False
    return True


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
