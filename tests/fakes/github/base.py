"""What the parts of the local GitHub share: a request, its answer, a refusal, and where requests go."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tests.fakes.github_api import GitHub

Json = dict[str, Any]
Level = Literal["read", "write"]

DOCUMENTATION = "https://docs.github.com/rest"
MANY = frozenset({"basehead", "commit_sha", "path", "ref", "tree_sha"})
"""Parameters of paths that may hold slashes."""


@dataclass(frozen=True)
class Token:
    """Whose a token is. An App's has a slug and the login `slug[bot]`; `write` is push access.

    `permissions` are what an App's or a workflow's token was given, and nothing else; without them they are all
    `write` (or `read`, by `write` and `checks`). A person has a `role` in the repository instead: admin, maintain,
    write, triage, read or none; with `permissions` the token is a fine-grained one, which narrows the role.
    """

    login: str
    id: int
    app: str = ""
    write: bool = True
    checks: bool = True
    permissions: Mapping[str, str] | None = None
    role: str = ""
    expires_at: float = float("inf")

    @property
    def kind(self) -> Literal["actions", "app", "person"]:
        """What GitHub takes it for."""
        if self.app == "github-actions":
            return "actions"
        return "app" if self.app else "person"

    @property
    def rank(self) -> str:
        """A person's role."""
        return self.role or ("write" if self.write else "read")

    def granted(self, permission: str) -> str:
        """`write`, `read` or nothing, for an App or a fine-grained token."""
        if permission == "metadata":
            return "read"
        if self.permissions is not None:
            return self.permissions.get(permission, "")
        return "write" if self.write and (self.checks or permission != "checks") else "read"


def actions_token(**permissions: str) -> Token:
    """The token that a workflow gets with these `permissions:`, `_` for `-`."""
    return Token("github-actions[bot]", 41_898_282, app="github-actions", permissions=permissions)


class Refused(Exception):
    """An answer of 300 or more."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status), **more}


def not_found() -> Refused:
    """What GitHub says of what is not there, and of what a token may not see."""
    return Refused(404, "Not Found")


def invalid(resource: str, field_name: str, code: str, message: str = "", **more: Any) -> Refused:
    """A validation error, as most of GitHub's resources give it."""
    error = {"resource": resource, "code": code, "field": field_name, **more}
    if message:
        error["message"] = message
    return Refused(422, "Validation Failed", errors=[error])


def not_supplied(name: str) -> Refused:
    """What GitHub says of a body that lacks a part."""
    return Refused(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')


@dataclass
class Request:
    """A request that was let in."""

    token: Token
    query: dict[str, str]
    content: Json
    match: dict[str, str]
    headers: Mapping[str, str]

    @property
    def number(self) -> int:
        """The first parameter after the repository."""
        given = next(value for name, value in self.match.items() if name not in {"owner", "repo"})
        if not (given.isascii() and given.isdigit()):
            raise not_found()
        return int(given)

    def taken(self, *names: str) -> Json:
        """The named parts of the body that are there."""
        return {name: self.content[name] for name in names if name in self.content}


@dataclass(frozen=True)
class Listing:
    """What goes back in pages: only what is on the page is put into shape. With a `key` the page is an object."""

    items: Sequence[Any]
    shape: Callable[[Any], Any]
    key: str = ""


@dataclass(frozen=True)
class Answer:
    """What goes back. `content` is None for no body."""

    content: Any
    status: int = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """An operation: the path is a template of GitHub's OpenAPI description. `act` makes the answer."""

    verb: str
    template: str
    act: Callable[[GitHub, Request], Any]
    described: bool = True

    @property
    def name(self) -> str:
        """The verb and the path."""
        return f"{self.verb} {self.template}"

    @staticmethod
    def matching(template: str, path: str) -> re.Match[str] | None:
        """The match of a path with a template."""
        return _pattern(template).fullmatch(path)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    made = ""
    for part in re.split(r"(\{[a-z_]+\})", template):
        name = part.strip("{}")
        made += f"(?P<{name}>{'.+' if name in MANY else '[^/]+'})" if part.startswith("{") else re.escape(part)
    return re.compile(made)


def parsed(body: bytes) -> Json:
    """A request's body. GitHub refuses what is no JSON object, but takes an array for labels."""
    if not body:
        return {}
    try:
        content = json.loads(body)
    except ValueError as bad:
        raise Refused(400, "Problems parsing JSON") from bad
    if isinstance(content, list):
        return {"labels": content}
    if not isinstance(content, dict):
        raise Refused(400, "Body should be a JSON object")
    return content
