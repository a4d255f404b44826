"""Which entries of an incident are kept, and what else went on there: had again from the log by page."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain

from bot.domain.logs import LogEntry
from bot.logs.entries import entry_from_json
from bot.logs.grouping import Group
from bot.logs.masking import mask
from bot.logs.refs import entries_at
from bot.ports import LogReading

MOST_KEPT = 2_000
"""Entries of an incident that are kept: of each group in turn the earliest. Counts are of all entries, kept or not."""
_CONTEXT_NS = 60_000_000_000
_CONTEXT_INSTANCES = 3
_CONTEXT_SPARE = 5
"""Times as many entries are held as are wanted, since many read the same."""
_Kept = tuple[int, str, LogEntry]


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


def context(reading: LogReading, pages: Sequence[tuple[int, int]], members: Sequence[LogEntry],
            most: int) -> tuple[LogEntry, ...]:
    """What else happened on the first instances in the minute before each first failed, in time order.

    Of any severity, at most `most` entries, of messages that read the same only the last one. What the
    application says comes before requests that went well. `pages` holds the times that each page spans.
    """
    first: dict[tuple[str, str, str], int] = {}
    for entry in members:
        if entry.instance:
            first.setdefault((entry.project, entry.service, entry.instance), entry.time_ns)
    chosen = dict(list(first.items())[:_CONTEXT_INSTANCES])
    if not chosen or most <= 0:
        return ()
    own = {(entry.project, entry.time_ns, entry.insert_id) for entry in members}
    before = {place: _Newest(most) for place in chosen}
    needles = [place[2].encode() for place in chosen]
    since, until = min(chosen.values()) - _CONTEXT_NS, max(chosen.values())
    names = tuple(place[2] for place in chosen)
    more = reading.left_out(names, _moment(since), _moment(until + 1_000), most * _CONTEXT_INSTANCES)
    for line in chain(_nearby(reading, pages, since, until), more):
        if not any(needle in line for needle in needles):
            continue
        try:
            entry = entry_from_json(line)
        except ValueError:
            continue
        place = (entry.project, entry.service, entry.instance)
        failed = chosen.get(place)
        if failed is None or (entry.project, entry.time_ns, entry.insert_id) in own:
            continue
        if 0 <= failed - entry.time_ns <= _CONTEXT_NS:
            before[place].add(entry)
    picked: list[LogEntry] = []
    for index, found in enumerate(before.values()):
        room = -(-(most - len(picked)) // (len(before) - index))
        picked += _last_distinct(found.entries(), room)
    return tuple(sorted(picked, key=order))


class _Newest:
    """The newest entries of an instance before it failed: of those that tell something, and of those that went well."""

    def __init__(self, most: int) -> None:
        self._most = most * _CONTEXT_SPARE
        self._heaps: tuple[list[_Kept], list[_Kept]] = ([], [])
        self._known: set[tuple[int, str]] = set()

    def add(self, entry: LogEntry) -> None:
        """Take an entry, once, and let go of the oldest if there are too many."""
        key = (entry.time_ns, entry.insert_id)
        if key in self._known:
            return
        heap = self._heaps[entry.request is not None and entry.request.status < 400]
        if len(heap) < self._most:
            self._known.add(key)
            heapq.heappush(heap, (*key, entry))
        elif key > heap[0][:2]:
            self._known.add(key)
            self._known.discard(heapq.heapreplace(heap, (*key, entry))[:2])

    def entries(self) -> list[LogEntry]:
        """All that were kept, in time order."""
        return sorted((entry for heap in self._heaps for _, _, entry in heap), key=order)


def _nearby(reading: LogReading, pages: Sequence[tuple[int, int]], since: int, until: int) -> Iterable[bytes]:
    for number, (low, high) in enumerate(pages):
        if low <= until and high >= since:
            yield from reading.page(number)


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(max(0, nanoseconds) / 1e9, UTC)


def _last_distinct(entries: Sequence[LogEntry], most: int) -> list[LogEntry]:
    kept: dict[str, LogEntry] = {}
    plain = [entry for entry in entries if entry.request is not None and entry.request.status < 400]
    telling = [entry for entry in entries if entry.request is None or entry.request.status >= 400]
    for entry in (*reversed(telling), *reversed(plain)):
        if len(kept) >= most:
            break
        kept.setdefault(mask(entry.text), entry)
    return list(kept.values())
