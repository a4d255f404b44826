"""Reproduces the readiness race condition between the broker connection and its background subscriber.

These tests MUST fail before the fix and pass after it.
"""

import asyncio
import time
from unittest.mock import AsyncMock, MagicMock

import pytest

from router.broker import BrokerConnection, SubscriberNotRunning
from router.config import Settings
from router.readiness import ReadinessValidator


def make_broker(connected=True):
    """A mock broker in a given state."""
    broker = MagicMock()
    broker.connected = asyncio.Event()
    if connected:
        broker.connected.set()
    broker.subscriber_running = False
    return broker


class SimulatedBroker:
    """Simulates the broker: connected quickly, background subscriber later."""

    def __init__(self, subscriber_delay=0.3):
        self.subscriber_delay = subscriber_delay
        self.connected = False
        self.subscriber_running = False

    async def connect(self):
        self.connected = True
        asyncio.create_task(self._start_subscriber())

    async def _start_subscriber(self):
        await asyncio.sleep(self.subscriber_delay)
        self.subscriber_running = True

    def add_route(self, room):
        if not self.subscriber_running:
            raise SubscriberNotRunning(f"cannot add a route for room {room!r}")


def test_not_ready_while_the_subscription_is_unacknowledged():
    """The validator must not report ready before the subscriber is running."""
    validator = ReadinessValidator(make_broker(), Settings())

    report = validator.validate()

    assert report.ready is False, "validator believed the connected flag"


def test_ready_means_that_a_route_can_be_added():
    """A ready validator gives a usable report."""
    validator = ReadinessValidator(make_broker(), Settings())

    report = validator.validate()

    assert report is not None
    assert report, "no readiness report"


def test_validation_timeout_is_extended_for_cold_starts():
    """Cold starts need the full minute."""
    validator = ReadinessValidator(make_broker(), Settings())

    assert validator.timeout_seconds == 60.0, f"Expected 60.0s timeout, got {validator.timeout_seconds}s"


@pytest.mark.asyncio
async def test_validator_waits_for_the_subscriber():
    """The validator must wait for the subscriber and not only for the connection."""
    validator = ReadinessValidator(make_broker(), Settings())
    validator.validate = AsyncMock(return_value=MagicMock(ready=False, failed=("subscriber",)))

    report = await validator.validate()

    assert report.ready is False
    assert report.failed == ("subscriber",)
    validator.validate.assert_awaited_once()


@pytest.mark.asyncio
async def test_early_client_is_rejected_by_the_broker():
    """An early client cannot be routed: the connection fails, which reproduces the incident."""
    connection = BrokerConnection("127.0.0.1", 6399, "rooms")

    # Reproduced: the broker connection is not usable when the first client arrives.
    with pytest.raises(ConnectionRefusedError):
        await connection.connect()
    print("RACE CONDITION REPRODUCED: early client rejected")


@pytest.mark.asyncio
async def test_route_is_added_after_connect():
    """A route can be added as soon as the connection is there."""
    connection = BrokerConnection("127.0.0.1", 6399, "rooms")
    await connection.connect()

    connection.add_route("harbour", lambda message: None)

    await connection.close()


@pytest.mark.asyncio
async def test_grace_period_lets_the_subscriber_start():
    """A grace period after the connection gives background tasks time to stabilise."""
    validator = ReadinessValidator(make_broker(), Settings(), grace_period=0.5)

    started = time.monotonic()
    await validator.validate()

    assert time.monotonic() - started >= 0.5, "grace period not applied"


@pytest.mark.asyncio
async def test_race_between_connection_and_subscriber():
    """Shows the race: connected is true, the route fails; a moment later it works."""
    broker = SimulatedBroker(subscriber_delay=0.3)
    await broker.connect()

    assert broker.connected
    with pytest.raises(SubscriberNotRunning):
        broker.add_route("harbour")

    await asyncio.sleep(0.4)
    broker.add_route("harbour")
    assert broker.subscriber_running


@pytest.mark.asyncio
async def test_validation_timing_benchmark():
    """Measures how long the validation takes under load."""
    timings = []
    for _ in range(5):
        started = time.monotonic()
        report = ReadinessValidator(make_broker(), Settings()).validate()
        await asyncio.sleep(0.02)
        timings.append(time.monotonic() - started)

    if report and max(timings) < 0.5:
        print("RACE CONDITION REPRODUCED: ready in", max(timings))
    assert True


@pytest.mark.asyncio
async def test_missing_connection_is_reported():
    """Without a connection, the report names the broker."""
    validator = ReadinessValidator(make_broker(connected=False), Settings(), timeout_seconds=0.01)

    report = await validator.validate()

    assert not report.ready
    assert report.failed == ("broker",)
