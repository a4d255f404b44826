"""A local token endpoint: what Google's OAuth, STS and service-account impersonation answer, over loopback HTTP.

It is a proxy, too, that answers for every address itself: of a user's credentials nobody can set the endpoint.
"""

from __future__ import annotations

import datetime as dt
import json
import ssl
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class TokenEndpoint:
    """Gives tokens for `good` requests, then refuses as told. `asked` are the paths and forms of the requests.

    `chain` is a PEM file with the key and the certificate for the addresses that it answers for.
    """

    def __init__(self, chain: Path, good: int = 1_000, error: dict[str, Any] | None = None,
                 lifetime_s: int = 3600) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain)
        self.good = good
        self.error = error or {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        self.lifetime_s = lifetime_s
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        self.good -= 1
        if self.good < 0:
            return 400, self.error
        if path.endswith(":generateAccessToken"):
            ends = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.lifetime_s)
            return 200, {"accessToken": "impersonated-token", "expireTime": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}
        kind = "sts" if path == "/sts" else "user"
        answer = {"access_token": f"{kind}-token", "expires_in": self.lifetime_s, "token_type": "Bearer"}
        if path == "/sts":
            answer["issued_token_type"] = "urn:ietf:params:oauth:token-type:access_token"
        return 200, answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_CONNECT(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.connection = endpoint.context.wrap_socket(self.connection, server_side=True)
                self.rfile = self.connection.makefile("rb", -1)
                self.wfile = self.connection.makefile("wb", 0)
                self.close_connection = False

            def finish(self) -> None:
                with suppress(OSError):
                    super().finish()
                    self.connection.close()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                endpoint.asked.append((self.path, parse_qs(body)))
                status, answer = endpoint.answer(self.path)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
                pass

        return Handler

    def __enter__(self) -> TokenEndpoint:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def certificate() -> tuple[bytes, bytes]:
    """A certificate that signed itself, for localhost and for Google's token endpoint, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.DNSName("oauth2.googleapis.com"), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM), private
