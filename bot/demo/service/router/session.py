"""One client: what it sends goes to its room, what the room gets goes to it."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from router.broker import BrokerConnection
from router.outbox import Outbox
from router.protocol import InvalidMessage, parse_message

log = logging.getLogger(__name__)


@dataclass
class Counters:
    """What an instance counts: clients that are here, messages since it started."""

    clients: int = 0
    messages: int = 0


class ClientSession:
    """A client in a room, from handshake to close."""

    def __init__(
        self,
        connection: ServerConnection,
        broker: BrokerConnection,
        counters: Counters,
        *,
        room: str,
        client: str,
        outbox_size: int,
    ) -> None:
        self._connection = connection
        self._broker = broker
        self._counters = counters
        self._room = room
        self._client = client
        self._outbox = Outbox(client, outbox_size)

    async def serve(self) -> None:
        """Serve until the connection ends. Raises ConnectionClosed when it breaks, SubscriberNotRunning."""
        self._broker.add_route(self._room, self._outbox.put)
        fields = {"room": self._room, "client": self._client}
        log.info("client joined", extra={"fields": fields})
        self._counters.clients += 1
        sender = asyncio.create_task(self._send())
        try:
            async for text in self._connection:
                await self._receive(text)
        finally:
            sender.cancel()
            self._broker.remove_route(self._room, self._outbox.put)
            self._counters.clients -= 1
            log.info("client left", extra={"fields": {**fields, "dropped": self._outbox.dropped}})

    async def _receive(self, text: str | bytes) -> None:
        try:
            message = parse_message(self._room, text)
        except InvalidMessage as error:
            log.exception("message rejected", extra={"fields": {"room": self._room}})
            await self._connection.send(json.dumps({"error": str(error)}))
            return
        try:
            await self._broker.publish(message)
        except ConnectionError:
            log.warning("message not sent, the broker is away", extra={"fields": {"room": self._room}})
            await self._connection.send(json.dumps({"error": "not sent, try again"}))
            return
        self._counters.messages += 1

    async def _send(self) -> None:
        try:
            while True:
                await self._connection.send((await self._outbox.get()).to_line())
        except ConnectionClosed:
            pass  # the receiving side sees it too
