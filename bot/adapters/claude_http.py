"""The HTTP client under Anthropic's SDK. It ends a response at the deadline and at a size, whatever trickles in.

Imports the SDK; only what opens a client imports this module.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import anthropic
import httpx2

from bot.domain.errors import ConfigProblem
from bot.ports import Clock

MOST_BODY_BYTES = 16_000_000


class AnswerTooLong(Exception):
    """A response has more bytes than any answer can have."""


class Bounds:
    """How long and how large the response that is being read may be. One request at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._deadline: datetime | None = None
        self._bytes = 0

    def begin(self, deadline: datetime) -> None:
        """A new request starts."""
        self._deadline = deadline
        self._bytes = 0

    def take(self, size: int) -> None:
        """Count what came in. Raises AnswerTooLong, or ReadTimeout after the deadline."""
        self._bytes += size
        if self._bytes > MOST_BODY_BYTES:
            raise AnswerTooLong
        if self._deadline is not None and self._clock.now() > self._deadline:
            raise httpx2.ReadTimeout("the deadline is over")


class _Bounded(httpx2.SyncByteStream):
    """A response's bytes, counted before anything decodes them."""

    def __init__(self, stream: httpx2.SyncByteStream, bounds: Bounds) -> None:
        self._stream = stream
        self._bounds = bounds

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            self._bounds.take(len(piece))
            yield piece

    def close(self) -> None:
        self._stream.close()


def bounded_client(clock: Clock) -> tuple[httpx2.Client, Bounds]:
    """An HTTP client with the SDK's defaults, and the bounds that all its responses are held to.

    Raises ConfigProblem for proxies and certificates that cannot be used.
    """
    bounds = Bounds(clock)

    def hold(response: httpx2.Response) -> None:
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _Bounded(response.stream, bounds)

    try:
        return anthropic.DefaultHttpxClient(event_hooks={"response": [hold]}), bounds
    except (OSError, ValueError) as error:
        # What it says may hold a proxy's password.
        raise ConfigProblem(
            "No connection for Claude can be made: a proxy, or a file of certificates, that the environment names "
            "cannot be used.",
            "Put HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR right, or unset them.",
        ) from error
