"""From a log to groups and incidents: read once, counted, linked. Independent of the order of its entries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

import msgspec

from bot.domain.base import Fingerprint
from bot.domain.collector import without_collector
from bot.domain.config import CommitRule
from bot.domain.logs import (
    Followed,
    GroupKind,
    Incident,
    LogEntry,
    LogGroup,
    LogQuery,
    ReadReport,
    RevisionLife,
    RevisionSeen,
    RootSignature,
)
from bot.domain.moments import rfc3339
from bot.logs.alias import Template, aliases
from bot.logs.commits import find_commit
from bot.logs.context import context
from bot.logs.entries import entry_from_json
from bot.logs.fingerprint import deciding_exception, deciding_frames
from bot.logs.grouping import Group, Names, Severe, first_line
from bot.logs.incidents import Meetings, clusters, links
from bot.logs.keeping import kept_entries
from bot.logs.ranking import NOTHING
from bot.logs.redact import Redactor
from bot.logs.refs import entries_at
from bot.logs.scan import Scan
from bot.logs.severity import RANK
from bot.logs.tracebacks import parse_tracebacks
from bot.ports import LogReading

TIMELINE = 24
"""Equal parts of the time that was read in which an incident's entries are counted."""
MOST_GROUPS = 10_000
"""Groups of messages that are told apart, the most severe and frequent; a report says how many more there were."""
MOST_REVISIONS = 100
"""Revisions of which a record says when they logged anything, the latest."""
_MOST_ROOT_MESSAGE = 500


class AnalysisOptions(msgspec.Struct, frozen=True):
    """How commits are told from entries, and what is redacted."""

    commits: CommitRule = CommitRule()
    redactor: Redactor = Redactor()


class Analysis:
    """What a log holds for a focus. `groups` are all, most severe first; `incidents` are not ranked.

    `span` gives the times of the first and last entry that was read; None where there was none. `stood` says where
    the commits of the incidents stood, in words; `nothing` why there is no incident, if there is none.
    """

    def __init__(self, scan: Scan, reading: LogReading, groups: tuple[LogGroup, ...],
                 members: Mapping[Fingerprint, tuple[Incident, Sequence[Group]]], stood: Mapping[str, str],
                 nothing: str, untold: int, names: Names) -> None:
        self._scan = scan
        self._reading = reading
        self._members = members
        self.nothing = nothing
        report = scan.report(reading)
        if untold:
            rest = (f"Of {len(groups) + untold:,} groups of messages, {untold:,} are not told apart: the least severe "
                    "and rarest.")
            report = report.model_copy(update={"unread": (*report.unread, rest)})
        self.report: ReadReport = report
        self.groups = groups
        self.stood = stood
        self.incidents = tuple(incident for incident, _ in members.values())
        self.span = (rfc3339(scan.low_ns), rfc3339(scan.high_ns)) if scan.high_ns >= 0 else None
        self._names = names

    def entries_of(self, incident: Incident) -> tuple[LogEntry, ...]:
        """The incident's entries as they were read, in time order; of a large one the earliest of each group."""
        return kept_entries(self._reading, self._members[incident.fingerprint][1])

    def lives_of(self, incident: Incident) -> tuple[RevisionLife, ...]:
        """When the revisions of the incident's services logged anything, the earliest first, MOST_REVISIONS at most."""
        lives: dict[tuple[str, str], tuple[int, int]] = {}
        for origin in self._scan.origins.all:
            key = (self._names.one(origin.service), self._names.one(origin.revision))
            if origin.revision and origin.died_ns >= 0 and key[0] in incident.services:
                born, died = lives.get(key, (origin.born_ns, origin.died_ns))
                lives[key] = (min(born, origin.born_ns), max(died, origin.died_ns))
        found = sorted((born, died, *key) for key, (born, died) in lives.items())
        return tuple(
            RevisionLife(service=service, revision=revision, first_seen=rfc3339(born), last_seen=rfc3339(died))
            for born, died, service, revision in found[-MOST_REVISIONS:]
        )

    def context_of(self, members: Sequence[LogEntry], most: int) -> tuple[LogEntry, ...]:
        """What else happened in the entries' traces, on their instances, at their revision; see `context.context`."""
        found = context(self._reading, self._scan.pages, self._scan.origins.all, members, most)
        said = self._scan.report(self._reading).unread
        more = tuple(sentence for sentence in said if sentence not in self.report.unread)
        self.report = self.report.model_copy(update={"unread": (*self.report.unread, *more)})
        return found


DEFAULT_OPTIONS = AnalysisOptions()


def analyse(reading: LogReading, query: LogQuery, options: AnalysisOptions = DEFAULT_OPTIONS,
            note: Callable[[str], None] | None = None) -> Analysis:
    """Make groups and incidents of everything that the reading holds.

    Takes the entries in any order, of every severity; the focus is applied here: services to entries, severity and
    exclusions to what makes an incident, terms to whole incidents, of which any group may match. `note` is told how
    far it came. The reading must stay open while entries are asked for. Raises RetrievalFailed.
    """
    with without_collector():
        scan = Scan(query, _labels_of(options.commits), note=note)
        scan.take(reading)
        groups = sorted(scan.groups.all, key=lambda group: group.fingerprint)
        groups = [group for group in groups if group.count]
        untold = max(0, len(groups) - MOST_GROUPS)
        if untold:
            groups = sorted(groups, key=lambda group: (-group.level, -group.count))[:MOST_GROUPS]
            groups.sort(key=lambda group: group.fingerprint)
        texts = _first_texts(reading, groups)
        severe = [group for group in groups if group.severe is not None]
        meetings = Meetings(severe, scan.origins.all)
        found = links(severe, meetings, scan.origins.all)
        together = clusters(severe, found)
    shown_with = aliases(
        Template(group.fingerprint, group.service, group.template, group.severity, group.kind, group.count)
        for group in groups
    )
    names = Names(options.redactor)
    values = {
        group.fingerprint: group.value(texts[group.index].text, names, shown_with.get(group.fingerprint))
        for group in groups
    }
    makes = _Making(scan, values, texts, options, meetings, names,
                    {group.index: number for number, group in enumerate(severe)})
    members = {
        cluster[0].fingerprint: (makes.incident(cluster), cluster)
        for cluster in together if any(group.sought for group in cluster)
    }
    listed = sorted(values.values(), key=lambda group: (-group.severity.rank, -group.count, group.fingerprint))
    return Analysis(
        scan, reading, tuple(listed), dict(sorted(members.items())), makes.stood, _nothing(scan, len(severe)), untold,
        names,
    )


def _nothing(scan: Scan, severe: int) -> str:
    """Why a log without an incident has none."""
    focus = scan.focus
    if not scan.read:
        return "The log holds no entry."
    if focus.services and not any(origin.wanted for origin in scan.origins.all):
        return f"No entry is of the focus's services ({', '.join(focus.services)})."
    if severe:
        what = "group of messages is" if severe == 1 else "groups of messages are"
        return (f"{severe:,} {what} at the focus's severity, but none speaks of what it looks for "
                "(its terms, loggers or HTTP status).")
    return NOTHING


def _labels_of(rule: CommitRule) -> frozenset[str]:
    return frozenset(source.partition(":")[2] for source in rule.sources if source.startswith("label:"))


def _first_texts(reading: LogReading, groups: Sequence[Group]) -> dict[int, LogEntry]:
    """The earliest entry of each group; and its exceptions, of the occurrence that has most of them."""
    wanted = [group.first_ref for group in groups if group.first_line is None]
    wanted += [ref for group in groups for ref in group.best_refs]
    entries = entries_at(reading, wanted)
    texts: dict[int, LogEntry] = {}
    for group in groups:
        line = group.first_line
        texts[group.index] = entries[group.first_ref] if line is None else entry_from_json(line)
        if group.best_refs:
            group.exceptions = parse_tracebacks("\n".join(entries[ref].text for ref in group.best_refs))
    return texts


class _Making(msgspec.Struct):
    """Makes incidents of clusters. `numbers` gives a group's place in the list that was linked."""

    scan: Scan
    values: Mapping[Fingerprint, LogGroup]
    texts: Mapping[int, LogEntry]
    options: AnalysisOptions
    meetings: Meetings
    names: Names
    numbers: Mapping[int, int]
    stood: dict[str, str] = {}

    def incident(self, cluster: Sequence[Group]) -> Incident:
        """One incident; the cluster's first group represents it."""
        all_severe = [group.severe for group in cluster if group.severe is not None]
        times = [ns for severe in all_severe for ns in severe.ns]
        per_origin: Counter[int] = Counter()
        for severe in all_severe:
            per_origin.update(severe.origins)
        origins = [self.scan.origins.all[index] for index in per_origin]
        return Incident(
            fingerprint=cluster[0].fingerprint,
            root=self._root(cluster[0]),
            groups=tuple(self.values[group.fingerprint] for group in cluster),
            severity=max((group.severity for group in cluster), key=RANK.__getitem__),
            entries=sum(severe.entries for severe in all_severe),
            error_entries=sum(severe.stated for severe in all_severe),
            inferred_errors=sum(severe.inferred for severe in all_severe),
            first_seen=rfc3339(min(times)),
            last_seen=rfc3339(max(times)),
            services=self.names.of(origin.service for origin in origins),
            revisions=self.names.of(origin.revision for origin in origins),
            instances=self.names.of(origin.instance for origin in origins),
            commits=self._commits(per_origin),
            timeline=self._timeline(times),
            followed=self._followed(cluster),
            by_revision=self._by_revision(all_severe),
        )

    def _commits(self, per_origin: Counter[int]) -> tuple[str, ...]:
        """The commits that the entries ran at, that of most entries first."""
        counted: Counter[str] = Counter()
        for index, count in per_origin.items():
            origin = self.scan.origins.all[index]
            rule = self.options.commits
            name, stood = find_commit(rule, origin.labels, origin.revision, self.scan.images)
            if name:
                counted[name] += count
                self.stood[name] = min(stood, self.stood.get(name, stood))
        return tuple(name for name, _ in sorted(counted.items(), key=lambda item: (-item[1], item[0])))

    def _timeline(self, times: Sequence[int]) -> tuple[int, ...]:
        counts = [0] * TIMELINE
        low, width = self.scan.low_ns, self.scan.high_ns - self.scan.low_ns + 1
        for ns in times:
            counts[(ns - low) * TIMELINE // width] += 1
        return tuple(counts)

    def _by_revision(self, all_severe: Sequence[Severe]) -> tuple[RevisionSeen, ...]:
        """The occurrences at each revision; those that name none are left out."""
        times: dict[tuple[str, str], list[int]] = defaultdict(list)
        for severe in all_severe:
            for ns, index in zip(severe.ns, severe.origins, strict=True):
                origin = self.scan.origins.all[index]
                if origin.revision:
                    times[self.names.one(origin.service), self.names.one(origin.revision)].append(ns)
        found = sorted((min(at), *key) for key, at in times.items())
        return tuple(
            RevisionSeen(
                service=service, revision=revision, count=len(times[service, revision]), first_seen=rfc3339(first),
                last_seen=rfc3339(max(times[service, revision])), timeline=self._timeline(times[service, revision]),
            ) for first, service, revision in found
        )

    def _followed(self, cluster: Sequence[Group]) -> tuple[Followed, ...]:
        """The other groups in the order in which they come, those without a time last."""
        root = self.numbers[cluster[0].index]
        found: list[Followed] = []
        for group in cluster[1:]:
            number = self.numbers[group.index]
            lag = self.meetings.lag(root, number)
            found.append(Followed(
                fingerprint=group.fingerprint, title=self.values[group.fingerprint].title,
                lag_ms=None if lag is None else round(lag / 1e6, 3), beside=self.meetings.hits[root, number],
                looked_at=self.meetings.looked_at.get(root, 0),
            ))
        return tuple(sorted(found, key=lambda one: (one.lag_ms is None, one.lag_ms or 0.0, one.fingerprint)))

    def _root(self, group: Group) -> RootSignature:
        redact = self.options.redactor
        value = self.values[group.fingerprint]
        if value.exceptions:
            cause = value.exceptions[0]
            frames = deciding_frames(value.exceptions)
            where = f"{frames[-1].path}:{frames[-1].line} in {frames[-1].function}" if frames else ""
            if deciding_exception(value.exceptions) is not cause:
                where = where and f"{where} (where {deciding_exception(value.exceptions).type} was raised from it)"
            return RootSignature(type=cause.type, message=cause.message[:_MOST_ROOT_MESSAGE], location=where)
        entry = self.texts[group.index]
        message = first_line(entry.text, redact, _MOST_ROOT_MESSAGE)
        if group.kind is GroupKind.REQUEST and entry.request is not None:
            status = entry.request.status
            return RootSignature(type=f"HTTP {status}" if status else "HTTP", message=message)
        name = entry.logger or entry.log_name.rpartition("/")[2].replace("%2F", "/") or "log"
        return RootSignature(type=redact.text(name), message=message)
