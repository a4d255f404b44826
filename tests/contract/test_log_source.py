from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from bot.adapters.file_logs import FileLogs
from bot.adapters.gcp_logs import BACKOFF_S, GcpLogs
from bot.domain.errors import RetrievalFailed
from bot.domain.logs import Focus, LogEntry, LogQuery, Severity
from bot.ports import LogSource
from tests.fakes.cloud_logging import CloudLogging, CloudLoggingServer

EVERYTHING = Focus(name="all", title="All", impact="None", least_severity=Severity.DEFAULT)
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Json = dict[str, Any]
MakeSource = Callable[[list[Json]], LogSource]


class StillClock:
    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return START

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def entry(number: int, **fields: Any) -> Json:
    moment = START + timedelta(seconds=number)
    return {
        "insertId": f"id-{number:04d}",
        "logName": "projects/harbour-dev/logs/run.googleapis.com%2Fstderr",
        "labels": {"instanceId": f"inst-{number % 3}", "commit-sha": "ab12cd3"},
        "resource": {
            "type": "cloud_run_revision",
            "labels": {"project_id": "harbour-dev", "service_name": "ferry", "revision_name": "ferry-00007-xyz"},
        },
        "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{number:09d}Z",
        **fields,
    }


ENTRIES = [
    entry(
        1,
        severity="ERROR",
        textPayload='Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\nKeyError: 1',
    ),
    entry(
        2, jsonPayload={"message": "order \u201cé\u201d took 500", "logger": "ferry.orders", "count": 500, "ratio": 0.5}
    ),
    entry(
        3,
        severity="WARNING",
        httpRequest={"requestMethod": "GET", "requestUrl": "/x?y=1", "status": 503},
        trace="projects/harbour-dev/traces/" + "ab" * 16,
    ),
    entry(4, textPayload="[2026-03-01 12:00:04 +0000] [9] [ERROR] Worker (pid:10) exited with code 3"),
    entry(5, severity="INFO", textPayload=""),
]


def write(path: Path, content: bytes) -> LogSource:
    path.write_bytes(content)
    return FileLogs(path)


def ndjson(entries: list[Json]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in entries)


@pytest.fixture(params=["ndjson", "array", "ndjson.gz", "array.gz", "stdin", "gcp", "gcp-pages"])
def make_source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeSource]:
    with ExitStack() as stack:

        def make(entries: list[Json]) -> LogSource:
            kind = request.param
            if kind.startswith("gcp"):
                state = CloudLogging(entries, page_cap=2 if kind == "gcp-pages" else 1000)
                client = stack.enter_context(CloudLoggingServer(state))
                return GcpLogs("harbour-dev", StillClock(), client, deadline_s=10)
            if kind == "stdin":
                return FileLogs(None, io.BytesIO(ndjson(entries)))
            content = ndjson(entries) if kind.startswith("ndjson") else json.dumps(entries, indent=2).encode()
            if kind.endswith(".gz"):
                return write(tmp_path / f"log.{kind}", gzip.compress(content))
            return write(tmp_path / f"log.{kind}", content)

        yield make


def in_order(entries: list[LogEntry]) -> list[LogEntry]:
    return sorted(entries, key=lambda one: one.time_ns)


def test_every_entry_comes_once_with_all_its_fields(make_source: MakeSource) -> None:
    source = make_source(ENTRIES)
    reading = source.read(LogQuery(focus=EVERYTHING))
    entries = in_order(list(reading))
    assert [one.insert_id for one in entries] == [f"id-{number:04d}" for number in range(1, 6)]
    assert entries[0].text.startswith("Traceback (most recent call last):\n  File")
    assert [one.severity for one in entries] == [
        Severity.ERROR,
        Severity.DEFAULT,
        Severity.WARNING,
        Severity.ERROR,
        Severity.INFO,
    ]
    assert entries[1].text == "order “é” took 500"
    assert entries[1].logger == "ferry.orders"
    assert json.loads(entries[1].raw)["jsonPayload"] == ENTRIES[1]["jsonPayload"]
    assert isinstance(json.loads(entries[1].raw)["jsonPayload"]["count"], int)
    assert entries[2].request is not None
    assert (entries[2].request.status, entries[2].request.method) == (503, "GET")
    assert entries[2].trace.endswith("abab")
    assert entries[0].time_ns % 1_000_000_000 == 1
    assert {one.service for one in entries} == {"ferry"}
    assert {one.project for one in entries} == {"harbour-dev"}
    assert entries[0].instance == "inst-1"
    assert ("commit-sha", "ab12cd3") in entries[0].labels
    report = reading.report()
    assert (report.entries_read, report.entries_damaged, report.unread) == (5, 0, ())
    assert report.source == source.name


def test_nothing_there_is_no_failure(make_source: MakeSource) -> None:
    reading = make_source([]).read(LogQuery(focus=EVERYTHING))
    assert list(reading) == []
    assert reading.report().entries_read == 0


def test_since_is_inclusive_and_until_exclusive(make_source: MakeSource) -> None:
    whole = [entry(number) | {"timestamp": f"2026-03-01T12:00:0{number}Z", "textPayload": "x"} for number in range(6)]
    query = LogQuery(focus=EVERYTHING, since=START + timedelta(seconds=2), until=START + timedelta(seconds=4))
    assert [one.insert_id for one in in_order(list(make_source(whole).read(query)))] == ["id-0002", "id-0003"]


def test_the_limit_is_kept_and_said(make_source: MakeSource) -> None:
    reading = make_source(ENTRIES).read(LogQuery(focus=EVERYTHING, most_entries=3))
    assert len(list(reading)) == 3
    report = reading.report()
    assert report.entries_read == 3
    assert len(report.unread) == 1
    assert "stopped after 3 entries" in report.unread[0]


def test_exactly_as_many_as_the_limit_leaves_nothing_unread(make_source: MakeSource) -> None:
    reading = make_source(ENTRIES).read(LogQuery(focus=EVERYTHING, most_entries=5))
    assert len(list(reading)) == 5
    assert reading.report().unread == ()


# Files


def read_all(source: LogSource) -> tuple[list[LogEntry], Any]:
    reading = source.read(LogQuery(focus=EVERYTHING))
    return list(reading), reading.report()


def test_damaged_lines_are_counted_and_shown(tmp_path: Path) -> None:
    content = (
        ndjson(ENTRIES[:1])
        + b'{"insertId": "torn\n\n[1]\nplain words\n{"some": "object"}\n\xff\xfe\n'
        + ndjson(ENTRIES[1:])
    )
    entries, report = read_all(write(tmp_path / "a.ndjson", content))
    assert len(entries) == 5
    assert report.entries_damaged == 5
    assert [sample.where for sample in report.damaged_samples] == ["line 2", "line 4", "line 5", "line 6", "line 7"]
    assert "plain words" in report.damaged_samples[2].reason


def test_samples_of_damage_hold_no_secret(tmp_path: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    _, report = read_all(write(tmp_path / "a.ndjson", ndjson(ENTRIES) + b"token was " + token.encode() + b"\n"))
    assert token not in report.damaged_samples[0].reason
    assert "<github-token:" in report.damaged_samples[0].reason


def test_a_torn_array_gives_what_is_whole_and_counts_the_rest(tmp_path: Path) -> None:
    content = json.dumps(ENTRIES, indent=2).encode()
    entries, report = read_all(write(tmp_path / "a.json", content[:-200]))
    assert len(entries) == 4
    assert report.entries_damaged == 1
    assert "not closed" in report.damaged_samples[0].where


def test_objects_over_several_lines_are_read(tmp_path: Path) -> None:
    content = b"\n".join(json.dumps(one, indent=2).encode() for one in ENTRIES)
    assert len(read_all(write(tmp_path / "a.json", content))[0]) == 5


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert len(read_all(write(tmp_path / "a.ndjson", b"\xef\xbb\xbf" + ndjson(ENTRIES)))[0]) == 5
    assert len(read_all(write(tmp_path / "b.json", b"\xef\xbb\xbf" + json.dumps(ENTRIES).encode()))[0]) == 5


def fails(source: LogSource, *words: str) -> RetrievalFailed:
    with pytest.raises(RetrievalFailed) as caught:
        read_all(source)
    for word in words:
        assert word in str(caught.value)
    assert caught.value.remedy
    return caught.value


def test_a_truncated_gzip_says_how_far_it_came(tmp_path: Path) -> None:
    many = [entry(number, textPayload=f"{number * 7919 % 1000:x}" * 30) for number in range(1, 900)]
    whole = gzip.compress(ndjson(many))
    error = fails(write(tmp_path / "a.ndjson.gz", whole[: len(whole) // 2]), "ends too early", "entries had been read")
    number = int(error.what.partition("; ")[2].split(" ", 1)[0].replace(",", ""))
    assert 0 < number < 899


def test_a_damaged_gzip_fails(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(ndjson(ENTRIES)))
    whole[-6] ^= 0xFF
    fails(write(tmp_path / "a.ndjson.gz", bytes(whole)), "damaged gzip")


def test_what_is_only_named_gzip_fails(tmp_path: Path) -> None:
    fails(write(tmp_path / "a.ndjson.gz", ndjson(ENTRIES)), "not compressed")


def test_binary_junk_fails(tmp_path: Path) -> None:
    fails(write(tmp_path / "a.ndjson", bytes(range(256)) * 10), "binary file")
    fails(write(tmp_path / "b.gz", gzip.compress(bytes(range(256)) * 10)), "binary file")


def test_a_text_that_is_no_log_fails(tmp_path: Path) -> None:
    fails(write(tmp_path / "a.txt", b"dear diary,\nnothing happened\n"), "holds no log entry", "line 1")


def test_missing_paths_and_folders_fail(tmp_path: Path) -> None:
    fails(FileLogs(tmp_path / "none.ndjson"), "There is no file")
    fails(FileLogs(tmp_path / "no" / "none.ndjson"), "folder", "does not exist")
    fails(FileLogs(tmp_path), "is a folder")


def test_an_empty_file_is_an_empty_log(tmp_path: Path) -> None:
    for name, content in (("a.ndjson", b""), ("b.json", b"[]"), ("c.gz", gzip.compress(b"")), ("d.ndjson", b"\n \n")):
        assert read_all(write(tmp_path / name, content))[0] == []


def test_a_log_outside_the_window_is_no_failure(tmp_path: Path) -> None:
    reading = write(tmp_path / "a.ndjson", ndjson(ENTRIES) + b"junk\n").read(
        LogQuery(focus=EVERYTHING, since=START + timedelta(days=1))
    )
    assert list(reading) == []
    assert "5 entries outside" in reading.report().unread[0]


# Google Cloud


@pytest.fixture
def google() -> Iterator[Callable[..., tuple[GcpLogs, CloudLogging, StillClock]]]:
    with ExitStack() as stack:

        def make(deadline_s: float = 10, **fields: Any) -> tuple[GcpLogs, CloudLogging, StillClock]:
            state = CloudLogging(list(ENTRIES), page_cap=2, **fields)
            clock = StillClock()
            client = stack.enter_context(CloudLoggingServer(state))
            return GcpLogs("harbour-dev", clock, client, deadline_s), state, clock

        yield make


def test_pages_are_asked_for_with_tokens_and_the_filter(google: Any) -> None:
    source, state, _ = google()
    focus = Focus(name="f", title="F", impact="I", services=("ferry",), least_severity=Severity.ERROR)
    entries = list(source.read(LogQuery(focus=focus, since=START)))
    assert {one.insert_id for one in entries} == {"id-0001", "id-0002", "id-0003", "id-0004"}
    assert [request.page_token for request in state.requests] == ["", "2"]
    assert {tuple(request.resource_names) for request in state.requests} == {("projects/harbour-dev",)}
    assert all('resource.labels.service_name="ferry"' in request.filter for request in state.requests)
    assert {request.page_size for request in state.requests} == {1000}


@pytest.mark.parametrize("status", [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE])
def test_a_passing_refusal_is_waited_out_and_loses_nothing(google: Any, status: grpc.StatusCode) -> None:
    source, state, clock = google(failures=[None, status, status])
    entries = list(source.read(LogQuery(focus=EVERYTHING)))
    assert sorted(one.insert_id for one in entries) == [f"id-{number:04d}" for number in range(1, 6)]
    assert clock.slept == list(BACKOFF_S[:2])
    assert [request.page_token for request in state.requests] == ["", "2", "2", "2", "4"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, ("not permitted", "roles/logging.viewer")),
        (grpc.StatusCode.NOT_FOUND, ("no project harbour-dev", "bot.toml")),
        (grpc.StatusCode.UNAUTHENTICATED, ("credentials", "gcloud auth")),
        (grpc.StatusCode.INVALID_ARGUMENT, ("refused the request", "filter")),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, ("quota", "Wait a few minutes")),
        (grpc.StatusCode.UNAVAILABLE, ("could not be reached", "network")),
        (grpc.StatusCode.DATA_LOSS, ("answered with an error",)),
    ],
)
def test_a_refusal_is_named_with_what_to_do(google: Any, status: grpc.StatusCode, words: tuple[str, ...]) -> None:
    source, _, clock = google(failures=[None] + [status] * (len(BACKOFF_S) + 1))
    error = fails(source, "2 entries had been read", *words)
    assert isinstance(error, RetrievalFailed)
    waited = status in {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE}
    assert clock.slept == (list(BACKOFF_S) if waited else [])


def test_a_disabled_api_is_told_from_a_missing_permission(google: Any) -> None:
    source, _, _ = google(failures=[grpc.StatusCode.PERMISSION_DENIED], details="not used before: SERVICE_DISABLED")
    fails(source, "not enabled", "gcloud services enable")


def test_a_silent_server_is_given_up(google: Any) -> None:
    source, _, _ = google(failures=["silent"], deadline_s=0.3)
    fails(source, "did not answer within 0.3 s")


def test_an_entry_that_json_cannot_say_is_counted(google: Any) -> None:
    from google.cloud.logging_v2.types import LogEntry as WireEntry

    bad = WireEntry.pb()(insert_id="bad")
    bad.timestamp.seconds = 1_770_000_000
    bad.json_payload["x"] = float("nan")
    unknown = WireEntry.pb()(insert_id="unknown")
    unknown.timestamp.seconds = 1_770_000_000
    unknown.proto_payload.type_url = "type.googleapis.com/made.up.Type"
    unknown.proto_payload.value = b"abc"
    source, _, _ = google(bad_entries=[bad, unknown])
    entries, report = read_all(source)
    assert report.entries_damaged == 1
    assert report.entries_read == len(entries) == 6
    assert {one.text for one in entries if one.insert_id == "unknown"} == {"type.googleapis.com/made.up.Type"}


def test_no_project_is_said_at_once() -> None:
    with pytest.raises(RetrievalFailed, match=r"No Google Cloud project.*bot\.toml"):
        GcpLogs("", StillClock())


def test_missing_credentials_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    fails(GcpLogs("harbour-dev", StillClock()), "no Google Cloud credentials", "gcloud auth application-default login")
