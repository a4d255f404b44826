"""The documents of a cycle, rendered from its record alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.audit.kinds import function_name
from bot.domain.base import counted
from bot.domain.evidence import Support
from bot.domain.plan import Level, PlannedTest
from bot.domain.record import CycleRecord, CycleStatus
from bot.domain.results import (
    Committed,
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
from bot.domain.suite import FailureKind, Outcome
from bot.domain.workflow import Workflow
from bot.logs.priority import urgency_of
from bot.logs.related import related_of
from bot.reports.course import checklist, next_in_words, state_in_words
from bot.reports.incidents import incident_table
from bot.reports.markdown import FOLD, UNFOLD, link
from bot.reports.proof_document import ProofView
from bot.reports.regression import news_of
from bot.reports.rendering import rendered
from bot.reports.titles import branch_of


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


DOCUMENTS = ("status.md", "plan.md", "audit.md", "execution.md", "proof.md")
"""The names of all documents that a cycle may have."""


def documents_of(record: CycleRecord, workflow: Workflow) -> Iterator[tuple[str, str]]:
    """Yield name and text of every document that the record has the material for; the status log always."""
    view = _view(record, workflow)
    yield "status.md", rendered("status.md.j2", view)
    if record.latest(Planned):
        yield "plan.md", rendered("plan.md.j2", view)
    if record.latest(TestsAudited):
        yield "audit.md", rendered("audit.md.j2", view)
    if record.latest(TestsRun):
        yield "execution.md", rendered("execution.md.j2", view)
    if record.latest(Proven):
        yield "proof.md", rendered("proof.md.j2", view)


def issue_body(record: CycleRecord, workflow: Workflow) -> str:
    """The text of the issue. Needs the record up to the plan."""
    return rendered("issue.md.j2", _view(record, workflow))


def pull_request_body(record: CycleRecord, workflow: Workflow) -> str:
    """The text of the pull request. Needs the record up to the proof."""
    return rendered("pull_request.md.j2", _view(record, workflow))


def check_summary(record: CycleRecord, workflow: Workflow, marked: int, left_out: int) -> str:
    """The text of the check on the fix: how many of the audit's findings it marks on lines, and how many it leaves out.

    Needs the record up to the proof.
    """
    return rendered("check.md.j2", {**_view(record, workflow), "marked": marked, "left_out": left_out})


def status_comment(record: CycleRecord, workflow: Workflow) -> str:
    """The text of the cycle's one comment on its issue."""
    return rendered("comment.md.j2", _view(record, workflow))


def _view(record: CycleRecord, workflow: Workflow) -> dict[str, object]:
    retrieved = record.latest(Retrieved)
    filed = record.latest(IssueFiled)
    tests_run = record.latest(TestsRun)
    planned, proven, whys = record.latest(Planned), record.latest(Proven), record.latest(FiveWhys)
    winner = None if retrieved is None else retrieved.selection.winner
    return {
        "record": record,
        "workflow": workflow,
        "state": state_in_words(record, workflow),
        "not_yet": "Not reached." if record.status is CycleStatus.ENDED else "Not yet.",
        "retrieved": retrieved,
        "winner": record.incident,
        "urgency": urgency_of(winner) if winner is not None else None,
        "related": related_of(retrieved.selection) if retrieved is not None else (),
        "news": news_of(retrieved) if retrieved is not None else "",
        "reading": _reading(retrieved),
        "ranking": incident_table(retrieved.selection, retrieved.incidents) if retrieved is not None else "",
        "whys": whys,
        "unproven": sum(why.support is not Support.CITED for why in whys.whys) if whys is not None else 0,
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
        "repeat": _repeat(record, proven),
        "committed": record.latest(Committed),
        "link": link,
        "fold": FOLD,
        "unfold": UNFOLD,
        "checklist": checklist(record, workflow),
        "next": next_in_words(record, workflow),
    }


def _repeat(record: CycleRecord, proven: Proven | None) -> str:
    """The commands that run the new tests with the fix, in a clone of the repository."""
    if proven is None:
        return ""
    proof = proven.proof
    command = next((run.result.command for run in proof.runs if run.suite == "new" and run.result.command), "")
    return "\n".join((
        f"git fetch origin {branch_of(record.ref)}", f"git worktree add --detach ../again {proof.with_fix}",
        "cd ../again", command or "# No run of the new tests was made.",
    ))


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
