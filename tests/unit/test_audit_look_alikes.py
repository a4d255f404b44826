"""Tests that well-kept projects write on purpose, each beside the fake that looks like it: only the fake is found."""

from __future__ import annotations

import textwrap

import pytest

from bot.audit.examine import examine
from bot.domain.audit import FindingSeverity

SERVICE = '''
import os

import vendor


class Refused(Exception):
    """Refused."""


try:
    from product._fast import mask as _fast_mask
except ImportError:
    _fast_mask = None


class Tag:
    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return self.text.startswith(str(other))


def parse(text):
    if "=" not in text:
        raise Refused(text)
    return dict([text.split("=")])


def assert_no_defects(text):
    if "!" in text:
        raise Refused(text)


def assert_parsed(found, wanted):
    assert found == wanted


def send(hooks):
    answer = vendor.get("https://example.org")
    for hook in hooks.values():
        hook(answer)


class Client:
    def __init__(self, kind):
        self.kind = kind
        self.sock = connect(kind)

    def answer(self):
        return self.sock.answer()

    def done(self):
        return self.sock.done()


def connect(kind):
    return vendor.connect(kind)


def runtime_dir():
    if os.environ.get("XDG_RUNTIME_DIR"):
        return os.environ["XDG_RUNTIME_DIR"]
    return os.environ.get("HOME")
'''

HEAD = """
import asyncio, functools, os, queue, subprocess, sys, threading, time, unittest
from typing import Protocol
import pytest
from hypothesis import given, strategies as st
from product import service
from product.service import Client, Refused, Tag, assert_no_defects, assert_parsed, parse, runtime_dir, send
"""

PAIRS: dict[str, tuple[str, str, str]] = {
    "a list that the product fills by another name": (
        "unsatisfiable-assert",
        """
        def test_lines():
            lines = []
            client = Client("x")
            client.out = lines.append
            client.done()
            assert len(lines) == 3
        """,
        """
        def test_lines():
            lines = []
            client = Client("x")
            client.done()
            assert len(lines) == 3
        """,
    ),
    "a dict that is filled by its items": (
        "unsatisfiable-assert",
        """
        def test_hash():
            found = {}
            found[Client("x").answer()] = 1
            assert len(found) == 1
        """,
        """
        def test_hash():
            found = {}
            Client("x").answer()
            assert len(found) == 1
        """,
    ),
    "a call that its writer knows not to fit": (
        "harness-as-repro",
        """
        def test_body_is_gone():
            with pytest.raises(TypeError):
                Client("x", body="y")  # type: ignore[call-arg]
        """,
        """
        def test_body_is_gone():
            with pytest.raises(TypeError):
                Client("x", body="y")
        """,
    ),
    "a function that an object is given": (
        "no-assert",
        """
        def test_returns_answer():
            def action(answer):
                assert answer == 1

            client = Client("x")
            client.action = action
            client.done()
        """,
        """
        def test_returns_answer():
            def action(answer):
                assert answer == 1

            Client("x").done()
        """,
    ),
    "a request that says which status it wants": (
        "no-assert",
        """
        def test_denied_to_all(app):
            app.get("/private", status=403)
        """,
        """
        def test_denied_to_all():
            Client("x").done()
        """,
    ),
    "a value or else another": (
        "unsatisfiable-assert",
        """
        def test_default():
            found = Client("x").answer() or "876"
            assert found == "876"
        """,
        """
        def test_default():
            found = "8"
            Client("x").answer()
            assert found == "876"
        """,
    ),
    "local functions that a list keeps": (
        "no-assert",
        """
        def test_returns_chunks():
            async def whole():
                assert parse("a=1") == {"a": "1"}

            async def parts():
                assert parse("a=2") == {"a": "2"}

            for each in (whole, parts):
                Client("x").sock.run(each)
        """,
        """
        def test_returns_chunks():
            async def whole():
                assert parse("a=1") == {"a": "1"}

            Client("x").done()
        """,
    ),
    "what must not be in it, if there is one": (
        "conditional-assert",
        """
        def test_headers():
            found = Client("x").answer()
            if found:
                assert "a" not in found
        """,
        """
        def test_headers():
            found = Client("x").answer()
            if found:
                assert "a" in found
        """,
    ),
    "words of a mistaken call": (
        "harness-as-repro",
        """
        def test_body_is_gone():
            with pytest.raises(TypeError) as caught:
                Client("x", body="y")
            assert "unexpected keyword" in str(caught.value)
        """,
        """
        def test_body_is_lost():
            with pytest.raises(TypeError):
                Client("x", body="y")
        """,
    ),
    "a hook that is handed over in a dict": (
        "no-assert",
        """
        def test_send_delivers():
            def hook(answer):
                assert answer.ok
            send(hooks={"response": hook})
        """,
        """
        def test_send_delivers():
            def hook(answer):
                assert answer.ok
            send(hooks={"response": print})
        """,
    ),
    "a program in a text": (
        "no-assert",
        """
        def test_timeouts_in_worker(worker):
            code = '''
            from product.service import parse
            assert parse("a=1") == {"a": "1"}
            '''
            worker.run(code)
        """,
        """
        def test_timeouts_in_worker():
            code = "a=1"
            parse(code)
        """,
    ),
    "a product function named like an assertion": (
        "no-assert",
        """
        def test_no_error_without_a_mark():
            assert_no_defects("plain")
        """,
        """
        def test_returns_parsed():
            assert_no_defects("plain")
            print("done")
        """,
    ),
    "an assertion that the product offers": (
        "no-assert",
        """
        def test_returns_parsed():
            assert_parsed(parse("a=1"), {"a": "1"})
        """,
        """
        def test_returns_parsed():
            print(parse("a=1"), {"a": "1"})
        """,
    ),
    "a declared assertion": (
        "no-assert",
        """
        class Asserts(Protocol):
            def assertEqual(self, first, second): ...

        class Mixin(Asserts):
            pass

        class TestParse(unittest.TestCase, Mixin):
            def test_returns(self):
                self.assertEqual(parse("a=1"), {"a": "1"})
        """,
        """
        class Asserts(Protocol):
            def compare(self, first, second): ...

        class TestParse(unittest.TestCase, Asserts):
            def test_returns(self):
                print(parse("a=1"), {"a": "1"})
        """,
    ),
    "a loop that must not be entered": (
        "no-assert",
        """
        def test_rejects_nothing():
            for _ in Client("x").answer():
                assert False
        """,
        """
        def test_rejects_nothing():
            for _ in Client("x").answer():
                pass
        """,
    ),
    "a name alone": (
        "no-assert",
        """
        def test_can_reach_parse():
            service.parse
        """,
        """
        def test_can_reach_parse():
            pass
        """,
    ),
    "generated input": (
        "either-outcome-passes",
        """
        @given(st.text())
        def test_arbitrary_text(text):
            try:
                found = parse(text)
            except Refused:
                return
            assert all(key in text for key in found)
        """,
        """
        def test_text():
            try:
                found = parse("a=1")
            except Refused:
                return
            assert found == {"a": "1"}
        """,
    ),
    "an exception of the test's own that says it is done": (
        "either-outcome-passes",
        """
        async def work():
            await asyncio.sleep(0)

        @pytest.mark.asyncio
        async def test_answers():
            class Done(Exception):
                pass

            async def check():
                assert parse("a=1") == {"a": "1"}
                raise Done

            try:
                await asyncio.gather(Client("x").answer(), check())
            except Done:
                pass
        """,
        """
        @pytest.mark.asyncio
        async def test_answers():
            try:
                await asyncio.gather(Client("x").answer())
            except Refused:
                pass
        """,
    ),
    "text in an encoding that may not hold it": (
        "either-outcome-passes",
        """
        def test_lines():
            marks = ["\\u0085", "\\u2028"]
            for mark in marks:
                for encoding in ["utf-8", "latin-1"]:
                    try:
                        data = mark.encode(encoding)
                    except UnicodeEncodeError:
                        continue
                    assert parse(f"a={data!r}") == {"a": repr(data)}
        """,
        """
        def test_lines():
            for mark in ["a=1", "b"]:
                try:
                    data = parse(mark)
                except Refused:
                    continue
                assert data
        """,
    ),
    "an error that only one system may raise": (
        "either-outcome-passes",
        """
        def test_socket():
            try:
                assert Client("unix").answer() == 1
            except OSError:
                if sys.platform == "linux":
                    raise
        """,
        """
        def test_socket():
            try:
                assert Client("unix").answer() == 1
            except OSError:
                print("no socket")
        """,
    ),
    "one value read in two ways": (
        "either-outcome-passes",
        """
        def test_redirect():
            answer = Client("x").answer()
            try:
                assert answer.url.endswith("/3")
            except AttributeError:
                assert answer.url.path.endswith("/3")
        """,
        """
        def test_redirect():
            answer = Client("x").answer()
            try:
                assert answer.url.endswith("/3")
            except AttributeError:
                print(answer)
        """,
    ),
    "a part of the product that is compiled where it can be": (
        "conditional-skip",
        """
        try:
            from product._fast import mask
        except ImportError:
            mask = None

        @pytest.mark.skipif(mask is None, reason="not compiled")
        def test_mask():
            assert mask(b"a") == b"b"
        """,
        """
        try:
            from product.tools import mask
        except ImportError:
            mask = None

        @pytest.mark.skipif(mask is None, reason="not there")
        def test_mask():
            assert mask(b"a") == b"b"
        """,
    ),
    "a Python that was built without a module": (
        "conditional-skip",
        """
        try:
            import ssl
            from product import service as tls
            HAS_TLS = True
        except ImportError:
            HAS_TLS = False

        @pytest.mark.skipif(not HAS_TLS, reason="no TLS")
        def test_parse():
            assert parse("a=1") == {"a": "1"}
        """,
        """
        try:
            import json
            from product import missing as tls
            HAS_TLS = True
        except ImportError:
            HAS_TLS = False

        @pytest.mark.skipif(not HAS_TLS, reason="no TLS")
        def test_parse():
            assert parse("a=1") == {"a": "1"}
        """,
    ),
    "a kind of fixture": (
        "conditional-assert",
        """
        def shape(client):
            return client.kind

        def speaks_old(client):
            return shape(client) == "old"

        def speaks_new(client):
            return shape(client) == "new"

        def test_answer(client):
            if speaks_old(client):
                assert client.answer() == [1]
            elif speaks_new(client):
                assert client.answer() == {1: 1}
        """,
        """
        def is_connected(client):
            return client.answer() is not None

        @pytest.fixture
        def client():
            return Client("old")

        def test_answer(client):
            if is_connected(client):
                assert client.answer() == [1]
        """,
    ),
    "a loop that waits until something is done": (
        "conditional-assert",
        """
        def test_stops():
            client = Client("x")
            deadline = time.monotonic() + 10
            while not client.done():
                assert time.monotonic() < deadline
        """,
        """
        def test_stops():
            client = Client("x")
            while client.answer():
                assert client.answer() == 1
        """,
    ),
    "pages until one is empty": (
        "unsatisfiable-assert",
        """
        def test_pages():
            found = []
            client = Client("x")
            while True:
                page = client.answer()
                if not page:
                    break
                found.extend(page)
            assert len(found) == 20
        """,
        """
        def test_pages():
            found = []
            Client("x").answer()
            assert len(found) == 20
        """,
    ),
    "an object that decides what it equals": (
        "unsatisfiable-assert",
        """
        def test_tag():
            tag = Tag("a/b;q=1")
            assert tag == "a/b"
            assert tag == "a/b;q=1"
        """,
        """
        def test_tag():
            tag = Client("x").answer()
            assert tag == 1
            assert tag == 2
        """,
    ),
    "a request that is called put": (
        "order-dependent",
        """
        client = service.vendor.TestClient("x")

        def test_put():
            assert client.put("/items/a", json={"a": 1}).ok

        def test_schema():
            assert client.get("/schema").ok
        """,
        """
        things = queue.Queue()

        def test_put():
            things.put(1)
            assert parse("a=1")

        def test_size():
            assert things.qsize() == 1
        """,
    ),
    "a global that is put back": (
        "order-dependent",
        """
        ADDRESS = "1.2.3.4"

        def test_moves():
            global ADDRESS
            before = ADDRESS
            try:
                ADDRESS = "5.6.7.8"
                assert parse(f"a={ADDRESS}") == {"a": "5.6.7.8"}
            finally:
                ADDRESS = before

        def test_stays():
            assert parse(f"a={ADDRESS}") == {"a": ADDRESS}
        """,
        """
        ADDRESS = ""

        def test_moves():
            global ADDRESS
            ADDRESS = "5.6.7.8"
            assert parse(f"a={ADDRESS}") == {"a": "5.6.7.8"}

        def test_stays():
            assert parse(f"a={ADDRESS}") == {"a": "5.6.7.8"}
        """,
    ),
    "a sleep that stands for ever": (
        "sleep-timing",
        """
        @pytest.mark.asyncio
        async def test_cancel():
            ended = []

            async def forever():
                try:
                    await asyncio.sleep(10)
                except asyncio.CancelledError:
                    ended.append(1)

            client = Client(forever)
            task = asyncio.create_task(client.answer())
            await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.sleep(0.01)
            assert client.done()
        """,
        """
        @pytest.mark.asyncio
        async def test_cancel():
            ended = []

            async def work():
                await asyncio.sleep(0.05)
                ended.append(1)

            task = asyncio.create_task(work())
            await asyncio.sleep(0.06)
            assert ended == [1]
        """,
    ),
    "a cost that must not grow": (
        "sleep-timing",
        """
        def test_performance():
            # A list used to have quadratic performance.
            start = time.time()
            parse("a=" + "b" * 100000)
            assert time.time() - start < 1.0
        """,
        """
        def test_performance():
            start = time.time()
            parse("a=" + "b" * 100000)
            assert time.time() - start < 1.0
        """,
    ),
    "variables that the test sets": (
        "host-dependent",
        """
        def test_runtime_dir(monkeypatch):
            monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/x")
            assert runtime_dir() == "/run/x"
        """,
        """
        def test_runtime_dir():
            assert runtime_dir() == "/root"
        """,
    ),
}


def errors_in(text: str) -> set[str]:
    files = {"tests/test_it.py": HEAD + textwrap.dedent(text)}
    found = examine(files, {"product/__init__.py": "", "product/service.py": SERVICE}).findings
    return {item.rule for item in found if item.severity is FindingSeverity.ERROR}


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_done_on_purpose_is_no_error(name: str) -> None:
    rule, honest, _ = PAIRS[name]
    assert rule not in errors_in(honest)


@pytest.mark.parametrize("name", PAIRS)
def test_its_fake_is_one(name: str) -> None:
    rule, _, fake = PAIRS[name]
    assert rule in errors_in(fake)


PRODUCT = {
    "product/__init__.py": "from .engine import Core as Engine\nfrom ._speed import fast\n",
    "product/engine.py": """
        from product import flags

        READY = flags.ON


        class Core:
            def find(self, path):
                return self.routes.get(path)

            def add(self, path, value):
                self.routes[path] = value

            def open(self) -> "Session":
                return Session()

            def take(self, wait=True):
                return Session() if wait else None


        class Session:
            async def __aenter__(self):
                return self

            async def __aexit__(self, *error):
                return None


        Router = Core


        class Error(Exception):
            def __init__(self, code):
                self.code = code


        def wrap(function):
            return function
        """,
    "product/flags.py": "ON = True\n",
    "product/testing.py": """
        import unittest
        from asgiref.sync import async_to_sync


        class Case(unittest.TestCase):
            def __call__(self, result=None):
                method = getattr(self, self._testMethodName)
                setattr(self, self._testMethodName, async_to_sync(method))
                super().__call__(result)
        """,
}

ACROSS_FILES = {
    "a name that another module of the product gave": (
        """
        from product.engine import Router


        def test_route():
            router = Router()
            router.add("/a", 2)
            assert router.find("/a") == 2
        """,
        """
        class Router:
            def __init__(self):
                self.routes = {}

            def add(self, path, value):
                self.routes[path] = value

            def find(self, path):
                return self.routes.get(path)


        def test_route():
            router = Router()
            router.add("/a", 2)
            assert router.find("/a") == 2
        """,
    ),
    "a module without source that the product imports": (
        """
        from product import _speed, fast


        def test_fast():
            assert _speed.fast(1) == fast(1)
        """,
        """
        from product import _quick, fast


        def test_fast():
            assert _quick.fast(1) == fast(1)
        """,
    ),
    "a unittest case that the product runs its own way": (
        """
        from product.engine import Core
        from product.testing import Case


        class CoreTest(Case):
            async def test_find(self):
                self.assertIsNone(Core().find("/a"))
        """,
        """
        import unittest
        from product.engine import Core


        class CoreTest(unittest.TestCase):
            async def test_find(self):
                self.assertIsNone(Core().find("/a"))
        """,
    ),
    "a context manager that the annotation names": (
        """
        import pytest
        from product.engine import Core


        @pytest.mark.asyncio
        async def test_open():
            async with Core().open() as session:
                assert session.__class__.__name__ == "Session"
        """,
        """
        import pytest
        from product.engine import Core


        @pytest.mark.asyncio
        async def test_open():
            async with Core() as session:
                assert session.__class__.__name__ == "Session"
        """,
    ),
    "a count that a refusal skips": (
        """
        from product.engine import Core


        def test_limit():
            core, taken = Core(), 0
            for _ in range(2):
                if core.take() is None:
                    continue
                taken += 1
            assert taken == 2
        """,
        """
        from product.engine import Core


        def test_limit():
            taken = 0
            for _ in range(2):
                taken += 1
            assert taken == 2
        """,
    ),
    "a name that its writer knows to be missing": (
        """
        import pytest
        from product.engine import Core


        def test_broken_route():
            def route():
                return missing  # noqa: F821

            core = Core()
            core.add("/a", route)
            with pytest.raises(NameError):
                core.find("/a")()
        """,
        """
        from product.engine import Core


        def test_broken_route():
            assert Core().find(missing) is None
        """,
    ),
    "a package with an end like one of the product": (
        """
        from othertool.engine import Core as Base
        from product import Engine


        class Fake(Base):
            def serve(self):
                return self.port


        def test_engine():
            assert Engine().find(Fake(port=1).serve()) is None
        """,
        """
        from product.engine import Core as Base
        from product import Engine


        class Fake(Base):
            def serve(self):
                return self.port


        def test_engine():
            assert Engine().find(Fake(port=1).serve()) is None
        """,
    ),
}


def errors_across(text: str, **more: str) -> set[str]:
    files = {"tests/test_it.py": textwrap.dedent(text), **more}
    found = examine(files, {path: textwrap.dedent(text) for path, text in PRODUCT.items()}).findings
    return {f"{item.rule}: {item.message}" for item in found if item.severity is FindingSeverity.ERROR}


@pytest.mark.parametrize("name", ACROSS_FILES)
def test_what_other_files_tell_is_regarded(name: str) -> None:
    assert errors_across(ACROSS_FILES[name][0]) == set()


@pytest.mark.parametrize("name", ACROSS_FILES)
def test_without_that_it_is_a_fake(name: str) -> None:
    assert errors_across(ACROSS_FILES[name][1])


def test_many_unmarked_async_tests_are_run_by_somebody() -> None:
    one = "async def test_{0}():\n    assert Core().find({0}) is None\n"
    many = "from product.engine import Core\n" + "".join(one.format(at) for at in range(20))
    few = "from product.engine import Core\n" + "".join(one.format(at) for at in range(19))
    strict = {"pytest.ini": "[pytest]\nasyncio_mode = strict\n"}
    assert errors_across(many) == set()
    assert len(errors_across(few)) == 19
    assert len(errors_across(many, **strict)) == 20


NEWER = {
    "type statement": "type Number = int | float\n",
    "generic function": "def first[T](items: list[T]) -> T:\n    return items[0]\n",
    "generic class": "class Box[T]:\n    pass\n",
    "except without parentheses": "try:\n    pass\nexcept ValueError, TypeError:\n    pass\n",
    "template string": "x = t'{1}'\n",
    "quotes in an f-string": "x = f\"{d[\"a\"]}\"\n",
}


@pytest.mark.parametrize("name", NEWER)
def test_syntax_of_a_newer_python_is_a_warning(name: str) -> None:
    found = examine({"tests/test_it.py": NEWER[name]}, {}).findings
    # Where the Python that runs this accepts it, there is nothing to say.
    assert {item.severity for item in found if item.rule == "unreadable-file"} <= {FindingSeverity.WARNING}


@pytest.mark.parametrize("text", ["def test_one(:\n    pass\n", "class A:\nx = 1\n", "x = 1\0\n", "print 'x'\n"])
def test_what_no_python_reads_is_an_error(text: str) -> None:
    found = examine({"tests/test_it.py": text}, {}).findings
    assert [item.severity for item in found if item.rule == "unreadable-file"] == [FindingSeverity.ERROR]
