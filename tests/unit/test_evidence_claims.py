from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evidence.claims import Evidence, unsupported

EVIDENCE = Evidence(
    text="self.connected = True\nreadiness failed after 7.51s, close code 1011, 3 of 10 clients\n"
         "await asyncio.sleep(0.2)\nConnectionLostError: subscriber not running (retry=2) at 08:15:02 client-44 44",
    facts="svc/router/broker.py svc/router/broker.py:41 Broker.connect E1 2025-11-07T08:15:02.123Z router-00042-zud "
          "instance 0069c7a98886",
    lines=frozenset({41}),
)


@pytest.mark.parametrize("statement", [
    "The broker says that it is connected before its subscriber runs.",
    "`self.connected = True` is set in Broker.connect.", "`connect()` sets `connected`.",
    "Broker.connect() returns early.",
    "Readiness failed after 7.51 s.", "Readiness failed after 7510 ms.", "It failed after 7.510 seconds.",
    "Clients were closed with 1011.", "Clients were closed with code 1,011.", "Three of ten clients.",
    "3 of 10 clients", "It sleeps for 0.2 seconds.", "The broker and/or the client, a request/response pair.",
    "See broker.py.", "See svc/router/broker.py.",
    "See router/broker.py, line 41.", "The ConnectionLostError says 'subscriber not running'.",
    'It says "subscriber not running".', "At 08:15:02 it was lost.", "On 2025-11-07T08:15:02.123Z it was lost.",
    "E1 shows it.", "Instance 0069c7a98886 failed.", "Why does it happen? It's the order, isn't it?", "retry=2", "",
    "This is a race between connecting and subscribing (an ordering bug), e.g. under load; i.e. it is timing.",
    "The broker's state and the clients' messages differ.",
    "It is set at svc/router/broker.py:41.", "At 08:15 it was lost.", "At 08:15:02.12 it was lost.",
    "On 2025-11-07 08:15:02 UTC it was lost.", "2025-11-07T08:15:02Z", "At 08:15:02 GMT it was lost.",
    "Revision router-00042-zud and client-44.", "The WebSocket is gone.", "Client 44 is gone.",
    "svc.router.broker is loaded.", 'It was closed with "1011".', "It retried `three` times.", "The `3 of 10` clients.",
    "Then the Broker lost its Clients in Python on Google Cloud Run.", "It waits: The subscriber is not running.",
    "Some 0.044k clients, in `self.connected` Broker.",
])
def test_held(statement: str) -> None:
    assert unsupported(statement, EVIDENCE) == ()


@pytest.mark.parametrize(("statement", "missing"), [
    ("Readiness failed after 60 s.", "60 s"), ("Readiness failed after 7.51 ms.", "7.51 ms"), ("7.5 s", "7.5 s"),
    ("It took 7.51 minutes.", "7.51 minutes"), ("Clients were closed with 1012.", "1012"),
    ("Clients were closed with 101.", "101"), ("Four of ten clients.", "Four"), ("Hundreds of clients.", "Hundreds"),
    ("`self.connected = False`", "`self.connected = False`"),
    ('It says "subscriber is running".', '"subscriber is running"'),
    ("“all is well”", "“all is well”"), ("The RedisManager fails.", "RedisManager"),
    ("redis_manager fails.", "redis_manager"),
    ("See svc/router/app.py.", "svc/router/app.py"), ("Broker.disconnect fails.", "Broker.disconnect"),
    ("See line 40.", "line 40"), ("It took 41 s.", "41 s"), ("At 08:15:03.", "08:15:03"),
    ("On 2025-11-08.", "2025-11-08"),
    ("E2 shows it.", "E2"), ("Instance 0069c7a98887 failed.", "0069c7a98887"), ("publish() fails.", "publish"),
    ("99.9% of them", "99.9%"), ("router/queue/worker is slow", "router/queue/worker"),
    ("It is set at svc/router/broker.py:42.", "svc/router/broker.py:42"), ("At 15:02 it was lost.", "15:02"),
    ("At 08:15:02.13 it was lost.", "08:15:02.13"), ("At 08:15:02 CET it was lost.", "08:15:02 CET"),
    ("2025-11-07T08:15:02+02:00", "2025-11-07T08:15:02+02:00"), ("At 08:15 pm it was lost.", "08:15 pm"),
    ("On 2025-11-08T08:15:02Z.", "2025-11-08T08:15:02Z"), ("Revision router-00042-zuf.", "router-00042-zuf"),
    ("Revision router-00043-zud.", "router-00043-zud"), ("client-45", "45"), ("7.51 KiB", "7.51 KiB"),
    ("/etc/passwd.txt", "/etc/passwd.txt"), ("svc/router/brоker.py", "svc/router/brоker.py"),
    ('It failed "41" times.', '"41"'), ("It failed `101` times.", "`101`"), ("It failed `ten thousand` times.",
    "`ten thousand`"), ("`13 of 10` clients.", "`13 of 10`"), ("`3 of 1` clients.", "`3 of 1`"),
    ("`forty` clients", "`forty`"), ("15 clients at once.", "15"), ("08 clients at once.", "08"),
    ("3k clients at once.", "3k"), ("3M requests", "3M"), ("3 million requests", "million"),
    ("It fails because Mallory deployed it.", "Mallory"), ("It runs in Frankfurt.", "Frankfurt"),
    ("The outage of Friday goes on.", "Friday"), ("In `broker` Kafka is full.", "Kafka"),
    ("It fails: Redis is gone.", "Redis"),
])
def test_not_held(statement: str, missing: str) -> None:
    assert unsupported(statement, EVIDENCE) == (missing,)


def test_what_was_counted_holds_number_words_and_no_measure() -> None:
    counted = EVIDENCE.plus(Evidence(counts=frozenset({4})))
    assert unsupported("Four clients were closed, four times.", counted) == ()
    assert unsupported("After four seconds and 4 clients", counted) == ("4", "four")
    assert unsupported("Five clients", counted) == ("Five",)


@given(st.text(max_size=300))
def test_any_statement_is_held_by_itself_or_named(text: str) -> None:
    for piece in unsupported(text, Evidence()):
        assert piece == piece.strip()


@given(st.decimals(min_value=0, max_value=10**6, places=2), st.decimals(min_value=0, max_value=10**6, places=2))
def test_another_number_is_never_held(claimed: object, real: object) -> None:
    held = unsupported(f"It took {claimed} s.", Evidence(f"took {real} s")) == ()
    assert held is (claimed == real)
