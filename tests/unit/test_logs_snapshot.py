from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.logs import HttpRequest, LogEntry, Severity
from bot.logs.entries import entry_from_json
from bot.logs.fingerprint import fingerprint
from bot.logs.snapshot import parse_snapshot, snapshot_lines


def raw(number: int, **fields: Any) -> bytes:
    return json.dumps(
        {
            "insertId": f"68c8b2370000d311b0089{number:03d}",
            "timestamp": f"2026-03-01T12:00:{number:02d}.000000001Z",
            "logName": "projects/harbour-dev/logs/x",
            "labels": {"instanceId": "0069c7a9" + "ab" * 60, "commit-sha": "4f2a9c1e8b7d"},
            "resource": {
                "type": "cloud_run_revision",
                "labels": {"service_name": "ferry", "project_id": "harbour-dev"},
            },
            **fields,
        }
    ).encode()


def test_it_is_ndjson_in_time_order_and_reads_back_the_same() -> None:
    entries = [entry_from_json(raw(number, textPayload=f"line {number}", severity="ERROR")) for number in (3, 1, 2)]
    content = snapshot_lines(entries)
    assert content.count(b"\n") == 3
    back = parse_snapshot(content)
    assert [one.text for one in back] == ["line 1", "line 2", "line 3"]
    by_id = {one.insert_id: one for one in entries}
    for one in back:
        original = by_id[one.insert_id]
        assert (one.time_ns, one.severity, one.instance, one.service, one.labels, one.project) == (
            original.time_ns,
            original.severity,
            original.instance,
            original.service,
            original.labels,
            original.project,
        )
    assert snapshot_lines(back) == content


def test_secrets_are_gone_from_every_field_and_fingerprints_stay() -> None:
    values = [
        raw(1, textPayload="no user ada@example.org", severity="ERROR"),
        raw(2, jsonPayload={"message": "login failed", "password": "hunter2", "who": {"ada@example.org": 1}}),
        raw(3, protoPayload={"methodName": "M", "authenticationInfo": {"principalEmail": "ada@example.org"}}),
        raw(
            4,
            httpRequest={
                "requestMethod": "GET",
                "requestUrl": "https://x.example/a?api_key=k8Jd7sHq2LmN4pQ6",
                "status": 500,
            },
        ),
    ]
    entries = [entry_from_json(value) for value in values]
    content = snapshot_lines(entries)
    for secret in (b"ada@", b"hunter2", b"k8Jd7sHq2LmN4pQ6"):
        assert secret not in content
    assert [fingerprint(one) for one in parse_snapshot(content)] == [fingerprint(one) for one in entries]


def test_identities_stay() -> None:
    (back,) = parse_snapshot(
        snapshot_lines([entry_from_json(raw(7, trace="projects/p/traces/" + "ab" * 16, textPayload="x"))])
    )
    assert back.insert_id == "68c8b2370000d311b0089007"
    assert back.instance == "0069c7a9" + "ab" * 60
    assert dict(back.labels)["commit-sha"] == "4f2a9c1e8b7d"
    assert back.trace == "projects/p/traces/" + "ab" * 16


def test_a_derived_id_is_written_down() -> None:
    entry = entry_from_json(b'{"timestamp": "2026-03-01T12:00:00Z", "textPayload": "to ada@example.org"}')
    (back,) = parse_snapshot(snapshot_lines([entry]))
    assert back.insert_id == entry.insert_id


def test_an_entry_without_its_json_is_written_from_its_fields() -> None:
    plain = LogEntry(
        insert_id="a",
        time_ns=5_000_000_001,
        severity=Severity.DEFAULT,
        text="hello",
        service="ferry",
        instance="i",
        project="p",
        revision="r",
        log_name="projects/p/logs/x",
        trace="t",
        labels=(("commit-sha", "ab"),),
    )
    request = LogEntry(
        insert_id="b",
        time_ns=6,
        severity=Severity.ERROR,
        text="GET /x -> 500",
        request=HttpRequest(method="GET", url="/x", status=500),
    )
    logged = LogEntry(insert_id="c", time_ns=7, severity=Severity.INFO, text="hello", logger="ferry.dock")
    for one in (plain, request, logged):
        (back,) = parse_snapshot(snapshot_lines([one]))
        for name in (
            "insert_id",
            "time_ns",
            "severity",
            "text",
            "service",
            "instance",
            "project",
            "revision",
            "logger",
            "trace",
            "request",
        ):
            assert getattr(back, name) == getattr(one, name), name


def test_a_damaged_line_is_named() -> None:
    content = snapshot_lines([entry_from_json(raw(1, textPayload="x"))])
    with pytest.raises(ValueError, match="line 2 of the log snapshot"):
        parse_snapshot(content + b"{torn")
    assert parse_snapshot(b"") == ()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.just("ada@example.org"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=120, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["textPayload", "jsonPayload", "labels", "resource", "trace", "logName", "insertId", "httpRequest", "x"]
        ),
        VALUES,
    )
)
def test_any_entry_that_can_be_read_can_be_stored(fields: dict[str, Any]) -> None:
    value = {"insertId": "i", "timestamp": "2026-03-01T12:00:00Z"} | fields
    try:
        entry = entry_from_json(json.dumps(value).encode())
    except ValueError:
        return
    content = snapshot_lines([entry])
    (back,) = parse_snapshot(content)
    assert (back.insert_id, back.time_ns) == (entry.insert_id, entry.time_ns)
    assert b"ada@example.org" not in content.replace(json.dumps(entry.insert_id).encode(), b"")
    assert snapshot_lines([back]) == content
