"""A log in memory: the smallest LogReading, for tests of what reads logs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from bot.domain.logs import Focus, LogEntry, LogPage, LogQuery
from bot.logs.analysis import DEFAULT_OPTIONS, Analysis, AnalysisOptions, analyse


class LogLines:
    """Pages of lines. Everything is read; `more` is what the query left out."""

    name = "lines"

    def __init__(self, lines: Iterable[bytes], page_size: int = 7, more: Sequence[bytes] = ()) -> None:
        every = list(lines)
        self._pages = [every[start : start + page_size] for start in range(0, len(every), page_size)]
        self._more = more
        self.closed = False

    def __iter__(self) -> Iterator[LogPage]:
        for number, lines in enumerate(self._pages):
            yield LogPage(number, lines)

    def page(self, number: int) -> list[bytes]:
        return self._pages[number]

    def where(self, number: int, index: int) -> str:
        return f"page {number}, line {index}"

    def left_out(self, instances: tuple[str, ...], since: datetime, until: datetime, most: int) -> Iterable[bytes]:
        return self._more[:most]

    def unread(self) -> tuple[str, ...]:
        return ()

    def close(self) -> None:
        self.closed = True


def analysed(entries: Iterable[LogEntry], focus: Focus, options: AnalysisOptions = DEFAULT_OPTIONS) -> Analysis:
    """The analysis of entries that were read from JSON."""
    return analyse(LogLines(entry.raw for entry in entries), LogQuery(focus=focus), options)
