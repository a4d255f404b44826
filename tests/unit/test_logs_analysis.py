from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.config import CommitRule
from bot.domain.logs import Focus, GroupKind, Incident, LogEntry, Severity
from bot.logs.analysis import Analysis, AnalysisOptions
from bot.logs.entries import entry_from_json
from tests.fakes.log_lines import analysed

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FOCUS = Focus(name="startup", title="Startup", impact="It does not start")
ROUTING = Focus(name="routing", title="Routing", impact="Lost", terms=("websocket", "1011", "broker"))

CAUSE = """Traceback (most recent call last):
  File "/app/ferry/setup.py", line 85, in add_middleware
    from ferry.middleware.inner import wrap
  File "/app/ferry/middleware/__init__.py", line 3, in <module>
    from .reporting import report
  File "/app/ferry/middleware/reporting.py", line 23, in <module>
    from ferry.services.monitoring import reporter
ModuleNotFoundError: No module named 'ferry.services.monitoring'"""
AGAIN = CAUSE.replace("line 85, in add_middleware", "line 99, in add_inline")
LAST = """Traceback (most recent call last):
  File "/usr/local/lib/python3.11/site-packages/gunicorn/arbiter.py", line 608, in spawn_worker
    worker.init_process()
  File "/app/ferry/main.py", line 49, in <module>
    app = create_app()
          ^^^^^^^^^^^^
RuntimeError: Failed to set up middleware: No module named 'ferry.services.monitoring'"""
DURING = "During handling of the above exception, another exception occurred:"


class Log:
    """Makes entries of an invented service, in seconds since the start."""

    def __init__(self) -> None:
        self.entries: list[LogEntry] = []

    def add(
        self,
        second: float,
        text: str,
        severity: str | None = None,
        instance: str = "i0",
        service: str = "ferry",
        log: str = "stderr",
        **fields: Any,
    ) -> LogEntry:
        micros = round(second * 1e6)
        value = {
            "insertId": f"{len(self.entries):06d}",
            "timestamp": (START + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "logName": f"projects/harbour-dev/logs/run.googleapis.com%2F{log}",
            "labels": {"instanceId": instance, "commit-sha": "ab12cd3"} if instance else {},
            "resource": {
                "type": "cloud_run_revision",
                "labels": {
                    "project_id": "harbour-dev",
                    "service_name": service,
                    "revision_name": f"{service}-00007-xyz",
                },
            },
            "textPayload": text,
            **fields,
        }
        if severity:
            value["severity"] = severity
        self.entries.append(entry_from_json(json.dumps(value).encode()))
        return self.entries[-1]


def crash_loop(log: Log, instances: int = 5) -> None:
    for number in range(instances):
        at, instance = 10.0 + 7 * number, f"crash-{number}"
        log.add(at - 4, "Starting new instance. Reason: MANUAL.", "INFO", instance, log="varlog%2Fsystem")
        log.add(at - 3, "[2026-03-01 12:00:00 +0000] [9] [INFO] Starting gunicorn 23.0.0", None, instance)
        log.add(at - 2, "Loading configuration", "INFO", instance, log="stdout")
        log.add(at, "CRITICAL: setup failed: No module named 'ferry.services.monitoring'", "ERROR", instance)
        log.add(
            at + 0.002, "Details: ModuleNotFoundError: No module named 'ferry.services.monitoring'", "ERROR", instance
        )
        log.add(at + 0.003, "[2026-03-01 12:00:00 +0000] [9] [ERROR] Exception in worker process", None, instance)
        for step, text in enumerate((CAUSE, DURING, AGAIN, DURING, LAST)):
            log.add(at + 0.0031 + step * 1e-5, text, None if text == DURING else "ERROR", instance)
        log.add(at + 0.4, "[2026-03-01 12:00:00 +0000] [8] [ERROR] Worker (pid:9) exited with code 3", None, instance)
        log.add(at + 0.5, "Container called exit(3).", "WARNING", instance, log="varlog%2Fsystem")


def test_a_crash_loop_is_one_incident_with_its_cause_as_root() -> None:
    log = Log()
    crash_loop(log)
    analysis = analysed(log.entries, FOCUS)
    (incident,) = analysis.incidents
    assert incident.root.type == "ModuleNotFoundError"
    assert incident.root.message == "No module named 'ferry.services.monitoring'"
    assert incident.root.location == "ferry/middleware/reporting.py:23 in <module>"
    assert incident.severity is Severity.ERROR
    assert len(incident.instances) == 5
    assert incident.revisions == ("ferry-00007-xyz",)
    assert incident.commits == ("ab12cd3",)
    members = analysis.entries_of(incident)
    stated = [one for one in log.entries if b'"severity": "ERROR"' in one.raw]
    assert len(stated) == 25
    assert {one.insert_id for one in stated} <= {one.insert_id for one in members}
    assert sum(one.text == DURING for one in members) == 10
    assert incident.entries == len(members) == 5 * 10
    assert (incident.error_entries, incident.inferred_errors) == (25, 10)
    assert list(members) == sorted(members, key=lambda one: one.time_ns)
    assert not any("gunicorn" in one.text and "arbiter" not in one.text for one in members)
    first = incident.groups[0]
    assert (first.kind, first.count, first.fingerprint) == (GroupKind.TRACEBACK, 5, incident.fingerprint)
    assert [one.type for one in first.exceptions] == ["ModuleNotFoundError", "ModuleNotFoundError", "RuntimeError"]
    assert {group.count for group in incident.groups} == {5}


def test_what_came_before_is_context() -> None:
    log = Log()
    crash_loop(log)
    analysis = analysed(log.entries, FOCUS, AnalysisOptions(commits=CommitRule(sources=("label:other",))))
    (incident,) = analysis.incidents
    context = analysis.context_of(analysis.entries_of(incident), 6)
    assert [one.text for one in context if one.instance == "crash-0"] == [
        "[2026-03-01 12:00:00 +0000] [9] [INFO] Starting gunicorn 23.0.0",
        "Loading configuration",
    ]
    assert len(context) == 6
    assert len(analysis.context_of(analysis.entries_of(incident), 100)) == 9
    assert len(analysis.context_of(analysis.entries_of(incident), 1)) == 1
    assert analysis.context_of(analysis.entries_of(incident), 0) == ()
    own = {one.insert_id for one in analysis.entries_of(incident)}
    assert own.isdisjoint(one.insert_id for one in context)
    assert incident.commits == ()


def summary(analysis: Analysis) -> list[tuple[Incident, tuple[LogEntry, ...]]]:
    return [(incident, analysis.entries_of(incident)) for incident in analysis.incidents]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_entries_does_not_matter_and_duplicates_go(seed: int) -> None:
    log = Log()
    crash_loop(log)
    for number in range(40):
        log.add(number * 1.3, f"cache miss on shard {number}", "WARNING", f"other-{number % 4}")
    expected = analysed(log.entries, FOCUS)
    mixed = log.entries + log.entries[3:20]
    random.Random(seed).shuffle(mixed)
    again = analysed(mixed, FOCUS)
    assert again.groups == expected.groups
    assert summary(again) == summary(expected)
    of_context = sum(one.severity is Severity.INFO and not one.inferred for one in log.entries[3:20])
    assert (expected.report.duplicates, again.report.duplicates, of_context) == (0, 17 - of_context, 2)


OTHER = (
    'Traceback (most recent call last):\n  File "/app/ferry/pay.py", line 5, in charge\n    x()\nValueError: no card'
)


def roots(analysis: Analysis) -> set[str]:
    return {incident.root.type for incident in analysis.incidents}


def test_noise_that_falls_into_the_same_second_glues_nothing() -> None:
    log = Log()
    for number in range(600):
        log.add(number, f"slow query took {number} ms", "WARNING", f"i{number % 3}")
    for number in range(6):
        log.add(50.3 + 90 * number, CAUSE, "ERROR", f"i{number % 3}")
        log.add(52.7 + 91 * number, OTHER, "ERROR", f"i{(number + 1) % 3}")
    log.add(50.6, "disk is nearly full", "WARNING", "i0")
    analysis = analysed(log.entries, FOCUS)
    assert len(analysis.incidents) == 4
    assert all(len(incident.groups) == 1 for incident in analysis.incidents)


def test_a_single_failure_and_its_message_are_one_incident() -> None:
    log = Log()
    log.add(5, "request failed", "ERROR")
    log.add(5.001, OTHER, "ERROR")
    log.add(400, "other trouble", "ERROR")
    analysis = analysed(log.entries, FOCUS)
    assert sorted(len(incident.groups) for incident in analysis.incidents) == [1, 2]
    assert roots(analysis) == {"ValueError", "run.googleapis.com/stderr"}


def test_a_message_that_accompanies_two_failures_does_not_make_them_one() -> None:
    log = Log()
    for number in range(40):
        log.add(10 * number, CAUSE if number % 2 else OTHER, "ERROR", f"i{number % 4}")
        log.add(10 * number + 0.001, "Unhandled exception in request", "ERROR", f"i{number % 4}")
    analysis = analysed(log.entries, FOCUS)
    assert roots(analysis) == {"ModuleNotFoundError", "ValueError"}
    assert sorted(len(incident.groups) for incident in analysis.incidents) == [1, 2]


def test_a_shared_trace_joins_what_happened_in_different_services() -> None:
    log = Log()
    for number in range(3):
        trace = f"projects/harbour-dev/traces/{number:032x}"
        request = {"requestMethod": "POST", "requestUrl": f"https://x.example/pay/{number}", "status": 500}
        log.add(100 * number, OTHER, "ERROR", "a1", "pay", trace=trace)
        log.add(100 * number + 5, "", "ERROR", "b1", "front", httpRequest=request, trace=trace)
    (incident,) = analysed(log.entries, FOCUS).incidents
    assert incident.services == ("front", "pay")
    assert incident.root.type == "ValueError"
    assert [group.kind for group in incident.groups] == [GroupKind.TRACEBACK, GroupKind.REQUEST]


def test_severity_decides_what_makes_an_incident() -> None:
    log = Log()
    log.add(1, "just so you know", "NOTICE")
    log.add(500, "careful", "WARNING")
    log.add(900, "", "WARNING", httpRequest={"requestMethod": "GET", "requestUrl": "/a", "status": 502})
    log.add(1500, "[2026-03-01 12:00:00 +0000] [8] [ERROR] Reason: Worker failed to boot.")

    def found(least: Severity) -> int:
        return len(analysed(log.entries, FOCUS.model_copy(update={"least_severity": least})).incidents)

    assert [found(least) for least in (Severity.NOTICE, Severity.WARNING, Severity.ERROR, Severity.CRITICAL)] == [
        4,
        3,
        2,
        2,
    ]
    everything = analysed(log.entries, FOCUS.model_copy(update={"least_severity": Severity.DEFAULT}))
    assert (len(everything.groups), everything.report.passed_over) == (4, 0)
    warnings = analysed(log.entries, FOCUS)
    assert (len(warnings.groups), warnings.report.passed_over, warnings.report.entries_read) == (3, 1, 4)


def test_an_incident_is_sought_when_any_of_its_groups_speaks_of_the_focus() -> None:
    log = Log()
    for number in range(4):
        log.add(60 * number, CAUSE, "ERROR", f"i{number}")
        log.add(60 * number + 0.01, f"connection {number} closed with 1011", "WARNING", f"i{number}")
        log.add(60 * number + 30, OTHER, "ERROR", f"i{number}")
    (incident,) = analysed(log.entries, ROUTING).incidents
    assert incident.root.type == "ModuleNotFoundError"
    assert len(incident.groups) == 2


def test_services_and_exclusions_narrow_what_is_looked_at() -> None:
    log = Log()
    log.add(1, "boom", "ERROR", service="pay")
    log.add(500, "known trouble with berths", "ERROR")
    log.add(900, OTHER, "ERROR")
    focus = FOCUS.model_copy(update={"services": ("ferry",), "exclude": ("Known Trouble",)})
    assert roots(analysed(log.entries, focus)) == {"ValueError"}


def test_an_empty_and_a_clean_log_have_no_incident() -> None:
    log = Log()
    assert analysed([], FOCUS).incidents == ()
    log.add(1, "all is well", "INFO")
    analysis = analysed(log.entries, FOCUS)
    assert (analysis.report.entries_read, analysis.groups, analysis.incidents) == (1, (), ())


def test_what_is_stored_of_an_incident_holds_no_secret() -> None:
    log = Log()
    log.add(1, OTHER.replace("no card", "login ada@example.org password=Tr0ub4dor refused"), "ERROR")
    log.add(500, "mail to ada@example.org bounced", "ERROR", jsonPayload=None)
    analysis = analysed(log.entries, FOCUS)
    stored = "".join(incident.model_dump_json() for incident in analysis.incidents)
    stored += "".join(group.model_dump_json() for group in analysis.groups)
    assert "ada@" not in stored
    assert "Tr0ub4dor" not in stored
    assert "<email:" in stored


def test_without_instances_nothing_is_together_by_time() -> None:
    log = Log()
    for number in range(5):
        log.add(60 * number, "first trouble", "ERROR", instance="")
        log.add(60 * number + 0.001, "second trouble", "ERROR", instance="")
    analysis = analysed(log.entries, FOCUS)
    assert len(analysis.incidents) == 2
    first, second = sorted(analysis.incidents, key=lambda incident: incident.root.message)
    assert analysis.context_of(analysis.entries_of(first), 5) == ()
    # What nobody's instance logged is at least of the revision.
    assert [one.insert_id for one in analysis.context_of(analysis.entries_of(second), 5)] == ["000000"]


def test_requests_that_went_well_are_context_only_where_there_is_room() -> None:
    log = Log()
    log.add(10, "connected to the broker", "INFO")
    for number, path in enumerate("abc"):
        request = {"requestMethod": "GET", "requestUrl": f"/{path}", "status": 101}
        log.add(11 + number, "", "INFO", httpRequest=request)
    log.add(20, OTHER, "ERROR")
    analysis = analysed(log.entries, FOCUS)
    (incident,) = analysis.incidents
    texts = [one.text.split(" ->")[0] for one in analysis.context_of(analysis.entries_of(incident), 2)]
    assert texts == ["connected to the broker", "GET /c"]
    assert len(analysis.context_of(analysis.entries_of(incident), 9)) == 4


TRACE = "projects/harbour-dev/traces/0af7651916cd43dd8448eb211c80319c"


def context_ids(log: Log, most: int = 100) -> list[str]:
    analysis = analysed(log.entries, FOCUS)
    (incident,) = analysis.incidents
    return [one.insert_id for one in analysis.context_of(analysis.entries_of(incident), most)]


def test_the_same_trace_is_context_on_whatever_service_and_instance() -> None:
    log = Log()
    asked = log.add(10, "asked the mill", "INFO", "gate-1", service="gate", trace=TRACE)
    milled = log.add(10.2, "no grain left", "INFO", "mill-1", service="mill", trace=TRACE)
    log.add(10.3, "no grain left", "INFO", "mill-2", service="mill", trace=TRACE[:-1] + "d")
    log.add(10.4, "nothing to do with it", "INFO", "mill-1", service="mill")
    log.add(10.5, OTHER, "ERROR", trace=TRACE)
    answered = log.add(11, "answered 500", "INFO", "gate-1", service="gate", trace=TRACE)
    log.add(90, "the same trace, long after", "INFO", "gate-1", service="gate", trace=TRACE)
    log.add(190, "the same trace, while another instance fails", "INFO", "gate-1", service="gate", trace=TRACE)
    log.add(200, OTHER, "ERROR", "i1")
    assert context_ids(log) == [asked.insert_id, milled.insert_id, answered.insert_id]
    log.entries.reverse()
    assert context_ids(log) == [asked.insert_id, milled.insert_id, answered.insert_id]
    assert context_ids(log, 2) == [milled.insert_id]


def test_half_of_the_context_is_kept_for_what_is_of_no_trace() -> None:
    log = Log()
    told = log.add(9, "the instance says something", "INFO")
    for number in range(26):
        log.add(9.5, f"step {chr(97 + number) * 3}", "INFO", "gate-1", service="gate", trace=TRACE)
    log.add(10, OTHER, "ERROR", trace=TRACE)
    found = context_ids(log, 10)
    assert told.insert_id in found
    assert len(found) == 6


def test_a_trace_that_is_named_beside_the_trace_is_none() -> None:
    log = Log()
    log.add(9, "", "INFO", "gate-1", service="gate", textPayload=None, jsonPayload={"message": "x", "trace": TRACE})
    log.add(10, OTHER, "ERROR", trace=TRACE)
    assert context_ids(log) == []


def test_deployments_and_the_first_words_of_the_revision_are_context() -> None:
    log = Log()
    audit = {"methodName": "google.cloud.run.v1.Services.ReplaceService", "resourceName": "namespaces/x/services/ferry"}
    log.add(2_000, "", "NOTICE", "", textPayload=None, protoPayload=audit, log="cloudaudit")
    deployed = log.add(2_970, "", "NOTICE", "", textPayload=None, protoPayload=audit, log="cloudaudit")
    log.add(2_980, "", "NOTICE", "", service="mill", textPayload=None, protoPayload=audit, log="cloudaudit")
    started = log.add(2_990, "reading the configuration", "INFO", "other")
    request = {"requestMethod": "GET", "requestUrl": "/health", "status": 200}
    log.add(2_991, "", "INFO", "other", httpRequest=request)
    log.add(3_050, "later, and elsewhere", "INFO", "other")
    near = log.add(3_090, "on the instance", "INFO", "i0")
    log.add(3_100, OTHER, "ERROR")
    log.add(3_101, "", "NOTICE", "", textPayload=None, protoPayload=audit, log="cloudaudit")
    assert context_ids(log) == [deployed.insert_id, started.insert_id, near.insert_id]
    assert context_ids(log, 2) == [deployed.insert_id, near.insert_id]


def test_a_busy_instance_leaves_the_revision_a_few_places() -> None:
    log = Log()
    deployed = log.add(1, "Ready condition status changed to True", "INFO", "", log="system_event")
    for first in range(26):
        log.add(20, f"said {chr(97 + first) * 4}", "INFO")
    log.add(30, OTHER, "ERROR")
    found = context_ids(log, 10)
    assert len(found) == 10
    assert deployed.insert_id in found


def test_context_does_not_hang_on_the_order_of_the_log() -> None:
    log = Log()
    crash_loop(log)
    for number in range(40):
        word = chr(97 + number % 26) * 3
        log.add(number / 2, f"traced {word}", "INFO", f"gate-{number}", service="gate", trace=TRACE)
        log.add(number / 2, f"deployed {word}", "INFO", "")
    log.add(12, OTHER, "ERROR", "crash-1", trace=TRACE)
    orders = [log.entries, log.entries[::-1], random.Random(3).sample(log.entries, len(log.entries))]
    found = set()
    for entries in orders:
        analysis = analysed(entries, FOCUS)
        incident = next(one for one in analysis.incidents if one.root.type == "ValueError")
        found.add(analysis.context_of(analysis.entries_of(incident), 30))
    assert len(found) == 1
    assert len(found.pop()) == 30


def test_what_followed_is_told_from_the_root_with_its_median_lag() -> None:
    log = Log()
    for number, lag in enumerate((0.010, 0.9, 0.95, 0.012, 0.011)):
        at = 100.0 * number
        log.add(at, CAUSE, "ERROR", f"i{number}")
        log.add(at - 0.2, "about to fail", "WARNING", f"i{number}")
        log.add(at + lag, "gave up", "ERROR", f"i{number}")
    (incident,) = analysed(log.entries, FOCUS).incidents
    assert [(one.title, one.lag_ms, one.beside, one.looked_at) for one in incident.followed] == [
        ("about to fail", -200.0, 5, 5), ("gave up", 12.0, 5, 5),
    ]
    assert sum(incident.timeline) == 15


def test_each_revision_has_its_occurrences_and_its_life() -> None:
    log = Log()

    def at(second: float, text: str, severity: str, number: int) -> None:
        log.add(second, text, severity, f"i{number}", resource={"type": "cloud_run_revision", "labels": {
            "project_id": "harbour-dev", "service_name": "ferry", "revision_name": f"ferry-0000{number}"}})

    at(0, "listening", "INFO", 1)
    for second in (240, 250, 480):
        at(second, CAUSE, "ERROR", 2)
    at(479, CAUSE, "ERROR", 1)
    at(300, "listening", "INFO", 3)
    analysis = analysed(log.entries, FOCUS)
    (incident,) = analysis.incidents
    assert [(one.revision, one.count, one.first_seen[14:19], one.last_seen[14:19]) for one in incident.by_revision] == [
        ("ferry-00002", 3, "04:00", "08:00"), ("ferry-00001", 1, "07:59", "07:59"),
    ]
    assert [(place, count) for place, count in enumerate(incident.by_revision[0].timeline) if count] == [
        (11, 1), (12, 1), (23, 1),
    ]
    assert incident.timeline == tuple(map(sum, zip(*(one.timeline for one in incident.by_revision), strict=True)))
    lives = analysis.lives_of(incident)
    assert [(one.revision, one.first_seen, one.last_seen) for one in lives] == [
        ("ferry-00001", analysis.span[0], incident.by_revision[1].last_seen),
        ("ferry-00002", incident.first_seen, analysis.span[1]),
        ("ferry-00003", lives[2].first_seen, lives[2].first_seen),
    ]


def test_a_trace_that_everything_shares_joins_nothing() -> None:
    log = Log()
    for number in range(80):
        words = " ".join(f"{letter}x" for letter in f"{number:07b}".replace("0", "a").replace("1", "b"))
        log.add(60.0 * number, f"failed {words}", "ERROR", f"i{number}", trace="projects/p/traces/one")
    assert {len(incident.groups) for incident in analysed(log.entries, FOCUS).incidents} == {1}


def test_names_hold_no_secret_either() -> None:
    log = Log()
    secret = "ghp_" + "a1B2c3D4e5" * 4
    log.add(1, OTHER, "ERROR", instance=f"i-{secret}", service=f"pay {secret}")
    analysis = analysed(log.entries, FOCUS)
    assert secret not in "".join(one.model_dump_json() for one in (*analysis.incidents, *analysis.groups))


def test_a_log_without_an_incident_says_why() -> None:
    log = Log()
    assert analysed(log.entries, FOCUS).nothing == "The log holds no entry."
    log.add(1, "all is well", "INFO")
    assert analysed(log.entries, FOCUS).nothing == "No entry of the focus is at its severity, so there is no incident."
    log.add(2, "boom", "ERROR")
    assert analysed(log.entries, ROUTING).nothing.startswith("1 group of messages is at the focus's severity, but none")
    elsewhere = FOCUS.model_copy(update={"services": ("buoy",)})
    assert analysed(log.entries, elsewhere).nothing == "No entry is of the focus's services (buoy)."


def test_more_groups_than_can_be_told_apart_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.logs.analysis.MOST_GROUPS", 2)
    log = Log()
    for number, words in enumerate(("rare trouble", "often trouble", "often trouble", "a warning"), 1):
        log.add(100 * number, words, "WARNING" if words == "a warning" else "ERROR")
    analysis = analysed(log.entries, FOCUS)
    assert {group.title for group in analysis.groups} == {"rare trouble", "often trouble"}
    assert analysis.report.unread == (
        "Of 3 groups of messages, 1 are not told apart: the least severe and rarest.",
    )
