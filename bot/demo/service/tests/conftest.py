"""What the tests share: a real broker, and a way to wait for its acknowledgement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from router.broker_server import BrokerServer

Settled = Callable[[BrokerServer], Awaitable[None]]


@pytest_asyncio.fixture
async def broker() -> AsyncIterator[BrokerServer]:
    """A broker on a free port of loopback."""
    server = BrokerServer()
    await server.start()
    yield server
    await server.stop()


async def _settled(broker: BrokerServer) -> None:
    """Wait until a subscription has been acknowledged and the acknowledgement has been read.

    The round trip comes after the acknowledgement on the same event loop, so the subscriber, whose
    socket was readable before it, has run by then.
    """
    await broker.acknowledged.wait()
    reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
    writer.write(b"HELLO test\n")
    assert await reader.readline() == b"WELCOME\n"
    writer.close()
    await writer.wait_closed()


@pytest.fixture
def settled() -> Settled:
    """Await it with a broker before adding a route."""
    return _settled
