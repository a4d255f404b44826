"""What a cycle's page is made of: the record, and what the files beside it hold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from bot.domain.asking import Exchange
from bot.domain.errors import RecordDamaged
from bot.domain.record import CycleRecord
from bot.domain.results import FiveWhys, Retrieved
from bot.logs.snapshot import parse_snapshot
from bot.reports.site.context import Surroundings

NO_LOG = "No log was read."


@dataclass(frozen=True)
class Material:
    """A record, its log, its code by path, and the model that answered each request, by digest.

    `no_log` says why there are no entries; `problems` what else could not be read or is not as the record has it.
    """

    record: CycleRecord
    log: Surroundings
    no_log: str = ""
    code: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def material_of(
    record: CycleRecord, read: Callable[[str], bytes], exchange: Callable[[str], Exchange | None]
) -> Material:
    """Read what the page of a cycle needs, each file once. What is missing or damaged is said, and stops nothing."""
    reader = _Reader(record, read)
    log, no_log = reader.log()
    return Material(record, log, no_log, dict(reader.code()), dict(_models(record, exchange)), tuple(reader.problems))


class _Reader:
    def __init__(self, record: CycleRecord, read: Callable[[str], bytes]) -> None:
        self._record = record
        self._read = read
        self._sums = {item.name: item.sha256 for step in record.steps for item in step.artifacts}
        self.problems: list[str] = []

    def _content(self, name: str) -> bytes | None:
        try:
            content = self._read(name)
        except RecordDamaged:
            # Without the path, since a site may be read by others.
            self.problems.append(f"`{name}` is not beside the record, which names it, or cannot be read.")
            return None
        except ValueError:
            self.problems.append(f"The record names a file {name!r}, which is no path beside it.")
            return None
        if name in self._sums and hashlib.sha256(content).hexdigest() != self._sums[name]:
            self.problems.append(f"`{name}` was changed since the record was written: it has another checksum.")
        return content

    def log(self) -> tuple[Surroundings, str]:
        """The snapshot, or why there is none."""
        retrieved = self._record.latest(Retrieved)
        if retrieved is None or not retrieved.snapshot:
            return Surroundings(()), NO_LOG
        content = self._content(retrieved.snapshot)
        if content is None:
            return Surroundings(()), self.problems[-1]
        try:
            return Surroundings(parse_snapshot(content)), ""
        except ValueError as error:
            self.problems.append(f"The log cannot be read: {error}.")
            return Surroundings(()), self.problems[-1]

    def code(self) -> Iterator[tuple[str, str]]:
        """The files that were shown or quoted, as they were kept."""
        whys = self._record.latest(FiveWhys)
        for file in whys.code if whys is not None else ():
            content = self._content(file.artifact)
            if content is not None:
                yield file.path, content.decode("utf-8", "replace")


def _models(record: CycleRecord, exchange: Callable[[str], Exchange | None]) -> Iterator[tuple[str, str]]:
    """Which model answered, as its reply says; nothing for a call without a stored reply."""
    for digest in {charge.digest for charge in record.charges if not charge.lost}:
        try:
            found = exchange(digest)
        except RecordDamaged:
            continue
        if found is not None:
            yield digest, found.reply.model
