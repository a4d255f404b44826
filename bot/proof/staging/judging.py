"""The verdict on a fix from what staging logged before it and since. Pure: no clock, nothing read.

The order decides: what was seen at a revision with the fix is there, whatever the chances; then another face of it;
then whether revisions with the fix still serve; and only then what silence is worth (`rule.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.base import counted
from bot.domain.moments import parse_nanoseconds
from bot.domain.staging import (
    NewFace,
    StagingObserved,
    StagingOutcome,
    StagingStatistics,
    StagingVerdict,
)
from bot.proof.staging.chance import chance_of_so_few, most_remaining
from bot.proof.staging.faces import Faces, faces
from bot.proof.staging.rates import thinned
from bot.proof.staging.rule import Measured, doubts, measured, percent
from bot.proof.staging.series import Fleet, Series, fleet, series
from bot.proof.staging.weak import weaknesses
from bot.proof.staging.week import DAY, HOUR

ROLLED_BACK = 0.001
"""The chance that revisions with the fix got none of the latest traffic, below which they are out of service."""
BEFORE_THE_BUG = 0.05
"""The chance of silence at revisions older than the first that shows the incident, below which they never had it."""


def judge(observed: StagingObserved) -> StagingVerdict:
    """Say what the logs since a fix say of its incident."""
    known = fleet(observed)
    without = _affected(observed, known)
    both = series(observed, without, known.with_fix)
    found = measured(both, starts=observed.starts_known)
    shown = _weakest(found)
    figures = _statistics(both, shown)
    seen = sum(both.new.seen)
    others = faces(observed, series(observed, known.without_fix, known.with_fix), known.without_fix, known.with_fix)
    if seen:
        outcome, reason = StagingOutcome.STILL_THERE, _still_there(figures)
    elif others.new is not None:
        outcome, reason = StagingOutcome.CHANGED_FACE, _changed(others.new)
    elif (missing := _out_of_service(observed, known)) is not None:
        outcome, reason = missing
    else:
        outcome, reason = _silence(observed, both, known, others, found)
    return StagingVerdict(
        outcome=outcome, fingerprint=observed.fingerprint, fix_commit=observed.fix_commit, reason=reason,
        with_fix=known.with_fix, without_fix=known.without_fix, not_known=known.not_known,
        statistics=figures if figures.before_exposure or figures.after_exposure else None,
        new_face=others.new, weakened=weaknesses(outcome, observed, both, known, without, shown, others),
    )


def _weakest(found: Sequence[Measured]) -> Measured:
    """The view that the verdict rests on: of all that cannot be ruled out, the one that proves least."""
    return max(found, key=lambda one: one.chance_if_reduced)


def _affected(observed: StagingObserved, known: Fleet) -> tuple[str, ...]:
    """The revisions without the fix, but for those before the first that shows the incident, if it brought it.

    It did if the earlier ones would hardly have been silent by chance, and it itself showed the incident within a day,
    or its silence until then is no surprise. A silence that no deployment ended is one that may come again.
    """
    each = max(1, HOUR // observed.bin_seconds)
    traffic, hours = _by_hour(observed, known.without_fix, each)
    first = next((at for at, name in enumerate(known.without_fix) if hours[name]), 0)
    earlier, rest = known.without_fix[:first], known.without_fix[first:]
    if not earlier:
        return known.without_fix
    shown = min(hours[rest[0]])
    lead = [(at, count) for at, count in traffic[rest[0]].items() if at < shown]
    many = sum(len(hours[name]) for name in rest)
    exposed = sum(sum(traffic[name].values()) for name in rest) - sum(count for _, count in lead)
    rate = many / exposed if exposed else 0.0
    before = rate * sum(sum(traffic[name].values()) for name in earlier)
    at_first = rate * sum(count for _, count in lead)
    brought = not lead or (shown - min(at for at, _ in lead)) * each * observed.bin_seconds <= DAY or (
        chance_of_so_few(many, at_first, 0, 1.0) >= BEFORE_THE_BUG)
    return rest if brought and chance_of_so_few(many, before, 0, 1.0) < BEFORE_THE_BUG else known.without_fix


def _by_hour(
    observed: StagingObserved, names: Sequence[str], each: int
) -> tuple[dict[str, dict[int, int]], dict[str, set[int]]]:
    """Of each revision, its traffic by hour, and the hours in which it shows the incident."""
    traffic: dict[str, dict[int, int]] = {name: {} for name in names}
    hours: dict[str, set[int]] = {name: set() for name in names}
    for cell in observed.cells:
        if cell.revision in traffic:
            at = cell.bin // each
            traffic[cell.revision][at] = traffic[cell.revision].get(at, 0) + cell.traffic
            if cell.occurrences:
                hours[cell.revision].add(at)
    return traffic, hours


def _out_of_service(observed: StagingObserved, known: Fleet) -> tuple[StagingOutcome, str] | None:
    """Whether no revision with the fix serves at the end, and what that means."""
    since = parse_nanoseconds(observed.fix_committed_at) if observed.fix_committed_at else None
    bins: dict[str, dict[int, int]] = {"with": {}, "without": {}, "unknown": {}}
    sides = {**dict.fromkeys(known.with_fix, "with"), **dict.fromkeys(known.without_fix, "without")}
    for cell in observed.cells:
        side = bins[sides.get(cell.revision, "unknown")]
        if cell.traffic:
            side[cell.bin] = side.get(cell.bin, 0) + cell.traffic
    if not bins["with"]:
        if any(_ends(observed, at) > (since or 0) for at in bins["unknown"]):
            return StagingOutcome.TOO_LITTLE, (
                "No traffic is known to have reached the fix: the commit of a revision in service is not known.")
        if known.with_fix:
            return StagingOutcome.TOO_LITTLE, "A revision carries the fix, but no traffic has reached it."
        if not any(_ends(observed, at) > (since or 0) for at in bins["without"]):
            return StagingOutcome.TOO_LITTLE, "The log has no traffic since the fix was committed."
        return StagingOutcome.NOT_DEPLOYED, "No revision in service carries the fix."
    first, last = min(bins["with"]), max(bins["with"])
    having = sum(bins["with"].values())
    beside = sum(count for at, count in bins["without"].items() if first <= at <= last)
    after = sum(count for at, count in bins["without"].items() if at > last)
    share = min(0.5, (having + 0.5) / (having + beside + 1))
    if (1 - share) ** min(after, 10**6) < ROLLED_BACK:
        return StagingOutcome.NOT_DEPLOYED, (
            f"Revisions with the fix got traffic for a time, but none of the latest {counted(after, 'request')}.")
    return None


def _ends(observed: StagingObserved, at: int) -> int:
    """When a bin ends, in nanoseconds since 1970."""
    return parse_nanoseconds(observed.begins) + (at + 1) * observed.bin_seconds * 10**9


def _silence(
    observed: StagingObserved, both: Series, known: Fleet, others: Faces, found: Sequence[Measured]
) -> tuple[StagingOutcome, str]:
    shown = _weakest(found)
    said = []
    if not sum(both.old.seen):
        said.append("the incident was not seen before the fix in what was read")
    elif not sum(both.new.traffic):
        said.append("nothing that counts was logged at revisions with the fix")
    else:
        said += doubts(found)
    if others.doubtful:
        face = others.doubtful[0]
        said.append(f"{face.fingerprint} ({face.why}) was seen with the fix and never before")
    if _at_unknown(observed, known):
        said.append("it was seen at a later revision whose commit is not known")
    silence = f"None was seen with the fix, where {_due(shown.expected)} due"
    if said:
        return StagingOutcome.TOO_LITTLE, f"{silence}; but {said[0]}."
    return StagingOutcome.GONE, f"{silence} at the old rate (probability {percent(shown.chance)})."


def _due(expected: float) -> str:
    return f"{expected:,.0f} were" if expected >= 9.5 else f"{expected:,.1f} were"


def _at_unknown(observed: StagingObserved, known: Fleet) -> bool:
    """Whether a revision that nobody knows showed it once revisions with the fix were there."""
    first = {one.revision: parse_nanoseconds(one.first_seen) for one in observed.revisions}
    if not known.with_fix:
        return False
    earliest = min(first[name] for name in known.with_fix)
    unknown = {name for name in known.not_known if name not in first or first[name] >= earliest}
    return any(cell.occurrences for cell in observed.cells if cell.revision in unknown)


def _still_there(figures: StagingStatistics) -> str:
    text = f"Seen {counted(figures.seen, 'time')} at revisions with the fix"
    if figures.expected <= 0:
        return f"{text}."
    text += f", where {_due(figures.expected)} due at the old rate"
    if figures.chance < 0.05:
        return f"{text}: fewer ({figures.remaining:.0%} of it, probability {percent(figures.chance)}), but not gone."
    return f"{text}."


def _changed(face: NewFace) -> str:
    return (f"Not seen any more, but {face.fingerprint} ({face.why}) is: in {counted(face.hours_since, 'hour')} with "
            f"the fix against {face.hours_before} without (probability {percent(face.chance)} at its own old rate).")


def _statistics(both: Series, shown: Measured) -> StagingStatistics:
    proof = shown.evidence
    seen = sum(both.new.seen)
    units = sum(thinned(both.new.seen, proof.unit, both.seconds)) if seen else 0
    return StagingStatistics(
        exposure=shown.fit.exposure, season=shown.fit.season, before=sum(both.old.seen),
        before_exposure=sum(both.old.exposure(shown.fit.exposure)),
        after_exposure=sum(both.new.exposure(shown.fit.exposure)),
        expected=shown.expected, seen=seen, explained=both.new.explained, counted_as=proof.unit, counted=proof.counted,
        spread=proof.spread, chance=chance_of_so_few(proof.counted, proof.expected, units, proof.spread),
        chance_if_reduced=shown.chance_if_reduced,
        remaining=units / proof.expected if proof.expected else 0.0,
        remaining_most=most_remaining(proof.counted, proof.expected, units, proof.spread),
        quiet_before=shown.quiet_before, control_expected=shown.control_expected, control_seen=shown.control_seen,
    )

