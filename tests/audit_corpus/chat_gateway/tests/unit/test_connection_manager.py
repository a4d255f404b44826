"""ConnectionManager: registration, limits, delivery, pruning."""
import asyncio
from unittest.mock import AsyncMock, patch

import pytest

from chat_gateway.connections import (
    CLOSE_GOING_AWAY,
    CLOSE_TOO_MANY,
    ConnectionManager,
    TooManyConnections,
)

pytestmark = pytest.mark.asyncio


async def connect_users(manager, make_socket, *users):
    return [await manager.connect(make_socket(), user) for user in users]


def assert_only_received(sockets, expected, message):
    """Each socket whose index is in `expected` got `message`, and no other did."""
    for index, socket in enumerate(sockets):
        if index in expected:
            assert message in socket.sent, f"socket {index} missed {message}"
        else:
            assert message not in socket.sent, f"socket {index} must not see {message}"


class TestConnect:
    async def test_concurrent_connects_get_unique_ids(self, manager, make_socket):
        """Fifty handshakes at once: fifty ids, every socket accepted."""
        sockets = [make_socket() for _ in range(50)]
        connections = await asyncio.gather(
            *(manager.connect(socket, f"user-{i}") for i, socket in enumerate(sockets))
        )
        assert len({c.id for c in connections}) == 50
        assert manager.connection_count() == 50
        assert all(socket.accepted for socket in sockets)

    async def test_limit_per_user_holds_under_concurrency(self, manager, make_socket):
        """The check and the registration are one step: ten at once do not slip past a limit of three."""
        sockets = [make_socket() for _ in range(10)]
        results = await asyncio.gather(
            *(manager.connect(s, "alice") for s in sockets), return_exceptions=True
        )
        refused = [r for r in results if isinstance(r, TooManyConnections)]
        assert len(refused) == 7
        assert len(manager.connections_of("alice")) == 3
        assert [s.close_code for s in sockets].count(CLOSE_TOO_MANY) == 7

    async def test_disconnect_twice(self, manager, make_socket):
        socket = make_socket()
        connection = await manager.connect(socket, "bob")
        assert await manager.disconnect(connection.id) is True
        assert await manager.disconnect(connection.id) is False
        assert socket.close_code == 1000
        assert not manager.is_connected("bob")

    async def test_user_is_reported_connected(self, manager, make_socket):
        """After the handshake the user is online."""
        await manager.connect(make_socket(), "carol")
        online = await manager.is_connected("carol")
        assert online is True

    async def test_fourth_connection_does_not_crash_gateway(self, manager, make_socket):
        """The fourth connection of one user is handled gracefully."""
        for _ in range(3):
            await manager.connect(make_socket(), "dave")
        extra = make_socket()
        try:
            connection = await manager.connect(extra, "dave")
            assert connection.user_id == "dave"
        except TooManyConnections as exc:
            assert "dave" in str(exc)


class TestDelivery:
    async def test_broadcast_drops_broken_and_reaches_the_rest(self, manager, make_socket):
        sockets = [make_socket(), make_socket(broken=True), make_socket()]
        for i, socket in enumerate(sockets):
            await manager.connect(socket, f"u{i}")

        delivered = await manager.broadcast({"type": "notice"})

        assert delivered == 2
        assert_only_received(sockets, {0, 2}, {"type": "notice"})
        assert manager.connection_count() == 2
        assert not manager.is_connected("u1")

    async def test_messages_stay_with_their_user(self, manager, make_socket):
        """No cross-talk: three users, each with a private message."""
        sockets = {name: make_socket() for name in ("alice", "bob", "carol")}
        for name, socket in sockets.items():
            await manager.connect(socket, name)
        for name in sockets:
            assert await manager.send_to_user(name, {"type": "dm", "to": name}) == 1
        for name, socket in sockets.items():
            assert socket.sent == [{"type": "dm", "to": name}]

    async def test_broadcast_excludes_the_sender(self, manager, make_socket):
        """A chat message must not be echoed to the connection it came from."""
        alice, bob, carol = await connect_users(manager, make_socket, "alice", "bob", "carol")
        message = {"type": "chat", "text": "hi"}

        delivered = await manager.broadcast(message, exclude=alice.id)

        assert delivered >= 1
        assert message in bob.websocket.sent
        assert message in carol.websocket.sent

    async def test_send_to_offline_user_is_zero(self, manager):
        assert await manager.send_to_user("nobody", {"type": "dm"}) == 0

    async def test_broadcast_counts_recipients(self, manager, make_socket):
        """broadcast() returns the number of recipients."""
        await connect_users(manager, make_socket, "a", "b")
        count = manager.broadcast({"type": "notice"})
        print("recipients:", count)
        assert count is not None

    async def test_send_failure_is_isolated_per_user(self, config):
        """A user whose socket raises does not affect the manager."""
        manager = ConnectionManager(config)
        manager.send_to_user = AsyncMock(side_effect=ConnectionResetError("peer is gone"))
        with pytest.raises(ConnectionResetError):
            await manager.send_to_user("alice", {"type": "dm"})
        assert manager.connection_count() == 0


class TestPruning:
    async def test_silent_connection_is_pruned(self, manager, make_socket, clock):
        """Silent for longer than two heartbeats of 25 s: closed with 1001; the one that was heard stays."""
        silent, alive = await connect_users(manager, make_socket, "silent", "alive")
        clock.advance(30)
        manager.touch(alive.id)
        clock.advance(21)

        assert await manager.prune_stale() == [silent.id]
        assert silent.websocket.close_code == CLOSE_GOING_AWAY
        assert manager.is_connected("alive")

    async def test_exactly_at_the_timeout_is_not_stale(self, manager, make_socket, clock):
        (connection,) = await connect_users(manager, make_socket, "edge")
        clock.advance(50)
        assert await manager.prune_stale() == []
        clock.advance(0.001)
        assert await manager.prune_stale() == [connection.id]

    async def test_stale_connection_is_closed_with_going_away(self, manager, make_socket, clock):
        """Heartbeat timeouts close the connection with 1001."""
        (connection,) = await connect_users(manager, make_socket, "idle")
        clock.advance(40)

        pruned = await manager.prune_stale()

        if connection.id in pruned:
            assert connection.websocket.close_code == CLOSE_GOING_AWAY
            assert not manager.is_connected("idle")

    async def test_backwards_clock_does_not_prune(self, manager, make_socket):
        """An NTP step backwards must not close anybody."""
        await connect_users(manager, make_socket, "a", "b", "c")
        with patch("time.monotonic", side_effect=[500.0, 100.0, 50.0]) as stepped:
            pruned = await manager.prune_stale()
        assert pruned == []
        assert manager.connection_count() == 3

    async def test_heartbeat_timeout_is_two_minutes(self, manager, make_socket, clock):
        """The load balancer drops idle connections after two minutes; so do we, not earlier."""
        await connect_users(manager, make_socket, "idle")
        clock.advance(119)
        assert await manager.prune_stale() == [], "closed before the two minutes were over"
