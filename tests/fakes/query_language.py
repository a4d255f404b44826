"""An interpreter of the part of the Logging query language that the bot sends; it refuses the rest.

What it does follows https://cloud.google.com/logging/docs/view/logging-query-language:

- NOT binds tightest, then OR, then AND: `"a" OR NOT "b" AND "c"` is `("a" OR (NOT "b")) AND "c"`.
- All but regular expressions ignores the case of letters; the operators' own names are capital letters.
- `:` finds a substring; `field:*` asks whether the field is there.
- `field=("a" OR "b")` stands for `(field="a" OR field="b")`.
- A field that LogEntry defines and an entry lacks has its default: severity DEFAULT, numbers 0, texts empty.
  A key of a payload or of labels that an entry lacks is missing: each comparison with it fails, and NOT of that holds.
- A filter has at most 20,000 characters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from bot.domain.logs import SEVERITIES
from bot.domain.moments import parse_nanoseconds

Json = dict[str, Any]
Test = Callable[[Json], bool]

_TOKEN = re.compile(r'\s*(\(|\)|>=|<=|!=|=~|[=<>:]|"(?:[^"\\]|\\.)*"|[A-Za-z0-9_.*-]+)')
_OPERATORS = frozenset({"=", "!=", "<", "<=", ">", ">=", ":", "=~"})
_DEFAULTS: Json = {
    "textPayload": "", "trace": "", "spanId": "", "insertId": "", "logName": "", "httpRequest.status": 0,
    "httpRequest.requestUrl": "", "httpRequest.requestMethod": "", "resource.type": "",
}
_KEYED = ("labels.", "resource.labels.", "jsonPayload.", "protoPayload.")
_MOST_CHARS = 20_000


class FilterNotUnderstood(Exception):
    """The filter is wrong, or not in the part of the language that is understood here."""


def selects(text: str, entry: Json) -> bool:
    """Whether a filter selects an entry in its JSON form."""
    return compiled(text)(entry)


@lru_cache(maxsize=2_048)
def compiled(text: str) -> Test:
    """A filter as a function of an entry."""
    if len(text) > _MOST_CHARS:
        raise FilterNotUnderstood(f"{len(text)} characters, more than {_MOST_CHARS}")
    if not text.strip():
        return lambda _: True
    parser = _Parser(_tokens(text))
    test = parser.both()
    if parser.tokens:
        raise FilterNotUnderstood(" ".join(parser.tokens))
    return test


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise FilterNotUnderstood(text[position:])
        tokens.append(match[1])
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens

    def next(self) -> str:
        if not self.tokens:
            raise FilterNotUnderstood("it ends too early")
        return self.tokens.pop(0)

    def both(self) -> Test:
        tests = [self.either()]
        while self.tokens and self.tokens[0] == "AND":
            self.next()
            tests.append(self.either())
        return tests[0] if len(tests) == 1 else lambda entry: all(test(entry) for test in tests)

    def either(self) -> Test:
        tests = [self.one()]
        while self.tokens and self.tokens[0] == "OR":
            self.next()
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda entry: any(test(entry) for test in tests)

    def one(self) -> Test:
        token = self.next()
        if token == "NOT":
            inner = self.one()
            return lambda entry: not inner(entry)
        if token == "(":
            test = self.both()
            if self.next() != ")":
                raise FilterNotUnderstood("a parenthesis is not closed")
            return test
        operator = self.next()
        if operator not in _OPERATORS:
            raise FilterNotUnderstood(f"{operator} after {token}")
        tests = [_comparison(token, operator, value) for value in self.values()]
        return lambda entry: any(test(entry) for test in tests)

    def values(self) -> list[str]:
        literal = self.next()
        if literal != "(":
            return [_value(literal)]
        values = [_value(self.next())]
        while (token := self.next()) == "OR":
            values.append(_value(self.next()))
        if token != ")":
            raise FilterNotUnderstood("a list of values is not closed")
        return values


def _value(literal: str) -> str:
    return str(json.loads(literal)) if literal.startswith('"') else literal


def _comparison(path: str, operator: str, value: str) -> Test:
    if path == "severity":
        rank = _rank(value)
        return lambda entry: _ordered(_rank(entry.get("severity") or "DEFAULT"), operator, rank)
    if path == "timestamp":
        moment = parse_nanoseconds(value)
        return lambda entry: _ordered(parse_nanoseconds(entry["timestamp"]), operator, moment)
    if path not in _DEFAULTS and not path.startswith(_KEYED):
        raise FilterNotUnderstood(f"there is no field {path}")
    pattern = re.compile(value) if operator == "=~" else None

    def test(entry: Json) -> bool:
        there = _at(path, entry)
        if value == "*" and operator == ":":
            return there is not None
        actual = _DEFAULTS.get(path) if there is None else there
        if actual is None:
            return False
        if pattern is not None:
            return pattern.search(str(actual)) is not None
        if operator == ":":
            return value.lower() in _printed(actual).lower()
        if isinstance(actual, str):
            return _ordered(actual.lower(), operator, value.lower())
        return _number(actual) and _number(value) and _ordered(float(actual), operator, float(value))

    return test


def _at(path: str, entry: Json) -> Any:
    found: Any = entry
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _rank(severity: object) -> int:
    if isinstance(severity, int):
        return severity
    if severity not in SEVERITIES:
        raise FilterNotUnderstood(f"there is no severity {severity}")
    return SEVERITIES.index(str(severity)) * 100


def _printed(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _ordered(left: Any, operator: str, right: Any) -> bool:
    if operator in {"=", ":"}:
        return bool(left == right)
    if operator == "!=":
        return bool(left != right)
    return bool({">=": left >= right, "<=": left <= right, ">": left > right, "<": left < right}[operator])
