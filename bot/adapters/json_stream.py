"""Whole JSON objects out of a stream of bytes: an array, objects over several lines, objects without a newline.

msgspec finds where an object ends; it refuses what is no JSON and then the braces decide. What no rule makes an object
of is a damaged stretch: its first bytes are given, so that it can be counted and shown, and the next log entry ends it.
"""

from __future__ import annotations

import re

import msgspec

MOST_OBJECT = 16 << 20
"""Bytes of the longest object that is given. Cloud Logging's own limit for an entry is 256 KB."""
SAMPLE = 200
"""Bytes of a damaged stretch that are given."""
_MOST_DAMAGED = 1 << 20
_MOST_TRIES = 64
_MORE = 0
_BROKEN = -1
_DEEP = -2
_LONG = -3
_DEEP_STEP = 64
_BRACE = ord("{")
_RAW = msgspec.json.Decoder(msgspec.Raw)
_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")
_BETWEEN = re.compile(rb"[\s,\[\]\x1e]*")
_UP_TO_BRACE = re.compile(rb'[^"{}]*+(?:"(?:[^"\\\n]++|\\.)*+"[^"{}]*+)*+')
_OPEN_STRING = re.compile(rb'"(?:[^"\\\n]++|\\.)*+\\?')
_MAY_BEGIN = re.compile(rb'\{\s{0,99}"[A-Za-z]{1,40}"\s{0,99}:')
_LONGEST_BEGIN = 256
_ENTRY_SIGN = b'"insertId"'


def is_spread(head: bytes) -> bool:
    """Whether a text that begins so is to be split into objects, because a line of it alone is no JSON.

    An array is told by its first two marks. Other text that begins with an object or a bracket is NDJSON as soon as
    one of its lines is an object: a damaged first line must not change what a file is.
    """
    text = head.lstrip()
    if text[:1] == b"[" and text[1:].lstrip()[:1] in {b"{", b"]", b""}:
        return True
    if text[:1] not in {b"{", b"["}:
        return False
    if _is_object(text.partition(b"\n")[0]):
        return False
    return not any(line[:1] == b"{" and len(line.rstrip()) > 2 and _is_object(line) for line in head.split(b"\n"))


class ObjectSplitter:
    """Takes a text in pieces of any size; gives its objects, each as one line. Holds one object and one piece.

    The objects are the same however the text is cut. `most`: bytes of the longest object.
    """

    def __init__(self, most: int = MOST_OBJECT) -> None:
        self._most = most
        self._buffer = b""
        self._enough = 0
        self._sample: bytes | None = None
        self._tries = 0
        self._first = b""
        self._last = b""
        self._open = 0
        self._given = 0
        self.too_long: list[int] = []
        """Which of the objects, counted from 1, have more than `most` bytes: known when one is given, or earlier."""

    @property
    def cut_off(self) -> bool:
        """Whether the text was an array and ended without its bracket. What follows a closed array may be objects."""
        return self._first == b"[" and self._last != b"]" and self._open > 0

    def feed(self, piece: bytes) -> list[bytes]:
        """Take the next piece; return the objects, and the starts of damaged stretches, that end in it."""
        marks = piece.strip()
        if marks:
            self._first = self._first or marks[:1]
            self._last = marks[-1:]
        self._buffer += piece
        return self._split(final=False) if len(self._buffer) >= self._enough else []

    def finish(self, *, drop_rest: bool = False) -> list[bytes]:
        """Return what is left at the end of the text. `drop_rest`: without an object that is not closed."""
        found = self._split(final=True)
        if self._sample is not None and not drop_rest:
            found.append(_one_line(self._sample))
            self._given += 1
        self._buffer, self._sample = b"", None
        return found

    def _split(self, *, final: bool) -> list[bytes]:
        buffer, found, at = self._buffer, list[bytes](), 0
        view = memoryview(buffer)
        self._enough = 0
        while at < len(buffer):
            if self._sample is not None:
                at, goes_on = self._recover(view, at, final=final)
                if not goes_on:
                    break
                found.append(_one_line(self._sample))
                self._sample = None
            between = _BETWEEN.match(buffer, at)
            if between is not None and between.end() > at:
                marks = between.group()
                self._open += marks.count(b"[") - marks.count(b"]")
                at = between.end()
            if at == len(buffer):
                break
            end = self._end(view, at, final=final) if buffer[at] == _BRACE else _BROKEN
            if end == _MORE:
                self._wait(at)
                break
            if end < 0:
                if end == _LONG:
                    self.too_long.append(self._given + len(found) + 1)
                self._sample, self._tries = b"", 0
                at = self._leave(at, at + 1)
                continue
            found.append(_one_line(buffer[at:end]))
            at = end
        self._buffer = buffer[at:]
        self._enough = max(0, self._enough - at)
        self._given += len(found)
        return found

    def _wait(self, at: int) -> None:
        """Do not look at an unfinished object again before there is twice as much of it."""
        self._enough = at + min(2 * (len(self._buffer) - at), self._most + 1)

    def _leave(self, at: int, end: int) -> int:
        """Pass over bytes of a damaged stretch."""
        if self._sample is not None and len(self._sample) < SAMPLE:
            self._sample += self._buffer[at : min(end, at + SAMPLE - len(self._sample))]
        return end

    def _end(self, view: memoryview, at: int, *, final: bool) -> int:
        """Where the object at `at` ends; _MORE, _BROKEN or _LONG."""
        size = _size(view[at:])
        if size == _MORE:
            if len(view) - at > self._most:
                return _LONG
            return _BROKEN if final else _MORE
        if size < 0:
            end = self._balanced(at, final=final)
            return self._without_entry(view, at + 1, end, final=final) if end > 0 else end
        return at + size if size <= self._most else _LONG

    def _balanced(self, at: int, *, final: bool) -> int:
        """Where the braces of something that is no JSON are even: then it is one damaged object, and no more."""
        buffer, depth, here = self._buffer, 0, at
        most = min(_MOST_DAMAGED, self._most)
        while here - at <= most:
            text = _UP_TO_BRACE.match(buffer, here)
            here = text.end() if text is not None else here
            if here == len(buffer) or buffer[here] == ord('"'):
                string = _OPEN_STRING.match(buffer, here)
                unfinished = here == len(buffer) or (string is not None and string.end() == len(buffer))
                return _MORE if unfinished and not final and len(buffer) - at <= most else _BROKEN
            depth += 1 if buffer[here] == _BRACE else -1
            here += 1
            if depth == 0:
                return here if here - at <= most else _BROKEN
        return _BROKEN

    def _without_entry(self, view: memoryview, at: int, end: int, *, final: bool) -> int:
        """`end`, unless a whole entry begins before it: a string that was torn turns what is quoted inside out."""
        buffer = self._buffer
        if not final and len(buffer) - end < _LONGEST_BEGIN:
            return _MORE
        for _ in range(_MOST_TRIES):
            begin = _MAY_BEGIN.search(buffer, at)
            if begin is None or begin.start() >= end:
                break
            size = _size(view[begin.start() :])
            if size == _MORE and not final and len(buffer) - begin.start() <= self._most:
                return _MORE
            if 0 < size <= self._most and _ENTRY_SIGN in buffer[begin.start() : begin.start() + size]:
                return _BROKEN
            at = begin.start() + max(size, 1)
        return end

    def _recover(self, view: memoryview, at: int, *, final: bool) -> tuple[int, bool]:
        """Look for the log entry that ends a damaged stretch: where it is, or how far to come back with more.

        Only what has an insertId counts: the parts of a torn entry are objects too, and are no entries.
        """
        buffer = self._buffer
        while (begin := _MAY_BEGIN.search(buffer, at)) is not None:
            start = begin.start()
            at = self._leave(at, start)
            size = _size(view[start:])
            if 0 < size <= self._most and _ENTRY_SIGN in buffer[start : start + size]:
                return start, True
            if size == _MORE and not final and len(buffer) - start <= self._most:
                self._wait(start)
                return start, False
            if size == _DEEP and not final and len(buffer) - start < _DEEP_STEP:
                self._enough = start + _DEEP_STEP
                return start, False
            # What is within something too deep is too deep, for a long while: look at some of it only.
            step = _DEEP_STEP if size == _DEEP else max(size, 1)
            self._tries += size == _MORE
            at = self._leave(start, len(buffer) if self._tries > _MOST_TRIES else min(start + step, len(buffer)))
        return self._leave(at, len(buffer) if final else max(at, len(buffer) - _LONGEST_BEGIN)), False


def _size(text: memoryview) -> int:
    """Bytes of the JSON value that a text begins with; _MORE when the text ends before it, _BROKEN when it is none.

    _DEEP when it nests deeper than can be decoded, here or later.
    msgspec decodes one value, and says where it ended by complaining of what follows.
    """
    try:
        return memoryview(_RAW.decode(text)).nbytes
    except msgspec.DecodeError as error:
        said = str(error)
        trailing = _TRAILING.search(said)
        if trailing is None:
            return _MORE if "truncated" in said else _BROKEN
        size = int(trailing.group(1)) - 1
        while text[size - 1] in b" \t\r\n":
            size -= 1
        return size
    except RecursionError:
        return _DEEP


def _is_object(line: bytes) -> bool:
    text = line.strip()
    return text[:1] == b"{" and _size(memoryview(text)) == len(text)


def _one_line(text: bytes) -> bytes:
    """In JSON a newline is white space: within a string it would be escaped."""
    return text.replace(b"\n", b" ") if b"\n" in text else text
