"""Honest tests in many styles, against one implementation: none may get an error."""

from __future__ import annotations

import textwrap

import pytest

from bot.audit.examine import examine
from bot.domain.audit import FindingSeverity, Recommendation

SERVICE = '''
import asyncio
import json
import os
import socket
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from typing import NamedTuple

DEFAULT_TIMEOUT = 10.0
CLOUD_TIMEOUT = 60.0
LIMITS = {"small": 1, "large": 100}


class NotReady(RuntimeError):
    """Not ready yet."""


class Unavailable(Exception):
    def __init__(self, service, reason=""):
        super().__init__(f"{service}: {reason}")
        self.service = service


@dataclass(frozen=True)
class Settings:
    timeout: float = DEFAULT_TIMEOUT
    retries: int = 3
    tags: list = field(default_factory=list)
    cloud: bool = False

    @property
    def effective_timeout(self):
        return CLOUD_TIMEOUT if self.cloud else self.timeout

    @classmethod
    def from_env(cls):
        return cls(timeout=float(os.environ.get("TIMEOUT", DEFAULT_TIMEOUT)))


class Point(NamedTuple):
    x: int
    y: int = 0


class Clock:
    def now(self):
        return time.time()


def retried(function):
    @wraps(function)
    async def inner(*args, **kwargs):
        return await function(*args, **kwargs)
    return inner


class Service:
    limit = 5

    def __init__(self, settings=None, clock=None, *, client=None):
        self.settings = settings or Settings()
        self.clock = clock or Clock()
        self.client = client
        self.state = "new"
        self.started = asyncio.Event()
        self.seen = []

    async def start(self):
        await asyncio.sleep(0)
        self.state = "running"
        self.started.set()

    async def fetch(self, key):
        if self.state != "running":
            raise NotReady("not running")
        return await self.client.get(key)

    @retried
    async def decorated(self, key):
        return key

    async def items(self):
        for item in self.seen:
            yield item

    @asynccontextmanager
    async def session(self):
        yield self

    @contextmanager
    def paused(self):
        old, self.state = self.state, "paused"
        yield self
        self.state = old

    def age(self, since):
        return self.clock.now() - since

    def record(self, value, *more, label="x", **extra):
        self.seen.append(value)
        return len(self.seen)

    def publish(self, message):
        if self.client is None:
            raise ConnectionError("not connected")
        self.client.send(json.dumps(message))

    def ping(self):
        return self.client.ping()

    def healthy(self):
        try:
            return bool(self.ping())
        except OSError as error:
            raise Unavailable("backend", str(error)) from error


def parse(text):
    name, _, value = text.partition("=")
    if not value:
        raise ValueError(f"no value in {text!r}")
    return name.strip(), value.strip()


@lru_cache
def slow_square(number):
    return number * number


def connect(host, port):
    return socket.create_connection((host, port))


def log_event(logger, name):
    logger.info("event %s", name)


async def gather_all(*coroutines):
    return await asyncio.gather(*coroutines)
'''

CONFTEST = """
import pytest
from product.service import Service, Settings


@pytest.fixture
def settings():
    return Settings(timeout=2.0)


@pytest.fixture
def service(settings):
    made = Service(settings)
    yield made
    made.seen.clear()


@pytest.fixture
def make_service():
    def make(**options):
        return Service(Settings(**options))
    return make
"""

HONEST = {
    "plain pytest": """
        from product.service import parse

        def test_parse():
            assert parse("a = 1") == ("a", "1")
        """,
    "raises with match": """
        import pytest
        from product.service import parse

        def test_parse_without_value():
            with pytest.raises(ValueError, match="no value"):
                parse("a")
        """,
    "parametrised": """
        import pytest
        from product.service import parse

        @pytest.mark.parametrize(("text", "name", "value"), [("a=1", "a", "1"), (" b = 2", "b", "2")])
        def test_parse(text, name, value):
            assert parse(text) == (name, value)
        """,
    "parametrised over both outcomes": """
        import pytest
        from product.service import parse

        @pytest.mark.parametrize("text, fails", [("a=1", False), ("a", True)])
        def test_parse(text, fails):
            if fails:
                with pytest.raises(ValueError):
                    parse(text)
            else:
                assert parse(text)[0] == "a"
        """,
    "unittest": """
        import unittest
        from product.service import Service

        class ServiceTest(unittest.TestCase):
            def setUp(self):
                self.service = Service()

            def test_record(self):
                self.assertEqual(self.service.record(1), 1)
                self.assertIn(1, self.service.seen)
        """,
    "unittest async": """
        import unittest
        from product.service import Service

        class ServiceTest(unittest.IsolatedAsyncioTestCase):
            async def asyncSetUp(self):
                self.service = Service()
                await self.service.start()

            async def test_started(self):
                self.assertEqual(self.service.state, "running")
        """,
    "asyncio marker and AsyncMock collaborator": """
        from unittest.mock import AsyncMock
        import pytest
        from product.service import Service

        @pytest.mark.asyncio
        async def test_fetch():
            client = AsyncMock()
            client.get.return_value = "value"
            service = Service(client=client)
            await service.start()
            assert await service.fetch("key") == "value"
            client.get.assert_awaited_once_with("key")
        """,
    "module marker": """
        import pytest
        from product.service import Service

        pytestmark = pytest.mark.anyio

        async def test_started():
            service = Service()
            await service.start()
            assert service.started.is_set()
        """,
    "asyncio.run": """
        import asyncio
        from product.service import Service

        def test_start():
            service = Service()
            asyncio.run(service.start())
            assert service.state == "running"
        """,
    "coroutines gathered later": """
        import asyncio
        import pytest
        from product.service import Service, gather_all

        @pytest.mark.asyncio
        async def test_many_starts():
            services = [Service() for _ in range(3)]
            starting = [service.start() for service in services]
            await asyncio.gather(*starting)
            first = services[0].start()
            await gather_all(first)
            assert all(service.state == "running" for service in services)
        """,
    "task created and awaited": """
        import asyncio
        import pytest
        from product.service import Service

        @pytest.mark.asyncio
        async def test_start_in_background():
            service = Service()
            task = asyncio.create_task(service.start())
            assert not service.started.is_set()
            await task
            assert service.started.is_set()
        """,
    "coroutine closed on purpose": """
        import inspect
        from product.service import Service

        def test_start_is_async():
            coroutine = Service().start()
            assert inspect.iscoroutine(coroutine)
            coroutine.close()
        """,
    "async generator and context managers": """
        import pytest
        from product.service import Service

        @pytest.mark.asyncio
        async def test_items():
            service = Service()
            service.record(1)
            async with service.session() as session:
                assert [item async for item in session.items()] == [1]
            with service.paused() as paused:
                assert paused.state == "paused"
        """,
    "decorated coroutine": """
        import pytest
        from product.service import Service

        @pytest.mark.asyncio
        async def test_decorated():
            assert await Service().decorated("x") == "x"
        """,
    "fixtures": """
        def test_timeout(service, settings):
            assert service.settings.timeout == 2.0
            assert service.settings is settings
        """,
    "factory fixture": """
        def test_retries(make_service):
            assert make_service(retries=7).settings.retries == 7
        """,
    "monkeypatched environment": """
        from product.service import Settings

        def test_from_env(monkeypatch):
            monkeypatch.setenv("TIMEOUT", "2.5")
            assert Settings.from_env().timeout == 2.5
        """,
    "constants in their state": """
        import pytest
        from product.service import DEFAULT_TIMEOUT, LIMITS, Service, Settings

        def test_timeouts():
            assert Settings().timeout == DEFAULT_TIMEOUT == 10.0
            assert Settings(cloud=True).effective_timeout == pytest.approx(60.0)
            assert Settings().effective_timeout == 10
            assert Service.limit == 5
            assert LIMITS["large"] == 100
        """,
    "fake clock": """
        from product.service import Service

        class FakeClock:
            def __init__(self, at):
                self.at = at

            def now(self):
                return self.at

        def test_age():
            clock = FakeClock(100.0)
            service = Service(clock=clock)
            clock.at += 50
            assert service.age(since=20.0) == 130.0
        """,
    "patched collaborator": """
        from unittest.mock import patch
        from product.service import connect

        def test_connect():
            with patch("product.service.socket.create_connection") as create:
                connect("db", 5432)
            create.assert_called_once_with(("db", 5432))
        """,
    "patch.object on a collaborator of the same object": """
        from unittest.mock import patch
        import pytest
        from product.service import Service, Unavailable

        @patch.object(Service, "ping", side_effect=OSError("refused"))
        def test_unhealthy(ping):
            with pytest.raises(Unavailable, match="refused"):
                Service().healthy()
            ping.assert_called_once_with()
        """,
    "spy with wraps": """
        from unittest.mock import patch
        from product.service import Service

        def test_spy():
            service = Service()
            with patch.object(service, "record", wraps=service.record) as spy:
                assert service.record(1) == 1
            spy.assert_called_once_with(1)
        """,
    "connection error that the product raises": """
        import pytest
        from product.service import Service

        def test_publish_before_connect():
            with pytest.raises(ConnectionError, match="not connected"):
                Service().publish({"a": 1})
        """,
    "mock of a collaborator that raises": """
        from unittest.mock import Mock
        import pytest
        from product.service import Service, Unavailable

        def test_unavailable():
            client = Mock()
            client.ping.side_effect = ConnectionRefusedError("nobody there")
            with pytest.raises(Unavailable) as caught:
                Service(client=client).healthy()
            assert isinstance(caught.value.__cause__, ConnectionRefusedError)
            assert caught.value.service == "backend"
        """,
    "helper asserts": """
        from product.service import parse

        def assert_parsed(text, expected):
            assert parse(text) == expected

        def test_parse():
            assert_parsed("a=1", ("a", "1"))
        """,
    "method helper asserts": """
        from product.service import parse

        class TestParse:
            def verify(self, text, expected):
                if parse(text) != expected:
                    raise AssertionError(text)

            def test_parse(self):
                self.verify("a=1", ("a", "1"))
        """,
    "hypothesis": """
        from hypothesis import given, strategies as st
        from product.service import slow_square

        @given(st.integers())
        def test_square(number):
            assert slow_square(number) == number ** 2
        """,
    "freezegun": """
        from freezegun import freeze_time
        from product.service import Service

        @freeze_time("2026-01-01")
        def test_age():
            service = Service()
            assert service.age(service.clock.now()) == 0
        """,
    "real server on a free port": """
        import socket
        import threading
        from product.service import connect

        def test_connect():
            server = socket.create_server(("127.0.0.1", 0))
            host, port = server.getsockname()
            link = connect(host, port)
            peer, _ = server.accept()
            peer.sendall(b"x")
            assert link.recv(1) == b"x"
            link.close(); peer.close(); server.close()
        """,
    "caplog": """
        import logging
        from product.service import log_event

        def test_log(caplog):
            with caplog.at_level(logging.INFO):
                log_event(logging.getLogger("x"), "start")
            assert "event start" in caplog.text
        """,
    "try and else with fail": """
        import pytest
        from product.service import parse

        def test_no_value():
            try:
                parse("a")
            except ValueError as error:
                assert "no value" in str(error)
            else:
                pytest.fail("accepted")
        """,
    "unittest try with fail": """
        import unittest
        from product.service import parse

        class ParseTest(unittest.TestCase):
            def test_no_value(self):
                try:
                    parse("a")
                    self.fail("accepted")
                except ValueError as error:
                    self.assertIn("no value", str(error))
        """,
    "errors collected from threads": """
        import threading
        from product.service import Service

        def test_threads():
            service, errors = Service(), []

            def work():
                try:
                    service.record(1)
                except Exception as error:
                    errors.append(error)

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert errors == []
            assert len(service.seen) == 4
        """,
    "wrong call expected to be refused": """
        import pytest
        from product.service import Service, Point

        def test_keyword_only():
            with pytest.raises(TypeError):
                Service(None, None, "client")
            with pytest.raises(TypeError):
                Point()
        """,
    "variadic calls": """
        from product.service import Point, Service

        def test_record():
            options = {"label": "y"}
            assert Service().record(1, 2, 3, colour="red", **options) == 1
            assert Point(*[1, 2]).y == 2
            assert Point(1) == (1, 0)
        """,
    "subclass of the product": """
        import pytest
        from product.service import Service

        class Failing(Service):
            async def start(self):
                raise OSError("no")

        @pytest.mark.asyncio
        async def test_failing_start():
            service = Failing()
            with pytest.raises(OSError):
                await service.start()
            assert service.state == "new"
        """,
    "stand-in used by the product": """
        from product.service import Service

        class Outbox:
            def __init__(self):
                self.sent = []

            def send(self, text):
                self.sent.append(text)

        def test_publish():
            outbox = Outbox()
            Service(client=outbox).publish({"a": 1})
            assert outbox.sent == ['{"a": 1}']
        """,
    "loop with a filter": """
        from product.service import LIMITS

        def test_limits():
            for name, value in LIMITS.items():
                if name == "small":
                    assert value == 1
            assert len(LIMITS) == 2
        """,
    "regression that fails on base": """
        import pytest
        from product.service import Service, NotReady

        @pytest.mark.asyncio
        async def test_fetch_is_refused_until_started():
            service = Service(client=None)
            with pytest.raises(NotReady):
                await service.fetch("key")
            assert service.seen == []
        """,
    "state changed before the product works with it": """
        from product.service import Service

        def test_state():
            service = Service()
            service.state = "waiting"
            with service.paused():
                assert service.state == "paused"
            assert service.state == "waiting"
        """,
    "value changed by a call that cannot be followed": """
        import asyncio
        from product.service import Service

        def test_running():
            service = Service()
            asyncio.run(service.start())
            assert service.state == "running"
        """,
    "inner functions and lambdas": """
        import pytest
        from product.service import Service

        @pytest.mark.asyncio
        async def test_inner():
            service = Service()

            async def start():
                await service.start()

            for begin in (start, lambda: service.start()):
                await begin()
            assert service.started.is_set()
        """,
    "skip on a platform": """
        import sys
        import pytest
        from product.service import parse

        @pytest.mark.skipif(sys.platform == "win32", reason="no fork")
        def test_parse():
            assert parse("a=1") == ("a", "1")
        """,
}


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST.keys())
def test_an_honest_test_gets_no_error(text: str) -> None:
    tests = {"tests/unit/test_honest.py": textwrap.dedent(text), "tests/conftest.py": CONFTEST}
    report = examine(tests, {"product/__init__.py": "", "product/service.py": SERVICE})
    errors = [item for item in report.findings if item.severity is FindingSeverity.ERROR]
    assert [(item.rule, item.line, item.message) for item in errors] == []
    assert report.recommendation is Recommendation.GO
    assert len(report.tests) >= 1


def test_the_corpus_has_many_styles() -> None:
    assert len(HONEST) >= 40
