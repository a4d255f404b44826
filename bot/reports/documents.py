"""The documents of a cycle, rendered from its record alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from bot.audit.kinds import function_name
from bot.domain.asking import Usage
from bot.domain.base import counted
from bot.domain.plan import Level, PlannedTest
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus, Decision, StepRecord, StepStatus
from bot.domain.results import (
    FiveWhys,
    Fixed,
    IssueFiled,
    Planned,
    Proven,
    Retrieved,
    TestsAudited,
    TestsRun,
    TestsWritten,
)
from bot.domain.suite import ENDED_IN_WORDS, Ended, FailureKind, Outcome
from bot.domain.workflow import Workflow
from bot.reports.incidents import incident_table
from bot.reports.markdown import FOLD, UNFOLD, cell, fence, inline, prose, span
from bot.reports.proof_document import ProofView

if TYPE_CHECKING:
    from jinja2 import Environment

_VERIFY = ("9", "Check in the logs that the incident is gone (comes in a later version)")


@dataclass(frozen=True)
class Line:
    """A line of the checklist."""

    number: str
    title: str
    ticked: bool
    said: str


@dataclass(frozen=True)
class Attempt:
    """One attempt at the tests, as the status log tables it. Dashes stand for what is not there yet."""

    number: int
    files: tuple[str, ...]
    tests: str
    defects: str
    recommendation: str


@dataclass(frozen=True)
class LevelView:
    """The outcomes of one level in the first run on base."""

    name: str
    outcomes: tuple[Outcome, ...]

    @property
    def total(self) -> int:
        """How many outcomes."""
        return len(self.outcomes)

    def _count(self, *kinds: FailureKind) -> int:
        return sum(1 for outcome in self.outcomes if outcome.kind in kinds)

    @property
    def passed(self) -> int:
        """How many passed."""
        return self._count(FailureKind.PASSED)

    @property
    def as_predicted(self) -> int:
        """How many failed as predicted."""
        return self._count(FailureKind.AS_PREDICTED)

    @property
    def other(self) -> int:
        """The rest."""
        return self.total - self.passed - self.as_predicted


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("bot.reports"), undefined=StrictUndefined, autoescape=False,  # noqa: S701 - Markdown
        keep_trailing_newline=True,
    )
    environment.filters.update({
        "inline": inline,
        "prose": prose,
        "span": span,
        "cell": cell,
        "count": counted,
        "fence": fence,
        "seconds": lambda value: f"{value:.2f} s",
        "day": _day,
        "ended": lambda value: ENDED_IN_WORDS[Ended(value)],
        "cost": _cost,
        "scripted": scripted_in_words,
    })
    return environment


def _day(moment: datetime) -> str:
    return f"{moment:%B} {moment.day}, {moment.year}"


def _cost(usage: Usage) -> str:
    """What a usage cost, as the reports say it."""
    return "at an unknown price" if usage.cost_usd is None else f"{usage.cost_usd:.4f} USD"


def documents_of(record: CycleRecord, workflow: Workflow) -> Iterator[tuple[str, str]]:
    """Yield name and text of every document that the record has the material for; the status log always."""
    view = _view(record, workflow)
    yield "status.md", _rendered("status.md.j2", view)
    if record.latest(Planned):
        yield "plan.md", _rendered("plan.md.j2", view)
    if record.latest(TestsAudited):
        yield "audit.md", _rendered("audit.md.j2", view)
    if record.latest(TestsRun):
        yield "execution.md", _rendered("execution.md.j2", view)
    if record.latest(Proven):
        yield "proof.md", _rendered("proof.md.j2", view)


def issue_body(record: CycleRecord, workflow: Workflow) -> str:
    """The text of the issue. Needs the record up to the plan."""
    return _rendered("issue.md.j2", _view(record, workflow))


def pull_request_body(record: CycleRecord, workflow: Workflow) -> str:
    """The text of the pull request. Needs the record up to the proof."""
    return _rendered("pull_request.md.j2", _view(record, workflow))


def status_comment(record: CycleRecord, workflow: Workflow) -> str:
    """The text of the cycle's one comment on its issue."""
    return _rendered("comment.md.j2", _view(record, workflow))


def _rendered(name: str, view: dict[str, object]) -> str:
    lines = _environment().get_template(name).render(view).split("\n")
    kept: list[str] = []
    for line in (line.rstrip() for line in lines):
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).strip("\n") + "\n"


def _view(record: CycleRecord, workflow: Workflow) -> dict[str, object]:
    retrieved = record.latest(Retrieved)
    filed = record.latest(IssueFiled)
    tests_run = record.latest(TestsRun)
    planned, proven = record.latest(Planned), record.latest(Proven)
    return {
        "record": record,
        "workflow": workflow,
        "state": state_in_words(record, workflow),
        "not_yet": "Not reached." if record.status is CycleStatus.ENDED else "Not yet.",
        "retrieved": retrieved,
        "winner": record.incident,
        "reading": _reading(retrieved),
        "ranking": incident_table(retrieved.selection, retrieved.incidents) if retrieved is not None else "",
        "whys": record.latest(FiveWhys),
        "planned": planned,
        "filed": filed,
        "issue_receipt": _receipt(record, filed),
        "tests_written": record.latest(TestsWritten),
        "attempts": _attempts(record),
        "audits": record.results(TestsAudited),
        "tests_run": tests_run,
        "levels": _levels(tests_run, planned),
        "fixed": record.latest(Fixed),
        "proven": proven,
        "proof": ProofView(proven.proof) if proven is not None else None,
        "fold": FOLD,
        "unfold": UNFOLD,
        "checklist": checklist(record, workflow),
        "next": next_in_words(record, workflow),
    }


def _reading(retrieved: Retrieved | None) -> str:
    if retrieved is None:
        return ""
    report = retrieved.report
    parts = [f"{counted(report.entries_read, 'entry', 'entries')} read from {report.source}"]
    if report.entries_damaged:
        parts.append(f"{report.entries_damaged} damaged")
    if report.duplicates:
        parts.append(f"{counted(report.duplicates, 'duplicate')} left out")
    if report.passed_over:
        parts.append(f"{report.passed_over:,} below the focus's severity passed over")
    parts.append(f"{counted(retrieved.groups, 'group')}, {counted(retrieved.incidents, 'incident')}")
    return ", ".join(parts) + "." + "".join(f" {sentence}" for sentence in report.unread)


def _receipt(record: CycleRecord, filed: IssueFiled | None) -> object:
    if filed is None:
        return None
    for item in record.effects():
        if item.effect.key == filed.key:
            return item.receipt
    return None


def _attempts(record: CycleRecord) -> tuple[Attempt, ...]:
    found: list[Attempt] = []
    for index, step in enumerate(record.steps):
        if not isinstance(step.result, TestsWritten):
            continue
        audited = next(
            (later.result for later in record.steps[index + 1:] if isinstance(later.result, TestsAudited)), None
        )
        files = tuple(file.path for file in step.result.files)
        if audited is None:
            found.append(Attempt(step.attempt, files, "–", "–", "not audited yet"))
        else:
            report = audited.report
            found.append(Attempt(
                step.attempt, files, str(len(report.tests)), str(len(report.defects)), report.recommendation.value
            ))
    return tuple(found)


def _levels(tests_run: TestsRun | None, planned: Planned | None) -> tuple[LevelView, ...]:
    if tests_run is None or planned is None or not tests_run.runs:
        return ()
    first = tests_run.runs[0].outcomes
    levels = [
        LevelView(level.value, tuple(outcome for outcome in first if level_of(outcome.test, planned) is level))
        for level in Level
    ]
    unplanned = LevelView("not in the plan", tuple(o for o in first if level_of(o.test, planned) is None))
    return tuple(level for level in (*levels, unplanned) if level.outcomes)


def level_of(node_id: str, planned: Planned) -> Level | None:
    """The planned level of a test, None when the plan does not know it."""
    found = planned_test(node_id, planned.plan.tests)
    return None if found is None else found.level


def planned_test(node_id: str, tests: tuple[PlannedTest, ...]) -> PlannedTest | None:
    """The planned test that a node id belongs to, whatever class it stands in and parameters it has."""
    path, name = node_id.partition("::")[0], function_name(node_id)
    return next((test for test in tests if test.name == name and test.path == path), None)


def scripted_in_words(model: str) -> str:
    """What kind of model answers from files, in a run with that model."""
    if model.startswith("replay:"):
        return "Replayed model"
    return "Scripted model" if model.startswith("script:") else "Scripted model for a part of the steps"


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
    lines.append(Line(*_VERIFY, ticked=False, said=""))
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
