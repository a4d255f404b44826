"""The way of a cycle through its steps and attempts as a picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.base import counted
from bot.domain.record import CycleRecord, CycleStatus, Decision, StepRecord, StepStatus
from bot.domain.workflow import Workflow
from bot.reports.mermaid.labels import block, label

MOST_RETRIES = 5
MOST_NUMBERS = 10
"""Attempts that are named one by one."""
_REASON = 120


@dataclass(frozen=True)
class _Way:
    """From a step to a step, or to where it is over (after a HOLD: `over`); `hold` leads back, `again` repeats."""

    begin: str
    to: str
    kind: str


_ARROWS = {"on": "-->", "over": "-->", "hold": "-.->", "again": "-.->"}


def course_path(record: CycleRecord, workflow: Workflow) -> str:
    """Each step that ran, with its attempts; HOLD leads back; then how the cycle ended, or why it does not go on."""
    return block(_lines(record, workflow)) if record.steps else ""


def _lines(record: CycleRecord, workflow: Workflow) -> Iterator[str]:
    yield "flowchart TD"
    yield "    accTitle: The way of the cycle through its steps"
    for place in workflow.steps:
        tries = [step for step in record.steps if step.step == place.name]
        if tries:
            yield f'    {_node(place.name)}["Step {label(place.number)}: {label(place.title)}{_attempts(tries)}"]'
    for way, numbers in _ways(record).items():
        yield f"    {way.begin} {_ARROWS[way.kind]}{_said(way, numbers)} {way.to}"
    yield f"    {_end(record)}"
    for number, retry in enumerate(record.retries[-MOST_RETRIES:], 1):
        yield f'    r{number}(["set back to this step by a person"])'
        yield f"    r{number} -.-> {_node(retry.step)}"


def _node(step: str) -> str:
    return f"step_{step}"


def _attempts(tries: list[StepRecord]) -> str:
    numbers = {step.attempt for step in tries}
    return f", {counted(len(numbers), 'attempt')}" if len(numbers) > 1 else ""


def _ways(record: CycleRecord) -> dict[_Way, list[int]]:
    found: dict[_Way, list[int]] = defaultdict(list)
    for step, after in zip(record.steps, record.steps[1:], strict=False):
        kind = "on"
        if step.decision is Decision.HOLD:
            kind = "hold"
        elif step.status is StepStatus.FAILED:
            kind = "again"
        found[_Way(_node(step.step), _node(after.step), kind)].append(step.attempt)
    last = record.steps[-1]
    found[_Way(_node(last.step), "over", "over" if last.decision is Decision.HOLD else "on")].append(last.attempt)
    return found


def _said(way: _Way, numbers: list[int]) -> str:
    if way.kind in {"hold", "over"}:
        few = f"attempt {', '.join(map(str, numbers))}"
        return f'|"HOLD, {few if len(numbers) <= MOST_NUMBERS else counted(len(numbers), "attempt")}"|'
    if way.kind == "again":
        return f'|"failed, {counted(len(numbers), "time")}"|'
    return ""


def _end(record: CycleRecord) -> str:
    if record.status is CycleStatus.ENDED:
        return f'over(["ended: {label(record.end.value if record.end is not None else "it is not known how")}"])'
    if record.status is CycleStatus.PAUSED:
        return f'over[/"paused: {label(record.paused_because, _REASON)}"/]'
    return 'over[/"not ended yet"/]'
