"""When an incident happened, and at which revisions, as pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.domain.base import counted
from bot.domain.effects import PullRequestUpsert
from bot.domain.logs import Incident, RevisionSeen
from bot.domain.moments import nanoseconds_of, parse_nanoseconds
from bot.domain.record import CycleRecord
from bot.domain.results import Retrieved
from bot.reports.mermaid.labels import block, label

MOST_REVISIONS = 12
"""Revisions that are drawn: the latest to begin in the one picture, those with the most entries in the other."""
_NAME = 40
"""Characters of a revision's name in the picture of times."""
_BAR_NAME = 24
"""And beside a bar: Mermaid 10 and 12 draw neither names nor bars where a name is wider (26 times "W" is)."""

_MINUTE, _DAY = 60_000, 86_400_000
"""In milliseconds."""


@dataclass(frozen=True)
class _Span:
    """A bar, or a point where it has no length. Times are milliseconds since 1970."""

    said: str
    begin: int
    end: int
    kind: str = ""


def incident_timeline(retrieved: Retrieved, record: CycleRecord | None = None) -> str:
    """When which revision logged, and when the incident occurred and most of all, in UTC.

    With `record` also when the cycle began and proposed its fix, where that was not long after what was read. Empty
    where no incident was chosen, or its times cannot be read.
    """
    winner = retrieved.selection.winner
    if winner is None:
        return ""
    seen = list(_of_incident(retrieved, winner.incident))
    if not seen:
        return ""
    sections = {"Revisions": list(_of_revisions(retrieved)), "Incident": seen}
    shown = [span for spans in sections.values() for span in spans]
    low, high = min(span.begin for span in shown), max(span.end for span in shown)
    if record is not None:
        sections["Cycle"] = [span for span in _of_cycle(record) if low <= span.begin <= high + max(high - low, _MINUTE)]
    return block(_gantt({name: spans for name, spans in sections.items() if spans}))


def _gantt(sections: dict[str, list[_Span]]) -> Iterator[str]:
    shown = [span for spans in sections.values() for span in spans]
    low, high = min(span.begin for span in shown), max(span.end for span in shown)
    yield "gantt"
    yield "    accTitle: When the incident occurred"
    yield f"    title {label(f'{_at(low):%Y-%m-%d %H:%M:%S} to {_at(high):%Y-%m-%d %H:%M:%S}, UTC')}"
    yield "    dateFormat YYYY-MM-DDTHH:mm:ss.SSS"
    yield f"    axisFormat {'%H:%M:%S' if high - low < 10 * _MINUTE else '%H:%M' if high - low < 2 * _DAY else '%m-%d'}"
    yield "    todayMarker off"
    for name, spans in sections.items():
        yield f"    section {name}"
        for span in spans:
            begin = _at(span.begin).isoformat(timespec="milliseconds").removesuffix("+00:00")
            if span.begin == span.end:
                yield f"        {span.said} :milestone, {begin}, 0ms"
            else:
                end = _at(span.end).isoformat(timespec="milliseconds").removesuffix("+00:00")
                yield f"        {span.said} :{span.kind}{begin}, {end}"


def _of_revisions(retrieved: Retrieved) -> Iterator[_Span]:
    lives = sorted(retrieved.revisions, key=lambda life: (life.first_seen, life.service, life.revision))
    for life in lives[-MOST_REVISIONS:]:
        begin, end = _milliseconds(life.first_seen), _milliseconds(life.last_seen)
        if begin is not None and end is not None and begin <= end:
            yield _Span(f"revision {label(life.revision, _NAME, tail=True)}", begin, end)


def _of_incident(retrieved: Retrieved, incident: Incident) -> Iterator[_Span]:
    begin, end = _milliseconds(incident.first_seen), _milliseconds(incident.last_seen)
    if begin is None or end is None or begin > end:
        return
    yield _Span(label(counted(incident.entries, "entry", "entries")), begin, end, "crit, ")
    low, high = _milliseconds(retrieved.read_from), _milliseconds(retrieved.read_until)
    if low is None or high is None or sum(1 for count in incident.timeline if count) < 2:
        return
    most, parts = max(incident.timeline), len(incident.timeline)
    part = incident.timeline.index(most)
    width = high - low
    said = label(f"the most, {counted(most, 'entry', 'entries')}")
    yield _Span(said, low + part * width // parts, low + (part + 1) * width // parts, "active, ")


def _of_cycle(record: CycleRecord) -> Iterator[_Span]:
    proposed = [step.ended_at for step in record.steps if step.ended_at is not None
                and any(isinstance(item.effect, PullRequestUpsert) for item in step.effects)]
    for said, moment in (("cycle began", record.created_at), *(("fix proposed", moment) for moment in proposed)):
        at = nanoseconds_of(moment) // 1_000_000
        yield _Span(said, at, at)


def _milliseconds(text: str) -> int | None:
    try:
        return parse_nanoseconds(text) // 1_000_000
    except ValueError:
        return None


def _at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)


def occurrences_by_revision(retrieved: Retrieved) -> str:
    """How many entries the incident has at each revision, as bars. Empty where that is not known."""
    winner = retrieved.selection.winner
    if winner is None or not winner.incident.by_revision:
        return ""
    return block(_bars(winner.incident))


def _bars(incident: Incident) -> Iterator[str]:
    most = sorted(incident.by_revision, key=lambda seen: -seen.count)[:MOST_REVISIONS]
    shown = [seen for seen in incident.by_revision if seen in most]
    bars = [(label(_named(seen, incident), _BAR_NAME, tail=True), seen.count) for seen in shown]
    others = [seen.count for seen in incident.by_revision if seen not in most]
    if others:
        bars.append((f"{counted(len(others), 'other')}", sum(others)))
    yield "xychart-beta horizontal"
    yield "    accTitle: Entries of the incident by revision"
    yield f"    x-axis [{', '.join(f'{chr(34)}{name}{chr(34)}' for name, _ in bars)}]"
    yield f'    y-axis "entries" 0 --> {max(1, *(count for _, count in bars))}'
    yield f"    bar [{', '.join(str(count) for _, count in bars)}]"


def _named(seen: RevisionSeen, incident: Incident) -> str:
    several = len({one.service for one in incident.by_revision}) > 1
    return f"{seen.service}/{seen.revision}" if several else seen.revision
