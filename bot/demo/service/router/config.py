"""Settings, read once from the environment."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """What an instance needs to know. Times in seconds."""

    host: str = "127.0.0.1"
    port: int = 8080
    broker_host: str = "127.0.0.1"
    broker_port: int = 6399
    topic: str = "rooms"
    heartbeat_seconds: float = 20.0
    outbox_size: int = 64
    stats_seconds: float = 60.0
    service: str = ""
    revision: str = ""
    project: str = ""
    deprecated: tuple[str, ...] = ()

    @property
    def on_cloud_run(self) -> bool:
        """Cloud Run names the service of every container it starts."""
        return bool(self.service)

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read the settings. Raises ValueError for a value that is no number."""
        broker_host = env.get("BROKER_HOST", cls.broker_host)
        broker_port = int(env.get("BROKER_PORT", cls.broker_port))
        deprecated: tuple[str, ...] = ()
        if address := env.get("BROKER_ADDR"):
            warnings.warn("BROKER_ADDR is deprecated, set BROKER_HOST and BROKER_PORT", FutureWarning, stacklevel=2)
            broker_host, _, port = address.rpartition(":")
            broker_port = int(port)
            deprecated = ("BROKER_ADDR",)
        return cls(
            host=env.get("HOST", "0.0.0.0" if env.get("K_SERVICE") else cls.host),
            port=int(env.get("PORT", cls.port)),
            broker_host=broker_host,
            broker_port=broker_port,
            topic=env.get("BROKER_TOPIC", cls.topic),
            heartbeat_seconds=float(env.get("HEARTBEAT_SECONDS", cls.heartbeat_seconds)),
            outbox_size=int(env.get("OUTBOX_SIZE", cls.outbox_size)),
            stats_seconds=float(env.get("STATS_SECONDS", cls.stats_seconds)),
            service=env.get("K_SERVICE", ""),
            revision=env.get("K_REVISION", ""),
            project=env.get("GOOGLE_CLOUD_PROJECT", ""),
            deprecated=deprecated,
        )
