"""Settings of the gateway, read once at start-up."""
from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Mapping

CLOUD_ENVIRONMENTS = frozenset({"staging", "production"})

CLOUD_READY_TIMEOUT = 60.0
LOCAL_READY_TIMEOUT = 10.0
CLOUD_GRACE_PERIOD = 0.5

HEARTBEAT_INTERVAL = 25.0
HEARTBEAT_MISSES = 2
MAX_CONNECTIONS_PER_USER = 3
MAX_MESSAGE_BYTES = 16 * 1024


@dataclass(frozen=True)
class GatewayConfig:
    """Immutable settings. `ready_timeout` and `grace_period` default by environment."""

    environment: str = "local"
    ready_timeout: float = LOCAL_READY_TIMEOUT
    grace_period: float = 0.0
    heartbeat_interval: float = HEARTBEAT_INTERVAL
    max_connections_per_user: int = MAX_CONNECTIONS_PER_USER
    max_message_bytes: int = MAX_MESSAGE_BYTES
    token_secret: str = "local-secret"
    redis_host: str = "127.0.0.1"
    redis_port: int = 6379

    @property
    def is_cloud(self) -> bool:
        return self.environment in CLOUD_ENVIRONMENTS

    @property
    def heartbeat_timeout(self) -> float:
        """Seconds of silence after which a connection is stale."""
        return self.heartbeat_interval * HEARTBEAT_MISSES

    @classmethod
    def for_environment(cls, environment: str, **overrides) -> "GatewayConfig":
        cloud = environment in CLOUD_ENVIRONMENTS
        values = {
            "environment": environment,
            "ready_timeout": CLOUD_READY_TIMEOUT if cloud else LOCAL_READY_TIMEOUT,
            "grace_period": CLOUD_GRACE_PERIOD if cloud else 0.0,
        }
        values.update(overrides)
        return cls(**values)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "GatewayConfig":
        """Read GATEWAY_ENV, GATEWAY_READY_TIMEOUT, GATEWAY_TOKEN_SECRET and REDIS_HOST/REDIS_PORT.

        Raises ValueError in a cloud environment without GATEWAY_TOKEN_SECRET.
        """
        env = os.environ if env is None else env
        environment = env.get("GATEWAY_ENV", "local").strip().lower()
        overrides: dict = {}
        if "GATEWAY_READY_TIMEOUT" in env:
            overrides["ready_timeout"] = float(env["GATEWAY_READY_TIMEOUT"])
        if "GATEWAY_TOKEN_SECRET" in env:
            overrides["token_secret"] = env["GATEWAY_TOKEN_SECRET"]
        elif environment in CLOUD_ENVIRONMENTS:
            raise ValueError("GATEWAY_TOKEN_SECRET is required in " + environment)
        if "REDIS_HOST" in env:
            overrides["redis_host"] = env["REDIS_HOST"]
        if "REDIS_PORT" in env:
            overrides["redis_port"] = int(env["REDIS_PORT"])
        return cls.for_environment(environment, **overrides)
