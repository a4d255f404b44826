"""Parses what there is of GraphQL's language in requests: one operation, variables, fields, inline fragments."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.github.base import Json

_TOKEN = re.compile(r'[\s,]+|#[^\n]*|(\.\.\.|[{}()\[\]:$!=@|]|"(?:[^"\\\n]|\\.)*"|-?\d+(?:\.\d+)?|[A-Za-z_]\w*)')



@dataclass
class Field:
    """A field that is asked for. With `on` it is an inline fragment."""

    name: str
    alias: str
    arguments: Json = field(default_factory=dict)
    fields: list[Field] = field(default_factory=list)
    on: str = ""


class Failed(Exception):
    """An error of the whole request, or of one field that becomes null."""

    def __init__(self, message: str, kind: str = "", **more: Any) -> None:
        super().__init__(message)
        self.error = {"message": message, **({"type": kind} if kind else {}), **more}


class Parser:
    """One request's text. Raises Failed for what is no GraphQL, or does not fit its variables."""

    def __init__(self, text: str, variables: Json) -> None:
        self._left: list[str] = []
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise Failed(f"Parse error on {text[position]!r}")
            position = match.end()
            if match[1]:
                self._left.append(match[1])
        self._variables = variables

    def operation(self) -> tuple[str, list[Field]]:
        """`query` or `mutation`, and what it asks for."""
        kind = self._take() if self._next() in {"query", "mutation"} else "query"
        if self._next() not in {"(", "{"}:
            self._take()
        if self._next() == "(":
            self._definitions()
        fields = self._selection()
        if self._left:
            raise Failed(f"Parse error on {self._left[0]!r}: one operation is expected")
        return kind, fields

    def _definitions(self) -> None:
        self._expect("(")
        declared = set()
        while self._next() != ")":
            self._expect("$")
            name = self._take()
            declared.add(name)
            self._expect(":")
            brackets = self._next() == "["
            if brackets:
                self._take()
            self._take()
            if brackets:
                self._expect("]")
            needed = self._next() == "!"
            if needed:
                self._take()
            if needed and self._variables.get(name) is None:
                raise Failed(f"Variable ${name} was provided invalid value")
        self._expect(")")
        unknown = set(self._variables) - declared
        if unknown:
            raise Failed(f"Variable ${sorted(unknown)[0]} is not declared by the operation")

    def _selection(self) -> list[Field]:
        self._expect("{")
        fields = []
        while self._next() != "}":
            fields.append(self._field())
        self._expect("}")
        if not fields:
            raise Failed("Parse error on '}'")
        return fields

    def _field(self) -> Field:
        if self._next() == "...":
            self._take()
            self._expect("on")
            kind = self._take()
            return Field("", "", fields=self._selection(), on=kind)
        name = alias = self._take()
        if self._next() == ":":
            self._take()
            name = self._take()
        made = Field(name, alias)
        if self._next() == "(":
            self._take()
            while self._next() != ")":
                key = self._take()
                self._expect(":")
                made.arguments[key] = self._value()
            self._take()
        if self._next() == "{":
            made.fields = self._selection()
        return made

    def _value(self) -> Any:
        token = self._take()
        if token == "$":
            name = self._take()
            if name not in self._variables:
                raise Failed(f"Variable ${name} is used but not declared")
            return self._variables[name]
        if token == "{":
            made = {}
            while self._next() != "}":
                key = self._take()
                self._expect(":")
                made[key] = self._value()
            self._take()
            return made
        if token == "[":
            items = []
            while self._next() != "]":
                items.append(self._value())
            self._take()
            return items
        if token[0] in '"-0123456789' or token in {"true", "false", "null"}:
            return json.loads(token)
        return token

    def _next(self) -> str:
        return self._left[0] if self._left else ""

    def _take(self) -> str:
        if not self._left:
            raise Failed("Parse error on end of file")
        return self._left.pop(0)

    def _expect(self, token: str) -> None:
        found = self._take()
        if found != token:
            raise Failed(f"Parse error on {found!r}: {token!r} is expected")
