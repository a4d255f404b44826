"""The decision of the proof: which runs hold, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.base import Sha
from bot.domain.proof import Proof, ProofRun, TreeRole, Verdict
from bot.domain.suite import ENDED_IN_WORDS, Ended, FailureKind, Outcome, SuiteResult

ALL_PASSED = frozenset({0})
SOME_FAILED = frozenset({1})
EITHER = ALL_PASSED | SOME_FAILED
"""pytest's exit codes (docs.pytest.org, "Exit codes"); every other one means that it was not able to run them."""


def why_not_believed(result: SuiteResult, exit_codes: frozenset[int]) -> str:
    """Why a run is no evidence, whatever its tests did, as a clause; empty when it is."""
    if not result.ran:
        return result.note or "nothing was run"
    if result.ended is not Ended.EXITED:
        return f"the run {ENDED_IN_WORDS[result.ended]}"
    if result.doubts:
        return result.doubts[0]
    if result.exit_code not in exit_codes:
        wanted = " or ".join(str(code) for code in sorted(exit_codes))
        return f"pytest ended with exit code {result.exit_code}, not {wanted}"
    return ""


def judge_red(role: TreeRole, number: int, result: SuiteResult, reproduced_by: tuple[str, ...]) -> ProofRun:
    """A run without the fix holds when it is believed and every test that reproduced fails as predicted again."""
    against = why_not_believed(result, SOME_FAILED) or _not_red(result, reproduced_by)
    reason = against or f"{len(reproduced_by)} tests failed as predicted"
    return ProofRun(role=role, suite="new", number=number, holds=not against, reason=reason, result=result)


def _not_red(result: SuiteResult, reproduced_by: tuple[str, ...]) -> str:
    by_test = {outcome.test: outcome for outcome in result.outcomes}
    if not reproduced_by:
        return "no test reproduced the incident"
    for test in reproduced_by:
        if test not in by_test:
            return f"{test} did not run"
    other = [by_test[test] for test in reproduced_by if by_test[test].kind is not FailureKind.AS_PREDICTED]
    return _said(other[0]) if other else ""


def judge_green(number: int, result: SuiteResult, expected: tuple[str, ...]) -> ProofRun:
    """A run with the fix holds when it is believed and all its tests pass, every one that ran on base among them."""
    against = why_not_believed(result, ALL_PASSED) or _not_green(result, expected)
    reason = against or f"{len(result.outcomes)} tests passed"
    return ProofRun(role="fix", suite="new", number=number, holds=not against, reason=reason, result=result)


def _not_green(result: SuiteResult, expected: tuple[str, ...]) -> str:
    there = {outcome.test for outcome in result.outcomes}
    if not there:
        return "no test ran"
    for test in expected:
        if test not in there:
            return f"{test} did not run"
    failing = [outcome for outcome in result.outcomes if outcome.kind is not FailureKind.PASSED]
    return _said(failing[0]) if failing else ""


def judge_own(before: SuiteResult, after: SuiteResult) -> ProofRun:
    """The service's own suite holds when nothing that passed before does anything else now.

    Without a suite the run does not hold and nothing is missing: see `conclude`.
    """
    against = _not_own(before, after)
    reason = against or f"{before.passed} tests passed before and pass now"
    return ProofRun(role="fix", suite="own", number=1, holds=not against, reason=reason, result=after)


def _not_own(before: SuiteResult, after: SuiteResult) -> str:
    if not after.ran:
        return f"{why_not_believed(after, EITHER)}, so nothing shows that what worked before still works"
    if why := why_not_believed(before, EITHER):
        return f"before the fix: {why}"
    if why := why_not_believed(after, EITHER):
        return why
    if not before.passed:
        return f"none of its {before.total} tests passed before, so it shows nothing"
    now = {outcome.test: outcome for outcome in after.outcomes}
    worse = [text for outcome in before.of(FailureKind.PASSED) if (text := _worse(outcome, now.get(outcome.test)))]
    return f"{len(worse)} tests that passed before do not now: {worse[0]}" if worse else ""


def _worse(before: Outcome, now: Outcome | None) -> str:
    if now is None:
        return f"{before.test} did not run"
    return "" if now.kind is FailureKind.PASSED else _said(now)


def _said(outcome: Outcome) -> str:
    return f"{outcome.test} was {outcome.kind.value}: {outcome.reason}".removesuffix(".")


def conclude(
    base: Sha, with_tests: Sha, with_fix: Sha, reverted: Sha, same_tree: bool, runs: tuple[ProofRun, ...]
) -> Proof:
    """The proof holds when every run does and none of the four kinds of run is missing.

    A service may have no suite of its own. That is no obstacle: its run says so, and does not count as holding.
    """
    missing = tuple(_missing(runs))
    return Proof(
        verdict=Verdict.NOT_PROVEN if missing else Verdict.PROVEN, base=base, with_tests=with_tests,
        with_fix=with_fix, reverted=reverted, same_tree=same_tree, runs=runs, missing=missing,
    )


def _missing(runs: tuple[ProofRun, ...]) -> Iterator[str]:
    for run in runs:
        if not run.holds and (run.suite == "new" or run.result.ran):
            yield f"{run.result.label}: {run.reason}."
    for role, suite, words in (
        ("base", "new", "red on base"), ("fix", "new", "green with the fix"),
        ("revert", "new", "red with the fix reverted"), ("fix", "own", "the service's own suite with the fix"),
    ):
        if not any(run.role == role and run.suite == suite for run in runs):
            yield f"No run shows {words}."
