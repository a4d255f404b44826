"""Where entries come from: one object for all entries of one instance, found by the bytes that name it."""

from __future__ import annotations

import msgspec

from bot.domain.logs import Focus, LogEntry
from bot.logs.forms import Forms, Groups

_MOST_CACHED = 50_000


class Origin:
    """A resource and its labels.

    `stream` numbers what writes one log; `place` is the same where that is an instance, else -1.
    `born_ns` and `died_ns` are the times of its first and last entry, in nanoseconds. `wanted` says whether its
    service is one of the focus's.
    """

    __slots__ = ("born_ns", "died_ns", "forms", "index", "instance", "labels", "logger", "place", "project", "resource",
                 "revision", "service", "stream", "wanted")

    def __init__(self, index: int, entry: LogEntry, labels: tuple[tuple[str, str], ...], stream: int, forms: Forms,
                 wanted: bool) -> None:
        self.index = index
        self.project = entry.project
        self.service = entry.service
        self.revision = entry.revision
        self.instance = entry.instance
        self.labels = labels
        self.logger = dict(labels).get("python_logger", "")
        self.stream = stream
        self.place = stream if entry.instance else -1
        self.forms = forms
        self.wanted = wanted
        self.resource = msgspec.Raw()
        self.born_ns = 1 << 63
        self.died_ns = -1

    def lived(self, ns: int) -> None:
        """Note that it logged something at that time."""
        self.born_ns = min(self.born_ns, ns)
        self.died_ns = max(self.died_ns, ns)


class Origins:
    """All origins of a scan. Of the labels, only those named are kept: others may be new with every entry."""

    def __init__(self, focus: Focus, groups: Groups, labels: frozenset[str]) -> None:
        self._services = frozenset(focus.services)
        self._labels = labels
        self._groups = groups
        self._known: dict[tuple[str, str, str, str, tuple[tuple[str, str], ...]], Origin] = {}
        self._streams: dict[tuple[str, str, str], int] = {}
        self._forms: dict[str, Forms] = {}
        self.all: list[Origin] = []
        self.by_labels: dict[bytes, Origin] = {}

    def of(self, entry: LogEntry) -> Origin:
        """The origin of an entry."""
        labels = tuple(pair for pair in entry.labels if pair[0] in self._labels)
        key = (entry.project, entry.service, entry.revision, entry.instance, labels)
        origin = self._known.get(key)
        if origin is None:
            stream = self._streams.setdefault((entry.project, entry.service, entry.instance), len(self._streams))
            forms = self._forms.get(entry.service)
            if forms is None:
                forms = self._forms[entry.service] = Forms(entry.service, self._groups)
            wanted = not self._services or entry.service in self._services
            origin = self._known[key] = Origin(len(self.all), entry, labels, stream, forms, wanted)
            self.all.append(origin)
        return origin

    def remember(self, labels: bytes, resource: msgspec.Raw, origin: Origin) -> None:
        """Find the origin by the bytes of an entry's labels from now on, where its resource is the same."""
        if len(self.by_labels) >= _MOST_CACHED:
            self.by_labels.clear()
        origin.resource = resource
        self.by_labels[labels] = origin
