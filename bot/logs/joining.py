"""Puts together what one failure printed as several entries: chained and line-split tracebacks."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from bot.domain.logs import LogEntry, Severity
from bot.logs.severity import RANK
from bot.logs.tracebacks import CONNECTORS, HEADER, is_exception_line

_MOST_GAP_NS = 250_000_000
"""Between two entries of one chain. Cloud Run stamps them microseconds apart; a throttled instance takes longer."""
_MOST_VALUE_GAP_NS = 1_000_000
"""Between an exception's line and further lines of its value, which nothing but closeness tells apart."""
_MOST_VALUE_LINES = 40
_MOST_PARTS = 4_000
_MOST_OPEN = 512
_INDENTED = (" ", "\t")
_NESTED = re.compile(r"^\s*(?:\||\+[-+ ])")
_RECORD = re.compile(r"^[\[({\"]|^\d{2,4}[-/:]\d|^(?:TRACE|DEBUG|INFO|NOTICE|WARN|ERROR|CRITICAL|FATAL)")


class Occurrence(msgspec.Struct, frozen=True, gc=False):
    """One failure or message: the entries it came as, and one entry that has all their text."""

    entry: LogEntry
    parts: tuple[LogEntry, ...]


class _Chain:
    """A traceback that may go on. `state` says what was printed last."""

    __slots__ = ("last_ns", "parts", "split", "state", "value_lines")

    def __init__(self, entry: LogEntry) -> None:
        self.parts = [entry]
        self.split = entry.text.rstrip().endswith(HEADER)
        self.state = _ends_with(entry.text)
        self.last_ns = entry.time_ns
        self.value_lines = 0

    def takes(self, entry: LogEntry) -> bool:
        """Add the entry if it goes on where the chain stopped."""
        state = self._after(entry)
        if not state:
            return False
        self.parts.append(entry)
        self.state = state
        self.last_ns = entry.time_ns
        return True

    def _after(self, entry: LogEntry) -> str:
        gap = entry.time_ns - self.last_ns
        if gap > _MOST_GAP_NS or len(self.parts) >= _MOST_PARTS:
            return ""
        text = entry.text
        words = text.strip()
        if not words:
            return self.state
        if HEADER in text:
            return _ends_with(text) if self.state == "connected" else ""
        if self.state == "frames":
            if text.startswith(_INDENTED) or _NESTED.match(text):
                return "frames" if "\n" not in words else _ends_with(text)
            return "value" if is_exception_line(words.partition("\n")[0]) else ""
        if self.state == "value":
            if words in CONNECTORS:
                return "connected"
            return "value" if self._is_more_value(entry, gap) else ""
        return ""

    def _is_more_value(self, entry: LogEntry, gap: int) -> bool:
        close = self.split and gap <= _MOST_VALUE_GAP_NS and entry.severity is Severity.DEFAULT
        if not close or self.value_lines >= _MOST_VALUE_LINES or _RECORD.match(entry.text):
            return False
        self.value_lines += 1
        return True

    def occurrence(self) -> Occurrence:
        """The chain as one entry: the first one's identity, all the text, the highest severity."""
        first = self.parts[0]
        if len(self.parts) == 1:
            return Occurrence(first, (first,))
        severity = max((part.severity for part in self.parts), key=RANK.__getitem__)
        trace = next((part.trace for part in self.parts if part.trace), "")
        text = "\n".join(part.text for part in self.parts)
        joined = msgspec.structs.replace(first, text=text, severity=severity, trace=trace, raw=b"")
        return Occurrence(joined, tuple(self.parts))


def _ends_with(text: str) -> str:
    """What a text that holds a traceback ends with: its frames, or an exception's line and value."""
    last = text.rstrip().rpartition("\n")[2]
    inside = last.endswith(HEADER) or last.startswith(_INDENTED)
    return "frames" if inside and not _NESTED.match(last) and _open(text) else "value"


def _open(text: str) -> bool:
    """Whether the last traceback of a text still lacks its exception's line."""
    after = text.rpartition(HEADER)[2]
    return not any(line and not line.startswith(_INDENTED) for line in after.split("\n"))


def join(entries: Iterable[LogEntry]) -> list[Occurrence]:
    """Join entries, which must be sorted by time and insertId, into occurrences sorted the same way.

    Only entries of one instance and log are joined, and only where a traceback stops without its end or
    where Python's own connecting line stands between two of them.
    """
    occurrences: list[Occurrence] = []
    chains: dict[tuple[str, str, str, str], _Chain] = {}
    for entry in entries:
        starts = HEADER in entry.text
        if not starts and not chains:
            occurrences.append(Occurrence(entry, (entry,)))
            continue
        key = (entry.project, entry.service, entry.instance, entry.log_name)
        chain = chains.get(key)
        if chain is not None and chain.takes(entry):
            continue
        if starts and entry.request is None:
            if chain is not None:
                occurrences.append(chain.occurrence())
            chains[key] = _Chain(entry)
            if len(chains) > _MOST_OPEN:
                occurrences += _closed(chains, entry.time_ns)
        else:
            occurrences.append(Occurrence(entry, (entry,)))
    occurrences += [chain.occurrence() for chain in chains.values()]
    occurrences.sort(key=lambda occurrence: (occurrence.entry.time_ns, occurrence.entry.insert_id))
    return occurrences


def _closed(chains: dict[tuple[str, str, str, str], _Chain], now_ns: int) -> list[Occurrence]:
    """Take out the chains that nothing can be added to any more."""
    over = [key for key, chain in chains.items() if now_ns - chain.last_ns > _MOST_GAP_NS]
    return [chains.pop(key).occurrence() for key in over]
