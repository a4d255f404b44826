"""What the time before a fix says of an incident: its rate, what it goes with, how it comes in bursts. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.staging import CountedAs, ExposureKind, Season
from bot.proof.staging.chance import chance_of_so_few
from bot.proof.staging.series import Series
from bot.proof.staging.week import DAY, HOUR, SEASONS, STRATA, strata

LEAST_BLOCKS = 8
"""Blocks of time that a variance is taken from at the least, so that the longest block is an eighth of the history."""
RULED_OUT = 8.0
"""How much worse than the best, in Schwarz's criterion, an exposure or a season may explain the time before and still
count: between strong (6) and very strong (10) evidence against it in Kass and Raftery, JASA 90, 1995."""
_REPEATED: dict[Season, int] = {
    "none": 0, "hour of day": 3 * DAY, "weekend": 14 * DAY, "day of week": 21 * DAY,
    "hour of day and weekend": 14 * DAY,
}
"""How long the time before must be for a season to be seen in it: what came once is no season."""
UNITS: dict[CountedAs, int] = {"occurrences": 0, "hours": HOUR, "quarter days": 6 * HOUR, "days": DAY}


@dataclass(frozen=True)
class Fit:
    """One way to see the time before: what was due in each bin, and what is due with the fix at the same rate."""

    exposure: ExposureKind
    season: Season
    due: tuple[float, ...]
    expected: float
    criterion: float


@dataclass(frozen=True)
class Evidence:
    """How many independent events the time before gave: `counted` units with a variance `spread` times Poisson's."""

    unit: CountedAs
    counted: int
    spread: float
    expected: float

    def chance(self, share: float = 1.0) -> float:
        """The probability that none is seen with the fix where `share` of the old rate was left."""
        return chance_of_so_few(self.counted, self.expected, 0.0, self.spread, share)


def thinned(seen: Sequence[int], unit: CountedAs, seconds: int) -> list[int]:
    """Count each occurrence, or at most one within the unit's time, at the bin of the first."""
    apart = UNITS[unit]
    if not apart:
        return list(seen)
    counted = [0] * len(seen)
    last = None
    for at, count in enumerate(seen):
        if count and (last is None or (at - last) * seconds >= apart):
            counted[at] = 1
            last = at
    return counted


def fit(series: Series, counts: Sequence[int], exposure: ExposureKind, season: Season, parts: Sequence[int]) -> Fit:
    """The rate in each part of the week, and what follows from it."""
    old, new = series.old.exposure(exposure), series.new.exposure(exposure)
    many = STRATA[season]
    events, exposed, coming = [0.0] * many, [0.0] * many, [0.0] * many
    for part, count, much, later, like in zip(parts, counts, old, new, series.like, strict=True):
        if like:
            coming[part] += later
        exposed[part] += much
        if much:
            events[part] += count
    rates = [event / much if much else 0.0 for event, much in zip(events, exposed, strict=True)]
    due = tuple(rates[part] * much for part, much in zip(parts, old, strict=True))
    likely = sum(count * math.log(much) for count, much in zip(counts, due, strict=True) if count and much > 0)
    lost = sum(1 for count, much in zip(counts, due, strict=True) if count and much <= 0)
    used = sum(1 for much in exposed if much)
    return Fit(
        exposure, season, due, sum(rate * later for rate, later in zip(rates, coming, strict=True)),
        -2 * (likely - 20.0 * lost) + used * math.log(max(2.0, sum(events))),
    )


def spread(counts: Sequence[int], due: Sequence[float]) -> float:
    """The variance of the counts by their mean, at least 1: the most that blocks of 1, 2, 4 … bins show.

    Bursts and drifts make long blocks differ more than short ones (the index of dispersion for counts: Cox and Lewis,
    The Statistical Analysis of Series of Events, 1966); the longest block is an eighth of the history.
    """
    blocks = [(count, much) for count, much in zip(counts, due, strict=True) if much > 0]
    most = 1.0
    while len(blocks) >= LEAST_BLOCKS:
        mean = sum(much for _, much in blocks)
        squares = sum((count - much) ** 2 for count, much in blocks)
        most = max(most, squares / mean * len(blocks) / (len(blocks) - 1)) if mean else most
        blocks = [
            (one[0] + two[0], one[1] + two[1]) for one, two in zip(blocks[::2], blocks[1::2], strict=False)
        ]
    return most


def exposures(series: Series, *, starts: bool) -> list[ExposureKind]:
    """The kinds of exposure that this history has."""
    kinds: list[ExposureKind] = ["traffic", "time"]
    if starts and any(series.old.starts):
        kinds.append("starts")
    return kinds


def fits(series: Series, *, starts: bool) -> list[list[Fit]]:
    """The fits that the time before cannot rule out, for each exposure a list; both the best first.

    An exposure stays if it is not much worse than the best, be it by single occurrences (their likelihood divided by
    their spread) or by hours with any: where every hour has some, hours say nothing of what they go with. Of each
    exposure, the seasons stay that are not much worse than its best, by hours.
    """
    kinds = exposures(series, starts=starts)
    hours = thinned(series.old.seen, "hours", series.seconds)
    by_hour: dict[ExposureKind, list[Fit]] = {kind: [] for kind in kinds}
    singly: dict[ExposureKind, list[Fit]] = {kind: [] for kind in kinds}
    length = sum(1 for much in series.old.time if much) * series.seconds
    for season in SEASONS:
        if length < _REPEATED[season]:
            continue
        parts = strata(series.begins, series.seconds, series.bins, season)
        for kind in kinds:
            by_hour[kind].append(fit(series, hours, kind, season, parts))
            singly[kind].append(fit(series, series.old.seen, kind, season, parts))
    bursts = min(spread(series.old.seen, one.due) for of_kind in singly.values() for one in of_kind)
    behind = dict.fromkeys(kinds, math.inf)
    for found, divisor in ((by_hour, 1.0), (singly, bursts)):
        best = {kind: min(one.criterion for one in found[kind]) / divisor for kind in kinds}
        for kind in kinds:
            behind[kind] = min(behind[kind], best[kind] - min(best.values()))
    left = sorted((kind for kind in kinds if behind[kind] <= RULED_OUT), key=lambda kind: behind[kind])
    return [_plausible(by_hour[kind], singly[kind]) for kind in left]


def _plausible(by_hour: Sequence[Fit], singly: Sequence[Fit]) -> list[Fit]:
    order = sorted(zip(by_hour, singly, strict=True), key=lambda pair: pair[0].criterion)
    best = order[0][0].criterion
    return [pair[1] for pair in order if pair[0].criterion - best <= RULED_OUT]


def evidence(series: Series, found: Sequence[Fit]) -> list[Evidence]:
    """For each unit, what the fits of one exposure say: the least that they expect, the spread under the best."""
    kind = found[0].exposure
    parts = {one.season: strata(series.begins, series.seconds, series.bins, one.season) for one in found}
    gathered = []
    for unit in UNITS:
        counts = thinned(series.old.seen, unit, series.seconds)
        of_seasons = [fit(series, counts, kind, one.season, parts[one.season]) for one in found]
        expected = min(one.expected for one in of_seasons)
        if unit != "occurrences" and kind != "time":
            # At most one a unit: more traffic does not make more of them, only more time does.
            expected = min(expected, fit(series, counts, "time", "none", [0] * series.bins).expected)
        gathered.append(Evidence(unit, sum(counts), spread(counts, of_seasons[0].due), expected))
    return gathered
