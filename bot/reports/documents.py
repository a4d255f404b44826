"""The documents of a cycle, rendered from its record alone."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.base import counted
from bot.domain.effects import Receipt
from bot.domain.evidence import Support
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
from bot.domain.workflow import Workflow
from bot.logs.priority import urgency_of
from bot.logs.related import related_of
from bot.reports.audit_markdown import audit_view
from bot.reports.course import checklist, next_in_words, state_in_words
from bot.reports.incidents import incident_table
from bot.reports.markdown import FOLD, UNFOLD, cut, link, redacted
from bot.reports.mermaid import causal_chain, course_path, incident_timeline, occurrences_by_revision
from bot.reports.proof_document import ProofView
from bot.reports.regression import news_of
from bot.reports.rendering import rendered
from bot.reports.titles import branch_of
from bot.reports.views.attempts import attempts_of
from bot.reports.views.execution import execution_view
from bot.reports.views.files import changed_files, files_of_tests
from bot.reports.views.incident import incident_view
from bot.reports.views.matrix import matrix_of
from bot.reports.views.planning import plan_view
from bot.reports.views.remaining import remaining

MOST_BYTES = 500_000
"""GitHub shows a Markdown file of more than 512 KB as plain text (docs.github.com, "Limits for viewing content and
diffs in a repository")."""
_MOST_ROWS = 200
"""So many rows a table of tests shows; the rest is counted below it."""
_MOST_TOLD = 50
"""Of so many tests is told why they are what they are."""

DOCUMENTS = ("status.md", "incident.md", "plan.md", "audit.md", "execution.md", "proof.md")
"""The names of all documents that a cycle may have, in the order in which somebody new to it reads them."""


def documents_of(record: CycleRecord, workflow: Workflow) -> Iterator[tuple[str, str]]:
    """Yield name and text of every document that the record has the material for; the status log always."""
    names = _there(record)
    view = {**_view(record, workflow), "documents": names}
    for name in names:
        yield name, _fitted(redacted(rendered(f"{name}.j2", view)))


def _there(record: CycleRecord) -> tuple[str, ...]:
    """The documents that the record has the material for."""
    material = {
        "status.md": True, "incident.md": record.incident is not None, "plan.md": record.latest(Planned) is not None,
        "audit.md": record.latest(TestsAudited) is not None, "execution.md": record.latest(TestsRun) is not None,
        "proof.md": record.latest(Proven) is not None,
    }
    return tuple(name for name in DOCUMENTS if material[name])


def _fitted(text: str) -> str:
    """The text within MOST_BYTES, cut at a line's end."""
    most = MOST_BYTES
    size = len(text.encode("utf-8", "replace"))
    # Characters of several bytes are spread unevenly, so it may take more than one try.
    while size > MOST_BYTES:
        most = most * MOST_BYTES // (size + 1)
        text = cut(text, most)
        size = len(text.encode("utf-8", "replace"))
    return text


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
    filed, fixed, written = record.latest(IssueFiled), record.latest(Fixed), record.latest(TestsWritten)
    tests_run = record.latest(TestsRun)
    planned, proven, whys = record.latest(Planned), record.latest(Proven), record.latest(FiveWhys)
    winner = None if retrieved is None else retrieved.selection.winner
    execution = execution_view(tests_run, planned, proven, record.incident, whys)
    attempts = attempts_of(record)
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
        "ranking": incident_table(retrieved.selection, retrieved.incidents, 5) if retrieved is not None else "",
        "incident": incident_view(record),
        "whys": whys,
        "unproven": sum(why.support is not Support.CITED for why in whys.whys) if whys is not None else 0,
        "planned": planned,
        "plan": plan_view(planned, whys),
        "filed": filed,
        "issue_receipt": _receipt(record, filed),
        "tests_written": written,
        "attempts": attempts,
        "audits": record.results(TestsAudited),
        "audit_views": tuple((one.number, audit_view(one.report)) for one in attempts if one.report is not None),
        "tests_run": tests_run,
        "execution": execution,
        "test_files": () if written is None else files_of_tests(
            written.files, tests_run.runs[0].outcomes if tests_run is not None and tests_run.runs else ()),
        "fixed": fixed,
        "changed_files": () if fixed is None or fixed.patch is None else changed_files(fixed.patch),
        "proven": proven,
        "proof": ProofView(proven.proof) if proven is not None else None,
        "matrix": matrix_of(proven.proof) if proven is not None else (),
        "remaining": remaining(record, workflow, execution),
        "repeat": _repeat(record, proven),
        "committed": record.latest(Committed),
        "link": link,
        "fold": FOLD,
        "unfold": UNFOLD,
        "most_rows": _MOST_ROWS,
        "most_told": _MOST_TOLD,
        "checklist": checklist(record, workflow),
        "next": next_in_words(record, workflow),
        "chain": causal_chain(whys) if whys is not None else "",
        "incident_time": incident_timeline(retrieved, record) if retrieved is not None else "",
        "by_revision": occurrences_by_revision(retrieved) if retrieved is not None else "",
        "path": course_path(record, workflow),
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


def _receipt(record: CycleRecord, filed: IssueFiled | None) -> Receipt | None:
    if filed is None:
        return None
    return next((item.receipt for item in record.effects() if item.effect.key == filed.key), None)
