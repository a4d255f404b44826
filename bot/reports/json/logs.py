"""`whybot/logs/1`: the incidents of a log, ranked."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.domain.base import Fingerprint, Frozen
from bot.domain.logs import (
    DamagedLine,
    Followed,
    Incident,
    LogGroup,
    LogQuery,
    Lost,
    RankedIncident,
    RootSignature,
    Selection,
)
from bot.logs.analysis import Analysis
from bot.logs.query import gcp_filter
from bot.reports.json.base import Document


class GroupSummary(Frozen):
    """Entries with one fingerprint."""

    fingerprint: Fingerprint
    kind: str
    severity: str
    count: int
    sample: str = Field(description="What an entry of it says, redacted and cut.")
    first_seen: str
    last_seen: str
    services: tuple[str, ...]
    revisions: tuple[str, ...]
    instances: int
    insert_ids: tuple[str, ...]
    shown_with: Fingerprint | None = Field(description="The group that says the same in other words.")


class IncidentSummary(Frozen):
    """Groups that fail together, with their place."""

    place: int = Field(description="1 is the first.")
    fingerprint: Fingerprint
    root: RootSignature
    severity: str
    tier: int = Field(description="1 errors, 2 warnings, 3 notices, 4 the rest")
    novelty: str
    why: str | None = Field(description="The ground for its novelty.")
    lost: Lost | None = Field(description="In what it came behind the first.")
    instances: int
    entries: int
    error_entries: int
    inferred_errors: int
    first_seen: str
    last_seen: str
    services: tuple[str, ...]
    revisions: tuple[str, ...]
    commits: tuple[str, ...]
    timeline: tuple[int, ...] = Field(description="Occurrences in equal parts of the span.")
    members: tuple[Fingerprint, ...]


class MemberSummary(Frozen):
    """A group of the selected incident."""

    fingerprint: Fingerprint
    severity: str
    count: int
    sample: str


class SelectedIncident(Frozen):
    """The incident that a cycle would work on."""

    fingerprint: Fingerprint
    root: RootSignature
    members: tuple[MemberSummary, ...]
    entries: int = Field(description="Before parts of one traceback were joined.")
    error_entries: int
    inferred_errors: int
    instances: int
    instance_ids: tuple[str, ...]
    revisions: tuple[str, ...]
    commits: tuple[str, ...]
    followed: tuple[Followed, ...]
    reasons: tuple[str, ...]


class LogsDocument(Document):
    """What was read, the groups, the ranked incidents and the one that is selected."""

    schema_name: Literal["whybot/logs/1"] = Field(default="whybot/logs/1", alias="schema")
    focus: str
    source: str
    since: str | None = Field(description="Where the window begins; null for a file, which is read whole.")
    span: tuple[str, str] | None = Field(description="Times of the first and the last entry.")
    entries_read: int
    entries_damaged: int
    duplicates: int
    passed_over: int = Field(description="Entries that state a severity below the focus's.")
    damaged: tuple[DamagedLine, ...] = Field(description="Some of what could not be read.")
    unread: tuple[str, ...] = Field(description="A sentence for each part that was left out.")
    filter: str = Field(description="What the focus looks for, as a filter for Cloud Logging.")
    groups: tuple[GroupSummary, ...]
    incidents: tuple[IncidentSummary, ...]
    selected: SelectedIncident | None
    reasons: tuple[str, ...] = Field(description="Why this one, or why none.")


def logs_document(query: LogQuery, analysis: Analysis, selection: Selection) -> LogsDocument:
    """Put together what was read, the ranked incidents and the selected one."""
    report = analysis.report
    winner = selection.winner
    ranked = sorted((*((winner,) if winner else ()), *selection.runners_up), key=lambda one: one.place)
    return LogsDocument(
        focus=query.focus.name, source=report.source, since=None if query.since is None else query.since.isoformat(),
        span=analysis.span, entries_read=report.entries_read, entries_damaged=report.entries_damaged,
        duplicates=report.duplicates, passed_over=report.passed_over, damaged=report.damaged_samples,
        unread=report.unread, filter=gcp_filter(query), groups=tuple(map(_group, analysis.groups)),
        incidents=tuple(map(_incident, ranked)),
        selected=None if winner is None else _selected(winner.incident, selection), reasons=selection.reasons,
    )


def _group(group: LogGroup) -> GroupSummary:
    return GroupSummary(
        fingerprint=group.fingerprint, kind=group.kind.value, severity=group.severity.value, count=group.count,
        sample=group.title, first_seen=group.first_seen, last_seen=group.last_seen, services=group.services,
        revisions=group.revisions, instances=len(group.instances), insert_ids=group.insert_ids,
        shown_with=group.shown_with or None,
    )


def _incident(one: RankedIncident) -> IncidentSummary:
    incident = one.incident
    return IncidentSummary(
        place=one.place, fingerprint=incident.fingerprint, root=incident.root, severity=incident.severity.value,
        tier=one.values.tier, novelty=one.values.novelty.value, why=one.why or None, lost=one.lost,
        instances=len(incident.instances), entries=incident.entries, error_entries=incident.error_entries,
        inferred_errors=incident.inferred_errors, first_seen=incident.first_seen, last_seen=incident.last_seen,
        services=incident.services, revisions=incident.revisions, commits=incident.commits,
        timeline=incident.timeline, members=tuple(group.fingerprint for group in incident.groups),
    )


def _selected(incident: Incident, selection: Selection) -> SelectedIncident:
    return SelectedIncident(
        fingerprint=incident.fingerprint, root=incident.root,
        members=tuple(
            MemberSummary(fingerprint=group.fingerprint, severity=group.severity.value, count=group.count,
                          sample=group.title)
            for group in incident.groups
        ),
        entries=incident.entries, error_entries=incident.error_entries, inferred_errors=incident.inferred_errors,
        instances=len(incident.instances), instance_ids=incident.instances, revisions=incident.revisions,
        commits=incident.commits, followed=incident.followed, reasons=selection.reasons,
    )
