"""What the probe records beside outcomes: connections, executed lines, mocks, attempts, and tests broken off."""

from __future__ import annotations

import errno
import socket
import sys
from pathlib import Path

import pytest

from bot.adapters.sandboxes import ProcessSandbox
from bot.domain.config import Limits, TargetConfig
from bot.domain.suite import Observation
from bot.probe import whybot_connections as connections
from bot.probe.launch import run_tests
from bot.probe.seen import TestRun
from bot.steps.believing import doubts_about


def launch(folder: Path, files: dict[str, str], watch: bool = False, args: tuple[str, ...] = ()) -> TestRun:
    tree = folder / "tree"
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    (folder / "scratch").mkdir()
    return run_tests(ProcessSandbox(), tree, TargetConfig(pytest_args=args), sys.executable, ("tests",),
                     Limits(seconds=60), "x", folder / "scratch", watch=watch)


def by_name(run: TestRun) -> dict[str, Observation]:
    return {seen.test.rpartition("::")[2]: seen for seen in run.observations}


NETWORK = {
    "app.py": '''
import asyncio, socket

def dial(host, port, timeout=1):
    with socket.create_connection((host, port), timeout):
        return True

async def adial(host, port):
    _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 1)
    writer.close()
    return True
''',
    "late.py": "def answer():\n    return 42\n",
    "tests/test_net.py": '''
import asyncio, io, os, socket, subprocess, sys
import pytest
import app, late

@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_refused(host):
    with pytest.raises(ConnectionRefusedError): app.dial(host, 1)

def test_unknown():
    with pytest.raises(OSError): app.dial("no-such-host.invalid", 80)

def test_async_refused():
    with pytest.raises(OSError): asyncio.run(app.adial("127.0.0.1", 1))

def test_async_unknown():
    with pytest.raises(OSError): asyncio.run(app.adial("no-such-host.invalid", 80))

def test_async_own():
    async def serve(reader, writer): writer.close()
    async def scenario():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try: return await app.adial("127.0.0.1", server.sockets[0].getsockname()[1])
        finally: server.close()
    assert asyncio.run(scenario())

def test_own():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert app.dial("127.0.0.1", server.getsockname()[1])

def test_port_that_was_its_own():
    with socket.create_server(("127.0.0.1", 0)) as server: port = server.getsockname()[1]
    with pytest.raises(ConnectionRefusedError): app.dial("127.0.0.1", port)

def test_child():
    code = ("import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); "
            "import sys; sys.stdin.read()")
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert app.dial("127.0.0.1", int(child.stdout.readline()))
        child.stdin.close()

def test_unix(tmp_path):
    with socket.socket(socket.AF_UNIX) as sock, pytest.raises(FileNotFoundError): sock.connect("/nonexistent/sock")

def test_waits_for_its_server():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError): app.dial("127.0.0.1", server.getsockname()[1])
        server.listen()
        assert app.dial("127.0.0.1", server.getsockname()[1])

def test_odd_arguments():
    with socket.socket() as sock:
        for bad in (None, (), ("x",), (b"x", "y"), 5, ("127.0.0.1", -1)):
            with pytest.raises((TypeError, OverflowError, OSError)): sock.connect(bad)
        with pytest.raises(TypeError): sock.connect()
        with pytest.raises(TypeError): socket.getaddrinfo()

def test_datagrams_reach_nothing():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock: sock.connect(("127.0.0.1", 9))

def test_many():
    for port in range(1, 400):
        with socket.socket() as sock: sock.connect_ex(("127.0.0.1", 1))

def test_nothing_may_block():
    def forbidden(*arguments, **named): raise RuntimeError("a call that blocks")
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as server:
        for name in ("open", "read", "stat", "lstat", "readlink", "listdir", "scandir", "getcwd"):
            patch.setattr(os, name, forbidden)
        for name in ("abspath", "realpath", "exists"): patch.setattr(os.path, name, forbidden)
        patch.setattr("builtins.open", forbidden)
        patch.setattr(io, "open", forbidden)
        assert late.answer() == 42
        assert app.dial("127.0.0.1", server.getsockname()[1])

def test_none(): pass

def test_red(): app.dial("127.0.0.1", 1)
''',
}


def test_connections(tmp_path: Path) -> None:
    seen = by_name(launch(tmp_path, NETWORK))
    assert {name: each.status for name, each in seen.items() if each.status != "passed"} == {"test_red": "failed"}
    tried = {name: [(each.address, each.error, each.own) for each in test.connections] for name, test in seen.items()}
    assert tried["test_refused[localhost]"] == [("localhost:1", "refused", False)]
    for name in ("test_refused[127.0.0.1]", "test_async_refused", "test_red", "test_many"):
        assert tried[name] == [("127.0.0.1:1", "refused", False)]
    for name in ("test_unknown", "test_async_unknown"):
        assert tried[name] == [("no-such-host.invalid", "unknown host", False)]
    assert seen["test_nothing_may_block"].reached == ("app.py::dial", "late.py::answer")
    for name in ("test_own", "test_nothing_may_block", "test_async_own", "test_child", "test_waits_for_its_server"):
        assert [(error, own) for _, error, own in tried[name]] == [("", True)]
    assert [(error, own) for _, error, own in tried["test_port_that_was_its_own"]] == [("refused", True)]
    assert tried["test_unix"] == [("/nonexistent/sock", "FileNotFoundError", False)]
    for name in ("test_odd_arguments", "test_datagrams_reach_nothing", "test_none"):
        assert tried[name] == []
    # What wraps the socket is no part of what happened.
    assert [frame.path for frame in seen["test_red"].exceptions[0].frames if "whybot" in frame.path] == []
    assert not any(each.watched or each.lines or each.mocks for each in seen.values())


@pytest.mark.parametrize(("code", "said"), [
    (errno.ECONNREFUSED, "refused"), (errno.ETIMEDOUT, "timed out"), (errno.ENETUNREACH, "unreachable"),
    (errno.EHOSTUNREACH, "unreachable"), (errno.EACCES, "PermissionError"), (errno.EINVAL, "EINVAL"),
], ids=str)
def test_errors_have_names(code: int, said: str) -> None:
    assert connections._error(code) == said


def test_addresses_are_written_as_declared() -> None:
    with socket.socket() as four, socket.socket(socket.AF_INET6) as six, socket.socket(socket.AF_UNIX) as path:
        assert connections._address(four, ("10.0.0.7", 6379), {"10.0.0.7": "redis"}) == ("redis:6379", 6379)
        assert connections._address(six, ("::1", 80, 0, 0), {}) == ("[::1]:80", 80)
        assert connections._address(path, b"\0hidden", {}) == ("@hidden", "@hidden")


WATCHED = {
    "app.py": '''
class Client:
    def __init__(self, sock):
        self.sock = sock
    def get(self, key):
        if key == "a":
            return self.sock.get(key)
        return None

def add(a, b):
    return a + b
''',
    "tests/conftest.py": '''
from unittest.mock import MagicMock
import pytest, app

@pytest.fixture
def client():
    app.add(1, 1)
    sock = MagicMock()
    sock.ping()
    yield app.Client(sock)
    sock.close()
''',
    "tests/test_x.py": '''
import asyncio, threading, unittest
from unittest import mock
from unittest.mock import AsyncMock, Mock, PropertyMock, create_autospec, mock_open, patch
import app

SHARED = Mock()

def test_fixture(client):
    client.get("a")

def test_unwired(client):
    sock = Mock()
    sock.get.return_value = Mock()
    assert client.get("b") is None

@patch("app.add")
def test_patched(add):
    app.add(1, 2)
    add.assert_called_once_with(1, 2)

def test_nested():
    with patch.object(app.Client, "get", autospec=True), patch("app.add") as add, patch("builtins.open", mock_open()):
        app.Client(1).get(2)
        open("f").close()
    add.assert_not_called()

def test_async():
    redis = AsyncMock()
    asyncio.run(redis.get("x"))
    redis.get.assert_awaited_once()
    redis.reset_mock()

def test_monkeypatch(monkeypatch):
    monkeypatch.setattr(app, "add", Mock(return_value=3))
    assert app.add() == 3
    monkeypatch.setattr("app.Client", Mock())
    SHARED()

def test_property():
    create_autospec(app.Client)
    with patch.object(app.Client, "get", new_callable=PropertyMock):
        app.Client(1).get

class Fake(AsyncMock):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)

class TestU(unittest.TestCase):
    def setUp(self):
        self.fake = Fake()
        patcher = mock.patch("app.add")
        self.add = patcher.start()
        self.addCleanup(patcher.stop)
    def test_unit(self):
        self.assertIs(self.add, app.add)
        app.add(1)

def test_thread():
    thread = threading.Thread(target=app.add, args=(1, 2))
    thread.start()
    thread.join()

def test_tracer():
    import sys
    sys.settrace(None)
''',
}


def test_lines_and_mocks(tmp_path: Path) -> None:
    seen = by_name(launch(tmp_path, WATCHED, watch=True))
    assert {each.status for each in seen.values()} == {"passed"}
    lines = {name: {file.path: file.lines for file in test.lines} for name, test in seen.items()}
    # The fixture's own calls are no part of the call phase.
    assert lines["test_fixture"] == {"app.py": (6, 7), "tests/test_x.py": (10,)}
    assert lines["test_unwired"] == {"app.py": (6, 8), "tests/test_x.py": (13, 14, 15)}
    assert lines["test_thread"]["app.py"] == (11,)
    assert "app.py" not in lines["test_patched"]
    assert all(each.watched for name, each in seen.items() if name != "test_tracer")
    assert seen["test_tracer"].watched == hasattr(sys, "monitoring")
    mocks = {name: [(each.path.rpartition("/")[2], each.line, each.target, each.calls, each.checked)
                    for each in test.mocks] for name, test in seen.items()}
    assert mocks["test_fixture"] == [("conftest.py", 8, "", 1, False)]
    assert mocks["test_unwired"] == [("conftest.py", 8, "", 0, False), ("test_x.py", 13, "", 0, False),
                                     ("test_x.py", 14, "", 0, False)]
    assert mocks["test_patched"] == [("test_x.py", 17, "app.add", 1, True)]
    nested = {target: (calls > 0, checked) for _, _, target, calls, checked in mocks["test_nested"]}
    assert nested == {"app.Client.get": (True, False), "app.add": (False, True), "builtins.open": (True, False)}
    assert mocks["test_async"] == [("test_x.py", 29, "", 1, True)]
    assert mocks["test_monkeypatch"] == [("test_x.py", 7, "", 1, False), ("test_x.py", 35, "app.add", 1, False),
                                         ("test_x.py", 37, "app.Client", 0, False)]
    assert mocks["test_property"] == [("test_x.py", 41, "", 0, False), ("test_x.py", 42, "app.Client.get", 1, False)]
    assert mocks["test_unit"] == [("test_x.py", 51, "", 0, False), ("test_x.py", 52, "app.add", 1, False)]


def test_a_test_that_is_begun_again_keeps_its_attempts(tmp_path: Path) -> None:
    # As plugins that rerun failures do it.
    run = launch(tmp_path, {
        "tests/conftest.py": '''
from _pytest.runner import runtestprotocol
def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for last in (False, False, True):
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if last or not any(report.failed for report in reports): break
    for report in reports: item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
''',
        "tests/test_x.py": "tries = []\ndef test_a():\n    tries.append(1)\n    assert len(tries) > 2\n"
                           "def test_b(): assert 0\ndef test_c(): pass\n"})
    assert {name: each.status for name, each in by_name(run).items()} == {
        "test_a": "passed", "test_b": "failed", "test_c": "passed"}
    assert [(each.test.rpartition("::")[2], each.status) for each in run.seen.attempts] == [
        ("test_a", "failed"), ("test_a", "failed"), ("test_b", "failed"), ("test_b", "failed")]
    assert list(doubts_about(run)) == []


@pytest.mark.parametrize("ending", ["raise KeyboardInterrupt", "import pytest; pytest.exit('no')",
                                    "import os; os._exit(0)"], ids=["interrupt", "exit", "os-exit"])
def test_a_test_that_is_broken_off_has_not_ended(tmp_path: Path, ending: str) -> None:
    run = launch(tmp_path, {"tests/test_x.py": f"def test_a(): pass\ndef test_b():\n    {ending}\n"})
    assert [(seen.test, seen.status) for seen in run.observations] == [("tests/test_x.py::test_a", "passed")]
    assert [seen.test for seen in run.running] == ["tests/test_x.py::test_b"]
    assert "tests/test_x.py::test_b began and did not end" in list(doubts_about(run))


def test_a_worker_that_is_killed(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    text = "import os\n" + "".join(
        f"def test_{number}(): {'os._exit(1)' if number == 2 else 'pass'}\n" for number in range(5))
    run = launch(tmp_path, {"tests/test_x.py": text}, watch=True, args=("-n", "2"))
    assert [seen.test for seen in run.running] == ["tests/test_x.py::test_2"]
    assert sorted(by_name(run)) == ["test_0", "test_1", "test_3", "test_4"]
    assert not run.damaged


def test_skipped_and_failed_subtests(tmp_path: Path) -> None:
    run = launch(tmp_path, {"tests/test_x.py": '''
import unittest
class TestU(unittest.TestCase):
    def test_skips_one(self):
        for number in range(2):
            with self.subTest(number):
                if number: self.skipTest("x")
    def test_fails_one(self):
        for number in range(2):
            with self.subTest(number): self.assertEqual(number, 0)
'''})
    seen = by_name(run)
    assert seen["test_fails_one"].status == "failed"
    # Older versions of pytest know no subtests and skip the whole.
    assert seen["test_skips_one"].status == ("passed" if hasattr(pytest, "Subtests") else "skipped")
    assert list(doubts_about(run)) == []
