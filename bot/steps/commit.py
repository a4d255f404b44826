"""Step 8: the branch with the tests and the fix, the draft pull request, and a check with the proof."""

from __future__ import annotations

from bot.domain.base import RepoPath, counted
from bot.domain.effects import BranchPush, CheckKey, CheckReport, PullRequestUpsert
from bot.domain.record import CycleRecord
from bot.domain.results import Committed, Fixed, IssueFiled, Proven, Retrieved, TestsAudited, TestsWritten
from bot.domain.workflow import Workflow
from bot.reports.annotations import of_check
from bot.reports.documents import check_summary, pull_request_body
from bot.reports.titles import branch_of, fix_title
from bot.steps.context import Step, StepContext, StepOutcome


def run(ctx: StepContext) -> StepOutcome:
    """State what is to be published. The commits exist already: they are what was proven."""
    proof = ctx.need(Proven).proof
    return concluded(ctx.record, ctx.workflow, ctx.repository.changed_paths(proof.base, proof.with_fix))


def concluded(record: CycleRecord, workflow: Workflow, paths: tuple[RepoPath, ...]) -> StepOutcome:
    """What is published of a record up to its proof. `paths` are all that the branch changes."""
    proven, issue, incident = record.latest(Proven), record.latest(IssueFiled), record.incident
    if proven is None or issue is None or incident is None:
        raise LookupError(f"nothing is proven in {record.ref}, or there is no issue")
    proof = proven.proof
    branch_key = record.key("branch", issue.key)
    branch = branch_of(record.ref)
    audited, written = record.latest(TestsAudited), record.latest(TestsWritten)
    files = frozenset(file.path for file in written.files) if written is not None else frozenset[RepoPath]()
    annotations, left_out = of_check(audited.report, files) if audited is not None else ((), 0)
    check = CheckKey(
        repository=issue.key.repository, fingerprint=issue.key.fingerprint, run=record.ref.run,
        cycle=record.ref.number, head=proof.with_fix,
    )
    effects = (
        BranchPush(key=branch_key, branch=branch, base=proof.base, head=proof.with_fix, paths=paths),
        PullRequestUpsert(
            key=record.key("pull_request", issue.key), branch=branch_key, fixes=issue.key,
            title=fix_title(incident), body=pull_request_body(record, workflow),
        ),
        CheckReport(
            key=check, name="whybot proof", conclusion="success" if not proof.missing else "failure",
            title=f"{proof.verdict.value.replace('_', ' ')}: {proof.tally}",
            summary=check_summary(record, workflow, len(annotations), left_out), annotations=annotations,
        ),
    )
    result = Committed(
        branch=branch, base=proof.base, tests_commit=proof.with_tests, fix_commit=proof.with_fix
    )
    return StepOutcome(result, f"branch {branch}, {counted(len(paths), 'file')}", effects=effects)


STEP = Step("commit", takes=(Retrieved, IssueFiled, TestsWritten, Fixed, Proven), gives=Committed, run=run)
