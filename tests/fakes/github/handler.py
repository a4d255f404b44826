"""HTTP: reads requests, lets faults strike, sends answers whole or not."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.fakes.git_http import body_of
from tests.fakes.github.faults import Fault
from tests.fakes.github.wire import Reply

if TYPE_CHECKING:
    from tests.fakes.github_api import GitHub


class Server(ThreadingHTTPServer):
    """Serves one GitHub from the moment it is made."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, hub: GitHub) -> None:
        self.hub = hub
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection."""
        self._open.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.discard(request)

    def end(self) -> None:
        """Stop, and end the connections that clients keep open."""
        self.shutdown()
        self.server_close()
        ends = time.monotonic() + 2
        while self._open and time.monotonic() < ends:
            for connection in tuple(self._open):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            time.sleep(0.001)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what faults are for; anything else is a mistake of the fake's."""
        import sys

        error = sys.exception()
        if not isinstance(error, ConnectionError):
            self.hub.violations.append(f"the fake itself failed: {type(error).__name__}: {error}")
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one packet, or each answer waits 40 ms for an acknowledgement
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self) -> None:
        hub, body = self.server.hub, body_of(self)
        fault = hub.serving.noted(self.command, self.path)
        if hub.latency:
            time.sleep(hub.latency)
        if fault is None:
            self._send(hub.serving.respond(self.command, self.path, self.headers, body))
            return
        self._strike(hub, fault, body)

    def _strike(self, hub: GitHub, fault: Fault, body: bytes) -> None:
        if fault.how != "hang":
            time.sleep(fault.delay)
        if fault.act is not None:
            fault.act()
        happens = fault.after or fault.how in {"half", "pass"}
        if happens:
            reply = hub.serving.respond(self.command, self.path, self.headers, body)
        else:
            hub.serving.check_request(self.command, self.path, body)
        if fault.how == "hang":
            self._hang(hub, fault.delay)
        if fault.how in {"cut", "hang"}:
            self.close_connection = True
        elif fault.how == "answer":
            kind = (("Content-Type", "application/json; charset=utf-8"),)
            self._send(Reply(fault.status, hub.serving.completed(kind, fault.headers.items()), fault.body.encode()))
        else:
            self._send(reply, half=fault.how == "half")

    def _hang(self, hub: GitHub, seconds: float) -> None:
        """Say nothing until the client gives up, the time is over or the server ends."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and not hub.serving.closing.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.02)
            if readable:
                with contextlib.suppress(OSError):
                    if self.connection.recv(1, socket.MSG_PEEK):
                        continue
                return

    def _send(self, reply: Reply, *, half: bool = False) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if half else reply.body)
        if half:
            self.close_connection = True

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815
