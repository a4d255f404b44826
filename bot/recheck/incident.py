"""Checks the numbers of the incident: counted again from the entries that were kept, and ranked again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from bot.domain.logs import Focus, Incident, LogEntry, LogPage, LogQuery, Selection, Standing
from bot.domain.moments import nanoseconds_of, rfc3339
from bot.domain.results import Retrieved
from bot.logs.analysis import Analysis, AnalysisOptions, analyse
from bot.logs.keeping import MOST_KEPT
from bot.logs.ranking import rank
from bot.logs.redact import Redactor
from bot.recheck.comparing import compared
from bot.recheck.material import REDACTED, Material
from bot.recheck.statement import Statement, judged, noted, same, shown

_COUNTED = frozenset({
    "kind", "title", "severity", "count", "first_seen", "last_seen", "services", "revisions", "instances",
    "insert_ids", "exceptions",
})
"""Fields of a group that its own entries give, whatever else was logged."""
_TEXTS = frozenset({"title", "exceptions"})
_KEPT = Redactor(keep_ips=True, keep_emails=True)
"""What configuration may have let through; everything else is taken out of a snapshot before it is kept."""
_AGAIN = "its entries give"


class SnapshotLines:
    """Implements the LogReading port on the lines of a snapshot: one page, nothing left out."""

    name = "the snapshot"

    def __init__(self, content: bytes) -> None:
        self._lines = [line for line in content.split(b"\n") if line.strip()]

    def __iter__(self) -> Iterator[LogPage]:
        """The one page."""
        yield LogPage(0, self._lines)

    def page(self, number: int) -> list[bytes]:
        """The lines of the page."""
        return self._lines

    def where(self, number: int, index: int) -> str:
        """Where a line stands."""
        return f"line {index + 1}"

    def left_out(self, instances: tuple[str, ...], since: datetime, until: datetime, most: int) -> Iterable[bytes]:
        """Nothing: a snapshot is all there is."""
        return ()

    def unread(self) -> tuple[str, ...]:
        """Nothing was left out."""
        return ()

    def close(self) -> None:
        """Nothing is held open."""


def counts(material: Material) -> Iterator[Statement]:
    """Count the incident's entries again, group by group, where all of them were kept."""
    retrieved, incident = material.record.latest(Retrieved), material.incident
    if retrieved is None:
        return
    yield noted("the numbers of the whole log",
                "only the incident's entries and what went before them were kept: how many entries, groups and other "
                "incidents there were, and their times, rest on the record alone")
    content = material.files.get(retrieved.snapshot)
    if incident is None or content is None:
        return
    if isinstance(material.entries, str):
        yield judged(retrieved.snapshot, material.entries)
        return
    if incident.entries > MOST_KEPT:
        there = len(material.entries)
        yield noted("the numbers of the incident",
                    f"of an incident of {incident.entries:,} entries not all are kept; {there:,} entries are there")
        return
    yield from _back(retrieved, material.entries)
    query = LogQuery(focus=_anything(material.record.settings.focus))
    analysis = analyse(SnapshotLines(content), query, AnalysisOptions(redactor=_KEPT))
    found = {group.fingerprint: group for group in analysis.groups}
    whole = True
    for number, group in enumerate(incident.groups, 1):
        again = found.get(group.fingerprint)
        what = f"group {number} ({group.fingerprint})"
        if again is None and REDACTED.search(content.decode("utf-8", "replace")):
            whole = False
            yield noted(what, "the snapshot is redacted, so that its entries may have another fingerprint there")
        elif again is None:
            whole = False
            yield judged(what, "no entry of the snapshot has this fingerprint")
        else:
            fields = set(_COUNTED)
            if REDACTED.search(group.model_dump_json(include=set(_TEXTS))):
                # A secret over several lines is taken out of a line and of a whole entry in different ways.
                fields -= _TEXTS
                yield noted(f"{what}, its texts", "they are redacted")
            yield from compared(what, group.model_dump(include=fields, mode="json"),
                                again.model_dump(include=fields, mode="json"), _AGAIN)
    if whole:
        yield from _sums(incident, analysis)


def _back(retrieved: Retrieved, entries: Sequence[LogEntry]) -> Iterator[Statement]:
    """Hold the time since when a regression is back against the entries that were kept."""
    if not retrieved.again_since:
        return
    winner = retrieved.selection.winner
    fixed = None if winner is None or winner.before is None else winner.before.fixed_at
    after = {rfc3339(entry.time_ns) for entry in entries if fixed is not None and entry.time_ns > nanoseconds_of(fixed)}
    yield judged("since when it is back", "" if retrieved.again_since in after else
                 f"no entry after it was marked as gone is of {shown(retrieved.again_since)}")


def _anything(focus: Focus) -> Focus:
    """The focus without what picks incidents: here they are picked already."""
    return focus.model_copy(update={"terms": (), "loggers": (), "least_http_status": 0})


def _sums(incident: Incident, analysis: Analysis) -> Iterator[Statement]:
    """The incident as the sum of those that its groups make in the snapshot, where fewer of them fail together."""
    ours = {group.fingerprint for group in incident.groups}
    parts = [one for one in analysis.incidents if {group.fingerprint for group in one.groups} <= ours]
    if {group.fingerprint for one in parts for group in one.groups} != ours:
        yield noted("the sums of the incident", "in the snapshot its groups cannot be told from others")
        return
    yield same("the incident's fingerprint", incident.fingerprint, incident.groups[0].fingerprint, "its first group")
    root = next((one.root for one in parts if one.fingerprint == incident.fingerprint), None)
    if root is not None and not REDACTED.search(incident.root.model_dump_json()):
        yield from compared("the incident's root", incident.root, root, _AGAIN)
    ranks = [one.severity for one in parts]
    yield same("the incident's severity", incident.severity, max(ranks, key=lambda one: one.rank), _AGAIN)
    for name in ("entries", "error_entries", "inferred_errors"):
        yield same(f"the incident's {name}", getattr(incident, name), sum(getattr(one, name) for one in parts), _AGAIN)
    for name in ("services", "revisions", "instances"):
        every = tuple(sorted({value for one in parts for value in getattr(one, name)}))
        yield same(f"the incident's {name}", getattr(incident, name), every, _AGAIN)
    yield same("the incident's first_seen", incident.first_seen, min(one.first_seen for one in parts), _AGAIN)
    yield same("the incident's last_seen", incident.last_seen, max(one.last_seen for one in parts), _AGAIN)
    if incident.timeline:
        happened = sum(group.count for group in incident.groups)
        yield same("the incident's timeline", sum(incident.timeline), happened, "its groups' counts sum to")
    if incident.by_revision:
        yield from _by_revision(incident, parts)
    yield same("what followed the root", {one.fingerprint for one in incident.followed},
               {group.fingerprint for group in incident.groups[1:]}, "its other groups are")


def _by_revision(incident: Incident, parts: Sequence[Incident]) -> Iterator[Statement]:
    """The occurrences at each revision: those that the parts have, and no more than all."""
    counts: Counter[str] = Counter()
    for one in parts:
        counts.update({f"{seen.service} {seen.revision}": seen.count for seen in one.by_revision})
    recorded = {f"{seen.service} {seen.revision}": seen.count for seen in incident.by_revision}
    yield same("the occurrences at each revision", recorded, dict(counts), _AGAIN)
    odd = [seen.revision for seen in incident.by_revision
           if sum(seen.timeline) != seen.count or len(seen.timeline) != len(incident.timeline)]
    parts_of = zip(incident.timeline, *(seen.timeline for seen in incident.by_revision), strict=False)
    more = [place for place, (every, *those) in enumerate(parts_of, 1) if sum(those) > every]
    yield judged("the timeline of each revision",
                 f"that of {shown(odd[0])} does not fit its count and the incident's parts" if odd else
                 f"more at revisions than at all in part {more[0]}" if more else "")


def ranking(material: Material) -> Iterator[Statement]:
    """Rank the incidents of the record again, each with the standing that it had."""
    retrieved = material.record.latest(Retrieved)
    if retrieved is None:
        return
    if material.older:
        yield noted("the selection", f"it was ranked by the rules of schema {material.schema}")
        return
    selection = retrieved.selection
    ranked = [one for one in (selection.winner, *selection.runners_up) if one is not None]
    if len(ranked) > retrieved.incidents:
        yield judged("how many incidents there were", f"it says {retrieved.incidents}, and lists {len(ranked)}")
        return
    standings = {
        one.incident.fingerprint: Standing(novelty=one.values.novelty, why=one.why, seen=one.before) for one in ranked
    }
    if not ranked:
        yield judged("the selection", "" if len(selection.reasons) == 1 else "it does not say why there is no incident")
        return
    again = rank([one.incident for one in ranked], standings)
    if len(ranked) == retrieved.incidents:
        yield from _compared(selection, again)
        return
    yield noted("the selection", f"the record lists {len(ranked)} of {retrieved.incidents} incidents")
    yield from compared("the winner", selection.winner, again.winner, "ranking gives")
    yield same("the first reasons", selection.reasons[:2], again.reasons[:2], "ranking gives")


def _compared(selection: Selection, again: Selection) -> Iterator[Statement]:
    yield from compared("the winner", selection.winner, again.winner, "ranking gives")
    yield from compared("the runners-up", list(selection.runners_up), list(again.runners_up), "ranking gives")
    yield from _reasons(selection.reasons, again.reasons)


def _reasons(stored: Sequence[str], again: Sequence[str]) -> Iterator[Statement]:
    yield from compared("the reasons for the choice", list(stored), list(again), "ranking gives")
