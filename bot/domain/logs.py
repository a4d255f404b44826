"""Log entries and what is made of them: groups, incidents, the selection."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from pydantic import AwareDatetime, Field

from bot.domain.base import Fingerprint, Frozen, Sha

SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
"""Cloud Logging's LogSeverity, least first. A missing severity means DEFAULT."""


class Severity(StrEnum):
    """Cloud Logging's LogSeverity."""

    DEFAULT = "DEFAULT"
    DEBUG = "DEBUG"
    INFO = "INFO"
    NOTICE = "NOTICE"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"
    ALERT = "ALERT"
    EMERGENCY = "EMERGENCY"

    @property
    def rank(self) -> int:
        """0 for DEFAULT to 8 for EMERGENCY."""
        return SEVERITIES.index(self.value)


class HttpRequest(msgspec.Struct, frozen=True, gc=False):
    """The part of a request entry that tells one kind of request from another."""

    method: str
    url: str
    status: int


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry, as read. A msgspec struct and not pydantic: a scan makes a million of them.

    (project, time_ns, insert_id) is the identity that Cloud Logging documents. `severity` is what the
    entry says or, where it says nothing, what its text says (then `inferred`). `raw` is the JSON as it was read.
    """

    insert_id: str
    time_ns: int
    severity: Severity
    text: str
    project: str = ""
    service: str = ""
    revision: str = ""
    instance: str = ""
    log_name: str = ""
    logger: str = ""
    trace: str = ""
    request: HttpRequest | None = None
    inferred: bool = False
    labels: tuple[tuple[str, str], ...] = ()
    raw: bytes = b""


class Focus(Frozen):
    """What a cycle looks for. One definition serves the filter that is sent and the predicate for files.

    An incident is sought when one of its entries has a logger, a term, or a request that ended with
    `least_http_status` (0: none is asked for) or above. `window_hours` is a leap year at most.
    """

    name: str
    title: str
    impact: str
    services: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    loggers: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    least_severity: Severity = Severity.WARNING
    least_http_status: Annotated[int, Field(strict=True, ge=0, le=599)] = 0
    window_hours: Annotated[float, Field(strict=True, gt=0, le=366 * 24, allow_inf_nan=False)] = 24.0
    exclude: tuple[str, ...] = ()


class LogQuery(Frozen):
    """What is asked of a log source. `since` and `until` None means: whatever the source holds.

    `deployments` asks for Cloud Run's audit entries of deployments as well, which say what image a revision runs: of
    any severity, and from before `since`.
    """

    focus: Focus
    since: datetime | None = None
    until: datetime | None = None
    most_entries: int = 2_000_000
    deployments: bool = False


class LogPage(msgspec.Struct, frozen=True, gc=False):
    """A piece of a log as its source gives it: one JSON LogEntry a line. `number` finds the page again."""

    number: int
    lines: list[bytes]


class DamagedLine(Frozen):
    """A piece of a log that could not be read as an entry."""

    where: str
    reason: str


class ReadReport(Frozen):
    """What was read and what was not. `unread` holds a sentence for each part that was left out.

    `passed_over` counts the entries that state a severity below the focus's: they are context and make no group.
    """

    source: str
    entries_read: int
    entries_damaged: int = 0
    duplicates: int = 0
    passed_over: int = 0
    damaged_samples: tuple[DamagedLine, ...] = ()
    unread: tuple[str, ...] = ()


class Frame(Frozen):
    """One line of a traceback or stack. `in_app` is False for the language's and libraries' code."""

    path: str
    line: int
    function: str
    source: str = ""
    in_app: bool = True


class LoggedException(Frozen):
    """One exception of a printed chain, outermost frame first."""

    type: str
    message: str
    frames: tuple[Frame, ...] = ()


class GroupKind(StrEnum):
    """Which rule made the fingerprint."""

    TRACEBACK = "traceback"
    MESSAGE = "message"
    REQUEST = "request"


class LogGroup(Frozen):
    """All entries of one fingerprint. `insert_ids` is a sample, earliest first; `count` is the whole.

    `aliases` are the fingerprints that earlier rule versions gave the same entries. `shown_with` is the
    fingerprint of a group of nearly the same message that lists show it with; no decision rests on it.
    """

    fingerprint: Fingerprint
    kind: GroupKind
    title: str
    severity: Severity
    count: int
    first_seen: str
    last_seen: str
    services: tuple[str, ...]
    revisions: tuple[str, ...]
    instances: tuple[str, ...]
    insert_ids: tuple[str, ...]
    exceptions: tuple[LoggedException, ...] = ()
    aliases: tuple[Fingerprint, ...] = ()
    shown_with: Fingerprint | None = None


class RootSignature(Frozen):
    """What an incident comes down to: exception type (or log name), message, and the deciding place."""

    type: str
    message: str
    location: str = ""


class Followed(Frozen):
    """A group that failed together with the incident's root.

    `lag_ms` is the median time from the root's occurrence to the nearest of this group on the same instance
    (negative: before it); None where they share a trace only. `beside` counts the root's occurrences that
    have one of this group beside them, of the `looked_at` that were looked at.
    """

    fingerprint: Fingerprint
    title: str
    lag_ms: float | None
    beside: int
    looked_at: int


class RevisionSeen(Frozen):
    """The occurrences of an incident at one revision; `timeline` has the same parts as the incident's."""

    service: str
    revision: str
    count: int
    first_seen: str
    last_seen: str
    timeline: tuple[int, ...]


class RevisionLife(Frozen):
    """When a revision logged anything at all, in what was read: its first and last entry (RFC 3339).

    The first is no earlier than its deployment. A revision that was there before the window begins with it.
    """

    service: str
    revision: str
    first_seen: str
    last_seen: str


class Incident(Frozen):
    """Groups that fail together, represented by the earliest traceback in the application's own code.

    `entries` counts log entries before chained ones were joined; `error_entries` those that say ERROR or
    above, `inferred_errors` those that say nothing but whose text does. `timeline` counts the occurrences in equal
    parts of the time that was read; `by_revision` tells them apart, the earliest revision first (empty in records of
    schema 5 and before). `followed` says in which order the other groups came.
    """

    fingerprint: Fingerprint
    root: RootSignature
    groups: tuple[LogGroup, ...]
    severity: Severity
    entries: int
    error_entries: int
    inferred_errors: int = 0
    first_seen: str
    last_seen: str
    services: tuple[str, ...]
    revisions: tuple[str, ...]
    instances: tuple[str, ...]
    commits: tuple[str, ...] = ()
    aliases: tuple[Fingerprint, ...] = ()
    timeline: tuple[int, ...] = ()
    followed: tuple[Followed, ...] = ()
    by_revision: tuple[RevisionSeen, ...] = ()


class Novelty(StrEnum):
    """How an incident stands to what earlier records and bot.toml know.

    `fixed` was marked as gone, and nothing of it was logged since; `regressed` was, and is back.
    """

    NEW = "new"
    REGRESSED = "regressed"
    KNOWN = "known"
    IN_WORK = "in work"
    FIXED = "fixed"
    MUTED = "muted"


class SeenBefore(Frozen):
    """An incident as the latest earlier cycle on it saw it: numbers and names, and no text of a log.

    `cycle` is its reference, `revisions` are the last ones by name. `fixed_at` is when it was marked as gone since.
    """

    cycle: Annotated[str, Field(max_length=120)]
    entries: int
    instances: int
    revisions: Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=50)]
    first_seen: Annotated[str, Field(max_length=40)]
    last_seen: Annotated[str, Field(max_length=40)]
    fixed_at: AwareDatetime | None = None


class Standing(Frozen):
    """What is known of an incident before its log is looked at, and why, in words.

    `fixed_at` is when it was marked as gone; `fix` is the commit of the fix that was proposed for it. Whether
    the incident is back can be told only with the log at hand: `bot/logs/ranking.py` does. `seen` is what it was then.
    """

    novelty: Novelty
    why: str
    fixed_at: AwareDatetime | None = None
    fix: Sha | None = None
    seen: SeenBefore | None = None


class RankValues(Frozen):
    """The values that decide a rank, in the order in which they decide."""

    tier: int
    novelty: Novelty
    instances: int
    entries: int
    last_seen: str


class RankBy(StrEnum):
    """A value of the rank, by the name that tables give it, in the order in which they decide."""

    SEVERITY = "severity"
    NOVELTY = "novelty"
    INSTANCES = "instances"
    ENTRIES = "entries"
    LAST_SEEN = "last seen"
    FINGERPRINT = "fingerprint"


class Lost(Frozen):
    """The first value in which an incident came behind the winner, with both values.

    `by` is `novelty` for one that may not be chosen at all; `against` is empty where there is no winner.
    """

    by: RankBy
    value: str
    against: str = ""


class RankedIncident(Frozen):
    """An incident with its place and the values that gave it. `why` gives the ground for its novelty, if any.

    `lost` is None for the winner, and in records of schema 1. `before` is how an earlier cycle saw it, if one did;
    records of schema 4 and before have none.
    """

    place: int
    incident: Incident
    values: RankValues
    why: str = ""
    lost: Lost | None = None
    before: SeenBefore | None = None


class Selection(Frozen):
    """The incident that a cycle works on, why it won, and what it won against."""

    winner: RankedIncident | None
    runners_up: tuple[RankedIncident, ...] = ()
    reasons: tuple[str, ...] = ()


class RunningCommit(Frozen):
    """The commit that the incident's code ran at, or what stands in for it (`known` False) and why."""

    sha: Sha
    known: bool
    how: str
