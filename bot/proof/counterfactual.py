"""The decision of the proof: which runs hold, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set

from bot.domain.base import Sha, counted
from bot.domain.patch import GuardFinding
from bot.domain.proof import ChangedLines, HunkCheck, MutantCheck, Proof, ProofRun, TreeRole, Verdict
from bot.domain.suite import ENDED_IN_WORDS, RED, Ended, FailureKind, Outcome, SuiteResult

ALL_PASSED = frozenset({0})
SOME_FAILED = frozenset({1})
NO_SUITE = "the service has no suite of its own (`suite` is empty)"
BEFORE = "what worked before the fix"
STILL_GREEN = "every test still passes"
_IDLE = re.compile(r'[+-]\s*(?:#.*|"""[^"]*""")?')
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


def _against(result: SuiteResult, exit_codes: frozenset[int], said: str) -> str:
    """Why a run does not hold. Where pytest came to its end, what a test did says more than its exit code."""
    why = why_not_believed(result, exit_codes)
    return said or why if not why_not_believed(result, EITHER) else why


def judge_red(role: TreeRole, number: int, result: SuiteResult, reproduced_by: tuple[str, ...]) -> ProofRun:
    """A run without the fix holds when it is believed and every test that reproduced fails as predicted again."""
    against = _against(result, SOME_FAILED, _not_red(result, reproduced_by))
    reason = against or f"{counted(len(reproduced_by), 'test')} failed as predicted"
    return ProofRun(role=role, suite="new", number=number, holds=not against, reason=reason, result=result)


def _not_red(result: SuiteResult, reproduced_by: tuple[str, ...]) -> str:
    by_test = {outcome.test: outcome for outcome in result.outcomes}
    if not reproduced_by:
        other = [one for one in (*result.of(*RED), *result.outcomes) if one.kind is not FailureKind.AS_PREDICTED]
        return f"no test reproduced the incident{f' ({_said(other[0])})' if other else ''}"
    for test in reproduced_by:
        if test not in by_test:
            return f"{test} did not run"
    other = [by_test[test] for test in reproduced_by if by_test[test].kind is not FailureKind.AS_PREDICTED]
    return _said(other[0]) if other else ""


def judge_green(number: int, result: SuiteResult, expected: tuple[str, ...]) -> ProofRun:
    """A run with the fix holds when it is believed and all its tests pass, every one that ran on base among them."""
    against = _against(result, ALL_PASSED, _not_green(result, expected))
    reason = against or f"{counted(len(result.outcomes), 'test')} passed"
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
    reason = against or f"{counted(before.passed, 'test')} passed before and now"
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


def turned_red(result: SuiteResult) -> str:
    """What shows that a run is red, whatever the reason, as a clause; empty when it is green."""
    if result.ended is not Ended.EXITED:
        return f"the run {ENDED_IN_WORDS[result.ended]}"
    red = result.of(*RED)
    if red:
        return _said(red[0])
    return "" if result.exit_code == 0 else f"pytest ended with exit code {result.exit_code}"


def only_harness(result: SuiteResult) -> bool:
    """Whether nothing but the harness made a run red: a name that is gone, a call that does not fit."""
    red = result.of(*RED)
    return result.ended is Ended.EXITED and all(outcome.kind is FailureKind.HARNESS for outcome in red)


def conclude(
    base: Sha, with_tests: Sha, with_fix: Sha, reverted: Sha, *, same_tree: bool, runs: tuple[ProofRun, ...],
    hunks: tuple[HunkCheck, ...] = (), mutants: tuple[MutantCheck, ...] = (), lines: tuple[ChangedLines, ...] = (),
    guard: tuple[GuardFinding, ...] = (),
) -> Proof:
    """The proof holds when every run does, none of the four kinds of run is missing, and the fix is no show.

    No show: the guard has no hard finding, less than half of the lines that it changes is not needed, at least half of
    those that can run did so, and of the mutants that were tried at least half are noticed. What falls short of all,
    but does not go that far, is told in the notes. A service may have no suite of its own; that is no obstacle, and
    its run does not count as holding.
    """
    missing = (*_missing(runs), *_show(hunks, mutants, lines, guard))
    return Proof(
        verdict=Verdict.NOT_PROVEN if missing else Verdict.PROVEN, base=base, with_tests=with_tests,
        with_fix=with_fix, reverted=reverted, same_tree=same_tree, runs=runs, missing=missing, hunks=hunks,
        mutants=mutants, lines=lines, guard=guard, notes=tuple(_notes(runs, hunks, mutants, lines, guard)),
    )


def _missing(runs: tuple[ProofRun, ...]) -> Iterator[str]:
    counting = [run for run in runs if run.role not in {"without", "mutant"}]
    for run in counting:
        if not run.holds and (run.suite == "new" or run.result.ran):
            yield f"{run.result.label}: {run.reason}."
    for role, suite, words in (
        ("base", "new", "red on base"), ("fix", "new", "green with the fix"),
        ("revert", "new", "red with the fix reverted"), ("fix", "own", "the service's own suite with the fix"),
    ):
        if not any(run.role == role and run.suite == suite for run in counting):
            yield f"No run shows {words}."


def _show(
    hunks: Sequence[HunkCheck], mutants: Sequence[MutantCheck], lines: Sequence[ChangedLines],
    guard: Sequence[GuardFinding],
) -> Iterator[str]:
    for finding in guard:
        if finding.hard:
            yield f"The fix guard rejects {finding.path} ({finding.rule}): {finding.message}"
    needless = [check for check in hunks if check.needed is False]
    moved = _moved(hunks)
    idle = sum(_size(check, moved) for check in needless if not _is_move(check, moved))
    total = idle + sum(_size(check, moved) for check in hunks if check.needed)
    if 2 * idle >= total > 0:
        yield (f"{idle} of the {total} lines that the fix changes are not needed: without "
               f"{', '.join(map(_where, needless))} every test still passes.")
    yield from _idle(lines)
    tried = [check for check in mutants if check.killed is not None]
    killed = sum(1 for check in tried if check.killed)
    if 2 * killed < len(tried):
        yield f"The new tests notice {killed} of {counted(len(tried), 'small change')} of the fixed lines."


def _idle(lines: Sequence[ChangedLines]) -> Iterator[str]:
    # Of a file of which nothing ran, nothing is known: its code may run in another process.
    seen = [file for file in lines if file.ran]
    changed, ran = sum(len(file.changed) for file in seen), sum(len(file.ran) for file in seen)
    if 2 * ran < changed:
        yield (f"{changed - ran} of {counted(changed, 'changed line')} in {', '.join(file.path for file in seen)} did "
               "not run in the new tests.")


def _notes(
    runs: Sequence[ProofRun], hunks: Sequence[HunkCheck], mutants: Sequence[MutantCheck],
    lines: Sequence[ChangedLines], guard: Sequence[GuardFinding],
) -> Iterator[str]:
    for finding in guard:
        if not finding.hard:
            yield f"{finding.path} ({finding.rule}): {finding.message}"
    for check in hunks:
        if check.needed is False:
            yield f"{_where(check)} is not needed for the proof: {check.reason}."
    survivors = [check for check in mutants if check.killed is False]
    if survivors:
        yield f"{counted(len(survivors), 'small change')} of the fixed lines would not be noticed."
    untried = sum(1 for check in mutants if check.killed is None)
    if untried:
        yield f"{counted(untried, 'more small change')} of the fixed lines were not tried."
    for file in lines:
        idle = sorted(set(file.changed) - set(file.ran))
        if idle:
            yield (f"{len(idle)} of {counted(len(file.changed), 'changed line')} in {file.path} did not run in the new "
                   f"tests: {', '.join(map(str, idle))}.")
    yield from _durations(runs)


def _durations(runs: Sequence[ProofRun]) -> Iterator[str]:
    own = {run.role: run.result for run in runs if run.suite == "own" and run.result.ran}
    if "base" in own and "fix" in own:
        yield (f"The service's own suite took {own['base'].duration_s:.1f} s before and {own['fix'].duration_s:.1f} s "
               "with the fix.")


def _size(check: HunkCheck, moved: Set[tuple[str, str]]) -> int:
    """The lines that came and went, without empty ones, comments and docstrings of a line, which are no change of their
    own, and without those that only went from one file to another.
    """
    return check.hunk.lines - sum(1 for line in check.hunk.text.split("\n")
                                  if _IDLE.fullmatch(line) or (check.hunk.path, line) in moved)


def _is_move(check: HunkCheck, moved: Set[tuple[str, str]]) -> bool:
    """Whether a hunk is what a move leaves behind: at least half of its lines stand in another file now, or stood."""
    lines = [line for line in check.hunk.text.split("\n") if line[:1] in {"+", "-"} and not _IDLE.fullmatch(line)]
    return 2 * sum((check.hunk.path, line) in moved for line in lines) >= len(lines) > 0


def _moved(hunks: Sequence[HunkCheck]) -> frozenset[tuple[str, str]]:
    """The lines of hunks, by path and with their sign, that go in one file and come in another."""
    there = {(check.hunk.path, line) for check in hunks for line in check.hunk.text.split("\n")
             if line[:1] in {"+", "-"}}
    files: dict[str, set[str]] = {}
    for path, line in there:
        files.setdefault(line, set()).add(path)
    return frozenset((path, line) for path, line in there
                     if files.get(("-" if line[0] == "+" else "+") + line[1:], set()) - {path})


def _where(check: HunkCheck) -> str:
    hunk = check.hunk
    if hunk.last <= hunk.first:
        return f"{hunk.path}:{hunk.first}"
    return f"{hunk.path}:{hunk.first}-{hunk.last}"
