from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.logs import Focus, LogEntry, LogQuery, Severity
from bot.logs.entries import entry_from_json
from bot.logs.query import gcp_filter, in_scope, is_severe, is_sought, matches
from tests.fakes.cloud_logging import selects


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
        focus=focus(services=('fer"ry', "buoy"), exclude=("health\ncheck",), least_severity=Severity.WARNING),
        since=datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC),
        until=datetime(2026, 3, 2, tzinfo=UTC),
    )
    text = gcp_filter(query)
    assert 'timestamp>="2026-03-01T12:00:00.000005Z" AND timestamp<"2026-03-02T00:00:00Z"' in text
    assert 'resource.labels.service_name="fer\\"ry"' in text
    assert "(severity>=WARNING OR severity=DEFAULT OR httpRequest.status>=500)" in text
    assert 'textPayload:"health\\u000acheck"' in text
    assert gcp_filter(LogQuery(focus=focus(least_severity=Severity.DEFAULT))) == ""


FOCUSES = st.builds(
    focus,
    services=st.lists(st.sampled_from(["ferry", "buoy"]), max_size=2).map(tuple),
    terms=st.lists(st.sampled_from(["websocket", "1011", "boom"]), max_size=2).map(tuple),
    loggers=st.lists(st.sampled_from(["ferry.ws"]), max_size=1).map(tuple),
    exclude=st.lists(st.sampled_from(["health", 'a "quote"', "Boom", ""]), max_size=2).map(tuple),
    least_severity=st.sampled_from(list(Severity)),
)
TEXTS = st.lists(
    st.sampled_from(["boom", "websocket", "1011", "/Health", 'a "quote"', "ERROR: x", "[error]", "ok", " "]), max_size=4
).map(" ".join)
ENTRIES = st.fixed_dictionaries(
    {
        "insertId": st.just("i"),
        "timestamp": st.sampled_from(["2026-03-01T12:00:00Z", "2026-03-02T00:00:00.000000001Z"]),
    },
    optional={
        "severity": st.sampled_from([one.value for one in Severity]),
        "textPayload": TEXTS,
        "jsonPayload": st.fixed_dictionaries(
            {"message": TEXTS}, optional={"level": st.just("error"), "logger": st.just("ferry.ws.x")}
        ),
        "httpRequest": st.fixed_dictionaries({"status": st.sampled_from([200, 404, 503]), "requestUrl": TEXTS}),
        "resource": st.fixed_dictionaries(
            {
                "labels": st.dictionaries(
                    st.sampled_from(["service_name", "configuration_name", "job_name"]),
                    st.sampled_from(["ferry", "buoy", ""]),
                )
            }
        ),
        "logName": st.just("projects/p/logs/x"),
    },
)


@settings(max_examples=500, deadline=None)
@given(FOCUSES, ENTRIES)
def test_the_filter_selects_all_that_matches(drawn: Focus, value: dict[str, Any]) -> None:
    one = entry_from_json(json.dumps(value).encode())
    selected = selects(gcp_filter(LogQuery(focus=drawn)), value)
    if matches(drawn, one):
        assert selected
    if selected:
        stated = value.get("severity", "DEFAULT")
        assert is_severe(drawn, one) or stated == "DEFAULT"
    if in_scope(drawn, one) and value.get("severity", "DEFAULT") == "DEFAULT":
        assert selected


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
