"""Step 5: the accepted tests on the base commit, several times, and the service's own suite there."""

from __future__ import annotations

from bot.audit.kinds import merge_reruns
from bot.audit.outcomes.wording import why_not_begun
from bot.domain.base import Sha, counted
from bot.domain.errors import TargetSetupFailed
from bot.domain.record import CycleEnd, Decision
from bot.domain.results import Planned, TestsAudited, TestsRun, TestsWritten
from bot.domain.suite import ENDED_IN_WORDS, Ended, FailureKind, Ran, SuiteResult
from bot.proof.counterfactual import NO_SUITE, SOME_FAILED, why_not_believed
from bot.proof.trials import Trial
from bot.steps.context import Step, StepContext, StepOutcome
from bot.steps.plan import base_commit
from bot.steps.running import bench_of, run_suite, tests_commit


def run(ctx: StepContext) -> StepOutcome:
    """Reproduced means: at least one test failed as predicted in every run, and none of its reruns otherwise.

    A run whose accounts do not agree is no evidence, whatever its tests did.
    """
    plan, written = ctx.need(Planned).plan, ctx.need(TestsWritten)
    own = own_suite(ctx, "own-base", base_commit(ctx))
    paths = tuple(file.path for file in written.files)
    commit = tests_commit(ctx)
    reruns = ctx.config.proof.reruns
    trials = [
        Trial(label=f"base-{number}", role="base", suite="new", number=number, commit=commit, tests=paths,
              seed=None if number == 1 else number)
        for number in range(1, reruns + 1)
    ]
    ctx.progress.note(f"new tests on base, {counted(reruns, 'run')}")
    runs = tuple(ran.result for ran in bench_of(ctx, plan).run(trials))
    return concluded(runs, own)


def concluded(runs: tuple[SuiteResult, ...], own: SuiteResult) -> StepOutcome:
    """What the runs of the new tests on the base commit come to."""
    merged = merge_reruns(tuple(result.outcomes for result in runs))
    steady = tuple(outcome.test for outcome in merged if outcome.kind is FailureKind.AS_PREDICTED)
    doubted = [f"{result.label}: {why}" for result in runs if (why := why_not_believed(result, SOME_FAILED))]
    if steady and not doubted:
        reason = f"{len(steady)} of {len(merged)} tests failed as predicted in each of {len(runs)} runs."
        result = TestsRun(reproduced=True, reproduced_by=steady, reason=reason, runs=runs, own=own)
        return StepOutcome(result, f"reproduced by {len(steady)} of {len(merged)} tests, {len(runs)} runs")
    kinds = ", ".join(sorted({outcome.kind.value for outcome in merged})) or "no outcome"
    reason = f"None of {len(merged)} tests failed as predicted in each of {len(runs)} runs (seen: {kinds})."
    if steady:
        reason = f"{len(steady)} of {len(merged)} tests failed as predicted in runs that prove nothing ({doubted[0]})."
    absent = why_not_begun(outcome for result in runs for outcome in result.outcomes)
    if absent:
        reason += f" Not all were run: {'; '.join(absent)}."
    result = TestsRun(reproduced=False, reproduced_by=(), reason=reason, runs=runs, own=own)
    said = f"not reproduced: {'; '.join(absent)}" if absent else "not reproduced"
    return StepOutcome(result, said, Decision.END, CycleEnd.NOT_REPRODUCED)


def own_suite(ctx: StepContext, label: str, commit: Sha) -> SuiteResult:
    """Run the service's own suite at a commit, the new tests left out, so that runs before and after compare.

    Raises TargetSetupFailed when on the base commit it ran no tests or did not come to its end: then there is
    nothing to compare with. With a fix such an end is the fix's, and the proof's to judge.
    """
    suite = ctx.target.in_repository(ctx.target.suite)
    if not suite:
        return SuiteResult(
            label=label, tree=ctx.repository.tree(commit), command="", ended=Ended.EXITED, exit_code=None,
            outcomes=(), duration_s=0.0, note=NO_SUITE, ran=False,
        )
    ctx.progress.note(f"the service's own suite ({label})")
    ran = run_suite(ctx, label, commit, suite, None, ignored=new_files(ctx))
    if commit == base_commit(ctx) and (why := why_no_suite(ran)):
        raise TargetSetupFailed(
            f"The service's own suite {why}.",
            "Mend `suite`, `setup` or `pytest_args` under [target] in bot.toml, or [limits]; `suite = []` says that "
            f"there is none. Its output is in the record as {ran.result.log}.",
        )
    return ran.result


def new_files(ctx: StepContext) -> tuple[str, ...]:
    """The files with this cycle's tests that the base commit does not have."""
    base = base_commit(ctx)
    return tuple(file.path for file in ctx.need(TestsWritten).files if ctx.repository.read(base, file.path) is None)


def why_no_suite(ran: Ran) -> str:
    """Why a run of the service's own suite is nothing to compare with, as a clause; empty when it is."""
    result = ran.result
    if result.ended is not Ended.EXITED:
        return ENDED_IN_WORDS[result.ended]
    said = f": {result.note}" if result.note else ""
    if result.exit_code == 5:
        return f"holds no tests (pytest ended with exit code 5){said}"
    if result.exit_code not in {0, 1}:
        return f"could not be run (pytest ended with exit code {result.exit_code}){said}"
    if not any(seen.phase != "collect" for seen in ran.observations):
        first = f": {result.outcomes[0].reason}" if result.outcomes else said
        return f"ran no tests{first}".removesuffix(".")
    return ""


STEP = Step("run_tests", takes=(Planned, TestsWritten, TestsAudited), gives=TestsRun, run=run)
