"""The connection to GitHub that PyGithub makes, so set up that it repeats and follows nothing by itself.

Imported when a connection is made, not before: PyGithub takes a fifth of a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

from github import Github
from github.Auth import Auth
from urllib3.util import Retry

from bot.adapters.github_tokens import Tokens

if TYPE_CHECKING:
    from github.Requester import Requester
    from urllib3 import BaseHTTPResponse

_MOVED: Final = frozenset({301, 302, 303, 307, 308})


class MovedTo(Exception):
    """GitHub redirects. `location` is empty when it does not say where to."""

    def __init__(self, location: str) -> None:
        super().__init__(f"redirected to {location or 'nowhere'}")
        self.location = location


class _NoSteps(Retry):
    """Nothing is repeated, and a redirection is raised.

    PyGithub follows them without the query, with any verb, and into any repository of the host: a comment on an
    issue that was moved would be written in the repository that it was moved to.
    """

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        return status_code in _MOVED

    def increment(
        self, method: str | None = None, url: str | None = None, response: BaseHTTPResponse | None = None,
        error: Exception | None = None, _pool: Any = None, _stacktrace: Any = None,
    ) -> Self:
        if response is None or response.status not in _MOVED:
            return super().increment(method, url, response, error, _pool, _stacktrace)
        location = response.headers.get("location") or ""
        response.drain_conn()
        raise MovedTo(location)


class _Live(Auth):
    """Whatever token is valid at the moment of the request."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    @property
    def token_type(self) -> str:
        return "Bearer"

    @property
    def token(self) -> str:
        return self._tokens.current()


def connect(url: str, tokens: Tokens, timeout: int) -> Requester:
    """A requester at the API's root. It connects when the first request is made."""
    return Github(
        auth=_Live(tokens), base_url=url, timeout=timeout, retry=_NoSteps(0, read=False), per_page=100,
        user_agent="whybot", seconds_between_requests=0, seconds_between_writes=0,
    ).requester
