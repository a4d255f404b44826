"""Which other incidents of a log may have to do with one: by rule, from what is known of both."""

from __future__ import annotations

import re

from bot.domain.base import Frozen
from bot.domain.logs import GroupKind, Incident, RankedIncident, Selection
from bot.domain.moments import parse_nanoseconds

MOST_RELATED = 5
"""Incidents that are named."""
SOON_NS = 60_000_000_000
"""How soon after one has ended another begins that follows it."""
_LINE = re.compile(r":\d+ in ")
_LEAST_PART = 0.5
"""Of the parts of the time in which the rarer one occurred, those in which the other did, too."""


class Related(Frozen):
    """An incident that may have to do with another, and by what that shows, as a part of a sentence."""

    incident: Incident
    by: str


def related_of(selection: Selection) -> tuple[Related, ...]:
    """Return what may have to do with the winner, the closest first, at most `MOST_RELATED`.

    Closest are those of the same place in the code, then those of the same exception in the same service, then
    those no less severe that come with it: on an instance that both have, one within a minute of the other, and at
    the same times, where neither occurs most of the time anyway. Of each kind the better placed is first.
    """
    winner = selection.winner
    if winner is None:
        return ()
    found: list[tuple[int, int, Related]] = []
    for one in sorted(selection.runners_up, key=lambda other: other.place):
        kind = _kind(winner, one)
        if kind is not None:
            found.append((kind[0], one.place, Related(incident=one.incident, by=kind[1])))
    return tuple(related for _, _, related in sorted(found, key=lambda item: item[:2]))[:MOST_RELATED]


def _kind(winner: RankedIncident, other: RankedIncident) -> tuple[int, str] | None:
    ours, theirs = winner.incident, other.incident
    served = not {*ours.services}.isdisjoint(theirs.services)
    place = _place(ours)
    if served and place and place == _place(theirs):
        return 0, "raised at the same place"
    exception = _exception(ours)
    if served and exception and exception == _exception(theirs):
        return 1, f"the same exception, `{exception}`"
    if other.values.tier <= winner.values.tier and _together(ours, theirs):
        first = parse_nanoseconds(ours.first_seen) - parse_nanoseconds(theirs.first_seen)
        order = "begins before it" if first > 0 else "begins after it" if first < 0 else "begins with it"
        return 2, f"on the same instances at the same times; {order}"
    return None


def _place(incident: Incident) -> str:
    """Path and function without the line, which moves with every commit."""
    location = incident.root.location.partition(" (where ")[0]
    path, found, function = _LINE.sub("\n", location, count=1).partition("\n")
    return f"{path} {function}" if found else ""


def _exception(incident: Incident) -> str:
    raised = any(group.kind is GroupKind.TRACEBACK for group in incident.groups)
    return incident.root.type if raised else ""


def _together(ours: Incident, theirs: Incident) -> bool:
    if {*ours.instances}.isdisjoint(theirs.instances):
        return False
    (_, ended), (began, _) = sorted(_span(incident) for incident in (ours, theirs))
    if began - ended > SOON_NS:
        return False
    parts = [{place for place, count in enumerate(incident.timeline) if count} for incident in (ours, theirs)]
    if len(ours.timeline) != len(theirs.timeline) or any(2 * len(one) > len(ours.timeline) for one in parts):
        return False
    rarer = min(map(len, parts))
    return rarer > 0 and len(parts[0] & parts[1]) >= _LEAST_PART * rarer


def _span(incident: Incident) -> tuple[int, int]:
    return parse_nanoseconds(incident.first_seen), parse_nanoseconds(incident.last_seen)
