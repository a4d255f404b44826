"""Groups: all occurrences of one fingerprint, counted in one pass, whatever their order."""

from __future__ import annotations

from array import array
from bisect import insort
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from zlib import crc32

from bot.domain.base import Fingerprint
from bot.domain.logs import SEVERITIES, Frame, GroupKind, LoggedException, LogGroup, Severity
from bot.domain.moments import rfc3339
from bot.logs.redact import Redactor

if TYPE_CHECKING:
    from bot.logs.origins import Origin

MOST_SAMPLES = 20
"""Entries of a group that are named in its record, the earliest."""
_MOST_TITLE = 200
_MOST_MESSAGE = 2_000
_LEVELS = tuple(Severity(name) for name in SEVERITIES)
_ERROR = SEVERITIES.index("ERROR")


class Severe:
    """The occurrences of a group that can make an incident, as columns: a million of them are no objects.

    `ties` orders occurrences of one moment by their insertIds, whatever the order of reading. `refs` finds an
    occurrence's first entry again, `further` the other entries of joined ones, by the first's ref.
    """

    __slots__ = ("further", "inferred", "more", "ns", "origins", "refs", "samples", "stated", "ties", "traces")

    def __init__(self) -> None:
        self.ns = array("q")
        self.ties = array("L")
        self.origins = array("l")
        self.traces = array("q")
        self.refs = array("q")
        self.further: dict[int, tuple[int, ...]] = {}
        self.more = 0
        self.stated = 0
        self.inferred = 0
        self.samples: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self.ns)

    @property
    def entries(self) -> int:
        """Log entries before chained ones were joined."""
        return len(self.refs) + self.more

    def joined(self, ref: int, further: tuple[int, ...]) -> None:
        """Remember where the other entries of a joined occurrence are."""
        if further:
            self.further[ref] = further
            self.more += len(further)

    def earliest(self) -> list[tuple[int, ...]]:
        """The refs of each occurrence's entries, the earliest occurrence first."""
        places = sorted(range(len(self.ns)), key=lambda place: (self.ns[place], self.ties[place]))
        return [(self.refs[place], *self.further.get(self.refs[place], ())) for place in places]

    def add(self, ns: int, insert_id: str, origin: int, trace: int, ref: int) -> None:
        """Count one more occurrence by its first entry."""
        self.ns.append(ns)
        self.ties.append(crc32(insert_id.encode("utf-8", "surrogatepass")))
        self.origins.append(origin)
        self.traces.append(trace)
        self.refs.append(ref)
        samples = self.samples
        if len(samples) < MOST_SAMPLES:
            insort(samples, (ns, insert_id))
        elif ns <= samples[-1][0]:
            insort(samples, (ns, insert_id))
            samples.pop()

    def count(self, level: int, inferred: bool) -> None:
        """Count one entry of an occurrence by the severity that it states or that its text tells."""
        if level >= _ERROR:
            if inferred:
                self.inferred += 1
            else:
                self.stated += 1


class Group:
    """A group while it is counted. `level` is the highest rank of a severity in it.

    `first_ns` and `first_id` are of the earliest occurrence; `first_ref` finds its entry, and `first_line` is it where
    it was at hand. `best` is the key of the occurrence with most exceptions, of equals the earliest.
    """

    __slots__ = ("best", "best_refs", "count", "exceptions", "fingerprint", "first_id", "first_line", "first_ns",
                 "first_ref", "index", "kind", "last_ns", "level", "origins", "service", "severe", "sought", "template")

    def __init__(self, index: int, fingerprint: Fingerprint, kind: GroupKind, service: str, template: str) -> None:
        self.index = index
        self.fingerprint = fingerprint
        self.kind = kind
        self.service = service
        self.template = template
        self.count = 0
        self.level = 0
        self.first_ns = 1 << 63
        self.first_id = ""
        self.first_ref = -1
        self.first_line: bytes | None = None
        self.last_ns = -1
        self.origins: set[Origin] = set()
        self.severe: Severe | None = None
        self.sought = False
        self.best = (1, 1 << 63, "")
        self.best_refs: tuple[int, ...] = ()
        self.exceptions: tuple[LoggedException, ...] = ()

    @property
    def is_traceback(self) -> bool:
        """Whether it was made from an exception."""
        return self.kind is GroupKind.TRACEBACK

    def seen(self, ns: int, insert_id: str, ref: int, level: int, origin: Origin) -> None:
        """Count one more occurrence."""
        self.count += 1
        if ns <= self.first_ns and (ns < self.first_ns or insert_id < self.first_id):
            self.first_ns, self.first_id, self.first_ref, self.first_line = ns, insert_id, ref, None
        self.last_ns = max(self.last_ns, ns)
        self.level = max(self.level, level)
        self.origins.add(origin)

    def chained(self, exceptions: int, ns: int, insert_id: str, refs: Sequence[int]) -> None:
        """Remember an occurrence's entries if it has the most exceptions so far."""
        key = (-exceptions, ns, insert_id)
        if key < self.best:
            self.best = key
            self.best_refs = tuple(refs)

    def made_severe(self) -> Severe:
        """Its occurrences that can make an incident, from now on kept."""
        if self.severe is None:
            self.severe = Severe()
        return self.severe

    @property
    def severity(self) -> Severity:
        """The highest severity in it."""
        return _LEVELS[self.level]

    def value(self, text: str, names: Names, shown_with: Fingerprint | None = None) -> LogGroup:
        """The group as a value, without secrets; `text` is that of its earliest occurrence."""
        redactor = names.redactor
        samples = self.severe.samples if self.severe is not None else [(self.first_ns, self.first_id)]
        return LogGroup(
            fingerprint=self.fingerprint,
            kind=self.kind,
            title=_title(text, self.exceptions, redactor),
            severity=self.severity,
            count=self.count,
            first_seen=rfc3339(self.first_ns),
            last_seen=rfc3339(self.last_ns),
            services=names.of([self.service]),
            revisions=names.of({origin.revision for origin in self.origins}),
            instances=names.of({origin.instance for origin in self.origins}),
            insert_ids=tuple(insert_id for _, insert_id in samples),
            exceptions=tuple(_clean(exception, redactor) for exception in self.exceptions),
            shown_with=shown_with,
        )


class Names:
    """Names of services, revisions and instances without secrets: each is looked at once."""

    def __init__(self, redactor: Redactor) -> None:
        self.redactor = redactor
        self._clean: dict[str, str] = {}

    def of(self, names: Iterable[str]) -> tuple[str, ...]:
        """The names that are not empty, clean, sorted, each once."""
        return tuple(sorted({self.one(name) for name in names if name}))

    def one(self, name: str) -> str:
        """A name, clean."""
        clean = self._clean.get(name)
        if clean is None:
            clean = self._clean[name] = self.redactor.text(name)
        return clean


def first_line(text: str, redactor: Redactor, most: int = _MOST_TITLE) -> str:
    """The first line of a text that is not empty, redacted and cut."""
    line = next((line.strip() for line in text.split("\n") if line.strip()), "")
    line = redactor.text(line)
    return line if len(line) <= most else f"{line[:most]}…"


def _title(text: str, exceptions: tuple[LoggedException, ...], redactor: Redactor) -> str:
    if not exceptions:
        return first_line(text, redactor) or "(empty message)"
    message = first_line(exceptions[0].message, redactor)
    return f"{exceptions[0].type}: {message}" if message else exceptions[0].type


def _clean(exception: LoggedException, redactor: Redactor) -> LoggedException:
    frames = tuple(_clean_frame(frame, redactor) for frame in exception.frames)
    message = redactor.text(exception.message)[:_MOST_MESSAGE]
    return LoggedException(type=exception.type, message=message, frames=frames)


def _clean_frame(frame: Frame, redactor: Redactor) -> Frame:
    return frame.model_copy(update={"source": redactor.text(frame.source)})
