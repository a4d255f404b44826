"""What to do next with a cycle: a pure function of its record. Resuming is nothing but asking it again."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.errors import AnswerRefused
from bot.domain.record import CycleEnd, CycleRecord, Decision, StepRecord, StepStatus
from bot.domain.workflow import Workflow, WorkflowStep


@dataclass(frozen=True)
class RunStep:
    """Run a step attempt. `again` is the index of an interrupted record to take over, None for a new one."""

    place: WorkflowStep
    attempt: int
    again: int | None


@dataclass(frozen=True)
class Publish:
    """Apply one effect: the first without a receipt."""

    step: int
    effect: int


@dataclass(frozen=True)
class Pause:
    """Stop here because that was asked for."""

    because: str


@dataclass(frozen=True)
class End:
    """The cycle is over."""

    end: CycleEnd


Move = RunStep | Publish | Pause | End


def next_move(record: CycleRecord, workflow: Workflow) -> Move:
    """Decide what comes next. Effects of a step are published before the next step runs."""
    if not record.steps:
        first = workflow.steps[0]
        return RunStep(first, _attempts(record, first.name) + 1, None)
    index, last = len(record.steps) - 1, record.steps[-1]
    if last.status is StepStatus.RUNNING:
        return RunStep(workflow.of(last.step), last.attempt, index)
    if last.status is StepStatus.FAILED:
        # A stored reply would be found again under the same attempt, so only a new attempt asks anew.
        asked_in_vain = last.failure is not None and last.failure.family == AnswerRefused.family
        return RunStep(workflow.of(last.step), last.attempt + (1 if asked_in_vain else 0), None)
    for number, item in enumerate(last.effects):
        if item.receipt is None:
            return Publish(index, number)
    return move_after(record, last, workflow)


def move_after(record: CycleRecord, last: StepRecord, workflow: Workflow) -> RunStep | Pause | End:
    """What follows a done step, once its effects are published."""
    place = workflow.of(last.step)
    if last.decision is Decision.END:
        if last.end is None:
            raise ValueError(f"step {last.step} of {record.ref} ended the cycle without saying how")
        return End(last.end)
    if last.decision is Decision.HOLD:
        if place.hold is None:
            raise ValueError(f"step {last.step} held, but the workflow does not say where that leads")
        if holds(record, place.hold.back_to, workflow) >= place.hold.attempts:
            return End(place.hold.ends)
        return RunStep(workflow.of(place.hold.back_to), _attempts(record, place.hold.back_to) + 1, None)
    following = workflow.after(last.step)
    if following is None:
        return End(CycleEnd.FIX_PROPOSED)
    if record.settings.until == last.step:
        return Pause(f"as asked: --until {last.step}")
    return RunStep(following, _attempts(record, following.name) + 1, None)


def holds(record: CycleRecord, back_to: str, workflow: Workflow) -> int:
    """How often the cycle was held back to a step so far."""
    count = 0
    for step in record.steps:
        hold = workflow.of(step.step).hold
        if step.decision is Decision.HOLD and hold is not None and hold.back_to == back_to:
            count += 1
    return count


def _attempts(record: CycleRecord, step: str) -> int:
    """How many attempts there were, those included that were set aside before the record came this far."""
    aside = (retry.attempts.get(step, 0) for retry in record.retries if retry.kept <= len(record.steps))
    return max((*aside, *(item.attempt for item in record.steps if item.step == step)), default=0)
