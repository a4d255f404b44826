"""From a request to its answer: who asks, where it goes, what it costs, in which pages, and whether all fits."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from tests.fakes.github import (
    accounts,
    checks,
    comments,
    contents,
    git_data,
    git_over_http,
    git_refs,
    graphql,
    issues,
    openapi,
    pulls,
    runs,
    talk_shapes,
)
from tests.fakes.github.base import Answer, Listing, Refused, Request, Route, Token, not_found, parsed
from tests.fakes.github.faults import Fault
from tests.fakes.github.wire import Reply, merged

if TYPE_CHECKING:
    from tests.fakes.github_api import GitHub

ROUTES: tuple[Route, ...] = tuple(sorted(
    (route
     for module in (accounts, checks, comments, contents, git_data, git_refs, graphql, issues, pulls, runs)
     for route in module.ROUTES),
    key=lambda route: route.template.count("{"),
))
"""What is served; a path without parameters comes before one with."""

OPERATIONS = frozenset((route.verb, route.template) for route in ROUTES if route.described)

_JSON = (("Content-Type", "application/json; charset=utf-8"),)
_NO_CI = re.compile(r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]|^skip-checks: ?true$", re.MULTILINE)


def starts_ci(token: Token, message: str) -> bool:
    """True for a push that starts workflows: not with the token of Actions, nor where the commit says so."""
    return token.kind != "actions" and _NO_CI.search(message) is None


class Serving:
    """Answers the requests to one GitHub."""

    def __init__(self, hub: GitHub, *, check: bool) -> None:
        self.closing = threading.Event()
        self._hub = hub
        self._description = openapi.description(OPERATIONS) if check else None

    def noted(self, verb: str, target: str) -> Fault | None:
        """Take note of a request, and give the fault that strikes it."""
        hub = self._hub
        with hub.lock:
            hub.requests.append(f"{verb} {target}")
            fault = next((one for one in hub.faults if one.strikes(verb, target, len(hub.requests))), None)
            if fault is not None:
                fault.times -= 1
            return fault

    def respond(self, verb: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Carry out a request."""
        with self._hub.lock:
            if ".git/" in urlsplit(target).path:
                return git_over_http.respond(self._hub, verb, target, headers, body)
            route = self.check_request(verb, target, body)
            try:
                reply = self._carried_out(verb, target, headers, body)
            except Refused as refused:
                content = json.dumps(refused.body).encode()
                reply = Reply(refused.status, self.completed(_JSON, refused.headers.items()), content)
            self._check_answer(route, reply)
            return reply

    def completed(
        self, headers: Iterable[tuple[str, str]], more: Iterable[tuple[str, str]] = ()
    ) -> tuple[tuple[str, str], ...]:
        """Headers with those that every answer has; what is in `more` replaces them."""
        usual = (*headers, ("X-GitHub-Media-Type", "github.v3; format=json"), ("X-GitHub-Request-Id", uuid.uuid4().hex),
                 *self._hub.limits.headers("core"))
        return merged(usual, more)

    # Whether it fits

    def check_request(self, verb: str, target: str, body: bytes) -> Route | None:
        """Hold a request against the description; give the operation if its answer can be held against it, too."""
        path = self._path(target)
        if self._description is None or ".git/" in path or path in self._hub.elsewhere:
            return None
        route, _ = _routed(verb, path)
        if route is None:
            known = self._description.has(verb, path)
            said = "the local GitHub does not have this operation" if known else "GitHub has no such operation"
            self._hub.violations.append(f"{verb} {target}: {said}")
            return None
        if not route.described:
            return None
        query = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))
        self._hub.violations += [
            f"{verb} {target}: request, {objection}"
            for objection in self._description.objections_to_request(route, query, body)
        ]
        return route

    def _check_answer(self, route: Route | None, reply: Reply) -> None:
        if route is not None and self._description is not None:
            self._hub.checked += 1
            self._hub.violations += [
                f"{route.name}: {objection}"
                for objection in self._description.objections_to_answer(route, reply.status, reply.body)
            ]

    # Where it goes

    def _path(self, target: str) -> str:
        path = re.sub(r"^/api(/v3|(?=/graphql$))", "", urlsplit(target).path)
        return re.sub(rf"^/repositories/{self._hub.repository_id}(?=/|$)", f"/repos/{self._hub.full_name}", path)

    def _carried_out(self, verb: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        hub, url, path = self._hub, urlsplit(target), self._path(target)
        if hub.moved_from and re.match(rf"/repos/{re.escape(hub.moved_from)}(?=/|$)", path):
            rest = path.removeprefix(f"/repos/{hub.moved_from}")
            there = f"{hub.api}/repositories/{hub.repository_id}{rest}" + (f"?{url.query}" if url.query else "")
            raise Refused(301, "Moved Permanently", {"Location": there}, url=there)
        route, match = _routed(verb, path)
        token = self._token(headers, needed=route is None or not _by_app(route))
        hub.limits.count(token, writes=verb != "GET" and (not path.endswith("/graphql") or b"mutation" in body))
        if path in hub.elsewhere:
            return self._elsewhere(verb, path)
        if route is None:
            raise not_found()
        named = f"{match['owner']}/{match['repo']}".lower() if "repo" in match else ""
        if named and (named != hub.full_name.lower() or not accounts.may_see(hub, token)):
            raise not_found()
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        result = route.act(hub, Request(token, query, parsed(body), match, headers))
        if isinstance(result, Listing):
            return self._page(path, query, result)
        answer = result if isinstance(result, Answer) else Answer(result)
        content = b"" if answer.content is None else json.dumps(answer.content).encode()
        return Reply(answer.status, self.completed(_JSON, answer.headers.items()), content)

    def _token(self, headers: Mapping[str, str], *, needed: bool) -> Token:
        given = headers.get("Authorization", "")
        token = self._hub.tokens.get(given.partition(" ")[2])
        if token is not None and token.expires_at > self._hub.now().timestamp():
            return token
        if not needed:
            return Token("nobody", 0)
        raise Refused(401, "Bad credentials" if given else "Requires authentication")

    def _elsewhere(self, verb: str, path: str) -> Reply:
        if verb != "GET":
            self._hub.strayed.append(f"{verb} {path}")
        content = json.dumps(talk_shapes.issue(self._hub, self._hub.elsewhere[path])).encode()
        return Reply(HTTPStatus.OK, self.completed(_JSON), content)

    def _page(self, path: str, query: dict[str, str], listing: Listing) -> Reply:
        size, number = min(_positive(query.get("per_page"), 30), 100), _positive(query.get("page"), 1)
        last = max(1, -(-len(listing.items) // size))
        rest = path.replace(f"/repos/{self._hub.full_name}", f"/repositories/{self._hub.repository_id}", 1)
        where = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
        wanted = (("prev", "first") if number > 1 else ()) + (("next", "last") if number < last else ())
        links = ", ".join(
            f'<{self._hub.api}{rest}?{urlencode({**query, "page": str(where[name])})}>; rel="{name}"' for name in wanted
        )
        items = [listing.shape(item) for item in listing.items[(number - 1) * size : number * size]]
        content: Any = {"total_count": len(listing.items), listing.key: items} if listing.key else items
        more = (("Link", links),) if links else ()
        return Reply(HTTPStatus.OK, self.completed(_JSON, more), json.dumps(content).encode())


def _positive(given: str | None, usual: int) -> int:
    """A number in a query; GitHub takes what is none for the usual one."""
    return int(given) or usual if given is not None and given.isascii() and given.isdigit() else usual


def _by_app(route: Route) -> bool:
    """True for what an App asks for itself, with a token that it signed."""
    return route.template.startswith("/app") or route.template.endswith("/installation")


def _routed(verb: str, path: str) -> tuple[Route | None, dict[str, str]]:
    for route in ROUTES:
        if route.verb == verb and (match := Route.matching(route.template, path)) is not None:
            return route, {name: unquote(value) for name, value in match.groupdict().items()}
    return None, {}
