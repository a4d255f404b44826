from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.logs import GroupKind, HttpRequest, LogEntry, Severity
from bot.logs.fingerprint import deciding_frames, fingerprint, identify
from bot.logs.masking import mask, mask_path
from bot.logs.redact import redact


def entry(text: str, service: str = "ferry", request: HttpRequest | None = None, **fields: str) -> LogEntry:
    return LogEntry(
        insert_id="i", time_ns=1, severity=Severity.ERROR, text=text, service=service, request=request, **fields
    )  # type: ignore[arg-type]


def trace(frames: list[tuple[str, int, str]], last: str) -> str:
    lines = [f'  File "{path}", line {line}, in {function}\n    x()' for path, line, function in frames]
    return "\n".join(["Traceback (most recent call last):", *lines, last])


DOCK = [("/app/ferry/api.py", 10, "post"), ("/app/ferry/dock.py", 20, "land")]


def test_it_has_a_version_and_64_bits() -> None:
    assert re.fullmatch(r"v2-[0-9a-f]{16}", fingerprint(entry("hello")))


def test_it_stays_as_it_is_from_version_to_version() -> None:
    """These values are in people's records and issues: a change of rules must change the version."""
    assert fingerprint(entry("worker 7 lost its lease")) == "v2-f07ba9aaa00babf2"
    assert fingerprint(entry(trace(DOCK, "KeyError: 'north'"))) == "v2-78104614e2bff8f5"
    request = HttpRequest(method="GET", url="https://x.example/ships/12?y=1", status=503)
    assert fingerprint(entry("GET", request=request)) == "v2-8999cb87391120e1"


def test_a_deploy_another_instance_and_another_value_change_nothing() -> None:
    base = fingerprint(entry(trace(DOCK, "KeyError: 'north'"), revision="r1", instance="a"))
    shifted = [(path.replace("/app/", "/workspace/"), line + 40, function) for path, line, function in DOCK]
    assert fingerprint(entry(trace(shifted, "KeyError: 'south'"), revision="r2", instance="b")) == base
    assert fingerprint(entry("Unhandled exception\n" + trace(DOCK, "KeyError: 'x'"))) == base
    library = [("/usr/local/lib/python3.12/site-packages/fastapi/routing.py", 3, "app"), *DOCK]
    assert fingerprint(entry(trace(library, "KeyError: 'x'"))) == base


def test_place_type_and_service_make_another() -> None:
    base = fingerprint(entry(trace(DOCK, "KeyError: 'north'")))
    assert fingerprint(entry(trace(DOCK, "ValueError: 'north'"))) != base
    assert fingerprint(entry(trace(DOCK, "KeyError: 'north'"), service="buoy")) != base
    assert fingerprint(entry(trace([*DOCK, ("/app/ferry/x.py", 1, "y")], "KeyError: 'north'"))) != base


def test_a_chain_is_identified_by_its_cause() -> None:
    cause = trace(DOCK, "KeyError: 'north'")
    link = "\n\nDuring handling of the above exception, another exception occurred:\n\n"
    chain = cause + link + trace([("/app/ferry/main.py", 1, "<module>")], "RuntimeError: no start")
    assert fingerprint(entry(chain)) == fingerprint(entry(cause))


def test_recursion_has_no_depth() -> None:
    def text(depth: int) -> str:
        return trace([DOCK[0]] + [("/app/t.py", 5, "walk"), ("/app/t.py", 9, "step")] * depth, "RecursionError: deep")

    assert fingerprint(entry(text(3))) == fingerprint(entry(text(300)))
    assert [frame.function for frame in deciding_frames(identify(entry(text(9))).exceptions)] == [
        "post",
        "walk",
        "step",
    ]


def test_without_frames_of_its_own_all_frames_decide() -> None:
    first = trace([("/usr/lib/python3.11/asyncio/tasks.py", 1, "wait_for")], "TimeoutError")
    other = trace([("/usr/lib/python3.11/asyncio/queues.py", 1, "get")], "TimeoutError")
    assert fingerprint(entry(first)) != fingerprint(entry(other))


def test_requests_are_told_apart_by_method_path_and_status() -> None:
    def of(method: str, url: str, status: int) -> str:
        return fingerprint(entry("x", request=HttpRequest(method=method, url=url, status=status)))

    base = of("GET", "https://ferry.example/ships/12/log?page=2", 500)
    assert of("GET", "https://other.example/ships/990/log", 500) == base
    assert of("POST", "https://ferry.example/ships/12/log", 500) != base
    assert of("GET", "https://ferry.example/ships/12/log", 503) != base
    assert of("GET", "https://ferry.example/ports/12/log", 500) != base
    assert identify(entry("x", request=HttpRequest(method="G", url="/", status=1))).kind is GroupKind.REQUEST


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("job 12 took 3.5 ms", "job 4711 took 120 ms"),
        ("at 2026-03-01 12:00:00,123 done", "at 2025-12-31 23:59:59 done"),
        ("2026-03-01T12:00:00.5Z x", "2026-03-01T12:00:00+00:00 x"),
        ("conn=550e8400-e29b-41d4-a716-446655440000 lost", "conn=0b1c2d3e-4f5a-4b6c-8d7e-9f0a1b2c3d4e lost"),
        ("peer 10.0.0.1:5000 gone", "peer 192.168.1.254:6 gone"),
        ("at 0x7f3a9c and", "at 0xdeadbeef and"),
        ("rev 9c50c5f", "rev abcdefa"),
        ("rev 1234567", "rev abcdef1"),
        ("evt_0a1b2c3d4e", "evt_ffffffffff"),
        ("job 64f1c0ffee64f1c0ffee64f1", "job abcdefabcdefabcdefabcdef"),
        ("mail to ada@example.org failed", "mail to bob.smith@mail.example.com failed"),
        ("temperature -5", "temperature 12"),
        ("GET https://x.example/a?b=1 failed", "GET https://x.example/a?c=22&d failed"),
        ("token eyJh", "token eyJh"),
        ("password=Tr0ub4dor3 bad", "password=other9Secret bad"),
    ],
)
def test_what_varies_is_masked(one: str, other: str) -> None:
    assert mask(one) == mask(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("retry: s3 down", "retry: redis down"),
        ("No module named 'app.ws'", "No module named 'app.store'"),
        ("No module named 'ferry.a'", "No module named 'ferry.b'"),
        ("a decade ago", "a minute ago"),
        ("user created", "user deleted"),
        ("store.py failed", "app.ws failed"),
        ("utf8 error", "base64 error"),
    ],
)
def test_what_tells_messages_apart_stays(one: str, other: str) -> None:
    assert mask(one) != mask(other)
    assert "<*>" not in mask(one)


def test_masked_paths_keep_their_words() -> None:
    assert mask_path("https://h.example/api/v1/ships/12/0a1b2c3d4e5f?x=1#y") == "/api/v0/ships/<*>/<*>"
    assert mask_path("/") == "/"
    assert mask_path("https://h.example") == "/"


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["ada@example.org", " ", "password=hunter2x", "id 12", "9c50c5f", "boom", "\n", ": "])
        | st.text(max_size=8),
        max_size=12,
    ).map("".join)
)
def test_redaction_leaves_the_fingerprint_of_short_messages(text: str) -> None:
    assert mask(redact(text)) == mask(text)


@settings(max_examples=120, deadline=None)
@given(st.text(max_size=100), st.integers(1, 9))
def test_other_digits_give_the_same_mask(text: str, by: int) -> None:
    digits = "0123456789"
    table = str.maketrans(digits, digits[by:] + digits[:by])
    if redact(text) == text and redact(text.translate(table)) == text.translate(table):
        assert mask(text) == mask(text.translate(table))
