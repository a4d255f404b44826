"""Groups: all occurrences of one fingerprint, gathered in one pass and in a form fit to be stored."""

from __future__ import annotations

from bot.domain.base import Fingerprint
from bot.domain.logs import Focus, GroupKind, LogEntry, LoggedException, LogGroup, Severity
from bot.domain.moments import rfc3339
from bot.logs.fingerprint import Identified
from bot.logs.joining import Occurrence
from bot.logs.query import is_excluded, is_severe, is_sought
from bot.logs.redact import redact
from bot.logs.severity import RANK

_MOST_SAMPLES = 20
_MOST_TITLE = 200
_MOST_MESSAGE = 2_000


class Gathered:
    """A group while it is gathered. `severe` are the occurrences that can make an incident."""

    __slots__ = ("best", "count", "first", "identified", "insert_ids", "instances", "last_ns", "revisions", "severe",
                 "severity", "sought")

    def __init__(self, occurrence: Occurrence, identified: Identified) -> None:
        self.identified = identified
        self.first = occurrence.entry
        self.best = identified.exceptions
        self.count = 0
        self.last_ns = 0
        self.severity = Severity.DEFAULT
        self.insert_ids: list[str] = []
        self.instances: set[str] = set()
        self.revisions: set[str] = set()
        self.severe: list[Occurrence] = []
        self.sought = False

    @property
    def fingerprint(self) -> Fingerprint:
        """What its occurrences have in common."""
        return self.identified.fingerprint

    @property
    def is_traceback(self) -> bool:
        """Whether it was made from an exception."""
        return self.identified.kind is GroupKind.TRACEBACK

    def add(self, focus: Focus, occurrence: Occurrence, identified: Identified) -> None:
        """Count one more occurrence. They come in time order."""
        entry = occurrence.entry
        self.count += 1
        self.last_ns = entry.time_ns
        if RANK[entry.severity] > RANK[self.severity]:
            self.severity = entry.severity
        if len(self.insert_ids) < _MOST_SAMPLES:
            self.insert_ids.append(entry.insert_id)
        if entry.instance:
            self.instances.add(entry.instance)
        if entry.revision:
            self.revisions.add(entry.revision)
        if len(identified.exceptions) > len(self.best):
            self.best = identified.exceptions
        if is_severe(focus, entry) and not is_excluded(focus, entry.text):
            self.severe.append(occurrence)
            self.sought = self.sought or is_sought(focus, entry)

    def group(self) -> LogGroup:
        """The group as a value, without secrets."""
        return LogGroup(
            fingerprint=self.fingerprint,
            kind=self.identified.kind,
            title=_title(self.first, self.best),
            severity=self.severity,
            count=self.count,
            first_seen=rfc3339(self.first.time_ns),
            last_seen=rfc3339(self.last_ns),
            services=(self.first.service,) if self.first.service else (),
            revisions=tuple(sorted(self.revisions)),
            instances=tuple(sorted(self.instances)),
            insert_ids=tuple(self.insert_ids),
            exceptions=tuple(_clean(exception) for exception in self.best),
        )


def first_line(text: str, most: int = _MOST_TITLE) -> str:
    """The first line of a text that is not empty, redacted and cut."""
    line = next((line.strip() for line in text.split("\n") if line.strip()), "")
    line = redact(line)
    return line if len(line) <= most else f"{line[:most]}…"


def _title(entry: LogEntry, exceptions: tuple[LoggedException, ...]) -> str:
    if not exceptions:
        return first_line(entry.text) or "(empty message)"
    message = first_line(exceptions[0].message)
    return f"{exceptions[0].type}: {message}" if message else exceptions[0].type


def _clean(exception: LoggedException) -> LoggedException:
    frames = tuple(frame.model_copy(update={"source": redact(frame.source)}) for frame in exception.frames)
    return LoggedException(type=exception.type, message=redact(exception.message)[:_MOST_MESSAGE], frames=frames)
