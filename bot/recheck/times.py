"""Checks the times of the incident and of the revisions that it occurred at: against the time that was read, the parts
that it is counted in, and the entries that were kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.logs import Incident, LogEntry, RevisionLife
from bot.domain.moments import parse_nanoseconds
from bot.domain.results import Retrieved
from bot.logs.keeping import MOST_KEPT
from bot.recheck.material import REDACTED, Material
from bot.recheck.statement import Statement, judged, noted, shown


def times(material: Material) -> Iterator[Statement]:
    """Hold first and last times against each other, and against what was kept."""
    retrieved, incident = material.record.latest(Retrieved), material.incident
    if retrieved is None or incident is None:
        return
    if not (retrieved.read_from and retrieved.read_until):
        yield noted("the time that was read", "the record does not say which it was" if material.older else
                    "the record says nothing of it")
        return
    span = _span(retrieved.read_from, retrieved.read_until)
    if span is None:
        yield judged("the time that was read", f"{shown(retrieved.read_from)} to {shown(retrieved.read_until)} is none")
        return
    yield noted("the time that was read", "it rests on the record alone: the log's first and last entries are not kept")
    for what, first, last, timeline in _occurrences(incident):
        yield judged(what, _outside(first, last, span) or _other_parts(first, last, timeline, span))
    for life in retrieved.revisions:
        yield judged(f"when the revision {life.revision} logged", _outside(life.first_seen, life.last_seen, span)
                     or _not_seen(life, incident))
    entries = material.entries
    if isinstance(entries, tuple) and incident.entries <= MOST_KEPT:
        yield from _kept(retrieved, incident, entries)


def _occurrences(incident: Incident) -> Iterator[tuple[str, str, str, Sequence[int]]]:
    """The incident as a whole and at each revision: first and last time, and the counts in parts of the time."""
    yield "when the incident occurred", incident.first_seen, incident.last_seen, incident.timeline
    for seen in incident.by_revision:
        what = f"when the incident occurred at the revision {seen.revision}"
        yield what, seen.first_seen, seen.last_seen, seen.timeline


def _span(first: str, last: str) -> tuple[int, int] | None:
    try:
        low, high = parse_nanoseconds(first), parse_nanoseconds(last)
    except ValueError:
        return None
    return (low, high) if low <= high else None


def _outside(first: str, last: str, read: tuple[int, int]) -> str:
    found = _span(first, last)
    if found is None:
        return f"{shown(first)} to {shown(last)} is no time"
    return "" if read[0] <= found[0] and found[1] <= read[1] else "it lies outside of the time that was read"


def _other_parts(first: str, last: str, timeline: Sequence[int], read: tuple[int, int]) -> str:
    """The first and the last part in which something is counted are those of the first and the last time."""
    parts = [part for part, count in enumerate(timeline) if count]
    if not parts:
        return "no part of the time that was read counts an occurrence"
    low, width = read[0], read[1] - read[0] + 1
    wanted = [(parse_nanoseconds(moment) - low) * len(timeline) // width for moment in (first, last)]
    if [parts[0], parts[-1]] == wanted:
        return ""
    return (f"by its times it is in the parts {wanted[0] + 1} to {wanted[1] + 1}, and counted in {parts[0] + 1} to "
            f"{parts[-1] + 1}")


def _not_seen(life: RevisionLife, incident: Incident) -> str:
    """A revision at which the incident occurred logged at that time."""
    for seen in incident.by_revision:
        if (seen.service, seen.revision) == (life.service, life.revision) and _outside(
                seen.first_seen, seen.last_seen, _span(life.first_seen, life.last_seen) or (0, -1)):
            return "the incident occurred there at other times"
    return ""


def _kept(retrieved: Retrieved, incident: Incident, entries: Sequence[LogEntry]) -> Iterator[Statement]:
    """Of each revision, the entries that the record names are among those that were kept, and none is outside."""
    of: dict[tuple[str, str], list[int]] = {}
    for entry in entries:
        of.setdefault((entry.service, entry.revision), []).append(entry.time_ns)
    for seen in incident.by_revision:
        if REDACTED.search(seen.service + seen.revision):
            continue
        there = of.get((seen.service, seen.revision), [])
        for which, moment in (("first", seen.first_seen), ("last", seen.last_seen)):
            at = _span(moment, moment)
            yield judged(f"the {which} occurrence at the revision {seen.revision}",
                         "" if at is not None and at[0] in there else f"no kept entry is of {shown(moment)}")
    for life in retrieved.revisions:
        span = _span(life.first_seen, life.last_seen) or (0, -1)
        outside = [ns for ns in of.get((life.service, life.revision), []) if not span[0] <= ns <= span[1]]
        yield judged(f"the entries that were kept of the revision {life.revision}",
                     f"{len(outside)} of them are not of the time in which it logged" if outside else "")
