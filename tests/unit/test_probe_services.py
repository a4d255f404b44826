"""Services that tests need: probed, started, ended, and tests that are not begun without them."""

from __future__ import annotations

import shlex
import socket
import sys
from pathlib import Path

import pytest

from bot.adapters.sandboxes import ProcessSandbox
from bot.domain.config import Limits, ServiceConfig, TargetConfig
from bot.domain.evidence import Suspect
from bot.domain.plan import Difficulty, Expectation, Level, PlannedTest, ServiceNeed, TestPlan
from bot.probe import whybot_services as services
from bot.probe.launch import NeededService, needed_services, run_tests
from bot.probe.seen import SeenService, TestRun, read_seen
from bot.steps.believing import doubts_about

SERVE = "import socket, time; s = socket.create_server(('127.0.0.1', {port})); print('up', flush=True); time.sleep(60)"


def python(code: str) -> str:
    return shlex.join((sys.executable, "-c", code))


@pytest.fixture
def ports() -> tuple[int, int, int]:
    socks = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    found = [sock.getsockname()[1] for sock in socks]
    for sock in socks:
        sock.close()
    return found[0], found[1], found[2]


def launch(folder: Path, text: str, needed: tuple[NeededService, ...], args: tuple[str, ...] = ()) -> TestRun:
    tree = folder / "tree"
    (tree / "tests").mkdir(parents=True)
    (tree / "pytest.ini").write_text("[pytest]\nmarkers = queue\n")
    (tree / "tests" / "test_x.py").write_text(text)
    (tree / "tests" / "test_free.py").write_text("def test_free(): pass\n")
    (folder / "scratch").mkdir()
    return run_tests(ProcessSandbox(), tree, TargetConfig(pytest_args=args), sys.executable, ("tests",),
                     Limits(seconds=60), "x", folder / "scratch", services=needed)


TESTS = """
import os, socket, unittest
import pytest

@pytest.fixture(scope="session", autouse=True)
def address():
    assert not [name for name in os.environ if name.startswith("WHYBOT")]

def test_redis():
    socket.create_connection(("127.0.0.1", {port})).close()

@pytest.mark.queue
@pytest.mark.parametrize("number", [1, 2])
def test_queue(number): raise AssertionError("it was begun")

class TestK(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise AssertionError("it was begun")
    def test_planned(self): pass
"""


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_what_answers_and_what_does_not(tmp_path: Path, ports: tuple[int, int, int], args: tuple[str, ...]) -> None:
    if args:
        pytest.importorskip("xdist")
    redis, queue, database = ports
    run = launch(tmp_path, TESTS.format(port=redis), (
        NeededService(name="redis", address=f"127.0.0.1:{redis}", start=python(SERVE.format(port=redis)),
                      tests=("tests/test_x.py",)),
        NeededService(name="queue", address=f"127.0.0.1:{queue}", markers=("queue",)),
        NeededService(name="db", address=f"127.0.0.1:{database}", start=python("exit('no data folder')"),
                      needed_by=("tests/test_x.py::test_planned",)),
    ), args)
    seen = {each.test.rpartition("::")[2]: each for each in run.observations}
    assert {name: each.status for name, each in seen.items()} == {
        "test_redis": "passed", "test_queue[1]": "not_run", "test_queue[2]": "not_run", "test_planned": "not_run",
        "test_free": "passed"}
    for name in ("test_queue[1]", "test_queue[2]"):
        assert seen[name].skip_reason == f"queue does not answer at 127.0.0.1:{queue} (and bot.toml gives no `start`)"
    assert seen["test_planned"].skip_reason.startswith(f"db does not answer at 127.0.0.1:{database} (")
    assert seen["test_planned"].skip_reason.endswith("ended with exit code 1, and said: no data folder)")
    # A service is not the test's own server, although pytest's process started it.
    assert [(each.error, each.own) for each in seen["test_redis"].connections] == [("", False)]
    told = {each.name: (each.answered, each.started) for each in run.seen.services}
    assert told == {"redis": (True, True), "queue": (False, False), "db": (False, True)}
    assert list(doubts_about(run)) == []
    assert run.completed.exit_code == 0
    assert services._silence(f"127.0.0.1:{redis}") == "no answer"


def test_one_that_is_there_already_is_left_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        run = launch(tmp_path, "def test_x(): assert 0\n", (
            NeededService(name="redis", address=f"localhost:{port}", start=python("exit(1)"), tests=("tests",)),))
    assert run.seen.services == (SeenService(name="redis", address=f"localhost:{port}", answered=True),)
    assert [each.status for each in run.observations] == ["passed", "failed"]


@pytest.mark.parametrize(("start", "said"), [
    ("no-such-program-anywhere", "could not be started"), ("'unbalanced", "could not be started"),
    (python("print('warming up', flush=True); import time; time.sleep(30)"), "0.3 s, and said: warming up"),
], ids=["missing", "unbalanced", "slow"])
def test_starts_that_fail(tmp_path: Path, ports: tuple[int, int, int], start: str, said: str) -> None:
    table = {"name": "../x y", "address": f"127.0.0.1:{ports[0]}", "start": start, "seconds": 0.3, "tests": ["**"]}
    leader = services.Services([table], str(tmp_path), str(tmp_path))
    try:
        leader.begin()
        started = list(leader._started.values())
    finally:
        leader.end()
    (found,) = leader.found
    assert not found["answered"]
    assert said in found["said"]
    assert services.reason_for(table, found).startswith(f"../x y does not answer at 127.0.0.1:{ports[0]} (`")
    assert all(process.poll() is not None for process in started)
    assert {each.name for each in tmp_path.iterdir()} == {"service-___x_y.txt"} or not started


@pytest.mark.parametrize("address", ["no-such-host.invalid:80", "nothing", "127.0.0.1:99999", "[::1]:x"])
def test_addresses_at_which_nothing_can_answer(address: str) -> None:
    assert services._silence(address)


def test_plan_and_configuration_together() -> None:
    def planned(name: str, *needs: str) -> PlannedTest:
        return PlannedTest(
            name=name, path="tests/test_x.py", level=Level.INTEGRATION, difficulty=Difficulty.NORMAL, purpose="p",
            services=needs, expectation=Expectation(
                failure="assertion", message="x", reaches=Suspect(path="app.py", function="f")))

    plan = TestPlan(summary="s", tests=(planned("test_one", "redis", "db"), planned("test_two", "redis")), services=(
        ServiceNeed(name="redis", address="elsewhere:1"), ServiceNeed(name="db", address="127.0.0.1:5432"),
        ServiceNeed(name="unused", address="127.0.0.1:2")))
    declared = {"redis": ServiceConfig(address="127.0.0.1:6379", start="redis-server", markers=("redis",))}
    redis, db = needed_services(declared, plan)
    assert (redis.address, redis.start, redis.markers) == ("127.0.0.1:6379", "redis-server", ("redis",))
    assert redis.needed_by == ("tests/test_x.py::test_one", "tests/test_x.py::test_two")
    assert (db.address, db.start, db.needed_by) == ("127.0.0.1:5432", "", ("tests/test_x.py::test_one",))
    assert needed_services({}) == ()


def test_services_are_believed_once_and_before_the_first_test() -> None:
    line = b'{"k": "services", "services": [{"name": "a", "address": "b:1", "answered": true}]}\n'
    start = b'{"k": "start", "test": "t.py::a", "path": "t.py"}\n'
    seen = read_seen([line + start], killed=True)
    assert (seen.bad_lines, len(seen.services)) == (0, 1)
    assert read_seen([line + line], killed=True).bad_lines == 1
    late = read_seen([start + line], killed=True)
    assert (late.bad_lines, late.services) == (1, ())
    attempt = b'{"k": "attempt", "observation": {"test": "t.py::a", "path": "t.py", "status": "failed"}}\n'
    assert read_seen([start + attempt], killed=True).bad_lines == 0
    assert read_seen([attempt], killed=True).bad_lines == 1
