"""One pass over a log of any length: decoded, deduplicated, counted by group, in bounded memory.

What is usual takes the short way: one decoding of the few fields that matter, one look-up of the origin's bytes, one
of the text's folded bytes. What is unusual in any way is read by `entry_from_json`, and means the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter

import msgspec

from bot.domain.base import counted
from bot.domain.errors import RetrievalFailed
from bot.domain.logs import DamagedLine, LogEntry, LogQuery, ReadReport, Severity
from bot.domain.moments import nanoseconds_of, parse_nanoseconds
from bot.logs.chain_shapes import ChainShapes
from bot.logs.commits import images_of
from bot.logs.entries import entry_from_json, request_line
from bot.logs.forms import ALWAYS, FOLD, NEVER, STARTS, Groups, Shape, folded, value_start
from bot.logs.grouping import Group
from bot.logs.joining import Piece, carried, chains
from bot.logs.origins import Origin, Origins
from bot.logs.query import FAILED, threshold
from bot.logs.redact import redact
from bot.logs.refs import INDEX, PAGE_BITS
from bot.logs.seeking import Seeker
from bot.logs.severity import RANK, infer
from bot.logs.sorting import ExternalSort
from bot.logs.tracebacks import HEADER, telling_text
from bot.logs.wire import NONE, Line, decode_line, decode_text, level_of, logger_of, name_of, text_with_stack
from bot.ports import LogReading

MOST_PIECES = 200_000
"""Entries that may be part of a chain and are held in memory; more are sorted on disk."""
_MOST_SAMPLES = 5
_SAMPLE_CHARS = 80
_MOST_SECONDS = 100_000
_MOST_TEXT = 200_000
_MOST_NS = (1 << 63) - 1
_NOTE_EVERY = 10
"""Pages between two notes; who is told may pass on fewer."""
_LEVEL_OF = {severity.value: RANK[severity] for severity in Severity}

def _trace(name: msgspec.Raw) -> int:
    """A number for the trace that an entry names: hashes of a million traces are less than their names."""
    trace = name_of(name)
    return hash(trace) if len(trace) > 2 else 0


class Scan:
    """What is known of a log after one pass.

    `pages` holds for each page the times in nanoseconds of its earliest and latest entry. `labels` are the names
    of those labels of an entry that anybody will ask for.
    """

    def __init__(self, query: LogQuery, labels: frozenset[str], *,
                 note: Callable[[str], None] | None = None, most_pieces: int = MOST_PIECES) -> None:
        self.focus = query.focus
        self.groups = Groups()
        self.origins = Origins(query.focus, self.groups, labels | {"python_logger"})
        self.images: dict[str, str] = {}
        self.pages: list[tuple[int, int]] = []
        self.read = 0
        self.outside = 0
        self.duplicates = 0
        self.passed_over = 0
        self.damaged = 0
        self.damaged_samples: list[DamagedLine] = []
        self.low_ns = _MOST_NS
        self.high_ns = -1
        self._since = nanoseconds_of(query.since) if query.since is not None else -1
        self._until = nanoseconds_of(query.until) if query.until is not None else 1 << 63
        self._least = threshold(query.focus)
        self._seeker = Seeker(query.focus)
        self._pieces = ExternalSort(Piece, attrgetter("stream", "log", "time_ns", "insert_id"), most_pieces)
        self._images = query.deployments
        self._note = note
        self._seen: set[int] = set()
        self._seconds: dict[str, int] = {}
        self._minutes: dict[str, int] = {}
        self._logs: dict[bytes, int] = {}

    @property
    def spilled(self) -> int:
        """How often pieces were sorted on disk, since there were too many."""
        return self._pieces.runs

    def take(self, reading: LogReading) -> None:
        """Read everything, join what belongs together, count it all. Raises RetrievalFailed."""
        for page in reading:
            while len(self.pages) <= page.number:
                self.pages.append((_MOST_NS, -1))
            low, high = self.low_ns, self.high_ns
            self.low_ns, self.high_ns = _MOST_NS, -1
            self._page(page.number, page.lines, reading)
            self.pages[page.number] = (self.low_ns, self.high_ns)
            self.low_ns, self.high_ns = min(low, self.low_ns), max(high, self.high_ns)
            if self._note is not None and page.number % _NOTE_EVERY == 0:
                self._note(f"{self.read:,} entries read")
        self._seen.clear()
        if self.damaged and not self.read and not self.outside:
            sample = self.damaged_samples[0]
            raise RetrievalFailed(
                f"{reading.name} holds no log entry: of {counted(self.damaged, 'piece')}, none could be read "
                f"({sample.where}: {sample.reason}).",
                "Export with `gcloud logging read FILTER --format=json`, or as a sink's NDJSON files.",
            )
        self._join(reading)

    def report(self, reading: LogReading) -> ReadReport:
        """What was read and what was not."""
        unread = list(reading.unread())
        if self.outside:
            unread.append(f"{self.outside:,} entries outside the asked-for time were left out.")
        return ReadReport(
            source=reading.name, entries_read=self.read, entries_damaged=self.damaged, duplicates=self.duplicates,
            passed_over=self.passed_over, damaged_samples=tuple(self.damaged_samples), unread=tuple(unread),
        )

    def _page(self, number: int, lines: Iterable[bytes], reading: LogReading) -> None:
        """Take the entries of a page.

        What stands in this loop is paid for a million times: so it is one loop, without calls for what is usual.
        """
        seen, seconds, by_labels = self._seen, self._seconds, self.origins.by_labels
        fold, since, until, least, ranks = FOLD, self._since, self._until, self._least, _LEVEL_OF
        images = self._images
        asks = self._seeker.excludes or not self._seeker.everything
        low, high, read, outside, passed_over = _MOST_NS, -1, 0, 0, 0
        labels: msgspec.Raw | None = None
        origin: Origin | None = None
        ref = (number << PAGE_BITS) - 1
        for line in lines:
            ref += 1
            try:
                wire = decode_line(line)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                if line and not line.isspace():
                    self._slowly(line, ref, reading, None)
                continue
            stamp = wire.timestamp
            insert_id = wire.insert_id
            fraction = stamp[20:26]
            if wire.labels != labels:
                labels = wire.labels
                origin = by_labels.get(bytes(wire.labels))
            second = seconds.get(stamp[:19]) or self._second(stamp[:19])
            request = wire.http_request
            level = ranks.get(wire.severity)
            usual = (
                origin is not None and second and insert_id and origin.resource == wire.resource
                and stamp[19::7] == ".Z" and len(stamp) == 27 and fraction.isdigit() and fraction.isascii()
            )
            if (
                usual and origin is not None and level and level < least
                and (request is None or request.status < FAILED) and (wire.proto_payload is NONE or not images)
            ):
                ns = second + int(fraction) * 1_000
                if not since <= ns < until:
                    outside += 1
                    continue
                passed_over += 1
                if ns < low:
                    low = ns
                if ns > high:
                    high = ns
                if ns < origin.born_ns:
                    origin.born_ns = ns
                if ns > origin.died_ns:
                    origin.died_ns = ns
                continue
            text = bytes(wire.text_payload) if wire.text_payload is not NONE else b""
            told = group = form = None
            joins = NEVER
            status = 0
            try:
                if usual and request is not None and origin is not None:
                    status = request.status
                    url = bytes(request.request_url)
                    path = url.partition(b"?")[0].translate(fold)
                    if (
                        wire.json_payload is None and url[:1] == b'"' and b"\\" not in path
                        and text[:1] in (b"", b'"') and b"call last" not in text
                    ):
                        group = origin.forms.requests.get((request.request_method, status, path))
                        if group is None:
                            group = origin.forms.requested((request.request_method, status, path), request.request_url)
                elif usual and origin is not None:
                    structured = not text and wire.json_payload is not None
                    if structured and wire.json_payload is not None:
                        text = bytes(wire.json_payload.message)
                    if text[:1] == b'"' and len(text) < _MOST_TEXT:
                        if b"\\" in (line if structured else text):
                            # A line break is written with a backslash: without one, no field holds a traceback.
                            told = text_with_stack(line, text) if structured else decode_text(text)
                        if told is None:
                            folds = text.translate(fold)
                            form = origin.forms.texts.get(folds) or origin.forms.text(folds, text)
                        elif HEADER not in told:
                            folds = folded(told)
                            form = origin.forms.texts.get(folds) or origin.forms.text(folds, told)
                        elif len(told) < _MOST_TEXT:
                            joins = STARTS
                if not level and (wire.severity or request is not None or wire.json_payload is not None):
                    level = level_of(line, wire)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                # What was not decoded at first is not valid: a stray byte, a number beyond all bounds.
                group = form = None
                joins = NEVER
            if form is not None:
                joins = form.joins
                group = form.group
            if (group is None and joins == NEVER) or origin is None:
                self._slowly(line, ref, reading, wire)
                labels = origin = None
                continue
            ns = second + int(fraction) * 1_000
            if not since <= ns < until:
                outside += 1
                continue
            read += 1
            if ns < low:
                low = ns
            if ns > high:
                high = ns
            if level and level < least and status < FAILED:
                origin.lived(ns)
                self.passed_over += 1
                continue
            if not origin.wanted:
                continue
            identity = hash((ns, insert_id, origin.project))
            if identity in seen:
                self.duplicates += 1
                continue
            seen.add(identity)
            inferred = not level
            if form is not None and not level:
                level = form.level
            if joins and (level == 0 or joins >= ALWAYS):
                words = decode_text(text) if told is None else told
                if inferred and joins == STARTS:
                    level = RANK[infer(words)]
                self._waits(words, None if joins == STARTS else group, ns, insert_id, origin, name_of(wire.log_name),
                            level or 0, inferred, _trace(wire.trace), ref, logger_of(line) if asks else "")
                continue
            if group is None or level is None:
                continue
            group.count += 1
            if ns <= group.first_ns and (ns < group.first_ns or insert_id < group.first_id):
                group.first_ns, group.first_id, group.first_ref, group.first_line = ns, insert_id, ref, line
            if ns > group.last_ns:
                group.last_ns = ns
            if level > group.level:
                group.level = level
            group.origins.add(origin)
            if ns < origin.born_ns:
                origin.born_ns = ns
            if ns > origin.died_ns:
                origin.died_ns = ns
            if level >= least or status >= FAILED:
                if asks and not self._is_asked_for(group, wire, line, text, told, origin):
                    continue
                self._severe(group, ns, insert_id, origin, _trace(wire.trace), ref, level, inferred)
        self.low_ns, self.high_ns = min(low, self.low_ns), max(high, self.high_ns)
        self.read += read + passed_over
        self.outside += outside
        self.passed_over += passed_over

    def _slowly(self, line: bytes, ref: int, reading: LogReading, wire: Line | None) -> None:
        """Take an entry that the short way does not fit, and learn its origin and second for the next one."""
        try:
            entry = entry_from_json(line)
        except ValueError as error:
            self._is_damaged(line, ref, reading, str(error))
            return
        origin = self.origins.of(entry)
        images = images_of(line) if self._images else {}
        for revision, image in images.items():
            self.images[revision] = min(image, self.images.get(revision, image))
        if wire is not None:
            self._learn(wire, entry, origin)
        ns = entry.time_ns
        if not self._since <= ns < self._until:
            # A deployment is asked for from before that time, too.
            self.outside += not images
            return
        self.read += 1
        self.low_ns, self.high_ns = min(ns, self.low_ns), max(ns, self.high_ns)
        level, inferred = RANK[entry.severity], entry.inferred
        status = entry.request.status if entry.request is not None else 0
        if not inferred and level < self._least and status < FAILED:
            origin.lived(ns)
            self.passed_over += 1
            return
        if not origin.wanted:
            return
        identity = hash((ns, entry.insert_id, entry.project))
        if identity in self._seen:
            self.duplicates += 1
            return
        self._seen.add(identity)
        trace = hash(msgspec.json.encode(entry.trace)) if entry.trace else 0
        log_name = msgspec.json.encode(entry.log_name)
        if entry.request is not None:
            group = origin.forms.of_entry(entry)
        else:
            starts = HEADER in entry.text
            form = None if starts else origin.forms.text(folded(entry.text), entry.text)
            if form is None or (form.joins and (level == 0 or form.joins == ALWAYS)):
                self._waits(entry.text, None if form is None else form.group, ns, entry.insert_id, origin, log_name,
                            level, inferred, trace, ref, entry.logger)
                return
            group = form.group
        self.count(group, ns, entry.insert_id, ref, level, origin)
        if (level >= self._least or status >= FAILED) and not self._seeker.excluded(entry.text):
            group.sought = group.sought or self._seeker.speaks(entry.text, entry.logger, status)
            self._severe(group, ns, entry.insert_id, origin, trace, ref, level, inferred)

    def _second(self, text: str) -> int:
        """The nanoseconds since 1970 of a time without its fraction; 0 for what is none."""
        minute = self._minutes.get(text[:17])
        if minute is None:
            try:
                minute = parse_nanoseconds(f"{text[:17]}00Z")
            except ValueError:
                return 0
            if not 0 < minute < _MOST_NS - 60 * 10**9:
                return 0
            if len(self._minutes) >= _MOST_SECONDS:
                self._minutes.clear()
            self._minutes[text[:17]] = minute
        part = text[17:]
        if len(part) != 2 or part > "59" or not part.isdigit() or not part.isascii():
            return 0
        if len(self._seconds) >= _MOST_SECONDS:
            self._seconds.clear()
        whole = self._seconds[text] = minute + int(part) * 10**9
        return whole

    def _learn(self, wire: Line, entry: LogEntry, origin: Origin) -> None:
        resource = wire.resource.copy()
        try:
            value = msgspec.json.decode(resource)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        labels = value.get("labels") if isinstance(value, dict) else None
        if isinstance(labels, dict) and labels.get("project_id"):
            # Else the project was read from the log's name, which the origin's bytes do not tell.
            self.origins.remember(bytes(wire.labels), resource, origin)

    def _is_damaged(self, line: bytes, ref: int, reading: LogReading, reason: str) -> None:
        self.damaged += 1
        if len(self.damaged_samples) < _MOST_SAMPLES:
            start = redact(line[: _SAMPLE_CHARS * 4].decode("utf-8", "replace"))[:_SAMPLE_CHARS]
            where = reading.where(ref >> PAGE_BITS, ref & INDEX)
            self.damaged_samples.append(DamagedLine(where=where, reason=f"{reason}; it begins {start!r}"))

    def _waits(self, text: str, group: Group | None, ns: int, insert_id: str, origin: Origin, log_name: bytes,
               level: int, inferred: bool, trace: int, ref: int, logger: str) -> None:
        """Keep an entry that may be part of a chain until all is read; one without a group holds a traceback."""
        stream, log = origin.stream, self._logs.setdefault(log_name, len(self._logs))
        excluded = self._seeker.excluded(text)
        if group is not None:
            sought = self._seeker.everything or self._seeker.speaks(text, logger or origin.logger)
            piece = Piece(stream, log, ns, insert_id, text, False, "", -1, group.index, level, inferred, trace,
                          origin.index, ref, sought, excluded)
        else:
            shape = origin.forms.shape(text)
            sought = self._shape_speaks(shape, text, logger or origin.logger)
            kept = text if shape.loose else carried(text, shape.ends)
            piece = Piece(stream, log, ns, insert_id, kept, True, shape.ends, shape.index, shape.group.index, level,
                          inferred, trace, origin.index, ref, sought, excluded)
        self._pieces.add(piece, len(piece.text))

    def _shape_speaks(self, shape: Shape, text: str, logger: str) -> bool:
        """Whether a traceback speaks of the focus; what its frames say is found out once."""
        seeker = self._seeker
        if seeker.everything or shape.told or seeker.is_named(logger):
            return True
        start, tail = value_start(text)
        if shape.told is None:
            shape.told = seeker.tells(telling_text(text[start:tail] if start >= 0 else text))
        return shape.told or (start >= 0 and (seeker.tells(text[tail:]) or seeker.tells(text[:start])))

    def count(self, group: Group, ns: int, insert_id: str, ref: int, level: int, origin: Origin) -> None:
        """Count an occurrence of a group."""
        group.seen(ns, insert_id, ref, level, origin)
        origin.lived(ns)

    def _is_asked_for(self, group: Group, wire: Line, line: bytes, raw: bytes, told: str | None,
                      origin: Origin) -> bool:
        """Whether an entry is not excluded; notes with its group when it speaks of the focus."""
        seeker = self._seeker
        if group.sought and not seeker.excludes:
            return True
        try:
            text = told if told is not None else decode_text(raw) if raw else ""
            status = 0
            if wire.http_request is not None:
                status, url = wire.http_request.status, decode_text(wire.http_request.request_url)
                text = request_line(wire.http_request.request_method, url, status, text)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            text = entry_from_json(line).text
        if seeker.excluded(text):
            return False
        group.sought = group.sought or seeker.speaks(text, logger_of(line) or origin.logger, status)
        return True

    def _severe(self, group: Group, ns: int, insert_id: str, origin: Origin, trace: int, ref: int, level: int,
                inferred: bool) -> None:
        """Count an occurrence, of one entry, that can make an incident."""
        severe = group.made_severe()
        group.sought = group.sought or self._seeker.everything
        severe.add(ns, insert_id, origin.index, trace, ref)
        severe.count(level, inferred)

    def _alone(self, piece: Piece, origin: Origin) -> None:
        """Count a piece that nothing was joined to."""
        ns, insert_id, ref, level = piece.time_ns, piece.insert_id, piece.ref, piece.level
        group = self.groups.all[piece.group]
        self.count(group, ns, insert_id, ref, level, origin)
        if piece.shape >= 0:
            exceptions = self.groups.shapes[piece.shape].exceptions
            if exceptions and (-exceptions, ns, insert_id) < group.best:
                group.chained(exceptions, ns, insert_id, (ref,))
        if level >= self._least and not piece.excluded:
            group.sought = group.sought or piece.sought
            self._severe(group, ns, insert_id, origin, piece.trace, ref, level, piece.inferred)

    def _join(self, reading: LogReading) -> None:
        """Count what the pieces come to, alone or joined."""
        shapes = ChainShapes(self.groups, self.origins, reading)
        for parts in chains(self._pieces):
            first = parts[0]
            origin = self.origins.all[first.origin]
            if len(parts) == 1:
                self._alone(first, origin)
                continue
            shape = shapes.of(parts)
            group = shape.group
            level = max(part.level for part in parts)
            for part in parts:
                origin.lived(part.time_ns)
            group.seen(first.time_ns, first.insert_id, first.ref, level, origin)
            if group.is_traceback:
                group.chained(shape.exceptions, first.time_ns, first.insert_id, [part.ref for part in parts])
            if level < self._least or any(part.excluded for part in parts):
                continue
            group.sought = group.sought or any(part.sought for part in parts)
            severe = group.made_severe()
            trace = next((part.trace for part in parts if part.trace), 0)
            severe.add(first.time_ns, first.insert_id, first.origin, trace, first.ref)
            for part in parts:
                severe.count(part.level, part.inferred)
            severe.joined(first.ref, tuple(part.ref for part in parts[1:]))
