"""Retries with exponential backoff."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Awaitable, Callable, Iterator

import anyio


class GiveUp(Exception):
    """All attempts failed; `__cause__` is the last error."""

    def __init__(self, attempts: int) -> None:
        super().__init__(f"gave up after {attempts} attempts")
        self.attempts = attempts


class Permanent(Exception):
    """Raised by a job to say that trying again is pointless."""


@dataclass(frozen=True)
class RetryPolicy:
    attempts: int = 4
    base: float = 0.1
    factor: float = 3.0
    cap: float = 1.0
    retry_on: tuple[type[Exception], ...] = (ConnectionError, TimeoutError)

    def delays(self) -> Iterator[float]:
        """The pauses between the attempts: one fewer than attempts."""
        delay = self.base
        for _ in range(self.attempts - 1):
            yield min(delay, self.cap)
            delay *= self.factor

    def retryable(self, error: BaseException) -> bool:
        return isinstance(error, self.retry_on) and not isinstance(error, Permanent)


async def retry(
    func: Callable[[], Awaitable[Any]],
    policy: RetryPolicy = RetryPolicy(),
    *,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    on_retry: Callable[[int, BaseException], None] | None = None,
) -> Any:
    """The result of `func`. An error that is not retryable is raised as it is, GiveUp after the last attempt."""
    delays = list(policy.delays())
    for attempt in range(1, policy.attempts + 1):
        try:
            return await func()
        except Exception as exc:
            if not policy.retryable(exc):
                raise
            if attempt == policy.attempts:
                raise GiveUp(attempt) from exc
            if on_retry is not None:
                on_retry(attempt, exc)
            await sleep(delays[attempt - 1])
