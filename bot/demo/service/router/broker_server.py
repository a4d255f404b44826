"""A small broker: topics, subscriptions with an acknowledgement, delivery to every subscriber.

Lines in: `HELLO name`, `SUBSCRIBE topic`, `PUBLISH topic payload`.
Lines out: `WELCOME`, `SUBSCRIBED topic`, `MESSAGE topic payload`, `ERROR text`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable


async def _at_once() -> None:
    """Acknowledge without delay."""


class BrokerServer:
    """A broker on loopback.

    A subscription is live once it is acknowledged. `before_ack` is awaited before that: a real broker
    takes a while to tell its replicas of a new subscriber.
    """

    def __init__(self, port: int = 0, before_ack: Callable[[], Awaitable[None]] = _at_once) -> None:
        self._wanted_port = port
        self._before_ack = before_ack
        self._subscribers: defaultdict[str, set[asyncio.StreamWriter]] = defaultdict(set)
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.acknowledged = asyncio.Event()

    @property
    def port(self) -> int:
        """Where the broker listens."""
        assert self._server is not None, "the broker has not been started"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._wanted_port)

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
            for writer in self._writers:
                writer.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        pending: set[asyncio.Task[None]] = set()
        try:
            while line := (await reader.readline()).decode():
                verb, _, rest = line.rstrip("\n").partition(" ")
                match verb:
                    case "HELLO":
                        writer.write(b"WELCOME\n")
                    case "SUBSCRIBE":
                        task = asyncio.create_task(self._subscribe(rest, writer))
                        pending.add(task)
                        task.add_done_callback(pending.discard)
                    case "PUBLISH":
                        topic, _, payload = rest.partition(" ")
                        self._deliver(topic, payload)
                    case _:
                        writer.write(f"ERROR unknown verb {verb}\n".encode())
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass  # the peer is gone, or the broker stops
        finally:
            for task in pending:
                task.cancel()
            for writers in self._subscribers.values():
                writers.discard(writer)
            self._writers.discard(writer)
            writer.close()

    async def _subscribe(self, topic: str, writer: asyncio.StreamWriter) -> None:
        await self._before_ack()
        self._subscribers[topic].add(writer)
        writer.write(f"SUBSCRIBED {topic}\n".encode())
        self.acknowledged.set()

    def _deliver(self, topic: str, payload: str) -> None:
        for writer in self._subscribers[topic]:
            writer.write(f"MESSAGE {topic} {payload}\n".encode())


async def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m router.broker_server", description="Run a broker on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ack-latency", type=float, default=0.0, metavar="SECONDS")
    arguments = parser.parse_args()
    broker = BrokerServer(arguments.port, before_ack=lambda: asyncio.sleep(arguments.ack_latency))
    await broker.start()
    print(f"listening on {broker.port}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main())
