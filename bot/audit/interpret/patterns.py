"""Whether a regular expression surely ends soon."""

from __future__ import annotations

import re
from typing import Any

_MOST_PATTERN = 500
_MOST_WORK = 3_000_000
_REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}


def is_safe(pattern: Any, length: int) -> bool:
    """Whether matching a pattern (text or compiled) on a text of this length is certainly quick.

    No repetition inside a repetition, and as many as the length allows: each can multiply the work by it.
    """
    text = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    if not isinstance(text, str | bytes):
        return True
    if len(text) > _MOST_PATTERN:
        return False
    try:
        from re import _parser  # type: ignore[attr-defined]  # the only parser of patterns that there is

        parsed = _parser.parse(text)
    except (re.error, RecursionError, OverflowError):
        return len(text) < 100
    count = _repeats(parsed, False, 0)
    return count is not None and max(length, 2) ** max(count, 1) <= _MOST_WORK


def _repeats(parsed: Any, inside: bool, depth: int) -> int | None:
    """How many open repetitions a pattern has one after the other; None where one is in another."""
    if depth > 20:
        return None
    count = 0
    for op, argument in parsed:
        name = str(op)
        if name in _REPEATS:
            _low, high, part = argument
            wide = high > 16
            if high > 1 and inside:
                return None
            below = _repeats(part, inside or high > 1, depth + 1)
            if below is None:
                return None
            count += below + (1 if wide else 0)
        elif name == "GROUPREF":
            return None
        elif isinstance(argument, tuple | list):
            for part in _inner(argument):
                below = _repeats(part, inside, depth + 1)
                if below is None:
                    return None
                count += below
    return count


def _inner(argument: Any) -> list[Any]:
    found: list[Any] = []
    for part in argument:
        if hasattr(part, "getwidth"):
            found.append(part)
        elif isinstance(part, list | tuple):
            found.extend(item for item in part if hasattr(item, "getwidth"))
    return found
