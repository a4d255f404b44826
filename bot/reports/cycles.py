"""The cycles of a repository for people, from records and from the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.base import counted
from bot.domain.effects import IssueUpsert, PullRequestUpsert
from bot.domain.past import PastCycle
from bot.domain.record import CycleRecord, CycleRef, CycleStatus
from bot.domain.workflow import Workflow
from bot.reports.course import state_in_words
from bot.reports.markdown import cell, prose


@dataclass(frozen=True)
class CycleRow:
    """A cycle in a table. `cost` is in USD; `published` names the issue and the pull request, as far as known."""

    ref: CycleRef
    state: str
    incident: str
    published: str
    cost: Decimal | None


def cycle_rows(records: Iterable[CycleRecord], elsewhere: Iterable[PastCycle], workflow: Workflow) -> list[CycleRow]:
    """The cycles, newest first. What is in both is told by its record, with what only the ledger knows."""
    past = {entry.ref: entry for entry in elsewhere}
    rows = {ref: _of_past(entry, workflow) for ref, entry in past.items()}
    rows |= {record.ref: _of_record(record, past.get(record.ref), workflow) for record in records}
    return [rows[ref] for ref in sorted(rows, key=lambda ref: (ref.run, ref.focus, ref.number), reverse=True)]


def cycles_markdown(
    records: Iterable[CycleRecord], elsewhere: Iterable[PastCycle], workflow: Workflow, most: int = 10
) -> str:
    """A table of the newest cycles."""
    rows = cycle_rows(records, elsewhere, workflow)
    if not rows:
        return "No cycle has run here yet.\n"
    lines = ["| cycle | state | incident | published | model |", "|---|---|---|---|---:|"]
    for row in rows[:most]:
        cost = "–" if row.cost is None else f"{row.cost:.2f} USD"
        lines.append(f"| {cell(str(row.ref))} | {prose(row.state, cell=True)} | {cell(row.incident)} "
                     f"| {prose(row.published, cell=True)} | {cost} |")
    if len(rows) > most:
        lines += ["", f"And {counted(len(rows) - most, 'earlier cycle')}."]
    return "\n".join(lines) + "\n"


def _of_record(record: CycleRecord, past: PastCycle | None, workflow: Workflow) -> CycleRow:
    numbers = {
        kind: next((item.receipt.number for item in reversed(record.effects())
                    if isinstance(item.effect, kind) and item.receipt is not None), None)
        for kind in (IssueUpsert, PullRequestUpsert)
    }
    published = _published(numbers[IssueUpsert] or (past.issue if past else None),
                           numbers[PullRequestUpsert] or (past.pull if past else None))
    if published == "–" and any(item.receipt is not None and item.receipt.did == "kept for later"
                                for item in record.effects()):
        published = "to be published"
    incident = record.incident
    shown = "–" if incident is None else f"{incident.root.type}: {incident.root.message}"[:80]
    return CycleRow(record.ref, state_in_words(record, workflow), shown, published, record.usage.cost_usd)


def _of_past(entry: PastCycle, workflow: Workflow) -> CycleRow:
    if entry.status is CycleStatus.ENDED:
        state = f"ended: {entry.end.value if entry.end else 'it is not known how'}"
    else:
        names = {place.name: place.number for place in workflow.steps}
        at = f" at step {names.get(entry.step, entry.step)}" if entry.step else ""
        # Whether its process still runs is not known here.
        state = f"paused{at}" if entry.status is CycleStatus.PAUSED else f"running or interrupted{at}"
    return CycleRow(
        entry.ref, state, entry.names[0] if entry.names else "–", _published(entry.issue, entry.pull),
        sum(entry.spent_usd.values(), Decimal(0)),
    )


def _published(issue: int | None, pull: int | None) -> str:
    known = (("issue", issue), ("pull request", pull))
    return ", ".join(f"{what} {number}" for what, number in known if number is not None) or "–"
