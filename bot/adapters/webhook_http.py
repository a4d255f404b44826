"""One POST to a webhook, with `http.client`: what another client does unasked is what must not happen here.

No redirection is followed, no password of ~/.netrc is sent, and a deadline holds for the whole of it, also where bytes
trickle. Only HTTPS, with the certificates of the system or of SSL_CERT_FILE and SSL_CERT_DIR, and HTTP to the loopback.
Of proxies, HTTPS_PROXY is used but for what NO_PROXY names. No error repeats an address: it is a secret.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

_MOST_ANSWER_BYTES: Final = 1_000
_MOST_URL: Final = 2_000
_CONNECT_SECONDS: Final = 5.0
_CODE = re.compile(rb"\s*([a-z][a-z_]{1,60})\s*")


class Address(NamedTuple):
    """Where a webhook is."""

    secure: bool
    host: str
    port: int
    path: str


class Answer(NamedTuple):
    """What came back. `code` is the body where it is one word, as Slack says what is wrong; else empty."""

    status: int
    retry_after: str = ""
    code: str = ""

    @property
    def good(self) -> bool:
        """Whether it says that the request arrived."""
        return 200 <= self.status < 300


class NoAnswer(Exception):
    """There was none. `passing`: the same again may work."""

    def __init__(self, why: str, *, passing: bool) -> None:
        super().__init__(why)
        self.why = why
        self.passing = passing


def address_of(url: str) -> Address:
    """Where a URL leads. Raises ValueError, which says what is wrong and does not repeat it."""
    if not url.isascii() or len(url) > _MOST_URL or re.search(r"[\x00-\x20\x7f\\]", url):
        raise ValueError("it is no URL")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("it is no URL") from None
    if parts.scheme not in {"https", "http"} or not host:
        raise ValueError("it is no https:// URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("it has a name or a password before its host")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError("it is http://, which anybody on the way can read")
    secure = parts.scheme == "https"
    query = f"?{parts.query}" if parts.query else ""
    return Address(secure, host, port or (443 if secure else 80), f"{parts.path or '/'}{query}")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def post(to: Address, headers: Mapping[str, str], body: bytes, seconds: float, environ: Mapping[str, str]) -> Answer:
    """Send it and return the answer. Raises NoAnswer."""
    deadline = time.monotonic() + seconds
    connection = _connection(to, min(seconds, _CONNECT_SECONDS), environ)
    raw: socket.socket | None = None
    try:
        connection.connect()
        raw = connection.sock
        connection.sock = _Timed(raw, deadline)
        connection.request("POST", to.path, body=body, headers={**headers, "Connection": "close"})
        with contextlib.closing(connection.getresponse()) as response:
            answer = Answer(response.status, response.headers.get("Retry-After", ""))
            # Of an answer that is good no more is read: then nothing more can go wrong.
            return answer if answer.good else answer._replace(code=_code(response))
    except (OSError, http.client.HTTPException) as error:
        raise _no_answer(error) from None
    finally:
        connection.close()
        if raw is not None:
            raw.close()


def _code(response: http.client.HTTPResponse) -> str:
    try:
        found = _CODE.fullmatch(response.read(_MOST_ANSWER_BYTES))
    except (OSError, http.client.HTTPException):
        return ""
    return "" if found is None else found[1].decode()


def _no_answer(error: OSError | http.client.HTTPException) -> NoAnswer:
    """The error in words of our own: its own would name the host."""
    match error:
        case ssl.SSLCertVerificationError():
            why = error.verify_message.partition(",")[0].rstrip(".").lower() or "it cannot be verified"
            return NoAnswer(f"its certificate is not accepted: {why}", passing=False)
        case TimeoutError():
            return NoAnswer("it did not answer in time", passing=True)
        case socket.gaierror():
            return NoAnswer("its host is not known", passing=error.errno == socket.EAI_AGAIN)
        case ConnectionRefusedError():
            return NoAnswer("nothing listens there", passing=True)
        case ConnectionError() | http.client.IncompleteRead() | ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return NoAnswer("the connection was cut", passing=True)
        case ssl.SSLError():
            return NoAnswer("it does not speak TLS as it should", passing=False)
        case OSError() if str(error).startswith("Tunnel connection failed"):
            return NoAnswer("the proxy of HTTPS_PROXY does not lead there", passing=True)
        case OSError():
            return NoAnswer(f"it cannot be reached ({errno.errorcode.get(error.errno or 0, 'no reason is known')})",
                            passing=True)
        case _:
            return NoAnswer("what answers there does not speak HTTP", passing=False)


def _connection(to: Address, seconds: float, environ: Mapping[str, str]) -> http.client.HTTPConnection:
    if not to.secure:
        return http.client.HTTPConnection(to.host, to.port, timeout=seconds)
    try:
        context = _context(environ.get("SSL_CERT_FILE") or None, environ.get("SSL_CERT_DIR") or None)
    except OSError:
        raise NoAnswer("SSL_CERT_FILE or SSL_CERT_DIR cannot be used", passing=False) from None
    proxy = environ.get("https_proxy") or environ.get("HTTPS_PROXY") or ""
    besides = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if not proxy or _is_loopback(to.host) or _goes_direct(to.host, besides):
        return http.client.HTTPSConnection(to.host, to.port, timeout=seconds, context=context)
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host = None
    if host is None or parts.scheme != "http":
        raise NoAnswer("HTTPS_PROXY is not the http:// address of a proxy", passing=False)
    connection = http.client.HTTPSConnection(host, port, timeout=seconds, context=context)
    headers = {}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    connection.set_tunnel(to.host, to.port, headers)
    return connection


def _goes_direct(host: str, besides: str) -> bool:
    """Whether NO_PROXY names a host: `*`, the host itself or a domain that it is in."""
    names = [name.strip().lstrip(".").lower() for name in besides.split(",")]
    return any(name in {"*", host} or host.endswith(f".{name}") for name in names if name)


@cache
def _context(file: str | None, folder: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=file, capath=folder)


class _Timed:
    """The part of a socket that `http.client` uses, on which nothing waits beyond a deadline.

    A time limit of a socket's own begins anew with every byte.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(_left(self._deadline))
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._deadline))

    def close(self) -> None:
        """The answer is still to be read when `http.client` closes this; `post` closes the socket."""


class _Reader(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: float) -> None:
        super().__init__()
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        self._sock.settimeout(_left(self._deadline))
        return self._sock.recv_into(buffer)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
