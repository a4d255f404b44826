from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from router.broker_server import BrokerServer
from router.config import Settings
from router.server import RouterServer

Settled = Callable[[BrokerServer], Awaitable[None]]


@asynccontextmanager
async def router_on(broker_port: int) -> AsyncIterator[RouterServer]:
    router = RouterServer(Settings(port=0, broker_port=broker_port))
    await router.start()
    try:
        yield router
    finally:
        await router.stop()


async def probe(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: router\r\nConnection: Upgrade\r\n\r\n".encode())
    status = (await reader.readline()).decode().split(" ", 2)[1]
    writer.close()
    await writer.wait_closed()
    return status


@pytest.mark.asyncio
async def test_a_message_reaches_everybody_in_the_room(broker: BrokerServer, settled: Settled) -> None:
    async with router_on(broker.port) as router:
        await router.ready.wait()
        await settled(broker)
        uri = f"ws://127.0.0.1:{router.port}/rooms/harbour"
        async with connect(uri, proxy=None) as ada, connect(uri, proxy=None) as grace:
            await ada.send('{"sender": "ada", "body": "hello"}')

            assert json.loads(await ada.recv()) == {"room": "harbour", "sender": "ada", "body": "hello"}
            assert json.loads(await grace.recv())["body"] == "hello"


@pytest.mark.asyncio
async def test_a_client_that_sends_nonsense_is_told_and_stays(broker: BrokerServer, settled: Settled) -> None:
    async with router_on(broker.port) as router:
        await router.ready.wait()
        await settled(broker)
        async with connect(f"ws://127.0.0.1:{router.port}/rooms/harbour", proxy=None) as client:
            await client.send("{")
            assert json.loads(await client.recv()) == {"error": "the message is not JSON"}

            await client.send('{"body": "hello"}')
            assert json.loads(await client.recv())["sender"] == "anonymous"


@pytest.mark.asyncio
async def test_an_unknown_path_is_not_found(broker: BrokerServer) -> None:
    async with router_on(broker.port) as router:
        assert await probe(router.port, "/favicon.ico") == "404"


@pytest.mark.asyncio
async def test_an_instance_without_a_broker_is_alive_but_takes_no_clients(broker: BrokerServer) -> None:
    port = broker.port
    await broker.stop()

    async with router_on(port) as router:
        assert await probe(router.port, "/healthz") == "200"
        assert await probe(router.port, "/readyz") == "503"
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{router.port}/rooms/harbour", proxy=None)
        assert refused.value.response.status_code == 503
