"""One reading of log files: pages of lines, and where they stand, so that they can be had again."""

from __future__ import annotations

from array import array
from collections.abc import Generator, Iterator
from datetime import datetime

import msgspec

from bot.adapters.byte_streams import ByteStream, exactly
from bot.adapters.json_stream import ObjectSplitter, is_spread
from bot.adapters.line_pages import MOST_LINE, Cut, edges, first_entries, line_pages
from bot.adapters.line_spool import LineSpool, SpoolProblem
from bot.adapters.log_parts import Part, open_part, without_mark
from bot.domain.base import counted
from bot.domain.errors import RetrievalFailed
from bot.domain.logs import LogPage

_HEAD = 1 << 20
_MOST_SAID = 20


class _Page(msgspec.Struct, frozen=True, gc=False):
    """Where a page stands: `length` bytes at `at` of a part or of the spool; `first` lines are before it.

    `keep` is how many of its lines are given; where most are blank, only those at `places` among them are.
    `sum` is of its edges, to notice a file that changed.
    """

    part: int
    at: int
    length: int
    sum: int
    first: int
    keep: int
    spooled: bool
    kind: str
    places: array[int] | None


class FileReading:
    """A LogReading over the files in turn. It can be iterated again: known pages are read again, then it goes on."""

    def __init__(self, name: str, parts: tuple[Part, ...], most: int, page: int, *, folder: bool = False,
                 left_out: tuple[str, ...] = (), failed: tuple[str, ...] = ()) -> None:
        self._name = name
        self._parts = parts
        self._most = most
        self._size = page
        self._folder = folder
        self._unread = list(left_out)
        self._unlisted = failed
        self._pages: list[_Page] = []
        self._entries = 0
        self._before = 0
        self._lines = 0
        self._too_long: set[tuple[int, int]] = set()
        self._stopped = False
        self._fresh = self._read()
        self._failed: RetrievalFailed | None = None
        self._again: tuple[int, ByteStream] | None = None
        self._spool = LineSpool(name)

    @property
    def name(self) -> str:
        """How the source is named to people."""
        return self._name

    def __iter__(self) -> Iterator[LogPage]:
        """Yield the lines, file by file, each in its own order.

        Raises RetrievalFailed when nothing can be read. What ends too early is given up to there; `unread` says so.
        """
        number = 0
        while True:
            page = LogPage(number, self.page(number)) if number < len(self._pages) else self._next()
            if page is None:
                return
            yield page
            number += 1

    def page(self, number: int) -> list[bytes]:
        """The lines of a page again. Raises RetrievalFailed when the file changed meanwhile."""
        if self._failed is not None and not self._pages:
            raise self._failed
        page = self._pages[number]
        if page.spooled:
            lines = self._spool.lines(page.at, page.length)
        else:
            text = self._from_file(page)
            if len(text) != page.length or edges(text) != page.sum:
                raise RetrievalFailed(
                    f"{self._parts[page.part].label} changed while it was read.",
                    "Read it when it is complete, or read a copy of it.",
                )
            lines = text.split(b"\n")
        if page.places is not None:
            return [lines[place] for place in page.places]
        return lines if page.keep == len(lines) else lines[: page.keep]

    def where(self, number: int, index: int) -> str:
        """`line 12`, or `object 12` where lines do not count; in a folder with the file before it.

        Says so where no more than the start was read: the decoder will only miss the end.
        """
        page = self._pages[number]
        count = page.first + (index if page.places is None else page.places[index]) + 1
        place = f"{page.kind} {count:,}"
        if (page.part, count) in self._too_long:
            place += f" has more than {MOST_LINE >> 20} MB and only its start was read"
        return f"{self._parts[page.part].label}, {place}" if self._folder else place

    def left_out(self, instances: tuple[str, ...], since: datetime, until: datetime, most: int) -> tuple[bytes, ...]:
        """Nothing: a file gives everything that it has."""
        return ()

    def unread(self) -> tuple[str, ...]:
        """A sentence for each part that was not read."""
        said = self._unread[:_MOST_SAID]
        if len(self._unread) > _MOST_SAID:
            more = counted(len(self._unread) - _MOST_SAID, "more part was", "more parts were")
            said.append(f"{more} not read, for reasons such as these.")
        if self._stopped:
            said.append(f"Reading stopped after {self._most:,} entries, the limit; the rest was not read.")
        return tuple(said)

    def close(self) -> None:
        """Close the files and drop what was spooled."""
        self._failed = RetrievalFailed(f"{self._name} was closed.", "Read it again.")
        self._pages.clear()
        self._fresh.close()
        if self._again is not None:
            self._again[1].close()
            self._again = None
        self._spool.close()

    def _next(self) -> LogPage | None:
        if self._failed is not None:
            raise self._failed
        try:
            return next(self._fresh, None)
        except RetrievalFailed as error:
            self._failed = error
            raise

    def _read(self) -> Generator[LogPage, None, None]:
        failures: list[RetrievalFailed] = []
        for number, part in enumerate(self._parts):
            try:
                yield from self._read_part(number, part)
            except SpoolProblem:
                raise
            except RetrievalFailed as error:
                if not self._folder:
                    raise
                failures.append(error)
                self._unread.append(error.what)
            if self._stopped:
                break
        if self._entries or self._stopped:
            return
        if len(failures) == len(self._parts):
            files = counted(len(failures), "log file")
            raise RetrievalFailed(f"{self._name} holds {files}, and none could be read: {failures[0].what}",
                                  failures[0].remedy)
        # Nothing was read and something could not be: that is no empty log.
        lost = (*(failure.what for failure in failures), *self._unlisted)
        if lost:
            remedy = failures[0].remedy if failures else "Check the permissions of what is in the folder."
            raise RetrievalFailed(f"{self._name} gave no entry, and not all of it could be read: {lost[0]}", remedy)

    def _read_part(self, number: int, part: Part) -> Iterator[LogPage]:
        stream = open_part(part)
        try:
            self._lines, self._before = 0, self._entries
            read = exactly(stream, _HEAD)
            head = without_mark(read, part.label)
            kind = "object" if is_spread(head) else "line"
            if kind == "object":
                yield from self._objects(number, stream, head)
            else:
                for cut in line_pages(stream, head, len(read) - len(head), self._size):
                    if cut.too_long:
                        self._say_too_long(number, kind, self._lines + 1)
                    yield from self._given(number, cut, kind, spooled=part.once)
                    if self._stopped:
                        return
            self._ended(part, stream, kind)
        finally:
            self._keep(number, stream, part)

    def _objects(self, number: int, stream: ByteStream, head: bytes) -> Iterator[LogPage]:
        splitter = ObjectSplitter()
        piece = head
        while piece and not self._stopped:
            yield from self._split(number, splitter, splitter.feed(piece))
            piece = stream.read(self._size)
        if not self._stopped:
            yield from self._split(number, splitter, splitter.finish(drop_rest=bool(stream.broken)))
        if splitter.cut_off and not stream.broken and not self._stopped:
            what = f"{self._parts[number].label} ends too early: its JSON array is not closed"
            if self._entries == self._before:
                raise RetrievalFailed(f"{what}, and nothing is in it.", "Export or download it again.")
            self._unread.append(f"{what}.")

    def _split(self, number: int, splitter: ObjectSplitter, found: list[bytes]) -> Iterator[LogPage]:
        for count in splitter.too_long:
            self._say_too_long(number, "object", count)
        splitter.too_long.clear()
        yield from self._given(number, Cut(0, 0, 0, found), "object", spooled=True)

    def _say_too_long(self, part: int, kind: str, count: int) -> None:
        self._too_long.add((part, count))
        self._unread.append(f"{kind.capitalize()} {count:,} of {self._parts[part].label} has more than "
                            f"{MOST_LINE >> 20} MB: only its start was read.")

    def _given(self, number: int, cut: Cut, kind: str, *, spooled: bool) -> Iterator[LogPage]:
        """A page of lines, as far as the limit of entries goes.

        Blank lines are no entries; where they are most of a page, or all, they are not given: each costs a decoding.
        """
        lines = cut.lines
        entries = len(lines) - lines.count(b"") - lines.count(b"\r")
        if self._entries + entries > self._most:
            self._stopped = True
            lines = first_entries(lines, self._most - self._entries)
            entries = self._most - self._entries
        if not entries:
            self._lines += len(lines)
            return
        places = None
        if entries < len(lines) // 2:
            places = array("I", [place for place, line in enumerate(lines) if line and line != b"\r"])
        at, length = self._spool.add(lines) if spooled else (cut.at, cut.length)
        self._pages.append(_Page(number, at, length, cut.sum, self._lines, len(lines), spooled, kind, places))
        self._entries += entries
        self._lines += len(lines)
        given = lines if places is None else [lines[place] for place in places]
        yield LogPage(len(self._pages) - 1, given)

    def _ended(self, part: Part, stream: ByteStream, kind: str) -> None:
        """Say where a part ended before its end. Raises RetrievalFailed when it gave nothing."""
        if not stream.broken:
            return
        if self._entries == self._before and not self._stopped:
            raise RetrievalFailed(f"{part.label} {stream.broken}: nothing of it could be read.",
                                  "Export or download it again.")
        kept = f"first {self._lines:,} {kind}s" if self._lines > 1 else f"first {kind}"
        self._unread.append(f"{part.label} {stream.broken}: what follows its {kept} was not read.")

    def _keep(self, number: int, stream: ByteStream, part: Part) -> None:
        """Keep the stream that was read last for pages to be had again: it knows its way back."""
        if part.once or self._failed is not None:
            stream.close()
            return
        if self._again is not None:
            self._again[1].close()
        self._again = (number, stream)

    def _from_file(self, page: _Page) -> bytes:
        part = self._parts[page.part]
        if self._again is None or self._again[0] != page.part:
            stream = open_part(part)
            if self._again is not None:
                self._again[1].close()
            self._again = (page.part, stream)
        stream = self._again[1]
        try:
            stream.seek(page.at)
            return exactly(stream, page.length) if page.length else b""
        except OSError as error:
            raise RetrievalFailed(f"{part.label} cannot be read again: {error.strerror or error}.",
                                  "Check the disk, then run the command again.") from None
