"""Cuts a text into pages of whole lines, by place and length, so that each can be had again."""

from __future__ import annotations

from collections.abc import Iterator
from zlib import adler32

import msgspec

from bot.adapters.byte_streams import ByteStream

MOST_LINE = 16 << 20
"""Bytes of the longest line that is given. Cloud Logging's own limit for an entry is 256 KB."""
_EDGE = 1_024
SAMPLE = 200
"""Bytes of a longer line that are given, so that it is counted as damaged and shown."""


class Cut(msgspec.Struct, frozen=True, gc=False):
    """Lines and where they stand: `length` bytes at `at`; `sum` is the `edges` of them."""

    at: int
    length: int
    sum: int
    lines: list[bytes]
    too_long: bool = False


def first_entries(lines: list[bytes], most: int) -> list[bytes]:
    """The lines up to the last of so many that are not blank."""
    kept: list[bytes] = []
    for line in lines:
        if line not in {b"", b"\r"}:
            if not most:
                break
            most -= 1
        kept.append(line)
    return kept


def edges(text: bytes) -> int:
    """An Adler-32 of how a page begins and ends: it moves when a log is rotated or cut, and costs nothing.

    The sum of all of it takes as long as reading it.
    """
    return adler32(text[-_EDGE:], adler32(text[:_EDGE]))


def _edges(rest: bytes, chunk: bytes, cut: int) -> int:
    """The edges of what a page is made of, mostly without putting it together."""
    if cut < _EDGE:
        return edges(rest + chunk[:cut])
    return adler32(chunk[cut - _EDGE : cut], adler32((rest[:_EDGE] + chunk[:_EDGE])[:_EDGE]))


def line_pages(stream: ByteStream, head: bytes, at: int, size: int, most: int = MOST_LINE) -> Iterator[Cut]:
    """Yield the lines of a stream; `head` was read already and begins at `at`, later pieces have `size` bytes.

    Lines are cut at LF alone: the CR before it is white space in JSON, and taking it off would cost every line a look.
    A last line without an end is one, unless the stream is broken: then it is not known to be whole. `most`:
    bytes of the longest line, not less than `size` and `head`.
    """
    rest = b""
    chunk = head or stream.read(size)
    while chunk:
        first = chunk.find(b"\n")
        if len(rest) + (first if first >= 0 else len(chunk)) > most:
            sample = (rest + chunk[:SAMPLE])[: min(SAMPLE, most)]
            yield Cut(at, len(sample), edges(sample), [sample], too_long=True)
            at += len(rest)
            while chunk and (first := chunk.find(b"\n")) < 0:
                at += len(chunk)
                chunk = stream.read(size)
            rest, chunk, at = b"", chunk[first + 1 :], at + first + 1
        elif first < 0:
            rest += chunk
            chunk = b""
        else:
            cut = chunk.rfind(b"\n")
            total = _edges(rest, chunk, cut)
            lines = chunk.split(b"\n")
            lines[0] = rest + lines[0]
            length = len(rest) + cut
            rest = lines.pop()
            yield Cut(at, length, total, lines)
            at += length + 1
            chunk = b""
        chunk = chunk or stream.read(size)
    if rest and not stream.broken:
        yield Cut(at, len(rest), edges(rest), [rest])
