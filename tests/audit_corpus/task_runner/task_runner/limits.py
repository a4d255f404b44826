"""Rate limits."""
from __future__ import annotations

import time
from typing import Awaitable, Callable

import anyio


class TokenBucket:
    """`rate` tokens a second are added; the bucket never holds more than `capacity`. It starts full."""

    def __init__(
        self,
        rate: float,
        capacity: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        if rate <= 0 or capacity <= 0:
            raise ValueError("rate and capacity must be positive")
        self.rate = rate
        self.capacity = capacity
        self._clock = clock
        self._sleep = sleep
        self._tokens = capacity
        self._updated = clock()

    def available(self) -> float:
        self._refill()
        return self._tokens

    def try_acquire(self, tokens: float = 1.0) -> bool:
        """Take tokens if they are there; never waits."""
        self._refill()
        if tokens > self._tokens:
            return False
        self._tokens -= tokens
        return True

    def refund(self, tokens: float = 1.0) -> None:
        """Give back what was not used."""
        self._refill()
        self._tokens += tokens

    async def acquire(self, tokens: float = 1.0) -> float:
        """Wait until the tokens are there; the seconds waited. ValueError for more than the capacity."""
        if tokens > self.capacity:
            raise ValueError("more than the capacity")
        waited = 0.0
        while not self.try_acquire(tokens):
            pause = (tokens - self._tokens) / self.rate
            await self._sleep(pause)
            waited += pause
        return waited

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = max(self._tokens, min(self.capacity, self._tokens + (now - self._updated) * self.rate))
        self._updated = now
