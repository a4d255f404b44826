from __future__ import annotations

import random
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.logs import LogEntry, Severity
from bot.logs.joining import Piece, carried, chains, ending, may_join
from bot.logs.severity import RANK, infer
from bot.logs.tracebacks import HEADER, parse_tracebacks

FIRST = 'Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\n    g()\nKeyError: 1'
SECOND = 'Traceback (most recent call last):\n  File "/app/b.py", line 2, in h\n    f()\nRuntimeError: no start'
DURING = "During handling of the above exception, another exception occurred:"


def entry(text: str, micros: float, severity: Severity | None = None, **fields: Any) -> LogEntry:
    given_fields = {"instance": "i1", "log_name": "projects/p/logs/stderr", "service": "ferry", **fields}
    return LogEntry(
        insert_id=f"id-{micros:012.0f}-{given_fields['instance']}",
        time_ns=int(micros * 1000),
        severity=severity or infer(text),
        text=text,
        **given_fields,
    )


def lines(text: str, start: float, step: float = 4, **fields: Any) -> list[LogEntry]:
    return [entry(line, start + step * number, **fields) for number, line in enumerate(text.split("\n"))]


class Occurrence(NamedTuple):
    parts: tuple[LogEntry, ...]

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.parts)


def piece(one: LogEntry, ref: int, streams: list[tuple[str, str]]) -> Piece | None:
    """What a scan makes of an entry; None where it could not be part of a chain."""
    starts = HEADER in one.text
    level = RANK[one.severity]
    if not starts and not may_join(one.text, plain=level == 0):
        return None
    stream = (one.service, one.instance)
    if stream not in streams:
        streams.append(stream)
    log = int(one.log_name.endswith("stdout"))
    ends = ending(one.text) if starts else ""
    text = carried(one.text, ends) if starts else one.text
    shape = 0 if starts else -1
    return Piece(streams.index(stream), log, one.time_ns, one.insert_id, text, starts, ends, shape, 0, level, False, 0,
                 0, ref, False, False)


def joined(entries: list[LogEntry]) -> list[Occurrence]:
    ordered = sorted(entries, key=lambda one: (one.time_ns, one.insert_id))
    streams: list[tuple[str, str]] = []
    pieces = [made for ref, one in enumerate(ordered) if (made := piece(one, ref, streams)) is not None]
    taken = {made.ref for made in pieces}
    found = [Occurrence((one,)) for ref, one in enumerate(ordered) if ref not in taken]
    pieces.sort(key=lambda made: (made.stream, made.log, made.time_ns, made.insert_id))
    found += [Occurrence(tuple(ordered[made.ref] for made in parts)) for parts in chains(pieces)]
    return sorted(found, key=lambda one: (one.parts[0].time_ns, one.parts[0].insert_id))


def test_a_chain_over_several_entries_is_one_occurrence() -> None:
    entries = [
        entry("[2026-03-01 12:00:00 +0000] [9] [ERROR] Exception in worker process", 0),
        entry(FIRST, 10, Severity.ERROR),
        entry(DURING, 16),
        entry(SECOND, 30, Severity.ERROR),
        entry(DURING, 33),
        entry(FIRST, 60, Severity.ERROR),
        entry("[2026-03-01 12:00:00 +0000] [9] [INFO] Worker exiting (pid: 9)", 62),
    ]
    before, chain, after = joined(entries)
    assert [part.text for part in chain.parts] == [FIRST, DURING, SECOND, DURING, FIRST]
    assert [one.type for one in parse_tracebacks(chain.text)] == ["KeyError", "RuntimeError", "KeyError"]
    assert chain.parts[0] is entries[1]
    assert (before.parts, after.parts) == ((entries[0],), (entries[6],))


def test_a_traceback_line_by_line_is_one_occurrence() -> None:
    only, other = joined([*lines(f"{FIRST}\n\n{DURING}\n\n{SECOND}", 0), entry("INFO:     next request", 80)])
    assert only.text == f"{FIRST}\n\n{DURING}\n\n{SECOND}"
    assert other.text == "INFO:     next request"


def test_further_lines_of_a_value_belong_to_it_and_a_new_record_does_not() -> None:
    text = (
        'Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\n    g()\n'
        "ValidationError: 1 validation error for Cargo\nweight\n  Field required [type=missing]"
    )
    occurrences = joined([*lines(text, 0), entry("[2026-03-01 12:00:00 +0000] [9] [INFO] Worker exiting", 30)])
    assert [one.text for one in occurrences] == [text, "[2026-03-01 12:00:00 +0000] [9] [INFO] Worker exiting"]


def test_an_exception_group_line_by_line_is_one_occurrence() -> None:
    text = (
        '  + Exception Group Traceback (most recent call last):\n  |   File "/app/a.py", line 1, in f\n'
        "  |     g()\n  | ExceptionGroup: two (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n"
        "    | ValueError: one\n    +---------------- 2 ----------------\n    | KeyError: 2\n"
        "    +------------------------------------"
    )
    (only,) = joined(lines(text, 0))
    assert [one.type for one in parse_tracebacks(only.text)] == ["ValueError", "KeyError", "ExceptionGroup"]


@pytest.mark.parametrize("fields", [{"instance": "i2"}, {"log_name": "projects/p/logs/stdout"}, {"service": "buoy"}])
def test_other_instances_logs_and_services_are_kept_apart(fields: dict[str, str]) -> None:
    text = f"{FIRST}\n{DURING}\n{SECOND}"
    occurrences = joined(lines(text, 0) + lines(text, 1, **fields))
    assert [one.text for one in occurrences] == [text, text]
    assert all(len({part.instance + part.log_name + part.service for part in one.parts}) == 1 for one in occurrences)


def test_interleaved_unrelated_lines_do_not_tear_it() -> None:
    noise = entry("cache miss storm on shard 5", 6, Severity.WARNING)
    occurrences = joined([*lines(FIRST, 0), noise])
    assert sorted(one.text for one in occurrences) == sorted([FIRST, noise.text])


def test_separate_failures_stay_separate() -> None:
    assert len(joined([entry(FIRST, 0), entry(FIRST, 20), entry(SECOND, 40)])) == 3
    assert len(joined([entry(FIRST, 0), entry(DURING, 10), entry(SECOND, 2_000_000)])) == 2


def test_a_start_without_its_end_does_not_swallow_the_next() -> None:
    cut = "\n".join(FIRST.split("\n")[:3])
    assert [one.text for one in joined([*lines(cut, 0), *lines(SECOND, 50)])] == [cut, SECOND]


def test_many_open_chains_are_all_kept() -> None:
    entries = [part for number in range(1500) for part in lines(FIRST, number * 1000, instance=f"i{number}")]
    occurrences = joined(entries)
    assert len(occurrences) == 1500
    assert all(one.text == FIRST for one in occurrences)


TEXTS = st.sampled_from(
    [
        FIRST,
        SECOND,
        DURING,
        "Traceback (most recent call last):",
        '  File "/app/a.py", line 1, in f',
        "    g()",
        "KeyError: 1",
        "",
        " ",
        "weight",
        "INFO: x",
        "  | ",
        "  + Exception Group Traceback (most recent call last):",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TEXTS, st.integers(0, 2_000), st.sampled_from("ab")), max_size=30))
def test_nothing_is_lost_or_doubled_in_any_order(drawn: list[tuple[str, int, str]]) -> None:
    entries = [
        LogEntry(insert_id=f"{number:03d}", time_ns=micros * 1000, severity=infer(text), text=text, instance=instance)
        for number, (text, micros, instance) in enumerate(drawn)
    ]
    occurrences = joined(entries)
    assert sorted(part.insert_id for one in occurrences for part in one.parts) == [one.insert_id for one in entries]
    shuffled = list(entries)
    random.Random(1).shuffle(shuffled)
    assert joined(shuffled) == occurrences
