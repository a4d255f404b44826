"""What weakens a verdict on staging, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Collection

from bot.domain.base import counted
from bot.domain.staging import StagingObserved, StagingOutcome
from bot.proof.staging.faces import Faces
from bot.proof.staging.rates import exposures
from bot.proof.staging.rule import Measured
from bot.proof.staging.series import Fleet, Series
from bot.proof.staging.week import HOUR

FEW_DAYS = 7.0
"""A history of less does not have every day of the week."""
BURSTS = 3.0
"""A spread from which it is worth saying that it comes in bursts."""
RAMP = 2.0
"""A change of traffic by this factor is worth saying."""
LEAST_OF_LATEST = 5.0
"""Occurrences due at the newest revision with the fix, below which its own silence says little (e to the -5: 0.7%)."""
LEAST_CONTROL = 0.5
"""Occurrences due at revisions without the fix at the same time, below which they are no control."""


def weaknesses(
    outcome: StagingOutcome, observed: StagingObserved, both: Series, known: Fleet, without: Collection[str],
    shown: Measured, others: Faces,
) -> tuple[str, ...]:
    """Everything that a reader should know before they trust the verdict; nothing that does not apply.

    What makes silence worth less is said only where the verdict rests on silence.
    """
    always = (*both.notes, *_revisions(observed, known, without), *_faces(others))
    if outcome not in {StagingOutcome.GONE, StagingOutcome.TOO_LITTLE}:
        return always
    return (
        *always, *_history(both, shown), *_seasons(both, shown), *_traffic(observed, both),
        *_latest(observed, known, shown), *_control(shown),
    )


def _history(both: Series, shown: Measured) -> list[str]:
    said = []
    old = [at for at, much in enumerate(both.old.traffic) if much]
    days = len(old) * both.seconds / (24 * HOUR)
    if old and days < FEW_DAYS:
        said.append(f"The log before the fix has {days:.1f} days: too short to know how the week goes.")
    if old and len(old) < (old[-1] - old[0] + 1) * 0.9:
        gone = (old[-1] - old[0] + 1 - len(old)) * both.seconds / HOUR
        said.append(f"In {gone:,.0f} hours between the first and the last entry without the fix there was no traffic.")
    if shown.evidence.spread >= BURSTS:
        said.append(f"It comes in bursts (variance {shown.evidence.spread:.1f} times that of independent "
                    f"{shown.evidence.unit}): {counted(shown.evidence.counted, 'count')} say no more than "
                    f"{shown.evidence.counted / shown.evidence.spread:.1f} would.")
    return said


def _seasons(both: Series, shown: Measured) -> list[str]:
    said = []
    total = sum(both.new.time)
    apart = sum(much for much, like in zip(both.new.time, both.like, strict=True) if not like)
    if apart:
        said.append(f"{apart / total:.0%} of the time with the fix is at hours or days of the week that the time "
                    "before does not have; the verdict leaves it out.")
    since = [at for at, much in enumerate(both.new.time) if much]
    if since and len(since) * both.seconds < FEW_DAYS * 24 * HOUR:
        said.append(f"The log with the fix has {len(since) * both.seconds / HOUR:,.0f} hours, less than a week: what "
                    "comes on other days would not have shown.")
    if shown.fit.season != "none":
        said.append(f"It goes with the season ({shown.fit.season}): like is compared with like.")
    return said


def _traffic(observed: StagingObserved, both: Series) -> list[str]:
    said = []
    if observed.traffic_is == "entries":
        said.append("The log has no requests: traffic is told by entries of any kind, which the fix itself may change.")
    if not observed.others_known or observed.traffic_is == "entries":
        said.append("Nothing tells whether the log was sampled without notice.")
    before, since = _an_hour(both.old.logged), _an_hour(both.new.logged)
    if before and since and not 1 / RAMP <= since / before <= RAMP:
        said.append(f"Traffic at revisions with the fix was {since / before:.0%} of that before, an hour in service; "
                    "what was due is in proportion.")
    if len(exposures(both, starts=observed.starts_known)) == 2:
        said.append("Starts of instances are not known: what comes with these is held against traffic.")
    return said


def _an_hour(traffic: list[float]) -> float:
    there = [much for much in traffic if much]
    return sum(there) / len(there) if there else 0.0


def _revisions(observed: StagingObserved, known: Fleet, without: Collection[str]) -> list[str]:
    said = []
    served = {cell.revision for cell in observed.cells if cell.traffic}
    unknown = [name for name in known.not_known if name in served]
    if unknown:
        said.append(f"The commit of {counted(len(unknown), 'revision')} is not known; they count on neither side.")
    if len(without) < len(known.without_fix):
        left_out = len(known.without_fix) - len(without)
        said.append(f"{counted(left_out, 'revision')} before the first that shows the incident never had it; "
                    "their traffic is left out.")
    return said


def _latest(observed: StagingObserved, known: Fleet, shown: Measured) -> list[str]:
    """The newest of several revisions with the fix may have brought the incident again, and not shown it yet."""
    traffic = dict.fromkeys(known.with_fix, 0)
    for cell in observed.cells:
        if cell.revision in traffic:
            traffic[cell.revision] += cell.traffic
    total = sum(traffic.values())
    if len(traffic) < 2 or not total:
        return []
    due = shown.expected * traffic[known.with_fix[-1]] / total
    return [f"Of what was due, {due:,.1f} fall to the newest revision: little to tell whether it is back with that one."
            ] if due < LEAST_OF_LATEST else []


def _control(shown: Measured) -> list[str]:
    if shown.control_expected < LEAST_CONTROL:
        alone = "what else changed with its deployment cannot be told apart from it"
        return [f"Hardly anything served without the fix at the same time: {alone}."]
    seen = f"{shown.control_expected:,.1f} were due and {shown.control_seen:,} seen"
    return [f"Revisions without the fix served at the same time; of theirs, {seen}."]


def _faces(others: Faces) -> list[str]:
    return [
        f"{face.fingerprint} ({face.why}) is seen too, about as often as before the fix." for face in others.neighbours
    ]
