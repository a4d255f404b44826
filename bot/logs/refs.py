"""Finds entries again: a ref is the number of a page and, in its lower bits, the index of an entry in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from bot.domain.errors import RetrievalFailed
from bot.domain.logs import LogEntry
from bot.logs.entries import entry_from_json
from bot.ports import LogReading

PAGE_BITS = 24
"""Bits of an index. No page has as many entries: sources cut them at a thousand or a megabyte."""
INDEX = (1 << PAGE_BITS) - 1


def entries_at(reading: LogReading, refs: Iterable[int]) -> dict[int, LogEntry]:
    """The entries at some refs, each page had once. Raises RetrievalFailed when they are not there any more."""
    found: dict[int, LogEntry] = {}
    try:
        for ref, line in _lines_at(reading, refs).items():
            found[ref] = entry_from_json(line)
    except (IndexError, ValueError):
        raise RetrievalFailed(
            f"{reading.name} changed while it was read.", "Read it when it is complete, or read a copy of it."
        ) from None
    return found


def _lines_at(reading: LogReading, refs: Iterable[int]) -> dict[int, bytes]:
    by_page: dict[int, list[int]] = defaultdict(list)
    for ref in set(refs):
        by_page[ref >> PAGE_BITS].append(ref)
    found: dict[int, bytes] = {}
    for number in sorted(by_page):
        lines = reading.page(number)
        for ref in by_page[number]:
            found[ref] = lines[ref & INDEX]
    return found
