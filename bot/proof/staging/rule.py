"""When an incident counts as gone from staging, with the numbers of the rule in one place. Pure.

An occurrence at a revision that carries the fix is the incident, still there: a trickle counts, too, however much
less it is, because its issue would be closed on a fault that users still meet. Only one whose trace began at a
revision without the fix is explained and counts on neither side. So `gone` is said of silence, and silence is worth
what it would have taken to come about by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.proof.staging.chance import chance_of_so_few
from bot.proof.staging.rates import Evidence, Fit, evidence, fits
from bot.proof.staging.series import Series, longest_quiet

AT_OLD_RATE = 0.0025
"""The chance of silence at the old rate, above which nothing is called gone: of four ways to count, the one that says
most is taken, so that this is at most one wrong verdict in a hundred (Bonferroni)."""
REDUCED = 0.3
"""The share of the old rate that must have shown itself, too: a fix that helps most of the time is no fix."""
AT_REDUCED_RATE = 0.05
"""The chance of silence at that share, above which nothing is called gone."""
TIMES_AS_QUIET = 2.0
"""Silence with the fix must be so many times as long as any before it."""
STOPPED_BEFORE = 0.01
"""A silence at the end of the time before of less chance than this is a stop that the fix did not bring."""


@dataclass(frozen=True)
class Measured:
    """One exposure's view of a history."""

    fit: Fit
    expected: float
    evidence: Evidence
    quiet_before: float
    quiet_at_end: float
    chance_of_end: float
    control_expected: float
    control_seen: int
    chance_of_control: float

    @property
    def chance(self) -> float:
        """The chance of silence at the old rate."""
        return self.evidence.chance()

    @property
    def chance_if_reduced(self) -> float:
        """The chance of silence at a rate of REDUCED."""
        return self.evidence.chance(REDUCED)


def measured(series: Series, *, starts: bool) -> list[Measured]:
    """Each exposure that the time before cannot rule out, the one that explains it best first."""
    return [_of_kind(series, found) for found in fits(series, starts=starts)]


def _of_kind(series: Series, found: Sequence[Fit]) -> Measured:
    best = found[0]
    units = evidence(series, found)
    strongest = min(units, key=lambda one: one.chance(REDUCED))
    seen = series.old.seen
    quiet, at_end = longest_quiet(seen, best.due)
    total = sum(best.due)
    since = next((at for at, much in enumerate(series.new.time) if much), series.bins)
    control_due, control_seen = sum(best.due[since:]), sum(seen[since:])
    apart = units[0]
    return Measured(
        best, min(one.expected for one in found), strongest, quiet, at_end,
        max(0.0, 1 - at_end / total) ** (strongest.counted / strongest.spread) if total else 1.0,
        control_due, control_seen,
        chance_of_so_few(total - control_due, control_due, control_seen, apart.spread) if total > control_due else 1.0,
    )


def doubts(found: Sequence[Measured]) -> list[str]:
    """Why silence with the fix is not enough to call the incident gone, the plainest first; nothing if it is."""
    said = []
    if found[0].chance_of_control < STOPPED_BEFORE:
        said.append("it was seen less without the fix, too, at the same time")
    if found[0].chance_of_end < STOPPED_BEFORE:
        said.append("it had stopped without the fix")
    worst = max(found, key=lambda one: one.chance_if_reduced)
    same = max(one.chance for one in found)
    if same > AT_OLD_RATE:
        said.append(f"even at the old rate, none would be seen with a probability of {percent(same)}")
    elif worst.chance_if_reduced > AT_REDUCED_RATE:
        said.append(f"had the fix left {REDUCED:.0%} of the old rate, none would be seen with a probability of "
                    f"{percent(worst.chance_if_reduced)}")
    if any(one.expected < TIMES_AS_QUIET * one.quiet_before for one in found[:1]):
        said.append("the silence is not yet twice as long as the longest before the fix")
    return said


def percent(chance: float) -> str:
    """A probability for people."""
    if chance >= 0.095:
        return f"{chance:.0%}"
    return f"{chance * 100:.2g}%" if chance >= 0.0001 else "less than 0.01%"
