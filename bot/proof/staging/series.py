"""From what was observed to two sides, without the fix and with it: occurrences and exposure, hour by hour. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.domain.moments import parse_nanoseconds
from bot.domain.staging import ExposureKind, LogStretch, StagingCell, StagingObserved
from bot.proof.staging.week import HOUR, strata

LEAST_OTHERS = 30.0
LEAST_STRETCH = 6 * HOUR
"""Other entries due in a stretch, and its time in service, before its log is held against the usual: less is noise."""
FELL = 0.7
"""Below this share of the usual number of other entries a request, a stretch of the log counts as thinned out."""
LEAST_KEPT = 1e-6
"""A share of the log below this counts as none of it."""
WORTH_SAYING = 0.05
"""The share of a side's hours that must have been thinned out to be worth a sentence."""


@dataclass
class Side:
    """The revisions on one side of the fix, together; all lists have one place for each hour."""

    traffic: list[float]
    starts: list[float]
    time: list[float]
    others: list[float]
    logged: list[float]
    seen: list[int]
    explained: int = 0

    def exposure(self, kind: ExposureKind) -> list[float]:
        """The exposure of one kind."""
        return {"traffic": self.traffic, "starts": self.starts, "time": self.time}[kind]


@dataclass(frozen=True)
class Fleet:
    """Which revisions have the fix, which do not, and of which nobody knows, each in order of first entry."""

    with_fix: tuple[str, ...]
    without_fix: tuple[str, ...]
    not_known: tuple[str, ...]


@dataclass(frozen=True)
class Series:
    """Both sides of a history in bins of `seconds`, the first beginning at `begins` (seconds since 1970).

    `like`: whether the side without the fix was in service in the same part of the week as each bin. Where it was not,
    nothing is known to be due.
    """

    begins: int
    seconds: int
    bins: int
    old: Side
    new: Side
    like: tuple[bool, ...]
    notes: tuple[str, ...]


def fleet(observed: StagingObserved) -> Fleet:
    """Tell the revisions apart. One that logged before the fix was committed cannot carry it, whatever it says."""
    committed = parse_nanoseconds(observed.fix_committed_at) if observed.fix_committed_at else None
    sides: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    listed = set()
    for revision in sorted(observed.revisions, key=lambda one: (parse_nanoseconds(one.first_seen), one.revision)):
        listed.add(revision.revision)
        earlier = committed is not None and parse_nanoseconds(revision.first_seen) < committed
        sides[False if earlier else revision.carries].append(revision.revision)
    sides[None] += sorted({cell.revision for cell in observed.cells} - listed)
    return Fleet(tuple(sides[True]), tuple(sides[False]), tuple(sides[None]))


def series(observed: StagingObserved, without: Iterable[str], having: Iterable[str]) -> Series:
    """Sum up two sets of revisions over hours (over the bins, where these are longer).

    Exposure is put right for known sampling, and where other entries a request fell below FELL of the usual, as much.
    """
    each = max(1, HOUR // observed.bin_seconds)
    bins = -(-observed.bins // each)
    seconds = observed.bin_seconds * each
    of_side = {**dict.fromkeys(without, 0), **dict.fromkeys(having, 1)}
    sides = (_empty(bins), _empty(bins))
    kept, notes = _kept(observed)
    everything = [0.0] * bins
    for cell in observed.cells:
        everything[cell.bin // each] += cell.traffic
    for cell in observed.cells:
        at = of_side.get(cell.revision)
        if at is not None:
            _add(sides[at], cell, cell.bin // each, *kept.get(cell.bin, (1.0, 1.0)), everything[cell.bin // each])
    if observed.others_known and observed.traffic_is == "requests":
        notes += _held_against_others(*sides, -(-LEAST_STRETCH // seconds))
    begins = parse_nanoseconds(observed.begins) // 1_000_000_000
    parts = strata(begins, seconds, bins, "hour of day and weekend")
    there = {part for part, much in zip(parts, sides[0].time, strict=True) if much}
    return Series(begins, seconds, bins, *sides, tuple(part in there for part in parts), notes)


def _empty(bins: int) -> Side:
    return Side([0.0] * bins, [0.0] * bins, [0.0] * bins, [0.0] * bins, [0.0] * bins, [0] * bins)


def _kept(observed: StagingObserved) -> tuple[dict[int, tuple[float, float]], tuple[str, ...]]:
    """By bin, what share of the incident's entries was kept, and of traffic."""
    kept: dict[int, tuple[float, float]] = {}
    notes = []
    for stretch in observed.log:
        last = min(stretch.last_bin, observed.bins - 1)
        for at in range(stretch.first_bin, last + 1):
            kept[at] = (_share(stretch.kept), _share(stretch.kept_of_traffic))
        notes.append(_of_stretch(stretch, (last + 1 - stretch.first_bin) * observed.bin_seconds / HOUR))
    return kept, tuple(notes)


def _share(kept: float | None) -> float:
    return kept if kept is not None and kept >= LEAST_KEPT else 0.0


def _of_stretch(stretch: LogStretch, hours: float) -> str:
    if stretch.kept is None or stretch.kept_of_traffic is None:
        return f"For {hours:,.0f} hours the log was sampled at a rate that is not known; they count for nothing."
    if not _share(stretch.kept) or not _share(stretch.kept_of_traffic):
        return f"For {hours:,.0f} hours the log was not there; they count for nothing."
    return (f"For {hours:,.0f} hours the log kept {stretch.kept:.0%} of such entries and {stretch.kept_of_traffic:.0%} "
            "of the traffic; what was due is put right for that.")


def _add(side: Side, cell: StagingCell, at: int, kept: float, of_traffic: float, everything: float) -> None:
    share = kept / of_traffic if of_traffic else 0.0
    side.traffic[at] += cell.traffic * share
    side.starts[at] += cell.starts * share
    side.time[at] += cell.traffic / everything * kept if cell.traffic and of_traffic else 0.0
    side.others[at] += cell.others / kept if kept else 0.0
    side.logged[at] += cell.traffic / of_traffic if kept and of_traffic else 0.0
    side.seen[at] += cell.occurrences - cell.begun_before
    side.explained += cell.begun_before


def _held_against_others(old: Side, new: Side, least: int) -> tuple[str, ...]:
    """Take from both sides' exposure what the log's other entries say that it lost, without anybody's notice."""
    logged = sum(old.logged)
    if not logged or sum(old.others) < 2 * LEAST_OTHERS:
        return ("What else the service logs is too little to tell whether its log was thinned out.",)
    usual = statistics.median(ratio for _, _, ratio in _stretches(old, least, sum(old.others) / logged))
    if usual <= 0:
        return ("What else the service logs is too uneven to tell whether its log was thinned out.",)
    notes = []
    for side, name in ((old, "before"), (new, "since")):
        lost = 0
        for first, after, ratio in _stretches(side, least, usual):
            share = ratio / usual
            if share < FELL:
                lost += sum(1 for at in range(first, after) if side.logged[at])
                for values in (side.traffic, side.starts, side.time):
                    values[first:after] = [value * share for value in values[first:after]]
        if lost > WORTH_SAYING * sum(1 for much in side.logged if much):
            notes.append(f"For {lost:,} hours {name} the fix, other entries a request fell below {FELL:.0%} of the "
                         "usual, as when a log is sampled or lost; what was due is lowered as much.")
    return tuple(notes)


def _stretches(side: Side, least: int, usual: float) -> list[tuple[int, int, float]]:
    """Consecutive bins, `least` of them in service, with LEAST_OTHERS due: first, after the last, others a request."""
    found = []
    first, served, logged, others = 0, 0, 0.0, 0.0
    for at, (traffic, other) in enumerate(zip(side.logged, side.others, strict=True)):
        logged += traffic
        others += other
        served += bool(traffic)
        if logged * usual >= LEAST_OTHERS and served >= least:
            found.append((first, at + 1, others / logged))
            first, served, logged, others = at + 1, 0, 0.0, 0.0
    if logged * usual > LEAST_OTHERS / 4:
        found.append((first, len(side.logged), min(usual, others / logged)))
    return found


def longest_quiet(seen: Sequence[int], due: Sequence[float]) -> tuple[float, float]:
    """The longest stretch without an occurrence, in occurrences that were due, and the one at the end."""
    marks = [0.0]
    total = 0.0
    for count, much in zip(seen, due, strict=True):
        total += much
        if count:
            marks += [total - much, total]
    marks.append(total)
    stretches = [later - earlier for earlier, later in list(pairwise(marks))[::2]]
    return max(stretches), stretches[-1]
