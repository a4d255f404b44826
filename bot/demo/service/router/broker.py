"""The connection to the broker, and the routes over which its messages reach local clients."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable

from router.protocol import Message

log = logging.getLogger(__name__)

Deliver = Callable[[Message], None]


class SubscriberNotRunning(Exception):
    """A route was asked for while nothing reads the messages that it is for."""


class BrokerConnection:
    """One connection, kept for the life of an instance. Its subscriber runs in the background.

    Routes outlive a lost connection: after the next `connect` their messages arrive again.
    """

    def __init__(self, host: str, port: int, topic: str, name: str = "message-router") -> None:
        self._host = host
        self._port = port
        self._topic = topic
        self._name = name
        self._writer: asyncio.StreamWriter | None = None
        self._subscriber: asyncio.Task[None] | None = None
        self._subscriber_running = False
        self._routes: defaultdict[str, set[Deliver]] = defaultdict(set)
        self.connected = asyncio.Event()
        self.lost = asyncio.Event()

    async def connect(self) -> None:
        """Open the connection and start the subscriber. Raises OSError when the broker cannot be reached."""
        reader, self._writer = await asyncio.open_connection(self._host, self._port)
        self._writer.write(f"HELLO {self._name}\n".encode())
        if (await reader.readline()).strip() != b"WELCOME":
            self._writer.close()
            raise ConnectionError("the broker did not welcome us")
        self.lost.clear()
        self._subscriber = asyncio.create_task(self._run_subscriber(reader, self._writer))
        self.connected.set()
        log.info("connected to the broker", extra={"fields": {"topic": self._topic}})

    async def _run_subscriber(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Subscribe, then hand every message to the routes of its room until the connection ends."""
        try:
            writer.write(f"SUBSCRIBE {self._topic}\n".encode())
            while line := (await reader.readline()).decode():
                verb, _, rest = line.rstrip("\n").partition(" ")
                if verb == "SUBSCRIBED":
                    self._subscriber_running = True
                    log.info("subscriber running", extra={"fields": {"topic": rest}})
                elif verb == "MESSAGE":
                    _, _, payload = rest.partition(" ")
                    self._dispatch(Message.from_line(payload))
                else:
                    log.warning("unexpected line from the broker", extra={"fields": {"verb": verb}})
        except ConnectionError as error:
            log.warning("the broker connection broke: %s", error)
        finally:
            self._subscriber_running = False
            self.connected.clear()
            self.lost.set()
            writer.close()

    def _dispatch(self, message: Message) -> None:
        for deliver in tuple(self._routes.get(message.room, ())):
            deliver(message)

    def add_route(self, room: str, deliver: Deliver) -> None:
        """Deliver the messages of a room. Raises SubscriberNotRunning rather than lose them in silence."""
        if not self._subscriber_running:
            raise SubscriberNotRunning(
                f"cannot add a route for room {room!r}: connected to the broker, but the subscriber is not running"
                if self.connected.is_set()
                else f"cannot add a route for room {room!r}: not connected to the broker"
            )
        self._routes[room].add(deliver)

    def remove_route(self, room: str, deliver: Deliver) -> None:
        """Forget a route; one that is not there is no error."""
        self._routes[room].discard(deliver)
        if not self._routes[room]:
            del self._routes[room]

    async def publish(self, message: Message) -> None:
        """Send a message to the rooms of all instances. Raises ConnectionError when there is no connection."""
        if self._writer is None or not self.connected.is_set():
            raise ConnectionError("not connected to the broker")
        self._writer.write(f"PUBLISH {self._topic} {message.to_line()}\n".encode())
        await self._writer.drain()

    async def close(self) -> None:
        """Close the connection and wait for the subscriber to end."""
        if self._writer is not None:
            self._writer.close()
        if self._subscriber is not None:
            self._subscriber.cancel()
            await asyncio.wait({self._subscriber})
