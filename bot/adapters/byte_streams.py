"""The bytes of a log file from front to back and again from any place, without their compression."""

from __future__ import annotations

import io
import zlib
from typing import Any, BinaryIO, Protocol

import msgspec

GZIP = b"\x1f\x8b"
_BLOCK = 32 << 10
_STEP = 256 << 10
_SPACING = 16 << 20
_MOST_MARKS = 64


class ByteStream(Protocol):
    """A text of bytes. `broken` says how it ended before its end, in words that follow a name; empty otherwise."""

    broken: str

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end, and where it is broken."""
        ...

    def seek(self, at: int) -> None:
        """Go on at a place, in bytes from the start."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def exactly(stream: ByteStream, size: int) -> bytes:
    """So many bytes, fewer only at the end."""
    first = stream.read(size)
    if len(first) == size or not first:
        return first
    parts = [first]
    missing = size - len(first)
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


class PlainBytes:
    """A file, or a stream that can be read once. Of a file that grows, no more than `size` bytes are read."""

    def __init__(self, raw: BinaryIO | io.FileIO, size: int | None = None, *, keep_open: bool = False) -> None:
        self._raw = raw
        # A buffered stream that fails in the middle of read() drops what it had; read1() gives it first.
        self._take = getattr(raw, "read1", raw.read)
        self._size = size
        self._keep_open = keep_open
        self._at = 0
        self._ahead = b""
        self.broken = ""

    def peek(self, size: int) -> bytes:
        """The next bytes, at most so many, without passing over them."""
        while len(self._ahead) < size and (more := self._read(size - len(self._ahead))):
            self._ahead += more
        return self._ahead[:size]

    def read(self, size: int) -> bytes:
        """At most so many bytes."""
        if self._ahead:
            ahead, self._ahead = self._ahead[:size], self._ahead[size:]
            return ahead
        return self._read(size)

    def seek(self, at: int) -> None:
        """Go on at a place. Raises OSError where the stream cannot."""
        self._raw.seek(at)
        self._at, self._ahead, self.broken = at, b"", ""

    def close(self) -> None:
        """Let go of the file."""
        if not self._keep_open:
            self._raw.close()

    def _read(self, size: int) -> bytes:
        if self.broken:
            return b""
        left = size if self._size is None else min(size, self._size - self._at)
        try:
            # A stream that does not block gives None when it has nothing yet.
            data: bytes | None = self._take(left or 1)
        except OSError as error:
            self.broken = f"could not be read to its end ({error.strerror or error})"
            return b""
        if data is None:
            self.broken = "could not be read to its end (it does not wait for what is to come)"
            return b""
        if not left:
            self.broken = "grew while it was read" if data else ""
            return b""
        self._at += len(data)
        if not data and self._size is not None:
            self.broken = "became shorter while it was read"
        return data


class _Mark(msgspec.Struct, frozen=True):
    """The state of the decompression `at` a place of the text; `held` was read up to `taken` and not yet used."""

    at: int
    taken: int
    held: bytes
    inflate: Any


class GzipBytes:
    """The text of a gzip file of any number of members.

    Copies of the decompressor are kept on the way, at most 64 of some 80 KB, so that going back does not start
    at the beginning.
    """

    def __init__(self, packed: PlainBytes) -> None:
        self._packed = packed
        self._at = 0
        self._taken = 0
        self._held = b""
        self._inflate: Any = None
        self._spacing = _SPACING
        self._marks = [_Mark(0, 0, b"", None)]
        self.broken = ""

    def read(self, size: int) -> bytes:
        """At most so many bytes of the text."""
        text = b""
        while not text and self._has_input():
            text = self._some(size)
        self._at += len(text)
        if self._at - self._marks[-1].at >= self._spacing and not self.broken:
            inflate = None if self._inflate is None else self._inflate.copy()
            self._marks.append(_Mark(self._at, self._taken, self._held, inflate))
            if len(self._marks) > _MOST_MARKS:
                del self._marks[1::2]
                self._spacing *= 2
        return text

    def seek(self, at: int) -> None:
        """Go on at a place of the text; cheapest forward. Raises OSError where the stream cannot."""
        mark = next(mark for mark in reversed(self._marks) if mark.at <= at)
        if at < self._at or mark.at > self._at:
            self._packed.seek(mark.taken)
            self._at, self._taken, self._held = mark.at, mark.taken, mark.held
            self._inflate = None if mark.inflate is None else mark.inflate.copy()
            self.broken = ""
        while self._at < at and self.read(min(_STEP, at - self._at)):
            pass

    def close(self) -> None:
        """Let go of the file."""
        self._packed.close()

    def _has_input(self) -> bool:
        """Have bytes to decompress; between members, the start of the next one."""
        if self.broken:
            return False
        least = 1 if self._inflate is not None else len(GZIP)
        while len(self._held) < least:
            more = self._packed.read(_BLOCK)
            if not more:
                break
            self._taken += len(more)
            self._held += more
            if self._inflate is None:
                # Tapes and some tools pad a member with zeros.
                self._held = self._held.lstrip(b"\x00")
        if self._packed.broken:
            self.broken = self._packed.broken
        elif self._inflate is not None:
            self.broken = "" if self._held else "ends too early"
        elif self._held and not self._held.startswith(GZIP):
            self.broken = "ends too early" if self._held == GZIP[:1] else "goes on with what is not gzip"
        return bool(self._held) and not self.broken

    def _some(self, size: int) -> bytes:
        if self._inflate is None:
            self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
        before = self._inflate.copy()
        try:
            text: bytes = self._inflate.decompress(self._held, size)
        except zlib.error as error:
            # zlib gives nothing of a call that fails: ask again byte by byte, for all that comes before the damage.
            self.broken = f"is a damaged gzip file ({_reason(error)})"
            return _salvaged(before, self._held)[:size]
        if self._inflate.eof:
            self._held, self._inflate = self._inflate.unused_data.lstrip(b"\x00"), None
        else:
            self._held = self._inflate.unconsumed_tail
        return text


def _salvaged(inflate: Any, held: bytes) -> bytes:
    text = bytearray()
    try:
        for start in range(len(held)):
            text += inflate.decompress(held[start : start + 1])
    except zlib.error:
        pass
    return bytes(text)


def _reason(error: zlib.error) -> str:
    return str(error).rpartition(": ")[2]
