"""Step 7: red on base, green with the fix, red with the fix reverted, and nothing in the fix for show."""

from __future__ import annotations

import hashlib
from functools import partial

from bot.domain.base import Sha
from bot.domain.errors import RecordDamaged
from bot.domain.patch import Patch
from bot.domain.proof import Proof, SuiteRole, TreeRole, Verdict
from bot.domain.record import CycleRecord, CycleRef, Decision
from bot.domain.results import Fixed, IssueFiled, Planned, Proven, TestsRun, TestsWritten
from bot.ports import FileChange
from bot.proof.edits import apply_edits
from bot.proof.hunks import FixChange
from bot.proof.proving import Question, prove, takes_time
from bot.reports.markdown import plain
from bot.reports.titles import fix_title
from bot.steps.context import Step, StepContext, StepOutcome
from bot.steps.plan import base_commit
from bot.steps.run_tests import new_files
from bot.steps.running import bench_of, tests_commit


def run(ctx: StepContext) -> StepOutcome:
    """Ask `bot/proof/proving.py` what has to be run, and run it."""
    plan, written, ran = ctx.need(Planned).plan, ctx.need(TestsWritten), ctx.need(TestsRun)
    repository, base = ctx.repository, base_commit(ctx)
    with_tests, reverted = tests_commit(ctx), revert_commit(ctx)
    with_fix = fix_commit(ctx)
    paths = tuple(file.path for file in accepted(ctx).files)
    question = Question(
        base=base, with_tests=with_tests, with_fix=with_fix, reverted=reverted,
        same_tree=repository.tree(reverted) == repository.tree(with_tests),
        change=FixChange({path: repository.read(base, path) for path in paths},
                         {path: repository.read(with_fix, path) for path in paths}),
        tests=tuple(file.path for file in written.files), reproduced_by=ran.reproduced_by,
        expected=tuple(outcome.test for outcome in ran.runs[0].outcomes),
        suite=ctx.target.in_repository(ctx.target.suite), new_files=new_files(ctx), own_before=ran.own,
        reruns=ctx.config.proof.reruns, mutants=ctx.config.proof.mutants,
        timing=any(takes_time(ctx.read(file.artifact)) for file in written.files),
    )
    return concluded(prove(question, bench_of(ctx, plan), partial(proof_label, ctx.attempt)))


def proof_label(attempt: int, role: TreeRole, suite: SuiteRole, number: int) -> str:
    """What a run of the proof is called; a later attempt does not write over an earlier one's files."""
    again = "" if attempt == 1 else f"{attempt}-"
    if suite == "own" and role == "fix":
        return f"own-fix-{attempt}" if again else "own-fix"
    return f"proof-{again}{role}-{number}" if suite == "new" else f"proof-{again}{role}-{number}-own"


def concluded(proof: Proof) -> StepOutcome:
    """What the step says of a proof, and what follows from it."""
    if proof.verdict is Verdict.PROVEN:
        return StepOutcome(Proven(proof=proof), f"proven: {proof.tally}")
    return StepOutcome(Proven(proof=proof), f"not proven: {proof.missing[0]}", Decision.HOLD)


def fix_commit(ctx: StepContext) -> Sha:
    """The commit with the tests and the fix on top of the base."""
    patch = accepted(ctx)
    base = base_commit(ctx)
    before = {file.path: (ctx.repository.read(base, file.path) or b"").decode() for file in patch.files}
    after = apply_edits(before, patch.edits)
    for file in patch.files:
        if hashlib.sha256(after[file.path].encode()).hexdigest() != file.sha256:
            raise RecordDamaged(
                f"The patch of {ctx.record.ref} does not give the {file.path} that was accepted.",
                "It was left as it is. Restore the record from a copy, or start a new run with --new.",
            )
    changes = tuple(FileChange(path=file.path, content=after[file.path].encode()) for file in patch.files)
    message = fix_message(ctx.record, patch.summary)
    return ctx.repository.commit(tests_commit(ctx), changes, message, ctx.record.created_at)


def fix_message(record: CycleRecord, summary: str) -> str:
    """The message of the commit with the fix.

    A forge reads messages of commits, too: neither the log nor the model can call people, close issues or stop CI.
    """
    subject = fix_title(record.incident) if record.incident is not None else "Fix"
    return f"{subject}\n\nAs the model describes it: {plain(summary)}\n\nWhybot-Cycle: {record.ref}\n"


def revert_commit(ctx: StepContext) -> Sha:
    """The fix commit with only the fix's files put back to what they were."""
    base = base_commit(ctx)
    changes = tuple(
        FileChange(path=file.path, content=ctx.repository.read(base, file.path)) for file in accepted(ctx).files
    )
    return ctx.repository.commit(fix_commit(ctx), changes, revert_message(ctx.record.ref), ctx.record.created_at)


def revert_message(ref: CycleRef) -> str:
    """The message of the commit that takes the fix back."""
    return f"Revert the fix, for the proof\n\nWhybot-Cycle: {ref}\n"


def accepted(ctx: StepContext) -> Patch:
    """The patch that the fix guard let through."""
    patch = ctx.need(Fixed).patch
    if patch is None:
        raise LookupError(f"there is no accepted patch in {ctx.record.ref}: the workflow's order is wrong")
    return patch


STEP = Step("prove", takes=(Planned, IssueFiled, TestsWritten, TestsRun, Fixed), gives=Proven, run=run)
