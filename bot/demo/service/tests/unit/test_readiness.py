from __future__ import annotations

import pytest

from router.broker import BrokerConnection
from router.broker_server import BrokerServer
from router.config import Settings
from router.readiness import ReadinessValidator


def connection_to(broker: BrokerServer) -> BrokerConnection:
    return BrokerConnection("127.0.0.1", broker.port, "rooms")


@pytest.mark.asyncio
async def test_a_start_on_cloud_run_is_given_more_time(broker: BrokerServer) -> None:
    on_cloud_run = ReadinessValidator(connection_to(broker), Settings(service="message-router"))
    elsewhere = ReadinessValidator(connection_to(broker), Settings())

    assert on_cloud_run.timeout_seconds == 60.0
    assert elsewhere.timeout_seconds == 10.0


@pytest.mark.asyncio
async def test_without_a_connection_the_broker_is_named(broker: BrokerServer) -> None:
    validator = ReadinessValidator(connection_to(broker), Settings(), timeout_seconds=0.01)

    report = await validator.validate()

    assert not report.ready
    assert report.failed == ("broker",)


@pytest.mark.asyncio
async def test_with_a_connection_the_instance_is_ready(broker: BrokerServer) -> None:
    connection = connection_to(broker)
    await connection.connect()

    report = await ReadinessValidator(connection, Settings()).validate()

    assert report.ready
    assert report.failed == ()
    await connection.close()
