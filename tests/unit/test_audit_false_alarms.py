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


def _errors(text: str, code: str = CODE) -> list[tuple[str, str]]:
    report = examine({"tests/test_service.py": text}, {"product/__init__.py": "", "product/service.py": code})
    return [(item.rule, item.message) for item in report.findings if item.severity is FindingSeverity.ERROR]


@pytest.mark.parametrize("case", GOOD, ids=[item.replace(" ", "-") for item in GOOD])
def test_done_on_purpose(case: str) -> None:
    assert _errors(GOOD[case]) == []


@pytest.mark.parametrize("rule", BAD)
def test_looks_the_same_and_is_a_defect(rule: str) -> None:
    assert rule in {found for found, _ in _errors(BAD[rule])}


READS_ENV = """\
import os
from pathlib import Path


def folder():
    given = os.environ.get("APP_FOLDER")
    return Path(given) if given else Path.cwd()


class Store:
    def __init__(self):
        self.path = folder()


class Cache(Store):
    pass


def unrelated():
    return 1
"""
LOOP = """\
import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress


class Response:
    async def read(self):
        return "plain"


class Client:
    def __init__(self, made_by=Response):
        self.made_by = made_by

    async def send(self) -> Response:
        return self.made_by()

    def wait(self, name):
        if not name:
            raise ValueError("no name")
        return self._wait(name)

    async def _wait(self, name):
        return name


class Base:
    def close(self):
        return "base"


class Channel(Base):
    def close(self):
        self.closed = True
        return super().close()


def connect(kinds=(Channel,)):
    return kinds[0]()


class Missing(Exception):
    pass


class Topics:
    def __init__(self, client):
        self.client = client

    def exists(self, name):
        with suppress(Missing):
            self.client.get(name)
            return True
        return False


class Loop:
    def __init__(self, pause=threading.Event):
        self.pause = pause
        self.runs = 0

    def run(self):
        self.runs += 1
        return self.runs


def load(path):
    with open(path) as file:
        return file.read()


def wrapped(function):
    return lambda *args: asyncio.run(function(*args))


def register(kind, make):
    raise LookupError(kind)


class Expecting:
    def assertRaises(self, kind):
        self.kind = kind
        return self

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.exception = error
        return isinstance(error, self.kind)


def renamed(new):
    return property(lambda self: getattr(self, new), lambda self, value: setattr(self, new, value))


class Trick:
    def __init__(self, interval):
        self.interval = interval or 3

    seconds = renamed("interval")


def double(future):
    done = Future()
    done.set_result(future.result() * 2)
    return done
"""

ON_PURPOSE = {
    "variable read by what is called": (READS_ENV, """\
import os
from unittest.mock import patch
from product.service import folder


def test_folder_from_app_folder_variable(tmp_path):
    with patch.dict(os.environ, {"APP_FOLDER": str(tmp_path)}):
        found = folder()
    assert found == tmp_path
    assert found.exists()
"""),
    "variable read behind a constructor of the base": (READS_ENV, """\
from product.service import Cache


def test_cache_uses_app_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("APP_FOLDER", str(tmp_path))
    assert Cache().path.samefile(tmp_path)
"""),
    "heir with a plain method": (LOOP, """\
import pytest
from product.service import Client, Response


@pytest.mark.asyncio
async def test_custom_response():
    class Custom(Response):
        def read(self):
            return "custom"

    response = await Client(Custom).send()
    assert response.read() == "custom"
"""),
    "raises before there is a coroutine": (LOOP, """\
import pytest
from product.service import Client


def test_wait_without_name():
    with pytest.raises(ValueError, match="no name"):
        Client().wait("")
"""),
    "base method patched beside the heir's": (LOOP, """\
from unittest.mock import patch
from product.service import connect


class TestClose:
    def setup_method(self):
        self.channel = connect()

    def test_close_calls_base(self):
        with patch("product.service.Base.close") as base:
            self.channel.close()
        base.assert_called_once_with()
"""),
    "returns inside suppress": (LOOP, """\
import pytest
from unittest.mock import MagicMock
from product.service import Topics


@pytest.fixture
def topics():
    return Topics(MagicMock())


def test_exists(topics):
    result = topics.exists("a")
    assert result is True
    topics.client.get.assert_called_once_with("a")
"""),
    "patch of what every module has": (LOOP, """\
from unittest.mock import mock_open, patch
from product.service import load


def test_load():
    with patch("product.service.open", mock_open(read_data="text")):
        assert load("a") == "text"
"""),
    "handler kept for later": (LOOP, """\
from product.service import Loop


class TestLoop:
    def setup_method(self):
        self.loop = Loop()
        self.handlers = {"state": self._state}

    def _state(self):
        return self.stats["runs"]

    def test_run(self):
        assert self.loop.run() == 1
"""),
    "missing name that the test speaks of": (LOOP, """\
import pytest
from product.service import register


def test_true_error_is_told():
    class Broken:
        def make(self):
            self.MISSPELLED

    with pytest.raises(LookupError, match="no attribute 'MISSPELLED'"):
        register(Broken(), Broken().make)
"""),
    "never comes there": (LOOP, """\
from product import service


def test_early_return():
    def early():
        if True:
            return service.Loop().run()
        yield service.gone

    assert [*early()] == []
    assert service.Loop().run() == 1
"""),
    "decorator is what is shown": (LOOP, """\
import unittest
from product.service import wrapped


class WrappedTest(unittest.TestCase):
    @wrapped
    async def test_wrapped_case_is_run(self):
        self.assertTrue(True)
"""),
    "condition on generated input": (LOOP, """\
from hypothesis import given, strategies as st
from product.service import Loop


@given(st.integers())
def test_runs(times):
    loop = Loop()
    if loop.run() < times:
        assert loop.run() == 2
"""),
    "one of two values": (LOOP, """\
from product.service import Client


def test_status(server):
    response = Client(server).made_by.get("/")
    if response.status == 426:
        pass
    else:
        assert response.status == 400
"""),
    "only importing is asserted": (LOOP, """\
import unittest


class ImportTest(unittest.TestCase):
    def test_import_fails(self):
        def importing():
            import product.gone
        self.assertRaises(ImportError, importing)
"""),
    "lambda that is only handed over": (LOOP, """\
import pytest
from product.service import register


def test_unsupported():
    class Plain:
        pass

    with pytest.raises(LookupError):
        register(Plain, lambda value: Plain(value))
"""),
    "tidies up in finally": (LOOP, """\
from product.service import Channel


def test_files(folder, channel):
    try:
        names = ["a", "b"]
        while len(names) > 0:
            channel.write(f"{folder}/{names[-1]}")
            assert channel.read(f"{folder}/{names[-1]}") == names.pop()
    finally:
        for name in ("a", "b"):
            try:
                channel.remove(f"{folder}/{name}")
            except Exception:
                pass
"""),
    "cancelled task is awaited": (LOOP, """\
import asyncio
import contextlib
import pytest
from product.service import Client


@pytest.mark.asyncio
async def test_wait_ends():
    task = asyncio.ensure_future(Client().wait("a"))
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
"""),
    "cannot be patched where compiled": (LOOP, """\
from unittest.mock import patch
from product import service


def test_reads(client):
    try:
        with patch.object(service.Client, "wait", lambda *_: 1):
            assert client.ask(service.Client()) == 1
    except TypeError:
        # cannot be patched where it is compiled
        pass
"""),
    "attribute under its old name": (LOOP, """\
import pytest
from product.service import Trick


def test_old_name():
    trick = Trick(1)
    with pytest.warns(DeprecationWarning):
        trick.seconds = 2
    assert trick.interval == 2
"""),
    "tool that expects": (LOOP, """\
import unittest
from product.service import Expecting


class ToolTest(unittest.TestCase):
    def setUp(self):
        self.tool = Expecting()

    def test_keeps_the_error(self):
        with self.tool.assertRaises(KeyError) as caught:
            raise KeyError
        self.assertIsInstance(caught.exception, KeyError)
"""),
    "under if 0": (LOOP, """\
import unittest

if 0:
    class DocsTest(unittest.TestCase):
        def test_docs(self):
            print("not written yet")
"""),
}

STILL_WRONG = {
    "unwired-double": (READS_ENV, """\
from product.service import unrelated


def test_app_folder_from_environment(monkeypatch):
    monkeypatch.setenv("APP_FOLDER", "/data")
    assert unrelated() == 1
"""),
    "unawaited-coroutine": (LOOP, """\
from product.service import Response


def test_read():
    assert Response().read() is not None
"""),
    "sut-replaced": (LOOP, """\
from unittest.mock import patch
from product.service import Channel


def test_close():
    channel = Channel()
    with patch.object(Channel, "close", return_value="closed"):
        assert channel.close() == "closed"
"""),
    "expectation-contradicts-impl": (LOOP, """\
from product.service import Loop


def test_run():
    assert Loop().run() == 2
"""),
    "missing-symbol": (LOOP, """\
from product.service import Loop


class TestLoop:
    def setup_method(self):
        self.loop = Loop()

    def _state(self):
        return self.stats["runs"]

    def test_run(self):
        assert self.loop.run() == 1
        assert self._state() == 1
"""),
    "tautology": (LOOP, """\
from product.service import Loop


def test_run():
    Loop().run()
    assert True
"""),
    "conditional-assert": (LOOP, """\
from product.service import Loop


def test_run():
    result = Loop().run()
    if result == 2:
        assert result > 0
"""),
    "swallowed-failure": (LOOP, """\
from product.service import Loop


def test_run():
    try:
        assert Loop().run() == 2
    except Exception:
        pass
"""),
    "either-outcome-passes": (LOOP, """\
from product.service import register


def test_register():
    try:
        register(int, int)
    except LookupError as error:
        assert "int" in str(error)
"""),
    "wrong-signature": (LOOP, """\
from product.service import Loop


def test_run():
    assert Loop().run(2) == 1
"""),
    "self-inflicted": (LOOP, """\
import pytest
from product.service import Loop


def test_run():
    Loop().run()
    with pytest.raises(RuntimeError):
        raise RuntimeError("too often")
"""),
}


@pytest.mark.parametrize("case", ON_PURPOSE, ids=[item.replace(" ", "-") for item in ON_PURPOSE])
def test_is_understood(case: str) -> None:
    code, text = ON_PURPOSE[case]
    assert _errors(text, code) == []


@pytest.mark.parametrize("rule", STILL_WRONG)
def test_what_only_looks_alike_is_still_found(rule: str) -> None:
    code, text = STILL_WRONG[rule]
    assert rule in {found for found, _ in _errors(text, code)}


def test_a_tool_of_the_tests_in_a_module_of_its_own_may_have_a_test() -> None:
    tests = {
        "tests/names.py": "def gen_names():\n    for one in 'abc':\n        yield one + one\n",
        "tests/test_names.py": "from tests.names import gen_names\n\n\ndef test_gen_names():\n"
        "    assert len(list(gen_names())) == 3\n",
        "tests/__init__.py": "",
    }
    report = examine(tests, {"product/__init__.py": "", "product/service.py": LOOP})
    assert [item.rule for item in report.findings if item.severity is FindingSeverity.ERROR] == []


@pytest.mark.parametrize(("name", "found"), [("concurrent_futures", False), ("concurrent_runs", True)])
def test_the_name_of_a_module_claims_nothing(name: str, found: bool) -> None:
    text = f"from product.service import Loop\n\n\ndef test_{name}():\n    assert Loop().run() == 1\n"
    report = examine({"tests/test_service.py": text}, {"product/__init__.py": "", "product/service.py": LOOP})
    assert ("title-not-staged" in {item.rule for item in report.findings}) is found


PLUGINS = """\
import json
import socket
import sys
from functools import total_ordering as total_ordering
from socket import socket as makesock


class Relay:
    def __init__(self, plugins):
        self.plugins = plugins

    def __getattr__(self, name):
        return lambda: [getattr(plugin, name)() for plugin in self.plugins]


class Manager:
    def __init__(self):
        self.handlers = {}
        self.jobs = {}
        self.hook = Relay(self.jobs)

    def register(self, plugin):
        self.jobs[plugin] = plugin

    def read(self, text):
        return self.jobs.get(text)

    def debug(self, text):
        self.jobs[text] = text

    def load(self, storage):
        self.jobs["storage"] = storage()


class Marker:
    def __call__(self, function):
        return function


hookimpl = Marker()


class Is:
    def __init__(self, kind):
        self.kind = kind

    def __eq__(self, other):
        return isinstance(other, self.kind)


class Wrapper:
    def __init__(self, wrapped):
        self.wrapped = wrapped

    def __instancecheck__(self, instance):
        return isinstance(instance, self.wrapped)


class Flags:
    def __init__(self, flags):
        if flags not in ("shared", "exclusive"):
            raise ValueError("flags must be shared or exclusive")
        self.flags = flags


def family():
    try:
        with makesock():
            return "ipv4"
    except OSError:
        return ""


def send(sock: socket.socket, data):
    sock.send(data)


def render(text):
    return text.upper()


def plain(function):
    def wrapper(*args, cls=None):
        return function(*args)
    return wrapper


json.dumps = plain(json.dumps)
"""

UNDERSTOOD = {
    "the product calls the plugin": """\
import pytest
from product.service import Manager


def test_error_passes_through():
    class Plugin:
        def fail(self):
            raise RuntimeError("mine")

    manager = Manager()
    manager.register(Plugin())
    with pytest.raises(RuntimeError):
        manager.hook.fail()
""",
    "the product has marked the plugin": """\
import pytest
from product.service import Manager, hookimpl


def test_error_passes_through():
    class Plugin:
        @hookimpl
        def fail(self):
            raise RuntimeError("mine")

    manager = Manager()
    manager.register(Plugin())
    with pytest.raises(RuntimeError):
        manager.handlers["x"].fail()
""",
    "the patched name is the module's own": """\
from unittest.mock import patch
from product.service import family


def test_family_without_sockets():
    with patch("product.service.makesock", side_effect=OSError):
        assert family() == ""
""",
    "one of many inputs gives nothing": """\
import pytest
from product.service import Manager


@pytest.mark.parametrize("text", ["a", "b", "c"])
def test_read(text):
    found = Manager().read(text)
    if found is None:
        return
    assert found.name == text
""",
    "a fixture with parameters gives nothing": """\
import pytest
from product.service import Manager


@pytest.fixture(params=["a", "b"])
def text(request):
    return request.param


@pytest.fixture
def manager(text):
    return Manager()


def test_read(manager):
    found = manager.read("x")
    if found is not None:
        assert found.name == "x"
""",
    "a name that stands alone raises": """\
import pytest
from product.service import render


def test_render():
    try:
        missing  # noqa: F821
    except NameError as error:
        assert "MISSING" in render(str(error))
    else:
        pytest.fail("no error")
""",
    "a helper raises what fail gives": """\
import pytest
from product.service import render


class Log:
    interactive = False

    def complain(self, message):
        if not self.interactive:
            raise pytest.fail(message)

    def has(self, text):
        if "X" not in text:
            self.complain("not there")


@pytest.fixture
def log():
    return Log()


def test_render_returns_upper_case(log):
    log.has(render("x"))
""",
    "the product changed the library": """\
import json
import product.service


def test_dict():
    assert json.dumps({}) == "{}"
""",
    "the product offers what it imports": """\
from product.service import total_ordering


def test_total_ordering():
    @total_ordering
    class Number:
        def __init__(self, value):
            self.value = value

        def __gt__(self, other):
            return self.value > other

        def __eq__(self, other):
            return self.value == other

    assert Number(3) >= 2
""",
    "a static test is given a fixture": """\
import pytest
from product.service import Manager


class TestManager:
    @staticmethod
    @pytest.fixture
    def manager():
        return Manager()

    @staticmethod
    def test_repr(manager):
        assert repr(manager) == "<Manager>"
""",
    "a helper fills the test's object": """\
from product.service import Manager
import pytest


@pytest.fixture
def fill():
    def filler(test):
        test.manager = Manager()
    return filler


class TestManager:
    manager = None

    def test_jobs(self, fill):
        fill(self)
        assert self.manager.jobs == {}
""",
    "without the module it tests otherwise": """\
from product.service import render


def test_colours():
    try:
        import colours
        assert render(colours.red("a")) == "A"
    except ImportError:
        assert render("a") == "A"
""",
    "each parameter has its way": """\
from product.service import render


def test_render():
    for most in (1, None):
        try:
            assert render(most) == "1"
        except ValueError:
            if most is None:
                assert False, "unexpected"
        else:
            if most is not None:
                assert False, "expected"
""",
    "a matcher that does not match": """\
import pytest
from product.service import Is


def test_is():
    expected = Is(int)
    with pytest.raises(AssertionError):
        assert "1" == expected
    assert str(expected) == "Is(int)"
""",
    "a decorator looks at the argument": """\
from functools import singledispatch
from product.service import Manager


def test_dispatch():
    @singledispatch
    def kind(value):
        return "other"

    assert kind(Manager()) == "other"
""",
    "an object answers isinstance": """\
from product.service import Wrapper


class Base:
    pass


def test_isinstance():
    assert isinstance(Base(), Wrapper(Base))
""",
    "growth shows against another time": """\
import time
from product.service import render


def test_render_is_near_linear():
    def run(size):
        start = time.perf_counter()
        render("x" * size)
        return time.perf_counter() - start

    small = run(1000)
    large = run(2000)
    assert large < small * 4
""",
    "the loop must not be entered": """\
from product.service import Manager


def test_iteration():
    count = 0
    for _ in Manager():
        assert False, "there is nothing in it"
    assert count == 0
""",
    "the double asserts when the product calls it": """\
from product.service import Manager


def test_loaded_once():
    class Storage:
        loaded = False

        def __init__(self):
            assert not self.loaded
            Storage.loaded = True

    Manager().load(Storage)
""",
    "an accepted value": """\
from product.service import Flags


def test_accepts_shared():
    flags = Flags("shared")
    assert flags.flags == "shared"
""",
    "the word is what the test gives": """\
from product.service import Manager


def test_raise_statement():
    Manager().read("raise")
""",
    "a registration is undone": """\
from product.service import Manager as manager


def keep(other):
    global manager
    manager = other


def test_first():
    manager.add("x")
    manager.remove()
    assert manager.read("x") is None


def test_second():
    assert manager.read("y") is None
""",
    "asking for a type of a class": """\
from product.service import Manager


def test_subscript():
    _ = Manager[int]
""",
}

STILL_FOUND = {
    "self-inflicted by a handler of the test": ("self-inflicted", """\
import pytest
from product.service import Manager


def test_error():
    def fail():
        raise RuntimeError("mine")

    manager = Manager()
    manager.handlers["x"] = fail
    with pytest.raises(RuntimeError):
        manager.handlers["x"]()
"""),
    "one input only": ("conditional-assert", """\
from product.service import Manager


def test_read():
    found = Manager().read("x")
    if found is None:
        return
    assert found.name == "x"
"""),
    "a parametrised test asks for the result": ("conditional-assert", """\
import pytest
from product.service import Manager


@pytest.mark.parametrize("text", ["a", "b"])
def test_read(text):
    found = Manager().read(text)
    if found == text:
        assert found.lower() == text
"""),
    "a plain value that is wrong": ("bug-enshrined", """\
import pytest
from product.service import render


def test_render():
    with pytest.raises(AssertionError):
        assert render("a") == "b"
"""),
    "two times that need not differ": ("sleep-timing", """\
import time
from product.service import render


def test_render_twice():
    start = time.perf_counter()
    render("a")
    first = time.perf_counter() - start
    start = time.perf_counter()
    render("b")
    second = time.perf_counter() - start
    assert second < first
"""),
    "a static test of its own values": ("hardcoded-result", """\
class TestManager:
    @staticmethod
    def test_state():
        state = {"ready": True}
        assert state["ready"]
"""),
    "an echo that nothing refuses": ("tautology", """\
from product.service import Wrapper


def test_accepts_text():
    made = Wrapper("text")
    assert made.wrapped == "text"
"""),
    "a class of the tests is only asked for": ("sut-reimplemented", """\
import product.service


class Base:
    def __init__(self, value):
        self.value = value if value else 0


def test_base():
    made = Base(1)
    assert made.value == 1 and isinstance(made, Base)
"""),
    "success and failure with an import": ("either-outcome-passes", """\
from product.service import Manager


def test_read():
    try:
        import json
        assert Manager().read(json.loads("1")) == 1
    except (ImportError, ValueError) as error:
        assert str(error)
"""),
    "a claim that only prints": ("no-assert", """\
from product.service import Manager


def test_read_returns_job():
    print("ok", Manager().read("x"))
"""),
}


@pytest.mark.parametrize("case", UNDERSTOOD, ids=[item.replace(" ", "-") for item in UNDERSTOOD])
def test_it_is_the_product_that_is_asked(case: str) -> None:
    assert _errors(UNDERSTOOD[case], PLUGINS) == []


@pytest.mark.parametrize("case", STILL_FOUND, ids=[item.replace(" ", "-") for item in STILL_FOUND])
def test_what_lies_beside_it_is_still_found(case: str) -> None:
    rule, text = STILL_FOUND[case]
    assert rule in {found for found, _ in _errors(text, PLUGINS)}


FINDER = "import sys\n\n\nclass Finder:\n    def find_spec(self, name, path):\n        return None\n\n\n"


@pytest.mark.parametrize(("made", "found"), [("sys.meta_path.insert(0, Finder())\n", False), ("", True)])
def test_a_package_may_make_its_modules_when_it_is_imported(made: str, found: bool) -> None:
    tests = {"tests/test_tool.py": "def test_tool():\n    import tool.curried\n    assert tool.curried.name == 'c'\n"}
    report = examine(tests, {"tool/__init__.py": "from tool import build\n", "tool/build.py": FINDER + made})
    assert ("missing-symbol" in {item.rule for item in report.findings}) is found


@pytest.mark.parametrize(("path", "found"), [("tests/samples/broken.py", False), ("tests/helpers.py", True)])
def test_a_sample_beside_the_tests_may_be_broken(path: str, found: bool) -> None:
    tests = {
        path: "def run():\n    return nowhere + 1\n",
        "tests/test_tool.py": "from tests import helpers\nfrom tool import one\n\n\ndef test_one():\n"
        "    assert one() == 1\n",
    }
    report = examine(tests, {"tool/__init__.py": "def one():\n    return 1\n"})
    assert ("missing-symbol" in {item.rule for item in report.findings if item.path == path}) is found
