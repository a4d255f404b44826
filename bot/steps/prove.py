"""Step 7: red on base, green with the fix, red with the fix reverted, interleaved and repeated."""

from __future__ import annotations

import hashlib

from bot.domain.base import Sha, headline
from bot.domain.errors import RecordDamaged
from bot.domain.patch import Patch
from bot.domain.proof import Proof, ProofRun, Verdict
from bot.domain.record import CycleRef, Decision
from bot.domain.results import Fixed, IssueFiled, Planned, Proven, TestsRun, TestsWritten
from bot.ports import FileChange
from bot.proof.counterfactual import conclude, judge_green, judge_own, judge_red
from bot.proof.edits import apply_edits
from bot.steps.context import Step, StepContext, StepOutcome
from bot.steps.plan import base_commit
from bot.steps.run_tests import own_suite
from bot.steps.running import run_suite, tests_commit


def run(ctx: StepContext) -> StepOutcome:
    """Run the trees in turn, so that a machine that slows down or a test that flickers shows itself."""
    plan, written, ran = ctx.need(Planned).plan, ctx.need(TestsWritten), ctx.need(TestsRun)
    with_tests = tests_commit(ctx)
    with_fix = fix_commit(ctx)
    reverted = revert_commit(ctx)
    repository = ctx.repository
    paths = tuple(file.path for file in written.files)
    expected = tuple(outcome.test for outcome in ran.runs[0].outcomes)
    runs: list[ProofRun] = []
    reruns = ctx.config.proof.reruns
    for number in range(1, reruns + 1):
        ctx.progress.note(f"base, fix and revert, round {number} of {reruns}")
        base = run_suite(ctx, proof_label(ctx.attempt, "base", number), with_tests, paths, plan).result
        runs.append(judge_red("base", number, base, ran.reproduced_by))
        fixed = run_suite(ctx, proof_label(ctx.attempt, "fix", number), with_fix, paths, plan).result
        runs.append(judge_green(number, fixed, expected))
        back = run_suite(ctx, proof_label(ctx.attempt, "revert", number), reverted, paths, plan).result
        runs.append(judge_red("revert", number, back, ran.reproduced_by))
    runs.append(judge_own(ran.own, own_suite(ctx, own_label(ctx.attempt), with_fix)))
    proof = conclude(
        base_commit(ctx), with_tests, with_fix, reverted,
        same_tree=repository.tree(reverted) == repository.tree(with_tests), runs=tuple(runs),
    )
    return concluded(proof)


def proof_label(attempt: int, role: str, number: int) -> str:
    """What a run of the proof is called; a later attempt does not write over an earlier one's files."""
    return f"proof-{role}-{number}" if attempt == 1 else f"proof-{attempt}-{role}-{number}"


def own_label(attempt: int) -> str:
    """What the run of the service's own tests with the fix is called."""
    return "own-fix" if attempt == 1 else f"own-fix-{attempt}"


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
    message = fix_message(ctx.record.ref, ctx.need(IssueFiled).title, patch.summary)
    return ctx.repository.commit(tests_commit(ctx), changes, message, ctx.record.created_at)


def fix_message(ref: CycleRef, issue: str, summary: str) -> str:
    """The message of the commit with the fix."""
    subject = headline(f"Fix for {issue}", 72)
    return f"{subject}\n\nAs the model describes it: {summary}\n\nWhybot-Cycle: {ref}\n"


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
