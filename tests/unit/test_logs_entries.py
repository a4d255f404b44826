from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.logs import LogEntry, Severity
from bot.logs.entries import entry_from_json
from bot.logs.severity import infer

WHEN = "2026-03-01T12:00:00.000000001Z"


def read(**fields: Any) -> LogEntry:
    return entry_from_json(json.dumps({"insertId": "i1", "timestamp": WHEN, **fields}).encode())


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"3", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"{}", "not a LogEntry"),
        (b'{"timestamp": "2026-03-01T12:00:00Z"}', "not a LogEntry"),
        (b'{"insertId": "a"}', "no timestamp"),
        (b'{"insertId": "a", "timestamp": "yesterday"}', "not an RFC 3339 time"),
        (b'{"insertId": "a", "timestamp": "2026-13-01T12:00:00Z"}', "month"),
        (b'{"insertId": "a", "timestamp": "0001-01-01T00:00:00Z"}', "not a time of a log entry"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_entry_is_refused_with_a_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        entry_from_json(raw)


def test_nanoseconds_offsets_and_the_time_of_receipt() -> None:
    assert read(textPayload="x").time_ns == 1_772_366_400_000_000_001
    assert read(timestamp="2026-03-01T13:00:00+01:00").time_ns == 1_772_366_400_000_000_000
    assert read(timestamp=None, receiveTimestamp=WHEN, textPayload="x").time_ns == 1_772_366_400_000_000_001


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("[2026-03-01 12:00:00 +0000] [12] [ERROR] Worker (pid:13) exited with code 3", Severity.ERROR),
        ("[2026-03-01 12:00:00 +0000] [12] [INFO] Booting worker with pid: 13", Severity.INFO),
        ("2026-03-01 12:00:00.123 | ERROR    | ferry.dock:land:31 - no room", Severity.ERROR),
        ("2026-03-01 12:00:00,123 - ferry.dock - CRITICAL - no room", Severity.CRITICAL),
        ("2026-03-01T12:00:00Z WARN no room", Severity.WARNING),
        ("ERROR:ferry.dock:no room", Severity.ERROR),
        ("ERROR:    Application startup failed. Exiting.", Severity.ERROR),
        ('INFO:     10.0.0.1:5000 - "GET /error HTTP/1.1" 500', Severity.INFO),
        ("INFO: found ERROR in input", Severity.INFO),
        ("2026/03/01 12:00:00 [error] 7#7: *1 connect() failed", Severity.ERROR),
        ("time=x level=error msg=boom", Severity.ERROR),
        ('{"level": "warning", "m": 1}', Severity.WARNING),
        ("Traceback (most recent call last):", Severity.ERROR),
        ("boom\nTraceback (most recent call last):\n", Severity.ERROR),
        ("Container called exit(3).", Severity.WARNING),
        ("Container called exit(0).", Severity.INFO),
        ("Memory limit of 512 MiB exceeded with 530 MiB used.", Severity.ERROR),
        ("Uncaught signal: 6, pid=1", Severity.ERROR),
        ("/app/ferry/a.py:12: DeprecationWarning: old", Severity.WARNING),
        ("During handling of the above exception, another exception occurred:", Severity.DEFAULT),
        ("no errors found", Severity.DEFAULT),
        ("Errors: 0", Severity.DEFAULT),
        ("", Severity.DEFAULT),
        ("the ERROR of their ways", Severity.DEFAULT),
        ('  File "/app/a.py", line 3, in f', Severity.DEFAULT),
    ],
)
def test_severity_is_inferred_from_the_text(text: str, severity: Severity) -> None:
    assert infer(text) is severity
    assert read(textPayload=text).severity is severity


def test_a_given_severity_wins_and_nested_ones_are_not_believed() -> None:
    assert read(severity="INFO", textPayload="ERROR: x").severity is Severity.INFO
    assert read(severity="DEFAULT", textPayload="ERROR: x").severity is Severity.ERROR
    assert read(severity=500, textPayload="x").severity is Severity.ERROR
    nested = {"message": "fine", "error": {"severity": "ERROR", "message": "Missing field"}}
    assert read(jsonPayload=nested).severity is Severity.DEFAULT
    assert read(severity="INFO", jsonPayload=nested).severity is Severity.INFO
    assert read(jsonPayload={"message": "x", "level": "warning"}).severity is Severity.WARNING
    assert read(httpRequest={"status": 503}).severity is Severity.ERROR


TRACE = 'Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\nKeyError: 1'


def test_the_text_of_each_kind_of_payload() -> None:
    assert read(jsonPayload={"message": "hello", "x": 1}).text == "hello"
    assert read(jsonPayload={"message": "failed", "exc_info": TRACE}).text == f"failed\n{TRACE}"
    assert read(jsonPayload={"message": "failed", "error": {"traceback": TRACE}}).text == f"failed\n{TRACE}"
    assert read(jsonPayload={"message": f"failed\n{TRACE}", "stack_trace": TRACE}).text == f"failed\n{TRACE}"
    assert read(jsonPayload={"message": "failed", "exc_info": True}).text == "failed"
    assert read(jsonPayload={"exception": TRACE}).text == TRACE
    assert read(jsonPayload={"b": 2, "a": 1}).text == '{"a":1,"b":2}'
    assert read(protoPayload={"methodName": "Replace", "resourceName": "svc/x", "status": {"message": "no"}}).text == (
        "Replace svc/x no"
    )
    request = {"requestMethod": "POST", "requestUrl": "/x", "status": 500}
    assert read(httpRequest=request).text == "POST /x -> 500"
    assert read(httpRequest=request, textPayload="malformed").text == "POST /x -> 500: malformed"


def test_a_missing_id_is_derived_from_the_content_alone() -> None:
    first = entry_from_json(b'{"timestamp": "2026-03-01T12:00:00Z", "textPayload": "x"}')
    again = entry_from_json(b'{"textPayload":"x","timestamp":"2026-03-01T12:00:00Z"}')
    other = entry_from_json(b'{"textPayload":"y","timestamp":"2026-03-01T12:00:00Z"}')
    assert first.insert_id == again.insert_id != other.insert_id
    assert first.insert_id.startswith("derived-")


def test_names_fall_back_where_cloud_run_leaves_them_empty() -> None:
    labels = {"service_name": "", "configuration_name": "ferry", "revision_name": ""}
    entry = read(
        textPayload="x", resource={"type": "cloud_run_revision", "labels": labels}, logName="projects/p1/logs/a%2Fb"
    )
    assert (entry.service, entry.revision, entry.project) == ("ferry", "", "p1")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.just(TRACE),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["message", "labels", "status", "error", "exc_info", "type", "requestUrl", "@type", "level", "x"]
            )
            | st.text(max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
FIELDS = st.dictionaries(
    st.sampled_from(
        [
            "insertId",
            "timestamp",
            "receiveTimestamp",
            "severity",
            "logName",
            "trace",
            "textPayload",
            "jsonPayload",
            "protoPayload",
            "httpRequest",
            "resource",
            "labels",
            "errorGroups",
            "other",
        ]
    ),
    JSON,
    max_size=10,
)


@settings(max_examples=200, deadline=None)
@given(FIELDS)
def test_any_value_in_any_field_is_read_or_refused(fields: dict[str, Any]) -> None:
    value = {"insertId": "i1", "timestamp": WHEN} | fields
    raw = json.dumps(value).encode()
    try:
        entry = entry_from_json(raw)
    except ValueError:
        return
    assert entry.insert_id
    assert isinstance(entry.text, str)
    assert isinstance(entry.severity, Severity)


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes_are_refused_and_never_crash(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        entry_from_json(raw)


@pytest.mark.parametrize("text", [b"payment \xff failed", b"payment \\ud800 failed"])
def test_what_is_no_unicode_costs_a_character_and_not_the_entry(text: bytes) -> None:
    raw = b'{"insertId": "i", "timestamp": "2026-03-01T12:00:00Z", "severity": "CRITICAL", "textPayload": "%s"}' % text
    found = entry_from_json(raw)
    assert found.severity is Severity.CRITICAL
    assert found.text.startswith("payment ")
    assert found.text.endswith(" failed")
    found.raw.decode()
