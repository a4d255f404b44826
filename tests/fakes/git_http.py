"""Real `git http-backend` behind HTTP, with a token for a password."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit


class GitAnswer(NamedTuple):
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def password(headers: Mapping[str, str]) -> str:
    """The password of a Basic authorization, empty without one."""
    kind, _, encoded = headers.get("Authorization", "").partition(" ")
    return base64.b64decode(encoded).decode().partition(":")[2] if kind == "Basic" else ""


def body_of(handler: BaseHTTPRequestHandler) -> bytes:
    """A request's body; git sends large packs in chunks."""
    if handler.headers.get("Transfer-Encoding") != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    parts = []
    while size := int(handler.rfile.readline().strip(), 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(parts)


def backend(method: str, target: str, headers: Mapping[str, str], body: bytes, root: Path) -> GitAnswer:
    """Run git's own CGI program over the repositories in `root`."""
    url = urlsplit(target)
    done = subprocess.run(
        ["git", "http-backend"], input=body, capture_output=True, check=True, timeout=60,
        env={
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "REMOTE_USER": "token",
            "REQUEST_METHOD": method, "PATH_INFO": url.path, "QUERY_STRING": url.query,
            "CONTENT_TYPE": headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": headers.get("Git-Protocol", ""),
        },
    )
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    fields = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n")]
    status = next((int(value.split()[0]) for name, value in fields if name == "Status"), 200)
    return GitAnswer(status, tuple((name, value) for name, value in fields if name != "Status"), content)
