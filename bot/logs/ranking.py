"""Which incident to work on: an order by plain values, and sentences that give the values that decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bot.domain.base import Fingerprint, counted
from bot.domain.logs import (
    Incident,
    LogEntry,
    Lost,
    Novelty,
    RankBy,
    RankedIncident,
    RankValues,
    SeenBefore,
    Selection,
    Severity,
    Standing,
)
from bot.domain.moments import nanoseconds_of, parse_nanoseconds, rfc3339
from bot.logs.severity import RANK

TIERS = ("errors", "warnings", "notices", "odd info lines")
NOT_CHOSEN = frozenset({Novelty.IN_WORK, Novelty.FIXED, Novelty.MUTED})
_STRONGEST = (Novelty.MUTED, Novelty.IN_WORK, Novelty.FIXED, Novelty.KNOWN, Novelty.REGRESSED, Novelty.NEW)
"""Which standing holds where an incident has several, under its own and its older fingerprints."""
_KNOWN = frozenset({Novelty.KNOWN})
_SHORTEST = 7
"""Digits of a commit's name that are enough to know it by, as git abbreviates."""
_LEAST_RANKS = (RANK[Severity.ERROR], RANK[Severity.WARNING], RANK[Severity.NOTICE])


def tier_of(severity: Severity) -> int:
    """1 for errors, 2 for warnings, 3 for notices, 4 for the rest."""
    return next((place for place, least in enumerate(_LEAST_RANKS, 1) if RANK[severity] >= least), len(TIERS))


NOTHING = "No entry of the focus is at its severity, so there is no incident."


def rank(incidents: Sequence[Incident], history: Mapping[Fingerprint, Standing], nothing: str = NOTHING) -> Selection:
    """Order incidents and choose the first that may be worked on.

    By: severity tier; new or regressed before known; instances; entries; last seen; fingerprint.
    `history` says what is known of a fingerprint; an incident is found in it by its aliases too, and what it
    does not name is new. What is in work, fixed or muted is listed last and never chosen. `nothing` says why there
    are no incidents, where there are none.
    """
    valued = [(incident, *_values(incident, history)) for incident in incidents]
    valued.sort(key=lambda one: _key(one[0], one[1]))
    ranked = [
        RankedIncident(place=place, incident=incident, values=values, why=why, before=_before(incident, history))
        for place, (incident, values, why) in enumerate(valued, 1)
    ]
    open_ones = [one for one in ranked if one.values.novelty not in NOT_CHOSEN]
    if not open_ones:
        shut = tuple(one.model_copy(update={"lost": _shut(one)}) for one in ranked)
        return Selection(winner=None, runners_up=shut, reasons=_why_none(ranked, nothing))
    winner = open_ones[0]
    others = tuple(one.model_copy(update={"lost": lost(one, winner)}) for one in ranked if one is not winner)
    return Selection(winner=winner, runners_up=others, reasons=_why(winner, others))


def standing_now(incident: Incident, history: Mapping[Fingerprint, Standing]) -> tuple[Novelty, str]:
    """How an incident stands, now that its entries are known, and why.

    What was marked as fixed is back once an entry is later than the mark. What is in work is back where an entry
    ran at the very commit of the proposed fix: the fix does not hold. Commits after a merge have other names, so
    that they contain a fix cannot be told from a log.
    """
    standing = _strongest(incident, history)
    if standing is None:
        return Novelty.NEW, ""
    if standing.novelty is Novelty.FIXED and standing.fixed_at is not None:
        if parse_nanoseconds(incident.last_seen) > nanoseconds_of(standing.fixed_at):
            return Novelty.REGRESSED, f"fixed {standing.why}; seen again, last at {incident.last_seen}"
    elif standing.novelty is Novelty.IN_WORK and standing.fix is not None:
        at_fix = next((one for one in incident.commits if len(one) >= _SHORTEST and standing.fix.startswith(one)), "")
        if at_fix:
            return Novelty.REGRESSED, f"{standing.why}; seen at the fix's own commit {at_fix[:12]}"
    return standing.novelty, standing.why


def again_since(ranked: RankedIncident, entries: Iterable[LogEntry]) -> str:
    """When a regression began: its first entry after it was marked as gone.

    Empty for what was never marked, and where no such entry is among those that were kept.
    """
    before = ranked.before
    if ranked.values.novelty is not Novelty.REGRESSED or before is None or before.fixed_at is None:
        return ""
    gone = nanoseconds_of(before.fixed_at)
    back = min((entry.time_ns for entry in entries if entry.time_ns > gone), default=None)
    return "" if back is None else rfc3339(back)


def _strongest(incident: Incident, history: Mapping[Fingerprint, Standing]) -> Standing | None:
    known = [history[name] for name in (incident.fingerprint, *incident.aliases) if name in history]
    return min(known, key=lambda one: _STRONGEST.index(one.novelty), default=None)


def _before(incident: Incident, history: Mapping[Fingerprint, Standing]) -> SeenBefore | None:
    standing = _strongest(incident, history)
    return None if standing is None else standing.seen


def _values(incident: Incident, history: Mapping[Fingerprint, Standing]) -> tuple[RankValues, str]:
    novelty, why = standing_now(incident, history)
    values = RankValues(
        tier=tier_of(incident.severity),
        novelty=novelty,
        instances=len(incident.instances),
        entries=incident.entries,
        last_seen=incident.last_seen,
    )
    return values, why


def _key(incident: Incident, values: RankValues) -> tuple[bool, int, bool, int, int, int, Fingerprint]:
    return (
        values.novelty in NOT_CHOSEN,
        values.tier,
        values.novelty in _KNOWN,
        -values.instances,
        -values.entries,
        -parse_nanoseconds(values.last_seen),
        incident.fingerprint,
    )


def _shut(one: RankedIncident) -> Lost:
    return Lost(by=RankBy.NOVELTY, value=one.values.novelty.value)


def lost(one: RankedIncident, winner: RankedIncident) -> Lost:
    """Return the first value in which an incident came behind the winner, with what both had."""
    theirs, best = one.values, winner.values
    if theirs.novelty in NOT_CHOSEN:
        return Lost(by=RankBy.NOVELTY, value=theirs.novelty.value, against=best.novelty.value)
    if theirs.tier != best.tier:
        return Lost(
            by=RankBy.SEVERITY, value=one.incident.severity.value, against=winner.incident.severity.value
        )
    if (theirs.novelty in _KNOWN) != (best.novelty in _KNOWN):
        return Lost(by=RankBy.NOVELTY, value=theirs.novelty.value, against=best.novelty.value)
    if theirs.instances != best.instances:
        return Lost(by=RankBy.INSTANCES, value=f"{theirs.instances:,}", against=f"{best.instances:,}")
    if theirs.entries != best.entries:
        return Lost(by=RankBy.ENTRIES, value=f"{theirs.entries:,}", against=f"{best.entries:,}")
    if theirs.last_seen != best.last_seen:
        return Lost(by=RankBy.LAST_SEEN, value=theirs.last_seen, against=best.last_seen)
    return Lost(by=RankBy.FINGERPRINT, value=one.incident.fingerprint, against=winner.incident.fingerprint)


def named(incident: Incident) -> str:
    """Name an incident on one line of at most 120 characters: `TYPE: MESSAGE`."""
    root = incident.root
    text = f"{root.type}: {root.message}" if root.message else root.type
    text = text.split("\n", 1)[0]
    return f"{text[:117]}..." if len(text) > 120 else text


def standing_in_words(one: RankedIncident) -> str:
    """How an incident stands, with the ground for it: `muted (until 2026-12-01: the vendor is on it)`."""
    return f"{one.values.novelty.value} ({one.why})" if one.why else one.values.novelty.value


def _why(winner: RankedIncident, others: Sequence[RankedIncident]) -> tuple[str, ...]:
    rest = [one for one in others if one.values.novelty not in NOT_CHOSEN]
    reasons = [
        _size(winner.incident),
        _decided(winner, rest[0]) if rest else "No other incident could have been chosen.",
    ]
    if winner.why:
        reasons.append(f"It is {standing_in_words(winner)}.")
    shut = [one for one in others if one.values.novelty in NOT_CHOSEN]
    if shut:
        what = "; ".join(f"{named(one.incident)} is {standing_in_words(one)}" for one in shut[:3])
        more = f"; and {len(shut) - 3} more" if len(shut) > 3 else ""
        reasons.append(f"{counted(len(shut), 'incident')} in work, fixed or muted could not be chosen: {what}{more}.")
    return tuple(reasons)


def _size(incident: Incident) -> str:
    entries = counted(incident.entries, "entry", "entries")
    more = f", {incident.inferred_errors:,} more by their text" if incident.inferred_errors else ""
    return (f"It has {entries} ({incident.error_entries:,} at ERROR or above{more}) in "
            f"{counted(len(incident.groups), 'group')} on {counted(len(incident.instances), 'instance')}, "
            f"from {incident.first_seen} to {incident.last_seen}.")


def _decided(winner: RankedIncident, second: RankedIncident) -> str:
    """The first value in which the winner and the runner-up differ, and what they have in common before it."""
    mine, theirs = winner.values, second.values
    against = f"against the runner-up ({named(second.incident)})"
    novelty = f"both are {mine.novelty.value}" if mine.novelty is theirs.novelty else "both are new or regressed"
    decided = lost(second, winner)
    same = (
        f"both are {TIERS[mine.tier - 1]}",
        novelty,
        f"both reach {counted(mine.instances, 'instance')}",
        f"both have {counted(mine.entries, 'entry', 'entries')}",
        "last seen at the same time",
    )[:list(RankBy).index(decided.by)]
    said = {
        RankBy.SEVERITY: f"Severity decided {against}: {TIERS[mine.tier - 1]} come before {TIERS[theirs.tier - 1]} "
                         f"({decided.against} against {decided.value})",
        RankBy.NOVELTY: f"Novelty decided {against}: {decided.against} comes before {decided.value}",
        RankBy.INSTANCES: f"Reach decided {against}: {counted(mine.instances, 'instance')} against {decided.value}",
        RankBy.ENTRIES: f"Count decided {against}: {counted(mine.entries, 'entry', 'entries')} against "
                        f"{decided.value}",
        RankBy.LAST_SEEN: f"Recency decided {against}: last seen {decided.against} against {decided.value}",
        RankBy.FINGERPRINT: f"Nothing but the order of fingerprints decided {against}: {decided.against} against "
                            f"{decided.value}",
    }[decided.by]
    return f"{said}; {', '.join(same)}." if same else f"{said}."


def _why_none(ranked: Sequence[RankedIncident], nothing: str) -> tuple[str, ...]:
    if not ranked:
        return (nothing,)
    of_novelty = ((sum(one.values.novelty is novelty for one in ranked), novelty.value) for novelty in _STRONGEST)
    counts = [f"{number} {what}" for number, what in of_novelty if number]
    what = "; ".join(f"{named(one.incident)} is {standing_in_words(one)}" for one in ranked[:3] if one.why)
    count = counted(len(ranked), "incident")
    all_of_them = f"The only incident found may not be chosen: {counts[0].split(' ', 1)[1]}" if len(ranked) == 1 else (
        f"All {count} found may not be chosen: {', '.join(counts)}"
    )
    return (f"{all_of_them}. {what}.",) if what else (f"{all_of_them}.",)
