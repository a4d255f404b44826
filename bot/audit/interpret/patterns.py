"""Whether a regular expression surely ends soon."""

from __future__ import annotations

import re
from typing import Any

_MOST_PATTERN = 500
_MOST_WORK = 3_000_000
_REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}


def is_safe(pattern: Any, length: int) -> bool:
    """Whether matching a pattern (text or compiled) on a text of this length is certainly quick."""
    return work_of(pattern, length) is not None


def work_of(pattern: Any, length: int) -> int | None:
    """How many ways a search may try at most on a text of this length; None where that is not certainly bearable.

    No repetition inside a repetition; each repetition and each alternative multiplies the ways.
    """
    text = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    if not isinstance(text, str | bytes):
        return 1
    if type(text) not in (str, bytes) or len(text) > _MOST_PATTERN:
        return None
    try:
        from re import _parser  # type: ignore[attr-defined]  # the only parser of patterns that there is

        parsed = _parser.parse(text)
    except (re.error, RecursionError, OverflowError):
        return 1 if len(text) < 100 else None
    ways = _ways(parsed, max(length, 1), inside=False, depth=0)
    return ways if ways is not None and ways <= _MOST_WORK else None


def _ways(parsed: Any, length: int, *, inside: bool, depth: int) -> int | None:  # noqa: C901 - one case a kind of node
    """How many ways there are to match the parts of a pattern one after the other; None where it is not known."""
    if depth > 20:
        return None
    ways = 1
    for op, argument in parsed:
        name = str(op)
        here = 1
        if name in _REPEATS:
            low, high, part = argument
            if high > 1 and inside:
                return None
            most = min(int(high), length)
            below = _ways(part, length, inside=inside or high > 1, depth=depth + 1)
            if below is None or (below > 1 and below ** min(most, 64) > _MOST_WORK):
                return None
            here = max(most - low + 1, 1) * (below ** most if below > 1 else 1)
        elif name == "BRANCH":
            found = [_ways(part, length, inside=inside, depth=depth + 1) for part in argument[1]]
            if None in found:
                return None
            ways_of = [item for item in found if item is not None]
            starts = [tuple(part[0]) if len(part) and str(part[0][0]) == "LITERAL" else None for part in argument[1]]
            told_apart = None not in starts and len(set(starts)) == len(starts)  # the first character decides
            here = max(ways_of) if told_apart else sum(ways_of)
        elif name == "GROUPREF":
            return None
        elif isinstance(argument, tuple | list):
            for part in _inner(argument):
                below = _ways(part, length, inside=inside, depth=depth + 1)
                if below is None:
                    return None
                here *= below
        ways *= max(here, 1)
        if ways > _MOST_WORK:
            return None
    return ways


def _inner(argument: Any) -> list[Any]:
    found: list[Any] = []
    for part in argument:
        if hasattr(part, "getwidth"):
            found.append(part)
        elif isinstance(part, list | tuple):
            found.extend(item for item in part if hasattr(item, "getwidth"))
    return found
