"""What is published of a cycle: the issue, the pull request, the check, the comment, and the summary of a job."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.audit import AuditReport, Finding, FindingSeverity
from bot.domain.effects import CheckReport, IssueUpsert, PullRequestUpsert, Receipt, RecordedEffect
from bot.domain.logs import GroupKind, LogGroup, Novelty, RootSignature, Severity
from bot.domain.record import CycleRecord, CycleStatus, Decision, StepRecord, StepStatus
from bot.progress import JobSummary
from bot.reports.annotations import MOST_OF_A_CHECK, of_check
from bot.reports.documents import check_summary, documents_of, issue_body, status_comment
from bot.reports.job_summary import summary_markdown
from bot.reports.mermaid import course_path
from bot.reports.regression import news_of
from bot.reports.titles import MOST_FIX, branch_of, fix_title, issue_title
from tests.rendered import Tree, without_own
from tests.unit import whole_records as made
from tests.unit.recheck_records import WORKFLOW
from tests.unit.records import START, incident
from tests.unit.whole_records import TEST, plainly, whole

WHOLE = whole()


def effect(kind: type, record: CycleRecord = WHOLE) -> object:
    return next(item.effect for item in record.effects() if isinstance(item.effect, kind))


def issue(record: CycleRecord = WHOLE) -> IssueUpsert:
    found = effect(IssueUpsert, record)
    assert isinstance(found, IssueUpsert)
    return found


# Titles


def group(kind: GroupKind) -> tuple[LogGroup, ...]:
    return (LogGroup(
        fingerprint="v1-0123456789abcdef", kind=kind, title="t", severity=Severity.ERROR, count=1,
        first_seen="2025-11-07T08:00:00Z", last_seen="2025-11-07T08:00:00Z", services=("shop",), revisions=(),
        instances=("a",), insert_ids=(),
    ),)


@pytest.mark.parametrize(("kind", "root", "title"), [
    (GroupKind.TRACEBACK, ("router.broker.SubscriberNotRunning", "cannot add a route", "router/broker.py:80 in add"),
     "Fix SubscriberNotRunning in router/broker.py"),
    (GroupKind.TRACEBACK, ("ModuleNotFoundError", "No module named 'x'", "acme/app/middleware/gcp_auth.py:3 in x"),
     "Fix ModuleNotFoundError in middleware/gcp_auth.py"),
    (GroupKind.TRACEBACK, ("KeyError", "'x'", ""), "Fix KeyError"),
    (GroupKind.REQUEST, ("HTTP 503", "GET https://shop.example/a -> 503", ""), "Fix HTTP 503 of shop"),
    (GroupKind.MESSAGE, ("shop.till", "heartbeat timeout, closing the client", ""),
     "Fix: heartbeat timeout, closing the client"),
    (GroupKind.MESSAGE, ("shop.till", "", ""), "Fix: shop.till"),
    (GroupKind.MESSAGE, ("shop.till", "the till " * 30, ""), f"Fix: {'the till ' * 7}…"),
])
def test_a_fix_is_called_by_what_fails_and_where(kind: GroupKind, root: tuple[str, str, str], title: str) -> None:
    one = incident(groups=group(kind), root=RootSignature(type=root[0], message=root[1], location=root[2]))
    assert fix_title(one) == title
    assert len(title) <= MOST_FIX


def test_titles_have_no_power_in_a_commits_message() -> None:
    root = RootSignature(type="x", message="[skip ci] fixes #3 @acme/all")
    one = incident(groups=group(GroupKind.MESSAGE), root=root)
    for title in (fix_title(one), issue_title("Startup", one)):
        assert not re.search(r"\[skip|#3|@acme", title)
        assert title.replace("\u2060", "").endswith("[skip ci] fixes #3 @acme/all")


# The issue


def test_the_issue_says_how_urgent_it_is_and_why() -> None:
    assert issue().priority == "P1"
    assert "**Priority P1.** Errors on 2 instances.\n" in issue().body
    assert issue().news == ""


def test_the_issue_names_what_is_related_and_by_what() -> None:
    keys = [key.fingerprint for key in issue().related]
    assert keys == ["v1-0000000000000001", "v1-0000000000000002", "v1-0000000000000003"]
    for key in keys:
        assert f"- `the type: the message`, `{key}`: raised at the same place\n" in issue().body


def test_what_is_back_says_since_when_where_and_what_differs() -> None:
    back = whole(novelty=Novelty.REGRESSED)
    news = issue(back).news
    assert news in issue(back).body
    assert "**This incident is back:** the why it stands so.\n" in news
    assert "- **Since:** `2025-11-07T08:00:00Z`, the first entry after it was marked as gone\n" in news
    assert "- **Code:** `bbbbbbbbbbbb` (the how)\n" in news
    assert "- **Revisions:** `the revision`, `the second revision`, not among those of before\n" in news
    assert "- **Entries:** 12 now, 84 before\n- **Instances:** 2 now, 14 before\n" in news
    assert "Before means in `startup/20251101T000000Z-000001/cycle-01`" in news


def test_what_is_not_known_of_a_regression_is_said_to_be_so() -> None:
    found = made.retrieved(plainly, Novelty.REGRESSED)
    winner = found.selection.winner
    assert winner is not None
    bare = found.model_copy(update={
        "again_since": "", "commit": None,
        "selection": found.selection.model_copy(update={"winner": winner.model_copy(update={"before": None})}),
    })
    news = news_of(bare)
    assert "not known to the entry; in this log it was seen from `2025-11-07T08:00:00Z`" in news
    assert "- **Code:** the commit is not known\n" in news
    assert "how many there were before is not on record" in news
    assert "Before means" not in news


# The pull request and the check


def test_the_pull_request_has_the_proof_what_is_not_proven_and_how_to_repeat_it() -> None:
    pull = effect(PullRequestUpsert)
    assert isinstance(pull, PullRequestUpsert)
    assert pull.title == "Fix the type in the location"
    headings = re.findall(r"^#+ .*$", pull.body, re.MULTILINE)
    assert headings == [
        "## Proof: proven", "### Not needed for the proof", "### Small changes that nothing noticed",
        "### What is not proven", "## How to repeat it",
    ]
    unproven = pull.body.partition("### What is not proven\n")[2].partition("##")[0]
    assert "- that the incident is gone where the service runs" in unproven
    assert "- 1 of 2 whys in the issue: it has no evidence that holds" in unproven
    assert "- that this is a fix" not in unproven
    again = pull.body.partition("## How to repeat it\n\n")[2].partition("\n\n")[0].split("\n")
    assert again == [
        "```sh", f"git fetch origin {branch_of(WHOLE.ref)}", f"git worktree add --detach ../again {made.WITH_FIX}",
        "cd ../again", "python -m pytest the argument", "```",
    ]
    assert pull.body.rstrip().endswith("A person has to read it before it is merged. Record: [[record]].")


def test_the_check_marks_the_findings_on_their_lines() -> None:
    check = effect(CheckReport)
    assert isinstance(check, CheckReport)
    assert [(one.path, one.start_line, one.end_line, one.level) for one in check.annotations] == [
        (TEST, 9, 9, "warning"), (TEST, 3, 3, "warning")]
    assert check.annotations[1].title == "The verdict depends on the wall clock (sleep-timing)"
    assert check.annotations[1].message == "the message of a finding. the hint"
    assert "**GO:** 1 test, 0 of them defective; 2 findings marked on their lines.\n" in check.summary
    assert "## How to repeat it" in check.summary


def audited(*findings: tuple[str, int, FindingSeverity]) -> AuditReport:
    report = made.report(plainly)
    return report.model_copy(update={"findings": tuple(
        Finding(rule="no-assert", defect_class="c", severity=severity, path=path, line=line, test="t", message="m",
                hint="h") for path, line, severity in findings
    )})


def test_the_worst_findings_are_marked_and_the_others_counted() -> None:
    error, warning = FindingSeverity.ERROR, FindingSeverity.WARNING
    many = [(TEST, line, warning) for line in range(1, 200)] + [(TEST, line, error) for line in range(300, 310)]
    shown, left_out = of_check(audited(*many, ("tests/other.py", 1, error)), {TEST})
    assert (len(shown), left_out) == (MOST_OF_A_CHECK, 10)
    assert [one.level for one in shown[:11]] == ["failure"] * 10 + ["warning"]
    said = check_summary(WHOLE, WORKFLOW, len(shown), left_out)
    assert "200 findings marked on their lines, and 10 findings of less weight or in no file of this commit" in said


def test_a_finding_on_no_line_or_of_no_rule_is_marked_too() -> None:
    report = audited((TEST, 0, FindingSeverity.ERROR))
    odd = report.findings[0].model_copy(update={"rule": "of-tomorrow", "message": "x" * 9_000})
    (one,), _ = of_check(report.model_copy(update={"findings": (odd,)}), {TEST})
    assert (one.start_line, one.title, len(one.message)) == (1, "of-tomorrow", 4_000)


# The comment, and what is kept for later


def test_the_comment_leads_to_what_there_is() -> None:
    early = WHOLE.model_copy(update={"steps": WHOLE.steps[:4], "status": CycleStatus.RUNNING, "end": None})
    assert status_comment(early, WORKFLOW).endswith("Next: step 3.\n\nRecord: [[record]].\n")
    assert status_comment(WHOLE, WORKFLOW).endswith(
        f"Pull request: [[pull {branch_of(WHOLE.ref)}]]. Check: [[check {made.WITH_FIX}]]. Record: [[record]].\n")


def with_receipts(receipt: Receipt, record: CycleRecord = WHOLE) -> CycleRecord:
    steps = tuple(step.model_copy(update={
        "effects": tuple(RecordedEffect(effect=item.effect, receipt=receipt) for item in step.effects)
    }) for step in record.steps)
    return record.model_copy(update={"steps": steps})


KEPT = with_receipts(Receipt(did="kept for later"))


def test_what_is_kept_for_later_is_nowhere_said_to_be_published() -> None:
    documents = dict(documents_of(KEPT, WORKFLOW))
    assert "- **Issue:** to be published by `bot publish` (forge: local)\n" in documents["status.md"]
    for whole_text in (*documents.values(), summary_markdown(KEPT, WORKFLOW)):
        text, _ = without_own(whole_text)
        assert not re.search(r"#\d+\b|[:,(] ?None|\(\)", text)
        assert "kept for later" not in text
    assert summary_markdown(KEPT, WORKFLOW).count("| not yet published |") == 4
    assert status_comment(KEPT, WORKFLOW) == status_comment(WHOLE, WORKFLOW), "it says the same once it is published"


# The summary of a job


def test_the_summary_shows_the_course_and_what_came_of_it() -> None:
    page = summary_markdown(KEPT, WORKFLOW)
    assert page.startswith("## the focus, cycle 1: ended: fix proposed\n")
    assert page.count("```mermaid") == 1
    assert course_path(KEPT, WORKFLOW) in page, "the picture is left as it is"
    assert "| 4 | Audit the tests against the implementation | 1 | 2.00 s | the said of audit |" in page
    assert "| 9 | Check in the logs that the incident is gone (comes in a later version) | – | – |  |" in page
    assert "priority P1: Errors on 2 instances." in page
    assert "**Proof: proven.**" in page


def held_back() -> CycleRecord:
    """Twice held, and now in the third attempt."""
    held = WHOLE.steps[5].model_copy(update={"decision": Decision.HOLD})
    again = [step.model_copy(update={"attempt": 2}) for step in (WHOLE.steps[4], held)]
    now = START + timedelta(hours=1)
    running = StepRecord(step="write_tests", attempt=3, status=StepStatus.RUNNING, started_at=now)
    steps = (*WHOLE.steps[:5], held, *again, running)
    return WHOLE.model_copy(update={"steps": steps, "status": CycleStatus.RUNNING, "end": None})


def test_the_picture_shows_what_was_held_back() -> None:
    page = summary_markdown(held_back(), WORKFLOW)
    assert ', 3 attempts"]\n' in page
    assert '-.->|"HOLD, attempt 1, 2"| step_write_tests\n' in page
    assert "step_run_tests" not in page


def test_the_summary_leads_to_the_pages_of_what_was_published() -> None:
    there = with_receipts(Receipt(did="created", number=12, url="https://forge.example/acme/shop/issues/12"))
    page = summary_markdown(there, WORKFLOW)
    assert "| created | [issue 12](https://forge.example/acme/shop/issues/12) |" in page
    assert "| created | [pull request 12](https://forge.example/acme/shop/issues/12) |" in page
    odd = with_receipts(Receipt(did="created", number=12, url="https://forge.example/a)](javascript:x"))
    assert "a" not in Tree(summary_markdown(odd, WORKFLOW)).tags
    folder = with_receipts(Receipt(did="created", number=12, url="file:///state/forge/issues/0012.md"))
    assert "| created | `file:///state/forge/issues/0012.md` |" in summary_markdown(folder, WORKFLOW)


def test_the_page_of_a_job_is_written_anew_beside_what_others_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "summary.md"
    page.write_text("Before.\n\n")
    summary = JobSummary(str(page))
    for name, text in (("one", "First"), ("two", "Second \ud800"), ("one", "First, done")):
        summary.show(name, text.__str__)
    assert page.read_text() == "Before.\n\nFirst, done\n\nSecond ?\n\n"
    lost = JobSummary(str(tmp_path / "none" / "summary.md"))
    for _ in range(2):
        lost.show("one", "First".__str__)
    assert capsys.readouterr().err.count("the summary of this step cannot be written") == 1
    JobSummary(None).show("one", lambda: pytest.fail("nobody reads it"))


def test_the_body_of_an_issue_needs_no_more_than_the_plan() -> None:
    until_plan = WHOLE.model_copy(update={"steps": WHOLE.steps[:3], "status": CycleStatus.RUNNING, "end": None})
    assert issue_body(until_plan, WORKFLOW) == issue().body
