"""Requests to GitHub's REST API: which are repeated, how long they wait, and what a refusal means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from bot.domain.errors import ConfigProblem, ForgeProblem
from bot.ports import Clock

if TYPE_CHECKING:
    from github.GithubException import GithubException

_TIMEOUT_SECONDS: Final = 20
_ATTEMPTS: Final = 4
_MOST_WAIT: Final = 120.0
"""Seconds of waiting in all before a request is given up. A primary limit may last an hour; it is not waited for."""

_SECONDARY_WAIT: Final = 60.0
"""Seconds to wait after a secondary limit without retry-after (GitHub, "Best practices for using the REST API")."""

_WRITE_PAUSE: Final = 1.0
"""Seconds between two writes; the same source."""

_NEXT = re.compile(r'<([^<>]+)>; rel="next"')

Verb = Literal["GET", "POST", "PATCH"]
Parsed = TypeVar("Parsed", bound=BaseModel)


class Refusal(NamedTuple):
    """An answer of 400 or more. `message` is GitHub's own."""

    status: int
    message: str
    headers: Mapping[str, str]


class GitHubApi:
    """The API at `url` as seen with a token.

    PyGithub authenticates, connects and follows redirections; its objects are not used, since they make
    requests of their own when an attribute is missing. All methods raise ForgeProblem, without the token.
    """

    def __init__(self, url: str, token: str, clock: Clock) -> None:
        if re.fullmatch(r"[!-~]+", token) is None:
            raise ConfigProblem(
                f"The GitHub token is {'missing' if not token else 'no token: it has spaces or special characters'}.",
                "Set the variable that `token_env` in [forge] names.",
            )
        if re.fullmatch(r"https?://[^\s/@]+(/\S*)?", url) is None:
            raise ConfigProblem(f"`api_url` in [forge] is {url!r}, which is no URL.", "Use https://api.github.com.")
        from github import Auth, Github

        self._token = token
        self._clock = clock
        self._written_at = clock.now() - timedelta(days=1)
        # No retries and pauses of its own: they use the machine's clock, and would repeat a POST that was
        # cut off after it took effect.
        self._requester = Github(
            auth=Auth.Token(token), base_url=url.rstrip("/"), timeout=_TIMEOUT_SECONDS, retry=0, per_page=100,
            user_agent="whybot", seconds_between_requests=0, seconds_between_writes=0,
        ).requester

    def one(
        self, verb: Verb, path: str, kind: type[Parsed], content: Mapping[str, object] | None = None, *,
        doing: str, repeatable: bool | None = None,
    ) -> Parsed:
        """Make a request and return its answer. `doing` completes "GitHub refused to ...".

        A POST is repeated only after an answer that says it was not carried out, or when it is `repeatable`.
        """
        again = verb != "POST" if repeatable is None else repeatable
        self._pace(verb)
        return self._parsed(kind, self._request(verb, path, content, doing, again)[1], doing)

    def query(self, text: str, kind: type[Parsed], *, doing: str) -> Parsed:
        """Make a GraphQL query, which writes nothing, and return its answer."""
        answer = self._request("POST", self._requester.graphql_url, {"query": text}, doing, True)[1]
        return self._parsed(kind, answer, doing)

    def many(
        self, path: str, kind: type[Parsed], parameters: Mapping[str, str], *, doing: str, key: str = ""
    ) -> Iterator[Parsed]:
        """Yield the items of a listing over all its pages; `key` is where they stand when the page is an object."""
        url = f"{path}?{urlencode({**parameters, 'per_page': '100'})}"
        seen = set()
        while url and url not in seen:
            seen.add(url)
            headers, page = self._request("GET", url, None, doing, True)
            items = page.get(key) if key and isinstance(page, dict) else page
            if not isinstance(items, list):
                raise _not_understood(doing, "a list was expected")
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

    def _request(
        self, verb: Verb, path: str, content: Mapping[str, object] | None, doing: str, again: bool
    ) -> tuple[Mapping[str, str], Any]:
        import requests
        from github.GithubException import GithubException

        waited = 0.0
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                headers, answer = self._requester.requestJsonAndCheck(verb, path, input=content)
            except GithubException as refused:
                refusal = _refusal(refused)
                wait = self._wait(refusal, attempt, again)
                problem: ForgeProblem = Refused(refusal, doing, self._token)
            except (requests.RequestException, RuntimeError, AssertionError, ValueError) as broken:
                # PyGithub raises the last three for redirections to elsewhere and for half a body.
                wait = 2.0 ** (attempt - 1) if again else None
                problem = _broken(broken, doing, again, self._token)
            else:
                return headers, answer
            if wait is None or waited + wait > _MOST_WAIT or attempt == _ATTEMPTS:
                raise problem
            self._clock.sleep(wait)
            waited += wait
        raise AssertionError("the last attempt returns or raises")

    def _pace(self, verb: Verb) -> None:
        if verb != "GET":
            pause = _WRITE_PAUSE - (self._clock.now() - self._written_at).total_seconds()
            if pause > 0:
                self._clock.sleep(pause)
            self._written_at = self._clock.now()

    def _wait(self, refusal: Refusal, attempt: int, again: bool) -> float | None:
        """Seconds until a refused request may be made again, None when it must not be."""
        if is_limit(refusal):
            told = refusal.headers.get("retry-after", "")
            if told.isdigit():
                return float(told)
            reset = refusal.headers.get("x-ratelimit-reset", "")
            if refusal.headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
                return max(float(reset) - self._clock.now().timestamp(), 0.0) + 1.0
            return _SECONDARY_WAIT
        if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR and again:
            return 2.0 ** (attempt - 1)
        return None

    @staticmethod
    def _parsed(kind: type[Parsed], answer: object, doing: str) -> Parsed:
        try:
            return kind.model_validate(answer)
        except ValidationError as bad:
            first = bad.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise _not_understood(doing, f"{where or 'the answer'}: {first['msg']}") from bad


class Refused(ForgeProblem):
    """A refusal that a caller may look into."""

    def __init__(self, refusal: Refusal, doing: str, token: str) -> None:
        said = _shown(refusal.message, token)
        why = f"{refusal.status}: {said}" if said else str(refusal.status)
        super().__init__(f"GitHub refused to {doing} ({why}).", _remedy(refusal))
        self.refusal = refusal


def is_limit(refusal: Refusal) -> bool:
    """True when GitHub refused because of a rate limit, so that nothing was carried out."""
    if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    if refusal.status != HTTPStatus.FORBIDDEN:
        return False
    return (
        "retry-after" in refusal.headers or refusal.headers.get("x-ratelimit-remaining") == "0"
        or "rate limit" in refusal.message.lower()
    )


def _remedy(refusal: Refusal) -> str:
    if is_limit(refusal):
        return "This token's rate limit is spent; wait up to an hour, then run `bot resume`."
    match refusal.status:
        case 401:
            return "The token is wrong or has expired; make a new one."
        case 403:
            return "Give the token write access to this repository's contents, issues and pull requests."
        case 404:
            return "Check `name` in [repository]; GitHub also answers so when the token lacks access to it."
        case 409:
            return "Something changed at the same moment; run `bot resume`."
        case 410:
            return "It was deleted, or issues are switched off in the repository's settings."
        case 422:
            return "GitHub found the content invalid; report this if nothing was changed by hand."
        case status if status >= 500:
            return "GitHub has a fault; see githubstatus.com, then run `bot resume`, which makes nothing twice."
        case _:
            return "Run `bot doctor`, then `bot resume`."


def _refusal(error: GithubException) -> Refusal:
    data = error.data if isinstance(error.data, dict) else {}
    details = [str(item.get("message") or item.get("code") or "") for item in data.get("errors") or ()
               if isinstance(item, dict)]
    message = "; ".join(part for part in (str(data.get("message") or ""), *details) if part)
    return Refusal(error.status, message, {key.lower(): value for key, value in (error.headers or {}).items()})


def _broken(error: Exception, doing: str, again: bool, token: str) -> ForgeProblem:
    what = f"GitHub did not answer the request to {doing} ({_shown(f'{type(error).__name__}: {error}', token)})."
    if again:
        return ForgeProblem(what, "Check the network and `api_url` in [forge], then run `bot resume`.")
    return ForgeProblem(what, "It may have been carried out; run `bot resume`, which finds it and makes nothing twice.")


def _not_understood(doing: str, why: str) -> ForgeProblem:
    return ForgeProblem(
        f"GitHub's answer to the request to {doing} was not understood ({why}).",
        "Check `api_url` in [forge]; it must be the API's root.",
    )


def _shown(text: str, token: str) -> str:
    shown = "".join(character for character in text.replace(token, "***") if character.isprintable())
    return shown if len(shown) <= 300 else f"{shown[:300]} …"
