"""Holds requests and answers against GitHub's own OpenAPI description, where `.ci/run` has fetched it."""

from __future__ import annotations

import json
import os
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from tests.fakes.github.base import Route
from tests.fakes.github.description import Json, trimmed

_USUAL = Path(__file__).parents[3] / ".ci/openapi/package/generated/api.github.com.json"
FULL = Path(os.environ.get("WHYBOT_GITHUB_OPENAPI", _USUAL)).resolve()
"""The description as npm's `@octokit/openapi` has it."""


def without_description() -> str:
    """Why nothing can be held against the description here; empty when it can."""
    there = FULL.is_file()
    return "" if there else "no OpenAPI description of GitHub: .ci/run fetches it, WHYBOT_GITHUB_OPENAPI names it"


@cache
def description(operations: frozenset[tuple[str, str]]) -> Description | None:
    """The description of some operations, None where it is not here. One for all servers of a process."""
    return None if without_description() else Description(trimmed(FULL, operations))


class Description:
    """What GitHub says of its operations."""

    def __init__(self, content: Json) -> None:
        self._content = content
        self._validators: dict[tuple[str, str], Any] = {}

    @cached_property
    def _registry(self) -> Any:
        import jsonschema_rs

        return jsonschema_rs.Registry([("urn:github", {"$defs": self._content["$defs"]})])

    def knows(self, route: Route) -> bool:
        """True when GitHub has this operation."""
        return route.name in self._content["operations"]

    def has(self, verb: str, path: str) -> bool:
        """True when GitHub has any operation for a path, whether the fake has it or not."""
        return any(Route.matching(template, path) is not None
                   for template in (name.partition(" ")[2] for name in self._content["every"] if name.startswith(verb)))

    def many(self, route: Route) -> frozenset[str]:
        """The path parameters of an operation that hold slashes."""
        return frozenset(self._content["operations"][route.name]["many"])

    def objections_to_request(self, route: Route, query: dict[str, str], body: bytes) -> list[str]:
        """What is wrong with a request."""
        operation = self._content["operations"][route.name]
        found = [f"the query has {name!r}, which is not described" for name in query if name not in operation["query"]]
        found += [f"the query lacks {name!r}" for name in operation["needs"] if name not in query]
        for name, value in query.items():
            schema = operation["query"].get(name)
            if schema is not None:
                found += self._objections(route.name, f"query {name}", schema, _coerced(schema, value))
        if not body:
            return [*found, "the body is missing"] if operation["body_needed"] else found
        if operation["body"] is None:
            return found if body == b"{}" else [*found, "there is a body where none is described"]
        try:
            content = json.loads(body)
        except ValueError as bad:
            return [*found, f"the body is no JSON: {bad}"]
        return found + self._objections(route.name, "body", operation["body"], content)

    def objections_to_answer(self, route: Route, status: int, body: bytes) -> list[str]:
        """What is wrong with an answer. Refusals that are not described are of GitHub's common shape."""
        answers = self._content["operations"][route.name]["answers"]
        if str(status) in answers:
            schema = answers[str(status)]
        elif status >= 400:
            schema = {"$ref": "urn:github#/$defs/basic-error.open"}
        elif status >= 300:
            return []  # Any request may be redirected (GitHub, "Best practices for using the REST API").
        else:
            return [f"the status {status} is not described"]
        if schema is None:
            return [f"there is a body with status {status}, where none is described"] if body else []
        try:
            content = json.loads(body)
        except ValueError as bad:
            return [f"the answer is no JSON: {bad}"]
        return self._objections(route.name, f"answer {status}", schema, content)

    def _objections(self, operation: str, part: str, schema: Json, content: object) -> list[str]:
        validator = self._validators.get((operation, part))
        if validator is None:
            import jsonschema_rs

            validator = jsonschema_rs.Draft202012Validator(schema, registry=self._registry, validate_formats=True)
            self._validators[operation, part] = validator
        if validator.is_valid(content):
            return []
        return [
            f"{'/'.join(str(step) for step in (part, *error.instance_path))}: {error.message[:300]}"
            for error in validator.iter_errors(content)
        ]


def _coerced(schema: Json, value: str) -> object:
    """A value of a query as what its schema says it is; every value is text there."""
    if schema.get("type") == "integer" and value.isascii() and value.isdigit():
        return int(value)
    if schema.get("type") == "boolean" and value in {"true", "false"}:
        return value == "true"
    return value
