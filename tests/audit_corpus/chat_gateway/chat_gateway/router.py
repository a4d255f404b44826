"""From raw frames to handlers."""
from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Awaitable, Callable

from .config import GatewayConfig
from .connections import Connection

Handler = Callable[[Connection, dict[str, Any]], Awaitable[Any]]

BACKOFF_BASE = 0.25
BACKOFF_CAP = 8.0
PENDING_LIMIT = 100


class RoutingError(Exception):
    """A frame that cannot be routed; `code` goes to the client."""

    code = "routing_error"


class InvalidFrame(RoutingError):
    code = "invalid_frame"


class FrameTooLarge(RoutingError):
    code = "frame_too_large"


class UnknownMessageType(RoutingError):
    code = "unknown_type"


@dataclass
class DeadLetter:
    connection_id: str
    message: dict[str, Any]
    error: str


@dataclass
class RouterStats:
    routed: int = 0
    rejected: int = 0
    by_type: dict[str, int] = field(default_factory=dict)


def backoff_delay(attempt: int, base: float = BACKOFF_BASE, cap: float = BACKOFF_CAP) -> float:
    """Delay before reconnect attempt `attempt`, counted from 1.

    The first attempt waits `base` seconds, each further one twice as long as the one before, never more
    than `cap`.
    """
    if attempt < 1:
        raise ValueError("attempts are counted from 1")
    return min(cap, base * 2**attempt)


class MessageRouter:
    """Routes frames by their `type`; until `mark_ready` they wait, in order, at most PENDING_LIMIT of them."""

    def __init__(self, config: GatewayConfig, *, ready: bool = True) -> None:
        self.config = config
        self.stats = RouterStats()
        self.dead_letters: list[DeadLetter] = []
        self._handlers: dict[str, Handler] = {}
        self._ready = ready
        self._pending: deque[tuple[Connection, dict[str, Any]]] = deque()

    def on(self, message_type: str, handler: Handler) -> None:
        self._handlers[message_type] = handler

    @property
    def pending(self) -> int:
        return len(self._pending)

    def parse(self, raw: str) -> dict[str, Any]:
        """Raises FrameTooLarge (size in bytes of UTF-8) or InvalidFrame."""
        if len(raw.encode("utf-8")) > self.config.max_message_bytes:
            raise FrameTooLarge(f"more than {self.config.max_message_bytes} bytes")
        try:
            message = json.loads(raw)
        except ValueError as exc:
            raise InvalidFrame(f"not JSON: {exc}") from exc
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise InvalidFrame("a frame is an object with a string `type`")
        return message

    async def route(self, connection: Connection, raw: str) -> Any:
        """Handle one frame. Raises RoutingError for a bad one; a failing handler makes a dead letter and None."""
        try:
            message = self.parse(raw)
            if message["type"] not in self._handlers:
                raise UnknownMessageType(f"no handler for {message['type']!r}")
        except RoutingError:
            self.stats.rejected += 1
            raise
        if not self._ready:
            if len(self._pending) >= PENDING_LIMIT:
                self._pending.popleft()
            self._pending.append((connection, message))
            return None
        return await self._dispatch(connection, message)

    async def mark_ready(self) -> int:
        """Flush what waited, oldest first; the number flushed."""
        self._ready = True
        flushed = 0
        while self._pending:
            connection, message = self._pending.popleft()
            await self._dispatch(connection, message)
            flushed += 1
        return flushed

    async def _dispatch(self, connection: Connection, message: dict[str, Any]) -> Any:
        kind = message["type"]
        try:
            result = await self._handlers[kind](connection, message)
        except Exception as exc:  # noqa: BLE001 - one bad handler must not close the socket
            self.dead_letters.append(DeadLetter(connection.id, message, f"{type(exc).__name__}: {exc}"))
            await connection.websocket.send_json({"type": "error", "code": "handler_failed", "ref": kind})
            return None
        self.stats.routed += 1
        self.stats.by_type[kind] = self.stats.by_type.get(kind, 0) + 1
        return result
