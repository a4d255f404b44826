"""What well-kept suites do on purpose is no defect, and what only looks like it stays one."""

from __future__ import annotations

import pytest

from bot.audit.examine import examine
from bot.domain.audit import FindingSeverity

CODE = """\
import socket
import redis


class Link:
    def __init__(self, url=None, spare=None):
        self.url = url
        self.spare = spare

    def connect(self):
        return redis.Redis.from_url(self.url)


class Pool:
    def __init__(self):
        self.queue = object()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


class Frozen(dict):
    def __ior__(self, other):
        raise TypeError("it is frozen")


class Retrying:
    def __call__(self, function):
        for _ in range(3):
            function()


class Struct:
    def __init__(self, x):
        self.x = x
        self.__post_init__()


class Doc:
    def __get__(self, instance, owner):
        return "a proxy"


class Proxy:
    __doc__ = Doc()


def cached(function):
    return function


def name():
    return socket.gethostname()


def parse(text):
    return int(text)
"""

GOOD = {
    "an error in place of a silent assertion": """\
from unittest import mock
from product.service import parse


def test_not_asked():
    asked = mock.Mock()
    assert parse("1") == 1
    try:
        asked.assert_any_call("1")
    except AssertionError:
        pass
    else:
        raise AssertionError("it was asked")
""",
    "again until it comes": """\
from product.service import parse


def test_comes():
    seen = False
    while not seen:
        try:
            assert parse("1") == 1
        except AssertionError:
            pass
        else:
            seen = True
""",
    "the operator is the product's": """\
import pytest
from product.service import Frozen


class TestFrozen:
    storage = Frozen

    def test_ior(self):
        value = self.storage({"x": 1})
        with pytest.raises(TypeError):
            value |= {"y": 2}


def test_taken(frozen):
    with pytest.raises(TypeError):
        frozen |= {"y": 2}
""",
    "the product calls a method of the test": """\
import unittest
from product.service import Retrying


class RetryingTest(unittest.TestCase):
    def _again(self):
        self.times += 1

    def test_three_times(self):
        self.times = 0
        Retrying()(self._again)
        self.assertEqual(3, self.times)
""",
    "the product calls what it inherits": """\
from product.service import Struct


def test_post_init():
    called = False

    class Base:
        def __post_init__(self):
            nonlocal called
            called = True

    class Both(Struct, Base):
        x: int

    Both(1)
    assert called
""",
    "a class of the test is let go": """\
import gc
import weakref
from product.service import Struct


def test_keeps_nothing():
    class Held:
        pass

    ref = weakref.ref(Held)
    made = Struct(Held)
    del made, Held
    gc.collect()
    assert ref() is None
""",
    "a tool of the tests": """\
import pytest
from product.service import parse


def raw_lines(lines):
    left = iter(lines)

    def one():
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    return one


def test_raw_lines():
    one = raw_lines(["1"])
    assert one() == "1"
    with pytest.raises(EOFError):
        one()


def test_parse():
    assert parse(raw_lines(["1"])()) == 1
""",
    "how it looks to a mock": """\
from unittest import mock
from product.service import cached


def test_autospec():
    class Kept:
        @cached
        def get(self, value):
            return value

    kept = mock.create_autospec(Kept, instance=True)
    kept.get.return_value = 42
    assert kept.get(1) == 42
    kept.get.assert_called_with(1)
""",
    "each test has a class of its own": """\
from product.service import Struct


class TestKinds:
    def test_overwritten(self):
        class Test(Struct):
            def __post_init__(self):
                pass

        Test.cache = 1
        assert Test(2).x == 2

    def test_reused(self):
        class Test(Struct):
            def __post_init__(self):
                pass

        assert Test(Test.cache).x == 1
""",
    "what the machine can do": """\
import os
import unittest
from product.service import parse


class ParseTest(unittest.TestCase):
    def _has_ipv6(self):
        return os.path.exists("/proc/net/if_inet6")

    def test_parse(self):
        if not self._has_ipv6():
            return
        self.assertEqual(parse("1"), 1)

    def test_version(self):
        wanted = os.environ.get("SERVER_VERSION")
        if wanted:
            assert parse("1") == int(wanted)
""",
    "the same fact on both sides": """\
from socket import gethostname
from product.service import name


def test_name():
    found = name().startswith(gethostname())
    assert found
""",
    "a network where there is one": """\
import os
import unittest
import httpx
from product.service import parse

TEST_WITH_INTERNET = os.environ.get("TEST_WITH_INTERNET") == "1"


class FarTest(unittest.TestCase):
    @unittest.skipUnless(TEST_WITH_INTERNET, "needs the internet")
    def test_far(self):
        self.assertEqual(parse(httpx.get("https://api.github.com/one").text), 1)
""",
    "nobody answers there": """\
import pytest
from product.service import Link


def test_refused():
    link = Link(url="redis://127.0.0.1:59999")
    with pytest.raises(ConnectionError):
        link.connect()
""",
    "a suite with a server of its own": """\
from product.service import Link


def test_url():
    assert Link(url="redis://127.0.0.1").connect().ping()


def test_client(redis_server):
    assert redis_server.ping()
""",
    "no default in place of None": """\
from product.service import Link


def test_none_is_kept():
    link = Link("redis://one", spare=None)
    assert link.spare is None
""",
    "a descriptor answers": """\
from product.service import Proxy


def test_doc():
    assert Proxy.__doc__.startswith("a")
""",
    "the product's object in use": """\
import queue
from product.service import Pool


def test_queue(monkeypatch):
    class Own(queue.LifoQueue):
        pass

    monkeypatch.setattr(queue, "LifoQueue", Own)
    with Pool() as pool:
        assert isinstance(pool.queue, Own)
""",
    "one that must come true in some round": """\
import time
from product.service import parse


def test_soon():
    for _ in range(4):
        start = time.perf_counter()
        parse("1")
        if time.perf_counter() - start < 2:
            break
    else:
        raise AssertionError
""",
    "the task has ended before the sleep": """\
import asyncio
import pytest
from product.service import parse


@pytest.mark.asyncio
async def test_done():
    seen = []

    async def later():
        await asyncio.sleep(0.1)
        seen.append(parse("1"))

    task = asyncio.create_task(later())
    await task
    await asyncio.sleep(0.1)
    assert seen == [1]
""",
    "a comment on the set-up": """\
from product.service import parse


def test_parse():
    given = {"text": "1", "more": "2"}
    # the text is always added, remove it if the test does not set it
    given.pop("more")
    assert parse(given["text"]) == 1
""",
}

BAD = {
    "swallowed-failure": """\
from product.service import parse


def test_parse():
    try:
        assert parse("1") == 1
    except AssertionError:
        pass
    else:
        print("good")
""",
    "hardcoded-result": """\
import pytest


def test_ior():
    value = {"x": 1}
    with pytest.raises(TypeError):
        value |= None
""",
    "sut-reimplemented": """\
from product.service import parse


class FakeLink:
    def __init__(self, url):
        self.url = url
        self.open = False

    def connect(self):
        self.open = self.url.startswith("redis")


def test_fake_link():
    link = FakeLink("redis://one")
    link.connect()
    assert link.open


def test_parse():
    assert parse(FakeLink("1").url) == 1
""",
    "mock-only": """\
from unittest import mock
from product.service import Link


def test_connects():
    link = mock.create_autospec(Link, instance=True)
    link.connect.return_value = 42
    assert link.connect() == 42
""",
    "order-dependent": """\
from product.service import parse


class TestKinds:
    def test_set(self):
        TestKinds.cache = parse("1")
        assert TestKinds.cache == 1

    def test_reused(self):
        assert parse(str(TestKinds.cache)) == 1
""",
    "conditional-assert": """\
from product.service import parse


def test_parse():
    found = parse("1")
    if found:
        assert found == 1
""",
    "host-dependent": """\
import os
from product.service import parse


def test_folder():
    assert parse("1") == 1
    assert os.getcwd() == "/app"
""",
    "real-network": """\
import httpx
from product.service import parse


def test_far():
    assert parse(httpx.get("https://api.github.com/one").text) == 1
""",
    "undeclared-service": """\
from product.service import Link


def test_url():
    assert Link(url="redis://127.0.0.1").connect().ping()
""",
    "tautology": """\
from product.service import Link


def test_url_is_kept():
    link = Link("redis://one")
    assert link.url == "redis://one"
""",
    "missing-symbol": """\
from product.service import Proxy


def test_proxy():
    assert Proxy.target == 1
""",
    "tests-dependency": """\
import queue
from product.service import parse


def test_queue():
    with open(__file__) as file:
        assert file.readable()
""",
    "sleep-timing": """\
import asyncio
import pytest
from product.service import parse


@pytest.mark.asyncio
async def test_done():
    seen = []

    async def later():
        await asyncio.sleep(0.1)
        seen.append(parse("1"))

    asyncio.create_task(later())
    await asyncio.sleep(0.1)
    assert seen == [1]
""",
    "bug-enshrined": """\
import pytest
from product.service import Link


def test_no_close():
    # no close yet: once it is added, remove this test
    with pytest.raises(AttributeError):
        Link().close()
""",
}


def _errors(text: str) -> list[tuple[str, str]]:
    report = examine({"tests/test_service.py": text}, {"product/__init__.py": "", "product/service.py": CODE})
    return [(item.rule, item.message) for item in report.findings if item.severity is FindingSeverity.ERROR]


@pytest.mark.parametrize("case", GOOD, ids=[item.replace(" ", "-") for item in GOOD])
def test_done_on_purpose(case: str) -> None:
    assert _errors(GOOD[case]) == []


@pytest.mark.parametrize("rule", BAD)
def test_looks_the_same_and_is_a_defect(rule: str) -> None:
    assert rule in {found for found, _ in _errors(BAD[rule])}
