"""Fake tests in other words than the rules' own examples, each beside an honest test that looks like it.

The implementation is a small one that stands for many: a store with a listener, a client of a server, a ticket
service. What is tried is that rules understand the code: through helpers that give several things back, fixtures that
make factories, loops, base classes, and doubles of every kind.
"""

from __future__ import annotations

import pytest

from bot.audit.examine import examine
from bot.domain.audit import FindingSeverity

IMPLEMENTATION = '''\
import asyncio
import enum
import time
from dataclasses import dataclass

import httpx


class Sold(Exception):
    pass


class Unreachable(Exception):
    pass


class State(enum.Enum):
    OPEN = "open"
    TAKEN = "taken"


@dataclass(frozen=True)
class Ticket:
    seat: str
    price: int
    state: State = State.OPEN

    def doubled(self):
        return self.price * 2


class Hall:
    def __init__(self, seats, *, margin=2, listener=None, clock=time.time):
        if margin < 0:
            raise ValueError("margin")
        self._free = list(seats)
        self._listener = listener
        self._clock = clock
        self.margin = margin
        self.handlers = {}
        self.lock = asyncio.Lock()

    def on(self, kind, handler):
        self.handlers[kind] = handler

    def take(self, seat):
        if seat not in self._free:
            raise Sold(seat)
        self._free.remove(seat)
        if self._listener is not None and len(self._free) <= self.margin:
            self._listener.scarce(len(self._free))
        return Ticket(seat, 10, State.TAKEN)

    def left(self):
        return len(self._free)


class Box:
    """A client of the ticket server."""

    def __init__(self, host="localhost", port=7070, *, opener=None):
        self.host, self.port = host, port
        self._open = opener or asyncio.open_connection

    async def connect(self):
        last = None
        for _ in range(3):
            try:
                return await self._open(self.host, self.port)
            except OSError as error:
                last = Unreachable(f"nothing at {self.host}:{self.port}: {error}")
        raise last


class Web:
    def __init__(self, url, *, transport=None):
        self._http = httpx.AsyncClient(base_url=url, transport=transport)

    async def seats(self):
        response = await self._http.get("/seats")
        return response.json()
'''
HEAD = """\
import asyncio
import contextlib
import sqlite3
import unittest
from types import SimpleNamespace
from unittest.mock import AsyncMock, MagicMock, Mock

import httpx
import pytest
from product.service import Box, Hall, Sold, State, Ticket, Unreachable, Web


def make(**options):
    told = Mock()
    hall = Hall(["a1", "a2", "a3"], **options)
    return hall, told


def wired(**options):
    told = Mock()
    return Hall(["a1", "a2", "a3"], listener=told, **options), told


@pytest.fixture
def build():
    def factory(*seats):
        seen = []
        return Hall(seats), seen

    return factory


@contextlib.contextmanager
def opened():
    yield Hall(["a1"])


"""
BAD = {
    "attribute-from-factory": (
        "unwired-double",
        """\
def test_listener_outage(build):
    hall, seen = build("a1", "a2")
    pager = Mock()
    pager.scarce.side_effect = ConnectionError
    hall.pager = pager
    assert hall.take("a1").seat == "a1"
""",
    ),
    "helper-keeps-the-double": (
        "unwired-double",
        """\
def test_listener_outage():
    hall, told = make()
    told.scarce.side_effect = ConnectionError
    assert hall.take("a1").seat == "a1"
""",
    ),
    "name-that-nobody-asks": (
        "unwired-double",
        """\
def test_listener_outage():
    told = Mock()
    told.on_scarce.side_effect = ConnectionError
    assert Hall(["a1"], listener=told).take("a1").seat == "a1"
""",
    ),
    "own-object-on-own-attribute": (
        "unwired-double",
        """\
class Recorder:
    def write(self, text):
        raise OSError(text)


def test_recorder_outage():
    with opened() as hall:
        hall.recorder = Recorder()
        assert hall.take("a1").seat == "a1"
""",
    ),
    "method-of-factory-product": (
        "missing-symbol",
        """\
def test_x(build):
    hall, _ = build('a1')
    hall.release('a1')
""",
    ),
    "method-in-manager": (
        "missing-symbol",
        """\
def test_x():
    with opened() as hall:
        assert hall.size() == 1
""",
    ),
    "method-in-loop": (
        "missing-symbol",
        """\
def test_x():
    halls = [Hall([]) for _ in range(3)]
    for hall in halls:
        assert hall.full() is True
""",
    ),
    "method-of-own-helper": (
        "missing-symbol",
        """\
class Factory:
    def hall(self):
        return Hall(["a1"])


class TestHall(unittest.TestCase):
    def setUp(self):
        self.factory = Factory()

    def test_x(self):
        self.assertEqual(self.factory.concert_hall().left(), 1)
""",
    ),
    "argument-of-factory-product": (
        "wrong-signature",
        """\
def test_x(build):
    hall, _ = build('a1')
    assert hall.take('a1', row=3).seat == 'a1'
""",
    ),
    "argument-in-list": (
        "wrong-signature",
        """\
def test_x():
    halls = [Hall([name], stage='left') for name in 'ab']
    assert len(halls) == 2
""",
    ),
    "gathered-absence": (
        "infra-as-repro",
        """\
@pytest.mark.asyncio
async def test_opening_race():
    boxes = [Box() for _ in range(4)]
    found = await asyncio.gather(*(box.connect() for box in boxes), return_exceptions=True)
    broken = [item for item in found if isinstance(item, Unreachable)]
    assert broken, "race not reproduced"
""",
    ),
    "noted-absence": (
        "infra-as-repro",
        """\
@pytest.mark.asyncio
async def test_opening_race():
    notes = []
    for port in (7070, 7071):
        try:
            await Box("localhost", port).connect()
            notes.append("fine")
        except Unreachable as error:
            notes.append(f"lost: {error}")
    lost = [note for note in notes if note.startswith("lost")]
    assert len(lost) == 2, "race not reproduced"
""",
    ),
    "excused-absence": (
        "infra-as-repro",
        '''\
@pytest.mark.asyncio
async def test_first_seconds():
    """A cold start: that nothing can be reached is the expected behaviour."""
    with pytest.raises(Unreachable, match="nothing at"):
        await Box("127.0.0.1", 7070).connect()
''',
    ),
    "number-and-more": (
        "tautology",
        """\
def test_x():
    left = Hall(['a']).left()
    assert left <= left + 5
    assert left >= 0 or left is not None
""",
    ),
    "fields-come-back": (
        "tautology",
        """\
def test_x():
    ticket = Ticket(seat="a1", price=5, state=State.TAKEN)
    assert ticket.seat == "a1"
    assert ticket.state is State.TAKEN
""",
    ),
    "result-or-error": (
        "either-outcome-passes",
        """\
def test_x():
    found = None
    try:
        found = Hall([]).take("a1")
    except Sold as error:
        found = error
    assert found is not None
""",
    ),
    "state-or-state": (
        "either-outcome-passes",
        """\
def test_x():
    try:
        state = Hall([]).take("a1").state
    except Sold:
        state = State.OPEN
    assert state in (State.TAKEN, State.OPEN)
""",
    ),
    "all-members": (
        "either-outcome-passes",
        """\
def test_x():
    assert Hall(['a1']).take('a1').state in [State.OPEN, State.TAKEN]
""",
    ),
    "all-values": (
        "either-outcome-passes",
        """\
def test_x():
    state = Hall(['a1']).take('a1').state.value
    assert state == 'open' or state == 'taken'
""",
    ),
    "good-and-bad-word": (
        "either-outcome-passes",
        """\
def test_x():
    assert Hall(['a1']).take('a1').seat in ('ok', 'error', 'unknown')
""",
    ),
    "mock-gives-data": (
        "mock-only",
        """\
def test_x():
    hall = MagicMock()
    hall.take.return_value = Ticket("a1", 4, State.TAKEN)
    ticket = hall.take("a1")
    hall.take.assert_called_once_with("a1")
    assert ticket.price == 4
""",
    ),
    "out-of-the-dictionary": (
        "self-inflicted",
        """\
@pytest.mark.asyncio
async def test_x():
    async def explode(event):
        raise ValueError("margin")

    hall = Hall([])
    hall.on("sold", explode)
    with pytest.raises(ValueError, match="margin"):
        await hall.handlers["sold"]({})
""",
    ),
    "own-lock-own-connection": (
        "self-inflicted",
        """\
def test_locked(tmp_path):
    Hall([str(tmp_path)]).left()
    first = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    first.execute("BEGIN IMMEDIATE")
    second = sqlite3.connect(tmp_path / "x.db", timeout=0.01)
    with pytest.raises(sqlite3.OperationalError):
        second.execute("CREATE TABLE t (x)")
""",
    ),
    "method-made-to-raise": (
        "self-inflicted",
        """\
def test_x(build):
    hall, _ = build("a1")

    def gone(seat):
        raise Sold(seat)

    hall.take = gone
    with pytest.raises(Sold):
        hall.take("a1")
""",
    ),
    "transport-only": (
        "tests-dependency",
        """\
@pytest.mark.asyncio
async def test_x():
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=["a1"]))
    async with httpx.AsyncClient(transport=transport) as web:
        assert (await web.get("http://x/seats")).json() == ["a1"]
""",
    ),
    "one-shot-subclass": (
        "double-decides",
        """\
class Rushed(Hall):
    asked = False

    def take(self, seat):
        if self.asked:
            raise Sold(seat)
        self.asked = True
        return super().take(seat)


def test_two_buyers():
    hall = Rushed(["a1"])
    assert hall.take("a1").seat == "a1"
    with pytest.raises(Sold):
        hall.take("a1")
""",
    ),
    "double-with-a-lock": (
        "double-decides",
        """\
class Listener:
    def __init__(self):
        self.lock = asyncio.Lock()
        self.inside = self.most = 0

    async def scarce(self, left):
        async with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(0)
            self.inside -= 1


@pytest.mark.asyncio
async def test_one_at_a_time():
    listener = Listener()
    hall = Hall(["a1", "a2"], listener=listener)
    hall.take("a1")
    hall.take("a2")
    assert listener.most <= 1
""",
    ),
    "overridden-and-called": (
        "sut-replaced",
        """\
class Quick(Hall):
    def take(self, seat):
        return seat.upper()


def test_x():
    assert Quick(["a1"]).take("a1") == "A1"
""",
    ),
    "options-through-a-helper": (
        "wrong-signature",
        """\
def test_x():
    hall, _ = make(stage="left")
    assert hall.take("a1").seat == "a1"
""",
    ),
    "double-of-a-helper-object": (
        "unwired-double",
        """\
class Scene:
    def __init__(self):
        self.pager = Mock()
        self.hall = Hall(["a1"])


def test_x():
    scene = Scene()
    scene.pager.page.side_effect = OSError
    assert scene.hall.take("a1").seat == "a1"
""",
    ),
    "container-only": (
        "host-dependent",
        """\
def test_x():
    import os

    if os.path.exists("/.dockerenv"):
        pytest.fail("not here")
    assert Hall(["a1"]).left() == int(os.environ.get("SEATS", "1"))
""",
    ),
    "clock-that-nobody-reads": (
        "unwired-double",
        """\
from unittest.mock import patch


def test_x():
    with patch("time.time", side_effect=OSError):
        assert Hall(["a1"]).take("a1").seat == "a1"
""",
    ),
}
GOOD = {
    "set-later": """\
def test_x():
    hall, _ = make()
    told = Mock()
    hall._listener = told
    hall.take("a1")
    told.scarce.assert_called_once_with(2)
""",
    "helper-wires-the-double": """\
def test_x():
    hall, told = wired()
    told.scarce.side_effect = ConnectionError("pager")
    with pytest.raises(ConnectionError, match="pager"):
        hall.take("a1")
""",
    "handler-raises-through-product": """\
def test_x():
    def explode(left):
        raise OSError("full")

    hall = Hall(["a1"], listener=SimpleNamespace(scarce=explode))
    with pytest.raises(OSError, match="full"):
        hall.take("a1")
""",
    "own-attribute-read-by-the-test": """\
def test_x(build):
    hall, _ = build("a1")
    hall.seen = Mock()
    hall.on("sold", lambda event: hall.seen(event))
    hall.handlers["sold"]("a1")
    hall.seen.assert_called_once_with("a1")
""",
    "base-class-with-open-method": """\
class Contract:
    def make(self):
        raise NotImplementedError

    def assert_left(self, hall, expected):
        found = hall.left()
        assert found == expected

    def test_taking(self):
        hall = self.make()
        hall.take("a1")
        self.assert_left(hall, 1)


class TestPlain(Contract):
    def make(self):
        return Hall(["a1", "a2"])


class TestWired(Contract):
    def make(self):
        return Hall(["a1", "a2"], listener=Mock())
""",
    "base-class-with-a-default": """\
class Contract:
    def make(self):
        return ["a1"]

    def assert_left(self, hall, expected):
        found = hall.left()
        assert found == expected

    def test_taking(self):
        hall = self.make()
        hall.take("a1")
        self.assert_left(hall, 1)


class TestPlain(Contract):
    def make(self):
        return Hall(["a1", "a2"])


class TestWired(Contract):
    def make(self):
        return Hall(["a1", "a2"], listener=Mock())
""",
    "refused-opener": """\
@pytest.mark.asyncio
async def test_opening_race_is_told():
    opener = AsyncMock(side_effect=ConnectionRefusedError)
    with pytest.raises(Unreachable, match="nothing at"):
        await Box(opener=opener).connect()
    assert opener.await_count == 3
""",
    "counted-failures": """\
def test_one_of_many_gets_it():
    hall = Hall(["a1"])
    lost = []
    for _ in range(3):
        try:
            hall.take("a1")
        except Sold as error:
            lost.append(error)
    assert len(lost) == 2
""",
    "error-kept-and-looked-at": """\
def test_x():
    caught = None
    try:
        Hall([]).take("a1")
    except Sold as error:
        caught = error
    assert caught is not None
    assert str(caught) == "a1"
""",
    "some-members": """\
def test_x():
    assert Hall(["a1"]).take("a1").state in (State.TAKEN,)
""",
    "default-value": "def test_x():\n    assert Hall([]).margin == 2\n",
    "bounds": "def test_x():\n    assert 0 <= Hall(['a1']).left() <= 1\n",
    "method-of-given-data": """\
def test_x():
    source = Mock()
    source.find.return_value = Ticket("a1", 4)
    assert source.find("a1").doubled() == 8
""",
    "transport-under-the-product": """\
@pytest.mark.asyncio
async def test_x():
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=[request.url.path]))
    assert await Web("http://x", transport=transport).seats() == ["/seats"]
""",
    "counting-subclass": """\
class Counting(Hall):
    asked = 0

    def take(self, seat):
        self.asked += 1
        return super().take(seat)


def test_x():
    hall = Counting(["a1"])
    assert hall.take("a1").state is State.TAKEN
    assert hall.asked == 1
""",
    "failing-once-subclass": """\
class Shaky(Hall):
    failed = False

    def take(self, seat):
        if not self.failed:
            self.failed = True
            raise OSError("once")
        return super().take(seat)


def test_x():
    hall = Shaky(["a1"])
    with pytest.raises(OSError, match="once"):
        hall.take("a1")
    assert hall.take("a1").seat == "a1"
""",
    "measuring-listener": """\
class Listener:
    def __init__(self):
        self.inside = self.most = 0

    async def scarce(self, left):
        self.inside += 1
        self.most = max(self.most, self.inside)
        await asyncio.sleep(0)
        self.inside -= 1


def test_x():
    listener = Listener()
    hall = Hall(["a1"], listener=SimpleNamespace(scarce=Mock()))
    hall.take("a1")
    hall._listener.scarce.assert_called_once_with(0)
    assert listener.most == 0
""",
    "foreign-lock-meets-the-product": """\
def test_x(tmp_path):
    hall = Hall(["a1"])
    holder = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Sold):
        hall.take("zz")
    holder.execute("ROLLBACK")
""",
    "imported-by-name": """\
def test_x():
    service = pytest.importorskip("product.service")
    assert service.Hall(["a1"]).left() == 1
""",
    "mock-as-key": """\
def test_x():
    one = Mock()
    hall = Hall([])
    hall.handlers[one] = None
    assert list(hall.handlers) == [one]
""",
}


def found(test: str) -> dict[str, str]:
    """The rules that call something in a test file an error, with what they say."""
    report = examine(
        {"tests/unit/test_one.py": HEAD + test},
        {"product/__init__.py": "", "product/service.py": IMPLEMENTATION, "pytest.ini": "[pytest]\n"},
    )
    assert report.tests
    return {item.rule: item.message for item in report.findings if item.severity is FindingSeverity.ERROR}


@pytest.mark.parametrize("name", sorted(BAD))
def test_fake_is_found(name: str) -> None:
    rule, test = BAD[name]
    assert rule in found(test)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_honest_look_alike_is_left_alone(name: str) -> None:
    assert found(GOOD[name]) == {}


def test_the_projects_own_class_names_are_collected() -> None:
    body = "class HallSpec:\n    def test_x(self):\n        Hall([]).nothing()\n"
    tests = {"tests/test_one.py": f"from product.service import Hall\n\n\n{body}"}
    files = {"product/__init__.py": "", "product/service.py": IMPLEMENTATION}
    assert examine(tests, files).tests == ()
    report = examine(tests, {**files, "pytest.ini": "[pytest]\npython_classes = Test* *Spec\n"})
    assert report.tests == ("tests/test_one.py::HallSpec::test_x",)
    assert report.defects == report.tests
