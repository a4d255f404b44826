"""The messages that wait for one client."""

from __future__ import annotations

import asyncio
import logging

from router.protocol import Message

log = logging.getLogger(__name__)

WARN_EVERY = 25


class Outbox:
    """A bounded queue. A client that does not keep up loses its oldest messages, not the room's time."""

    def __init__(self, client: str, size: int) -> None:
        self._client = client
        self._queue: asyncio.Queue[Message] = asyncio.Queue(size)
        self.dropped = 0

    def put(self, message: Message) -> None:
        """Add a message, at the cost of the oldest one when the outbox is full."""
        if self._queue.full():
            self._queue.get_nowait()
            if self.dropped % WARN_EVERY == 0:
                log.warning("slow consumer, dropping its oldest messages", extra={"fields": {"client": self._client}})
            self.dropped += 1
        self._queue.put_nowait(message)

    async def get(self) -> Message:
        """The oldest message, once there is one."""
        return await self._queue.get()
