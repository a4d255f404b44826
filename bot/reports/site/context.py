"""A cited log entry among those around it: what its instance and its trace logged before and after."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.domain.logs import LogEntry

MOST_BESIDE = 6
"""Entries before and after the cited one, of its instance and, again, of its trace."""


@dataclass(frozen=True)
class Neighbour:
    """An entry around the cited one, and by what it belongs to it: `instance`, `trace`, `instance and trace`."""

    entry: LogEntry
    by: str


class Surroundings:
    """The entries of a snapshot in their order, found by instance and trace. Made once a snapshot."""

    def __init__(self, entries: Sequence[LogEntry]) -> None:
        self._entries = sorted(entries, key=lambda entry: entry.time_ns)
        self._instances: dict[str, list[int]] = {}
        self._traces: dict[str, list[int]] = {}
        self._named: dict[str, list[int]] = {}
        for place, entry in enumerate(self._entries):
            self._named.setdefault(entry.insert_id, []).append(place)
            if entry.instance:
                self._instances.setdefault(entry.instance, []).append(place)
            if entry.trace:
                self._traces.setdefault(entry.trace, []).append(place)

    def named(self, insert_id: str) -> tuple[LogEntry, ...]:
        """The entries with an insertId."""
        return tuple(self._entries[place] for place in self._named.get(insert_id, ()))

    def around(self, entry: LogEntry, most: int = MOST_BESIDE) -> tuple[Neighbour, ...]:
        """The entry and its neighbours in time order; the entry itself is in it with an empty `by`."""
        here = next(place for place in self._named[entry.insert_id] if self._entries[place] is entry)
        on_instance = set(_near(self._instances.get(entry.instance, ()), here, most))
        in_trace = set(_near(self._traces.get(entry.trace, ()), here, most))
        return tuple(
            Neighbour(self._entries[place], _by(place == here, self._entries[place], entry))
            for place in sorted({here, *on_instance, *in_trace})
        )


def _near(places: Sequence[int], here: int, most: int) -> Iterable[int]:
    at = bisect_left(places, here)
    return places[max(0, at - most):at + most + 1]


def _by(cited: bool, one: LogEntry, entry: LogEntry) -> str:
    if cited:
        return ""
    shared = [name for name, holds in (
        ("instance", bool(entry.instance) and one.instance == entry.instance),
        ("trace", bool(entry.trace) and one.trace == entry.trace),
    ) if holds]
    return " and ".join(shared)
