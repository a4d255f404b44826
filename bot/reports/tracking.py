"""The text of a run's tracking issue: its cycles in one table, and how far it has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.base import counted, headline
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus
from bot.domain.workflow import Workflow
from bot.reports.markdown import cell, link
from bot.reports.rendering import rendered
from bot.reports.run_lines import CycleLine, lines_of, proof_in_words

_NONE = "–"


@dataclass(frozen=True)
class TrackedCycle:
    """A line of the table, as Markdown: nothing in it has power any more."""

    number: int
    incident: str = _NONE
    priority: str = _NONE
    state: str = "not begun"
    issue: str = _NONE
    proof: str = _NONE
    pull: str = _NONE

    def __str__(self) -> str:
        """The line itself."""
        cells = (str(self.number), self.incident, self.priority, self.state, self.issue, self.proof, self.pull)
        return f"| {' | '.join(cells)} |"


def tracking_title(record: CycleRecord) -> str:
    """What the tracking issue of a record's run is called."""
    settings = record.settings
    return headline(f"{settings.focus.title}: {counted(settings.cycles, 'cycle')}, run {record.ref.run}", 160)


def tracking_body(records: Sequence[CycleRecord], workflow: Workflow, *, over: bool = False) -> str:
    """The text of the tracking issue, from the records of a run, the first cycle first.

    `over`: no cycle follows, though there may have been fewer than the run was to have.
    """
    last = records[-1]
    ended = Counter(record.end for record in records if record.status is CycleStatus.ENDED and record.end is not None)
    most = last.settings.cycles
    return rendered("tracking.md.j2", {
        "record": last,
        "link": link,
        "over": over,
        "most": most,
        "ended": sum(ended.values()),
        "bar": "█" * sum(ended.values()) + "░" * (most - sum(ended.values())),
        "ends": tuple((end.value, ended[end]) for end in CycleEnd if ended[end]),
        "rows": tracked(records, workflow, over=over),
        "as_of": max((step.ended_at or step.started_at for record in records for step in record.steps),
                     default=last.created_at),
    })


def tracked(records: Sequence[CycleRecord], workflow: Workflow, *, over: bool = False) -> tuple[TrackedCycle, ...]:
    """A line for each cycle of a run, those included that have not begun."""
    found = {line.number: _of(line) for line in lines_of(records, workflow)}
    absent = "not needed" if over else "not begun"
    return tuple(found.get(number) or TrackedCycle(number, state=absent)
                 for number in range(1, records[-1].settings.cycles + 1))


def _of(line: CycleLine) -> TrackedCycle:
    return TrackedCycle(
        line.number,
        incident=cell(line.incident) if line.incident else _NONE,
        priority=line.priority or _NONE,
        state=line.state,
        issue=link("issue", line.fingerprint) if line.fingerprint else _NONE,
        proof=_NONE if line.proof is None else proof_in_words(line.proof),
        pull=_NONE if line.branch is None else link("pull", line.branch),
    )
