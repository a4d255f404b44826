"""What stands in for the product: fakes in many styles that the rules must find, and look-alikes that they must not."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.audit.dataflow.flow import Kind, asserted, on_product
from bot.audit.reading.program import Program
from bot.audit.rule import Context
from bot.audit.rules import RULES
from bot.domain.audit import Finding
from bot.domain.suite import Observation, SeenMock

PATH = "tests/unit/test_it.py"
MINE = (
    "sut-replaced", "sut-reimplemented", "mock-only", "self-inflicted", "tests-dependency", "hardcoded-result",
    "bug-enshrined", "unwired-double", "double-decides",
)

SERVICE = '''
import asyncio
import threading
import time
from enum import Enum
from product.clock import now
from product.store import Store


class NotReady(RuntimeError):
    pass


class Refused(Exception):
    def __init__(self, code):
        super().__init__(f"refused with {code}")
        self.code = code


class State(Enum):
    NEW = "new"
    READY = "ready"


class Router:
    def __init__(self, store=None, clock=time.monotonic, on_message=None):
        self.store = store or Store()
        self.clock = clock
        self.on_message = on_message
        self.routes = {}
        self._lock = threading.Lock()

    def add(self, user, socket):
        with self._lock:
            self.routes[user] = socket
        return len(self.routes)

    def ping(self):
        return self.store.ping()

    async def send(self, user, message):
        if user not in self.routes:
            raise NotReady(user)
        await self.routes[user].send(message)
        if self.on_message:
            self.on_message(message)
        return True

    def status(self):
        return {"routes": len(self.routes), "at": now(), "up": self.ping()}

    def route(self, message):
        return self.add(message["user"], None)

    def age(self, since):
        return self.clock() - since


def health(router):
    return {"status": "ok" if router.ping() else "down"}
'''
FILES = {
    "product/__init__.py": "",
    "product/service.py": SERVICE,
    "product/clock.py": "import time\n\n\ndef now():\n    return time.time()\n",
    "product/store.py": "class Store:\n    def ping(self):\n        return True\n",
}
HEAD = """
import asyncio
import json
import threading
import time
import unittest
import subprocess
import sys
from unittest.mock import AsyncMock, MagicMock, Mock, patch

import pytest

from product import service
from product.service import NotReady, Refused, Router, State, health
"""


def context(body: str, observations: tuple[Observation, ...] = (), *, head: bool = True) -> Context:
    test = (HEAD if head else "") + "\n\n" + textwrap.dedent(body)
    return Context(Program.build(FILES, {PATH: test}), {PATH: test}, observations=observations)


def errors(body: str, observations: tuple[Observation, ...] = (), *, head: bool = True) -> list[Finding]:
    """What my rules say of a test file, without warnings."""
    here = context(body, observations, head=head)
    found = [item for name in MINE for item in RULES[name].findings(here)]
    return [item for item in found if item.severity == "error"]


BAD = {
    "sut-replaced": {
        "assignment": """
            def test_ping():
                router = Router()
                router.ping = Mock(return_value=False)
                assert router.ping() is False
            """,
        "patch.object with": """
            def test_ping():
                router = Router()
                with patch.object(router, "ping", return_value=False) as ping:
                    result = router.ping()
                assert result is False
                ping.assert_called_once()
            """,
        "patch.object on the class": """
            def test_ping():
                with patch.object(Router, "ping", return_value="pong"):
                    router = Router()
                    assert router.ping() == "pong"
            """,
        "patch by text": """
            def test_ping():
                with patch("product.service.Router.ping", return_value="pong"):
                    assert Router().ping() == "pong"
            """,
        "decorator": """
            @patch.object(Router, "ping", return_value="pong")
            def test_ping(ping):
                assert Router().ping() == "pong"
            """,
        "monkeypatch": """
            def test_ping(monkeypatch):
                router = Router()
                monkeypatch.setattr(router, "ping", lambda: "pong")
                assert router.ping() == "pong"
            """,
        "setattr": """
            def test_ping():
                router = Router()
                setattr(router, "ping", lambda: "pong")
                assert router.ping() == "pong"
            """,
        "a module's function": """
            def test_health():
                with patch.object(service, "health", return_value={"status": "ok"}):
                    assert service.health(None)["status"] == "ok"
            """,
        "async": """
            async def test_send():
                router = Router()
                router.send = AsyncMock(return_value=True)
                sent = await asyncio.gather(*[router.send("a", "b") for _ in range(3)])
                assert all(sent)
            """,
        "record": """
            async def test_send():
                router = Router()
                router.send = AsyncMock()
                await router.send("a", {"k": 1})
                router.send.assert_awaited_once_with("a", {"k": 1})
            """,
        "setUp": """
            class RouterTest(unittest.TestCase):
                def setUp(self):
                    self.router = Router()
                    self.router.ping = MagicMock(return_value=True)

                def test_ping(self):
                    self.assertTrue(self.router.ping())
            """,
        "fixture": """
            @pytest.fixture
            def router():
                router = Router()
                router.ping = Mock(return_value="pong")
                return router

            def test_ping(router):
                assert router.ping() == "pong"
            """,
        "by a function of the test": """
            async def test_send():
                router = Router()
                async def fake_send(user, message):
                    return "sent"
                router.send = fake_send
                assert await router.send("a", "b") == "sent"
            """,
        "answers with a product object": """
            async def test_send():
                router = Router()
                ready = State("ready")
                with patch.object(router, "send", AsyncMock(return_value=ready)):
                    state = await router.send("a", "b")
                assert state.value == "ready"
            """,
    },
    "sut-reimplemented": {
        "class": """
            class MockRouter:
                def __init__(self):
                    self.routes = {}

                def add(self, user, socket):
                    self.routes[user] = socket
                    return len(self.routes)

            def test_add():
                router = MockRouter()
                assert router.add("a", 1) == 1
            """,
        "function": """
            def simulate_routing(count):
                routes = {}
                for i in range(count):
                    routes[i] = i
                return len(routes)

            def test_routing():
                assert simulate_routing(5) == 5
            """,
        "function in the test": """
            def test_ready():
                def is_ready(routes, minimum):
                    return len(routes) >= minimum
                assert is_ready([1, 2], 2)
            """,
        "async race": """
            class SimulatedService:
                def __init__(self):
                    self.ready = False

                async def start(self):
                    await asyncio.sleep(0)
                    self.ready = True

            async def test_race():
                service = SimulatedService()
                task = asyncio.create_task(service.start())
                assert not service.ready
                await task
                assert service.ready
            """,
        "product only as type and constant": """
            class FakeRouter:
                def __init__(self):
                    self.state = State.NEW

                def start(self):
                    self.state = State.READY

            def test_start():
                router = FakeRouter()
                router.start()
                assert router.state == State.READY
            """,
        "threads": """
            class Counter:
                def __init__(self):
                    self.value = 0
                    self.lock = threading.Lock()

                def add(self):
                    with self.lock:
                        self.value += 1

            def test_counter():
                counter = Counter()
                threads = [threading.Thread(target=counter.add) for _ in range(5)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                assert counter.value == 5
            """,
        "fixture": """
            class StandaloneRouter:
                def send(self, message):
                    return "sent " + message

            @pytest.fixture
            def router():
                return StandaloneRouter()

            def test_send(router):
                assert router.send("x") == "sent x"
            """,
        "unittest": """
            class StandaloneRouter:
                def send(self, message):
                    return "sent " + message

            class RouterTest(unittest.TestCase):
                def setUp(self):
                    self.router = StandaloneRouter()

                def test_send(self):
                    self.assertEqual(self.router.send("x"), "sent x")
            """,
        "helper method": """
            class TestRouting:
                def _validate(self, routes):
                    if not routes:
                        return {"valid": False}
                    return {"valid": True}

                def test_validate(self):
                    assert self._validate([])["valid"] is False
            """,
        "raises": """
            class Pool:
                def acquire(self):
                    raise RuntimeError("exhausted")

            def test_exhausted():
                with pytest.raises(RuntimeError):
                    Pool().acquire()
            """,
        "parametrised": """
            def backoff(attempt):
                return min(2 ** attempt, 30)

            @pytest.mark.parametrize("attempt, seconds", [(1, 2), (9, 30)])
            def test_backoff(attempt, seconds):
                assert backoff(attempt) == seconds
            """,
        "product made but not asked": """
            def test_routing():
                router = Router()
                assert router is not None
                def route(message):
                    return message["user"] if "user" in message else None
                assert route({"user": "a"}) == "a"
            """,
    },
    "mock-only": {
        "return value": """
            def test_ping():
                redis = Mock()
                redis.ping.return_value = True
                assert redis.ping() is True
            """,
        "record": """
            async def test_send():
                socket = AsyncMock()
                await socket.send("x")
                socket.send.assert_awaited_once_with("x")
            """,
        "spec": """
            def test_router():
                router = Mock(spec=Router)
                router.add.return_value = 3
                assert router.add("a", None) == 3
            """,
        "fixture": """
            @pytest.fixture
            def mock_redis():
                redis = AsyncMock()
                redis.get.return_value = b"1"
                return redis

            async def test_get(mock_redis):
                assert await mock_redis.get("k") == b"1"
            """,
        "wired to each other": """
            def test_pipeline():
                store, router = Mock(), Mock()
                router.route.side_effect = lambda message: store.save(message)
                router.route({"user": "a"})
                store.save.assert_called_once_with({"user": "a"})
            """,
        "factory": """
            def make_client(answer):
                client = MagicMock()
                client.get.return_value = answer
                return client

            def test_get():
                client = make_client(3)
                assert client.get("k") == 3
            """,
        "unittest": """
            class ClientTest(unittest.TestCase):
                def setUp(self):
                    self.client = MagicMock()
                    self.client.get.return_value = 200

                def test_get(self):
                    self.assertEqual(self.client.get("/"), 200)
            """,
        "beside an unused product object": """
            def test_send():
                router = Router()
                socket = Mock()
                socket.send("x")
                assert socket.send.call_count == 1
            """,
        "gather": """
            async def test_many():
                client = AsyncMock(return_value={"ok": True})
                results = await asyncio.gather(*(client(i) for i in range(10)))
                assert len(results) == 10
                assert all(result["ok"] for result in results)
            """,
        "side effects in turn": """
            def test_retry():
                call = Mock(side_effect=[ConnectionError, "ok"])
                try:
                    call()
                except ConnectionError:
                    result = call()
                assert result == "ok"
            """,
        "spec with autospec": """
            from unittest.mock import create_autospec

            def test_router():
                router = create_autospec(Router)
                router.ping.return_value = True
                assert router.ping()
                router.ping.assert_called_once()
            """,
        "attributes": """
            def test_state():
                state = MagicMock()
                state.connected = True
                state.ready = False
                assert state.connected and not state.ready
            """,
    },
    "self-inflicted": {
        "raise": """
            def test_fails():
                with pytest.raises(NotReady):
                    raise NotReady("x")
            """,
        "raise of an error with a constructor": """
            def test_refused():
                with pytest.raises(Refused) as caught:
                    raise Refused(3)
                assert caught.value.code == 3
            """,
        "raise under a condition": """
            async def test_not_ready():
                router = Router()
                with pytest.raises(RuntimeError, match="not ready"):
                    if not router.ping():
                        return
                    raise RuntimeError("not ready")
            """,
        "in a loop": """
            def test_gives_up():
                with pytest.raises(NotReady):
                    for attempt in range(3):
                        if attempt == 2:
                            raise NotReady(attempt)
            """,
        "replaced method": """
            def test_fails():
                router = Router()
                router.ping = Mock(side_effect=ConnectionError)
                with pytest.raises(ConnectionError):
                    router.ping()
            """,
        "patched method": """
            async def test_fails():
                router = Router()
                with patch.object(router, "send", AsyncMock(side_effect=Refused(1))):
                    with pytest.raises(Refused):
                        await router.send("a", "b")
            """,
        "patched class": """
            class RouterTest(unittest.TestCase):
                def test_fails(self):
                    with patch.object(Router, "ping", side_effect=TimeoutError):
                        with self.assertRaises(TimeoutError):
                            Router().ping()
            """,
        "own mock": """
            async def test_fails():
                client = AsyncMock(side_effect=NotReady("x"))
                with pytest.raises(NotReady):
                    await client()
            """,
        "own mock's method": """
            def test_fails():
                redis = Mock()
                redis.get.side_effect = ConnectionError("down")
                with pytest.raises(ConnectionError):
                    redis.get("k")
            """,
        "local function": """
            def test_fails():
                def connect():
                    raise NotReady("down")
                with pytest.raises(NotReady):
                    connect()
            """,
        "holds the product's lock": """
            def test_deadlock():
                router = Router()
                router._lock.acquire()
                worker = threading.Thread(target=router.add, args=("a", None), daemon=True)
                worker.start()
                worker.join(timeout=0.1)
                assert worker.is_alive()
            """,
        "holds a lock that jobs need": """
            async def test_deadlock():
                gate = asyncio.Lock()
                await gate.acquire()
                async def handler(message):
                    async with gate:
                        return message
                router = Router(on_message=handler)
                router.add("a", AsyncMock())
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(handler(await router.send("a", "x")), 0.1)
            """,
    },
    "tests-dependency": {
        "event": """
            def test_event():
                event = asyncio.Event()
                event.set()
                assert event.is_set()
            """,
        "json": """
            def test_json():
                data = {"a": 1}
                assert json.loads(json.dumps(data)) == data
            """,
        "gather": """
            async def test_gather():
                results = await asyncio.gather(asyncio.sleep(0, "a"), asyncio.sleep(0, "b"))
                assert results == ["a", "b"]
            """,
        "timeout": """
            async def test_timeout():
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(asyncio.sleep(1), timeout=0.01)
            """,
        "queue": """
            def test_queue():
                import queue
                items = queue.Queue(maxsize=1)
                items.put(1)
                with pytest.raises(queue.Full):
                    items.put_nowait(2)
            """,
        "lock": """
            def test_lock():
                lock = threading.Lock()
                with lock:
                    assert lock.locked()
            """,
        "environment": """
            import os

            def test_environment(monkeypatch):
                monkeypatch.setenv("ENVIRONMENT", "staging")
                assert os.environ["ENVIRONMENT"] == "staging"
            """,
        "clock": """
            def test_clock():
                start = time.monotonic()
                time.sleep(0.01)
                assert time.monotonic() - start > 0
            """,
        "decimal": """
            from decimal import Decimal

            class MoneyTest(unittest.TestCase):
                def test_sum(self):
                    self.assertEqual(Decimal("0.1") + Decimal("0.2"), Decimal("0.3"))
            """,
        "fastapi of its own": """
            from fastapi import FastAPI
            from fastapi.testclient import TestClient

            def test_app():
                app = FastAPI()
                client = TestClient(app)
                assert client.get("/missing").status_code == 404
            """,
        "fake redis": """
            import fakeredis

            def test_redis():
                redis = fakeredis.FakeRedis()
                redis.set("a", 1)
                assert redis.get("a") == b"1"
            """,
        "task": """
            async def test_cancel():
                task = asyncio.create_task(asyncio.sleep(10))
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            """,
    },
    "hardcoded-result": {
        "dict": """
            def test_health():
                response = {"status": "ok"}
                assert response["status"] == "ok"
            """,
        "local function": """
            def test_report():
                def report():
                    return {"passed": 5}
                assert report()["passed"] == 5
            """,
        "local function that ignores the product": """
            def test_report():
                def report(router):
                    return {"passed": 5}
                assert report(Router())["passed"] == 5
            """,
        "list": """
            def test_steps():
                steps = []
                steps.append("start")
                steps.append("stop")
                assert steps == ["start", "stop"]
            """,
        "helper method": """
            class TestReport:
                def _figures(self):
                    return {"orders": 3}

                def test_figures(self):
                    assert self._figures()["orders"] == 3
            """,
        "flags": """
            def test_race():
                connected = True
                ready = False
                assert connected and not ready, "race"
            """,
        "sum": """
            def test_rate():
                total, failed = 10, 10
                rate = failed / total
                assert rate == 1.0
            """,
        "unittest": """
            class ReportTest(unittest.TestCase):
                def test_total(self):
                    results = [True, True, False]
                    self.assertEqual(results.count(True), 2)
            """,
        "loop": """
            def test_errors():
                errors = []
                for code in (1011, 1006):
                    errors.append({"code": code})
                assert len(errors) == 2
                assert errors[0]["code"] == 1011
            """,
        "beside a log": """
            import logging

            logger = logging.getLogger(__name__)

            def test_failed():
                logger.info("router %s", Router())
                failed = [name for name, up in {"redis": True, "auth": False}.items() if not up]
                logger.error("failed: %s", failed)
                assert failed == ["auth"]
            """,
        "class attribute": """
            class TestConfig:
                expected = {"timeout": 5}

                def test_timeout(self):
                    assert self.expected["timeout"] == 5
            """,
        "fixture": """
            @pytest.fixture
            def metrics():
                return {"latency": 3}

            def test_latency(metrics):
                assert metrics["latency"] < 5
            """,
        "module": """
            EXPECTED = {"states": ["new", "ready"]}

            def test_states():
                assert EXPECTED["states"][0] == "new"
            """,
    },
    "bug-enshrined": {
        "hasattr": '''
            def test_no_grace():
                """The bug: the router has no grace period."""
                assert not hasattr(Router, "wait_until_stable")
            ''',
        "assertFalse": '''
            class GraceTest(unittest.TestCase):
                def test_no_grace(self):
                    """Demonstrates the missing feature."""
                    self.assertFalse(hasattr(Router(), "wait_until_stable"))
            ''',
        "is False": '''
            def test_no_grace():
                """Should FAIL until fixed."""
                assert hasattr(Router(), "wait_until_stable") is False
            ''',
        "module": """
            def test_no_function():
                # BUG: drain is missing
                assert not hasattr(service, "drain")
            """,
        "TypeError": '''
            def test_keyword():
                """Reproduces the bug: add does not accept a priority."""
                with pytest.raises(TypeError):
                    Router().add("a", None, priority=3)
            ''',
        "constructor": '''
            def test_keyword():
                """Router does not support a pool yet; expected to fail before the fix."""
                with pytest.raises(TypeError, match="unexpected keyword"):
                    Router(pool=3)
            ''',
        "AttributeError": '''
            def test_drain():
                """Known issue: drain is not implemented."""
                router = Router()
                with pytest.raises(AttributeError):
                    router.drain()
            ''',
        "signature": '''
            import inspect

            def test_timeout():
                """BUG: send takes no timeout."""
                assert "timeout" not in inspect.signature(Router.send).parameters
            ''',
        "inverted": """
            def test_status():
                with pytest.raises(AssertionError):
                    assert Router().status()["up"] is False
            """,
        "by its own words": '''
            def test_status():
                """Documents today's behaviour; will fail once the count is fixed."""
                assert Router().status()["routes"] == 0
            ''',
        "message": '''
            def test_status():
                assert Router().status()["routes"] == 0, "bug fixed? then remove this test"
            ''',
        "turns red": '''
            def test_status():
                """Pins the gap: this turns red as soon as somebody adds the default route."""
                assert Router().status()["routes"] == 0
            ''',
    },
    "unwired-double": {
        "handed to nothing": """
            def test_outage():
                store = Mock()
                store.ping.side_effect = ConnectionError
                assert Router().ping() is True
            """,
        "keyword": """
            async def test_closed():
                socket = AsyncMock(side_effect=ConnectionError("closed"))
                router = Router()
                with pytest.raises(NotReady):
                    await router.send("a", "b")
            """,
        "through an alias": """
            def test_outage():
                store = Mock(return_value=False)
                doubles = [store]
                assert Router().ping() is True
            """,
        "patched where it is defined": """
            def test_time():
                with patch("product.clock.now", return_value=5):
                    assert Router().status()["routes"] == 0
            """,
        "patched class where it is defined": """
            @patch("product.store.Store", side_effect=ConnectionError)
            def test_outage(store):
                assert Router().ping() is True
            """,
        "monkeypatch by text": """
            def test_time(monkeypatch):
                monkeypatch.setattr("product.clock.now", lambda: 5)
                assert Router().status()["routes"] == 0
            """,
        "bound as a default": """
            def test_age():
                with patch("product.service.time.monotonic", return_value=50.0):
                    assert Router().age(0) != 0
            """,
        "in another process": """
            def test_scan():
                with patch("product.service.now", return_value=3):
                    done = subprocess.run([sys.executable, "-m", "product.service"])
                assert done.returncode == 0
            """,
    },
    "double-decides": {
        "leaping clock": """
            class Clock:
                def __init__(self):
                    self.at = 0
                def advance(self, seconds):
                    self.at += seconds
                def __call__(self):
                    self.at += 500
                    return self.at

            def test_age():
                clock = Clock()
                router = Router(clock=clock)
                clock.advance(5)
                assert router.age(0) > 4
            """,
        "clock that stands": """
            class Clock:
                def __init__(self):
                    self.start = 7
                    self.offset = 0
                def advance(self, seconds):
                    self.offset += seconds
                def __call__(self):
                    return self.start

            def test_age():
                clock = Clock()
                router = Router(clock=clock)
                clock.advance(5)
                assert router.age(0) == 7
            """,
        "starts late": """
            class Redis:
                def __init__(self):
                    self.started = None
                def ping(self):
                    if self.started is None:
                        self.started = time.time()
                    return time.time() - self.started > 0.3

            def test_not_ready():
                assert Router(Redis()).ping() is False
            """,
        "heals itself": """
            class Store:
                def __init__(self):
                    self.tries = 0
                def _once(self):
                    self.tries += 1
                    if self.tries < 3:
                        raise ConnectionResetError("no")
                    return True
                def ping(self):
                    while True:
                        try:
                            return self._once()
                        except ConnectionError:
                            continue

            def test_recovers():
                assert Router(Store()).ping() is True
            """,
        "bare mock": """
            def test_ping():
                store = Mock()
                router = Router(store)
                assert router.ping()
            """,
        "switch without effect": """
            class Store:
                def __init__(self):
                    self.broken = False
                def fail(self):
                    self.broken = True
                def ping(self):
                    return True

            def test_survives():
                store = Store()
                store.fail()
                assert Router(store).ping() is True
            """,
    },
}
ACCEPTED = {
    "self-inflicted": {"self-inflicted", "sut-reimplemented", "mock-only"},
    "sut-reimplemented": {"sut-reimplemented"},
    "hardcoded-result": {"hardcoded-result", "sut-reimplemented"},
}
"""Classes that are as true of the examples of one, where they touch."""

GOOD = {
    "mock handed over": """
        def test_ping():
            store = Mock()
            store.ping.return_value = False
            assert Router(store).ping() is False
            store.ping.assert_called_once_with()
        """,
    "collaborating method replaced": """
        def test_status():
            router = Router()
            router.ping = Mock(return_value=False)
            assert router.status()["up"] is False
            router.ping.assert_called_once()
        """,
    "called by another method": """
        def test_route():
            router = Router()
            with patch.object(router, "add", return_value=4) as add:
                assert router.route({"user": "a"}) == 4
            add.assert_called_once_with("a", None)
        """,
    "spy": """
        def test_ping():
            router = Router()
            with patch.object(router, "ping", wraps=router.ping) as ping:
                assert router.ping() is True
            ping.assert_called_once()
        """,
    "wrapped by the test": """
        def test_counted():
            router = Router()
            real, calls = router.ping, []
            def counted():
                calls.append(1)
                return real()
            router.ping = counted
            assert router.ping() is True
            assert calls == [1]
        """,
    "callback": """
        async def test_callback():
            seen = []
            router = Router(on_message=seen.append)
            router.add("a", AsyncMock())
            await router.send("a", "x")
            assert seen == ["x"]
        """,
    "lambda callback": """
        async def test_callback():
            seen = {}
            router = Router(on_message=lambda message: seen.update(got=message))
            router.add("a", AsyncMock())
            await router.send("a", "x")
            assert seen["got"] == "x"
        """,
    "nonlocal": """
        async def test_callback():
            count = 0
            def note(message):
                nonlocal count
                count += 1
            router = Router(on_message=note)
            router.add("a", AsyncMock())
            await router.send("a", "x")
            assert count == 1
        """,
    "event set by a callback": """
        async def test_event():
            done = asyncio.Event()
            router = Router(on_message=lambda message: done.set())
            router.add("a", AsyncMock())
            await router.send("a", "x")
            assert done.is_set()
        """,
    "fake socket": """
        class FakeSocket:
            def __init__(self):
                self.sent = []

            async def send(self, message):
                self.sent.append(message)

        async def test_send():
            socket = FakeSocket()
            router = Router()
            router.add("a", socket)
            await router.send("a", "x")
            assert socket.sent == ["x"]
        """,
    "threads": """
        def test_threads():
            router, results = Router(), []
            def work(n):
                results.append(router.add(n, None))
            threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sorted(results) == [1, 2, 3, 4, 5]
        """,
    "thread on the product": """
        def test_thread():
            router = Router()
            thread = threading.Thread(target=router.add, args=("a", None))
            thread.start()
            thread.join(timeout=1)
            assert not thread.is_alive()
        """,
    "helper that runs the product": """
        def routed(users):
            router = Router()
            for user in users:
                router.add(user, None)
            return len(router.routes)

        def test_routed():
            assert routed(["a", "b"]) == 2
        """,
    "fixtures share a mock": """
        @pytest.fixture
        def store():
            store = Mock()
            store.ping.return_value = True
            return store

        @pytest.fixture
        def router(store):
            return Router(store)

        def test_ping(router, store):
            router.ping()
            store.ping.assert_called_once()
        """,
    "setUp": """
        class RouterTest(unittest.TestCase):
            def setUp(self):
                self.store = Mock()
                self.router = Router(self.store)

            def test_ping(self):
                self.router.ping()
                self.store.ping.assert_called_once_with()
        """,
    "helper method": """
        class TestRouter:
            def make(self, **options):
                return Router(**options)

            def test_ping(self):
                assert self.make().ping() is True
        """,
    "patched where it is used": """
        def test_time():
            with patch("product.service.now", return_value=5) as clock:
                assert Router().status()["at"] == 5
            clock.assert_called_once()
        """,
    "patched class where it is used": """
        @patch("product.service.Store")
        def test_store(store):
            store.return_value.ping.return_value = False
            assert Router().ping() is False
        """,
    "subclass of the product": """
        class Loud(Router):
            def ping(self):
                return "loud"

        def test_status():
            assert Loud().status()["up"] == "loud"
        """,
    "raised by the product": """
        async def test_not_ready():
            with pytest.raises(NotReady, match="a"):
                await Router().send("a", "b")
        """,
    "raised by a collaborator": """
        def test_outage():
            store = Mock()
            store.ping.side_effect = ConnectionError
            with pytest.raises(ConnectionError):
                Router(store).ping()
        """,
    "raised inside the product's manager": """
        def test_lock_is_released():
            router = Router()
            with pytest.raises(ValueError):
                with router._lock:
                    raise ValueError
            assert not router._lock.locked()
        """,
    "waits for the lock and goes on": """
        def test_waits():
            router = Router()
            router._lock.acquire()
            worker = threading.Thread(target=router.add, args=("a", None))
            worker.start()
            assert worker.is_alive()
            router._lock.release()
            worker.join()
            assert router.routes == {"a": None}
        """,
    "enumeration": """
        def test_states():
            assert [state.value for state in State] == ["new", "ready"]
            assert State("new") is State.NEW
        """,
    "ancestry": """
        def test_error():
            assert issubclass(NotReady, RuntimeError)
        """,
    "another process": """
        def test_command():
            done = subprocess.run([sys.executable, "-m", "product.service"], capture_output=True)
            assert done.returncode == 0
        """,
    "output": """
        def test_output(capsys):
            Router().status()
            assert capsys.readouterr().out == ""
        """,
    "file": """
        def test_file(tmp_path):
            path = tmp_path / "x"
            Router(on_message=path.write_text).on_message("x")
            assert path.read_text() == "x"
        """,
    "elapsed": """
        def test_fast():
            start = time.monotonic()
            Router().status()
            assert time.monotonic() - start < 5
        """,
    "parametrised with the product": """
        @pytest.mark.parametrize("call", [Router().ping, lambda: health(Router())])
        def test_truth(call):
            assert call()
        """,
    "module level object": """
        ROUTER = Router()

        def test_ping():
            assert ROUTER.ping()
        """,
    "red reproduction": '''
        def test_grace():
            """Reproduces the bug: fails until the grace period is implemented."""
            assert Router().status()["grace"] == 5
        ''',
    "regression": '''
        def test_count():
            """Regression test for a bug: the count was off by one before the fix."""
            assert Router().add("a", None) == 1
        ''',
    "misuse is refused": """
        def test_misuse():
            with pytest.raises(TypeError):
                Router().add()
        """,
    "removed on purpose": """
        def test_private():
            assert not hasattr(Router(), "secret")
        """,
    "xfail": '''
        @pytest.mark.xfail(strict=True, reason="the count is a known bug")
        def test_count():
            """Turns red once it is fixed, and then the mark goes."""
            assert Router().status()["routes"] == 1
        ''',
    "good clock": """
        class Clock:
            def __init__(self):
                self.at = 0

            def advance(self, seconds):
                self.at += seconds

            def __call__(self):
                return self.at

        def test_age():
            clock = Clock()
            router = Router(clock=clock)
            clock.advance(5)
            assert router.age(0) == 5
        """,
    "fake that fails when told": """
        class Store:
            def __init__(self):
                self.broken = False

            def fail(self):
                self.broken = True

            def ping(self):
                if self.broken:
                    raise ConnectionError
                return True

        def test_outage():
            store = Store()
            router = Router(store)
            store.fail()
            with pytest.raises(ConnectionError):
                router.ping()
        """,
    "dependency override": """
        def test_store():
            store = Mock(**{"ping.return_value": "pong"})
            router = Router()
            router.store = store
            assert router.ping() == "pong"
        """,
    "mock in a container": """
        def test_route():
            sockets = {"a": Mock(), "b": Mock()}
            router = Router()
            for user, socket in sockets.items():
                router.add(user, socket)
            assert router.routes["a"] is sockets["a"]
        """,
    "third-party client": """
        import httpx

        def test_http():
            assert httpx.get("http://localhost:8000/health").status_code == 200
        """,
    "decorated by an unknown": """
        import somewhere

        @somewhere.scenario
        def flow():
            return 3

        def test_flow():
            assert flow() == 3
        """,
    "dynamic import": """
        import importlib

        def test_module():
            module = importlib.import_module("product.service")
            assert module.DEFAULT
        """,
}


@pytest.mark.parametrize(("rule", "case"), [(rule, case) for rule, cases in BAD.items() for case in cases])
def test_a_fake_is_found(rule: str, case: str) -> None:
    found = {item.rule for item in errors(BAD[rule][case])}
    assert found & ACCEPTED.get(rule, {rule}), f"found only {found}"


@pytest.mark.parametrize("case", GOOD)
def test_an_honest_look_alike_is_not(case: str) -> None:
    assert [(item.rule, item.line, item.message) for item in errors(GOOD[case])] == []


@pytest.mark.parametrize("case", [case for case in BAD["mock-only"] if "spec" not in case and "unused" not in case])
def test_a_file_that_imports_nothing_of_the_product_is_found_too(case: str) -> None:
    head = HEAD.replace("from product", "# from product")
    assert errors(head + textwrap.dedent(BAD["mock-only"][case]), head=False)


def test_nothing_is_said_without_an_implementation() -> None:
    test = HEAD + textwrap.dedent(BAD["mock-only"]["record"])
    here = Context(Program.build({}, {PATH: test}), {PATH: test})
    assert [item for name in MINE for item in RULES[name].findings(here)] == []


def test_tests_of_the_support_code_are_left_alone() -> None:
    support = (
        "class Recorder:\n    def __init__(self):\n        self.seen = []\n\n"
        "    def note(self, x):\n        self.seen.append(x)\n"
    )
    test = (
        "from tests.support.recorder import Recorder\n\n\ndef test_note():\n    recorder = Recorder()\n"
        "    recorder.note(1)\n    assert recorder.seen == [1]\n"
    )
    files = {"tests/support/recorder.py": support, "tests/unit/test_recorder.py": test}
    here = Context(Program.build(FILES, files), files)
    assert [item.rule for name in MINE for item in RULES[name].findings(here)] == []


CALLED = """
def test_outage():
    store = Mock()
    store.ping.side_effect = ConnectionError
    router = Router(store)
    assert router.routes == {}
"""


@pytest.mark.parametrize(
    ("calls", "checked", "watched", "status", "found"),
    [
        (0, False, True, "passed", True),
        (1, False, True, "passed", False),
        (0, True, True, "passed", False),
        (0, False, False, "passed", False),
        (0, False, True, "failed", False),
    ],
    ids=["never called", "called", "asked about", "not watched", "failed"],
)
def test_what_the_run_saw_of_a_mock(calls: int, checked: bool, watched: bool, status: str, found: bool) -> None:
    line = (HEAD + "\n\n" + CALLED).split("\n").index("    store = Mock()") + 1
    seen = Observation(
        test=f"{PATH}::test_outage", path=PATH, status=status, watched=watched,  # type: ignore[arg-type]
        mocks=(SeenMock(path=PATH, line=line, calls=calls, checked=checked),),
    )
    assert bool(errors(CALLED, (seen,))) is found


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        ("assert Router().ping()", {Kind.PRODUCT}),
        ("m = Mock(return_value=3)\n    assert m() == 3", {Kind.MOCK, Kind.LITERAL}),
        ("a, b = Router(), 3\n    assert b == 3", {Kind.LITERAL}),
        ("a, b = Router(), 3\n    assert a.ping()", {Kind.PRODUCT}),
        ("assert asyncio.Event().is_set()", {Kind.LIBRARY}),
        ("assert somewhere(3)", {Kind.LITERAL}),
        ("import unheard_of\n    assert unheard_of.x()", {Kind.UNKNOWN}),
        ("assert [r.ping() for r in [Router()]]", {Kind.PRODUCT, Kind.LITERAL}),
        ("try:\n        Router().ping()\n    except NotReady as e:\n        assert e", {Kind.PRODUCT}),
        ("assert time.time()", {Kind.AMBIENT}),
    ],
    ids=["call", "mock", "unpacked literal", "unpacked product", "library", "builtin", "unknown", "comprehension",
         "handler", "clock"],
)
def test_origins(body: str, kinds: set[Kind]) -> None:
    view = context(f"def test_it():\n    {body}\n").views[0]
    assert asserted(view)[0].kinds == kinds


def test_what_may_be_the_product_counts_as_the_product() -> None:
    view = context("def test_it(client):\n    assert client.get('/') == 200\n").views[0]
    assert on_product(view)


_LINES = st.sampled_from([
    "x = y", "y = x", "x = [y, x]", "x.a = y", "y.b(x)", "def x(y): return x(y)", "x = lambda: x()",
    "for x in y: y = x",
    "with y as x: x(y)", "class x(x): y = x", "assert x", "assert y.a.b(x)", "nonlocal_ = x", "x: Router = y",
    "del x", "x = x if y else x", "x, *y = y", "global x", "x = Mock(side_effect=x)", "patch.object(x, 'y', x)",
    "try: x()\nexcept x as y: raise", "while x: x = x.x", "@x\nclass y: x = y", "x = Router(x)", "y = [x for x in x]",
    "match x:\n    case {'a': y}: x = y", "with pytest.raises(x): raise x", "x[y] = x", "import x", "from . import y",
])


@given(st.lists(_LINES, min_size=1, max_size=12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_tangle_ends(lines: list[str]) -> None:
    body = textwrap.indent("\n".join(lines), "    ")
    for text in (f"def test_it(x, y):\n{body}\n", "\n".join(lines) + f"\n\ndef test_it():\n{body}\n"):
        here = context(text)
        for name in MINE:
            assert all(item.path == PATH and item.line >= 1 for item in RULES[name].findings(here))
