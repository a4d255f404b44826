"""GitHub's expressions, as far as the workflows here use them; whatever else they say is an error, not a guess."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+)|(?P<name>[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)"
                    r"|(?P<sign>&&|\|\||==|!=|[!(),]))")
_EMBEDDED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
STATUS = ("always", "success", "failure", "cancelled")


def filled(text: str, contexts: Mapping[str, Any]) -> str:
    """A string with its expressions replaced by their values."""
    return _EMBEDDED.sub(lambda match: shown(value(match[1], contexts)), text)


def condition(text: str | None, contexts: Mapping[str, Any]) -> bool:
    """What an `if:` comes to. Without a status function in it, what comes before must have succeeded."""
    text = (text or "").strip()
    if (embedded := re.fullmatch(r"\$\{\{(.*)\}\}", text, re.DOTALL)) is not None:
        text = embedded[1]
    asks = any(f"{name}()" in text for name in STATUS)
    passed = contexts["status"] == "success"
    return (asks or passed) and (not text or truth(value(text, contexts)))


def value(text: str, contexts: Mapping[str, Any]) -> Any:
    """The value of one expression."""
    reader = _Reader(text, contexts)
    found = reader.either()
    reader.end()
    return found


def truth(given: Any) -> bool:
    """GitHub's: empty text, 0, false and null are none."""
    return given not in (None, "", 0, False)


def shown(given: Any) -> str:
    """A value as text."""
    if given is None:
        return ""
    return str(given).lower() if isinstance(given, bool) else str(given)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    if type(one) is not type(other):
        raise NotImplementedError(f"{one!r} == {other!r}: of two types")
    return bool(one == other)


class _Reader:
    def __init__(self, text: str, contexts: Mapping[str, Any]) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._contexts = contexts
        at, text = 0, text.strip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise NotImplementedError(f"not read: {text[at:]}")
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()

    def end(self) -> None:
        if self._tokens:
            raise NotImplementedError(f"left over: {self._tokens}")

    def _next(self, *signs: str) -> str | None:
        if self._tokens and self._tokens[0] in {("sign", sign) for sign in signs}:
            return self._tokens.pop(0)[1]
        return None

    def either(self) -> Any:
        found = self._both()
        while self._next("||"):
            other = self._both()
            found = found if truth(found) else other
        return found

    def _both(self) -> Any:
        found = self._compared()
        while self._next("&&"):
            other = self._compared()
            found = other if truth(found) else found
        return found

    def _compared(self) -> Any:
        found = self._single()
        while (sign := self._next("==", "!=")) is not None:
            found = _same(found, self._single()) == (sign == "==")
        return found

    def _single(self) -> Any:
        if self._next("!"):
            return not truth(self._single())
        if self._next("("):
            found = self.either()
            assert self._next(")")
            return found
        kind, text = self._tokens.pop(0)
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return int(text)
        if kind == "name" and self._next("("):
            return self._call(text)
        if kind == "name":
            return self._looked_up(text)
        raise NotImplementedError(text)

    def _call(self, name: str) -> Any:
        given = []
        while not self._next(")"):
            given.append(self.either())
            self._next(",")
        return _FUNCTIONS[name](self._contexts, *given)

    def _looked_up(self, name: str) -> Any:
        if name in {"true", "false"}:
            return name == "true"
        first, *rest = name.split(".")
        found: Any = self._contexts[first]
        for part in rest:
            found = found.get(part) if isinstance(found, Mapping) else None
        return found


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "always": lambda _contexts: True,
    "success": lambda contexts: contexts["status"] == "success",
    "failure": lambda contexts: contexts["status"] == "failure",
    "cancelled": lambda contexts: contexts["status"] == "cancelled",
    "contains": lambda _contexts, inside, what: what in inside,
    "startsWith": lambda _contexts, text, start: shown(text).lower().startswith(start.lower()),
    "fromJSON": lambda _contexts, text: json.loads(text),
}
