"""GraphQL, as far as GitHub offers things there alone: who the viewer is, and pinned issues.

A query is parsed and gets the fields that it asks for, no others; what the schema here does not have is an error, as
on GitHub. Errors come with status 200.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fakes.github import shapes
from tests.fakes.github.accounts import may, may_see
from tests.fakes.github.base import Json, Request, Route
from tests.fakes.github.graphql_parser import Failed, Field, Parser

if TYPE_CHECKING:
    from tests.fakes.github_api import GitHub

MOST_PINNED = 3

@dataclass(frozen=True)
class _Object:
    """An object of the schema: its fields are computed when they are asked for."""

    kind: str
    fields: dict[str, Callable[[Json], Any]]


class _Execution:
    def __init__(self, hub: GitHub, request: Request) -> None:
        self._hub = hub
        self._token = request.token
        self.errors: list[Json] = []

    def root(self, kind: str) -> _Object:
        if kind == "mutation":
            return _Object("Mutation", {"pinIssue": lambda given: self._pin(given, pinned=True),
                                        "unpinIssue": lambda given: self._pin(given, pinned=False)})
        return _Object("Query", {
            "viewer": lambda _: self._viewer(), "repository": self._repository, "node": self._node,
        })

    def chosen(self, value: Any, fields: list[Field], path: list[Any]) -> Any:
        """A value with the fields that were asked for."""
        if isinstance(value, list):
            return [self.chosen(item, fields, [*path, index]) for index, item in enumerate(value)]
        if not isinstance(value, _Object):
            return value
        if not fields:
            raise Failed(f"Field must have selections (it returns {value.kind} but has no selections)")
        made: Json = {}
        for one in fields:
            if one.on:
                if one.on == value.kind:
                    made |= self.chosen(value, one.fields, path)
                continue
            if one.name == "__typename":
                made[one.alias] = value.kind
                continue
            if one.name not in value.fields:
                raise Failed(
                    f"Field '{one.name}' doesn't exist on type '{value.kind}'", path=[*path, one.name],
                    extensions={"code": "undefinedField", "typeName": value.kind, "fieldName": one.name},
                )
            here = [*path, one.alias]
            try:
                found = value.fields[one.name](one.arguments)
            except Failed as failed:
                if "type" not in failed.error:
                    raise
                self.errors.append({**failed.error, "path": here, "locations": [{"line": 1, "column": 1}]})
                made[one.alias] = None
                continue
            made[one.alias] = self.chosen(found, one.fields, here)
        return made

    def _viewer(self) -> _Object:
        kept = shapes.account(self._token)
        return _Object("User", {
            "login": lambda _: kept["login"], "databaseId": lambda _: kept["id"],
            "id": lambda _: shapes.node_id("U", kept["id"]),
        })

    def _repository(self, given: Json) -> _Object:
        name = f"{given.get('owner')}/{given.get('name')}"
        if name.lower() not in {self._hub.full_name.lower(), self._hub.moved_from.lower()} or not may_see(
            self._hub, self._token
        ):
            raise Failed(f"Could not resolve to a Repository with the name '{name}'.", "NOT_FOUND")
        return _Object("Repository", {
            "id": lambda _: shapes.node_id("R", self._hub.repository_id),
            "nameWithOwner": lambda _: self._hub.full_name, "databaseId": lambda _: self._hub.repository_id,
            "issue": self._issue_by_number, "pinnedIssues": self._pinned,
        })

    def _issue_by_number(self, given: Json) -> _Object:
        kept = self._hub.issues.get(given.get("number", 0))
        if kept is None or "pull_request" in kept or not self._hub.has_issues:
            raise Failed(f"Could not resolve to an Issue with the number of {given.get('number')}.", "NOT_FOUND")
        return self._issue(kept)

    def _issue(self, kept: Json) -> _Object:
        return _Object("Issue", {
            "id": lambda _: kept["node_id"], "number": lambda _: kept["number"], "title": lambda _: kept["title"],
            "isPinned": lambda _: kept["number"] in self._hub.pinned, "state": lambda _: kept["state"].upper(),
            "url": lambda _: kept["html_url"], "databaseId": lambda _: kept["id"], "locked": lambda _: kept["locked"],
        })

    def _pinned(self, given: Json) -> _Object:
        if "first" not in given and "last" not in given:
            said = "You must provide a `first` or `last` value to properly paginate the `pinnedIssues` connection."
            raise Failed(said, "MISSING_PAGINATION_BOUNDARIES")
        numbers = [number for number in self._hub.pinned if number in self._hub.issues]
        nodes = [_Object("PinnedIssue", {"issue": lambda _, kept=self._hub.issues[number]: self._issue(kept)})
                 for number in numbers]
        return _Object("PinnedIssueConnection", {"totalCount": lambda _: len(numbers), "nodes": lambda _: nodes})

    def _node(self, given: Json) -> _Object:
        return self._issue(self._kept(given.get("id")))

    def _kept(self, ident: object) -> Json:
        for kept in self._hub.issues.values():
            if kept["node_id"] == ident and "pull_request" not in kept:
                return kept
        raise Failed(f"Could not resolve to a node with the global id of '{ident}'", "NOT_FOUND")

    def _pin(self, given: Json, *, pinned: bool) -> _Object:
        kept = self._kept(given.get("input", {}).get("issueId"))
        hub, number = self._hub, kept["number"]
        if not may(hub, self._token, "issues", "write"):
            kind = "integration" if self._token.app else "personal access token"
            raise Failed(f"Resource not accessible by {kind}", "FORBIDDEN")
        if hub.archived:
            raise Failed("Repository was archived so is read-only.", "UNPROCESSABLE")
        if pinned is (number in hub.pinned):
            raise Failed(f"Issue is {'already' if pinned else 'not'} pinned", "UNPROCESSABLE")
        if pinned and len(hub.pinned) >= MOST_PINNED:
            raise Failed(f"Maximum {MOST_PINNED} pinned issues per repository", "UNPROCESSABLE")
        if pinned:
            hub.pinned.append(number)
        else:
            hub.pinned.remove(number)
        name = "PinIssuePayload" if pinned else "UnpinIssuePayload"
        return _Object(name, {"issue": lambda _: self._issue(kept), "clientMutationId": lambda _: None})


def _graphql(hub: GitHub, request: Request) -> Any:
    execution = _Execution(hub, request)
    try:
        kind, fields = Parser(request.content.get("query", ""), request.content.get("variables") or {}).operation()
        data = execution.chosen(execution.root(kind), fields, [])
    except Failed as failed:
        return {"errors": [failed.error]}
    return {"data": data, **({"errors": execution.errors} if execution.errors else {})}


ROUTES = (Route("POST", "/graphql", _graphql, described=False),)
