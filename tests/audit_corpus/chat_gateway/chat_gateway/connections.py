"""Who is connected, and how to reach them."""
from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Protocol

from .config import GatewayConfig

CLOSE_NORMAL = 1000
CLOSE_GOING_AWAY = 1001
CLOSE_TRY_AGAIN = 1013
CLOSE_UNAUTHORIZED = 4401
CLOSE_TOO_MANY = 4408


class TooManyConnections(Exception):
    """The user has `max_connections_per_user` open connections."""


class WebSocketLike(Protocol):
    async def accept(self) -> None: ...
    async def send_json(self, message: dict[str, Any]) -> None: ...
    async def close(self, code: int = CLOSE_NORMAL) -> None: ...


@dataclass
class Connection:
    id: str
    user_id: str
    websocket: WebSocketLike
    last_seen: float
    metadata: dict[str, Any] = field(default_factory=dict)


class ConnectionManager:
    def __init__(self, config: GatewayConfig, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.config = config
        self._clock = clock
        self._connections: dict[str, Connection] = {}
        self._ids = itertools.count(1)
        self._lock = asyncio.Lock()

    async def connect(self, websocket: WebSocketLike, user_id: str) -> Connection:
        """Accept and register. Over the limit: close with 4408, raise TooManyConnections."""
        async with self._lock:
            if len(self.connections_of(user_id)) >= self.config.max_connections_per_user:
                await websocket.close(code=CLOSE_TOO_MANY)
                raise TooManyConnections(f"{user_id} has {self.config.max_connections_per_user} connections")
            await websocket.accept()
            connection = Connection(f"c{next(self._ids)}", user_id, websocket, self._clock())
            self._connections[connection.id] = connection
        return connection

    async def disconnect(self, connection_id: str, code: int = CLOSE_NORMAL) -> bool:
        """Forget and close; False when the connection is not known (any more)."""
        connection = self._connections.pop(connection_id, None)
        if connection is None:
            return False
        try:
            await connection.websocket.close(code=code)
        except ConnectionError:
            pass
        return True

    def is_connected(self, user_id: str) -> bool:
        return bool(self.connections_of(user_id))

    def connection_count(self) -> int:
        return len(self._connections)

    def connections_of(self, user_id: str) -> list[Connection]:
        return [c for c in self._connections.values() if c.user_id == user_id]

    def touch(self, connection_id: str) -> None:
        self._connections[connection_id].last_seen = self._clock()

    async def send_to_user(self, user_id: str, message: dict[str, Any]) -> int:
        """Send to every connection of one user; the number that took it."""
        return await self._deliver(self.connections_of(user_id), message)

    async def broadcast(self, message: dict[str, Any], *, exclude: str | None = None) -> int:
        """Send to everybody but the connection `exclude`. A broken connection is dropped, others still get it."""
        targets = [c for c in self._connections.values() if c.id != exclude]
        return await self._deliver(targets, message)

    async def prune_stale(self) -> list[str]:
        """Close (1001) the connections silent for longer than the heartbeat timeout; their ids."""
        now = self._clock()
        stale = [c.id for c in self._connections.values() if now - c.last_seen > self.config.heartbeat_timeout]
        for connection_id in stale:
            await self.disconnect(connection_id, CLOSE_GOING_AWAY)
        return stale

    async def _deliver(self, targets: list[Connection], message: dict[str, Any]) -> int:
        delivered = 0
        for connection in targets:
            try:
                await connection.websocket.send_json(message)
            except ConnectionError:
                self._connections.pop(connection.id, None)
            else:
                delivered += 1
        return delivered
