"""The few Redis commands the gateway needs, over a plain socket."""
from __future__ import annotations

import asyncio

from .config import GatewayConfig


class BackendUnavailable(Exception):
    """No connection to the backend, or it did not answer in time."""


class RedisBackend:
    def __init__(self, config: GatewayConfig, *, connect_timeout: float = 1.0, reply_timeout: float = 1.0) -> None:
        self.config = config
        self.connect_timeout = connect_timeout
        self.reply_timeout = reply_timeout
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    def is_connected(self) -> bool:
        return self._writer is not None and not self._writer.is_closing()

    async def connect(self) -> None:
        """Raises BackendUnavailable, with the address in its text."""
        address = f"{self.config.redis_host}:{self.config.redis_port}"
        try:
            self._reader, self._writer = await asyncio.wait_for(
                asyncio.open_connection(self.config.redis_host, self.config.redis_port), self.connect_timeout
            )
        except (OSError, asyncio.TimeoutError) as exc:
            raise BackendUnavailable(f"cannot reach {address}: {exc!r}") from exc

    async def ping(self) -> bool:
        return await self._command("PING") == "+PONG"

    async def publish(self, channel: str, payload: str) -> int:
        """Number of subscribers that got it."""
        reply = await self._command(f"PUBLISH {channel} {payload}")
        if not reply.startswith(":"):
            raise BackendUnavailable(f"unexpected reply {reply!r}")
        return int(reply[1:])

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._reader = self._writer = None

    async def _command(self, line: str) -> str:
        if self._writer is None or self._reader is None:
            raise BackendUnavailable("not connected")
        self._writer.write(line.encode() + b"\r\n")
        try:
            reply = await asyncio.wait_for(self._reader.readline(), self.reply_timeout)
        except asyncio.TimeoutError as exc:
            await self.close()
            raise BackendUnavailable("no reply in time") from exc
        if not reply:
            await self.close()
            raise BackendUnavailable("connection closed by the backend")
        return reply.decode().rstrip("\r\n")
