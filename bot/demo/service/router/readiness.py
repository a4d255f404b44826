"""Decides when an instance may take traffic."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from router.broker import BrokerConnection
from router.config import Settings

CLOUD_RUN_TIMEOUT_SECONDS = 60.0
LOCAL_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class ReadinessReport:
    """Whether traffic may come in, what stands in the way, and how long it took to find out."""

    ready: bool
    failed: tuple[str, ...]
    elapsed_seconds: float


class ReadinessValidator:
    """Validates that the services behind an instance are there.

    A cold start on Cloud Run has little CPU, so it is given more time than a start elsewhere.
    """

    def __init__(self, broker: BrokerConnection, settings: Settings, timeout_seconds: float | None = None) -> None:
        self._broker = broker
        if timeout_seconds is None:
            timeout_seconds = CLOUD_RUN_TIMEOUT_SECONDS if settings.on_cloud_run else LOCAL_TIMEOUT_SECONDS
        self.timeout_seconds = timeout_seconds

    async def validate(self) -> ReadinessReport:
        """Wait until the broker can be used, at most `timeout_seconds`."""
        started = time.monotonic()
        failed: tuple[str, ...] = ()
        try:
            async with asyncio.timeout(self.timeout_seconds):
                await self._broker.connected.wait()
        except TimeoutError:
            failed = ("broker",)
        return ReadinessReport(not failed, failed, time.monotonic() - started)
