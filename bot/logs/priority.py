"""How urgent an incident is, P0 to P3, by rule from what is known of the incident alone.

P0  the service cannot serve: every instance that the incident is on failed to start, more than once in all; or an
    entry is of CRITICAL or above, by Google's words "more severe problems or outages"
    (https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#LogSeverity).
P1  errors that reach requests (Cloud Run logged one that ended with 500 or above), that reach several instances or end
    one, or that are back although they were fixed.
P2  other errors.
P3  warnings and below.

Counts and the time that was read decide nothing: both depend on the window that somebody chose. That a service starts
on other revisions is not known from an incident, so P0 says what its instances did.
"""

from __future__ import annotations

import re

from bot.domain.base import Frozen, counted
from bot.domain.effects import Priority
from bot.domain.logs import GroupKind, Incident, LogGroup, Novelty, RankedIncident, Severity

# What Cloud Run (https://cloud.google.com/run/docs/troubleshooting), gunicorn and uvicorn log when no start came about.
_NOT_STARTED = re.compile(
    r"container failed to start|startup \w*\s?probe failed|the instance was not started|"
    r"the instance could not start successfully|worker failed to boot|application startup failed",
    re.IGNORECASE,
)
# What they log when a process ended that should have gone on.
_ENDED = re.compile(
    r"container called exit\((?!0\))|container terminated on signal|uncaught signal: |memory limit of |"
    r"the container exited with an error|fatal python error|out of memory",
    re.IGNORECASE,
)


class Urgency(Frozen):
    """A priority, and the part of the rule that gave it, as the end of a sentence."""

    priority: Priority
    why: str


def urgency_of(ranked: RankedIncident) -> Urgency:
    """Rank an incident by the rule above. Equal incidents give equal priorities, whenever they are asked for."""
    incident = ranked.incident
    if not_started(incident):
        return Urgency(priority="P0", why=f"{_reach(incident)} failed to start, and so could not serve")
    if incident.severity.rank >= Severity.CRITICAL.rank:
        return Urgency(priority="P0", why=f"It was logged as {incident.severity.value}")
    if incident.severity.rank >= Severity.ERROR.rank:
        return _of_errors(ranked)
    kind = "Warnings" if incident.severity is Severity.WARNING else "Notices and below"
    return Urgency(priority="P3", why=f"{kind}, and no errors")


def _of_errors(ranked: RankedIncident) -> Urgency:
    incident = ranked.incident
    requests = sum(group.count for group in incident.groups
                   if group.kind is GroupKind.REQUEST and group.severity.rank >= Severity.ERROR.rank)
    if requests:
        return Urgency(priority="P1", why=f"Errors that reached {counted(requests, 'request')}")
    if len(incident.instances) > 1:
        return Urgency(priority="P1", why=f"Errors on {counted(len(incident.instances), 'instance')}")
    if any(_ENDED.search(group.title) or _NOT_STARTED.search(group.title) for group in incident.groups):
        return Urgency(priority="P1", why="Errors that ended an instance")
    if ranked.values.novelty is Novelty.REGRESSED:
        return Urgency(priority="P1", why="Errors that are back although they were fixed")
    where = "on one instance" if incident.instances else "of which no instance is known"
    return Urgency(priority="P2", why=f"Errors {where}; no request that failed is among them")


def not_started(incident: Incident) -> bool:
    """Whether each instance of an incident failed to start, and that happened more than once."""
    return any(
        group.count > 1 and {*group.instances} == {*incident.instances} and _prevents_start(group, incident)
        for group in incident.groups
    )


def _prevents_start(group: LogGroup, incident: Incident) -> bool:
    """An import that fails stops a start only where the process ended of it; elsewhere it may have come later."""
    return bool(_NOT_STARTED.search(group.title)) or (
        bool(_ENDED.search(group.title)) and " in <module>" in incident.root.location
    )


def _reach(incident: Incident) -> str:
    count = len(incident.instances)
    return "The only instance seen" if count == 1 else f"All {count:,} instances" if count else "What was started"
