"""Whether the trouble goes on under another fingerprint. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.domain.staging import NewFace, OtherFace, StagingObserved
from bot.proof.staging.chance import chance_of_so_many
from bot.proof.staging.rates import spread, thinned
from bot.proof.staging.series import Series
from bot.proof.staging.week import HOUR

NEW = 0.01
"""The chance of so many hours with another fingerprint at its own old rate, below which it is the new face; shared
among all that were looked at (Bonferroni)."""


@dataclass(frozen=True)
class Faces:
    """The new face, if there is one; those never seen without the fix that are too few to say; and the neighbours."""

    new: NewFace | None
    doubtful: tuple[OtherFace, ...]
    neighbours: tuple[OtherFace, ...]


def faces(observed: StagingObserved, series: Series, without: Collection[str], having: Collection[str]) -> Faces:
    """Hold every other face's hours with the fix against those without, by traffic.

    Lost log lowers the traffic without the fix only: here, too much traffic with it errs on the side of no new face.
    """
    new: list[NewFace] = []
    doubtful, neighbours = [], []
    for face in observed.faces:
        before = _counts(observed, series, face, without)
        since = _counts(observed, series, face, having)
        if not any(since):
            continue
        found = _told(series, face, before, since)
        if found.chance * len(observed.faces) < NEW:
            new.append(found)
        elif not found.hours_before:
            doubtful.append(face)
        else:
            neighbours.append(face)
    best = min(new, key=lambda one: (one.chance, one.fingerprint), default=None)
    return Faces(best, tuple(doubtful), tuple(neighbours))


def _counts(observed: StagingObserved, series: Series, face: OtherFace, revisions: Collection[str]) -> list[int]:
    each = max(1, HOUR // observed.bin_seconds)
    counts = [0] * series.bins
    for one in face.counts:
        if one.revision in revisions:
            counts[one.bin // each] += one.occurrences
    return counts


def _told(series: Series, face: OtherFace, before: Sequence[int], since: Sequence[int]) -> NewFace:
    """The chance that so many of all its hours fall to the side with the fix, if its rate had stayed."""
    old, new = sum(series.old.traffic), sum(series.new.logged)
    hours_before, hours_since = thinned(before, "hours", series.seconds), thinned(since, "hours", series.seconds)
    rate = sum(hours_before) / old if old else 0.0
    bursts = spread(hours_before, [rate * much for much in series.old.traffic]) if rate else 1.0
    share = new / (old + new) if old + new else 1.0
    chance = chance_of_so_many(sum(hours_before), sum(hours_since), share, bursts)
    return NewFace(
        fingerprint=face.fingerprint, why=face.why, hours_before=sum(hours_before), hours_since=sum(hours_since),
        occurrences_since=sum(since), chance=chance,
    )
