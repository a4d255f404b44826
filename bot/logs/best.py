"""The best of many entries, each once and of those that read the same only one, in bounded memory."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet

from bot.domain.logs import LogEntry

Key = tuple[int, str, str]
_Rank = tuple[int, int, str, str]


def key_of(entry: LogEntry) -> Key:
    """What tells entries apart, and sorts them by time."""
    return (entry.time_ns, entry.insert_id, entry.project)


class Best:
    """The entries of highest rank out of any number, each once, in bounded memory."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[_Rank, LogEntry]] = []
        self._known: set[_Rank] = set()

    def add(self, rank: int, entry: LogEntry) -> None:
        """Take an entry; of equal rank the later is better."""
        key = (rank, *key_of(entry))
        if key in self._known or self._most <= 0:
            return
        if len(self._heap) < self._most:
            self._known.add(key)
            heapq.heappush(self._heap, (key, entry))
        elif key > self._heap[0][0]:
            self._known.add(key)
            self._known.discard(heapq.heapreplace(self._heap, (key, entry))[0])

    def entries(self) -> list[LogEntry]:
        """All that are held, the best first."""
        return [entry for _, entry in sorted(self._heap, key=lambda item: item[0], reverse=True)]


def distinct(entries: Iterable[LogEntry], most: int, without: AbstractSet[Key],
             kind: Callable[[LogEntry], str]) -> list[LogEntry]:
    """The first entries of each kind."""
    kept: dict[str, LogEntry] = {}
    for entry in entries:
        if len(kept) >= most:
            break
        if key_of(entry) not in without:
            kept.setdefault(kind(entry), entry)
    return list(kept.values())


def shared(found: Sequence[Sequence[LogEntry]], most: int, without: AbstractSet[Key],
           kind: Callable[[LogEntry], str]) -> list[LogEntry]:
    """What each of several lists has, of a fair share of the room; what one leaves goes to those after it."""
    picked: list[LogEntry] = []
    for index, entries in enumerate(found):
        room = -(-(most - len(picked)) // (len(found) - index))
        picked += distinct(entries, room, without, kind)
    return picked
