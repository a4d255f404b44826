"""Standard output and standard error as they may be: full, closed, or a pipe that nobody reads any more.

None of it is a bug, and a run must not end in one for it. What cannot be written to standard output is a problem of
configuration; what cannot be written to standard error is lost, since there is no place left to say so.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self, TextIO

from bot.domain.errors import EXIT_INTERRUPTED, ConfigProblem

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Guarded(io.RawIOBase):
    """A stream's bytes on their way out. After the first that could not be written, the rest is dropped."""

    def __init__(self, raw: BinaryIO | io.RawIOBase | None, told: bool) -> None:
        self._raw = raw
        self._told = told
        self._broken = False
        self.wrote = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        if self._raw is None:
            raise io.UnsupportedOperation("fileno")
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw is not None and self._raw.isatty()

    def write(self, content: ReadableBuffer, /) -> int:
        """Write some of the bytes; return how many. Raises ConfigProblem where that is told, and SystemExit where a
        pipe's reader is gone: whoever reads the first lines alone wants no more of it.
        """
        everything = memoryview(content).nbytes
        if self._broken:
            return everything
        try:
            written = self._write(content)
        except BrokenPipeError:
            self._broken = True
            raise SystemExit(EXIT_INTERRUPTED) from None
        except OSError as error:
            self._broken = True
            if self._told:
                raise _unwritable(error) from error
            return everything
        self.wrote = self.wrote or written > 0
        return written

    def _write(self, content: ReadableBuffer) -> int:
        if self._raw is None:
            raise OSError(errno.EBADF, "it is closed")
        while (written := self._raw.write(content)) is None:
            # Another process set it to non-blocking, and it takes nothing just now.
            select.select([], [self._raw], [])
        return written


def _unwritable(error: OSError) -> ConfigProblem:
    return ConfigProblem(
        f"Standard output cannot be written: {error.strerror}.",
        "Send it to a place that takes it; of a cycle, `bot status` shows what is recorded.",
    )


class Output:
    """Guards both streams within a `with`; they are as before after it."""

    def __enter__(self) -> Self:
        _fill_descriptors()
        self._before = sys.stdout, sys.stderr
        sys.stdout, self._out = _guard(sys.stdout, told=True)
        sys.stderr, _ = _guard(sys.stderr, told=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except ConfigProblem:
            # An error is on its way already: without one, `finish` was called.
            pass
        finally:
            sys.stdout, sys.stderr = self._before

    @property
    def wrote(self) -> bool:
        """Whether anything has reached standard output."""
        return self._out is not None and self._out.wrote

    def finish(self) -> None:
        """Write what still waits. Raises ConfigProblem when it cannot be written."""
        sys.stdout.flush()


def _guard(stream: TextIO | None, told: bool) -> tuple[TextIO, _Guarded | None]:
    if stream is not None and not isinstance(stream, io.TextIOWrapper):
        return stream, None
    encoding, raw, by_line = "utf-8", None, False
    if stream is not None:
        stream.flush()
        encoding, raw = stream.encoding, getattr(stream.buffer, "raw", stream.buffer)
        by_line = stream.line_buffering or stream.write_through
    guarded = _Guarded(raw, told)
    # A character that the terminal's encoding lacks is shown as its escape: no reason to fail.
    text = io.TextIOWrapper(io.BufferedWriter(guarded), encoding, errors="backslashreplace", line_buffering=by_line)
    return text, guarded


def _fill_descriptors() -> None:
    """Open what is closed of 0, 1 and 2 on nothing: else the next file that is opened would be standard output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
