"""Decides when the gateway may accept connections."""
from __future__ import annotations

import asyncio
import inspect
import logging
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Awaitable, Callable

from .config import GatewayConfig

logger = logging.getLogger(__name__)

RETRY_PAUSE = 0.05


class ServiceState(str, Enum):
    UNKNOWN = "unknown"
    READY = "ready"
    DEGRADED = "degraded"
    FAILED = "failed"


@dataclass(frozen=True)
class ServiceCheck:
    name: str
    check: Callable[[], Any]
    timeout: float
    critical: bool = True
    retries: int = 0
    needs_grace: bool = False


@dataclass
class ReadinessReport:
    states: dict[str, ServiceState] = field(default_factory=dict)
    elapsed: float = 0.0

    @property
    def failed(self) -> list[str]:
        return sorted(n for n, s in self.states.items() if s is ServiceState.FAILED)

    @property
    def degraded(self) -> list[str]:
        return sorted(n for n, s in self.states.items() if s is ServiceState.DEGRADED)

    @property
    def ready(self) -> bool:
        return bool(self.states) and not self.failed


class ReadinessValidator:
    """Runs the registered checks and remembers whether the last run succeeded.

    A check that `needs_grace` must be true twice in a cloud environment: once at first, and once more
    after `config.grace_period` seconds, because a backend reports "connected" before its background
    tasks are stable.
    """

    def __init__(
        self,
        config: GatewayConfig,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config
        self._sleep = sleep
        self._clock = clock
        self._checks: dict[str, ServiceCheck] = {}
        self._accepting = False

    def register(
        self,
        name: str,
        check: Callable[[], Any],
        *,
        timeout: float | None = None,
        critical: bool = True,
        retries: int = 0,
        needs_grace: bool = False,
    ) -> None:
        """Add a check. Raises ValueError for a name that is taken."""
        if name in self._checks:
            raise ValueError(f"check {name!r} is already registered")
        limit = self.config.ready_timeout if timeout is None else timeout
        self._checks[name] = ServiceCheck(name, check, limit, critical, retries, needs_grace)

    def timeout_of(self, name: str) -> float:
        return self._checks[name].timeout

    def is_accepting(self) -> bool:
        """True only after a `validate()` in which no critical check failed."""
        return self._accepting

    async def check_service(self, name: str) -> ServiceState:
        """State of one service; never raises for a failing check."""
        spec = self._checks[name]
        for attempt in range(spec.retries + 1):
            if attempt:
                await self._sleep(RETRY_PAUSE)
            if not await self._probe(spec):
                continue
            if spec.needs_grace and self.config.is_cloud and self.config.grace_period > 0:
                await self._sleep(self.config.grace_period)
                if not await self._probe(spec):
                    continue
            return ServiceState.READY
        return ServiceState.FAILED if spec.critical else ServiceState.DEGRADED

    async def validate(self) -> ReadinessReport:
        """Run all checks concurrently."""
        started = self._clock()
        self._accepting = False
        names = list(self._checks)
        states = await asyncio.gather(*(self.check_service(name) for name in names))
        report = ReadinessReport(dict(zip(names, states)), self._clock() - started)
        self._accepting = report.ready
        if report.failed:
            logger.error("not ready, failed: %s", ", ".join(report.failed))
        return report

    async def _probe(self, spec: ServiceCheck) -> bool:
        try:
            result = spec.check()
            if inspect.isawaitable(result):
                result = await asyncio.wait_for(result, spec.timeout)
            return bool(result)
        except asyncio.TimeoutError:
            logger.warning("check %s timed out after %.2fs", spec.name, spec.timeout)
            return False
        except Exception as exc:  # noqa: BLE001 - a check may fail in any way
            logger.warning("check %s raised %r", spec.name, exc)
            return False
