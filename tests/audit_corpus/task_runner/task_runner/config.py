from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Mapping

DEFAULT_CONCURRENCY = 4
MAX_CONCURRENCY = 64
DEFAULT_JOB_TIMEOUT = 30.0
SHUTDOWN_GRACE = 5.0


@dataclass(frozen=True)
class RunnerConfig:
    concurrency: int = DEFAULT_CONCURRENCY
    job_timeout: float = DEFAULT_JOB_TIMEOUT
    fail_fast: bool = False
    shutdown_grace: float = SHUTDOWN_GRACE

    def __post_init__(self) -> None:
        if not 1 <= self.concurrency <= MAX_CONCURRENCY:
            raise ValueError(f"concurrency must be within 1..{MAX_CONCURRENCY}")

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "RunnerConfig":
        """RUNNER_CONCURRENCY, RUNNER_JOB_TIMEOUT and RUNNER_FAIL_FAST (`1`, `true` or `yes`)."""
        env = os.environ if env is None else env
        return cls(
            concurrency=int(env.get("RUNNER_CONCURRENCY", DEFAULT_CONCURRENCY)),
            job_timeout=float(env.get("RUNNER_JOB_TIMEOUT", DEFAULT_JOB_TIMEOUT)),
            fail_fast=env.get("RUNNER_FAIL_FAST", "").lower() in {"1", "true", "yes"},
        )
