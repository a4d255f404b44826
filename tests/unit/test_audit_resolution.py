"""What the audit resolves: names, calls, coroutines and values, through helpers, fixtures, classes and state."""

from __future__ import annotations

import ast
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.audit.evaluating.documented import numbers_in
from bot.audit.examine import examine
from bot.audit.reading.flat import Flat, every, own_nodes, parent_of, walk
from bot.domain.audit import FindingSeverity

SERVICE = '''
import asyncio
import enum
import logging
import os
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

logger = logging.getLogger(__name__)

LOCAL_TIMEOUT = 10.0
CLOUD_TIMEOUT = 60.0
NAMES = ("redis", "auth")
LEVELS = {"low": 1, "high": 9}
PREFIX = "svc"
GRACE = timedelta(minutes=2)


class Phase(enum.Enum):
    INIT = "init"
    READY = "ready"


class NotReady(RuntimeError):
    pass


class Refused(Exception):
    def __init__(self, service, *, code=1):
        super().__init__(service)
        self.code = code


@dataclass
class Check:
    timeout: float = LOCAL_TIMEOUT
    required: bool = True
    tags: list = field(default_factory=list)


class Validator:
    retries = 3

    def __init__(self, app=None, environment="local", cloud=False):
        self.app = app
        self.environment = environment
        self.is_cloud = cloud or environment == "staging"
        self.phase = Phase.INIT
        self.checks = {
            "redis": Check(timeout=CLOUD_TIMEOUT if self.is_cloud else LOCAL_TIMEOUT),
            "auth": Check(required=False),
        }
        self.seen = []

    @property
    def budget(self):
        return sum([check.timeout for check in self.checks.values()])

    @property
    def longest(self):
        return max(self.timeout_of("redis"), 5)

    def timeout_of(self, name):
        return self.checks[name].timeout

    def current(self):
        return CLOUD_TIMEOUT if self.is_cloud else LOCAL_TIMEOUT

    def label(self, name):
        return f"{PREFIX}:{name}"

    def require(self, name):
        if name not in self.checks:
            raise KeyError(name)
        if not self.app:
            raise NotReady(f"no app for {name}")
        return True

    async def start(self):
        await asyncio.sleep(0)
        self.phase = Phase.READY
        return self.phase

    async def limit(self):
        logger.info("limit")
        return 7

    async def items(self):
        yield 1

    @asynccontextmanager
    async def session(self):
        yield self

    @contextmanager
    def paused(self):
        yield self

    def ping(self) -> bool:
        return self.app.ping()

    def close(self):
        self.app = None

    @classmethod
    def from_env(cls):
        return cls(environment=os.environ.get("ENVIRONMENT", "local"))

    @staticmethod
    def normalise(name, *, lower=True):
        return name.lower() if lower else name


def make(environment="local") -> Validator:
    return Validator(environment=environment)


async def connect(url, *, timeout=5):
    return Validator(app=url)


def pool_size():
    return int(os.getenv("POOL_SIZE", "4"))


def describe(level):
    return {"level": level, "rank": LEVELS.get(level, 0)}


def documented_timeout():
    """The timeout is one minute in every environment."""
    return 10


STRICT_LIMIT = 5  # must be twenty
'''

CONFTEST = """
import pytest
from product.service import Validator


@pytest.fixture
def validator():
    return Validator(environment="local")


@pytest.fixture
def started(validator):
    validator.app = object()
    yield validator
"""

Case = tuple[str, str]

BAD: dict[str, Case] = {
    "constant through a dict of dataclasses": (
        "expectation-contradicts-impl",
        """
        from product.service import Validator

        def test_timeout():
            validator = Validator(environment="local")
            assert validator.checks["redis"].timeout == 60.0
        """,
    ),
    "constant after an attribute was set": (
        "expectation-contradicts-impl",
        """
        from product.service import Validator

        def test_timeout():
            validator = Validator()
            validator.is_cloud = True
            assert validator.current() == 10.0
        """,
    ),
    "constant in a unittest set-up": (
        "expectation-contradicts-impl",
        """
        import unittest
        from product.service import Validator

        class ValidatorTest(unittest.TestCase):
            def setUp(self):
                self.validator = Validator()

            def test_timeout(self):
                self.assertEqual(self.validator.timeout_of("redis"), 30.0)
        """,
    ),
    "constant in a pytest set-up method": (
        "expectation-contradicts-impl",
        """
        from product.service import Validator

        class TestValidator:
            def setup_method(self):
                self.validator = Validator(cloud=True)

            def test_timeout(self):
                assert self.validator.checks["redis"].timeout >= 90
        """,
    ),
    "constant through fixtures": (
        "expectation-contradicts-impl",
        """
        def test_timeout(started):
            assert started.current() == 45
        """,
    ),
    "environment set by monkeypatch": (
        "expectation-contradicts-impl",
        """
        from product.service import Validator

        def test_staging(monkeypatch):
            monkeypatch.setenv("ENVIRONMENT", "staging")
            assert Validator.from_env().checks["redis"].timeout == 10.0
        """,
    ),
    "environment set by patch.dict and cleared": (
        "expectation-contradicts-impl",
        """
        import os
        from unittest.mock import patch
        from product.service import pool_size

        @patch.dict(os.environ, {"OTHER": "1"}, clear=True)
        def test_pool():
            assert pool_size() == 20
        """,
    ),
    "environment that nothing sets": (
        "expectation-contradicts-impl",
        """
        from product.service import Validator

        def test_staging(monkeypatch):
            monkeypatch.setenv("K_SERVICE", "staging")
            assert Validator.from_env().current() == 60.0
        """,
    ),
    "module constants and tuples": (
        "expectation-contradicts-impl",
        """
        from product.service import NAMES

        def test_names():
            assert "database" in NAMES
        """,
    ),
    "length": (
        "expectation-contradicts-impl",
        """
        from product.service import NAMES

        def test_names():
            assert len(NAMES) == 2
            assert NAMES == ("redis", "database")
        """,
    ),
    "formatted text": (
        "expectation-contradicts-impl",
        """
        from product.service import Validator

        def test_label():
            assert Validator().label("redis") == "service:redis"
        """,
    ),
    "dict and get": (
        "expectation-contradicts-impl",
        """
        from product.service import describe

        def test_describe():
            assert describe("high") == {"level": "high", "rank": 10}
        """,
    ),
    "member of an enumeration": (
        "expectation-contradicts-impl",
        """
        from product.service import Validator

        def test_phase():
            assert Validator().phase.value == "starting"
        """,
    ),
    "max of values": (
        "expectation-contradicts-impl",
        """
        from product.service import Validator

        def test_longest():
            assert Validator().longest == 5
        """,
    ),
    "duration": (
        "expectation-contradicts-impl",
        """
        from datetime import timedelta
        from product.service import GRACE

        def test_grace():
            assert GRACE == timedelta(seconds=60)
        """,
    ),
    "awaited value": (
        "expectation-contradicts-impl",
        """
        import pytest
        from product.service import Validator

        @pytest.mark.asyncio
        async def test_limit():
            assert await Validator().limit() == 8
        """,
    ),
    "value through asyncio.run": (
        "expectation-contradicts-impl",
        """
        import asyncio
        from product.service import Validator

        def test_limit():
            found = asyncio.run(Validator().limit())
            assert found == 8
        """,
    ),
    "parametrised": (
        "expectation-contradicts-impl",
        """
        import pytest
        from product.service import Validator

        @pytest.mark.parametrize("environment, expected", [("local", 10.0), ("staging", 120.0)])
        def test_timeout(environment, expected):
            assert Validator(environment=environment).current() == expected
        """,
    ),
    "loop over expectations": (
        "expectation-contradicts-impl",
        """
        from product.service import make

        def test_timeouts():
            for name, expected in [("redis", 10.0), ("auth", 20.0)]:
                assert make().timeout_of(name) == expected
        """,
    ),
    "another exception": (
        "expectation-contradicts-impl",
        """
        import pytest
        from product.service import Validator

        def test_require():
            with pytest.raises(ValueError):
                Validator().require("nothing")
        """,
    ),
    "no exception": (
        "expectation-contradicts-impl",
        """
        import pytest
        from product.service import Validator

        def test_label():
            with pytest.raises(ValueError):
                Validator().label("")
        """,
    ),
    "another message": (
        "expectation-contradicts-impl",
        """
        import pytest
        from product.service import NotReady, Validator

        def test_require():
            with pytest.raises(NotReady, match="not started"):
                Validator().require("redis")
        """,
    ),
    "unknown keyword": (
        "wrong-signature",
        """
        from product.service import Validator

        def test_it():
            assert Validator(grace=3).retries == 3
        """,
    ),
    "keyword in a literal dict": (
        "wrong-signature",
        """
        from product.service import Validator

        def test_it():
            options = {"environment": "local", "grace": 3}
            assert Validator(**options).retries == 3
        """,
    ),
    "in a helper": (
        "wrong-signature",
        """
        from product.service import Validator

        def build():
            return Validator("a", "b", "c", "d")

        def test_it():
            assert build().retries == 3
        """,
    ),
    "in a fixture": (
        "wrong-signature",
        """
        import pytest
        from product.service import Validator

        @pytest.fixture
        def own():
            return Validator(name="x")

        def test_it(own):
            assert own.retries == 3
        """,
    ),
    "own exception": (
        "wrong-signature",
        """
        from product.service import Refused

        def test_it():
            assert Refused("x", 3).code == 3
        """,
    ),
    "caught with everything else": (
        "wrong-signature",
        """
        from product.service import Validator

        def test_it():
            errors = []
            for number in range(3):
                try:
                    Validator(number, extra_headers={})
                except Exception as error:
                    errors.append(error)
            assert len(errors) == 3
        """,
    ),
    "through what a helper class was given": (
        "wrong-signature",
        """
        from product.service import Validator

        class Helper:
            def __init__(self, validator):
                self.validator = validator

            def open(self):
                return self.validator.label("x", extra_headers={})

        def test_it():
            validator = Validator()
            assert Helper(validator).open() == "svc:x"
        """,
    ),
    "dataclass": (
        "wrong-signature",
        """
        from product.service import Check

        def test_it():
            assert Check(seconds=3).required
        """,
    ),
    "static method": (
        "wrong-signature",
        """
        from product.service import Validator

        def test_it():
            assert Validator.normalise("X", False) == "X"
        """,
    ),
    "partial": (
        "wrong-signature",
        """
        from functools import partial
        from product.service import Validator

        def test_it():
            build = partial(Validator, grace=3)
            assert build().retries == 3
        """,
    ),
    "async function": (
        "wrong-signature",
        """
        import pytest
        from product.service import connect

        @pytest.mark.asyncio
        async def test_it():
            assert await connect("x", extra_headers={})
        """,
    ),
    "attribute that is not there": (
        "missing-symbol",
        """
        def test_it(validator):
            assert validator.get_timeout("redis") == 10
        """,
    ),
    "attribute of what a factory gives": (
        "missing-symbol",
        """
        from product.service import make

        def test_it():
            assert make().check_all()
        """,
    ),
    "attribute of self": (
        "missing-symbol",
        """
        import unittest
        from product.service import Validator

        class ValidatorTest(unittest.TestCase):
            def setUp(self):
                self.validator = Validator()

            def test_it(self):
                self.assertTrue(self.validator.is_ready())
        """,
    ),
    "helper of the class that is not there": (
        "missing-symbol",
        """
        import unittest
        from product.service import make

        class ValidatorTest(unittest.TestCase):
            def test_it(self):
                validator = self.build_validator()
                self.assertEqual(validator.retries, make().retries)
        """,
    ),
    "name of another test": (
        "missing-symbol",
        """
        from product.service import make

        def test_one():
            validator = make()
            assert validator.retries == 3

        def test_two():
            assert validator.retries == 3
        """,
    ),
    "import that is not there": (
        "missing-symbol",
        """
        from product.service import Validator, StartupOrchestrator

        def test_it():
            assert Validator().retries == 3
        """,
    ),
    "patch target": (
        "missing-symbol",
        """
        from unittest.mock import patch
        from product.service import make

        @patch("product.service.redis_client")
        def test_it(client):
            assert make().retries == 3
        """,
    ),
    "patch.object": (
        "missing-symbol",
        """
        from unittest.mock import patch
        from product.service import Validator, make

        def test_it():
            with patch.object(Validator, "check_redis", return_value=True):
                assert make().retries == 3
        """,
    ),
    "mock with a spec": (
        "missing-symbol",
        """
        from unittest.mock import Mock
        from product.service import Validator, describe

        def test_it():
            validator = Mock(spec=Validator)
            validator.run_all.return_value = 1
            assert describe("low")["rank"] == 1
        """,
    ),
    "coroutine looked at": (
        "unawaited-coroutine",
        """
        from product.service import Validator

        def test_it():
            assert Validator().limit() == 7
        """,
    ),
    "coroutine in unittest": (
        "unawaited-coroutine",
        """
        import unittest
        from product.service import Validator

        class ValidatorTest(unittest.TestCase):
            def test_it(self):
                self.assertIsNotNone(Validator().start())
        """,
    ),
    "coroutines in a list": (
        "unawaited-coroutine",
        """
        from product.service import Validator

        def test_it():
            results = [Validator().start() for _ in range(3)]
            assert len(results) == 3
            for result in results:
                assert result is not None
        """,
    ),
    "coroutine of a helper": (
        "unawaited-coroutine",
        """
        from product.service import Validator

        def start(validator):
            return validator.start()

        def test_it():
            validator = Validator()
            result = start(Validator())
            assert result and validator.retries == 3
        """,
    ),
    "coroutine in a fixture": (
        "unawaited-coroutine",
        """
        import pytest
        from product.service import Validator

        @pytest.fixture
        def running():
            validator = Validator()
            validator.start()
            return validator

        def test_it(running):
            assert running.retries == 3
        """,
    ),
    "wait_for not awaited": (
        "unawaited-coroutine",
        """
        import asyncio
        import pytest
        from product.service import Validator

        @pytest.mark.asyncio
        async def test_it():
            validator = Validator()
            asyncio.wait_for(validator.start(), 1)
            assert validator.retries == 3
        """,
    ),
    "under raises": (
        "unawaited-coroutine",
        """
        import pytest
        from product.service import Validator

        def test_it():
            with pytest.raises(RuntimeError):
                Validator().start()
        """,
    ),
    "handed to raises": (
        "unawaited-coroutine",
        """
        import unittest
        from product.service import Validator

        class ValidatorTest(unittest.TestCase):
            def test_it(self):
                self.assertRaises(RuntimeError, Validator().start)
        """,
    ),
    "handed to a thread": (
        "unawaited-coroutine",
        """
        import threading
        from product.service import Validator

        def test_it():
            validator = Validator()
            thread = threading.Thread(target=validator.start)
            thread.start()
            thread.join()
            assert validator.retries == 3
        """,
    ),
    "tuple of coroutines": (
        "unawaited-coroutine",
        """
        from product.service import Validator

        def test_it():
            one, two = Validator().limit(), Validator().limit()
            assert one != two
        """,
    ),
    "plain with on an async manager": (
        "unawaited-coroutine",
        """
        from product.service import Validator

        def test_it():
            with Validator().session() as session:
                assert session.retries == 3
        """,
    ),
    "awaited plain function": (
        "await-on-sync",
        """
        import pytest
        from product.service import describe

        @pytest.mark.asyncio
        async def test_it():
            assert (await describe("low"))["rank"] == 1
        """,
    ),
    "asyncio.run of a plain function": (
        "await-on-sync",
        """
        import asyncio
        from product.service import Validator

        def test_it():
            assert asyncio.run(Validator().label("x")) == "svc:x"
        """,
    ),
    "run_until_complete of a plain function": (
        "await-on-sync",
        """
        import asyncio
        from product.service import pool_size

        def test_it():
            loop = asyncio.new_event_loop()
            assert loop.run_until_complete(pool_size()) == 4
        """,
    ),
    "gather of a plain function": (
        "await-on-sync",
        """
        import asyncio
        import pytest
        from product.service import Validator, make

        @pytest.mark.asyncio
        async def test_it():
            assert await asyncio.gather(Validator().start(), make())
        """,
    ),
    "async with a plain manager": (
        "await-on-sync",
        """
        import pytest
        from product.service import Validator

        @pytest.mark.asyncio
        async def test_it():
            async with Validator().paused() as paused:
                assert paused.retries == 3
        """,
    ),
    "awaited factory": (
        "await-on-sync",
        """
        import pytest
        from product.service import make

        @pytest.mark.asyncio
        async def test_it():
            validator = await make()
            assert validator.retries == 3
        """,
    ),
    "no marker": (
        "async-test-not-run",
        """
        from product.service import Validator

        async def test_it():
            assert await Validator().limit() == 7
        """,
    ),
    "another marker": (
        "async-test-not-run",
        """
        import pytest
        from product.service import Validator

        pytestmark = pytest.mark.integration

        async def test_it():
            assert await Validator().limit() == 7
        """,
    ),
    "async set-up that nobody awaits": (
        "async-test-not-run",
        """
        import pytest
        from product.service import Validator

        @pytest.mark.asyncio
        class TestValidator:
            async def setup_method(self):
                self.validator = Validator()

            async def test_it(self):
                assert await self.validator.limit() == 7
        """,
    ),
    "replaced by a second one": (
        "not-collected",
        """
        from product.service import make

        def test_it():
            assert make().retries == 3

        def test_it():
            assert make("staging").current() == 60.0
        """,
    ),
    "class of another name": (
        "not-collected",
        """
        from product.service import make

        class ValidatorScenarios:
            def test_it(self):
                assert make().retries == 3
        """,
    ),
    "switched off": (
        "not-collected",
        """
        from product.service import make

        class TestValidator:
            __test__ = False

            def test_it(self):
                assert make().retries == 3
        """,
    ),
}

GOOD: dict[str, str] = {
    "values in their state": """
        from product.service import GRACE, LEVELS, NAMES, Phase, Validator, describe, make

        def test_values():
            validator = Validator(environment="staging")
            assert validator.checks["redis"].timeout == 60.0
            assert validator.checks["auth"].timeout == 10
            validator.is_cloud = False
            assert validator.current() == 10.0
            assert validator.phase is Phase.INIT
            assert validator.longest == 60.0
            assert Validator().label("x") == "svc:x"
            assert describe("none") == {"level": "none", "rank": 0}
            assert GRACE.total_seconds() == 120
            assert sorted(LEVELS) == ["high", "low"]
            assert NAMES[0] == "redis" and len(NAMES) == 2
        """,
    "what code that cannot be followed may have changed": """
        from product.service import Validator, make

        def change(target):
            setattr(target, "retries", 9)
            target.checks["redis"].timeout = 99

        def test_changed():
            validator = make()
            change(validator)
            assert validator.retries == 9
            assert validator.checks["redis"].timeout == 99
        """,
    "documented in words": """
        from product.service import documented_timeout

        def test_documented():
            assert documented_timeout() == 60
        """,
    "documented in a comment": """
        from product.service import STRICT_LIMIT

        def test_documented():
            assert STRICT_LIMIT == 20
        """,
    "environment restored": """
        import os
        from unittest.mock import patch
        from product.service import Validator, pool_size

        def test_environment(monkeypatch):
            monkeypatch.delenv("POOL_SIZE", raising=False)
            assert pool_size() == 4
            with patch.dict(os.environ, {"POOL_SIZE": "9", "ENVIRONMENT": "staging"}):
                assert pool_size() == 9
                assert Validator.from_env().current() == 60.0
            assert pool_size() == 4
        """,
    "module constant replaced": """
        from product import service
        from product.service import make

        def test_patched(monkeypatch):
            monkeypatch.setattr(service, "LOCAL_TIMEOUT", 3.0)
            assert make().current() == 3.0

        def test_set():
            service.CLOUD_TIMEOUT = 5.0
            assert make("staging").current() == 5.0
        """,
    "exceptions that come": """
        import pytest
        from product.service import NotReady, Validator

        def test_require():
            with pytest.raises(NotReady, match="no app for"):
                Validator().require("redis")
            with pytest.raises((ValueError, LookupError)):
                Validator().require("nothing")
            with pytest.raises(RuntimeError) as caught:
                Validator().require("auth")
            assert str(caught.value) == "no app for auth"
        """,
    "an exception that may come": """
        import pytest
        from product.service import Validator

        class App:
            def ping(self):
                raise OSError("gone")

        def test_ping():
            with pytest.raises(OSError, match="gone"):
                Validator(app=App()).ping()
        """,
    "coroutines gathered, waited for and closed": """
        import asyncio
        import inspect
        import pytest
        from product.service import Validator, connect

        @pytest.mark.asyncio
        async def test_many():
            waiting = [Validator().limit() for _ in range(3)]
            waiting.append(Validator().limit())
            assert len(waiting) == 4
            assert await asyncio.gather(*waiting) == [7, 7, 7, 7]
            first = Validator().limit()
            assert inspect.isawaitable(first)
            assert await asyncio.wait_for(first, timeout=1) == 7
            result = connect("x")
            result = await result
            assert result.retries == 3
            found = None or Validator().limit()
            assert await found == 7

        def test_closed():
            made = Validator().start()
            assert asyncio.iscoroutine(made)
            made.close()
        """,
    "coroutines per key, awaited later": """
        import asyncio
        import pytest
        from product.service import Validator

        async def started(validators):
            running = {name: asyncio.create_task(each.start()) for name, each in validators.items()}
            return {name: await task for name, task in running.items()}

        @pytest.mark.asyncio
        async def test_keys():
            assert len(await started({"a": Validator(), "b": Validator()})) == 2
        """,
    "calls that fit": """
        from functools import partial
        from product.service import Check, Refused, Validator, make

        def test_calls():
            options = {"environment": "local"}
            options["cloud"] = True
            assert Validator(**options).is_cloud
            assert Refused("x", code=3).code == 3
            assert partial(Validator, cloud=True)("app").app == "app"
            assert Check(1.0, required=False).timeout == 1.0
            assert Validator.normalise("X", lower=True) == "x"
            assert make("local").from_env().retries == 3
        """,
    "names of inner functions and classes": """
        import pytest
        from product.service import Validator

        def test_inner():
            class Own(Validator):
                def __init__(self, extra):
                    super().__init__()
                    self.extra = extra

                def more(self):
                    return self.extra

            def build(validator):
                return validator.extra

            assert Own(3).more() == 3
            assert build(Own(4)) == 4
            assert [item for item in (1, 2)] == [1, 2]

        @pytest.mark.parametrize("name", [name for name in ("redis", "auth")])
        def test_names(name, validator):
            assert name in validator.checks
        """,
    "attributes given from outside": """
        from unittest.mock import Mock
        from product.service import Validator

        def test_given(validator):
            validator.extra = 4
            assert validator.extra == 4
            mock = Mock(spec=Validator)
            mock.ping.return_value = True
            assert mock.ping() is True
            assert Validator(app=mock).app.called is False
        """,
    "own helpers of a class": """
        import unittest
        from product.service import Validator

        class Base(unittest.TestCase):
            expected = 3

            def check(self, validator):
                self.assertEqual(validator.retries, self.expected)

        class ValidatorTest(Base):
            def test_it(self):
                self.check(Validator())
                self.addCleanup(print)
        """,
    "a case of another framework": """
        from django.test import TestCase
        from product.service import make

        class ViewTests(TestCase):
            async def test_it(self):
                self.assertContains(self.client.get("/"), str(make().retries))
        """,
    "environment that a fixture of the file sets": """
        import os
        import pytest
        from product.service import Validator

        @pytest.fixture(autouse=True)
        def environment():
            os.environ.update(dict(ENVIRONMENT="staging"))
            yield

        def test_staging():
            assert Validator.from_env().current() == 60.0
        """,
    "a set of arguments that a condition guards": """
        import pytest
        from product.service import Validator

        @pytest.mark.parametrize("name, fails", [("redis", False), ("nothing", True)])
        def test_require(name, fails):
            validator = Validator(app="x")
            if fails:
                with pytest.raises(KeyError):
                    validator.require(name)
            else:
                assert validator.require(name) is True
        """,
    "fixtures of the class and yields": """
        import pytest
        from product.service import Validator

        class TestOwn:
            @pytest.fixture(autouse=True)
            def prepared(self):
                self.validator = Validator(cloud=True)
                yield
                self.validator = None

            def test_it(self):
                assert self.validator.current() == 60.0
        """,
    "async in unittest and with anyio": """
        import unittest
        import pytest
        from product.service import Validator

        class ValidatorTest(unittest.IsolatedAsyncioTestCase):
            async def asyncSetUp(self):
                self.validator = Validator()

            async def test_it(self):
                self.assertEqual(await self.validator.limit(), 7)

        @pytest.mark.anyio
        async def test_other(validator):
            async with validator.session() as session:
                assert [item async for item in session.items()] == [1]
            with validator.paused():
                assert await validator.limit() == 7
        """,
    "definitions under conditions": """
        import sys
        from product.service import make

        if sys.platform == "win32":
            def test_it():
                assert make().retries == 3
        else:
            def test_it():
                assert make().retries == 3

        class Recorder:
            def test_connection(self):
                assert make().retries == 3
                return True

        def test_recorder():
            assert Recorder().test_connection()
        """,
    "value that escapes into a thread": """
        import threading
        from product.service import Validator

        def test_thread():
            validator = Validator(app="x")
            thread = threading.Thread(target=validator.close)
            thread.start()
            thread.join()
            assert validator.app is None
        """,
}

MINE = {
    "not-collected",
    "async-test-not-run",
    "missing-symbol",
    "wrong-signature",
    "await-on-sync",
    "unawaited-coroutine",
    "expectation-contradicts-impl",
}


def errors(text: str, implementation: dict[str, str] | None = None, config: str = "") -> list[tuple[str, str, str]]:
    files = {"product/__init__.py": "", "product/service.py": SERVICE} if implementation is None else implementation
    tests = {"tests/unit/test_it.py": textwrap.dedent(text), "tests/conftest.py": CONFTEST}
    report = examine(tests, files | ({"pyproject.toml": config} if config else {}))
    return [
        (item.rule, item.test, item.message)
        for item in report.findings
        if item.severity is FindingSeverity.ERROR and item.rule in MINE
    ]


@pytest.mark.parametrize("case", BAD.values(), ids=BAD.keys())
def test_a_bad_test_is_found_by_the_rule(case: Case) -> None:
    rule, text = case
    found = errors(text)
    assert rule in {item[0] for item in found}, found
    assert all(test.startswith("tests/unit/test_it.py::") for _, test, _ in found)


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_a_good_test_gets_no_error(text: str) -> None:
    assert errors(text) == []


ELSEWHERE = """
from backend.app.core.validator import Validator

def test_timeout():
    assert Validator().timeout == 30
"""
CORE = "class Validator:\n    def __init__(self):\n        self.timeout = 10\n"


@pytest.mark.parametrize("path", ["app/core/validator.py", "core/validator.py", "validator.py", "a/b/validator.py"])
def test_an_import_finds_its_file_under_another_root(path: str) -> None:
    assert [rule for rule, _, _ in errors(ELSEWHERE, {path: CORE})] == ["expectation-contradicts-impl"]


@pytest.mark.parametrize(
    "files",
    [
        {"one/validator.py": CORE, "two/validator.py": CORE},
        {"validator.py": "class Other:\n    pass\n"},
        {"validator.py": "from backend.app.core.validator import Validator\n"},
    ],
    ids=["two files", "not defined there", "imported there"],
)
def test_an_import_that_may_mean_something_else_finds_nothing(files: dict[str, str]) -> None:
    assert errors(ELSEWHERE, files) == []


def test_a_missing_import_breaks_every_test_of_the_file() -> None:
    text = """
        from product.service import Validator, nothing

        def test_one():
            assert Validator().retries == 3

        class TestMore:
            def test_two(self):
                assert Validator().retries == 3
        """
    path = "tests/unit/test_it.py"
    assert [test for _, test, _ in errors(text)] == [f"{path}::TestMore::test_two", f"{path}::test_one"]


def test_the_configuration_says_what_is_collected_and_awaited() -> None:
    text = """
        from product.service import Validator

        class CheckValidator:
            async def test_it(self):
                assert await Validator().limit() == 7
        """
    config = '[tool.pytest.ini_options]\nasyncio_mode = "auto"\npython_classes = ["Check*"]\n'
    assert errors(text, config=config) == []
    assert {rule for rule, _, _ in errors(text)} == {"not-collected"}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("sixty seconds", 60),
        ("within 60s", 60),
        ("a 1 minute limit", 60),
        ("one minute", 60),
        ("a minute", 60),
        ("twenty-five tries", 25),
        ("two hundred", 200),
        ("1_000 rows", 1000),
        ("500 ms", 0.5),
        ("it is never negative", 0),
        ("60.0", 60),
        ("20 %", 0.2),
    ],
)
def test_numbers_are_read_in_digits_and_words(text: str, number: float) -> None:
    assert float(number) in numbers_in(text)


def test_numbers_that_are_not_there_are_not_read() -> None:
    assert 60.0 not in numbers_in("v1.60.2 of a file, 600 of them, every second")


def test_a_flat_tree_walks_like_the_tree() -> None:
    tree = ast.parse(SERVICE)
    Flat(tree, 100)
    skipped = ast.expr_context | ast.operator | ast.cmpop | ast.boolop | ast.unaryop
    for node in list(ast.walk(tree)):
        if isinstance(node, skipped):
            continue
        there = {item for item in ast.walk(node) if not isinstance(item, skipped)}
        assert set(walk(node)) == there
        assert set(every(node, ast.Name)) == {item for item in there if isinstance(item, ast.Name)}
        for child in ast.iter_child_nodes(node):
            assert isinstance(child, skipped) or parent_of(child) is node
    function = next(item for item in every(tree, ast.FunctionDef) if item.name == "budget")
    assert ast.Return in {type(item) for item in own_nodes(function)}


_NAMES = ["Validator", "make", "validator", "x", "limit", "start", "checks", "asyncio", "pytest", "self", "None", "3"]
_PIECES = ["{}()", "{}.{}", "await {}()", "{}[{}]", "{} == {}", "[{}() for x in {}]", "f'{{{}}}'", "{}(**{})", "-{}"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_PIECES), st.sampled_from(_NAMES), st.sampled_from(_NAMES)), max_size=8))
def test_no_text_of_a_test_makes_the_audit_fail(lines: list[tuple[str, str, str]]) -> None:
    body = "".join(f"    x = {piece.format(one, two)}\n    assert x\n" for piece, one, two in lines)
    text = f"import asyncio, pytest\nfrom product.service import *\n\n\nasync def test_it(validator):\n{body}    pass\n"
    errors(text)


def test_of_two_modules_of_one_name_a_test_means_the_one_beside_it() -> None:
    report = examine(
        {
            "a/tests/test_a.py": "from shop import one\n\n\ndef test_a():\n    assert one() == 1\n",
            "b/tests/test_b.py": "from shop import two\n\n\ndef test_b():\n    assert two() == 3\n",
        },
        {"a/src/shop.py": "def one():\n    return 1\n", "b/src/shop.py": "def two():\n    return 2\n"},
    )
    assert [(item.rule, item.path) for item in report.findings] == [
        ("expectation-contradicts-impl", "b/tests/test_b.py")
    ]
