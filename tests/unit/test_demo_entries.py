from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.demo.entries import InstanceLog, Origin, PathMap, Request, instance_id

ORIGIN = Origin(service="message-router", revision="message-router-00001-abc", instance="00ab", commit="a" * 40)
APP = Path("/somewhere/app")
AT = 1_700_000_000_123_456_789


@pytest.fixture
def log() -> InstanceLog:
    return InstanceLog(ORIGIN, PathMap(APP))


def written(log: InstanceLog) -> list[dict[str, Any]]:
    return [json.loads(entry.line) for entry in log.entries]


def test_a_structured_line_gives_its_fields_to_the_entry(log: InstanceLog) -> None:
    log.stdout(json.dumps({
        "severity": "WARNING", "message": "slow", "time": "2026-01-02T03:04:05.678901+00:00",
        "logging.googleapis.com/trace": "projects/p/traces/1", "client": "client-1",
    }), AT)

    (entry,) = written(log)
    assert entry["severity"] == "WARNING"
    assert entry["timestamp"] == "2026-01-02T03:04:05.678901Z"
    assert entry["trace"] == "projects/p/traces/1"
    assert entry["jsonPayload"] == {"message": "slow", "client": "client-1"}
    assert entry["receiveTimestamp"] == "2023-11-14T22:13:20.123456789Z"
    assert entry["logName"] == "projects/harbour-staging/logs/run.googleapis.com%2Fstdout"
    assert entry["labels"] == {"instanceId": "00ab", "commit-sha": "a" * 40}
    assert entry["resource"]["labels"]["revision_name"] == "message-router-00001-abc"


def test_a_traceback_is_one_entry_with_severity_and_the_image_s_paths(log: InstanceLog) -> None:
    lines = [
        "Traceback (most recent call last):",
        '  File "/somewhere/app/router/server.py", line 1, in serve',
        "    raise KeyError('x')",
        "KeyError: 'x'",
    ]
    for number, line in enumerate(lines):
        log.stderr(line, AT + number)

    (entry,) = written(log)
    assert entry["severity"] == "ERROR"
    assert entry["textPayload"] == "\n".join(lines).replace("/somewhere/app", "/app")
    assert entry["timestamp"] == "2023-11-14T22:13:20.123456789Z"


def test_a_chain_of_exceptions_is_split_as_cloud_run_splits_it(log: InstanceLog) -> None:
    for line in (
        "Traceback (most recent call last):", "  File x", "ValueError: a", "",
        "The above exception was the direct cause of the following exception:", "",
        "Traceback (most recent call last):", "  File y", "KeyError: 'b'",
    ):
        log.stderr(line, AT)

    assert [(entry.get("severity"), entry["textPayload"].splitlines()[-1]) for entry in written(log)] == [
        ("ERROR", "ValueError: a"),
        (None, "The above exception was the direct cause of the following exception:"),
        ("ERROR", "KeyError: 'b'"),
    ]


def test_a_traceback_that_was_cut_off_is_not_lost(log: InstanceLog) -> None:
    log.stderr("Traceback (most recent call last):", AT)
    log.stderr("  File x", AT)
    log.flush(AT)
    log.flush(AT)

    assert [entry["textPayload"] for entry in written(log)] == ["Traceback (most recent call last):\n  File x"]


@pytest.mark.parametrize(("status", "severity"), [(101, "INFO"), (404, "WARNING"), (503, "ERROR")])
def test_a_request_has_the_severity_that_the_front_end_gives_it(log: InstanceLog, status: int, severity: str) -> None:
    log.request(Request(
        path="/rooms/harbour", status=status, began_ns=AT, latency_s=0.25, trace="f" * 32, user_agent="app",
        remote_ip="203.0.113.9", sent=3, received=4,
    ))

    (entry,) = written(log)
    assert entry["severity"] == severity
    assert entry["httpRequest"]["status"] == status
    assert entry["httpRequest"]["latency"] == "0.250000000s"
    assert entry["trace"].endswith("/traces/" + "f" * 32)


def test_ids_are_unique_even_at_one_time(log: InstanceLog) -> None:
    for _ in range(50):
        log.stderr("same", AT)

    assert len({entry["insertId"] for entry in written(log)}) == 50
    assert instance_id("a", 1) != instance_id("a", 2)
