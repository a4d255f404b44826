"""Requests to GitHub's REST API: which are repeated, how long they wait, where redirections may lead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, Literal, NamedTuple, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

from pydantic import BaseModel, ValidationError

from bot.adapters.github_refusals import (
    Refusal,
    Refused,
    broken,
    graphql_refusal,
    is_limit,
    is_passing_conflict,
    moved,
    not_understood,
    refusal_of,
    shown,
)
from bot.adapters.github_tokens import Tokens, check_url
from bot.domain.errors import ForgeProblem
from bot.ports import Clock

_TIMEOUT_SECONDS: Final = 20
_ATTEMPTS: Final = 4
_MOST_STEPS: Final = 3
"""Redirections that one request follows."""

_MOST_WAIT: Final = 180.0
"""Seconds of waiting in all before a request is given up. A primary limit may last an hour; it is not waited for."""

_SECONDARY_WAIT: Final = 60.0
"""Seconds to wait after a secondary limit without retry-after, doubled each time (GitHub, "Rate limits for the REST
API")."""

_WRITE_PAUSE: Final = 1.0
"""Seconds between two writes (GitHub, "Best practices for using the REST API"), which keeps below the 80 a minute that
may create content, too."""

_MOST_IDLE: Final = timedelta(seconds=30)
"""How long a connection that nothing goes over is trusted. A cycle thinks for minutes between two requests, and a
router that forgot the connection meanwhile would let the next one hang."""

_NEXT = re.compile(r'<([^<>]+)>; rel="next"')

Verb = Literal["GET", "POST", "PATCH", "DELETE"]
Parsed = TypeVar("Parsed", bound=BaseModel)


class _Plan(NamedTuple):
    """A request. `again`: it may be repeated though it may have been carried out. `wide`: it may be led elsewhere."""

    verb: Verb
    path: str
    content: Mapping[str, object] | None
    doing: str
    again: bool
    writes: bool
    wide: bool = False


class GitHubApi:
    """The API at `url` as seen with a token.

    PyGithub authenticates and connects; its objects are not used, since they make requests of their own when an
    attribute is missing. All methods raise ForgeProblem, without the token.
    """

    def __init__(self, url: str, tokens: Tokens, clock: Clock) -> None:
        check_url(url)
        from bot.adapters.github_connection import connect

        self.tokens = tokens
        self._url = url.rstrip("/")
        self._clock = clock
        self._written_at = clock.now() - timedelta(days=1)
        self._used_at = clock.now()
        self._home: int | None = None
        # No retries and pauses of its own: they use the machine's clock, and would repeat a POST that was
        # cut off after it took effect.
        self._requester = connect(self._url, tokens, _TIMEOUT_SECONDS)

    def stay_in(self, repository: int) -> None:
        """From now on writes and listings go to the repository with this number, wherever they are redirected."""
        self._home = repository

    @property
    def scopes(self) -> tuple[str, ...] | None:
        """What a classic token may do, as GitHub last said; None for tokens of which it says nothing."""
        told: list[str] = self._requester.oauth_scopes or []
        return tuple(scope for scope in told if scope) or None

    def one(
        self, verb: Verb, path: str, kind: type[Parsed], content: Mapping[str, object] | None = None, *,
        doing: str, repeatable: bool | None = None,
    ) -> Parsed:
        """Make a request and return its answer. `doing` completes "GitHub refused to ...".

        A POST is repeated only after an answer that says it was not carried out, or when it is `repeatable`.
        """
        again = verb != "POST" if repeatable is None else repeatable
        plan = _Plan(verb, path, content, doing, again, writes=verb != "GET", wide=verb == "GET")
        return self._parsed(kind, self._request(plan)[1], doing)

    def query(
        self, text: str, kind: type[Parsed], variables: Mapping[str, object] | None = None, *, doing: str,
        writes: bool = False,
    ) -> Parsed:
        """Make a GraphQL request, which may be repeated, and return its answer."""
        content = {"query": text, "variables": variables or {}}
        plan = _Plan("POST", self._requester.graphql_url, content, doing, again=True, writes=writes)
        return self._parsed(kind, self._request(plan)[1], doing)

    def many(
        self, path: str, kind: type[Parsed], parameters: Mapping[str, str], *, doing: str, key: str = ""
    ) -> Iterator[Parsed]:
        """Yield the items of a listing over all its pages; `key` is where they stand when the page is an object."""
        url = f"{path}?{urlencode({**parameters, 'per_page': '100'})}"
        seen = set()
        while url and url not in seen:
            seen.add(url)
            headers, page = self._request(_Plan("GET", url, None, doing, again=True, writes=False))
            items = page.get(key) if key and isinstance(page, dict) else page
            if not isinstance(items, list):
                raise not_understood(doing, "a list was expected")
            for item in items:
                yield self._parsed(kind, item, doing)
            following = _NEXT.search(headers.get("link", ""))
            url = following[1] if following else ""

    def find(self, path: str, kind: type[Parsed], *absent: HTTPStatus, doing: str) -> Parsed | None:
        """Return what lies at a path, None when the answer has one of the statuses `absent`."""
        try:
            return self.one("GET", path, kind, doing=doing)
        except Refused as refused:
            if refused.refusal.status in absent and not is_limit(refused.refusal):
                return None
            raise

    # How

    def _request(self, plan: _Plan) -> tuple[Mapping[str, str], Any]:
        waited, limits, renewed = 0.0, 0, False
        for attempt in range(1, _ATTEMPTS + 1):
            answer = self._attempt(plan)
            if isinstance(answer, tuple):
                return answer
            wait: float | None = None
            if not isinstance(answer, Refused):
                wait = 2.0 ** (attempt - 1) if plan.again else None
            elif answer.refusal.status == HTTPStatus.UNAUTHORIZED and not renewed:
                # An App's token ends early when the App's settings change.
                renewed, wait = True, 0.0 if self.tokens.renew() else None
            elif is_limit(answer.refusal):
                limits += 1
                wait = self._until_allowed(answer.refusal, limits)
            elif self._may_pass(plan, answer.refusal):
                wait = 2.0 ** (attempt - 1)
            if wait is None or waited + wait > _MOST_WAIT or attempt == _ATTEMPTS:
                raise answer
            if wait:
                self._clock.sleep(wait)
            waited += wait
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, plan: _Plan) -> tuple[Mapping[str, str], Any] | ForgeProblem:
        """Make the request once. What a redirection or a missing token comes to is raised, since no wait helps."""
        import requests
        from github.GithubException import GithubException

        if plan.writes:
            self._pace()
        if self._clock.now() - self._used_at > _MOST_IDLE:
            self._requester.close()
        try:
            headers, answer = self._follow(plan)
        except GithubException as refused:
            return Refused(refusal_of(refused), plan.doing, self.tokens.secrets())
        except (requests.RequestException, RuntimeError, AssertionError, ValueError) as failure:
            # PyGithub raises the last three for addresses elsewhere and for half a body.
            return broken(failure, plan.doing, plan.again, self.tokens.secrets())
        finally:
            self._used_at = self._clock.now()
            if plan.writes:
                self._written_at = self._used_at
        if plan.path == self._requester.graphql_url and (refusal := graphql_refusal(answer, headers)) is not None:
            return Refused(refusal, plan.doing, self.tokens.secrets())
        return headers, answer

    def _follow(self, plan: _Plan) -> tuple[Mapping[str, str], Any]:
        from bot.adapters.github_connection import MovedTo

        where = plan.path
        for _ in range(_MOST_STEPS):
            try:
                return self._requester.requestJsonAndCheck(plan.verb, where, input=plan.content)
            except MovedTo as away:
                where = self._step(plan, where, away.location)
        raise not_understood(plan.doing, f"it was redirected {_MOST_STEPS} times")

    def _step(self, plan: _Plan, where: str, location: str) -> str:
        """Where a redirection leads. Raises ForgeGone when it leads out of the repository."""
        here = where if where.startswith("http") else f"{self._url}{where}"
        there = urljoin(here, location)
        if not location or not there.startswith(f"{self._url}/"):
            raise not_understood(plan.doing, f"it leads to {shown(location, self.tokens.secrets()) or 'nowhere'}")
        inside = there.removeprefix(self._url)
        ours = self._home is not None and re.match(rf"/repositories/{self._home}(?![0-9])", inside)
        if not ours and not plan.wide:
            raise moved(f"What is needed to {plan.doing}", there)
        query = urlsplit(where).query
        return inside if urlsplit(inside).query or not query else f"{inside}?{query}"

    def _pace(self) -> None:
        pause = _WRITE_PAUSE - (self._clock.now() - self._written_at).total_seconds()
        if pause > 0:
            self._clock.sleep(pause)

    def _until_allowed(self, refusal: Refusal, limits: int) -> float:
        """Seconds until GitHub wants to be asked again."""
        told = refusal.headers.get("retry-after", "")
        if told.isdigit():
            return float(told)
        reset = refusal.headers.get("x-ratelimit-reset", "")
        if refusal.headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
            return max(float(reset) - self._clock.now().timestamp(), 0.0) + 1.0
        return _SECONDARY_WAIT * 2.0 ** (limits - 1)

    @staticmethod
    def _may_pass(plan: _Plan, refusal: Refusal) -> bool:
        """True for a refusal that the same request may not meet in a moment."""
        if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return plan.again
        # A conflict says that nothing was carried out, so that even a POST can be repeated.
        return plan.writes and is_passing_conflict(refusal)

    @staticmethod
    def _parsed(kind: type[Parsed], answer: object, doing: str) -> Parsed:
        try:
            return kind.model_validate(answer)
        except ValidationError as bad:
            first = bad.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise not_understood(doing, f"{where or 'the answer'}: {first['msg']}") from bad
