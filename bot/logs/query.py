"""One definition of a focus, read in two ways: as the predicate for entries and as the filter for Google.

What is read and what is sought are two things. Read is everything of the focus's services that could be
part of a failure: entries at its severity and all that carry none, since tracebacks arrive line by line
without one. Sought are incidents of which any group matches the terms: the entry that explains a routing
failure rarely says "routing", so terms must not narrow what is read.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.domain.logs import Focus, LogEntry, LogQuery, Severity
from bot.domain.moments import nanoseconds_of, rfc3339
from bot.logs.severity import RANK
from bot.logs.tracebacks import telling_text

_ERROR = RANK[Severity.ERROR]
_SERVICE_LABELS = ("service_name", "configuration_name", "job_name", "container_name", "module_id")


def threshold(focus: Focus) -> int:
    """The rank from which an entry counts: the focus's own, but never above ERROR."""
    return min(RANK[focus.least_severity], _ERROR)


def is_severe(focus: Focus, entry: LogEntry) -> bool:
    """Whether an entry is at the focus's severity by what it or its text says, or a request that failed."""
    failed = entry.request is not None and entry.request.status >= 500
    return failed or RANK[entry.severity] >= threshold(focus)


def in_scope(focus: Focus, entry: LogEntry) -> bool:
    """Whether an entry is of the focus's services and not excluded; severity and terms do not matter."""
    return is_of_services(focus, entry) and not is_excluded(focus, entry.text)


def is_of_services(focus: Focus, entry: LogEntry) -> bool:
    """Whether an entry is of one of the focus's services. A focus without services means all of them."""
    return not focus.services or entry.service in focus.services


def is_excluded(focus: Focus, text: str) -> bool:
    """Whether a text holds one of the exclusions, in any case of letters."""
    if not focus.exclude:
        return False
    lower = text.lower()
    return any(words.strip() and words.lower() in lower for words in focus.exclude)


def is_sought(focus: Focus, entry: LogEntry) -> bool:
    """Whether an entry speaks of the focus: its HTTP status, loggers or terms. True when it names none of them.

    A term is found anywhere in a word, in any case; a number only where no letter or digit adjoins it.
    Frames of libraries are not looked at.
    """
    if focus.least_http_status and entry.request is not None and entry.request.status >= focus.least_http_status:
        return True
    if not focus.terms and not focus.loggers:
        return not focus.least_http_status
    if any(entry.logger == name or entry.logger.startswith(f"{name}.") for name in focus.loggers):
        return True
    pattern = _pattern(focus.terms)
    return pattern is not None and bool(pattern.search(telling_text(entry.text)) or pattern.search(entry.logger))


@lru_cache(maxsize=64)
def _pattern(terms: tuple[str, ...]) -> re.Pattern[str] | None:
    told = [term.strip() for term in terms if term.strip()]
    if not told:
        return None
    edge, end = "(?<![0-9A-Za-z])", "(?![0-9A-Za-z])"
    bounded = (f"{edge}{term}{end}" if term.isdigit() else re.escape(term) for term in told)
    return re.compile("|".join(bounded), re.IGNORECASE)


def matches(focus: Focus, entry: LogEntry) -> bool:
    """Whether an entry is what the focus looks for: scope, severity and terms together.

    A focus without services, terms and loggers matches everything at its severity.
    """
    return in_scope(focus, entry) and is_severe(focus, entry) and is_sought(focus, entry)


def gcp_filter(query: LogQuery) -> str:
    """The same definition in the Logging query language.

    It selects every entry that `matches` and, so that chains can be joined, every entry without severity.
    Exclusions are sent only for entries that state a severity below ERROR: an excluded word in one line
    must not tear a traceback apart. They are applied in full to what comes back.
    """
    focus = query.focus
    conditions: list[str] = []
    if query.since is not None:
        conditions.append(f'timestamp>="{rfc3339(nanoseconds_of(query.since))}"')
    if query.until is not None:
        conditions.append(f'timestamp<"{rfc3339(nanoseconds_of(query.until))}"')
    if focus.services:
        conditions.append(_any([
            f"resource.labels.{label}={_quoted(service)}" for service in focus.services for label in _SERVICE_LABELS
        ]))
    least = next(severity for severity in Severity if RANK[severity] == threshold(focus))
    if least is not Severity.DEFAULT:
        conditions.append(_any([f"severity>={least.value}", "severity=DEFAULT", "httpRequest.status>=500"]))
    conditions += [
        f"NOT (severity>DEFAULT AND severity<ERROR AND (textPayload:{_quoted(words)} OR "
        f"jsonPayload.message:{_quoted(words)}))"
        for words in focus.exclude
        if words.strip()
    ]
    return " AND ".join(conditions)


def _any(conditions: list[str]) -> str:
    return f"({' OR '.join(conditions)})"


def _quoted(text: str) -> str:
    """A string literal of the Logging query language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    printable = (one if one.isprintable() else f"\\u{ord(one):04x}" for one in escaped)
    return f'"{"".join(printable)}"'
