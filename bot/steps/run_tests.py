"""Step 5: the accepted tests on the base commit, several times, and the service's own suite there."""

from __future__ import annotations

from bot.audit.kinds import merge_reruns
from bot.domain.errors import TargetSetupFailed
from bot.domain.record import CycleEnd, Decision
from bot.domain.results import Planned, TestsAudited, TestsRun, TestsWritten
from bot.domain.suite import ENDED_IN_WORDS, Ended, FailureKind, SuiteResult
from bot.steps.asking import in_target
from bot.steps.context import Step, StepContext, StepOutcome
from bot.steps.plan import base_commit
from bot.steps.running import run_suite, tests_commit


def run(ctx: StepContext) -> StepOutcome:
    """Reproduced means: at least one test failed as predicted in every run, and none of its reruns otherwise."""
    plan, written = ctx.need(Planned).plan, ctx.need(TestsWritten)
    own = own_suite(ctx, "own-base", base_commit(ctx))
    paths = tuple(file.path for file in written.files)
    commit = tests_commit(ctx)
    runs: list[SuiteResult] = []
    for number in range(1, ctx.config.proof.reruns + 1):
        ctx.progress.note(f"new tests on base, run {number} of {ctx.config.proof.reruns}")
        runs.append(run_suite(ctx, f"base-{number}", commit, paths, plan).result)
    merged = merge_reruns(tuple(result.outcomes for result in runs))
    steady = tuple(outcome.test for outcome in merged if outcome.kind is FailureKind.AS_PREDICTED)
    if steady:
        reason = f"{len(steady)} of {len(merged)} tests failed as predicted in each of {len(runs)} runs."
        result = TestsRun(reproduced=True, reproduced_by=steady, reason=reason, runs=tuple(runs), own=own)
        return StepOutcome(result, f"reproduced by {len(steady)} of {len(merged)} tests, {len(runs)} runs")
    kinds = ", ".join(sorted({outcome.kind.value for outcome in merged})) or "no outcome"
    reason = f"None of {len(merged)} tests failed as predicted in each of {len(runs)} runs (seen: {kinds})."
    result = TestsRun(reproduced=False, reproduced_by=(), reason=reason, runs=tuple(runs), own=own)
    return StepOutcome(result, "not reproduced", Decision.END, CycleEnd.NOT_REPRODUCED)


def own_suite(ctx: StepContext, label: str, commit: str) -> SuiteResult:
    """Run the service's own suite at a commit. Raises TargetSetupFailed when it does not come to its end."""
    ctx.progress.note(f"the service's own suite ({label})")
    result = run_suite(ctx, label, commit, in_target(ctx, ctx.target.suite), None).result
    if result.ended is not Ended.EXITED:
        raise TargetSetupFailed(
            f"The service's own suite {ENDED_IN_WORDS[result.ended]}.",
            "Raise the limit under [limits] in bot.toml, or narrow `suite` under [target]; its output is in the "
            f"record as {result.log}.",
        )
    return result


STEP = Step("run_tests", takes=(Planned, TestsWritten, TestsAudited), gives=TestsRun, run=run)
