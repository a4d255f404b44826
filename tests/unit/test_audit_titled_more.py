"""Titles that ask for a feature: what prevents something, an order of use, bytes, time beside each other, effects."""

from __future__ import annotations

import pytest

from bot.audit.examine import examine
from bot.audit.vacuity.titles import Feature, features
from bot.domain.audit import FindingSeverity

PRODUCT = '''\
import asyncio
import time
import uuid
from collections import OrderedDict

import jwt

MAX_BYTES = 64


class Sessions:
    def __init__(self, ttl=300, clock=time.time):
        self.ttl = ttl
        self.clock = clock
        self.known = {}

    def open(self, user):
        token = uuid.uuid4().hex
        self.known[token] = [user, self.clock()]
        return token

    def touch(self, token):
        found = self.known.get(token)
        if found is None:
            return False
        found[1] = self.clock()
        return True

    def active(self, user):
        now = self.clock()
        return [key for key, (owner, seen) in self.known.items() if owner == user and now < seen + self.ttl]


class Recent:
    def __init__(self, size):
        self.size = size
        self.entries = OrderedDict()

    def get(self, key):
        if key not in self.entries:
            return None
        self.entries.move_to_end(key)
        return self.entries[key]

    def put(self, key, value):
        self.entries[key] = value
        if len(self.entries) > self.size:
            self.entries.popitem(last=False)


class Mailer:
    def __init__(self, server):
        self.server = server
        self.done = set()
        self.number = 0

    async def send(self, message, internal=False):
        if internal:
            return False
        if message in self.done:
            return False
        try:
            await asyncio.wait_for(self.server.deliver(message), 2.0)
        except asyncio.TimeoutError:
            return False
        self.done.add(message)
        self.number += 1
        return True

    async def send_all(self, messages):
        return await asyncio.gather(*(self.send(message) for message in messages))


class Guard:
    def __init__(self, clock):
        self.clock = clock

    def check(self, token):
        try:
            claims = jwt.decode(token, "s", algorithms=["HS256"], audience="api", options={"verify_exp": False})
        except jwt.InvalidTokenError as error:
            raise PermissionError("bad token") from error
        if self.clock() > claims["exp"]:
            raise PermissionError("token expired")
        return claims["sub"]


def check_name(name):
    if len(name.encode("utf-8")) > MAX_BYTES:
        raise ValueError("too long")
    return name


def key_of(params, secrets=("password",)):
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name not in secrets)
'''

BEGINNING = '''\
import asyncio
import unittest

import jwt
import pytest

from shop.core import Guard, Mailer, Recent, Sessions, check_name, key_of


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Server:
    def __init__(self, delay=0.01):
        self.got, self.delay, self.at_once, self.most = [], delay, 0, 0

    async def deliver(self, message):
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(self.delay)
        self.at_once -= 1
        self.got.append(message)


'''

BAD = {
    "only a moment passes": '''\
def test_active_hides_expired_sessions():
    clock = Clock()
    sessions = Sessions(clock=clock)
    token = sessions.open("ada")
    clock.now += 10
    assert sessions.active("ada") == [token]
''',
    "it would be there anyway": '''\
class TouchTests(unittest.TestCase):
    def test_touch_extends_session(self):
        clock = Clock()
        sessions = Sessions(clock=clock)
        token = sessions.open("ada")
        clock.now += 20
        self.assertTrue(sessions.touch(token))
        self.assertIn(token, sessions.active("ada"))
''',
    "used in the order of insertion": '''\
def test_recent_drops_least_recently_used():
    recent = Recent(2)
    for key in "abc":
        recent.put(key, key)
        recent.get(key)
    assert recent.get("a") is None
    assert recent.get("c") == "c"
''',
    "not slow enough": '''\
@pytest.mark.asyncio
async def test_slow_server_does_not_stall_mailer():
    server = Server(delay=0.5)
    assert await Mailer(server).send("1")
    assert server.got == ["1"]
''',
    "nothing internal": '''\
@pytest.mark.asyncio
async def test_internal_messages_are_never_sent():
    mailer = Mailer(Server())
    await mailer.send("1")
    assert mailer.number == 1
''',
    "one after another is fine": '''\
@pytest.mark.asyncio
async def test_messages_are_sent_side_by_side():
    assert await Mailer(Server()).send_all(["1", "2"]) == [True, True]
''',
    "refused for its audience": '''\
def test_expired_token_is_rejected():
    token = jwt.encode({"sub": "ada", "aud": "web", "exp": 10}, "s", algorithm="HS256")
    with pytest.raises(PermissionError):
        Guard(Clock()).check(token)
''',
    "ASCII alone": '''\
@pytest.mark.parametrize("letter", ["a", "b"])
def test_name_limit_is_measured_in_bytes(letter):
    assert check_name(letter * 64)
    with pytest.raises(ValueError):
        check_name(letter * 65)
''',
    "no secret": '''\
def test_secrets_are_never_included_in_key_of_request():
    assert key_of({"b": 1, "a": 2}) == "a=2&b=1"
''',
    "only a number": '''\
@pytest.mark.asyncio
async def test_number_increases_with_each_message():
    mailer = Mailer(Server())
    for message in "abc":
        await mailer.send(message)
    assert mailer.number >= 0 and len(mailer.done) == 3
''',
    "once only": '''\
@pytest.mark.asyncio
async def test_same_message_is_never_sent_again():
    mailer = Mailer(Server())
    assert await mailer.send("1")
    assert mailer.done == {"1"}
''',
}

GOOD = {
    "all time passes": '''\
def test_active_hides_expired_sessions():
    clock = Clock()
    sessions = Sessions(clock=clock)
    sessions.open("ada")
    clock.now += 300
    assert sessions.active("ada") == []
''',
    "it would be gone without": '''\
class TouchTests(unittest.TestCase):
    def test_touch_extends_session(self):
        clock = Clock()
        sessions = Sessions(clock=clock)
        token = sessions.open("ada")
        for _ in range(2):
            clock.now += 200
            self.assertTrue(sessions.touch(token))
        self.assertIn(token, sessions.active("ada"))
''',
    "used in another order": '''\
def test_recent_drops_least_recently_used():
    recent = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    recent.get("a")
    recent.put("c", 3)
    assert recent.get("b") is None
    assert recent.get("a") == 1
''',
    "slow enough": '''\
@pytest.mark.asyncio
async def test_slow_server_does_not_stall_mailer():
    server = Server(delay=60)
    assert not await Mailer(server).send("1")
    assert server.got == []
''',
    "something internal": '''\
@pytest.mark.asyncio
async def test_internal_messages_are_never_sent():
    server = Server()
    assert not await Mailer(server).send("1", internal=True)
    assert server.got == []
''',
    "seen beside each other": '''\
@pytest.mark.asyncio
async def test_messages_are_sent_side_by_side():
    server = Server()
    await Mailer(server).send_all(["1", "2"])
    assert server.most == 2
''',
    "refused for its time": '''\
def test_expired_token_is_rejected():
    token = jwt.encode({"sub": "ada", "aud": "api", "exp": 10}, "s", algorithm="HS256")
    with pytest.raises(PermissionError, match="expired"):
        Guard(Clock()).check(token)
''',
    "more bytes than letters": '''\
def test_name_limit_is_measured_in_bytes():
    assert check_name("é" * 32)
    with pytest.raises(ValueError):
        check_name("é" * 33)
''',
    "a secret": '''\
def test_secrets_are_never_included_in_key_of_request():
    assert key_of({"a": 2, "password": "x"}) == "a=2"
''',
    "the number itself": '''\
@pytest.mark.asyncio
async def test_number_increases_with_each_message():
    mailer = Mailer(Server())
    seen = []
    for message in "abc":
        await mailer.send(message)
        seen.append(mailer.number)
    assert seen == [1, 2, 3]
''',
    "twice": '''\
@pytest.mark.asyncio
async def test_same_message_is_never_sent_again():
    server = Server()
    mailer = Mailer(server)
    await mailer.send("1")
    await mailer.send("1")
    assert server.got == ["1"]
''',
    "the case beside it": '''\
def test_valid_token_is_not_rejected():
    token = jwt.encode({"sub": "ada", "aud": "api", "exp": 2000}, "s", algorithm="HS256")
    assert Guard(Clock()).check(token) == "ada"
''',
    "what it does not do": '''\
def test_key_of_does_not_change_its_input():
    params = {"a": 2, "password": "x"}
    key_of(params)
    assert params == {"a": 2, "password": "x"}
''',
    "a random token": '''\
def test_tokens_are_never_shared():
    sessions = Sessions()
    assert sessions.open("ada") != sessions.open("ada")
''',
}


def _errors(test: str) -> set[str]:
    found = examine({"tests/test_shop.py": BEGINNING + test}, {"shop/__init__.py": "", "shop/core.py": PRODUCT})
    return {item.rule for item in found.findings if item.severity is FindingSeverity.ERROR}


@pytest.mark.parametrize("test", BAD.values(), ids=list(BAD))
def test_a_feature_that_is_not_missed_is_found(test: str) -> None:
    assert _errors(test) == {"title-unchecked"}


@pytest.mark.parametrize("test", GOOD.values(), ids=list(GOOD))
def test_a_feature_that_is_missed_is_none(test: str) -> None:
    assert _errors(test) == set()


@pytest.mark.parametrize(("name", "found"), [
    ("test_secret_never_reaches_the_log", {Feature.PREVENTS}),
    ("test_valid_input_is_not_refused", set()),
    ("test_counts_users_not_connections", {Feature.COUNTS_THESE}),
    ("test_is_not_ready", set()),
    ("test_lru_getsizeof", set()),
    ("test_lru_eviction", {Feature.RECENCY}),
    ("test_equal_names", set()),
])
def test_what_a_title_asks_for(name: str, found: set[Feature]) -> None:
    assert features(name) == found


def _is_red(body: str) -> bool:
    """Whether the audit says that a test which may ask for times and random values certainly fails."""
    test = f"import random, time, secrets, heapq, jwt, datetime\nfrom shop.core import key_of\n\n\n{body}"
    found = examine({"tests/test_shop.py": test}, {"shop/__init__.py": "", "shop/core.py": PRODUCT})
    return any(item.rule in {"fails-as-written", "expectation-contradicts-impl"} for item in found.findings)


HOSTILE = {
    "many bytes": "secrets.token_bytes(10 ** 12)",
    "negative bytes": "secrets.token_hex(-1)",
    "a wide range": "random.randrange(10 ** 4000)",
    "an empty range": "random.randint(2, 1)",
    "a huge choice": "random.Random(1).choices([1], k=10 ** 12)",
    "an endless sample": "random.Random(1).sample(range(10 ** 12), 5)",
    "an odd seed": "random.Random([])",
    "a long sleep": "time.sleep(1e300)",
    "a number that is none": "time.sleep(float('nan'))",
    "an odd zone": "datetime.datetime.now(tz='x')",
    "a long token": "jwt.decode('a' * 90_000, 'k', algorithms=['HS256'])",
    "a deep token": "jwt.encode({'a': [[[[]]]] * 9_000}, 'k')",
    "odd claims": "jwt.encode({'a': object()}, 'k')",
    "a key of an odd class": "jwt.encode({}, object())",
    "no text": "jwt.decode(None, 'k', algorithms=['HS256'])",
    "a deep payload": "jwt.decode('a.' + 'W' * 9_000 + '.c', 'k', algorithms=['HS256'])",
    "a heap of everything": "heapq.nlargest(10 ** 9, range(10 ** 9))",
    "what cannot be compared": "heapq.heapify([object(), 1, 'x'])",
}


@pytest.mark.parametrize("call", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_calls_end_quietly(call: str) -> None:
    body = f"def test_it():\n    try:\n        {call}\n    except ValueError:\n        pass\n    assert True\n"
    assert not _is_red(body)


@pytest.mark.parametrize(("check", "red"), [
    ("time.time() - begin > 0.5", False),
    ("time.time() - begin < 0", False),
    ("key_of({'a': begin < 0}) == 'b'", False),
    ("key_of({'a': 1}) == 'b'", True),
    ("key_of({'a': random.random() < 0.5}) == 'a=False'", False),
    ("key_of({'a': random.random() < 2}) == 'a=False'", True),
    ("key_of({'a': random.Random(1).randint(1, 1)}) == 'a=2'", True),
])
def test_what_depends_on_the_clock_or_on_chance_is_not_said_to_fail(check: str, red: bool) -> None:
    assert _is_red(f"def test_it():\n    begin = time.time()\n    assert {check}\n") is red
