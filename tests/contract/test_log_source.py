"""What every LogSource keeps to, whatever it reads from."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.file_logs import FileLogs
from bot.domain.logs import Focus, LogPage, LogQuery, Severity
from bot.logs.entries import entry_from_json
from bot.ports import LogReading, LogSource
from tests.fakes.cloud_logging import make_gcp

EVERYTHING = Focus(name="all", title="All", impact="None", least_severity=Severity.DEFAULT)
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Json = dict[str, Any]
Read = Callable[..., LogReading]
KINDS = ("ndjson", "array", "ndjson.gz", "array.gz", "spread", "folder", "stdin", "stdin-array.gz", "gcp", "gcp-pages")


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
    entry(1, severity="ERROR",
          textPayload='Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\nKeyError: 1'),
    entry(2, jsonPayload={"message": "order “é” took 500", "logger": "ferry.orders", "count": 500, "ratio": 0.5}),
    entry(3, severity="WARNING", httpRequest={"requestMethod": "GET", "requestUrl": "/x?y=1", "status": 503},
          trace="projects/harbour-dev/traces/" + "ab" * 16),
    entry(4, textPayload="[2026-03-01 12:00:04 +0000] [9] [ERROR] Worker (pid:10) exited with code 3"),
    entry(5, severity="INFO", textPayload='brackets ]}, {" \\" and braces'),
    *(entry(number, severity="NOTICE", textPayload="x" * number) for number in range(6, 40)),
]


def ndjson(entries: list[Json]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in entries)


def text_of(kind: str, entries: list[Json]) -> bytes:
    if kind.startswith("array"):
        text = json.dumps(entries, indent=2).encode()
    elif kind == "spread":
        text = b"\n".join(json.dumps(one, indent=2).encode() for one in entries)
    else:
        text = ndjson(entries)
    return gzip.compress(text) if kind.endswith(".gz") else text


@pytest.fixture(params=KINDS)
def read(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Read]:
    """Start to read some entries from a source of each kind; pages are small, so that there are several."""
    kind = request.param
    with ExitStack() as stack:

        def source(entries: list[Json]) -> LogSource:
            if kind.startswith("gcp"):
                return stack.enter_context(make_gcp(entries, page_cap=7 if kind == "gcp-pages" else 1000))
            if kind.startswith("stdin"):
                return FileLogs(None, io.BytesIO(text_of(kind.removeprefix("stdin-"), entries)), page=2_000)
            if kind == "folder":
                hours = tmp_path / "run.googleapis.com%2Fstderr" / "2026" / "03" / "01"
                hours.mkdir(parents=True)
                for start in range(0, max(len(entries), 1), 9):
                    name = f"{start:02d}:00:00_{start:02d}:59:59_S0.json"
                    (hours / name).write_bytes(ndjson(entries[start : start + 9]))
                return FileLogs(tmp_path, page=2_000)
            path = tmp_path / f"log.{kind}"
            path.write_bytes(text_of(kind, entries))
            return FileLogs(path, page=2_000)

        def start(entries: list[Json], most: int = 1_000) -> LogReading:
            reading = source(entries).read(LogQuery(focus=EVERYTHING, since=START, most_entries=most))
            stack.callback(reading.close)
            return reading

        yield start


def ids(pages: list[LogPage]) -> list[str]:
    return [json.loads(line)["insertId"] for page in pages for line in page.lines if line.strip()]


def test_every_entry_comes_exactly_once(read: Read) -> None:
    pages = list(read(ENTRIES))
    assert sorted(ids(pages)) == [one["insertId"] for one in ENTRIES]


def test_pages_are_numbered_from_nought_upwards(read: Read) -> None:
    pages = list(read(ENTRIES))
    assert [page.number for page in pages] == list(range(len(pages)))


def test_a_line_holds_an_entry_with_all_its_fields(read: Read) -> None:
    lines = [line for page in read(ENTRIES) for line in page.lines if line.strip()]
    entries = {one.insert_id: one for one in map(entry_from_json, lines)}
    raw = {one["insertId"]: one for one in map(json.loads, lines)}
    assert not any(b"\n" in line for line in lines)
    assert entries["id-0001"].text.startswith("Traceback (most recent call last):\n  File")
    assert entries["id-0001"].time_ns % 1_000_000_000 == 1
    assert raw["id-0002"]["jsonPayload"] == ENTRIES[1]["jsonPayload"]
    assert isinstance(raw["id-0002"]["jsonPayload"]["count"], int)
    request = entries["id-0003"].request
    assert request is not None
    assert (request.status, request.method, entries["id-0003"].trace[-4:]) == (503, "GET", "abab")
    assert entries["id-0005"].text == ENTRIES[4]["textPayload"]
    assert {(one.service, one.project, one.revision) for one in entries.values()} == {
        ("ferry", "harbour-dev", "ferry-00007-xyz")
    }
    assert entries["id-0001"].instance == "inst-1"
    assert ("commit-sha", "ab12cd3") in entries["id-0001"].labels


def test_a_page_is_had_again_in_any_order(read: Read) -> None:
    reading = read(ENTRIES)
    pages = list(reading)
    again = [*pages, *reversed(pages), *random.Random(5).choices(pages, k=20)]
    assert all(reading.page(page.number) == page.lines for page in again)


def test_a_page_is_had_again_while_reading_goes_on(read: Read) -> None:
    reading = read(ENTRIES)
    pages: list[LogPage] = []
    for page in reading:
        pages.append(page)
        assert reading.page(pages[0].number) == pages[0].lines
        assert reading.page(page.number) == page.lines
    assert sorted(ids(pages)) == [one["insertId"] for one in ENTRIES]


def test_it_says_where_an_entry_stands(read: Read) -> None:
    reading = read(ENTRIES)
    places = [reading.where(page.number, index) for page in reading for index in range(len(page.lines))]
    assert all(places)
    assert len(set(places)) == len(places)


def test_nothing_is_unread_where_all_was_read(read: Read) -> None:
    reading = read(ENTRIES)
    list(reading)
    assert reading.unread() == ()
    assert reading.name


def test_an_empty_log_is_no_failure(read: Read) -> None:
    reading = read([])
    assert ids(list(reading)) == []
    assert reading.unread() == ()


def test_the_limit_is_kept_and_said(read: Read) -> None:
    reading = read(ENTRIES, most=3)
    assert len(ids(list(reading))) == 3
    assert reading.unread()
    assert any("3 entries" in sentence or "limit" in sentence for sentence in reading.unread())


def test_exactly_as_many_as_the_limit_leaves_nothing_unread(read: Read) -> None:
    reading = read(ENTRIES, most=len(ENTRIES))
    assert len(ids(list(reading))) == len(ENTRIES)
    assert reading.unread() == ()


def test_what_was_not_asked_for_is_no_more_than_was_wanted(read: Read) -> None:
    reading = read(ENTRIES)
    list(reading)
    assert len(list(reading.left_out(("inst-1",), START, START + timedelta(hours=1), 2))) <= 2


def test_closing_twice_does_no_harm(read: Read) -> None:
    reading = read(ENTRIES)
    list(reading)
    reading.close()
    reading.close()


def test_closing_before_the_end_does_no_harm(read: Read) -> None:
    reading = read(ENTRIES)
    next(iter(reading))
    reading.close()
