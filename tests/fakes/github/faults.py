"""What goes wrong on purpose: faults that are switched on, and the limits that GitHub sets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tests.fakes.github.base import DOCUMENTATION, Refused, Token

_HOUR = 3_600
_MINUTE = 60


@dataclass
class Fault:
    """What a request meets. It is for the next `times` requests whose verb and path (with its query) match, or, with
    `at`, for the one with that number: `GitHub.upcoming(n)` gives it.

    `how` it strikes: `answer` with a status, headers and body; `cut`, the connection closes without an answer (a
    status of 0 says the same); `hang`, nothing comes for `delay` seconds and then the end; `half`, the connection
    closes in the middle of the real answer; `pass`, all is well after all. Before that it waits `delay` seconds and
    calls `act`. `after`: the request takes effect, and only the answer is lost; half an answer always means that.
    """

    method: str = ""
    path: str = ""
    status: int = 500
    body: str = '{"message": "switched on by the test"}'
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    after: bool = False
    delay: float = 0.0
    how: Literal["answer", "cut", "hang", "half", "pass"] = "answer"
    at: int = 0
    act: Callable[[], object] | None = None

    def __post_init__(self) -> None:
        if self.status == 0:
            self.how = "cut"

    def strikes(self, verb: str, path: str, number: int) -> bool:
        """True for a request that this fault is for."""
        if self.times <= 0 or (self.at and self.at != number):
            return False
        return self.method in {"", verb} and re.search(self.path, path) is not None


def _said(status: int, message: str, headers: dict[str, str] | None = None, *, after: bool = False) -> Fault:
    body = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
    return Fault(status=status, body=json.dumps(body), headers=headers or {}, after=after)


SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


def every_kind(hang: float = 5.0) -> dict[str, Fault]:
    """A fault of each kind, by name; give them `at`, or `method` and `path`."""
    return {
        "401": _said(401, "Bad credentials"),
        "403": _said(403, "Resource not accessible by integration"),
        "404": _said(404, "Not Found"),
        "409": _said(409, "Conflict"),
        "410": _said(410, "Gone"),
        "422": _said(422, "Validation Failed"),
        "429 with retry-after": _said(429, SECONDARY, {"Retry-After": "7"}),
        "429": _said(429, "Too many requests"),
        "secondary limit with retry-after": _said(403, SECONDARY, {"Retry-After": "7"}),
        "secondary limit": _said(403, SECONDARY),
        "500": _said(500, "Server Error"),
        "500 after the effect": _said(500, "Server Error", after=True),
        "502": Fault(status=502, body="<html><body>Bad Gateway</body></html>", headers={"Content-Type": "text/html"}),
        "502 after the effect": Fault(
            status=502, body="<html><body>Bad Gateway</body></html>", headers={"Content-Type": "text/html"}, after=True
        ),
        "time-out before the effect": Fault(how="hang", delay=hang),
        "time-out after the effect": Fault(how="hang", delay=hang, after=True),
        "cut before the effect": Fault(how="cut"),
        "cut after the effect": Fault(how="cut", after=True),
        "half a body": Fault(how="half"),
    }


class Limits:
    """How much a token may ask of the API: `limit` requests an hour, of which `remaining` are left, and, where they are
    set, so many writes a minute and an hour that make content (GitHub: 80 and 500).
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.limit = 5_000
        self.remaining = 5_000
        self.resets_at = 0.0
        self.writes_a_minute: int | None = None
        self.writes_an_hour: int | None = None
        self.written: list[float] = []

    def run_out(self, remaining: int = 0, reset_in: float = _HOUR) -> None:
        """Leave so many requests until the limit is set back."""
        self.remaining, self.resets_at = remaining, self._now().timestamp() + reset_in

    def headers(self, resource: str) -> Iterator[tuple[str, str]]:
        """What each answer says of the limit."""
        yield "X-RateLimit-Limit", str(self.limit)
        yield "X-RateLimit-Remaining", str(max(self.remaining, 0))
        yield "X-RateLimit-Used", str(self.limit - max(self.remaining, 0))
        yield "X-RateLimit-Reset", str(int(self.resets_at))
        yield "X-RateLimit-Resource", resource

    def count(self, token: Token, *, writes: bool) -> None:
        """Count a request. Raises Refused where a limit is reached."""
        now = self._now().timestamp()
        if now >= self.resets_at:
            self.remaining, self.resets_at = self.limit, float(int(now) + _HOUR)
        if self.remaining <= 0:
            raise Refused(403, f"API rate limit exceeded for user ID {token.id}.")
        self.remaining -= 1
        if not writes:
            return
        self.written = [*(moment for moment in self.written if moment > now - _HOUR), now]
        for most, seconds in ((self.writes_a_minute, _MINUTE), (self.writes_an_hour, _HOUR)):
            if most is not None and sum(1 for moment in self.written if moment > now - seconds) > most:
                self.written.pop()
                raise Refused(
                    403, "You have exceeded a secondary rate limit and have been temporarily blocked from content "
                         "creation. Please retry your request again later.", {"Retry-After": str(_MINUTE)},
                )
