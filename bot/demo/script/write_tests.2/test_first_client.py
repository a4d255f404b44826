"""The first client of a cold start, with a real broker and a real WebSocket connection."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from router.broker_server import BrokerServer
from router.config import Settings
from router.server import RouterServer


async def first_contact(port: int) -> str:
    """What a client that sends one message meets: how it is sent away, or the message as it came back."""
    try:
        async with asyncio.timeout(5), connect(f"ws://127.0.0.1:{port}/rooms/harbour", proxy=None) as client:
            await client.send('{"sender": "ada", "body": "hello"}')
            return f"sent {json.loads(await client.recv())['body']!r}"
    except InvalidStatus as refused:
        return f"refused with {refused.response.status_code}"
    except ConnectionClosed as closed:
        return f"closed with {closed.rcvd.code if closed.rcvd else 'no close frame'}"


@pytest.mark.asyncio
async def test_the_first_client_is_refused_until_its_message_can_arrive() -> None:
    asked, allowed = asyncio.Event(), asyncio.Event()

    async def before_ack() -> None:
        asked.set()
        await allowed.wait()

    broker = BrokerServer(before_ack=before_ack)
    await broker.start()
    router = RouterServer(Settings(port=0, broker_port=broker.port))
    await router.start()
    try:
        await asked.wait()
        early = await first_contact(router.port)
        assert early == "refused with 503", f"the first client was {early}"

        allowed.set()
        async with asyncio.timeout(5):
            await router.ready.wait()
        assert await first_contact(router.port) == "sent 'hello'"
    finally:
        await router.stop()
        await broker.stop()
