"""Sends notices to webhooks: signed JSON of whybot's own, or messages for Slack. The addresses are in the environment.

What may pass is tried again: 5xx, 408 and 429, broken connections, no answer in time. Another refusal is final, a
redirection too (Standard Webhooks 1.0.0, "Delivery success and failure").
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from bot import __version__
from bot.adapters.webhook_http import Address, Answer, NoAnswer, address_of, post
from bot.adapters.webhook_signature import keys_in, signature
from bot.domain.base import counted
from bot.domain.config import NotifyConfig
from bot.domain.notices import Notice
from bot.ports import Clock, Delivery
from bot.reports.notice_slack import notice_slack
from bot.reports.notices import notice_json

T = TypeVar("T")

_SECONDS: Final = 15.0
"""For one try; the specification recommends 15 to 30."""

_WAITS: Final = (1.0, 4.0, 16.0)
"""Seconds before each further try, and up to a quarter more, so that several bots do not all come at once."""

_MOST_WAIT: Final = 60.0
"""Seconds of waiting in all: a cycle waits for it."""

_PASSING: Final = frozenset({408, 429})
_BODIES: Final[Mapping[str, Callable[[Notice], bytes]]] = {"json": notice_json, "slack": notice_slack}


class WebhookNotifier:
    """Implements the Notifier port for the destinations of a bot.toml."""

    def __init__(
        self, destinations: Mapping[str, NotifyConfig], environ: Mapping[str, str], clock: Clock,
        seconds: float = _SECONDS,
    ) -> None:
        self._destinations = destinations
        self._environ = environ
        self._clock = clock
        self._seconds = seconds
        self._silent: set[str] = set()

    def trouble(self, destination: str) -> str:
        """Why nothing can be sent there, as far as configuration and environment tell."""
        try:
            self._address(self._destinations[destination])
            self._keys(self._destinations[destination])
        except ValueError as problem:
            return str(problem)
        return ""

    def send(self, destination: str, notice: Notice) -> Delivery:
        """Deliver a notice; a destination that did not answer at all is tried only once from then on."""
        config = self._destinations[destination]
        try:
            to, keys = self._address(config), self._keys(config)
        except ValueError as problem:
            return Delivery(delivered=False, why=f"{problem}.")
        body = _BODIES[config.format](notice)
        waited, tries = 0.0, 1 if destination in self._silent else len(_WAITS) + 1
        for number in range(1, tries + 1):
            answer = self._try(to, config, keys, notice.id, body)
            if isinstance(answer, Answer) and answer.good:
                self._silent.discard(destination)
                return Delivery(delivered=True)
            why, wait = _refused(answer, notice.id, number, self._clock.now())
            if wait is None or waited + wait > _MOST_WAIT or number == tries:
                break
            self._clock.sleep(wait)
            waited += wait
        if wait is not None:
            self._silent.add(destination)
        if wait is not None and wait > _MOST_WAIT:
            why += f", and asks to be left alone for {counted(math.ceil(wait), 'second')}"
        return Delivery(delivered=False, why=f"{why} ({counted(number, 'try', 'tries')}).")

    def _try(
        self, to: Address, config: NotifyConfig, keys: tuple[bytes, ...], message: str, body: bytes
    ) -> Answer | NoAnswer:
        headers = {"Content-Type": "application/json", "User-Agent": f"whybot/{__version__}"}
        if config.format == "json":
            # The time of the try, as the specification says, so that an old one cannot be played again.
            timestamp = int(self._clock.now().timestamp())
            headers |= {"webhook-id": message, "webhook-timestamp": str(timestamp)}
            if keys:
                headers["webhook-signature"] = signature(keys, message, timestamp, body)
        try:
            return post(to, headers, body, self._seconds, self._environ)
        except NoAnswer as none:
            return none

    def _address(self, config: NotifyConfig) -> Address:
        return self._read(config.url_env, address_of)

    def _keys(self, config: NotifyConfig) -> tuple[bytes, ...]:
        signs = config.format == "json" and config.secret_env
        return self._read(config.secret_env, keys_in) if signs else ()

    def _read(self, name: str, read: Callable[[str], T]) -> T:
        """What a variable holds. Raises ValueError, which names the variable and nothing of what it holds."""
        given = self._environ.get(name, "").strip()
        if not given:
            raise ValueError(f"{name} is not set")
        try:
            return read(given)
        except ValueError as problem:
            raise ValueError(f"{name} cannot be used: {problem}") from None


def _refused(answer: Answer | NoAnswer, message: str, number: int, now: datetime) -> tuple[str, float | None]:
    """Why a notice was not taken, and how long to wait before the next try; None where no try helps."""
    if isinstance(answer, NoAnswer):
        return answer.why, _backoff(message, number) if answer.passing else None
    why = f"it answered with status {answer.status}" + (f" and {answer.code}" if answer.code else "")
    if 300 <= answer.status < 400:
        return f"{why}, a redirection, which is not followed: give the address that it leads to", None
    if answer.status >= 500 or answer.status in _PASSING:
        return why, max(_backoff(message, number), _told(answer.retry_after, now))
    return why, None


def _backoff(message: str, number: int) -> float:
    # By the notice's id and not by chance: nothing here is to differ from run to run.
    part = hashlib.sha256(f"{message} {number}".encode()).digest()[0] / 255
    return _WAITS[min(number, len(_WAITS)) - 1] * (1 + part / 4)


def _told(retry_after: str, now: datetime) -> float:
    """Seconds that a Retry-After asks for, as a number or as a date (RFC 9110, 10.2.3); 0 for what is neither."""
    text = retry_after.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
        return max((when - now).total_seconds(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return 0.0
