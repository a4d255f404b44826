"""What comes again in cycles of all runs, as `run_lessons.py` has it for one; incidents by all their names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.record import CycleRecord, CycleRef
from bot.logs.ranking import named
from bot.reports.run_lessons import Kind, seen_in

MOST_OF_A_KIND = 12


@dataclass(frozen=True)
class Traits:
    """What of a cycle may come again. `names` are all fingerprints of its incident, which is no part of `seen`."""

    ref: CycleRef
    names: frozenset[str]
    incident: str
    seen: frozenset[tuple[Kind, str]]


@dataclass(frozen=True)
class Recurring:
    """Something that came again: what kind, what, and in which cycles."""

    kind: str
    what: str
    refs: tuple[CycleRef, ...]


def traits_of(record: CycleRecord) -> Traits:
    """What of a cycle may come again."""
    incident = record.incident
    return Traits(
        record.ref,
        frozenset({incident.fingerprint, *incident.aliases} if incident is not None else ()),
        f"{incident.fingerprint}: {named(incident)}" if incident is not None else "",
        frozenset(one for one in seen_in(record) if one[0] is not Kind.INCIDENT),
    )


def recurring(traits: Iterable[Traits]) -> tuple[Recurring, ...]:
    """What came in two cycles or more: by kind, what came in the most cycles first, at most so many of a kind."""
    every = tuple(traits)
    places: dict[tuple[Kind, str], list[CycleRef]] = {}
    for one in every:
        for key in one.seen:
            places.setdefault(key, []).append(one.ref)
    found: dict[Kind, list[Recurring]] = {Kind.INCIDENT: _incidents(every)}
    for (kind, name), refs in places.items():
        if len(refs) > 1:
            found.setdefault(kind, []).append(Recurring(kind.value, name, tuple(refs)))
    return tuple(
        one for kind in Kind
        for one in sorted(found.get(kind, ()), key=lambda one: (-len(one.refs), one.what))[:MOST_OF_A_KIND]
    )


def _incidents(every: tuple[Traits, ...]) -> list[Recurring]:
    """Cycles whose incidents share a name, by chains of such names, too; named as the last of them has it."""
    groups: list[tuple[set[str], list[Traits]]] = []
    for one in every:
        if not one.names:
            continue
        joined: tuple[set[str], list[Traits]] = (set(one.names), [one])
        for group in [group for group in groups if group[0] & joined[0]]:
            groups.remove(group)
            joined = (group[0] | joined[0], [*group[1], *joined[1]])
        groups.append(joined)
    return [Recurring(Kind.INCIDENT.value, found[-1].incident, tuple(one.ref for one in found))
            for _, found in groups if len(found) > 1]
