import asyncio
import json
import unittest
from unittest.mock import AsyncMock

import pytest

from chat_gateway.config import GatewayConfig
from chat_gateway.connections import Connection
from chat_gateway.router import PENDING_LIMIT, MessageRouter, UnknownMessageType, backoff_delay


def frame(kind, **fields):
    return json.dumps({"type": kind, **fields})


@pytest.fixture
def connection(make_socket):
    return Connection("c1", "alice", make_socket(), last_seen=0.0)


@pytest.fixture
def router(config):
    return MessageRouter(config)


@pytest.mark.asyncio
async def test_dispatches_to_the_handler_of_the_type(router, connection):
    """Handlers are mocked: what is tested is which one is called, and with what."""
    chat, typing = AsyncMock(return_value="delivered"), AsyncMock()
    router.on("chat", chat)
    router.on("typing", typing)

    result = await router.route(connection, frame("chat", text="hello"))

    assert result == "delivered"
    chat.assert_awaited_once_with(connection, {"type": "chat", "text": "hello"})
    typing.assert_not_called()
    assert router.stats.by_type == {"chat": 1}


@pytest.mark.asyncio
async def test_unknown_type_is_rejected(router, connection):
    with pytest.raises(Exception, match="no handler for 'teleport'") as info:
        await router.route(connection, frame("teleport"))
    assert isinstance(info.value, UnknownMessageType)
    assert router.stats.rejected == 1


@pytest.mark.asyncio
async def test_bad_frames_are_rejected_one_by_one(router, connection):
    """Every malformed frame has its own code, and none reaches the handler."""
    handler = AsyncMock()
    router.on("chat", handler)
    table = {
        "not json": "invalid_frame",
        "[1, 2]": "invalid_frame",
        '{"text": "no type"}': "invalid_frame",
        '{"type": 7}': "invalid_frame",
        frame("chat", text="x" * 20_000): "frame_too_large",
        frame("dance"): "unknown_type",
    }
    for raw, expected in table.items():
        with pytest.raises(Exception) as info:
            await router.route(connection, raw)
        assert info.value.code == expected, raw[:40]
    handler.assert_not_called()
    assert router.stats.rejected == len(table)


def test_size_limit_counts_bytes(config):
    router = MessageRouter(GatewayConfig(max_message_bytes=40))
    fits = '{"type":"a","t":"' + "x" * 21 + '"}'
    assert len(fits) == 40
    assert router.parse(fits)["type"] == "a"
    with pytest.raises(Exception, match="more than 40 bytes"):
        router.parse(fits.replace("x" * 21, "é" * 21))


@pytest.mark.asyncio
async def test_pending_frames_are_flushed_in_order(config, connection):
    seen = []

    async def record(conn, message):
        await asyncio.sleep(0)
        seen.append(message["n"])

    router = MessageRouter(config, ready=False)
    router.on("chat", record)
    for n in range(5):
        await router.route(connection, frame("chat", n=n))
    assert seen == [] and router.pending == 5

    assert await router.mark_ready() == 5
    assert seen == [0, 1, 2, 3, 4]
    assert router.pending == 0


@pytest.mark.asyncio
async def test_pending_queue_forgets_the_oldest(config, connection):
    seen = []

    async def record(_, message):
        seen.append(message["n"])

    router = MessageRouter(config, ready=False)
    router.on("chat", record)
    for n in range(PENDING_LIMIT + 2):
        await router.route(connection, frame("chat", n=n))
    await router.mark_ready()
    assert len(seen) == PENDING_LIMIT
    assert seen[0] == 2 and seen[-1] == PENDING_LIMIT + 1


@pytest.mark.asyncio
async def test_failing_handler_becomes_a_dead_letter(router, connection):
    """side_effect is on the handler, a collaborator: the router has to survive it."""
    router.on("chat", AsyncMock(side_effect=RuntimeError("database is gone")))

    assert await router.route(connection, frame("chat", text="x")) is None

    (letter,) = router.dead_letters
    assert letter.error == "RuntimeError: database is gone"
    assert connection.websocket.sent == [{"type": "error", "code": "handler_failed", "ref": "chat"}]
    assert router.stats.routed == 0


@pytest.mark.parametrize("attempt, expected", [(1, 0.25), (2, 0.5), (3, 1.0), (4, 2.0)])
def test_backoff_doubles_from_the_base(attempt, expected):
    """As documented: the first attempt waits `base`, each further one twice as long."""
    assert backoff_delay(attempt) == pytest.approx(expected)


@pytest.mark.parametrize("attempt", [7, 20, 100])
def test_backoff_is_capped(attempt):
    assert backoff_delay(attempt) == 8.0
    assert backoff_delay(attempt, cap=3.0) == 3.0


class TestRouterFlush(unittest.TestCase):
    """The flush after start-up."""

    def setUp(self):
        self.router = MessageRouter(GatewayConfig(), ready=False)
        self.connection = Connection("c9", "zoe", AsyncMock(), last_seen=0.0)

    async def test_flush_returns_number_of_pending_frames(self):
        self.router.on("chat", AsyncMock())
        await self.router.route(self.connection, frame("chat"))
        await self.router.route(self.connection, frame("chat"))
        flushed = await self.router.mark_ready()
        self.assertEqual(flushed, 3)

    async def test_flush_is_empty_after_first_call(self):
        self.router.on("chat", AsyncMock())
        await self.router.route(self.connection, frame("chat"))
        await self.router.mark_ready()
        self.assertEqual(await self.router.mark_ready(), 0)

    def test_not_ready_by_default_here(self):
        self.router.on("chat", AsyncMock(return_value="done"))
        self.assertIsNone(asyncio.run(self.router.route(self.connection, frame("chat"))))
        self.assertEqual(self.router.pending, 1)


class TestRouterAsyncFlush(unittest.IsolatedAsyncioTestCase):
    async def test_flush_survives_a_failing_handler(self):
        router = MessageRouter(GatewayConfig(), ready=False)
        socket = AsyncMock()
        connection = Connection("c2", "bob", socket, last_seen=0.0)
        router.on("bad", AsyncMock(side_effect=KeyError("x")))
        good = AsyncMock()
        router.on("good", good)
        await router.route(connection, frame("bad"))
        await router.route(connection, frame("good"))

        self.assertEqual(await router.mark_ready(), 2)
        good.assert_awaited_once()
        self.assertEqual(len(router.dead_letters), 1)


async def test_router_counts_rejections(router, connection):
    """Rejected frames are counted."""
    for raw in ("{", "[]", "null"):
        with pytest.raises(Exception):
            await router.route(connection, raw)
    assert router.stats.rejected == 3


@pytest.mark.asyncio
async def test_priority_messages_are_routed_first(router, connection):
    """Priority frames overtake normal ones (regression for the chat outage)."""
    handler = AsyncMock()
    router.on("chat", handler)
    await router.route(connection, frame("chat", n=1), priority=10)
    await router.route(connection, frame("chat", n=2), priority=1)
    assert handler.await_args_list[0].args[1]["n"] == 1


@pytest.mark.asyncio
async def test_router_handler_result_is_forwarded():
    """The router forwards the result of the handler to the caller."""
    router = AsyncMock()
    router.route.return_value = {"status": "delivered", "id": 7}
    result = await router.route(object(), '{"type": "chat"}')
    assert result["status"] == "delivered"
    assert result["id"] == 7
    router.route.assert_awaited_once()
