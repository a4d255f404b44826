"""Which incident to work on: an order by plain values, and sentences that give the values that decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.domain.base import Fingerprint
from bot.domain.logs import Incident, Novelty, RankedIncident, RankValues, Selection, Severity
from bot.domain.moments import parse_nanoseconds
from bot.logs.severity import RANK

TIERS = ("errors", "warnings", "notices", "odd info lines")
_NOT_CHOSEN = frozenset({Novelty.IN_WORK, Novelty.MUTED})
_KNOWN = frozenset({Novelty.KNOWN})
_LEAST_RANKS = (RANK[Severity.ERROR], RANK[Severity.WARNING], RANK[Severity.NOTICE])


def tier_of(severity: Severity) -> int:
    """1 for errors, 2 for warnings, 3 for notices, 4 for the rest."""
    return next((place for place, least in enumerate(_LEAST_RANKS, 1) if RANK[severity] >= least), len(TIERS))


def rank(incidents: Sequence[Incident], history: Mapping[Fingerprint, Novelty]) -> Selection:
    """Order incidents and choose the first that may be worked on.

    By: severity tier; new or regressed before known; instances; entries; last seen; fingerprint.
    `history` says what earlier records know of a fingerprint; what it does not name is new. What is in
    work or muted is listed last and never chosen.
    """
    valued = [(incident, _values(incident, history)) for incident in incidents]
    valued.sort(key=lambda pair: _key(*pair))
    ranked = tuple(
        RankedIncident(place=place, incident=incident, values=values)
        for place, (incident, values) in enumerate(valued, 1)
    )
    open_ones = [one for one in ranked if one.values.novelty not in _NOT_CHOSEN]
    if not open_ones:
        return Selection(winner=None, runners_up=ranked, reasons=_why_none(ranked))
    winner = open_ones[0]
    others = tuple(one for one in ranked if one is not winner)
    return Selection(winner=winner, runners_up=others, reasons=_why(winner, open_ones[1:], ranked))


def _values(incident: Incident, history: Mapping[Fingerprint, Novelty]) -> RankValues:
    known = (history[name] for name in (incident.fingerprint, *incident.aliases) if name in history)
    return RankValues(
        tier=tier_of(incident.severity),
        novelty=next(known, Novelty.NEW),
        instances=len(incident.instances),
        entries=incident.entries,
        last_seen=incident.last_seen,
    )


def _key(incident: Incident, values: RankValues) -> tuple[bool, int, bool, int, int, int, Fingerprint]:
    return (
        values.novelty in _NOT_CHOSEN,
        values.tier,
        values.novelty in _KNOWN,
        -values.instances,
        -values.entries,
        -parse_nanoseconds(values.last_seen),
        incident.fingerprint,
    )


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _named(one: RankedIncident) -> str:
    root = one.incident.root
    text = f"{root.type}: {root.message}" if root.message else root.type
    text = text.split("\n", 1)[0]
    return f"{text[:117]}..." if len(text) > 120 else text


def _why(winner: RankedIncident, rest: Sequence[RankedIncident], ranked: Sequence[RankedIncident]) -> tuple[str, ...]:
    incident = winner.incident
    reasons = [
        _size(incident),
        _decided(winner, rest[0]) if rest else "No other incident could have been chosen.",
    ]
    shut = [one for one in ranked if one.values.novelty in _NOT_CHOSEN]
    if shut:
        what = "; ".join(f"{_named(one)} ({one.values.novelty.value})" for one in shut[:3])
        reasons.append(f"{_counted(len(shut), 'incident')} in work or muted could not be chosen: {what}.")
    return tuple(reasons)


def _size(incident: Incident) -> str:
    entries = _counted(incident.entries, "entry", "entries")
    more = f", {incident.inferred_errors:,} more by their text" if incident.inferred_errors else ""
    return (f"It has {entries} ({incident.error_entries:,} at ERROR or above{more}) in "
            f"{_counted(len(incident.groups), 'group')} on {_counted(len(incident.instances), 'instance')}, "
            f"from {incident.first_seen} to {incident.last_seen}.")


def _decided(winner: RankedIncident, second: RankedIncident) -> str:
    """The first value in which the winner and the runner-up differ."""
    mine, theirs = winner.values, second.values
    against = f"against the runner-up ({_named(second)})"
    if mine.tier != theirs.tier:
        return (f"Severity decided {against}: {TIERS[mine.tier - 1]} come before {TIERS[theirs.tier - 1]} "
                f"({winner.incident.severity.value} against {second.incident.severity.value}).")
    same = [f"both are {TIERS[mine.tier - 1]}"]
    if (mine.novelty in _KNOWN) != (theirs.novelty in _KNOWN):
        return f"Novelty decided {against}: {mine.novelty.value} comes before {theirs.novelty.value}; {same[0]}."
    same.append(f"both are {mine.novelty.value}" if mine.novelty is theirs.novelty else "both are new or regressed")
    if mine.instances != theirs.instances:
        reach = _counted(mine.instances, "instance")
        return f"Reach decided {against}: {reach} against {theirs.instances:,}; {', '.join(same)}."
    same.append(f"both reach {_counted(mine.instances, 'instance')}")
    if mine.entries != theirs.entries:
        count = _counted(mine.entries, "entry", "entries")
        return f"Count decided {against}: {count} against {theirs.entries:,}; {', '.join(same)}."
    same.append(f"both have {_counted(mine.entries, 'entry', 'entries')}")
    if mine.last_seen != theirs.last_seen:
        return f"Recency decided {against}: last seen {mine.last_seen} against {theirs.last_seen}; {', '.join(same)}."
    return (f"Nothing but the order of fingerprints decided {against}: {winner.incident.fingerprint} against "
            f"{second.incident.fingerprint}; {', '.join(same)}, last seen at the same time.")


def _why_none(ranked: Sequence[RankedIncident]) -> tuple[str, ...]:
    if not ranked:
        return ("No entry of the focus is at its severity, so there is no incident.",)
    counts = [
        f"{sum(one.values.novelty is novelty for one in ranked)} {novelty.value}"
        for novelty in (Novelty.IN_WORK, Novelty.MUTED)
    ]
    return (f"All {_counted(len(ranked), 'incident')} found may not be chosen: {', '.join(counts)}.",)
