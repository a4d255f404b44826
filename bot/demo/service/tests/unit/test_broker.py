from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from router.broker import BrokerConnection, SubscriberNotRunning
from router.broker_server import BrokerServer
from router.protocol import Message

Settled = Callable[[BrokerServer], Awaitable[None]]


@pytest.mark.asyncio
async def test_a_message_reaches_the_routes_of_its_room_only(broker: BrokerServer, settled: Settled) -> None:
    connection = BrokerConnection("127.0.0.1", broker.port, "rooms")
    await connection.connect()
    await settled(broker)
    harbour: asyncio.Queue[Message] = asyncio.Queue()
    bridge: asyncio.Queue[Message] = asyncio.Queue()
    connection.add_route("harbour", harbour.put_nowait)
    connection.add_route("bridge", bridge.put_nowait)

    await connection.publish(Message("bridge", "ada", "hello"))

    assert (await bridge.get()).body == "hello"
    assert harbour.empty()
    await connection.close()


@pytest.mark.asyncio
async def test_a_route_without_a_connection_is_refused(broker: BrokerServer) -> None:
    connection = BrokerConnection("127.0.0.1", broker.port, "rooms")

    with pytest.raises(SubscriberNotRunning, match="not connected"):
        connection.add_route("harbour", lambda message: None)


@pytest.mark.asyncio
async def test_a_lost_connection_is_noticed(broker: BrokerServer, settled: Settled) -> None:
    connection = BrokerConnection("127.0.0.1", broker.port, "rooms")
    await connection.connect()
    await settled(broker)

    await broker.stop()
    await connection.lost.wait()

    assert not connection.connected.is_set()
    with pytest.raises(SubscriberNotRunning):
        connection.add_route("harbour", lambda message: None)
    with pytest.raises(ConnectionError):
        await connection.publish(Message("harbour", "ada", "hello"))
    await connection.close()
