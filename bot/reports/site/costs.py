"""What a cycle cost, by attempt at a step and by model: each call once, however often its reply was replayed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.domain.asking import Charge, Usage, total
from bot.domain.record import CycleRecord
from bot.domain.workflow import Workflow
from bot.reports.site.charts import Chart, spent

UNKNOWN = "not known"


@dataclass(frozen=True)
class CostRow:
    """A step's attempt, or a model: how many calls, what they cost, and how many gave no reply."""

    name: str
    calls: int
    usage: Usage
    lost: int


@dataclass(frozen=True)
class Costs:
    """The two tables, the sum of either, and the chart by step."""

    steps: tuple[CostRow, ...]
    models: tuple[CostRow, ...]
    usage: Usage
    calls: int
    chart: Chart | None


def costs_of(record: CycleRecord, models: Mapping[str, str], workflow: Workflow) -> Costs | None:
    """None for a cycle that asked no model."""
    seen: set[tuple[str, str]] = set()
    steps = [CostRow(name, len(new), total(new), sum(bool(one.lost) for one in new))
             for name, charges in _by_step(record, workflow) if (new := list(_new(charges, seen)))]
    if not steps:
        return None
    by_model: dict[str, list[Charge]] = {}
    for charge in {(one.digest, one.lost): one for one in record.charges}.values():
        by_model.setdefault(models.get(charge.digest, UNKNOWN), []).append(charge)
    rows = [CostRow(name, len(found), total(found), sum(bool(one.lost) for one in found))
            for name, found in by_model.items()]
    bars = [(row.name, row.usage.cost_usd, row.usage.tokens) for row in steps]
    return Costs(
        tuple(steps), tuple(sorted(rows, key=lambda row: (-row.usage.tokens, row.name))), record.usage,
        sum(row.calls for row in steps), spent("chart-cost", bars, "step", tuple(row.name for row in steps)),
    )


def _by_step(record: CycleRecord, workflow: Workflow) -> Iterator[tuple[str, tuple[Charge, ...]]]:
    numbers = {place.name: place.number for place in workflow.steps}
    for retry in record.retries:
        yield f"set aside: from {retry.step}", retry.charges
    for step in record.steps:
        attempt = f", attempt {step.attempt}" if step.attempt > 1 else ""
        yield f"{numbers.get(step.step, '')} {step.step}{attempt}".strip(), step.charges


def _new(charges: Iterable[Charge], seen: set[tuple[str, str]]) -> Iterator[Charge]:
    for charge in charges:
        if (charge.digest, charge.lost) not in seen:
            seen.add((charge.digest, charge.lost))
            yield charge
