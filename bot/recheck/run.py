"""Checks a run's folder: each of its cycles, then what they say of each other and the document of the run."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.domain.base import Frozen
from bot.domain.effects import TrackingUpsert
from bot.domain.errors import RecordDamaged
from bot.domain.record import CycleRecord, Settings
from bot.domain.workflow import Workflow
from bot.recheck import recheck_material
from bot.recheck.comparing import by_line
from bot.recheck.folder import RECORD, read_file, read_folder
from bot.recheck.material import Material, read_material
from bot.recheck.statement import Found, Recheck, Statement, judged, noted, shown
from bot.reports.run_document import RUN_DOCUMENT, run_document
from bot.reports.tracking import tracked

_CYCLE = re.compile(r"cycle-(\d\d)", re.ASCII)


class RunRecheck(Frozen):
    """What came of each cycle, and of the run as a whole."""

    run: str
    cycles: tuple[Recheck, ...]
    statements: tuple[Statement, ...]

    def of(self, found: Found, check: str | None = None) -> tuple[Statement, ...]:
        """The statements of this kind about the run as a whole; of one check, if it is named."""
        return tuple(one for one in self.statements if one.found is found and check in {None, one.check})

    @property
    def holds(self) -> bool:
        """Whether nothing failed, in no cycle either."""
        return not self.of(Found.FAILS) and all(cycle.holds for cycle in self.cycles)


@dataclass(frozen=True)
class RunMaterial:
    """The cycles of a run, in their order, as far as they can be read; `unread` names the others, and why.

    `numbers` are what the names of the folders say, `document` is the run's, or why there is none, as a predicate.
    """

    name: str
    cycles: tuple[Material, ...]
    numbers: tuple[int, ...]
    unread: Mapping[str, str]
    document: bytes | str
    workflow: Workflow

    @property
    def records(self) -> tuple[CycleRecord, ...]:
        """The records."""
        return tuple(one.record for one in self.cycles)


def cycles_in(folder: Path) -> tuple[Path, ...]:
    """The cycles' folders that lie right below a folder, in their order; links are not followed."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries
                           if _CYCLE.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False))
    except (OSError, ValueError):
        return ()
    return tuple(folder / name for name in names)


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run: it holds cycles, and no record itself."""
    try:
        return not (folder / RECORD).exists() and any((cycle / RECORD).is_file() for cycle in cycles_in(folder))
    except OSError:
        # What cannot be looked at is named when it is read as a cycle's.
        return False


def recheck_run(folder: Path, workflow: Workflow) -> RunRecheck:
    """Make every check on each cycle of a run, and those on the run. A cycle that cannot be read is a failure."""
    run = read_run(folder, workflow)
    return RunRecheck(run=run.name, cycles=tuple(map(recheck_material, run.cycles)), statements=check_run(run))


def read_run(folder: Path, workflow: Workflow) -> RunMaterial:
    """Read what lies in a run's folder."""
    cycles: list[Material] = []
    numbers: list[int] = []
    unread: dict[str, str] = {}
    for cycle in cycles_in(folder):
        try:
            cycles.append(read_material(read_folder(cycle), workflow))
            numbers.append(int(cycle.name[-2:]))
        except RecordDamaged as error:
            unread[cycle.name] = error.what
    return RunMaterial(folder.name, tuple(cycles), tuple(numbers), unread, read_file(folder, RUN_DOCUMENT), workflow)


def check_run(run: RunMaterial) -> tuple[Statement, ...]:
    """Make the checks on a run as a whole."""
    return tuple(one.model_copy(update={"check": name}) for name, check in RUN_CHECKS.items() for one in check(run))


def _cycles(run: RunMaterial) -> Iterator[Statement]:
    """The cycles are those of one run, numbered from 1, and do what the run was asked to."""
    for name, why in run.unread.items():
        yield judged(name, f"it cannot be checked: {why}")
    for number, record in zip(run.numbers, run.records, strict=True):
        ref, first = record.ref, run.records[0]
        what = f"cycle {number}, its place"
        if ref.number != number:
            yield judged(what, f"its record says that it is cycle {ref.number}")
        elif (ref.run, ref.focus) != (first.ref.run, first.ref.focus):
            yield judged(what, f"its record is of {shown(f'{ref.focus}/{ref.run}')}, and the first of "
                               f"{shown(f'{first.ref.focus}/{first.ref.run}')}")
        else:
            yield judged(what, "")
        yield judged(f"cycle {number}, its settings", "" if _asked(record.settings) == _asked(first.settings) else
                     "they are not those of the run's first cycle")
    every = sorted((*run.numbers, *(int(name[-2:]) for name in run.unread)))
    yield judged("the numbers of the cycles", "" if every == list(range(1, len(every) + 1)) else
                 f"they are {shown(', '.join(map(str, every)))}: one was taken away, or there is one too many")
    most = max((record.settings.cycles for record in run.records), default=0)
    yield judged("how many cycles there are", "" if len(every) <= most else f"{len(every)}, and {most} were asked for")


def _asked(settings: Settings) -> Settings:
    """What is the same for all cycles of a run: where to stop and in which sandbox may change when one goes on."""
    return settings.model_copy(update={"until": None, "sandbox": ""})


def _document(run: RunMaterial) -> Iterator[Statement]:
    """Render the run's document again, and hold the stored one against it."""
    if isinstance(run.document, str):
        older = any(material.older for material in run.cycles)
        yield (noted if older else judged)(RUN_DOCUMENT, f"it {run.document}")
    elif not run.cycles or run.unread:
        yield noted(RUN_DOCUMENT, "a cycle of the run cannot be read")
    elif any(material.unread for material in run.cycles):
        yield noted(RUN_DOCUMENT, "a record of the run cannot be read to its end")
    else:
        again = run_document(run.records, run.workflow).encode("utf-8", "replace").decode()
        stored = run.document.decode("utf-8", "replace")
        if any(material.older for material in run.cycles) and stored != again:
            yield noted(RUN_DOCUMENT, "a cycle has a record of an earlier schema, so it may read otherwise")
        elif any(material.unsettled for material in run.cycles) and stored != again:
            yield noted(RUN_DOCUMENT, "a cycle runs, was interrupted or given up: it may be ahead of the record")
        else:
            yield from by_line(RUN_DOCUMENT, stored, again)


def _tracking(run: RunMaterial) -> Iterator[Statement]:
    """The lines of a tracking issue that are of earlier cycles: those that their records give."""
    for material in run.cycles:
        earlier = [one for one in run.cycles if one.record.ref.number < material.record.ref.number]
        for index, step in enumerate(material.record.steps):
            bodies = [item.effect.body for item in step.effects if isinstance(item.effect, TrackingUpsert)]
            for body in bodies:
                yield from _lines(run, f"cycle {material.record.ref.number}, step {index + 1}, its tracking issue",
                                  body, earlier)


def _lines(run: RunMaterial, what: str, body: str, earlier: list[Material]) -> Iterator[Statement]:
    for one in earlier:
        number = one.record.ref.number
        line = str(tracked((one.record,), run.workflow)[number - 1])
        if line in body.split("\n"):
            yield judged(f"{what}, the line of cycle {number}", "")
        elif one.older or one.unread or one.unsettled or one.record.retries:
            yield noted(f"{what}, the line of cycle {number}", "that cycle's record was another then, or may have been")
        else:
            yield judged(f"{what}, the line of cycle {number}",
                         f"its body does not have the line that the record gives: {shown(line)}")


RUN_CHECKS: Mapping[str, Callable[[RunMaterial], Iterator[Statement]]] = {
    "cycles": _cycles,
    "run document": _document,
    "tracking": _tracking,
}
"""Each check of a run as a whole by its name."""
