"""Readiness must mean that messages arrive, not only that a connection is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from router.broker import BrokerConnection
from router.broker_server import BrokerServer
from router.config import Settings
from router.protocol import Message
from router.readiness import ReadinessValidator


@dataclass
class HeldAcknowledgement:
    """A real broker's acknowledgement, given when the test allows it. `asked`: SUBSCRIBE has arrived."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    allowed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> None:
        self.asked.set()
        await self.allowed.wait()


@pytest_asyncio.fixture
async def acknowledgement() -> HeldAcknowledgement:
    return HeldAcknowledgement()


@pytest_asyncio.fixture
async def connection(acknowledgement: HeldAcknowledgement) -> AsyncIterator[BrokerConnection]:
    """A connection to a broker that has not acknowledged the subscription yet."""
    broker = BrokerServer(before_ack=acknowledgement)
    await broker.start()
    connection = BrokerConnection("127.0.0.1", broker.port, "rooms")
    await connection.connect()
    yield connection
    await connection.close()
    await broker.stop()


@pytest.mark.asyncio
async def test_not_ready_while_the_subscription_is_unacknowledged(connection: BrokerConnection) -> None:
    # The acknowledgement never comes, so the length of the timeout decides nothing here.
    validator = ReadinessValidator(connection, Settings(), timeout_seconds=0.05)

    report = await validator.validate()

    assert not report.ready, "reported ready although the broker has not acknowledged the subscription"
    assert report.failed == ("broker",)


@pytest.mark.asyncio
async def test_ready_means_that_a_route_can_be_added(
    connection: BrokerConnection, acknowledgement: HeldAcknowledgement
) -> None:
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    validation = asyncio.create_task(ReadinessValidator(connection, Settings()).validate())
    await acknowledgement.asked.wait()
    acknowledgement.allowed.set()

    report = await validation
    assert report.ready
    connection.add_route("harbour", inbox.put_nowait)
    await connection.publish(Message("harbour", "ada", "hello"))

    async with asyncio.timeout(5):
        assert (await inbox.get()).body == "hello"
