from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.errors import RetrievalFailed
from bot.domain.logs import Focus, LogQuery, Severity
from bot.logs import scan as scanning
from bot.logs.analysis import Analysis, analyse
from bot.logs.entries import entry_from_json
from bot.logs.query import matches
from bot.logs.scan import Scan
from tests.fakes.log_lines import LogLines

FOCUS = Focus(name="all", title="All", impact="None", least_severity=Severity.WARNING)
ROUTING = Focus(name="routing", title="Routing", impact="Lost", terms=("broker", "1011"), loggers=("ferry.ws",),
                exclude=("known trouble",), least_severity=Severity.NOTICE)

CHAIN = (
    'Traceback (most recent call last):\n  File "/app/ferry/a.py", line {}, in f\n    g()\nKeyError: \'{}\'',
    "During handling of the above exception, another exception occurred:",
    'Traceback (most recent call last):\n  File "/app/ferry/b.py", line 2, in h\n    f()\nRuntimeError: no {}',
)
KNOWN_TEXTS = [
        "",
        "the facade is closed",
        "the decade is closed",
        " ",
        "connected to the broker",
        "closed with 1011",
        "order 17 took 4 ms",
        "order 170 took 40 ms",
        "job 0123abcd4567 done",
        "job 0f23abcd4599ab done",
        "Request 8bf2886f-568e-4a29-a4a6-d5c525507897 completed in 3.5 ms",
        "deadbeef01: late",
        "1eadbeef01: late",
        "known trouble with 5 berths",
        "[2026-03-01 12:00:00 +0000] [9] [ERROR] Worker exited",
        "2026-03-01 12:00:00.168 | WARNING | ferry:emit:43 | careful",
        "123456 45 ERROR x",
        "1 2 ERROR x",
        "1.2.3.4 ERROR x",
        "111.112.113.114 ERROR x",
        "Container called exit(0).",
        "Container called exit(3).",
        "quoted \"word\" and a \\ and a tab\t.",
        "naïve ‘quotes’ 5",
        "naïve ‘quotes’ 6",
        "weight",
        "KeyError: 1",
        "    g()",
        '  File "/app/ferry/a.py", line 1, in f',
        "Traceback (most recent call last):",
        CHAIN[0].format(3, "x1"),
        CHAIN[0].format(4, "x2"),
        CHAIN[0].format(4, "x2").replace("/ferry/a", "/v1/a"),
        CHAIN[0].format(4, "x2").replace("/ferry/a", "/v2/a"),
        CHAIN[1],
        CHAIN[2].format("broker"),
        CHAIN[2].format("boat"),
        "failed:\n" + CHAIN[0].format(9, "y"),
        "\n".join((CHAIN[0].format(1, "z"), "", CHAIN[1], "", CHAIN[2].format("boat"))),
        "a\nb 1",
        "a\nb 22",
]
TEXTS = st.one_of(st.sampled_from(KNOWN_TEXTS), st.text(max_size=30))
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
PAYLOADS = st.one_of(
    st.fixed_dictionaries({"message": TEXTS}, optional={
        "logger": st.sampled_from(["ferry.ws.hub", "ferry", ""]), "level": st.sampled_from(["error", "INFO", 40]),
        "exc_info": TEXTS, "stack_trace": TEXTS, "error": st.one_of(TEXTS, st.fixed_dictionaries({"traceback": TEXTS})),
        "severity": st.sampled_from(["ERROR", "info"]),
    }),
    st.dictionaries(
        st.sampled_from(["message", "msg", "event", "name", "exception", "severity"]), ANYTHING, max_size=4
    ),
)
REQUESTS = st.fixed_dictionaries({
    "requestMethod": st.sampled_from(["GET", "POST"]),
    "requestUrl": st.sampled_from([
        "https://x.example/a/17?token=1", "https://x.example/a/18", "/a/0123abcd4567/b", "/a/ffff0000aaaa/b#c",
        "/ws", "",
    ]),
    "status": st.sampled_from([200, 404, 500, 503, 0, "503"]),
})
STAMPS = st.one_of(
    st.integers(0, 3_000).map(lambda micros: f"2026-03-01T12:00:0{micros // 1000}.{micros % 1000 * 7:06d}Z"),
    st.sampled_from([
        "2026-03-01T12:00:01Z", "2026-03-01T12:00:01.5Z", "2026-03-01T12:00:01.123456789Z",
        "2026-03-01T14:00:01.000001+02:00", "2026-03-01T12:00:60.000000Z", "2026-03-01T12:00:01.12345\u0663Z",
        "2026-03-01T12:00:01.12345²Z", "2026-03-01T12:00:01.+12345Z", "2026-03-01 12:00:01.000007Z", "gibberish", "",
    ]),
)


def well_formed(drawn: dict[str, Any]) -> bytes:
    instance, project, number = drawn.pop("instance"), drawn.pop("project"), drawn.pop("id")
    labels: dict[str, Any] = {"service_name": drawn.pop("service"), "revision_name": "ferry-1"}
    if project:
        labels["project_id"] = project
    named = {"labels": {"instanceId": instance, "commit-sha": "ab12cd3"} if instance else {}}
    value = {
        "insertId": f"id{number}", **({} if instance is None else named),
        "resource": {"type": "cloud_run_revision", "labels": labels}, **drawn,
    }
    if value.get("logName") is None:
        value.pop("logName", None)
    return json.dumps(value, ensure_ascii=bool(number % 2)).encode("utf-8", "surrogatepass")


ENTRIES = st.fixed_dictionaries(
    {
        "id": st.integers(0, 40),
        "instance": st.sampled_from(["i1", "i2", "", None]),
        "project": st.sampled_from(["harbour", "quay", ""]),
        "service": st.sampled_from(["ferry", "ferry", "buoy"]),
        "timestamp": STAMPS,
        "logName": st.sampled_from(["projects/harbour/logs/stderr", "projects/pier/logs/stdout", None]),
    },
    optional={
        "severity": st.sampled_from(["", "DEFAULT", "INFO", "NOTICE", "WARNING", "ERROR", "error", 500, "odd"]),
        "trace": st.sampled_from(["projects/harbour/traces/1", "", "projects/harbour/traces/2"]),
        "textPayload": TEXTS,
        "jsonPayload": PAYLOADS,
        "httpRequest": REQUESTS,
    },
).map(well_formed)
HOSTILE = st.dictionaries(
    st.sampled_from(["insertId", "timestamp", "severity", "logName", "trace", "labels", "resource", "textPayload",
                     "jsonPayload", "protoPayload", "httpRequest"]),
    st.one_of(ANYTHING, STAMPS, PAYLOADS, TEXTS), max_size=9,
).map(lambda value: json.dumps(value).encode())


def line(number: int, **fields: Any) -> bytes:
    return well_formed({"id": number, "instance": "i1", "project": "p", "service": "ferry",
                        "timestamp": f"2026-03-01T12:{number:02d}:00.000000Z", "logName": "projects/p/logs/x",
                        **fields})


def found(lines: list[bytes], focus: Focus) -> tuple[Any, ...]:
    """Everything that an analysis says, so that two can be compared."""
    try:
        analysis = analyse(LogLines(lines), LogQuery(focus=focus))
    except RetrievalFailed:
        return ("failed",)
    return told(analysis)


def told(analysis: Analysis) -> tuple[Any, ...]:
    report = analysis.report
    members = [[entry.raw for entry in analysis.entries_of(incident)] for incident in analysis.incidents]
    return (report.entries_read, report.entries_damaged, report.duplicates, report.passed_over, analysis.groups,
            analysis.incidents,
            analysis.span, members)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ENTRIES, max_size=25), st.sampled_from([FOCUS, ROUTING]))
def test_the_short_way_says_what_the_long_way_says(lines: list[bytes], focus: Focus) -> None:
    short = found(lines, focus)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanning, "decode_line", _refuse)
        assert found(lines, focus) == short


@pytest.mark.parametrize("first", KNOWN_TEXTS)
def test_what_the_short_way_learned_of_one_text_is_right_for_every_other(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = [[line(1, textPayload="x"), line(2, textPayload=first), line(3, textPayload=second)]
            for second in KNOWN_TEXTS]
    short = [found(log, FOCUS) for log in logs]
    monkeypatch.setattr(scanning, "decode_line", _refuse)
    assert [found(log, FOCUS) for log in logs] == short


def test_a_traceback_line_by_line_is_one_occurrence_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join((CHAIN[0].format(1, "z"), "", CHAIN[1], "", CHAIN[2].format("boat")))
    pieces = [line(1, textPayload="x")]
    pieces += [line(2, textPayload=part, insertId=f"part{number:02}", timestamp=f"2026-03-01T12:02:00.{number:06d}Z")
               for number, part in enumerate(text.split("\n"))]
    short = found(pieces, FOCUS)
    (incident,) = short[5]
    assert [one.type for one in incident.groups[0].exceptions] == ["KeyError", "RuntimeError"]
    assert (incident.entries, incident.groups[0].count) == (len(pieces) - 1, 1)
    monkeypatch.setattr(scanning, "decode_line", _refuse)
    assert found(pieces, FOCUS) == short


def test_a_logger_speaks_for_a_traceback_and_for_a_message() -> None:
    payloads = [{"message": CHAIN[0], "name": "ferry.ws.hub"}, {"message": "lost", "logger_name": "ferry.ws"},
                {"message": "late", "logger": "ferry.store"}]
    lines = [line(10 * number, severity="ERROR", jsonPayload=payload) for number, payload in enumerate(payloads)]
    analysis = analyse(LogLines([line(59, textPayload="x"), *lines]), LogQuery(focus=ROUTING))
    assert {incident.root.type for incident in analysis.incidents} == {"KeyError", "ferry.ws"}


def _refuse(line: bytes) -> None:
    raise msgspec.DecodeError("not the short way")


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ENTRIES, max_size=25, unique=True), st.sampled_from([FOCUS, ROUTING]), st.randoms())
def test_the_order_of_the_entries_does_not_matter(lines: list[bytes], focus: Focus, dice: random.Random) -> None:
    one_each = list({(entry["insertId"], entry["timestamp"]): line for line in lines
                     for entry in [json.loads(line)]}.values())
    first = found(one_each, focus)
    dice.shuffle(one_each)
    assert found(one_each, focus) == first


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """An entry of an origin that is known, with something in one field that Cloud Logging would not write."""
    value = json.loads(line(draw(st.integers(1, 9)), severity="ERROR", **draw(st.sampled_from([
        {"textPayload": "lost"}, {"jsonPayload": {"message": "lost", "logger": "x", "exc_info": CHAIN[0]}},
        {"httpRequest": {"requestMethod": "GET", "requestUrl": "/a", "status": 503}, "textPayload": "lost"},
    ]))))
    place = draw(st.sampled_from([value, value["resource"], value["resource"]["labels"], value["labels"],
                                  value.get("jsonPayload", value), value.get("httpRequest", value)]))
    place[draw(st.sampled_from(sorted(place)))] = draw(ANYTHING)
    text = json.dumps(value).encode()
    number = draw(st.sampled_from([b"", b"1e999", b"9" * 5_000, b"-1e999", b"1E-999"]))
    if number:
        text = text.replace(b'"lost"', number, 1)
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.sampled_from([b"", b"", b"\xff", b"\xc3", b"\x00"])) + text[at:]


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(HOSTILE, ENTRIES, spoilt(), st.binary(max_size=60)), max_size=12),
       st.sampled_from([FOCUS, ROUTING]))
def test_any_value_in_any_field_is_read_or_counted_as_damaged(lines: list[bytes], focus: Focus) -> None:
    lines = [line(1, severity="ERROR", textPayload="known"), line(2, severity="ERROR", textPayload="known"), *lines]
    analysis = analyse(LogLines(lines), LogQuery(focus=focus))
    for incident in analysis.incidents:
        analysis.context_of(analysis.entries_of(incident), 10)
    report = analysis.report
    assert report.entries_read + report.entries_damaged == sum(bool(one.strip()) for one in lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanning, "decode_line", _refuse)
        assert found(lines, focus) == told(analysis)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(ENTRIES, st.sampled_from([FOCUS, ROUTING]))
def test_a_scan_and_the_predicate_find_the_same(one: bytes, focus: Focus) -> None:
    try:
        entry = entry_from_json(one)
    except ValueError:
        return
    (*_, incidents, _, _) = found([line(1, textPayload="x"), one], focus)
    assert any(entry.insert_id in group.insert_ids for incident in incidents for group in incident.groups) == (
        matches(focus, entry)
    )


def test_what_is_usual_takes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = [line(1, textPayload="x"), *(line(number, textPayload="broker lost") for number in range(2, 9)),
             line(9, severity="ERROR", jsonPayload={"message": "lost", "exc_info": CHAIN[0]}),
             line(10, httpRequest={"requestMethod": "GET", "requestUrl": "/a?b", "status": 503})]
    read: list[bytes] = []
    monkeypatch.setattr(scanning, "entry_from_json", lambda raw: (read.append(raw), entry_from_json(raw))[1])
    Scan(LogQuery(focus=ROUTING), frozenset()).take(LogLines(usual))
    assert read == usual[:1]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ENTRIES, max_size=40))
def test_pieces_that_were_sorted_on_disk_come_to_the_same(lines: list[bytes]) -> None:
    def groups(lines: list[bytes], most_pieces: int) -> list[Any]:
        scan = Scan(LogQuery(focus=FOCUS), frozenset(), most_pieces=most_pieces)
        try:
            scan.take(LogLines(lines))
        except RetrievalFailed:
            return []
        spilled.append(scan.spilled)
        return sorted((group.fingerprint, group.count, group.first_id, group.best_refs) for group in scan.groups.all)

    spilled: list[int] = []
    kept = [*lines, *(line(number, textPayload="    g()") for number in range(4))]
    assert groups(kept, 3) == groups(kept, 1_000)
    assert spilled[0] > 0
    assert spilled[1] == 0


def test_a_log_of_which_nothing_can_be_read_is_no_clean_log() -> None:
    with pytest.raises(RetrievalFailed, match=r"of 2 pieces, none could be read \(page 0, line 0: not JSON"):
        analyse(LogLines([b"<html>", b"</html>"]), LogQuery(focus=FOCUS))


def test_damaged_lines_are_counted_and_shown_without_secrets() -> None:
    good = well_formed({"id": 1, "instance": "i1", "project": "p", "service": "s", "timestamp": "2026-03-01T12:00:01Z"})
    report = analyse(LogLines([b'{"password": "Tr0ub4dor" oops', good, b"", b"[1]"]), LogQuery(focus=FOCUS)).report
    assert (report.entries_read, report.entries_damaged) == (1, 2)
    assert [sample.where for sample in report.damaged_samples] == ["page 0, line 0", "page 0, line 3"]
    assert "Tr0ub4dor" not in report.model_dump_json()
