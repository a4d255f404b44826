"""What static evaluation finds out: expectations that a small product certainly does not meet, and bounds on it."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.audit.examine import examine
from bot.domain.audit import FindingSeverity

SERVICE = """\
import json, os, hashlib
from dataclasses import dataclass, field, replace
from datetime import timedelta, datetime
from decimal import Decimal, ROUND_HALF_EVEN, ROUND_HALF_UP
from enum import Enum

CENT = Decimal("0.01")
LIMITS = {"free": 10, "pro": 100}
BACKOFF = [1, 2, 4, 8]

class Phase(str, Enum):
    INIT = "init"
    READY = "ready"
    FAILED = "failed"

class Level(Enum):
    LOW = 1
    HIGH = 2

class ApiError(Exception):
    def __init__(self, status, detail):
        super().__init__(detail)
        self.status = status
        self.detail = detail

def cents(v):
    return v.quantize(CENT, rounding=ROUND_HALF_EVEN)

def limit(plan):
    return LIMITS.get(plan, 5)

def slug(t):
    return "-".join(p for p in t.lower().split() if p)

def page(items, n, size=2):
    return items[(n - 1) * size:n * size]

def total(lines):
    return sum(q * p for q, p in lines)

def require(user):
    if user is None:
        raise ApiError(401, "missing")
    if user not in ("ann", "bob"):
        raise ApiError(403, "unknown")
    return user

def delays(n, base=0.5, cap=4.0):
    out = []
    d = base
    while len(out) < n:
        out.append(min(d, cap))
        d *= 2
    return out

def grade(level):
    match level:
        case Level.LOW:
            return "l"
        case Level.HIGH:
            return "h"
        case _:
            return "?"

@dataclass
class Bucket:
    size: int = 3
    used: int = 0
    log: list = field(default_factory=list)

    def take(self, n=1):
        if self.used + n > self.size:
            return False
        self.used += n
        self.log.append(n)
        return True

    @property
    def left(self):
        return self.size - self.used

@dataclass(frozen=True)
class Conf:
    url: str = "redis://localhost"
    timeout: float = 2.5
    retries: int = 3
    tags: tuple = ()

    @classmethod
    def from_env(cls):
        return cls(timeout=float(os.environ.get("SVC_TIMEOUT_X", "2.5")), retries=int(os.getenv("SVC_RETRIES_X", 3)))

class Machine:
    NEXT = {Phase.INIT: {Phase.READY, Phase.FAILED}, Phase.READY: {Phase.FAILED}}
    def __init__(self):
        self.phase = Phase.INIT
        self.history = []
    def to(self, phase):
        if phase not in self.NEXT.get(self.phase, set()):
            raise ValueError(f"cannot go from {self.phase.value} to {phase.value}")
        self.history.append((self.phase, phase))
        self.phase = phase

class Cache:
    def __init__(self, most=2):
        self.most = most
        self._d = {}
    def put(self, k, v):
        if k in self._d:
            del self._d[k]
        elif len(self._d) >= self.most:
            oldest = next(iter(self._d))
            self._d.pop(oldest)
        self._d[k] = v
    def get(self, k, default=None):
        return self._d.get(k, default)
    def __len__(self):
        return len(self._d)
    def __contains__(self, k):
        return k in self._d

def token(s):
    return hashlib.sha256(s.encode()).hexdigest()[:8]

def dump(d):
    return json.dumps(d, sort_keys=True)

def window(start, minutes):
    return start + timedelta(minutes=minutes)

async def ping(n):
    return {"status": "ok", "n": n + 1}
"""

HEAD = """\
import asyncio
import pytest
from datetime import datetime
from decimal import Decimal
from dataclasses import replace
from product.service import (
    ApiError, BACKOFF, Bucket, Cache, Conf, LIMITS, Level, Machine, Phase, cents, delays, dump, grade, limit, page,
    ping, require, slug, token, total, window,
)


"""

TRUE = [
    'assert cents(Decimal("2.345")) == Decimal("2.34")',
    'assert limit("free") == 10',
    'assert limit("x") == 5',
    'assert slug("Hello  World") == "hello-world"',
    "assert page([1,2,3], 2) == [3]",
    "assert page(list(range(5)), 1) == [0, 1]",
    "assert total([(2, 3), (1, 4)]) == 10",
    "with pytest.raises(ApiError) as e:\n        require(None)\n    assert e.value.status == 401",
    'with pytest.raises(ApiError):\n        require("eve")',
    "assert delays(4) == [0.5, 1.0, 2.0, 4.0]",
    "assert delays(5)[-1] == 4.0",
    'assert grade(Level.HIGH) == "h"',
    "b = Bucket()\n    b.take(2)\n    assert b.left == 1\n    assert b.log == [2]",
    "b = Bucket(size=1)\n    b.take()\n    b.take()\n    assert b.used == 1",
    "b = Bucket()\n    for _ in range(5):\n        b.take()\n    assert len(b.log) == 3",
    "assert Conf().timeout == 2.5",
    "assert Conf.from_env().retries == 3",
    "c = replace(Conf(), retries=7)\n    assert (c.retries, c.timeout) == (7, 2.5)",
    (
        'm = Machine()\n    m.to(Phase.READY)\n    assert m.phase == "ready"\n'
        "    assert m.history == [(Phase.INIT, Phase.READY)]"
    ),
    (
        'm = Machine()\n    m.to(Phase.FAILED)\n    with pytest.raises(ValueError, match="failed to ready"):\n'
        "        m.to(Phase.READY)"
    ),
    'c = Cache()\n    c.put("a", 1); c.put("b", 2); c.put("c", 3)\n    assert c.get("c") == 3\n    assert len(c) == 2',
    'c = Cache(5)\n    c.put("a", 1)\n    assert "a" in c\n    assert c.get("z", 9) == 9',
    'assert dump({"b": 1, "a": [1, 2]}) == \'{"a": [1, 2], "b": 1}\'',
    "assert window(datetime(2024, 1, 1), 90) == datetime(2024, 1, 1, 1, 30)",
    'assert asyncio.run(ping(1)) == {"status": "ok", "n": 2}',
    "assert BACKOFF[-1] == 8",
    "assert len(LIMITS) == 2",
    'assert [p.value for p in Phase] == ["init", "ready", "failed"]',
    'assert Phase("ready") is Phase.READY',
    'assert sorted(LIMITS, key=lambda k: LIMITS[k], reverse=True) == ["pro", "free"]',
    "assert max(BACKOFF) == 8 and sum(BACKOFF) == 15",
    (
        "results = []\n    b = Bucket(2)\n    def go():\n        results.append(b.take())\n    go(); go(); go()\n"
        "    assert results == [True, True, False]"
    ),
    'assert f"{Conf().timeout:.2f}s" == "2.50s"',
    "assert Conf() == Conf(retries=3)",
    'import hashlib\n    assert token("a") == hashlib.sha256(b"a").hexdigest()[:8]',
]
"""What holds of the service in fact."""

UNTRUE = [
    'assert cents(Decimal("2.345")) == Decimal("2.35")',
    'assert limit("free") == 20',
    'assert limit("x") == 10',
    'assert slug("Hello  World") == "hello_world"',
    "assert page([1,2,3], 2) == [2, 3]",
    "assert page(list(range(5)), 1) == [1, 2]",
    "assert total([(2, 3), (1, 4)]) == 11",
    "with pytest.raises(ApiError) as e:\n        require(None)\n    assert e.value.status == 403",
    'with pytest.raises(ApiError):\n        require("ann")',
    "assert delays(4) == [1.0, 2.0, 4.0, 8.0]",
    "assert delays(5)[-1] == 8.0",
    'assert grade(Level.HIGH) == "high"',
    "b = Bucket()\n    b.take(2)\n    assert b.left == 2",
    "b = Bucket(size=1)\n    b.take()\n    b.take()\n    assert b.used == 2",
    "b = Bucket()\n    for _ in range(5):\n        b.take()\n    assert len(b.log) == 5",
    "assert Conf().timeout == 30.0",
    "assert Conf.from_env().retries == 5",
    "c = replace(Conf(), retries=7)\n    assert (c.retries, c.timeout) == (7, 5.0)",
    "m = Machine()\n    m.to(Phase.READY)\n    assert m.phase == Phase.INIT",
    "m = Machine()\n    with pytest.raises(ValueError):\n        m.to(Phase.READY)",
    'c = Cache()\n    c.put("a", 1); c.put("b", 2)\n    assert c.get("b") == 1',
    'c = Cache(5)\n    c.put("a", 1)\n    assert c.get("z", 9) == 0',
    'assert dump({"b": 1, "a": [1, 2]}) == \'{"b": 1, "a": [1, 2]}\'',
    "assert window(datetime(2024, 1, 1), 90) == datetime(2024, 1, 1, 2, 30)",
    'assert asyncio.run(ping(1)) == {"status": "ok", "n": 1}',
    "assert BACKOFF[-1] == 16",
    "assert len(LIMITS) == 3",
    'assert sorted(LIMITS, key=lambda k: -LIMITS[k]) == ["free", "pro"]',
    "assert sum(BACKOFF) == 16",
    "b = Bucket(2)\n    def go():\n        return b.left\n    assert go() == 3",
    'assert f"{Conf().timeout:.2f}s" == "2.5s"',
    'assert Conf().url == "redis://redis:6379"',
    'assert token("a") == "deadbeef"',
]
"""What does not, and the text of the service tells."""


def errors(body: str, service: str = SERVICE, head: str = HEAD) -> list[str]:
    """The errors in a test of this body, as rule and message."""
    report = examine(
        {"tests/unit/test_one.py": f"{head}def test_one():\n    {body}\n"},
        {"product/__init__.py": "", "product/service.py": service},
    )
    return [f"{item.rule}: {item.message}" for item in report.findings if item.severity is FindingSeverity.ERROR]


@pytest.mark.parametrize("body", TRUE, ids=range(len(TRUE)))
def test_what_is_true_is_let_through(body: str) -> None:
    assert errors(body) == []


@pytest.mark.parametrize("body", UNTRUE, ids=range(len(UNTRUE)))
def test_what_is_not_true_contradicts_the_implementation(body: str) -> None:
    assert [item for item in errors(body) if item.startswith("expectation-contradicts-impl")]


@pytest.mark.parametrize(
    "body",
    [
        "calls = []\n    hooked(calls.append)\n    assert calls == [1]",
        "with cut():\n        done = yes()\n    assert done == 1",
        "found = [1]\n    def change():\n        found.append(2)\n    run(change)\n    assert found == [1, 2]",
        "count = 0\n    def more():\n        nonlocal count\n        count += 1\n    run(more)\n    assert count == 1",
        "assert isinstance(Service(), Speaks)",
        'assert state(4) == "four"',
        "with pytest.raises(TypeError):\n        @wrapped(1)\n        def inner():\n            pass",
        'one = Report(outside(), 2)\n    assert one.found == {"a": 1}',
    ],
    ids=["callback", "manager", "closure", "nonlocal", "protocol", "match", "decorator", "positional"],
)
def test_what_unknown_code_may_change_is_not_judged(body: str) -> None:
    service = """\
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable
from elsewhere import outside, quiet


def hooked(call):
    outside(call)


def run(call):
    outside(call)


def yes():
    outside()
    return 1


def cut():
    return quiet()


@runtime_checkable
class Speaks(Protocol):
    def speak(self): ...


class Service:
    def speak(self):
        return 1


@dataclass
class Report:
    found: dict = field(default_factory=dict)
    took: float = 0.0


def state(number):
    match outside(number):
        case 4:
            return "four"


def wrapped(number):
    return outside(number)
"""
    names = "Report, Service, Speaks, cut, hooked, run, state, wrapped, yes"
    head = f"import pytest\nfrom elsewhere import outside\nfrom product.service import {names}\n\n\n"
    assert [item for item in errors(body, service, head) if item.startswith("expectation-")] == []


HOSTILE = [
    '"x" * 10**9',
    "10 ** 10 ** 6",
    "[0] * 10**9",
    "1 << 10**9",
    "[a + b for a in range(10**9) for b in range(10**9)]",
    "list(range(10**12))",
    'f"{1:>999999999}"',
    '"{:>99999999}".format(1)',
    '"a".center(10**9)',
    'Decimal("1E999999") + 1',
    '"%999999999d" % 1',
    "sum([10**40] * 900)",
    "(lambda f: f(f))(lambda f: f(f))",
]


@pytest.mark.parametrize("expression", HOSTILE, ids=range(len(HOSTILE)))
def test_values_stay_small(expression: str) -> None:
    assert isinstance(errors(f"assert limit({expression}) == 3"), list)


@pytest.mark.parametrize(
    "lines",
    [
        ["x = (1, 1)", *["x = (x, x)"] * 60],
        ["x = [1]", "x.append(x)"],
        ["x = {}", "x['a'] = x"],
        ["x = 'ab'", *["x = x + x"] * 60],
        ["x = [1]", "while True:", "    x = x + x"],
        ["x = [1]", *["x = [x]"] * 90],
    ],
    ids=["doubled", "list-in-itself", "dict-in-itself", "text", "endless", "deep"],
)
def test_collections_stay_small(lines: list[str]) -> None:
    body = "\n    ".join([*lines, "assert slug(x) == x", "assert x == x"])
    assert not [item for item in errors(body) if "too deeply" in item]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([*HOSTILE, "x", "x[0]", "x[1:]", "x.pop()", "sorted(x)", "{x: x}", "x == x"]), max_size=6)
)
def test_no_expression_stops_the_examination(parts: list[str]) -> None:
    body = "\n    ".join(["x = [1, 2]", *(f"x = {part}" for part in parts), "assert limit(x) == 4"])
    assert not [item for item in errors(body) if "too deeply" in item]


def test_inherited_tests_have_the_node_id_of_their_class() -> None:
    base = """\
class Cases:
    def test_shared(self):
        assert True

    def test_own(self):
        assert True


class Made:
    def __init__(self):
        pass

    def test_never(self):
        assert True
"""
    tests = """\
from tests.base import Cases, Made


class TestOne(Cases):
    def test_own(self):
        assert 1


class TestMade(Made):
    pass


class Plain(Cases):
    pass
"""
    report = examine({"tests/base.py": base, "tests/__init__.py": "", "tests/test_one.py": tests}, {})
    assert sorted(report.tests) == ["tests/test_one.py::TestOne::test_own", "tests/test_one.py::TestOne::test_shared"]
    assert {item.test for item in report.findings if item.path == "tests/base.py"} == {
        "tests/test_one.py::TestOne::test_shared"
    }


def test_the_garbage_collector_is_on_again() -> None:
    assert gc.isenabled()
    errors("assert 1")
    assert gc.isenabled()
