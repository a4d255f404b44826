"""The text of a run's tracking issue: its cycles in one table, and how far it has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.base import counted, headline
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus
from bot.domain.results import Committed, IssueFiled, Proven, Retrieved
from bot.domain.workflow import Workflow
from bot.logs.priority import urgency_of
from bot.logs.ranking import named
from bot.reports.markdown import cell, link
from bot.reports.rendering import rendered
from bot.reports.titles import branch_of

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
    found = {record.ref.number: _of(record, workflow) for record in records}
    absent = "not needed" if over else "not begun"
    return tuple(found.get(number) or TrackedCycle(number, state=absent)
                 for number in range(1, records[-1].settings.cycles + 1))


def _of(record: CycleRecord, workflow: Workflow) -> TrackedCycle:
    retrieved, filed = record.latest(Retrieved), record.latest(IssueFiled)
    proven, committed = record.latest(Proven), record.latest(Committed)
    winner = None if retrieved is None else retrieved.selection.winner
    return TrackedCycle(
        record.ref.number,
        incident=cell(named(winner.incident)) if winner is not None else _NONE,
        priority=urgency_of(winner).priority if winner is not None else _NONE,
        state=_state(record, workflow),
        issue=link("issue", filed.key.fingerprint) if filed is not None else _NONE,
        proof=_NONE if proven is None else f"{proven.proof.verdict.value.replace('_', ' ')}: {proven.proof.tally}",
        pull=link("pull", branch_of(record.ref)) if committed is not None else _NONE,
    )


def _state(record: CycleRecord, workflow: Workflow) -> str:
    """In two or three words: why a cycle is paused stands in its own comment."""
    if record.status is CycleStatus.ENDED:
        return record.end.value if record.end is not None else "ended"
    current = record.current
    at = "" if current is None else f" at step {workflow.of(current.step).number}"
    return f"{'paused' if record.status is CycleStatus.PAUSED else 'running'}{at}"
