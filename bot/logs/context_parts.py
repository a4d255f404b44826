"""The kinds of context of an incident, each with how it is told from other entries and which of it is best."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from bot.domain.logs import LogEntry
from bot.logs.best import Best, Key, distinct, shared
from bot.logs.masking import mask
from bot.logs.origins import Origin
from bot.ports import LogReading

MOST_TRACES = 20
"""Traces that are followed: that of the first entry of each wording, then those of the earliest entries."""
MOST_INSTANCES = 3
_MOST_REVISIONS = 2
_SECOND = 1_000_000_000
_NEAR_NS = 60 * _SECOND
_DEPLOYED_NS = 600 * _SECOND
_STARTED_NS = 10 * _SECOND
_SPARE = 5
"""Times as many entries are held as are wanted, since many read the same."""
_TRACE = re.compile(rb'"trace"\s*:\s*"([^"\\]+)"')
_INSTANCE_KEYS = (b'"instanceId"', b'"instance_id"', b'"pod_name"')
_Revision = tuple[str, str, str]


class Window(NamedTuple):
    """From and to, in nanoseconds since 1970, both included."""

    since: int
    until: int

    def holds(self, time_ns: int) -> bool:
        """Whether a moment lies in it."""
        return self.since <= time_ns <= self.until

    def meets(self, low: int, high: int) -> bool:
        """Whether something that lasted from `low` to `high` has a part in it."""
        return low <= self.until and high >= self.since


class Part(Protocol):
    """One kind of context: an entry may be of it only in its windows."""

    @property
    def windows(self) -> Iterable[Window]:
        """The times in which it finds something."""
        ...

    def may(self, line: bytes) -> bool:
        """Whether a line of such a time may be of this kind, by its bytes; says yes too often, rarely no."""
        ...

    def take(self, entry: LogEntry) -> None:
        """Hold on to an entry if it is of this kind."""
        ...

    def best(self, most: int, without: AbstractSet[Key]) -> list[LogEntry]:
        """The best of what was taken, of what reads the same only the best one; none of those in `without`."""
        ...


def _went_well(entry: LogEntry) -> bool:
    return entry.request is not None and entry.request.status < 400


def _wording(entry: LogEntry) -> str:
    return mask(entry.text)


class Traces:
    """Entries of the traces that the incident's entries name."""

    def __init__(self, members: Sequence[LogEntry], most: int) -> None:
        first: dict[str, LogEntry] = {}
        traced = [entry for entry in members if entry.trace]
        for entry in traced:
            first.setdefault(_wording(entry), entry)
        self._at: dict[str, int] = {}
        for entry in (*first.values(), *traced):
            if len(self._at) < MOST_TRACES:
                self._at.setdefault(entry.trace, entry.time_ns)
        self._names = frozenset(name.encode() for name in self._at)
        share = -(-most // max(1, len(self._at))) * _SPARE
        self._found = {name: Best(share) for name in self._at}

    @property
    def windows(self) -> Iterable[Window]:
        """As `Part` has it."""
        return [Window(at - _NEAR_NS, at + _NEAR_NS) for at in self._at.values()]

    def may(self, line: bytes) -> bool:
        """As `Part` has it."""
        return bool(self._names) and any(name in self._names for name in _TRACE.findall(line))

    def take(self, entry: LogEntry) -> None:
        """As `Part` has it."""
        at = self._at.get(entry.trace)
        if at is not None and abs(entry.time_ns - at) <= _NEAR_NS:
            self._found[entry.trace].add(-abs(entry.time_ns - at), entry)

    def best(self, most: int, without: AbstractSet[Key]) -> list[LogEntry]:
        """As `Part` has it."""
        found = [heap.entries() for heap in self._found.values()]
        return shared(found, most, without, lambda entry: f"{entry.trace}\n{entry.service}\n{_wording(entry)}")


class Instances:
    """What the first instances logged in the minute before each first failed."""

    def __init__(self, members: Sequence[LogEntry], most: int) -> None:
        first: dict[tuple[str, str, str], int] = {}
        for entry in members:
            if entry.instance:
                first.setdefault((entry.project, entry.service, entry.instance), entry.time_ns)
        self._most = most
        self._failed = dict(list(first.items())[:MOST_INSTANCES])
        self._needles = [place[2].encode() for place in self._failed]
        self._found = {place: (Best(most * _SPARE), Best(most * _SPARE)) for place in self._failed}

    @property
    def windows(self) -> Iterable[Window]:
        """As `Part` has it."""
        return [Window(failed - _NEAR_NS, failed) for failed in self._failed.values()]

    def may(self, line: bytes) -> bool:
        """As `Part` has it."""
        return any(needle in line for needle in self._needles)

    def take(self, entry: LogEntry) -> None:
        """As `Part` has it."""
        place = (entry.project, entry.service, entry.instance)
        failed = self._failed.get(place)
        if failed is not None and 0 <= failed - entry.time_ns <= _NEAR_NS:
            self._found[place][_went_well(entry)].add(entry.time_ns, entry)

    def best(self, most: int, without: AbstractSet[Key]) -> list[LogEntry]:
        """As `Part` has it."""
        found = [[*telling.entries(), *plain.entries()] for telling, plain in self._found.values()]
        return shared(found, most, without, _wording)

    def left_out(self, reading: LogReading) -> Iterable[bytes]:
        """What the query did not ask for of these instances and times."""
        if not self._failed:
            return ()
        names = tuple(place[2] for place in self._failed)
        since, until = min(self._failed.values()) - _NEAR_NS, max(self._failed.values())
        return reading.left_out(names, _moment(since), _moment(until + 1_000), self._most * MOST_INSTANCES)


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(max(0, nanoseconds) / 1e9, UTC)


def _first_of_revisions(members: Sequence[LogEntry]) -> Mapping[_Revision, int]:
    first: dict[_Revision, int] = {}
    for entry in members:
        if entry.service and entry.revision:
            first.setdefault((entry.project, entry.service, entry.revision), entry.time_ns)
    return dict(list(first.items())[:_MOST_REVISIONS])


class Deployments:
    """What no instance logged of a service before its revision first failed: deployments, the platform's words."""

    def __init__(self, members: Sequence[LogEntry], most: int) -> None:
        self._windows: dict[tuple[str, str], list[Window]] = {}
        for (project, service, _), failed in _first_of_revisions(members).items():
            self._windows.setdefault((project, service), []).append(Window(failed - _DEPLOYED_NS, failed))
        self._needles = [service.encode() for _, service in self._windows]
        self._found = Best(most * _SPARE)

    @property
    def windows(self) -> Iterable[Window]:
        """As `Part` has it."""
        return [window for windows in self._windows.values() for window in windows]

    def may(self, line: bytes) -> bool:
        """As `Part` has it."""
        return any(needle in line for needle in self._needles) and not any(key in line for key in _INSTANCE_KEYS)

    def take(self, entry: LogEntry) -> None:
        """As `Part` has it."""
        if entry.instance or _went_well(entry):
            return
        if any(window.holds(entry.time_ns) for window in self._windows.get((entry.project, entry.service), ())):
            self._found.add(entry.time_ns, entry)

    def best(self, most: int, without: AbstractSet[Key]) -> list[LogEntry]:
        """As `Part` has it."""
        return distinct(self._found.entries(), most, without, _wording)


class StartUp:
    """What a revision's instances said first, before it first failed."""

    def __init__(self, members: Sequence[LogEntry], origins: Sequence[Origin], most: int) -> None:
        self._windows: dict[_Revision, Window] = {}
        for revision, failed in _first_of_revisions(members).items():
            born = min((origin.born_ns for origin in origins
                        if (origin.project, origin.service, origin.revision) == revision and origin.instance),
                       default=failed)
            self._windows[revision] = Window(born, min(failed, born + _STARTED_NS))
        self._needles = [revision[2].encode() for revision in self._windows]
        self._found = Best(most * _SPARE)

    @property
    def windows(self) -> Iterable[Window]:
        """As `Part` has it."""
        return self._windows.values()

    def may(self, line: bytes) -> bool:
        """As `Part` has it."""
        return any(needle in line for needle in self._needles)

    def take(self, entry: LogEntry) -> None:
        """As `Part` has it."""
        window = self._windows.get((entry.project, entry.service, entry.revision))
        if window is not None and entry.instance and window.holds(entry.time_ns) and not _went_well(entry):
            self._found.add(-entry.time_ns, entry)

    def best(self, most: int, without: AbstractSet[Key]) -> list[LogEntry]:
        """As `Part` has it."""
        return distinct(self._found.entries(), most, without, _wording)
