"""The patterns of a `match` statement."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.audit.interpret import ops
from bot.audit.interpret.values import UNKNOWN, undecided

_SELF = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)


def matches(pattern: ast.pattern, subject: Any, names: dict[str, Any], value: Callable[[ast.expr], Any]) -> bool:  # noqa: RET503
    """Whether a subject matches; `names` takes what the pattern binds. Anything unknown ends the interpretation."""
    if isinstance(pattern, ast.MatchAs):
        if pattern.pattern is not None and not matches(pattern.pattern, subject, names, value):
            return False
        if pattern.name:
            names[pattern.name] = subject
        return True
    if subject is UNKNOWN:
        undecided("a match on something unknown")
    if isinstance(pattern, ast.MatchValue):
        found = ops.compare(ast.Eq, subject, value(pattern.value))
        return ops.truth(found)
    if isinstance(pattern, ast.MatchSingleton):
        return subject is pattern.value
    if isinstance(pattern, ast.MatchOr):
        return any(matches(item, subject, names, value) for item in pattern.patterns)
    if isinstance(pattern, ast.MatchSequence):
        return _sequence(pattern, subject, names, value)
    if isinstance(pattern, ast.MatchMapping):
        return _mapping(pattern, subject, names, value)
    if isinstance(pattern, ast.MatchClass):
        return _class(pattern, subject, names, value)
    undecided("an odd pattern")


def _sequence(pattern: ast.MatchSequence, subject: Any, names: dict[str, Any],
              value: Callable[[ast.expr], Any]) -> bool:
    if not isinstance(subject, Sequence) or isinstance(subject, str | bytes | bytearray):
        return False
    star = next((at for at, item in enumerate(pattern.patterns) if isinstance(item, ast.MatchStar)), None)
    items, wanted = ops.listed(subject), len(pattern.patterns)
    if star is None:
        return len(items) == wanted and all(
            matches(part, item, names, value) for part, item in zip(pattern.patterns, items, strict=True))
    if len(items) < wanted - 1:
        return False
    after = wanted - star - 1
    rest = pattern.patterns[star]
    if isinstance(rest, ast.MatchStar) and rest.name:
        names[rest.name] = items[star:len(items) - after]
    pairs = [*zip(pattern.patterns[:star], items[:star], strict=True),
             *zip(pattern.patterns[star + 1:], items[len(items) - after:], strict=True)]
    return all(matches(part, item, names, value) for part, item in pairs)


def _mapping(pattern: ast.MatchMapping, subject: Any, names: dict[str, Any],
             value: Callable[[ast.expr], Any]) -> bool:
    if not isinstance(subject, Mapping):
        return False
    keys = [value(key) for key in pattern.keys]
    for key, part in zip(keys, pattern.patterns, strict=True):
        if key not in subject or not matches(part, subject[key], names, value):
            return False
    if pattern.rest:
        names[pattern.rest] = {key: item for key, item in subject.items() if key not in keys}
    return True


def _class(pattern: ast.MatchClass, subject: Any, names: dict[str, Any], value: Callable[[ast.expr], Any]) -> bool:
    cls = value(pattern.cls)
    if not isinstance(cls, type):
        undecided("an unknown class in a pattern")
    if not isinstance(subject, cls):
        return False
    places: tuple[str, ...] = ()
    if pattern.patterns:
        if cls in _SELF:
            return len(pattern.patterns) == 1 and matches(pattern.patterns[0], subject, names, value)
        places = getattr(cls, "__match_args__", ())
        if len(places) < len(pattern.patterns):
            undecided("a pattern of too many places")
    pairs = [*zip(places, pattern.patterns, strict=False), *zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True)]
    return all(hasattr(subject, name) and matches(part, ops.attribute(subject, name), names, value)
               for name, part in pairs)
