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
from bot.logs.grouping import Group, Severe
from bot.logs.origins import Origin

TOGETHER_NS = 1_000_000_000
"""How far apart two entries of one failure may be, on one instance."""
LEAST_SHARE = 0.5
"""The share of the rarer group's occurrences at which the other one must occur, too."""
LEAST_COUNT = 3
"""With fewer occurrences, the share must hold for both groups: once beside something frequent is no system."""
MOST_CHANCE = 0.01
"""How probable it may be that chance links a group to any other (a Chernoff bound on the binomial tail)."""
MOST_LOOKED_AT = 200
"""Occurrences of a group, spread evenly over all, that are looked at for what is beside them."""
MOST_BESIDE = 32
"""Entries each way that count as beside an occurrence: in a dense burst, the nearest."""
MOST_LINKED = 5_000
"""Groups that are looked at together."""
_MOST_LAGS = 64
_LEAST_GAP_NS = 1_000_000
_PRIOR_SECONDS = 3_600.0
"""A group that occurred once on an instance is taken for one that occurs once an hour there."""

Pair = tuple[int, int]


class Link(msgspec.Struct, frozen=True):
    """That two groups fail together: for which share of the rarer and of the more frequent one's occurrences.

    `pair` holds their places in the list of groups.
    """

    pair: Pair
    share: float
    mutual: float
    hits: int


class Meetings:
    """How often groups occur together. `hits[a, b]` counts the occurrences of `a` with `b` beside them.

    That is of those of `a` that were looked at, `looked_at[a]` of them. `groups` are by their places in the list,
    which must be all severe and sorted by fingerprint, so that the result is the same for every order of entries.
    Of more than MOST_LINKED groups, the most frequent are looked at and the others stand alone.
    """

    def __init__(self, groups: Sequence[Group], origins: Sequence[Origin]) -> None:
        self.at: dict[int, Counter[int]] = {}
        self.looked_at: dict[int, int] = {}
        self.hits: Counter[Pair] = Counter()
        self.trace_hits: Counter[Pair] = Counter()
        self.widest: Counter[Pair] = Counter()
        self.lags: dict[Pair, list[int]] = defaultdict(list)
        self._events: dict[int, list[Pair]] = defaultdict(list)
        self._by_trace: dict[int, int | set[int]] = {}
        self._places = [origin.place for origin in origins]
        self._names = [origin.instance for origin in origins]
        severe = [(number, group.severe) for number, group in enumerate(groups) if group.severe is not None]
        if len(severe) > MOST_LINKED:
            severe = sorted(sorted(severe, key=lambda pair: -len(pair[1]))[:MOST_LINKED], key=lambda pair: pair[0])
        for number, occurrences in severe:
            self._take(number, occurrences)
        for events in self._events.values():
            events.sort()
        self._times = {place: [time for time, _ in events] for place, events in self._events.items()}
        for number, occurrences in severe:
            self._look(number, occurrences)

    def _take(self, own: int, occurrences: Severe) -> None:
        at: Counter[int] = Counter()
        for ns, origin in zip(occurrences.ns, occurrences.origins, strict=True):
            place = self._places[origin]
            if place >= 0:
                self._events[place].append((ns, own))
                at[place] += 1
        self.at[own] = at
        by_trace = self._by_trace
        for trace in occurrences.traces:
            if trace:
                known = by_trace.setdefault(trace, own)
                if known != own:
                    if isinstance(known, int):
                        by_trace[trace] = {known, own}
                    else:
                        known.add(own)

    def _look(self, own: int, occurrences: Severe) -> None:
        """Count what is beside a group's occurrences."""
        chosen = self._spread(occurrences)
        self.looked_at[own] = len(chosen)
        for index in chosen:
            beside = self._beside(occurrences.ns[index], self._places[occurrences.origins[index]])
            traced = self._by_trace.get(occurrences.traces[index], own)
            # What half of all groups share is a session or a process, not one failing request.
            for other in traced if isinstance(traced, set) and len(traced) <= MOST_BESIDE else ():
                beside.setdefault(other, None)
                self.trace_hits[own, other] += 1
            for other, lag in beside.items():
                if other != own:
                    pair = (own, other)
                    self.hits[pair] += 1
                    if lag is not None:
                        self.widest[pair] = max(self.widest[pair], abs(lag))
                        if len(self.lags[pair]) < _MOST_LAGS:
                            self.lags[pair].append(lag)

    def _beside(self, ns: int, place: int) -> dict[int, int | None]:
        """The groups that occurred on an instance about then, and how much later, in nanoseconds, the nearest did."""
        lags: dict[int, int | None] = {}
        if place < 0:
            return lags
        times, events = self._times[place], self._events[place]
        middle = bisect_left(times, ns)
        low = max(middle - MOST_BESIDE, bisect_left(times, ns - TOGETHER_NS))
        high = min(middle + MOST_BESIDE, bisect_right(times, ns + TOGETHER_NS))
        for time, other in events[low:high]:
            lag = time - ns
            known = lags.get(other)
            if known is None or (abs(lag), lag) < (abs(known), known):
                lags[other] = lag
        return lags

    def _spread(self, occurrences: Severe) -> list[int]:
        """Which occurrences are looked at: MOST_LOOKED_AT at most, the same ones whatever their order."""
        times, origins, names = occurrences.ns, occurrences.origins, self._names
        chosen = sorted(range(len(occurrences)), key=lambda index: (times[index], names[origins[index]]))
        if len(chosen) <= MOST_LOOKED_AT:
            return chosen
        return [chosen[step * len(chosen) // MOST_LOOKED_AT] for step in range(MOST_LOOKED_AT)]

    def lag(self, first: int, second: int) -> int | None:
        """The median time in nanoseconds from the first group's occurrences to the nearest of the second.

        Negative where the second came before; None where it was never beside the first.
        """
        lags = self.lags.get((first, second))
        return sorted(lags)[len(lags) // 2] if lags else None

    def chance(self, rare: int, other: int, lives: Mapping[int, tuple[int, int]]) -> float:
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
        return total / max(1, sum(self.at[rare].values()))


def lives_of(origins: Sequence[Origin]) -> dict[int, tuple[int, int]]:
    """The times in nanoseconds of the first and last entry of each instance."""
    lives: dict[int, tuple[int, int]] = {}
    for origin in origins:
        if origin.place >= 0 and origin.died_ns >= 0:
            born, died = lives.get(origin.place, (origin.born_ns, origin.died_ns))
            lives[origin.place] = (min(born, origin.born_ns), max(died, origin.died_ns))
    return lives


def links(groups: Sequence[Group], meetings: Meetings, origins: Sequence[Origin]) -> list[Link]:
    """The pairs of groups that systematically fail together, the strongest first."""
    lives = lives_of(origins)
    found: list[Link] = []
    for first, second in sorted({(min(pair), max(pair)) for pair in meetings.hits}):
        sizes = [(len(groups[number].severe or ()), number) for number in (first, second)]
        (_, rare), (_, other) = sorted(sizes)
        count, hits = meetings.looked_at[rare], meetings.hits[rare, other]
        share = hits / count
        mutual = min(share, meetings.hits[other, rare] / meetings.looked_at[other])
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


def clusters(groups: Sequence[Group], found: Sequence[Link]) -> list[list[Group]]:
    """Put linked groups together, strongest link first.

    Two tracebacks come together only if they are linked themselves, so that a message which accompanies
    many different failures does not make them one.
    """
    linked = {pair for link in found for pair in (link.pair, link.pair[::-1])}
    of: dict[int, list[int]] = {number: [number] for number in range(len(groups))}
    for link in found:
        one, other = of[link.pair[0]], of[link.pair[1]]
        if one is other or not _belong_together(groups, one, other, linked):
            continue
        merged = one + other
        for number in merged:
            of[number] = merged
    unique = {id(cluster): cluster for cluster in of.values()}
    return [sorted((groups[number] for number in cluster), key=_seniority) for cluster in unique.values()]


def _belong_together(groups: Sequence[Group], one: Sequence[int], other: Sequence[int], linked: set[Pair]) -> bool:
    tracebacks = [[number for number in cluster if groups[number].is_traceback] for cluster in (one, other)]
    if tracebacks[0] and tracebacks[1]:
        return _all_linked(tracebacks[0], tracebacks[1], linked)
    if tracebacks[0] or tracebacks[1]:
        anchors = tracebacks[0] or tracebacks[1]
        rest = other if tracebacks[0] else one
        return all(any((anchor, number) in linked for anchor in anchors) for number in rest)
    return _all_linked(one, other, linked)


def _all_linked(one: Sequence[int], other: Sequence[int], linked: set[Pair]) -> bool:
    return all((first, second) in linked for first in one for second in other)


def _seniority(group: Group) -> tuple[int, int, int, Fingerprint]:
    """Orders a cluster: who represents it comes first.

    Tracebacks through the application's own code, then other tracebacks, then the most severe message;
    among equals the earliest.
    """
    first_ns = min(group.severe.ns) if group.severe is not None and len(group.severe) else group.first_ns
    if group.is_traceback:
        own = any(frame.in_app for exception in group.exceptions for frame in exception.frames)
        return (0 if own else 1, 0, first_ns, group.fingerprint)
    return (2, -group.level, first_ns, group.fingerprint)
