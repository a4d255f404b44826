"""Log entries from an exported file or standard input: NDJSON, a JSON array, gzip of either."""

from __future__ import annotations

import gzip
import io
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from bot.adapters.surroundings import Surroundings
from bot.domain.errors import RetrievalFailed, UsageProblem
from bot.domain.logs import DamagedLine, LogEntry, LogQuery, ReadReport
from bot.domain.moments import nanoseconds_of
from bot.logs.entries import entry_from_json
from bot.logs.redact import redact

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_BOM = b"\xef\xbb\xbf"
_MOST_SAMPLES = 5
_SAMPLE_CHARS = 80
_HEAD = 4_096
_TOKENS = re.compile(rb'\\.|["{}]', re.DOTALL)


class FileLogs:
    """A LogSource over one file; `path` None means standard input, which can be read once."""

    def __init__(self, path: Path | None, stdin: BinaryIO | None = None, name: str = "") -> None:
        self._path = path
        self._stdin = stdin
        self._name = name

    @property
    def name(self) -> str:
        """`file:PATH`, `file:-` for standard input, or the name that was given."""
        return self._name or f"file:{self._path if self._path is not None else '-'}"

    def read(self, query: LogQuery) -> FileReading:
        """Open the file. Raises RetrievalFailed when it is missing, unreadable or a folder."""
        path = self._path
        if path is None:
            return FileReading(self.name, lambda: self._stdin or sys.stdin.buffer, query, close=False)
        if path.is_dir():
            raise RetrievalFailed(f"{path} is a folder.", "Name one exported file, such as file:logs/errors.ndjson.")
        try:
            with path.open("rb"):
                pass
        except FileNotFoundError:
            where = f" (the folder {path.parent} does not exist either)" if not path.parent.exists() else ""
            remedy = "Check the path given to --logs file:PATH."
            raise RetrievalFailed(f"There is no file {path}{where}.", remedy) from None
        except OSError as error:
            raise RetrievalFailed(
                f"{path} cannot be read: {error.strerror or error}.", "Check the file's permissions."
            ) from None
        return FileReading(self.name, lambda: path.open("rb"), query, close=True, zipped=path.suffix == ".gz")


class FileReading:
    """One reading of a file. Counts what it reads; keeps samples of what it cannot read."""

    def __init__(self, name: str, open_stream: Callable[[], BinaryIO], query: LogQuery, *, close: bool,
                 zipped: bool = False) -> None:
        self._name = name
        self._open = open_stream
        self._close = close
        self._named_gzip = zipped
        self._most = query.most_entries
        self._since = nanoseconds_of(query.since) if query.since is not None else None
        self._until = nanoseconds_of(query.until) if query.until is not None else None
        self._read = 0
        self._outside = 0
        self._damaged = 0
        self._samples: list[DamagedLine] = []
        self._stopped = False

    def __iter__(self) -> Iterator[LogEntry]:
        """Yield the entries within since (inclusive) and until (exclusive), in the file's order.

        Raises RetrievalFailed for what is no log at all, and for a file that cannot be read to its end.
        """
        self._read = self._outside = self._damaged = 0
        self._samples, self._stopped = [], False
        with self._explained(), self._plain() as stream:
            for where, raw in _pieces(stream):
                entry = self._entry(where, raw)
                if entry is None:
                    continue
                if self._read >= self._most:
                    self._stopped = True
                    break
                self._read += 1
                yield entry
        if self._damaged and not self._read and not self._outside:
            sample = self._samples[0]
            raise RetrievalFailed(
                f"{self._name} holds no log entry: none of its {self._damaged:,} pieces could be read "
                f"({sample.where}: {sample.reason}).",
                "Export with `gcloud logging read FILTER --format=json`, or as a sink's NDJSON files.",
            )

    def report(self) -> ReadReport:
        """What was read so far and what was not."""
        unread: list[str] = []
        if self._outside:
            unread.append(f"{self._outside:,} entries outside the asked-for time were left out.")
        if self._stopped:
            unread.append(f"Reading stopped after {self._most:,} entries, the limit; the rest was not read.")
        return ReadReport(
            source=self._name, entries_read=self._read, entries_damaged=self._damaged,
            damaged_samples=tuple(self._samples), unread=tuple(unread),
        )

    def _entry(self, where: str, raw: bytes) -> LogEntry | None:
        try:
            entry = entry_from_json(raw)
        except ValueError as error:
            self._damaged += 1
            if len(self._samples) < _MOST_SAMPLES:
                start = redact(raw[: _SAMPLE_CHARS * 4].decode("utf-8", "replace"))[:_SAMPLE_CHARS]
                self._samples.append(DamagedLine(where=where, reason=f"{error}; it begins {start!r}"))
            return None
        early = self._since is not None and entry.time_ns < self._since
        late = self._until is not None and entry.time_ns >= self._until
        if early or late:
            self._outside += 1
            return None
        return entry

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the system raises while reading into sentences."""
        so_far = "{} entries had been read before that."
        try:
            yield
        except EOFError:
            raise RetrievalFailed(
                f"{self._name} is a gzip file that ends too early; {so_far.format(f'{self._read:,}')}",
                "Export or download it again.",
            ) from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise RetrievalFailed(
                f"{self._name} is a damaged gzip file ({error}); {so_far.format(f'{self._read:,}')}",
                "Export or download it again.",
            ) from None
        except OSError as error:
            raise RetrievalFailed(
                f"Reading {self._name} failed: {error.strerror or error}; {so_far.format(f'{self._read:,}')}",
                "Check the disk or the connection, then run the command again.",
            ) from None

    @contextmanager
    def _plain(self) -> Iterator[io.BufferedReader[Any]]:
        """The stream without its compression. Raises RetrievalFailed for what cannot be a log."""
        opened = self._open()
        stream: io.BufferedReader[Any] = io.BufferedReader(opened, 1 << 16)
        try:
            head = stream.peek(_HEAD)[:_HEAD]
            if head.startswith(_GZIP):
                with gzip.open(stream) as unzipped:
                    inner: io.BufferedReader[Any] = io.BufferedReader(unzipped, 1 << 16)
                    self._check(inner.peek(_HEAD)[:_HEAD])
                    yield inner
            else:
                if self._named_gzip and head:
                    raise RetrievalFailed(
                        f"{self._name} is named as gzip but is not compressed so.",
                        "Rename it without .gz if it is plain text, or export it again.",
                    )
                self._check(head)
                yield stream
        finally:
            if self._close:
                stream.close()
            else:
                stream.detach()

    def _check(self, head: bytes) -> None:
        if b"\x00" in head or head.startswith(_ZSTD):
            raise RetrievalFailed(
                f"{self._name} is a binary file, not exported log entries.",
                "Give NDJSON, the JSON array of `gcloud logging read --format=json`, or gzip of either.",
            )


def _pieces(stream: io.BufferedReader[Any]) -> Iterator[tuple[str, bytes]]:
    """The JSON texts of a stream, each with where it stands."""
    first = stream.peek(_HEAD)[:_HEAD].removeprefix(_BOM).lstrip()
    if first.startswith(b"["):
        yield from _elements(stream.read())
    elif first.rstrip() and _is_spread(first):
        yield from _objects(stream.read())
    else:
        for number, line in enumerate(stream, 1):
            text = line.strip()
            if number == 1:
                text = text.removeprefix(_BOM)
            if text:
                yield f"line {number}", text


def _is_spread(head: bytes) -> bool:
    """Whether objects are printed over several lines, as by `jq`: then a line alone is no JSON."""
    return head.partition(b"\n")[0].strip() == b"{"


def _elements(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The elements of a JSON array; of a damaged one, whatever objects can be told apart."""
    try:
        elements = msgspec.json.decode(content.removeprefix(_BOM), type=list[msgspec.Raw])
    except msgspec.DecodeError:
        yield from _objects(content)
        return
    for number, element in enumerate(elements, 1):
        yield f"element {number}", bytes(element).strip()


def _objects(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The outermost objects of a text, by their braces; what is left open at the end comes as it is."""
    depth = start = number = 0
    quoted = False
    for token in _TOKENS.finditer(content):
        mark = token.group()
        if mark == b'"':
            quoted = depth > 0 and not quoted
        elif quoted or len(mark) > 1:
            continue
        elif mark == b"{":
            start = token.start() if depth == 0 else start
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                number += 1
                yield f"object {number}", content[start : token.end()]
    if depth:
        yield f"object {number + 1}, which is not closed,", content[start:]


def open_log_source(rest: str, surroundings: Surroundings) -> FileLogs:
    """`--logs file:PATH`, `-` for standard input. Raises UsageProblem when no path is given."""
    if not rest:
        raise UsageProblem("--logs file: names no file.", "Give --logs file:PATH, or file:- for standard input.")
    return FileLogs(None if rest == "-" else Path(rest))
