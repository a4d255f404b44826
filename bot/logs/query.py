"""One definition of a focus, read in two ways: as the predicate for entries and as the filter for Google.

What is read and what is sought are two things. Read is everything of the focus's services that could be
part of a failure: entries at its severity and all that carry none, since tracebacks arrive line by line
without one. Sought are incidents of which any group matches the terms: the entry that explains a routing
failure rarely says "routing", so terms must not narrow what is read.

An entry's own word on its severity stands: one that states INFO is INFO, whatever its text says. Only where it
states none are its payload, its HTTP status and its text asked, in this order (`bot/logs/entries.py`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from bot.domain.logs import SEVERITIES, Focus, LogEntry, LogQuery, Severity
from bot.domain.moments import nanoseconds_of, rfc3339
from bot.logs.seeking import Seeker
from bot.logs.severity import RANK

MOST_FILTER_CHARS = 20_000
"""The longest filter that Cloud Logging takes."""
_ERROR = RANK[Severity.ERROR]
FAILED = 500
_SERVICE_LABELS = ("service_name", "configuration_name", "job_name", "container_name", "module_id")
_INSTANCE_FIELDS = ("labels.instanceId", "labels.instance_id", "resource.labels.instance_id",
                    "resource.labels.pod_name")
_EXCLUDED_FIELDS = ("textPayload", "jsonPayload.message", "httpRequest.requestUrl")
"""Fields that are in an entry's text whatever else is: what one of them holds, the text holds."""


DEPLOYED_BEFORE = timedelta(days=30)
"""How long before the time that is asked for a running revision may have been deployed, and be found by its image."""
_DEPLOYING = ("CreateService", "ReplaceService", "UpdateService")


class Tier(NamedTuple):
    """A part of what is read: how it is named to people, and its filter."""

    title: str
    filter: str


def threshold(focus: Focus) -> int:
    """The rank from which an entry counts: the focus's own, but never above ERROR."""
    return min(RANK[focus.least_severity], _ERROR)


def is_severe(focus: Focus, entry: LogEntry) -> bool:
    """Whether an entry is at the focus's severity by what it or its text says, or a request that failed."""
    failed = entry.request is not None and entry.request.status >= FAILED
    return failed or RANK[entry.severity] >= threshold(focus)


def in_scope(focus: Focus, entry: LogEntry) -> bool:
    """Whether an entry is of the focus's services and not excluded; severity and terms do not matter."""
    return is_of_services(focus, entry) and not is_excluded(focus, entry.text)


def is_of_services(focus: Focus, entry: LogEntry) -> bool:
    """Whether an entry is of one of the focus's services. A focus without services means all of them."""
    return not focus.services or entry.service in focus.services


def is_excluded(focus: Focus, text: str) -> bool:
    """Whether a text holds one of the exclusions, in any case of letters."""
    return _seeker(focus).excluded(text)


def is_sought(focus: Focus, entry: LogEntry) -> bool:
    """Whether an entry speaks of the focus: its HTTP status, loggers or terms. True when it names none of them."""
    return _seeker(focus).speaks(entry.text, entry.logger, entry.request.status if entry.request is not None else 0)


@lru_cache(maxsize=16)
def _seeker(focus: Focus) -> Seeker:
    return Seeker(focus)


def matches(focus: Focus, entry: LogEntry) -> bool:
    """Whether an entry is what the focus looks for: scope, severity and terms together.

    A focus without services, terms and loggers matches everything at its severity.
    """
    return in_scope(focus, entry) and is_severe(focus, entry) and is_sought(focus, entry)


def tiers(query: LogQuery) -> tuple[Tier, ...]:
    """What is read of Google, most severe first: no entry is in two tiers, together they are `gcp_filter`.

    Deployments, where they are asked for, are a tier of their own, which may overlap.
    They select every entry that `matches` and, so that chains can be joined, every entry that states no severity.
    The language is described at https://cloud.google.com/logging/docs/view/logging-query-language: OR binds
    tighter than AND, `:` and `=` ignore the case of letters, a missing severity is DEFAULT.
    """
    focus = query.focus
    scope = _times(query.since, query.until) + _services(focus)
    failed, calm = f"httpRequest.status>={FAILED}", f"NOT httpRequest.status>={FAILED}"
    parts = [
        Tier("ERROR and above", _all([*scope, _any(["severity>=ERROR", failed]), *_exclusions(focus, scope)])),
        Tier("no severity", _all([*scope, "severity=DEFAULT", calm])),
    ]
    for rank in range(_ERROR - 1, max(threshold(focus), RANK[Severity.DEBUG]) - 1, -1):
        # The least tier reaches down to what lies between the names of severities, which are numbers to Google.
        over = "severity>DEFAULT" if threshold(focus) == 0 and rank == 1 else f"severity>={SEVERITIES[rank]}"
        within = [*scope, over, f"severity<{SEVERITIES[rank + 1]}", calm]
        parts.append(Tier(SEVERITIES[rank], _all([*within, *_exclusions(focus, within)])))
    if query.deployments:
        before = query.since - DEPLOYED_BEFORE if query.since is not None else None
        methods = _any([f"protoPayload.methodName:{_quoted(method)}" for method in _DEPLOYING])
        service = f"protoPayload.serviceName={_quoted('run.googleapis.com')}"
        parts.append(Tier("deployments", _all([*_times(before, query.until), *_services(focus), service, methods])))
    return tuple(parts)


def gcp_filter(query: LogQuery) -> str:
    """All tiers in one: what is read of the focus, as a person could paste it into the Logs Explorer.

    Exclusions are sent only for entries that state a severity below ERROR: an excluded word in one line
    must not tear a traceback apart. They are applied in full to what comes back.
    """
    focus = query.focus
    conditions = _times(query.since, query.until) + _services(focus)
    if threshold(focus):
        least = SEVERITIES[threshold(focus)]
        conditions.append(_any([f"severity>={least}", "severity=DEFAULT", f"httpRequest.status>={FAILED}"]))
    return _all([*conditions, *_exclusions(focus, conditions)])


def left_out_filter(focus: Focus, instances: tuple[str, ...], since: datetime, until: datetime,
                    every: bool = False) -> str:
    """What `gcp_filter` leaves out of some instances and times for its severity; with `every` all of them.

    Empty where it leaves nothing out.
    """
    if not instances or not (every or threshold(focus)):
        return ""
    conditions = _times(since, until) + _services(focus)
    conditions.append(_any([_in(field, instances) for field in _INSTANCE_FIELDS]))
    if not every:
        conditions += ["severity>DEFAULT", f"severity<{SEVERITIES[threshold(focus)]}",
                       f"NOT httpRequest.status>={FAILED}"]
    return _all(conditions)


def _times(since: datetime | None, until: datetime | None) -> list[str]:
    found = [] if since is None else [f'timestamp>="{rfc3339(nanoseconds_of(since))}"']
    return found if until is None else [*found, f'timestamp<"{rfc3339(nanoseconds_of(until))}"']


def _services(focus: Focus) -> list[str]:
    if not focus.services:
        return []
    return [_any([_in(f"resource.labels.{label}", focus.services) for label in _SERVICE_LABELS])]


def _exclusions(focus: Focus, others: list[str]) -> list[str]:
    """The exclusions that can be sent: plain ASCII, on whose case nobody disagrees, and as many as find room."""
    room = MOST_FILTER_CHARS - len(_all(others))
    found: list[str] = []
    for words in focus.exclude:
        if not (words.strip() and words.isascii() and words.isprintable()):
            continue
        held = _any([f"{field}:{_quoted(words)}" for field in _EXCLUDED_FIELDS])
        condition = f"NOT (severity>DEFAULT AND severity<ERROR AND {held})"
        room -= len(condition) + len(" AND ")
        if room >= 0:
            found.append(condition)
    return found


def _in(field: str, values: tuple[str, ...]) -> str:
    return f"{field}={_quoted(values[0])}" if len(values) == 1 else f"{field}={_any([_quoted(one) for one in values])}"


def _all(conditions: list[str]) -> str:
    return " AND ".join(conditions)


def _any(conditions: list[str]) -> str:
    return f"({' OR '.join(conditions)})"


def _quoted(text: str) -> str:
    """A string literal of the Logging query language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    printable = (one if one.isprintable() else f"\\u{ord(one):04x}" for one in escaped)
    return f'"{"".join(printable)}"'
