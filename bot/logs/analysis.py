"""From entries to groups and incidents: deduplicated, joined, grouped, linked. Independent of their order."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from bot.domain.base import Fingerprint
from bot.domain.logs import Focus, GroupKind, Incident, LogEntry, LogGroup, RootSignature, Severity
from bot.domain.moments import rfc3339
from bot.logs.fingerprint import deciding_exception, deciding_frames, identify
from bot.logs.grouping import Gathered, first_line
from bot.logs.incidents import Place, clusters, links, place_of
from bot.logs.joining import join
from bot.logs.masking import mask
from bot.logs.query import is_of_services
from bot.logs.redact import redact
from bot.logs.severity import RANK

_MOST_ROOT_MESSAGE = 500
_CONTEXT_NS = 60_000_000_000
_CONTEXT_INSTANCES = 3
_ERROR = RANK[Severity.ERROR]


class Analysis:
    """What a log holds for a focus. `groups` are all, most severe first; `incidents` are not ranked."""

    def __init__(self, entries: Sequence[LogEntry], duplicates: int, groups: tuple[LogGroup, ...],
                 members: Mapping[Fingerprint, tuple[Incident, tuple[LogEntry, ...]]]) -> None:
        self._entries = entries
        self._members = members
        self.duplicates = duplicates
        self.groups = groups
        self.incidents = tuple(incident for incident, _ in members.values())

    def entries_of(self, incident: Incident) -> tuple[LogEntry, ...]:
        """The incident's entries as they were read, in time order, parts without severity included."""
        return self._members[incident.fingerprint][1]

    def context_of(self, incident: Incident, most: int) -> tuple[LogEntry, ...]:
        """What else happened on its first instances in the minute before each first failed, in time order.

        Of any severity, at most `most` entries, of messages that read the same only the last one. What the
        application says comes before requests that went well.
        """
        members = self.entries_of(incident)
        own = {id(entry) for entry in members}
        first: dict[Place, int] = {}
        for entry in members:
            place = place_of(entry)
            if place is not None:
                first.setdefault(place, entry.time_ns)
        chosen = dict(list(first.items())[:_CONTEXT_INSTANCES])
        before: dict[Place, list[LogEntry]] = {place: [] for place in chosen}
        for entry in self._entries:
            place = place_of(entry)
            if place in before and 0 <= chosen[place] - entry.time_ns <= _CONTEXT_NS and id(entry) not in own:
                before[place].append(entry)
        picked: list[LogEntry] = []
        for index, entries in enumerate(before.values()):
            room = -(-(most - len(picked)) // (len(before) - index))
            picked += _last_distinct(entries, room)
        return tuple(sorted(picked, key=_order))


def _last_distinct(entries: Sequence[LogEntry], most: int) -> list[LogEntry]:
    kept: dict[str, LogEntry] = {}
    plain = [entry for entry in entries if entry.request is not None and entry.request.status < 400]
    telling = [entry for entry in entries if entry.request is None or entry.request.status >= 400]
    for entry in (*reversed(telling), *reversed(plain)):
        if len(kept) >= most:
            break
        kept.setdefault(mask(entry.text), entry)
    return list(kept.values())


def _order(entry: LogEntry) -> tuple[int, str, str]:
    return (entry.time_ns, entry.insert_id, entry.project)


@contextmanager
def _without_collector() -> Iterator[None]:
    """A scan makes a million objects that all stay: looking for garbage among them costs a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def analyse(entries: Iterable[LogEntry], focus: Focus, commit_label: str) -> Analysis:
    """Make groups and incidents of everything that was read.

    Takes the entries as the source gives them, in any order, of every severity; the focus is applied here:
    services to entries, severity and exclusions to what makes an incident, terms to whole incidents, of
    which any group may match. `commit_label` is the label that holds the commit an entry ran at.
    """
    with _without_collector():
        kept, duplicates = _unique(entry for entry in entries if is_of_services(focus, entry))
        kept.sort(key=_order)
        gathered: dict[Fingerprint, Gathered] = {}
        for occurrence in join(kept):
            identified = identify(occurrence.entry)
            group = gathered.get(identified.fingerprint)
            if group is None:
                group = gathered[identified.fingerprint] = Gathered(occurrence, identified)
            group.add(focus, occurrence, identified)
        severe = [group for group in gathered.values() if group.severe]
        together = clusters(severe, links(severe, _lives(kept)))
    made = {group.fingerprint: group.group() for group in gathered.values()}
    members: dict[Fingerprint, tuple[Incident, tuple[LogEntry, ...]]] = {}
    for cluster in together:
        if any(group.sought for group in cluster):
            incident, parts = _incident(cluster, made, commit_label)
            members[incident.fingerprint] = (incident, parts)
    groups = sorted(made.values(), key=lambda group: (-group.severity.rank, -group.count, group.fingerprint))
    return Analysis(kept, duplicates, tuple(groups), dict(sorted(members.items())))


def _unique(entries: Iterable[LogEntry]) -> tuple[list[LogEntry], int]:
    """Each entry once by (project, time, insertId), the identity that Cloud Logging documents, and how many went."""
    seen: dict[tuple[str, int, str], LogEntry] = {}
    duplicates = 0
    for entry in entries:
        key = (entry.project, entry.time_ns, entry.insert_id)
        other = seen.get(key)
        if other is not None:
            duplicates += 1
        if other is None or entry.raw < other.raw:
            seen[key] = entry
    return list(seen.values()), duplicates


def _lives(entries: Sequence[LogEntry]) -> dict[Place, tuple[int, int]]:
    """The times of the first and last entry of each instance."""
    lives: dict[Place, tuple[int, int]] = {}
    for entry in entries:
        place = place_of(entry)
        if place is not None:
            born = lives.get(place)
            lives[place] = (born[0] if born else entry.time_ns, entry.time_ns)
    return lives


def _incident(cluster: Sequence[Gathered], made: Mapping[Fingerprint, LogGroup],
              commit_label: str) -> tuple[Incident, tuple[LogEntry, ...]]:
    representative = cluster[0]
    parts = sorted((part for group in cluster for occurrence in group.severe for part in occurrence.parts), key=_order)
    commits = Counter(value for part in parts for name, value in part.labels if name == commit_label and value)
    incident = Incident(
        fingerprint=representative.fingerprint,
        root=_root(representative, made[representative.fingerprint]),
        groups=tuple(made[group.fingerprint] for group in cluster),
        severity=max((group.severity for group in cluster), key=RANK.__getitem__),
        entries=len(parts),
        error_entries=sum(RANK[part.severity] >= _ERROR and not part.inferred for part in parts),
        inferred_errors=sum(RANK[part.severity] >= _ERROR and part.inferred for part in parts),
        first_seen=rfc3339(parts[0].time_ns),
        last_seen=rfc3339(parts[-1].time_ns),
        services=_names(part.service for part in parts),
        revisions=_names(part.revision for part in parts),
        instances=_names(part.instance for part in parts),
        commits=tuple(value for value, _ in sorted(commits.items(), key=lambda item: (-item[1], item[0]))),
    )
    return incident, tuple(parts)


def _names(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({value for value in values if value}))


def _root(representative: Gathered, group: LogGroup) -> RootSignature:
    if group.exceptions:
        cause = group.exceptions[0]
        frames = deciding_frames(group.exceptions)
        where = f"{frames[-1].path}:{frames[-1].line} in {frames[-1].function}" if frames else ""
        if deciding_exception(group.exceptions) is not cause:
            where = where and f"{where} (where {deciding_exception(group.exceptions).type} was raised from it)"
        return RootSignature(type=cause.type, message=cause.message[:_MOST_ROOT_MESSAGE], location=where)
    entry = representative.severe[0].entry
    if representative.identified.kind is GroupKind.REQUEST and entry.request is not None:
        status = entry.request.status
        return RootSignature(type=f"HTTP {status}", message=first_line(entry.text, _MOST_ROOT_MESSAGE))
    name = entry.logger or entry.log_name.rpartition("/")[2].replace("%2F", "/") or "log"
    return RootSignature(type=redact(name), message=first_line(entry.text, _MOST_ROOT_MESSAGE))
