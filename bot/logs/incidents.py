"""Which groups fail together, and so are one incident.

Groups of which occurrences share an instance and about a second, or a trace, are linked when that is
systematic: for at least half of the rarer group's occurrences, and more often and more closely than two
groups of their frequency would meet by chance, given how many groups could. Ordinary noise that happens
to fall into the same second links nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from bot.domain.base import Fingerprint
from bot.domain.logs import LogEntry
from bot.logs.grouping import Gathered

TOGETHER_NS = 1_000_000_000
"""How far apart two entries of one failure may be, on one instance."""
LEAST_SHARE = 0.5
"""The share of the rarer group's occurrences at which the other one must occur, too."""
LEAST_COUNT = 3
"""With fewer occurrences, the share must hold for both groups: once beside something frequent is no system."""
MOST_CHANCE = 0.01
"""How probable it may be that chance links a group to any other (a Chernoff bound on the binomial tail)."""
_LEAST_GAP_NS = 1_000_000
_PRIOR_SECONDS = 3_600.0
"""A group that occurred once on an instance is taken for one that occurs once an hour there."""

Place = tuple[str, str, str]
Pair = tuple[Fingerprint, Fingerprint]


class Link(msgspec.Struct, frozen=True):
    """That two groups fail together: for which share of the rarer and of the more frequent one's occurrences."""

    pair: Pair
    share: float
    mutual: float
    hits: int


def place_of(entry: LogEntry) -> Place | None:
    """The instance that an entry came from; None where it has none."""
    return (entry.project, entry.service, entry.instance) if entry.instance else None


class _Meetings:
    """How often groups occur together. `hits[a, b]` counts the occurrences of `a` with `b` beside them."""

    def __init__(self, groups: Sequence[Gathered]) -> None:
        self.counts = {group.fingerprint: len(group.severe) for group in groups}
        self.by_place: dict[Place, list[tuple[int, Fingerprint]]] = defaultdict(list)
        self.at: dict[Fingerprint, Counter[Place]] = defaultdict(Counter)
        self.by_trace: dict[str, set[Fingerprint]] = defaultdict(set)
        for group in groups:
            for occurrence in group.severe:
                entry = occurrence.entry
                place = place_of(entry)
                if place is not None:
                    self.by_place[place].append((entry.time_ns, group.fingerprint))
                    self.at[group.fingerprint][place] += 1
                if entry.trace:
                    self.by_trace[entry.trace].add(group.fingerprint)
        for events in self.by_place.values():
            events.sort()
        self.times = {place: [time for time, _ in events] for place, events in self.by_place.items()}
        self.hits: Counter[Pair] = Counter()
        self.trace_hits: Counter[Pair] = Counter()
        self.widest: Counter[Pair] = Counter()
        for group in groups:
            self._count(group)

    def _count(self, group: Gathered) -> None:
        own = group.fingerprint
        for occurrence in group.severe:
            entry = occurrence.entry
            traced = self.by_trace[entry.trace] if entry.trace else set()
            beside = self._beside(entry)
            for other in traced:
                beside.setdefault(other, 0)
                self.trace_hits[own, other] += 1
            for other, gap in beside.items():
                if other != own:
                    self.hits[own, other] += 1
                    self.widest[own, other] = max(self.widest[own, other], gap)

    def _beside(self, entry: LogEntry) -> dict[Fingerprint, int]:
        """The groups that occurred on the entry's instance about then, and how far away in nanoseconds."""
        place = place_of(entry)
        if place is None:
            return {}
        times = self.times[place]
        low = bisect_left(times, entry.time_ns - TOGETHER_NS)
        high = bisect_right(times, entry.time_ns + TOGETHER_NS)
        gaps: dict[Fingerprint, int] = {}
        for time, fingerprint in self.by_place[place][low:high]:
            gap = abs(time - entry.time_ns)
            if gap < gaps.get(fingerprint, TOGETHER_NS + 1):
                gaps[fingerprint] = gap
        return gaps

    def chance(self, rare: Fingerprint, other: Fingerprint, lives: Mapping[Place, tuple[int, int]]) -> float:
        """How probable it is that `other` falls by chance as near to an occurrence of `rare` as it did."""
        window = 2 * max(self.widest[rare, other], _LEAST_GAP_NS) / 1e9
        total = 0.0
        for place, count in self.at[rare].items():
            times = self.at[other][place]
            if times:
                born, died = lives[place]
                seconds = max((died - born) / 1e9, window)
                rate = (times - 1) / seconds + 1 / max(seconds, _PRIOR_SECONDS)
                total += count * (1 - math.exp(-rate * window))
        return total / self.counts[rare]


def links(groups: Sequence[Gathered], lives: Mapping[Place, tuple[int, int]]) -> list[Link]:
    """The pairs of groups that systematically fail together, the strongest first.

    `lives` gives the time in nanoseconds of the first and last entry of each instance.
    """
    meetings = _Meetings(groups)
    found: list[Link] = []
    for pair in sorted({tuple(sorted(pair)) for pair in meetings.hits}):
        first, second = pair
        rare, other = sorted(pair, key=lambda fingerprint: (meetings.counts[fingerprint], fingerprint))
        count, hits = meetings.counts[rare], meetings.hits[rare, other]
        share = hits / count
        mutual = min(share, meetings.hits[other, rare] / meetings.counts[other])
        if share < LEAST_SHARE:
            continue
        traced = meetings.trace_hits[rare, other] / count >= LEAST_SHARE
        enough = count >= LEAST_COUNT or mutual >= LEAST_SHARE
        if traced or (enough and _is_systematic(share, count, meetings.chance(rare, other, lives), len(groups))):
            found.append(Link((first, second), share, mutual, hits))
    found.sort(key=lambda link: (-link.mutual, -link.share, -link.hits, link.pair))
    return found


def _is_systematic(share: float, count: int, chance: float, groups: int) -> bool:
    """Whether a share of `count` occurrences is far more than chance would give with so many groups to meet."""
    if chance <= 0:
        return True
    if chance > share / 2:
        return False
    divergence = share * math.log(share / chance)
    if share < 1:
        divergence += (1 - share) * math.log((1 - share) / (1 - chance))
    return count * divergence >= math.log(groups / MOST_CHANCE)


def clusters(groups: Sequence[Gathered], found: Sequence[Link]) -> list[list[Gathered]]:
    """Put linked groups together, strongest link first.

    Two tracebacks come together only if they are linked themselves, so that a message which accompanies
    many different failures does not make them one.
    """
    linked = {pair for link in found for pair in (link.pair, link.pair[::-1])}
    of: dict[Fingerprint, list[Gathered]] = {group.fingerprint: [group] for group in groups}
    for link in found:
        one, other = of[link.pair[0]], of[link.pair[1]]
        if one is other or not _belong_together(one, other, linked):
            continue
        merged = one + other
        for group in merged:
            of[group.fingerprint] = merged
    unique = {id(cluster): cluster for cluster in of.values()}
    return [sorted(cluster, key=_seniority) for cluster in unique.values()]


def _belong_together(one: Sequence[Gathered], other: Sequence[Gathered], linked: set[Pair]) -> bool:
    tracebacks = [[group for group in cluster if group.is_traceback] for cluster in (one, other)]
    if tracebacks[0] and tracebacks[1]:
        return _all_linked(tracebacks[0], tracebacks[1], linked)
    if tracebacks[0] or tracebacks[1]:
        anchors = tracebacks[0] or tracebacks[1]
        rest = other if tracebacks[0] else one
        return all(any((anchor.fingerprint, group.fingerprint) in linked for anchor in anchors) for group in rest)
    return _all_linked(one, other, linked)


def _all_linked(one: Sequence[Gathered], other: Sequence[Gathered], linked: set[Pair]) -> bool:
    return all((first.fingerprint, second.fingerprint) in linked for first in one for second in other)


def _seniority(group: Gathered) -> tuple[int, int, int, Fingerprint]:
    """Orders a cluster: who represents it comes first.

    Tracebacks through the application's own code, then other tracebacks, then the most severe message;
    among equals the earliest.
    """
    first = group.severe[0].entry
    if group.is_traceback:
        own = any(frame.in_app for exception in group.best for frame in exception.frames)
        return (0 if own else 1, 0, first.time_ns, group.fingerprint)
    return (2, -group.severity.rank, first.time_ns, group.fingerprint)
