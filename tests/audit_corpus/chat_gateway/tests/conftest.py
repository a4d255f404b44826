"""Shared doubles of the gateway's tests."""
import asyncio

import pytest

from chat_gateway.config import GatewayConfig
from chat_gateway.connections import ConnectionManager
from chat_gateway.gateway import ClientGone


class FakeClock:
    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


class FakeWebSocket:
    """In-memory peer; `script` is what the client sends before it goes."""

    def __init__(self, script=(), broken=False):
        self.accepted = False
        self.close_code = None
        self.sent = []
        self.broken = broken
        self._script = list(script)

    async def accept(self):
        await asyncio.sleep(0)
        self.accepted = True

    async def send_json(self, message):
        if self.broken:
            raise ConnectionResetError("peer is gone")
        self.sent.append(message)

    async def receive_text(self):
        await asyncio.sleep(0)
        if not self._script:
            raise ClientGone
        return self._script.pop(0)

    async def close(self, code=1000):
        self.close_code = code


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def config():
    return GatewayConfig()


@pytest.fixture
def staging_config():
    return GatewayConfig.for_environment("staging", token_secret="s3cret")


@pytest.fixture
def manager(config, clock):
    return ConnectionManager(config, clock=clock)


@pytest.fixture
def make_socket():
    return FakeWebSocket
