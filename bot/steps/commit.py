"""Step 8: the branch with the tests and the fix, the draft pull request, and a check with the proof."""

from __future__ import annotations

from bot.domain.base import RepoPath, counted, headline
from bot.domain.effects import BranchPush, CheckKey, CheckReport, PullRequestUpsert
from bot.domain.record import CycleRecord
from bot.domain.results import Committed, Fixed, IssueFiled, Proven, Retrieved, TestsWritten
from bot.domain.workflow import Workflow
from bot.reports.documents import pull_request_body
from bot.steps.context import Step, StepContext, StepOutcome


def run(ctx: StepContext) -> StepOutcome:
    """State what is to be published. The commits exist already: they are what was proven."""
    proof = ctx.need(Proven).proof
    return concluded(ctx.record, ctx.workflow, ctx.repository.changed_paths(proof.base, proof.with_fix))


def concluded(record: CycleRecord, workflow: Workflow, paths: tuple[RepoPath, ...]) -> StepOutcome:
    """What is published of a record up to its proof. `paths` are all that the branch changes."""
    proven, issue = record.latest(Proven), record.latest(IssueFiled)
    if proven is None or issue is None:
        raise LookupError(f"nothing is proven in {record.ref}, or there is no issue")
    proof = proven.proof
    branch_key = record.key("branch", issue.key)
    branch = f"whybot/{record.ref.focus}-{record.ref.run.lower()}-{record.ref.number:02d}"
    check = CheckKey(
        repository=issue.key.repository, fingerprint=issue.key.fingerprint, run=record.ref.run,
        cycle=record.ref.number, head=proof.with_fix,
    )
    body = pull_request_body(record, workflow)
    effects = (
        BranchPush(key=branch_key, branch=branch, base=proof.base, head=proof.with_fix, paths=paths),
        PullRequestUpsert(
            key=record.key("pull_request", issue.key), branch=branch_key, fixes=issue.key,
            title=headline(f"Fix for {issue.title}", 160), body=body,
        ),
        CheckReport(
            key=check, name="whybot proof", conclusion="success" if not proof.missing else "failure",
            title=f"{proof.verdict.value.replace('_', ' ')}: {proof.tally}",
            summary=body,
        ),
    )
    result = Committed(
        branch=branch, base=proof.base, tests_commit=proof.with_tests, fix_commit=proof.with_fix
    )
    return StepOutcome(result, f"branch {branch}, {counted(len(paths), 'file')}", effects=effects)


STEP = Step("commit", takes=(Retrieved, IssueFiled, TestsWritten, Fixed, Proven), gives=Committed, run=run)
