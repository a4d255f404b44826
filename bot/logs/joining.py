"""Puts together what one failure printed as several entries: chained and line-split tracebacks.

It works on pieces, which are the entries that could be part of such a failure, sorted by instance, log and time.
A piece that holds a whole traceback does not carry its text: how it starts and ends is all that decides here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from bot.logs.tracebacks import CONNECTORS, HEADER, is_exception_line

_MOST_GAP_NS = 250_000_000
"""Between two entries of one chain. Cloud Run stamps them microseconds apart; a throttled instance takes longer."""
_MOST_VALUE_GAP_NS = 1_000_000
"""Between an exception's line and further lines of its value, which nothing but closeness tells apart."""
_MOST_VALUE_LINES = 40
_MOST_PARTS = 4_000
_INDENTED = (" ", "\t")
_NESTED = re.compile(r"^\s*(?:\||\+[-+ ])")
_RECORD = re.compile(r"^[\[({\"]|^\d{2,4}[-/:]\d|^(?:TRACE|DEBUG|INFO|NOTICE|WARN|ERROR|CRITICAL|FATAL)")


class Piece(msgspec.Struct, array_like=True, gc=False):
    """An entry that could be part of a chain.

    `stream` numbers what wrote it, mostly an instance, and `log` its log. `starts` says that it holds a traceback's
    first line, `ends` what its last one is (see `ending`). `text` is empty where `shape` names a whole traceback;
    `group` is what the entry is alone. `origin`, `trace` and `ref` are the scan's numbers for where it came from.
    `level` is the rank of its severity.
    """

    stream: int
    log: int
    time_ns: int
    insert_id: str
    text: str
    starts: bool
    ends: str
    shape: int
    group: int
    level: int
    inferred: bool
    trace: int
    origin: int
    ref: int
    sought: bool
    excluded: bool


def may_join(text: str, plain: bool) -> bool:
    """Whether a text could go on with a traceback; `plain` says that nothing gives it a severity."""
    if text.startswith(_INDENTED) or not text.strip() or _NESTED.match(text) is not None:
        return True
    if _RECORD.match(text) is not None:
        return False
    words = text.strip()
    return plain or words in CONNECTORS or is_exception_line(words.partition("\n")[0])


def ending(text: str) -> str:
    """What a text that holds a traceback ends with: its `frames`, or an exception's line and `value`."""
    last = text.rstrip().rpartition("\n")[2]
    inside = last.endswith(HEADER) or last.startswith(_INDENTED)
    return "frames" if inside and not _NESTED.match(last) and _open(text) else "value"


def carried(text: str, ends: str) -> str:
    """What a piece must carry of a text that holds a traceback: nothing where the traceback is whole."""
    return text if ends == "frames" or text.rstrip().endswith(HEADER) else ""


def _open(text: str) -> bool:
    """Whether the last traceback of a text still lacks its exception's line."""
    after = text.rpartition(HEADER)[2]
    return not any(line and not line.startswith(_INDENTED) for line in after.split("\n"))


class _Chain:
    """A traceback that may go on. `state` says what was printed last."""

    __slots__ = ("last_ns", "parts", "split", "state", "value_lines")

    def __init__(self, piece: Piece) -> None:
        self.parts = [piece]
        self.split = piece.text.rstrip().endswith(HEADER)
        self.state = piece.ends
        self.last_ns = piece.time_ns
        self.value_lines = 0

    def takes(self, piece: Piece) -> bool:
        """Add the piece if it goes on where the chain stopped."""
        state = self._after(piece)
        if not state:
            return False
        self.parts.append(piece)
        self.state = state
        self.last_ns = piece.time_ns
        return True

    def _after(self, piece: Piece) -> str:
        gap = piece.time_ns - self.last_ns
        if gap > _MOST_GAP_NS or len(self.parts) >= _MOST_PARTS:
            return ""
        if piece.starts:
            return piece.ends if self.state == "connected" else ""
        text = piece.text
        words = text.strip()
        if not words:
            return self.state
        if self.state == "frames":
            if text.startswith(_INDENTED) or _NESTED.match(text):
                return "frames" if "\n" not in words else ending(text)
            return "value" if is_exception_line(words.partition("\n")[0]) else ""
        if self.state == "value":
            if words in CONNECTORS:
                return "connected"
            return "value" if self._is_more_value(piece, gap) else ""
        return ""

    def _is_more_value(self, piece: Piece, gap: int) -> bool:
        close = self.split and gap <= _MOST_VALUE_GAP_NS and piece.level == 0
        if not close or self.value_lines >= _MOST_VALUE_LINES or _RECORD.match(piece.text):
            return False
        self.value_lines += 1
        return True


def chains(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """The pieces as occurrences: each alone, or with those that go on where it stopped.

    They must come sorted by stream, log, time and insertId. Only pieces of one instance and log are joined, and
    only where a traceback stops without its end or where Python's own connecting line stands between two.
    """
    chain: _Chain | None = None
    for piece in pieces:
        if chain is not None:
            first = chain.parts[0]
            if piece.stream == first.stream and piece.log == first.log:
                if chain.takes(piece):
                    continue
            else:
                yield chain.parts
                chain = None
        if piece.starts:
            if chain is not None:
                yield chain.parts
            chain = _Chain(piece)
        else:
            yield [piece]
    if chain is not None:
        yield chain.parts
