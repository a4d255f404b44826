"""The demo's real WebSocket clients: ordinary ones, impatient ones, and the few that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
import time
from http import HTTPStatus
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from bot.demo.entries import Request
from bot.demo.processes import InstanceProcess

ROOMS = ("harbour", "bridge", "engine", "pilots", "mooring")
SURVEY = "survey"
"""A room for nobody but somebody who floods it and somebody who does not read."""
AGENTS = ("harbour-web/3.2.1", "harbour-ios/7.1 (iPhone; iOS 19.1)", "harbour-android/7.0.4", "harbour-kiosk/1.9")
FIRST_PROBE_SECONDS = 1.2
PROBE_SECONDS = 0.2
READY_SECONDS = 30.0
RETRY_SECONDS = 2.5
RETRIES = 4
ANSWER_SECONDS = 5.0


async def wait_until_ready(instance: InstanceProcess) -> None:
    """Ask `/readyz` as a startup probe does, until it says yes. Raises TimeoutError after READY_SECONDS."""
    async with asyncio.timeout(READY_SECONDS):
        await asyncio.sleep(FIRST_PROBE_SECONDS)
        while True:
            if await _plain_get(instance.port, "/readyz", {}) == HTTPStatus.OK:
                return
            await asyncio.sleep(PROBE_SECONDS)


async def early_client(instance: InstanceProcess, number: int) -> None:
    """Come as soon as the instance is ready, and try again while it sends us away."""
    for _ in range(RETRIES):
        if await session(instance, number, messages=1, pause_s=0.05):
            return
        await asyncio.sleep(RETRY_SECONDS)


async def session(instance: InstanceProcess, number: int, messages: int, pause_s: float, size: int = 40,
                  room: str = "") -> bool:
    """Join a room, send messages and wait for each to come back, leave. False when the server closed first."""
    async with Visit(instance, number, room) as visit:
        try:
            for message in range(messages if visit.admitted else 0):
                await visit.send(json.dumps({"sender": f"user-{number}", "body": f"{message} ".ljust(size, "~")}))
                await visit.receive()
                await asyncio.sleep(pause_s)
        except ConnectionClosed:
            return False
        except TimeoutError:
            return True  # its message was lost with the broker's connection; a person would leave now
    return visit.admitted


async def nonsense_client(instance: InstanceProcess, number: int) -> None:
    """Send something that is no message, and leave."""
    async with Visit(instance, number) as visit:
        if visit.admitted:
            with contextlib.suppress(ConnectionClosed, TimeoutError):
                await visit.send('{"sender": "kiosk", "body": ')
                await visit.receive()


async def sleeping_client(instance: InstanceProcess, number: int, seconds: float) -> None:
    """Join a room and read next to nothing: small buffers, and nobody who empties them."""
    small = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.setblocking(False)
    await asyncio.get_running_loop().sock_connect(small, ("127.0.0.1", instance.port))
    async with Visit(instance, number, SURVEY, sock=small, max_queue=1) as visit:
        if visit.admitted:
            await asyncio.sleep(seconds)
            visit.hang_up()


async def vanished_client(instance: InstanceProcess, number: int, seconds: float) -> None:
    """Shake hands and then never answer anything, as a phone in a tunnel."""
    began, clock = time.time_ns(), time.monotonic()
    trace, path = secrets.token_hex(16), f"/rooms/{ROOMS[number % len(ROOMS)]}"
    reader, writer = await asyncio.open_connection("127.0.0.1", instance.port)
    writer.write(_get(path, {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "X-Cloud-Trace-Context": f"{trace}/1;o=1",
    }))
    status = int((await reader.readline()).split()[1])
    await asyncio.sleep(seconds)
    writer.close()
    instance.log.request(_request(path, status, began, clock, trace, number, sent=0, received=0))


async def stray_request(instance: InstanceProcess, number: int, path: str) -> None:
    """Ask for a path that the service does not have."""
    began, clock, trace = time.time_ns(), time.monotonic(), secrets.token_hex(16)
    status = await _plain_get(instance.port, path, {"X-Cloud-Trace-Context": f"{trace}/1;o=1"})
    instance.log.request(_request(path, status, began, clock, trace, number, sent=0, received=13))


class Visit:
    """A connection to a room, as a context. Its request is logged when it ends, refused ones included."""

    def __init__(self, instance: InstanceProcess, number: int, room: str = "", sock: socket.socket | None = None,
                 max_queue: int = 16) -> None:
        self._instance = instance
        self._number = number
        self._socket: dict[str, Any] = {"sock": sock} if sock else {}
        self._max_queue = max_queue
        self._path = f"/rooms/{room or ROOMS[number % len(ROOMS)]}"
        self._trace = secrets.token_hex(16)
        self._began, self._clock = time.time_ns(), time.monotonic()
        self._client: ClientConnection | None = None
        self._status = 101
        self._sent = self._received = 0

    @property
    def admitted(self) -> bool:
        """Whether the handshake succeeded."""
        return self._client is not None

    async def send(self, text: str) -> None:
        """Send a text. Raises ConnectionClosed."""
        assert self._client is not None
        await self._client.send(text)
        self._sent += len(text)

    async def receive(self) -> None:
        """Wait for a text. Raises ConnectionClosed, or TimeoutError after ANSWER_SECONDS."""
        assert self._client is not None
        async with asyncio.timeout(ANSWER_SECONDS):
            self._received += len(await self._client.recv())

    def hang_up(self) -> None:
        """Drop the connection without a word."""
        assert self._client is not None
        self._client.transport.abort()

    async def __aenter__(self) -> Visit:
        try:
            self._client = await connect(
                f"ws://127.0.0.1:{self._instance.port}{self._path}", proxy=None, compression=None,
                max_queue=self._max_queue, user_agent_header=AGENTS[self._number % len(AGENTS)],
                additional_headers={"X-Cloud-Trace-Context": f"{self._trace}/1;o=1"}, **self._socket,
            )
        except InvalidStatus as refused:
            self._status = refused.response.status_code
        except (OSError, InvalidHandshake):  # it went away (TimeoutError is an OSError): a front end answers 503
            self._status = 503
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.close()
        self._instance.log.request(_request(
            self._path, self._status, self._began, self._clock, self._trace, self._number,
            sent=self._sent, received=self._received,
        ))


def _request(path: str, status: int, began_ns: int, clock: float, trace: str, number: int, sent: int,
             received: int) -> Request:
    return Request(
        path=path, status=status, began_ns=began_ns, latency_s=time.monotonic() - clock, trace=trace,
        user_agent=AGENTS[number % len(AGENTS)], remote_ip=f"203.0.113.{number % 250 + 1}", sent=sent,
        received=received,
    )


def _get(path: str, headers: dict[str, str]) -> bytes:
    lines = (f"GET {path} HTTP/1.1", "Host: router", *(f"{name}: {value}" for name, value in headers.items()))
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _plain_get(port: int, path: str, headers: dict[str, str]) -> int:
    """The status of a GET without a body. An instance that hangs up counts as 503."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_get(path, headers))
    status = (await reader.readline()).split()
    writer.close()
    return int(status[1]) if len(status) > 1 else 503
