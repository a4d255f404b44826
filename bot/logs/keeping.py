"""Which entries of an incident are kept: had again from the log by page."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.logs import LogEntry
from bot.logs.grouping import Group
from bot.logs.refs import entries_at
from bot.ports import LogReading

MOST_KEPT = 2_000
"""Entries of an incident that are kept: of each group in turn the earliest. Counts are of all entries, kept or not."""


def order(entry: LogEntry) -> tuple[int, str, str]:
    """Sorts entries by time; those of one moment by insertId and project."""
    return (entry.time_ns, entry.insert_id, entry.project)


def kept_entries(reading: LogReading, groups: Sequence[Group], most: int = MOST_KEPT) -> tuple[LogEntry, ...]:
    """The entries of an incident's groups in time order, at most about `most`: of each group the earliest.

    An occurrence is kept with all its entries or not at all.
    """
    refs: set[int] = set()
    rows = [group.severe.earliest() for group in groups if group.severe is not None]
    for place, occurrences in enumerate(sorted(rows, key=len)):
        share = (most - len(refs)) // (len(rows) - place)
        taken = 0
        for parts in occurrences:
            if taken and taken + len(parts) > share:
                break
            refs.update(parts)
            taken += len(parts)
    return tuple(sorted(entries_at(reading, refs).values(), key=order))
