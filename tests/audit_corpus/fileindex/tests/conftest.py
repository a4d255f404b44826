"""Fixtures: a folder with files, a clock, a server."""

import json
import os
import socketserver
import threading

import pytest

from fileindex.config import IndexConfig


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """No variable of the machine reaches the tests."""
    for name in list(os.environ):
        if name.startswith("FILEINDEX_") or name == "CI":
            monkeypatch.delenv(name)


@pytest.fixture
def config(tmp_path):
    """A configuration with its cache out of the way."""
    return IndexConfig(cache_dir=tmp_path / "cache")


@pytest.fixture
def tree(tmp_path):
    """A folder with a few files."""
    root = tmp_path / "tree"
    (root / "docs").mkdir(parents=True)
    (root / "a.txt").write_text("alpha")
    (root / "docs" / "b.txt").write_text("beta")
    (root / "docs" / "copy.txt").write_text("alpha")
    (root / "empty1").touch()
    (root / "empty2").touch()
    (root / "module.pyc").write_bytes(b"\0\1")
    return root


class Clock:
    """Time that moves only when told."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """A clock that stands still."""
    return Clock()


class Handler(socketserver.StreamRequestHandler):
    """The index server: takes files and says how many; drops the first `server.drop` connections."""

    def handle(self):
        self.server.connections += 1
        if self.server.connections <= self.server.drop:
            return
        word, count = self.rfile.readline().split()
        assert word == b"PUT"
        self.server.files += [json.loads(self.rfile.readline()) for _ in range(int(count))]
        self.wfile.write(self.server.answer.format(count=int(count)).encode() + b"\n")


@pytest.fixture
def index_server():
    """A running index server on the loopback interface."""
    server = socketserver.TCPServer(("127.0.0.1", 0), Handler)
    server.connections = server.drop = 0
    server.files = []
    server.answer = "OK {count}"
    server.address = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join(5)
    server.server_close()
