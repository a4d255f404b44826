"""Odd, huge and damaged files: the audit says something about each, raises nothing, and takes time in proportion."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.audit.examine import examine
from bot.domain.audit import AuditReport

SERVICE = """
from product import other


class Store:
    def __init__(self, size=2):
        self.size = size
        self.items = {}

    def put(self, key, value):
        self.items[key] = value
        return len(self.items) <= self.size

    async def get(self, key):
        return self.items[key]


def twice(number):
    return other.half(number * 4)
"""
OTHER = """
from product import service


def half(number):
    return service.twice(number) if number < 0 else number / 2
"""
PRODUCT = {"product/__init__.py": "", "product/service.py": SERVICE, "product/other.py": OTHER}
CORPUS = Path(__file__).parent.parent / "audit_corpus"
GROWTH = 3.0
"""So much more than in proportion may a file of many times the size take; a square takes ten times as much."""

ODD = {
    "type aliases and generics": """
        import pytest

        type Pair[T] = tuple[T, T]

        class Box[T: int]:
            def get[S](self, value: S) -> S:
                return value

        def test_box[T]():
            assert Box().get(1) == 1
        """,
    "match": """
        def test_match(store):
            match store.put(1, 2):
                case {"a": [1, *rest], **others} if rest:
                    assert others
                case Store(size=1) | None:
                    assert False
                case [_, (1 | 2) as number]:
                    assert number
                case str() as text:
                    assert text
        """,
    "except*": """
        def test_group():
            try:
                raise ExceptionGroup("a", [ValueError(1)])
            except* ValueError as group:
                assert group.exceptions
            except* (TypeError, OSError):
                raise
        """,
    "walrus and nested f-strings": """
        def test_text():
            assert (n := len([y for x in "ab" if (y := x * 2)])) == 2, f"{n!r:>{n + 1}} {f'{n:{n}}'}"
            assert f"{(lambda: n)()}" == "2"
        """,
    "a lambda in a decorator": """
        import pytest

        @(lambda f: f)
        @pytest.mark.parametrize("x", [lambda: 1, *(lambda: i for i in range(3))], ids=lambda f: f.__name__)
        @(decorators := [pytest.mark.a, pytest.mark.b])[0]
        def test_decorated(x):
            assert x()
        """,
    "star imports": """
        from product.service import *
        from product import *
        from .helpers import *
        from tests.test_odd import *

        def test_star():
            assert twice(1) == 2
        """,
    "imports of itself": """
        import tests.test_odd as me
        from tests import test_odd
        from tests.test_odd import test_self, helper

        def helper():
            return me.helper()

        def test_self():
            assert helper() == me.test_odd.helper
        """,
    "names that stand for each other": """
        a = b
        b = c
        c = a
        A = B = C = A

        class D(D): pass
        class E(F): pass
        class F(E): pass

        def test_names():
            a = b
            b = a
            assert a.b.c == D().E().F
        """,
    "recursion": """
        def even(n): return n == 0 or odd(n - 1)
        def odd(n): return not even(n)
        def forever(): return forever()
        def both(): return both() + both() + [both for both in both()]

        def test_recursion():
            assert even(10) and not odd(10)
            assert forever()
            assert both()
            while True:
                test_recursion()
        """,
    "no bodies": """
        def test_dots(): ...
        async def test_async(): ...
        class TestEmpty: pass
        class TestNested:
            class TestInner:
                def test_deep(self): return
        test_name = lambda: None
        del test_dots
        """,
    "positional only, keyword only and every star": """
        def test_all(a, /, b, *args, c=1, d, **others):
            assert [*args, *[a, b]] == [*{**others, "c": c}.values(), d]
            print(*args, **others, sep="")
        """,
    "assignments of every kind": """
        def test_targets(store):
            (a, [b, *c]), store.x, store["y"], *_ = d = store
            for store.i, store["k"] in enumerate(d): pass
            with store as (e, store.f), store: pass
            del a, store.x, store["y"]
            a: int
            b: "unfinished[" = 1
            c += b
            assert [a, b, c, e] == d
        """,
    "numbers that are too large": """
        def test_numbers():
            assert 2 ** 10 ** 10 > 1 << 10 ** 9
            assert "a" * 10 ** 12
            assert [0] * 10 ** 12 == [0] * 9 ** 12
            assert 1 / 0 == 1 % 0 or 10 ** 400 * 1.0
            assert range(10 ** 18)
            assert "%s" % () == "{}".format() == "{0.x[y]}".format(1)
            assert int("1" * 5000)
        """,
    "text that is none": "def test_x():\n    assert '\\ud800' == '\\N{DIGIT ONE}'\x0c\n",
    "a null byte": "def test_x():\n    assert 1\x00\n",
    "an open bracket": "def test_x():\n    assert (1\n",
    "an unknown encoding": "# -*- coding: no-such -*-\ndef test_x():\n    assert 1\n",
    "other line ends": "def test_x():\r    assert 1\r\ndef test_y():\r\n    assert 2\u2028\n",
    "nothing": "",
}


def examined(text: str, **others: str) -> AuditReport:
    return examine({"tests/test_odd.py": text, "tests/__init__.py": "", **others}, PRODUCT)


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_odd_code_is_examined(text: str) -> None:
    report = examined(textwrap.dedent(text))
    assert report.tests or report.findings or not text or report.reasons


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_an_odd_implementation_is_examined(text: str) -> None:
    tests = {
        "tests/test_it.py": "from product.odd import *\ndef test_it(store):\n    assert helper(test_box(store)) == 1\n"
    }
    assert examine(tests, {**PRODUCT, "product/odd.py": textwrap.dedent(text)}).tests


DEEP: dict[str, Callable[[int], str]] = {
    "calls": lambda n: f"def test_x():\n    assert {'f(' * n}1{')' * n}\n",
    "sums": lambda n: f"def test_x():\n    assert {' + '.join(['f(1)'] * n)}\n",
    "chains": lambda n: f"def test_x():\n    assert a{'.b()' * n}\n",
    "blocks": lambda n: (
        "def test_x():\n"
        + "".join(f"{' ' * (i + 1)}if f({i}):\n" for i in range(min(n, 90)))
        + " " * (min(n, 90) + 1)
        + "assert 1\n"
    ),
    "branches": lambda n: (
        "def test_x():\n    x = 0\n" + "".join(f"    if f({i}):\n        assert g({i})\n" for i in range(n))
    ),
    "handlers": lambda n: (
        "def test_x():\n" + "".join(f"    try:\n        f({i})\n    except E{i}:\n        assert x\n" for i in range(n))
    ),
    "elifs": lambda n: (
        "def test_x():\n    if f(0):\n        pass\n"
        + "".join(f"    elif f({i}):\n        assert x\n" for i in range(min(n, 300)))
    ),
}


@pytest.mark.parametrize("make", DEEP.values(), ids=DEEP.keys())
def test_deep_and_long_code_is_examined(make: Callable[[int], str]) -> None:
    before = time.process_time()
    assert examined(make(400)).findings is not None
    assert time.process_time() - before < 20


MANY: dict[str, Callable[[int], str]] = {
    "tests": lambda n: (
        "from product.service import Store, twice\n\n"
        + "".join(
            f"\ndef test_{i}(tmp_path):\n    store = Store({i})\n    assert store.put('a', {i})\n"
            f"    assert twice({i}) == {2 * i}\n"
            for i in range(n)
        )
    ),
    "methods": lambda n: (
        "import unittest\nfrom product.service import Store\n\nclass TestStore(unittest.TestCase):\n"
        "    seen = []\n\n    def setUp(self):\n        self.store = Store()\n"
        + "".join(
            f"\n    def test_{i}(self):\n        self.seen.append({i})\n"
            f"        self.assertTrue(self.store.put({i}, 1))\n"
            for i in range(n)
        )
    ),
    "helpers": lambda n: (
        "from product.service import twice\n"
        + "".join(
            f"\ndef check_{i}(x):\n    assert twice(x) == {i}\n\ndef test_{i}():\n"
            f"    global last\n    last = {i}\n    check_{i}({i})\n"
            for i in range(n)
        )
    ),
}


def _seconds(text: str) -> float:
    before = time.process_time()
    examined(text)
    return time.process_time() - before


@pytest.mark.parametrize("make", MANY.values(), ids=MANY.keys())
def test_the_time_grows_with_the_number_of_tests(make: Callable[[int], str]) -> None:
    few, many = 60, 600
    _seconds(make(few))  # what is made once
    small = min(_seconds(make(few)) for _ in range(2))
    assert _seconds(make(many)) < max(small, 0.05) * many / few * GROWTH


def _texts() -> list[str]:
    return [path.read_text("utf-8") for path in sorted(CORPUS.rglob("test_*.py"))[::6]]


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_files_are_examined(data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from(_texts())).split("\n")
    for _ in range(data.draw(st.integers(1, 6))):
        one, two = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        how = data.draw(st.sampled_from(["drop", "double", "swap", "indent", "dedent", "cut"]))
        if how == "drop" and len(lines) > 1:
            del lines[one]
        elif how == "double":
            lines.insert(two % len(lines), lines[one])
        elif how == "swap":
            two = min(two, len(lines) - 1)
            lines[one], lines[two] = lines[two], lines[one]
        elif how == "indent":
            lines[one] = f"    {lines[one]}"
        elif how == "dedent":
            lines[one] = lines[one].removeprefix("    ")
        else:
            lines[one] = lines[one][: len(lines[one]) // 2]
    assert examined("\n".join(lines)).recommendation
