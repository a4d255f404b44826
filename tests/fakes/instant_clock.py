"""A clock that waits without waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class InstantClock:
    """Time moves only by sleeping; `slept` are the pauses that were asked for."""

    def __init__(self, now: datetime = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)) -> None:
        self._now = now
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._now += timedelta(seconds=seconds)
