from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.logs import Focus, LogEntry, LogQuery, Severity
from bot.logs.entries import entry_from_json
from bot.logs.query import (
    gcp_filter,
    in_scope,
    is_excluded,
    is_of_services,
    is_severe,
    is_sought,
    left_out_filter,
    matches,
    tiers,
)
from tests.fakes.query_language import FilterNotUnderstood, selects


def focus(**fields: Any) -> Focus:
    return Focus(name="f", title="F", impact="I", **fields)


def raw(**fields: Any) -> dict[str, Any]:
    return {
        "insertId": "i",
        "timestamp": "2026-03-01T12:00:00Z",
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": "ferry"}},
        **fields,
    }


def entry(**fields: Any) -> LogEntry:
    return entry_from_json(json.dumps(raw(**fields)).encode())


def test_a_focus_without_narrowing_matches_everything_at_its_severity() -> None:
    everything = focus()
    assert matches(everything, entry(severity="WARNING", textPayload="x"))
    assert matches(everything, entry(textPayload="[error] x"))
    assert not matches(everything, entry(severity="NOTICE", textPayload="x"))
    assert not matches(everything, entry(textPayload="x"))


def test_a_status_asks_for_requests_that_ended_so_and_for_nothing_else() -> None:
    failing = focus(least_http_status=500)
    request = {"requestMethod": "GET", "requestUrl": "https://x.example/a", "status": 503}
    assert is_sought(failing, entry(severity="ERROR", httpRequest=request))
    assert not is_sought(failing, entry(severity="WARNING", httpRequest={**request, "status": 404}))
    assert not is_sought(failing, entry(severity="ERROR", textPayload="boom"))
    assert is_sought(focus(least_http_status=500, terms=("boom",)), entry(severity="ERROR", textPayload="boom"))


def test_errors_always_count_however_high_the_focus_looks() -> None:
    assert matches(focus(least_severity=Severity.ALERT), entry(severity="ERROR", textPayload="x"))
    assert not matches(focus(least_severity=Severity.ALERT), entry(severity="WARNING", textPayload="x"))


def test_a_failed_request_counts_at_any_severity() -> None:
    request = {"requestMethod": "GET", "requestUrl": "/x", "status": 502}
    assert is_severe(focus(least_severity=Severity.ERROR), entry(severity="WARNING", httpRequest=request))
    assert not is_severe(
        focus(least_severity=Severity.ERROR), entry(severity="WARNING", httpRequest=request | {"status": 404})
    )


def test_services_terms_loggers_and_exclusions() -> None:
    wanted = entry(severity="ERROR", jsonPayload={"message": "WebSocketRouter closed 1011", "logger": "ferry.ws.hub"})
    for narrowed in (
        focus(services=("ferry",)),
        focus(terms=("websocket",)),
        focus(terms=("1011",)),
        focus(loggers=("ferry.ws",)),
    ):
        assert matches(narrowed, wanted)
    for narrowed in (
        focus(services=("buoy",)),
        focus(terms=("broker",)),
        focus(terms=("101",)),
        focus(loggers=("ferry.w",)),
        focus(exclude=("ROUTER CLOSED",)),
    ):
        assert not matches(narrowed, wanted)
    assert matches(focus(exclude=("", " ")), wanted)


def test_a_term_in_a_librarys_frame_does_not_count() -> None:
    trace = (
        'Traceback (most recent call last):\n  File "/usr/local/lib/python3.11/site-packages/starlette/routing.py", '
        'line 1, in app\n    await route()\n  File "/app/ferry/pay.py", line 2, in charge\nKeyError: 1'
    )
    assert not is_sought(focus(terms=("routing",)), entry(severity="ERROR", textPayload=trace))
    assert is_sought(focus(terms=("pay.py",)), entry(severity="ERROR", textPayload=trace))


def test_the_filter_names_time_services_severity_and_exclusions() -> None:
    query = LogQuery(
        focus=focus(services=('fer"ry', "buoy"), exclude=("health check",), least_severity=Severity.WARNING),
        since=datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC),
        until=datetime(2026, 3, 2, tzinfo=UTC),
    )
    text = gcp_filter(query)
    assert 'timestamp>="2026-03-01T12:00:00.000005Z" AND timestamp<"2026-03-02T00:00:00Z"' in text
    assert 'resource.labels.service_name=("fer\\"ry" OR "buoy")' in text
    assert "(severity>=WARNING OR severity=DEFAULT OR httpRequest.status>=500)" in text
    assert 'textPayload:"health check"' in text
    assert gcp_filter(LogQuery(focus=focus(least_severity=Severity.DEFAULT))) == ""


def test_tiers_go_from_the_most_severe_down_to_the_focus() -> None:
    def titles(least: Severity) -> list[str]:
        return [tier.title for tier in tiers(LogQuery(focus=focus(least_severity=least)))]

    assert titles(Severity.CRITICAL) == titles(Severity.ERROR) == ["ERROR and above", "no severity"]
    assert titles(Severity.NOTICE) == ["ERROR and above", "no severity", "WARNING", "NOTICE"]
    assert titles(Severity.DEBUG) == titles(Severity.DEFAULT)


def test_a_filter_is_never_longer_than_google_takes() -> None:
    wordy = focus(exclude=tuple(f"words number {number}" for number in range(1_000)), services=("ferry",))
    query = LogQuery(focus=wordy, since=datetime(2026, 3, 1, tzinfo=UTC), until=datetime(2026, 3, 2, tzinfo=UTC))
    texts = [gcp_filter(query), *(tier.filter for tier in tiers(query))]
    assert all(len(text) <= 20_000 for text in texts)
    assert "words number 9" in texts[0]


# Services and texts in the cases in which Cloud Logging and Python could disagree.
FOCUSES = st.builds(
    focus,
    services=st.lists(st.sampled_from(["ferry", "buoy", 'q"\\'])).map(tuple),
    terms=st.lists(st.sampled_from(["websocket", "1011", "boom"]), max_size=2).map(tuple),
    loggers=st.lists(st.sampled_from(["ferry.ws"]), max_size=1).map(tuple),
    exclude=st.lists(
        st.sampled_from(["health", 'a "quote"', "Boom", "", " ", "\\", "İ", "stra\u00dfe", "two\nlines", "503", "GET"]),
        max_size=3,
    ).map(tuple),
    least_severity=st.sampled_from(list(Severity)),
    least_http_status=st.sampled_from([0, 0, 400, 500]),
)
WORDS = ["boom", "websocket", "1011", "/Health", 'a "quote"', "ERROR: x", "[error]", "ok", " ", "\\", "i\u0307",
         "STRASSE", "two\nlines", "Traceback (most recent call last):", "KeyError: 1", "level=critical"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 600) | TEXTS, lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.sampled_from(["message", "severity", "boom"]), inner, max_size=2), max_leaves=4,
)
PAYLOADS = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"textPayload": TEXTS}),
    st.fixed_dictionaries({
        "jsonPayload": st.fixed_dictionaries({}, optional={
            "message": TEXTS | ANY_JSON, "msg": TEXTS, "logger": st.just("ferry.ws.x"), "error": ANY_JSON,
            "level": st.sampled_from(["error", "INFO", 500, "nonsense"]),
            "severity": st.sampled_from(["CRITICAL", "DEBUG", ""]),
        })
    }),
    st.fixed_dictionaries({
        "protoPayload": st.fixed_dictionaries({"@type": st.just("type.googleapis.com/google.cloud.audit.AuditLog")},
                                              optional={"methodName": TEXTS, "status": ANY_JSON})
    }),
)
SERVICE_LABELS = ["service_name", "configuration_name", "job_name", "container_name", "module_id"]
FIELDS = st.fixed_dictionaries(
    {
        "insertId": st.just("i"),
        "timestamp": st.sampled_from(["2026-03-01T12:00:00Z", "2026-03-02T00:00:00.000000001Z"]),
    },
    optional={
        "severity": st.sampled_from([one.value for one in Severity]),
        "httpRequest": st.fixed_dictionaries(
            {}, optional={"status": st.sampled_from([200, 404, 499, 500, 503]), "requestUrl": TEXTS,
                          "requestMethod": st.just("GET")}
        ),
        "resource": st.fixed_dictionaries({
            "labels": st.dictionaries(st.sampled_from(SERVICE_LABELS), st.sampled_from(["ferry", "Ferry", "buoy", ""]))
        }),
        "logName": st.just("projects/p/logs/x"),
    },
)
ENTRIES = st.builds(lambda fields, payload: {**fields, **payload}, FIELDS, PAYLOADS)


def stated(value: dict[str, Any]) -> Severity:
    return Severity(value.get("severity", "DEFAULT"))


@settings(max_examples=400, deadline=None)
@given(FOCUSES, ENTRIES)
def test_the_filter_selects_all_that_matches_and_drops_nothing_that_is_severe(
    drawn: Focus, value: dict[str, Any]
) -> None:
    one = entry_from_json(json.dumps(value).encode())
    selected = selects(gcp_filter(LogQuery(focus=drawn)), value)
    if matches(drawn, one):
        assert selected
    if not selected:
        assert not in_scope(drawn, one) or not is_severe(drawn, one)


@settings(max_examples=200, deadline=None)
@given(FOCUSES, ENTRIES)
def test_a_part_of_a_chain_without_severity_is_selected_whatever_it_says(drawn: Focus, value: dict[str, Any]) -> None:
    value.pop("severity", None)
    if is_of_services(drawn, entry_from_json(json.dumps(value).encode())):
        assert selects(gcp_filter(LogQuery(focus=drawn)), value)


@settings(max_examples=200, deadline=None)
@given(FOCUSES, ENTRIES)
def test_each_entry_is_in_one_tier_or_in_none(drawn: Focus, value: dict[str, Any]) -> None:
    query = LogQuery(focus=drawn)
    chosen = [tier.title for tier in tiers(query) if selects(tier.filter, value)]
    assert len(chosen) == selects(gcp_filter(query), value)
    if stated(value).rank >= Severity.ERROR.rank:
        assert set(chosen) <= {"ERROR and above"}


@settings(max_examples=200, deadline=None)
@given(FOCUSES, ENTRIES)
def test_what_is_selected_is_of_the_services_and_at_the_severity_or_states_none(
    drawn: Focus, value: dict[str, Any]
) -> None:
    if selects(gcp_filter(LogQuery(focus=drawn)), value):
        labels = value.get("resource", {}).get("labels", {})
        named = {label.lower() for label in labels.values()}
        assert not drawn.services or named & set(drawn.services)
        assert stated(value) is Severity.DEFAULT or is_severe(drawn, entry_from_json(json.dumps(value).encode()))


@settings(max_examples=200, deadline=None)
@given(FOCUSES, ENTRIES, st.sampled_from([Severity.DEBUG, Severity.INFO, Severity.WARNING]))
def test_exclusions_drop_what_the_predicate_excludes_and_nothing_else(
    drawn: Focus, value: dict[str, Any], severity: Severity
) -> None:
    value["severity"] = severity.value
    one = entry_from_json(json.dumps(value).encode())
    without = drawn.model_copy(update={"exclude": ()})
    selected = selects(gcp_filter(LogQuery(focus=drawn)), value)
    if selected != selects(gcp_filter(LogQuery(focus=without)), value):
        assert is_excluded(drawn, one.text)
    said = str(value.get("textPayload", "")) or str(value.get("jsonPayload", {}).get("message") or "")
    ascii_only = [words for words in drawn.exclude if words.strip() and words.isascii() and words.isprintable()]
    if any(words.lower() in said.lower() for words in ascii_only):
        assert not selected


@settings(max_examples=150, deadline=None)
@given(FOCUSES, ENTRIES)
def test_what_is_left_out_is_what_the_severity_dropped(drawn: Focus, value: dict[str, Any]) -> None:
    since, until = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)
    value["labels"] = {"instanceId": "inst-1"}
    plain = drawn.model_copy(update={"exclude": ()})
    left = left_out_filter(plain, ("inst-0", "inst-1"), since, until)
    read = selects(gcp_filter(LogQuery(focus=plain)), value)
    everything = plain.model_copy(update={"least_severity": Severity.DEFAULT})
    of_services = selects(gcp_filter(LogQuery(focus=everything)), value)
    assert (bool(left) and selects(left, value)) == (of_services and not read)
    assert not left or not selects(left_out_filter(plain, ("inst-2",), since, until), value)


def test_an_error_is_read_whatever_is_excluded() -> None:
    query = LogQuery(focus=focus(exclude=("boom",)))
    assert selects(gcp_filter(query), raw(severity="ERROR", textPayload="boom"))
    assert not selects(gcp_filter(query), raw(severity="WARNING", textPayload="boom"))
    assert not selects(gcp_filter(query), raw(severity="WARNING", httpRequest={"requestUrl": "/BOOM", "status": 404}))
    assert not selects(gcp_filter(query), raw(severity="WARNING", jsonPayload={"message": "a Boom"}))
    # Where there is a message, no other field is the text.
    assert selects(gcp_filter(query), raw(severity="WARNING", jsonPayload={"message": "x", "msg": "boom"}))


def test_an_exclusion_is_sent_only_where_case_is_beyond_doubt() -> None:
    for words in ("İstanbul", "straße", "two\nlines"):
        assert gcp_filter(LogQuery(focus=focus(exclude=(words,)))) == gcp_filter(LogQuery(focus=focus()))


def test_severities_between_the_names_are_read_too() -> None:
    query = LogQuery(focus=focus(least_severity=Severity.DEFAULT))
    for number in (1, 50, 150, 450, 501, 900):
        assert sum(selects(tier.filter, raw(severity=number)) for tier in tiers(query)) == 1


def test_a_failed_request_without_severity_is_in_the_first_tier_alone() -> None:
    failed = raw(httpRequest={"requestUrl": "/x", "status": 500})
    chosen = [tier.title for tier in tiers(LogQuery(focus=focus())) if selects(tier.filter, failed)]
    assert chosen == ["ERROR and above"]


def test_what_an_entry_states_of_its_severity_stands() -> None:
    query = LogQuery(focus=focus(least_severity=Severity.WARNING))
    shouting = raw(severity="INFO", textPayload="ERROR: it is only a word here")
    assert not selects(gcp_filter(query), shouting)
    assert not matches(query.focus, entry(severity="INFO", textPayload="ERROR: it is only a word here"))
    quiet = raw(jsonPayload={"message": "x", "level": "error"})
    assert selects(gcp_filter(query), quiet)
    assert matches(query.focus, entry(jsonPayload={"message": "x", "level": "error"}))


def test_the_window_is_in_the_filter() -> None:
    query = LogQuery(
        focus=focus(), since=datetime(2026, 3, 1, 12, tzinfo=UTC), until=datetime(2026, 3, 1, 13, tzinfo=UTC)
    )
    assert selects(gcp_filter(query), raw(severity="ERROR"))
    assert not selects(gcp_filter(query), raw(severity="ERROR", timestamp="2026-03-01T13:00:00Z"))
    assert not selects(gcp_filter(query), raw(severity="ERROR", timestamp="2026-03-01T11:59:59.999999999Z"))


@pytest.mark.parametrize("term", ["(", "a|b", "[", "\\"])
def test_a_term_is_text_and_no_pattern(term: str) -> None:
    assert is_sought(focus(terms=(term,)), entry(textPayload=f"x{term}y"))
    assert not is_sought(focus(terms=(term,)), entry(textPayload="xy"))


# The interpreter itself, by the examples and rules of the language's documentation.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('textPayload:"OOM" AND severity>=WARNING', True),
        ("severity=ERROR OR severity=DEFAULT AND textPayload:nothing", False),  # OR binds tighter than AND
        ("severity=ERROR OR (severity=DEFAULT AND textPayload:nothing)", True),
        ("NOT severity=ERROR OR severity=ERROR", True),
        ("jsonPayload.level=error", False),  # missing: fails
        ("NOT jsonPayload.level=error", True),
        ("NOT jsonPayload.level!=error", True),
        ("httpRequest.status<500", True),  # defaulted to 0
        ("httpRequest.status:*", False),
        ('labels.instanceId=("inst-2" OR "INST-1")', True),
        ('textPayload=~"^bo+m$"', True),
        ('textPayload=~"^BOOM$"', False),
        ('timestamp<"2026-03-01T12:00:00.000000001Z"', True),
        ('timestamp>="2026-03-01T13:00:00+01:00"', True),
    ],
)
def test_the_interpreter_follows_the_documentation(text: str, expected: bool) -> None:
    assert selects(text, raw(severity="ERROR", textPayload="boom", labels={"instanceId": "inst-1"})) is expected


@pytest.mark.parametrize(
    "text",
    ["severity>=LOUD", "made.up=1", "(severity=ERROR", "severity", "severity=", "a" * 20_001,
     "severity=ERROR textPayload:x", "severity=ERROR and severity=ERROR"],
)
def test_the_interpreter_refuses_what_it_does_not_know(text: str) -> None:
    with pytest.raises(FilterNotUnderstood):
        selects(text, raw())
