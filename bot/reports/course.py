"""Where a cycle stands, what it has done and what comes next, in the words that all reports use."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.record import CycleEnd, CycleRecord, CycleStatus, Decision, StepRecord, StepStatus
from bot.domain.workflow import Workflow

VERIFY = ("9", "Check in the logs that the incident is gone (comes in a later version)")


@dataclass(frozen=True)
class Line:
    """A line of the checklist."""

    number: str
    title: str
    ticked: bool
    said: str


def state_in_words(record: CycleRecord, workflow: Workflow) -> str:
    """Where a cycle stands, in a few words."""
    if record.status is CycleStatus.ENDED:
        return f"ended: {record.end}"
    if record.status is CycleStatus.PAUSED:
        return f"paused: {record.paused_because}"
    current = record.current
    if current is None:
        return "about to start"
    place = workflow.of(current.step)
    return f"running: step {place.number}, attempt {current.attempt}"


def checklist(record: CycleRecord, workflow: Workflow) -> tuple[Line, ...]:
    """The steps with ticks. A step is ticked when its latest attempt is done and was not held back."""
    lines: list[Line] = []
    for place in workflow.steps:
        last = record.last(place.name)
        ticked = last is not None and last.status is StepStatus.DONE and last.decision is not Decision.HOLD
        lines.append(Line(place.number, place.title, ticked, "" if last is None else _said(last)))
    lines.append(Line(*VERIFY, ticked=False, said=""))
    return tuple(lines)


def _said(step: StepRecord) -> str:
    attempt = f"attempt {step.attempt}: " if step.attempt > 1 else ""
    return attempt + ("running" if step.status is StepStatus.RUNNING else step.said)


_NEXT: dict[CycleEnd, str] = {
    CycleEnd.FIX_PROPOSED: "Next: a person reviews the draft pull request. Step 9 (the logs have the last word) comes "
    "in a later version.",
    CycleEnd.EMPTY_LOG: "Next: see whether the source and the window are the right ones; nothing was logged there.",
    CycleEnd.LOG_CLEAN: "Next: nothing. Entries were read, and none is an incident to work on.",
    CycleEnd.NO_CAUSE: "Next: a person looks at the incident; the evidence did not name a cause.",
    CycleEnd.TESTS_REJECTED: "Next: a person reads the findings; no attempt at the tests could be believed.",
    CycleEnd.NOT_REPRODUCED: "Next: a person decides; the tests did not fail as predicted, so the cause may be wrong.",
    CycleEnd.GIVEN_UP: "Next: nothing here; a new run was started in its place.",
    CycleEnd.FIX_REJECTED: "Next: a person takes over; the tests reproduce the incident, but no fix was proven.",
}


def next_in_words(record: CycleRecord, workflow: Workflow) -> str:
    """What comes next, for people."""
    if record.status is CycleStatus.ENDED and record.end is CycleEnd.FIX_PROPOSED and record.settings.dry_run:
        return "Next: the same without --dry-run publishes it."
    if record.status is CycleStatus.ENDED and record.end is not None:
        return _NEXT[record.end]
    if record.status is CycleStatus.PAUSED:
        already = "`bot resume`" in record.remedy
        return " ".join(f"Next: {record.remedy}{'' if already else ' `bot resume` goes on from here.'}".split())
    current = record.current
    if current is None or current.status is StepStatus.RUNNING:
        return "Next: the running step ends."
    if current.decision is Decision.HOLD:
        hold = workflow.of(current.step).hold
        return f"Next: back to step {workflow.of(hold.back_to).number}." if hold else ""
    following = workflow.after(current.step)
    return f"Next: step {following.number}." if following else "Next: the cycle ends."
