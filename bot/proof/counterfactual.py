"""The decision of the proof: which runs hold, and what is missing."""

from __future__ import annotations

from bot.domain.base import Sha
from bot.domain.proof import Proof, ProofRun, TreeRole, Verdict
from bot.domain.suite import ENDED_IN_WORDS, Ended, FailureKind, Outcome, SuiteResult


def judge_red(role: TreeRole, number: int, result: SuiteResult, reproduced_by: tuple[str, ...]) -> ProofRun:
    """A run without the fix holds when every test that reproduced fails as predicted again."""
    by_test = {outcome.test: outcome for outcome in result.outcomes}
    other = [by_test[test] for test in reproduced_by if test in by_test
             and by_test[test].kind is not FailureKind.AS_PREDICTED]
    missing = [test for test in reproduced_by if test not in by_test]
    if result.ended is not Ended.EXITED:
        reason = f"the run {ENDED_IN_WORDS[result.ended]}"
    elif missing:
        reason = f"{missing[0]} did not run"
    elif other:
        reason = f"{other[0].test} was {other[0].kind.value}: {other[0].reason}"
    else:
        reason = f"{len(reproduced_by)} tests failed as predicted"
    holds = result.ended is Ended.EXITED and bool(reproduced_by) and not missing and not other
    return ProofRun(role=role, suite="new", number=number, holds=holds, reason=reason, result=result)


def judge_green(number: int, result: SuiteResult, expected: tuple[str, ...]) -> ProofRun:
    """A run with the fix holds when every test that ran on base passes."""
    by_test = {outcome.test: outcome for outcome in result.outcomes}
    missing = [test for test in expected if test not in by_test]
    failing = [outcome for outcome in result.outcomes if outcome.kind is not FailureKind.PASSED]
    if result.ended is not Ended.EXITED:
        reason = f"the run {ENDED_IN_WORDS[result.ended]}"
    elif missing:
        reason = f"{missing[0]} did not run"
    elif failing:
        reason = f"{failing[0].test} was {failing[0].kind.value}: {failing[0].reason}"
    else:
        reason = f"{len(result.outcomes)} tests passed"
    holds = result.ended is Ended.EXITED and bool(result.outcomes) and not missing and not failing
    return ProofRun(role="fix", suite="new", number=number, holds=holds, reason=reason, result=result)


def judge_own(before: SuiteResult, after: SuiteResult) -> ProofRun:
    """The service's own suite holds when nothing that passed before does anything else now."""
    now = {outcome.test: outcome for outcome in after.outcomes}
    worse = [_worse(outcome, now.get(outcome.test)) for outcome in before.of(FailureKind.PASSED)]
    found = [text for text in worse if text]
    if after.ended is not Ended.EXITED:
        reason = f"the run {ENDED_IN_WORDS[after.ended]}"
    elif found:
        reason = f"{len(found)} tests that passed before do not now: {found[0]}"
    else:
        reason = f"{before.passed} tests passed before and pass now"
    holds = after.ended is Ended.EXITED and not found
    return ProofRun(role="fix", suite="own", number=1, holds=holds, reason=reason, result=after)


def _worse(before: Outcome, now: Outcome | None) -> str:
    if now is None:
        return f"{before.test} did not run"
    return "" if now.kind is FailureKind.PASSED else f"{now.test} was {now.kind.value}: {now.reason}"


def conclude(
    base: Sha, with_tests: Sha, with_fix: Sha, reverted: Sha, same_tree: bool, runs: tuple[ProofRun, ...]
) -> Proof:
    """The proof holds when every run does and none of the four kinds of run is missing."""
    missing = [f"{run.result.label}: {run.reason}." for run in runs if not run.holds]
    for role, suite, words in (
        ("base", "new", "red on base"), ("fix", "new", "green with the fix"),
        ("revert", "new", "red with the fix reverted"), ("fix", "own", "the service's own suite with the fix"),
    ):
        if not any(run.role == role and run.suite == suite for run in runs):
            missing.append(f"No run shows {words}.")
    return Proof(
        verdict=Verdict.NOT_PROVEN if missing else Verdict.PROVEN, base=base, with_tests=with_tests,
        with_fix=with_fix, reverted=reverted, same_tree=same_tree, runs=runs, missing=tuple(missing),
    )
