"""The document of a run: its cycles in one table, what they found out, what came again. From their records alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from bot.domain.asking import Usage, total
from bot.domain.base import counted, headline
from bot.domain.evidence import Support
from bot.domain.record import ENDS_THE_RUN, CycleEnd, CycleRecord, CycleStatus
from bot.domain.workflow import Workflow
from bot.reports.markdown import cell, prose
from bot.reports.mermaid import run_picture
from bot.reports.rendering import cost_in_words, rendered
from bot.reports.run_lessons import Again, lessons_of, recurring, totals_of
from bot.reports.run_lines import CycleLine, lines_of, proof_in_words

RUN_DOCUMENT = "run.md"
"""Its name, in the run's folder."""
MOST_FINDINGS = 8
"""Findings of one attempt that are named; the cycle's own documents have all."""
MOST_AGAIN = 12
"""Things of one kind that came again."""
_NONE = "–"
_CAUSE = 160


@dataclass(frozen=True)
class Row:
    """A line of the first table, as Markdown: nothing in it has power any more."""

    cells: tuple[str, ...]

    def __str__(self) -> str:
        """The line itself."""
        return f"| {' | '.join(self.cells)} |"


def run_document(records: Sequence[CycleRecord], workflow: Workflow) -> str:
    """The text of the document, from the records of a run, the first cycle first. Needs one at least."""
    lines = lines_of(records, workflow)
    last = records[-1]
    ended = Counter(record.end for record in records if record.end is not None)
    return rendered("run.md.j2", {
        "record": last,
        "records": records,
        "lines": lines,
        "most": last.settings.cycles,
        "state": _state(records),
        "ended": sum(ended.values()),
        "ends": tuple((end.value, ended[end]) for end in CycleEnd if ended[end]),
        "results": tuple(_result(line) for line in lines),
        "efforts": tuple(_effort(line, record) for line, record in zip(lines, records, strict=True)),
        "picture": run_picture(lines),
        "lessons": tuple(lesson for lesson in map(lessons_of, records) if lesson.any),
        "names": {line.number: line.incident for line in lines},
        "numbers": {place.name: place.number for place in workflow.steps},
        "again": tuple(_again(recurring(records))),
        "totals": totals_of(records),
        "usage": total(charge for record in records for charge in record.charges),
        "worked": sum(line.worked_s for line in lines),
        "as_of": max(map(_as_of, records)),
        "most_findings": MOST_FINDINGS,
    })


def _state(records: Sequence[CycleRecord]) -> str:
    """In a few words how far the run has come."""
    numbers = {status: [str(record.ref.number) for record in records if record.status is status]
               for status in (CycleStatus.RUNNING, CycleStatus.PAUSED)}
    if numbers[CycleStatus.RUNNING]:
        return f"cycle {', '.join(numbers[CycleStatus.RUNNING])} runs or was interrupted"
    if numbers[CycleStatus.PAUSED]:
        return f"cycle {', '.join(numbers[CycleStatus.PAUSED])} is paused"
    last = records[-1]
    if last.end in ENDS_THE_RUN or last.ref.number == last.settings.cycles:
        return "ended"
    return f"cycle {last.ref.number + 1} has not begun"


def _result(line: CycleLine) -> Row:
    cause = _NONE
    if line.support is not None:
        said = headline(line.cause, _CAUSE)
        cause = f"{'cited' if line.support is Support.CITED else 'unproven'}: {cell(said)}"
    return Row((
        str(line.number), _cell(line.incident), line.priority or _NONE, cause, line.issue or _NONE,
        {None: _NONE, True: "yes", False: "no"}[line.reproduced],
        _NONE if line.proof is None else proof_in_words(line.proof),
        line.pull or _NONE, line.state, prose(line.staging, cell=True) or _NONE,
    ))


def _effort(line: CycleLine, record: CycleRecord) -> Row:
    return Row((
        str(line.number), _time(line.began), _NONE if line.ended is None else _time(line.ended),
        f"{line.worked_s:.1f} s", str(len(record.steps)), f"{line.usage.tokens:,}", _cost(line.usage),
    ))


def _cost(usage: Usage) -> str:
    return cost_in_words(usage) if usage.tokens or usage.cost_usd is None else _NONE


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _cell(text: str) -> str:
    return cell(text) if text else _NONE


def _again(found: Sequence[Again]) -> Iterator[tuple[str, tuple[Row, ...], str]]:
    """The kinds of what came again, each with its rows and with how many were left out, in words."""
    for kind, group in groupby(found, key=lambda one: one.kind):
        every = tuple(group)
        rows = tuple(
            Row((cell(one.name), ", ".join(map(str, one.cycles)), str(one.times))) for one in every[:MOST_AGAIN]
        )
        left = len(every) - len(rows)
        yield kind.value, rows, f"And {counted(left, 'other')}." if left > 0 else ""


def _as_of(record: CycleRecord) -> datetime:
    return max((step.ended_at or step.started_at for step in record.steps), default=record.created_at)
