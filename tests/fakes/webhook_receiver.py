"""A receiver of webhooks on the loopback: real HTTP, faults on request, and the rule of Standard Webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@dataclass(frozen=True)
class Taken:
    """A request as it came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str = SECRET) -> bool:
        """Whether one of the signatures is that of `id.timestamp.body` under a secret (Standard Webhooks 1.0.0)."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return f"v1,{wanted}" in self.headers["webhook-signature"].split(" ")


Behaviour = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request, for a behaviour to answer."""

    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.receiver.taken.append(
            Taken(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        answers = self.receiver.answers
        with suppress(OSError):
            (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    do_GET = do_POST  # noqa: N815 - the base class looks for it

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        pass

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()


class Receiver:
    """What was taken, and how the next requests are answered: the last behaviour stays."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.answers: list[Behaviour] = [status(200)]
        self.url = ""

    def will(self, *behaviours: Behaviour) -> None:
        self.answers = list(behaviours)

    @property
    def events(self) -> list[str]:
        return [one.document["event"] for one in self.taken]


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver that listens."""
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Request,), {"receiver": receiver}))
    server.daemon_threads = True
    # Whoever does not speak TLS is an error of one connection only.
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}/hooks/T0/B0/verySecretPath"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def status(code: int, body: bytes = b"", **headers: str) -> Behaviour:
    """An answer; `Retry_After="7"` gives the header Retry-After."""
    def answer(request: Request) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


def cut(request: Request) -> None:
    """The connection breaks without an answer."""
    request.close_connection = True
    request.connection.shutdown(socket.SHUT_RDWR)


def silent(request: Request) -> None:
    """Nothing comes until the other side goes."""
    request.connection.settimeout(5)
    request.connection.recv(1)


def trickle(request: Request) -> None:
    """A header that never ends, a few bytes at a time, each soon enough for a limit that begins anew with it."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(200):
        request.wfile.write(b"x")
        time.sleep(0.02)


def endless(code: int) -> Behaviour:
    """An answer whose body has no end."""
    def answer(request: Request) -> None:
        request.send_response(code)
        request.send_header("Content-Length", "100000000000")
        request.end_headers()
        while True:
            request.wfile.write(b"x" * 65_536)

    return answer


def no_http(request: Request) -> None:
    """Something that is no HTTP."""
    request.wfile.write(b"220 mail.example ESMTP\r\n")
