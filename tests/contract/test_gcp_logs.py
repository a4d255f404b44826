from __future__ import annotations

import errno
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from bot.adapters.atomic import TEMPORARY
from bot.adapters.directory_store import DirectoryStore
from bot.adapters.gcp_calls import MOST_A_MINUTE, PATIENCE_S, Calls
from bot.adapters.gcp_logs import GcpLogs, GcpReading
from bot.adapters.gcp_spool_folder import hold
from bot.adapters.gcp_wire import entry_line
from bot.domain.errors import RetrievalFailed
from bot.domain.logs import Focus, LogEntry, LogQuery, Severity
from bot.domain.moments import rfc3339
from bot.logs.entries import entry_from_json
from bot.logs.query import matches
from tests.fakes.cloud_logging import CloudLogging, CloudLoggingServer, CuttingProxy, Refusal, wire_entry
from tests.fakes.instant_clock import InstantClock

EVERYTHING = Focus(name="all", title="All", impact="None", least_severity=Severity.DEFAULT)
WARNINGS = Focus(name="w", title="W", impact="None", least_severity=Severity.WARNING)
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW = START + timedelta(hours=1)
Json = dict[str, Any]
Make = Callable[..., tuple[GcpLogs, CloudLogging, InstantClock]]


def entry(number: int, **fields: Any) -> Json:
    return {
        "insertId": f"id-{number:04d}",
        "logName": "projects/harbour-dev/logs/run.googleapis.com%2Fstderr",
        "labels": {"instanceId": f"inst-{number % 3}"},
        "resource": {"type": "cloud_run_revision", "labels": {"project_id": "harbour-dev", "service_name": "ferry"}},
        "timestamp": (START + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{number:09d}Z",
        **fields,
    }


MIXED = [
    entry(1, severity="ERROR", textPayload="boom"),
    entry(2, textPayload="Traceback (most recent call last):"),
    entry(3, severity="WARNING", textPayload="slow"),
    entry(4, severity="INFO", httpRequest={"requestMethod": "GET", "requestUrl": "/x", "status": 503}),
    entry(5, severity="INFO", textPayload="fine"),
    entry(6, severity="CRITICAL", textPayload="dead"),
    entry(7, severity="WARNING", textPayload="slower"),
]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:

        def made(entries: list[Json], page_cap: int = 2, deadline_s: float = 10, state: bool = False,
                 clock: InstantClock | None = None, **fields: Any) -> tuple[GcpLogs, CloudLogging, InstantClock]:
            server = CloudLogging(list(entries), page_cap=page_cap, **fields)
            client = stack.enter_context(CloudLoggingServer(server))
            used = clock or InstantClock(NOW)
            return GcpLogs("harbour-dev", used, client, deadline_s, tmp_path / "state" if state else None), server, used

        yield made


def read(reading: GcpReading) -> list[LogEntry]:
    return [entry_from_json(line) for page in reading for line in page.lines]


def ids(entries: list[LogEntry]) -> list[str]:
    return [one.insert_id for one in entries]


def fails(source: GcpLogs, *words: str, query: LogQuery | None = None) -> RetrievalFailed:
    with pytest.raises(RetrievalFailed) as caught:
        read(source.read(query or LogQuery(focus=EVERYTHING)))
    for word in words:
        assert word in str(caught.value)
    assert caught.value.remedy
    return caught.value


# What is read, and in which order


def test_the_most_severe_come_first_then_what_states_none_then_the_rest_newest_first(make: Make) -> None:
    source, server, _ = make(MIXED)
    reading = source.read(LogQuery(focus=WARNINGS))
    assert ids(read(reading)) == [f"id-{number:04d}" for number in (6, 4, 1, 2, 7, 3)]
    assert reading.unread() == ()
    assert {tuple(request.resource_names) for request in server.requests} == {("projects/harbour-dev",)}
    assert {request.order_by for request in server.requests} == {"timestamp desc"}


def test_pages_can_be_had_again_and_are_named_for_people(make: Make) -> None:
    source, server, _ = make(MIXED)
    reading = source.read(LogQuery(focus=EVERYTHING))
    pages = list(reading)
    asked = len(server.requests)
    assert [page.number for page in pages] == list(range(len(pages)))
    assert [reading.page(page.number) for page in pages] == [page.lines for page in pages]
    assert [page.lines for page in reading] == [page.lines for page in pages]
    assert len(server.requests) == asked
    assert reading.where(2, 6) == "page 3, entry 7"


def test_a_limit_never_hides_an_error_behind_notices_and_is_said_by_severity(make: Make) -> None:
    source, _, _ = make(MIXED)
    reading = source.read(LogQuery(focus=EVERYTHING, most_entries=5))
    assert ids(read(reading)) == [f"id-{number:04d}" for number in (6, 4, 1, 2, 7)]
    (said,) = reading.unread()
    assert said.startswith("Reading stopped after 5 entries, the limit. ERROR and above: complete; no severity: ")
    assert "WARNING: back to 2026-03-01T12:00:07.000000007Z, older not read" in said
    assert "NOTICE: complete; INFO: not read; DEBUG: complete." in said


@pytest.mark.parametrize("most", [3, 4, 7])
def test_a_tier_that_ends_at_the_limit_is_called_complete(make: Make, most: int) -> None:
    source, _, _ = make(MIXED, page_cap=1000)
    reading = source.read(LogQuery(focus=EVERYTHING, most_entries=most))
    assert len(read(reading)) == most
    assert all("ERROR and above: complete;" in said for said in reading.unread())
    assert len(reading.unread()) == (0 if most == 7 else 1)


def test_a_page_without_entries_is_no_end(make: Make) -> None:
    source, _, _ = make(MIXED, failures=["empty", None, "empty", "empty"])
    assert len(read(source.read(LogQuery(focus=EVERYTHING)))) == 7


def test_an_empty_log_is_empty_and_no_failure(make: Make) -> None:
    source, server, _ = make([])
    reading = source.read(LogQuery(focus=WARNINGS))
    assert read(reading) == []
    assert reading.unread() == ()
    assert len(server.requests) == 3


def test_what_was_left_out_of_an_instance_can_be_had(make: Make) -> None:
    more = [entry(number, severity="INFO", textPayload=f"step {number}") for number in range(10, 40)]
    source, server, _ = make(MIXED + more, page_cap=4)
    reading = source.read(LogQuery(focus=WARNINGS))
    read(reading)
    found = list(reading.left_out(("inst-1", "inst-0"), START, START + timedelta(seconds=30), 10))
    got = [entry_from_json(line) for line in found]
    expected = [one for one in reversed(more[:20]) if one["labels"]["instanceId"] != "inst-2"]
    assert ids(got) == [one["insertId"] for one in expected][:10]
    assert not any(matches(WARNINGS, one) for one in got)
    asked = len(server.requests)
    everything = source.read(LogQuery(focus=EVERYTHING))
    assert list(everything.left_out(("inst-1",), START, NOW, 10)) == []
    assert len(server.requests) == asked


def test_context_that_cannot_be_read_is_said_and_costs_nothing_else(make: Make) -> None:
    more = [entry(number, severity="INFO", textPayload=f"step {number}") for number in range(10, 40)]
    source, server, _ = make(MIXED + more, page_cap=4, state=True)
    reading = source.read(LogQuery(focus=WARNINGS))
    read(reading)
    assert reading.unread() == ()
    server.failures = [None, grpc.StatusCode.PERMISSION_DENIED]
    assert len(list(reading.left_out(("inst-1", "inst-0"), START, NOW, 10))) == 4
    (said,) = reading.unread()
    assert said.startswith("What else happened on the incident's instances could not be read: ")
    assert "not permitted" in said
    assert "had been read" not in said
    server.epoch += 1
    server.failures = [None, grpc.StatusCode.INVALID_ARGUMENT]
    assert len(list(reading.left_out(("inst-1", "inst-0"), START, NOW, 10))) == 4
    assert "refuses its own page tokens" in reading.unread()[0]
    reading.close()


# What comes over the wire


def test_nanoseconds_types_and_unicode_are_kept() -> None:
    value = entry(
        1, severity="NOTICE", timestamp="2026-03-01T12:00:00.123456789Z", receiveTimestamp="2026-03-01T12:00:01Z",
        jsonPayload={"message": "é “x”\n\U0001f6a2", "count": 500, "ratio": 0.5, "big": 1e300, "none": None,
                     "yes": True, "list": [1, {"deep": [2.0, -0.25]}], "": "empty key"},
        trace="projects/p/traces/" + "ab" * 16, spanId="000000000000004a", traceSampled=True,
        operation={"id": "op", "producer": "p", "first": True}, split={"uid": "u", "index": 1, "totalSplits": 2},
        sourceLocation={"file": "a.py", "line": "12", "function": "f"},
    )
    back = json.loads(entry_line(wire_entry(value)))
    assert back == value
    assert isinstance(back["jsonPayload"]["count"], int)


def test_a_request_keeps_its_fields() -> None:
    value = entry(1, severity="ERROR", httpRequest={
        "requestMethod": "GET", "requestUrl": "https://x.example/a?b=1", "requestSize": "120", "status": 503,
        "responseSize": "99", "userAgent": "x", "remoteIp": "192.0.2.1", "latency": "0.512340s", "protocol": "HTTP/1.1",
    })
    assert json.loads(entry_line(wire_entry(value))) == value


def test_what_json_cannot_say_is_said_in_words_and_loses_no_entry(make: Make) -> None:
    odd = wire_entry(entry(1, jsonPayload={"message": "x"}))
    odd.json_payload.fields["x"].number_value = float("nan")
    odd.json_payload.fields["y"].number_value = float("-inf")
    unknown = wire_entry(entry(2))
    unknown.proto_payload.type_url = "type.googleapis.com/made.up.Type"
    unknown.proto_payload.value = b"abc"
    strange = wire_entry(entry(3, textPayload="x"))
    strange.severity = 450
    source, _, _ = make([], bad_entries=[odd, unknown, strange])
    entries = read(source.read(LogQuery(focus=EVERYTHING)))
    assert json.loads(entries[0].raw)["jsonPayload"] == {"message": "x", "x": "NaN", "y": "-Infinity"}
    assert entries[1].text == "type.googleapis.com/made.up.Type"
    assert json.loads(entries[2].raw)["severity"] == 450


def test_an_entry_that_cannot_be_said_is_a_damaged_line_and_not_lost(make: Make) -> None:
    late = wire_entry(entry(1, textPayload="x"))
    late.timestamp.seconds = 10**15
    source, _, _ = make(MIXED, bad_entries=[late])
    lines = [line for page in source.read(LogQuery(focus=EVERYTHING)) for line in page.lines]
    assert len(lines) == 8
    with pytest.raises(ValueError, match="no timestamp"):
        [entry_from_json(line) for line in lines]


def test_secrets_are_gone_from_the_pages_and_from_the_disk(make: Make, tmp_path: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    source, _, _ = make([entry(1, textPayload=f"with {token}")], state=True)
    reading = source.read(LogQuery(focus=EVERYTHING))
    lines = [line for page in reading for line in page.lines]
    assert b"<github-token:" in lines[0]
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"<github-token:" in content for content in kept)
    assert not any(token.encode() in content for content in kept)


# Refusals


def test_a_minute_has_at_most_sixty_requests(make: Make) -> None:
    many = [entry(number, severity="ERROR", textPayload="x") for number in range(150)]
    source, server, clock = make(many, page_cap=1)
    began = clock.now()
    assert len(read(source.read(LogQuery(focus=WARNINGS)))) == 150
    assert len(server.requests) == 152
    assert (clock.now() - began).total_seconds() == 120
    assert MOST_A_MINUTE == 60


@pytest.mark.parametrize("code", [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE,
                                  grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN])
def test_a_passing_refusal_is_waited_out_and_loses_nothing(make: Make, code: grpc.StatusCode) -> None:
    source, server, clock = make(MIXED, failures=[None, code, code, code])
    assert sorted(ids(read(source.read(LogQuery(focus=EVERYTHING))))) == [f"id-{number:04d}" for number in range(1, 8)]
    assert clock.slept == [2.0, 4.0, 8.0]
    tokens = [request.page_token for request in server.requests]
    assert tokens[0] == ""
    assert len(set(tokens[1:5])) == 1


def test_the_servers_own_wait_is_kept_to_but_not_beyond_a_minute(make: Make) -> None:
    quota = grpc.StatusCode.RESOURCE_EXHAUSTED
    source, _, clock = make(MIXED, failures=[Refusal(quota, retry_s=17.5), Refusal(quota, retry_s=86_400)])
    assert len(read(source.read(LogQuery(focus=EVERYTHING)))) == 7
    assert clock.slept == [17.5, 60.0]


def test_patience_ends(make: Make) -> None:
    source, server, clock = make(MIXED, failures=[None] + [grpc.StatusCode.RESOURCE_EXHAUSTED] * 100)
    fails(source, "quota", "Wait a few minutes", "2 entries had been read")
    assert 60 < sum(clock.slept) <= PATIENCE_S
    assert len(server.requests) < 15


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (Refusal(grpc.StatusCode.PERMISSION_DENIED), ("not permitted", "roles/logging.viewer")),
        (Refusal(grpc.StatusCode.PERMISSION_DENIED, reason="SERVICE_DISABLED"), ("not enabled", "gcloud services ena")),
        (Refusal(grpc.StatusCode.PERMISSION_DENIED, "Cloud Logging API has not been used in project 1 before"),
         ("not enabled", "gcloud services enable")),
        (Refusal(grpc.StatusCode.PERMISSION_DENIED, "requires a quota project, which is not set by default"),
         ("quota", "set-quota-project harbour-dev")),
        (Refusal(grpc.StatusCode.PERMISSION_DENIED, reason="CONSUMER_INVALID"), ("no project harbour-dev", "bot.toml")),
        (Refusal(grpc.StatusCode.NOT_FOUND), ("no project harbour-dev", "bot.toml")),
        (Refusal(grpc.StatusCode.UNAUTHENTICATED), ("credentials", "gcloud auth")),
        (Refusal(grpc.StatusCode.DATA_LOSS), ("answered with an error",)),
    ],
)
def test_a_refusal_is_named_with_what_to_do_and_not_repeated(make: Make, refusal: Refusal,
                                                             words: tuple[str, ...]) -> None:
    source, server, clock = make(MIXED, failures=[None, refusal])
    fails(source, "2 entries had been read", *words)
    assert clock.slept == []
    assert len(server.requests) == 2


def test_a_refused_filter_is_shown(make: Make) -> None:
    source, _, _ = make(MIXED, failures=[grpc.StatusCode.INVALID_ARGUMENT])
    fails(source, "refused the request", 'resource.labels.service_name="ferry"',
          query=LogQuery(focus=EVERYTHING.model_copy(update={"services": ("ferry",)})))


def test_a_secret_in_an_error_is_not_passed_on(make: Make) -> None:
    token = "ghp_" + "a1B2" * 9
    source, _, _ = make(MIXED, failures=[Refusal(grpc.StatusCode.NOT_FOUND, f"no {token}")])
    assert token not in str(fails(source, "no project"))


def test_a_silent_server_is_asked_twice_and_given_up(make: Make) -> None:
    source, server, _ = make(MIXED, failures=["silent", "silent"], deadline_s=0.3)
    fails(source, "did not answer within 0.3 s")
    assert len(server.requests) == 2


def test_no_network_is_named_soon() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    server = CloudLoggingServer(CloudLogging([]))
    client = server.client(port)
    clock = InstantClock(NOW)
    fails(GcpLogs("harbour-dev", clock, client), "no way to Cloud Logging", "network")
    assert sum(clock.slept) <= 20
    server.__exit__()


class BriskClock(InstantClock):
    """Waits a tenth of what is asked for: gRPC takes its own time to connect again."""

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / 10)
        super().sleep(seconds)


def test_a_server_that_dies_in_the_middle_of_a_page_costs_nothing_but_that_page() -> None:
    long = [entry(number, severity="ERROR", textPayload=f"{number} " * 500) for number in range(60)]
    state = CloudLogging(long, page_cap=20)
    server = CloudLoggingServer(state)
    with server, CuttingProxy(server.port, [60_000]) as proxy:
        clock = BriskClock(NOW)
        entries = read(GcpLogs("harbour-dev", clock, server.client(proxy.port), deadline_s=10).read(
            LogQuery(focus=WARNINGS)))
    assert proxy.broken == 1
    assert sorted(ids(entries)) == [f"id-{number:04d}" for number in range(60)]
    assert clock.slept[0] == 2.0


def test_a_server_that_fails_for_good_is_named(make: Make) -> None:
    source, _, _ = make(MIXED, failures=[grpc.StatusCode.INTERNAL] * 100)
    fails(source, "could not be reached or failed for", "try again", "0 entries had been read before that.")


# Going on


def broken_off(make: Make, **fields: Any) -> tuple[GcpLogs, CloudLogging, InstantClock]:
    """A reading that broke off after its second page, and was closed by whoever read it."""
    many = [entry(number, severity="ERROR" if number < 5 else "WARNING", textPayload="x") for number in range(12)]
    source, server, clock = make(many, state=True, **fields)
    server.failures = [None, None, grpc.StatusCode.PERMISSION_DENIED]
    reading = source.read(LogQuery(focus=WARNINGS, since=clock.now() - timedelta(hours=24)))
    with pytest.raises(RetrievalFailed, match="4 entries had been read before that, and are kept for an hour"):
        list(reading)
    reading.close()
    server.requests.clear()
    return source, server, clock


def go_on(source: GcpLogs, clock: InstantClock) -> tuple[list[str], tuple[str, ...]]:
    reading = source.read(LogQuery(focus=WARNINGS, since=clock.now() - timedelta(hours=24)))
    found = ids(read(reading))
    reading.close()
    return found, reading.unread()


ALL = [f"id-{number:04d}" for number in range(12)]


def test_a_second_run_goes_on_where_the_first_stopped(make: Make) -> None:
    source, server, clock = broken_off(make)
    clock.sleep(600)
    began = clock.now() - timedelta(seconds=600)
    found, unread = go_on(source, clock)
    assert sorted(found) == ALL
    assert server.requests[0].page_token
    assert len(server.requests) == 1 + 1 + 4
    (said,) = unread
    assert rfc3339(int(began.timestamp()) * 10**9) in said
    assert "was not read" in said
    assert f'timestamp<"{rfc3339(int(began.timestamp()) * 10**9)}"' in server.requests[-1].filter


def test_a_finished_reading_leaves_nothing_and_the_next_starts_again(make: Make, tmp_path: Path) -> None:
    source, server, clock = broken_off(make)
    assert (tmp_path / "state" / ".gitignore").exists()
    go_on(source, clock)
    assert list(tmp_path.iterdir()) == []
    server.requests.clear()
    found, unread = go_on(source, clock)
    assert (sorted(found), unread) == (ALL, ())
    assert server.requests[0].page_token == ""


def test_forgotten_tokens_are_replaced_by_the_time_that_was_reached(make: Make) -> None:
    source, server, clock = broken_off(make)
    server.epoch += 1
    found, _ = go_on(source, clock)
    assert sorted(set(found)) == ALL
    assert len(found) == 13  # the oldest of the second page again, which is known by its identity
    assert 'AND timestamp<="2026-03-01T12:00:01.000000001Z"' in server.requests[1].filter


def test_a_server_that_refuses_all_its_tokens_ends(make: Make) -> None:
    same = [entry(number, severity="ERROR", timestamp="2026-03-01T12:00:00Z", textPayload="x") for number in range(9)]
    source, server, _ = make(same)
    reading = source.read(LogQuery(focus=WARNINGS))

    def forgetting() -> None:
        for _ in reading:
            server.epoch += 1

    with pytest.raises(RetrievalFailed, match="refuses its own page tokens"):
        forgetting()


def test_a_server_that_gives_only_empty_pages_and_refuses_their_tokens_ends(make: Make) -> None:
    source, server, _ = make([], failures=["empty"] * 50)
    reading = source.read(LogQuery(focus=WARNINGS))

    def forgetting() -> None:
        for _ in reading:
            server.epoch += 1

    with pytest.raises(RetrievalFailed, match=r"refuses its own page tokens; 0 entries had been read before that\."):
        forgetting()
    assert len(server.requests) == 4


def test_an_empty_page_whose_token_is_forgotten_once_loses_nothing(make: Make) -> None:
    source, server, _ = make(MIXED, failures=["empty"])
    found: list[str] = []
    for number, page in enumerate(source.read(LogQuery(focus=EVERYTHING))):
        server.epoch += number == 0
        found += ids([entry_from_json(line) for line in page.lines])
    assert sorted(found) == [f"id-{number:04d}" for number in range(1, 8)]


@pytest.mark.parametrize("change", ["too late", "another focus", "another time", "another project", "damaged"])
def test_what_is_not_the_same_question_starts_again(make: Make, tmp_path: Path, change: str) -> None:
    source, server, clock = broken_off(make)
    query = LogQuery(focus=WARNINGS, since=clock.now() - timedelta(hours=24))
    if change == "too late":
        clock.sleep(3601)
        query = LogQuery(focus=WARNINGS, since=clock.now() - timedelta(hours=24))
    if change == "another focus":
        query = LogQuery(focus=WARNINGS.model_copy(update={"services": ("ferry",)}), since=query.since)
    if change == "another time":
        query = LogQuery(focus=WARNINGS, since=clock.now() - timedelta(hours=20))
    if change == "another project":
        source = GcpLogs("quay-dev", clock, source._client, 10, tmp_path / "state")
    if change == "damaged":
        for path in tmp_path.rglob("question.json"):
            path.write_bytes(path.read_bytes()[:-9])
    reading = source.read(query)
    assert sorted(ids(read(reading))) == ALL
    assert server.requests[0].page_token == ""
    assert reading.unread() == ()


def test_a_page_that_was_torn_is_fetched_again(make: Make, tmp_path: Path) -> None:
    source, _, clock = broken_off(make)
    (second,) = tmp_path.rglob("page-000001.ndjson")
    second.write_bytes(second.read_bytes()[:20])
    assert sorted(go_on(source, clock)[0]) == ALL


def test_old_pages_of_other_questions_are_deleted(make: Make, tmp_path: Path) -> None:
    _, _, clock = broken_off(make)
    old = {path for path in (tmp_path / "state" / "spool").iterdir() if path.is_dir()}
    clock.sleep(3601)
    other, _, _ = make(MIXED, state=True, clock=clock)
    reading = other.read(LogQuery(focus=EVERYTHING))
    assert not any(path.exists() for path in old)
    reading.close()


def test_two_readings_at_once_do_not_disturb_each_other(make: Make) -> None:
    source, _, clock = make(MIXED, state=True)
    query = LogQuery(focus=EVERYTHING, since=clock.now() - timedelta(hours=24))
    first, second = source.read(query), source.read(query)
    pages = zip(first, second, strict=True)
    assert all(one.lines == other.lines for one, other in pages)
    second.close()
    assert len(first.page(0)) == 2
    first.close()


def test_one_entry_is_kept_and_several_are(make: Make) -> None:
    source, _, _ = make(MIXED, page_cap=1, state=True, failures=[None, grpc.StatusCode.PERMISSION_DENIED])
    fails(source, "; 1 entry had been read before that, and is kept for an hour")


# Where the pages lie


def test_a_state_that_was_there_stays_with_what_is_in_it(make: Make, tmp_path: Path) -> None:
    DirectoryStore(tmp_path / "state").prepare()
    before = sorted(tmp_path.rglob("*"))
    source, _, clock = broken_off(make)
    DirectoryStore(tmp_path / "state").check()
    go_on(source, clock)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_state_that_others_began_to_use_keeps_its_mark(make: Make, tmp_path: Path) -> None:
    source, _, _ = make(MIXED, state=True)
    reading = source.read(LogQuery(focus=EVERYTHING))
    read(reading)
    with DirectoryStore(tmp_path / "state").lock("a cycle", 0):
        reading.close()
        assert not (tmp_path / "state" / "spool").exists()
    DirectoryStore(tmp_path / "state").check()


@pytest.mark.parametrize("hindrance", ["no folder above", "something else", "spool is a file", "disk full"])
def test_a_log_is_read_without_a_state_that_can_be_used(make: Make, tmp_path: Path, hindrance: str,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "state"
    if hindrance == "no folder above":
        state.write_text("a file")
        state = state / "below"
    elif hindrance == "something else":
        state.mkdir()
        (state / "mine.txt").write_text("x")
    else:
        DirectoryStore(state).prepare()
    if hindrance == "spool is a file":
        (state / "spool").write_text("x")
    if hindrance == "disk full":
        monkeypatch.setattr("bot.adapters.gcp_spool.write_atomically", disk_full)
    before = set(tmp_path.rglob("*"))
    made, _, clock = make(MIXED)
    source = GcpLogs("harbour-dev", clock, made._client, 10, state)
    reading = source.read(LogQuery(focus=EVERYTHING))
    pages = list(reading)
    assert sum(len(page.lines) for page in pages) == 7
    assert reading.page(0) == pages[0].lines
    (said,) = reading.unread()
    assert "no page can be kept" in said
    assert str(tmp_path) in said
    reading.close()
    assert set(tmp_path.rglob("*")) == before


def disk_full(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(path.name + TEMPORARY).write_bytes(content[:10])
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_is_full_is_named_and_what_was_kept_is_gone_on_with(make: Make, tmp_path: Path,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    source, server, _ = make(MIXED, state=True)
    reading = source.read(LogQuery(focus=EVERYTHING))
    pages = iter(reading)
    next(pages)
    with monkeypatch.context() as patch:
        patch.setattr("bot.adapters.gcp_spool.write_atomically", disk_full)
        with pytest.raises(RetrievalFailed) as caught:
            next(pages)
    reading.close()
    assert "could not be kept in" in caught.value.what
    assert "No space left on device" in caught.value.what
    assert "Make room" in caught.value.remedy
    assert not list(tmp_path.rglob(f"*{TEMPORARY}"))
    server.requests.clear()
    assert len(read(source.read(LogQuery(focus=EVERYTHING)))) == 7
    assert server.requests[0].page_token


def test_a_page_that_was_taken_away_is_no_crash(make: Make, tmp_path: Path) -> None:
    source, _, _ = make(MIXED, state=True)
    reading = source.read(LogQuery(focus=EVERYTHING))
    read(reading)
    next(tmp_path.rglob("page-000000.ndjson")).unlink()
    with pytest.raises(RetrievalFailed, match="could not be read again"):
        reading.page(0)
    reading.close()


def test_no_temporary_folder_is_named(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file" / "below"))
    source, _, _ = make(MIXED)
    fails(source, "There is no temporary folder", "TMPDIR")


def test_many_readings_one_after_the_other_and_at_once_never_share_a_lock(tmp_path: Path) -> None:
    holders: list[int] = []
    most: list[int] = []

    def often(number: int) -> None:
        for _ in range(100):
            folder = hold(tmp_path / "state")
            if folder is None:
                continue
            holders.append(number)
            most.append(len(holders))
            holders.remove(number)
            folder.release()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(often, number) for number in range(4)]:
            done.result()
    assert len(most) > 4
    assert max(most) == 1
    DirectoryStore(tmp_path / "state").check()


# Credentials


def test_no_project_is_said_at_once() -> None:
    with pytest.raises(RetrievalFailed, match=r"No Google Cloud project.*bot\.toml"):
        GcpLogs("", InstantClock())


def test_what_google_sent_is_read_in_its_own_order(make: Make) -> None:
    source, server, clock = make(MIXED, page_cap=1000)
    calls = Calls("harbour-dev", source._client, clock, 10)  # type: ignore[arg-type]
    page = calls.page('severity>=WARNING AND textPayload:"SLOW"', "", 1)
    assert [one.insert_id for one in page.entries] == ["id-0007"]
    assert server.requests[-1].page_size == 1
