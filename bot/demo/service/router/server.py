"""The WebSocket server: rooms for clients, probes for Cloud Run."""

from __future__ import annotations

import asyncio
import http
import logging
import socket
from dataclasses import asdict
from itertools import count

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from router.broker import BrokerConnection
from router.config import Settings
from router.log import trace
from router.readiness import ReadinessValidator
from router.session import ClientSession, Counters

log = logging.getLogger(__name__)

ROOMS = "/rooms/"
RECONNECT_SECONDS = 0.25
# Together these bound the memory that a client which stopped reading can hold.
SEND_BUFFER_BYTES = 65_536
WRITE_LIMIT_BYTES = 16_384


class RouterServer:
    """One instance: it listens at once, and lets clients in while the broker can be used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._broker = BrokerConnection(settings.broker_host, settings.broker_port, settings.topic)
        self._validator = ReadinessValidator(self._broker, settings)
        self._server: Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._client_numbers = count(1)
        self._counters = Counters()
        self.ready = asyncio.Event()

    @property
    def port(self) -> int:
        """Where the server listens."""
        assert self._server is not None, "the server has not been started"
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    async def start(self) -> None:
        """Listen, and begin to make the instance ready."""
        listener = socket.create_server((self._settings.host, self._settings.port))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._server = await serve(
            self._handle,
            sock=listener,
            process_request=self._process_request,
            ping_interval=self._settings.heartbeat_seconds,
            ping_timeout=self._settings.heartbeat_seconds,
            close_timeout=self._settings.heartbeat_seconds,
            write_limit=WRITE_LIMIT_BYTES,
            compression=None,
        )
        log.info("listening", extra={"fields": {"port": self.port}})
        self._tasks = [asyncio.create_task(self._keep_ready()), asyncio.create_task(self._report_stats())]

    async def stop(self) -> None:
        """Send the clients away and end."""
        self.ready.clear()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        await self._broker.close()
        log.info("stopped")

    async def _keep_ready(self) -> None:
        """Connect, validate and let traffic in; again whenever the broker is lost."""
        while True:
            try:
                await self._broker.connect()
            except OSError as error:
                log.warning("cannot connect to the broker: %s", type(error).__name__)
                await asyncio.sleep(RECONNECT_SECONDS)
                continue
            report = await self._validator.validate()
            if report.ready:
                self.ready.set()
                log.info("ready, letting clients in")
                await self._broker.lost.wait()
                self.ready.clear()
                log.warning("lost the broker, refusing new clients")
            else:
                log.error("not ready", extra={"fields": {"failed": report.failed}})
                await self._broker.close()

    async def _report_stats(self) -> None:
        while True:
            await asyncio.sleep(self._settings.stats_seconds)
            log.info("stats", extra={"fields": asdict(self._counters)})

    def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer probes and refuse what is no client. None goes on with the handshake."""
        path = request.path.partition("?")[0]
        if path == "/healthz":
            return connection.respond(http.HTTPStatus.OK, "alive\n")
        if path == "/readyz":
            if self.ready.is_set():
                return connection.respond(http.HTTPStatus.OK, "ready\n")
            return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "not ready\n")
        if not path.startswith(ROOMS) or path == ROOMS:
            log.info("no such path", extra={"fields": {"path": path}})
            return connection.respond(http.HTTPStatus.NOT_FOUND, "no such path\n")
        if not self.ready.is_set():
            return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "not ready\n")
        return None

    async def _handle(self, connection: ServerConnection) -> None:
        """Serve one client from handshake to close."""
        assert connection.request is not None
        trace.set(connection.request.headers.get("X-Cloud-Trace-Context", "").partition("/")[0])
        room = connection.request.path.partition("?")[0].removeprefix(ROOMS)
        client = f"client-{next(self._client_numbers)}"
        size = self._settings.outbox_size
        session = ClientSession(connection, self._broker, self._counters, room=room, client=client, outbox_size=size)
        try:
            await session.serve()
        except ConnectionClosed as closed:
            if closed.sent is not None and closed.sent.reason == "keepalive ping timeout":
                log.warning("heartbeat timeout, closing the client", extra={"fields": {"room": room, "client": client}})
        except Exception:
            log.exception("closing the client with 1011", extra={"fields": {"room": room, "client": client}})
            await connection.close(CloseCode.INTERNAL_ERROR, "internal error")
