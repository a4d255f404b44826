"""The priority of incidents that a log really gives: entries in, P0 to P3 out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.domain.logs import Focus, Incident, Novelty, RankedIncident, Standing
from bot.logs.priority import urgency_of
from bot.logs.ranking import rank
from tests.fakes.log_lines import analysed
from tests.unit.records import incident
from tests.unit.test_logs_analysis import CAUSE, Log

FOCUS = Focus(name="any", title="Any", impact="Something fails.")
TRACEBACK = """Traceback (most recent call last):
  File "/app/ferry/board.py", line 12, in board
    return berths[name]
KeyError: 'north'"""
REFUSED = (
    'Default STARTUP TCP probe failed 1 time consecutively for container "ferry-1" on port 8080. The instance was not '
    "started. Connection failed with status CANCELLED."
)


def gunicorn(log: Log, instances: int, times: int = 1) -> None:
    """What a service logs whose worker cannot import its application."""
    for number in range(instances * times):
        at, instance = 10.0 + 7 * number, f"crash-{number % instances}"
        log.add(at, CAUSE, "ERROR", instance)
        log.add(at + 0.1, "[2026-03-01 12:00:00 +0000] [9] [ERROR] Reason: Worker failed to boot.", None, instance)
        log.add(at + 0.3, "Container called exit(3).", "WARNING", instance, log="varlog%2Fsystem")


def script(log: Log) -> None:
    """A plain Python program that dies while it is imported."""
    for number in range(3):
        at, instance = 10.0 + 30 * number, f"crash-{number}"
        log.add(at, CAUSE, "ERROR", instance)
        log.add(at + 0.2, "Container called exit(1).", "WARNING", instance, log="varlog%2Fsystem")


def probes(log: Log) -> None:
    """What Cloud Run says of a container that does not listen."""
    for number in range(4):
        log.add(10.0 + 30 * number, REFUSED, "ERROR", f"crash-{number}", log="varlog%2Fsystem")


def memory(log: Log) -> None:
    log.add(10.0, "Memory limit of 512 MiB exceeded with 530 MiB used. Consider increasing the memory limit, see "
            "https://cloud.google.com/run/docs/configuring/memory-limits", "ERROR", "a", log="varlog%2Fsystem")


def requests(log: Log) -> None:
    for number in range(3):
        request = {"requestMethod": "GET", "requestUrl": "https://ferry.example/berths", "status": 503}
        log.add(10.0 + number, "", "ERROR", "a", log="requests", httpRequest=request)


def traceback(log: Log, *instances: str) -> None:
    for number, instance in enumerate(instances):
        log.add(10.0 + 40 * number, TRACEBACK, "ERROR", instance)


def lazy_import(log: Log) -> None:
    """An import that fails while a request is served: the process goes on."""
    for number in range(3):
        log.add(10.0 + 30 * number, CAUSE, "ERROR", "a")


def clean_exit(log: Log) -> None:
    for number in range(3):
        log.add(10.0 + 30 * number, TRACEBACK, "ERROR", "a")
        log.add(10.1 + 30 * number, "Container called exit(0).", "WARNING", "a", log="varlog%2Fsystem")


KINDS: tuple[tuple[str, Callable[[Log], object], str, str], ...] = (
    ("a crash loop of gunicorn", lambda log: gunicorn(log, 5), "P0",
     "All 5 instances failed to start, and so could not serve"),
    ("an instance that starts again and again", lambda log: gunicorn(log, 1, times=3), "P0",
     "The only instance seen failed to start, and so could not serve"),
    ("a program that dies of an import", script, "P0", "All 3 instances failed to start, and so could not serve"),
    ("containers that do not listen", probes, "P0", "All 4 instances failed to start, and so could not serve"),
    ("something critical", lambda log: log.add(10, "the ledger is lost", "CRITICAL", "a"), "P0",
     "It was logged as CRITICAL"),
    ("an emergency", lambda log: log.add(10, "the harbour is on fire", "EMERGENCY", "a"), "P0",
     "It was logged as EMERGENCY"),
    ("a start that failed once", lambda log: gunicorn(log, 1), "P1", "Errors that ended an instance"),
    ("an instance out of memory", memory, "P1", "Errors that ended an instance"),
    ("requests that fail", requests, "P1", "Errors that reached 3 requests"),
    ("an error on several instances", lambda log: traceback(log, "a", "b", "c"), "P1", "Errors on 3 instances"),
    ("an error on one instance", lambda log: traceback(log, "a", "a"), "P2",
     "Errors on one instance; no request that failed is among them"),
    ("an error of nobody knows whom", lambda log: traceback(log, ""), "P2",
     "Errors of which no instance is known; no request that failed is among them"),
    ("an import that fails late", lazy_import, "P2", "Errors on one instance; no request that failed is among them"),
    ("a container that was asked to go", clean_exit, "P2",
     "Errors on one instance; no request that failed is among them"),
    ("warnings on many instances",
     lambda log: [log.add(10.0 + n, "slow broker", "WARNING", f"i{n}") for n in range(9)], "P3",
     "Warnings, and no errors"),
)


def first_of(log: Log) -> Incident:
    found = rank(analysed(log.entries, FOCUS).incidents, {}).winner
    assert found is not None
    return found.incident


def ranked(one: Incident, novelty: Novelty = Novelty.NEW) -> RankedIncident:
    standing = {} if novelty is Novelty.NEW else {one.fingerprint: Standing(novelty=novelty, why="")}
    found = rank([one], standing)
    return found.winner or found.runners_up[0]


@pytest.mark.parametrize(("make", "priority", "why"), [kind[1:] for kind in KINDS], ids=[kind[0] for kind in KINDS])
def test_kinds_of_incidents(make: Callable[[Log], object], priority: str, why: str) -> None:
    log = Log()
    make(log)
    found = urgency_of(ranked(first_of(log)))
    assert (found.priority, found.why) == (priority, why)


def test_an_error_that_is_back_is_more_urgent_than_one_that_is_new() -> None:
    log = Log()
    traceback(log, "a", "a")
    one = first_of(log)
    assert urgency_of(ranked(one)).priority == "P2"
    back = urgency_of(ranked(one, Novelty.REGRESSED))
    assert (back.priority, back.why) == ("P1", "Errors that are back although they were fixed")
    warning = Log()
    warning.add(10, "slow broker", "WARNING", "a")
    assert urgency_of(ranked(first_of(warning), Novelty.REGRESSED)).priority == "P3"


def test_one_instance_that_started_is_enough_to_serve() -> None:
    """The exception is seen on an instance that did not die of it, too."""
    log = Log()
    gunicorn(log, 4)
    log.add(90.0, CAUSE, "ERROR", "alive")
    one = first_of(log)
    assert len(one.instances) == 5
    assert urgency_of(ranked(one)).priority == "P1"


def test_numbers_alone_decide_nothing() -> None:
    """The window that was read is somebody's choice, and counts grow with it."""
    few, many = (incident(entries=count, error_entries=count, timeline=(count,)) for count in (2, 200_000))
    assert urgency_of(ranked(few)) == urgency_of(ranked(many))
