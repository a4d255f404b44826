"""The outcomes of whole runs: every test that was planned, collected or seen gets one, and reruns are compared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from bot.audit.outcomes.case import classify, module_parts
from bot.audit.outcomes.wording import named
from bot.domain.plan import PlannedTest, ServiceNeed
from bot.domain.suite import ENDED_IN_WORDS, Ended, FailureKind, Observation, Outcome
from bot.probe.seen import TestRun

__all__ = ["classify", "function_name", "merge_reruns", "outcomes_of"]

_RUN_OUT = re.compile(r"^(?:\++ Timeout \++|Timeout \(\d+:\d\d:\d\d(?:\.\d+)?\)!)$", re.MULTILINE)
"""What pytest-timeout (its method `thread`) and faulthandler print before they end the process."""
_WORKER_DIED = re.compile(r"worker '?(gw\d+)'? crashed")


def outcomes_of(run: TestRun, planned: Iterable[PlannedTest], product: tuple[str, ...],
                services: tuple[ServiceNeed, ...]) -> tuple[Outcome, ...]:
    """The outcome of every test of a run, those that it never came to included, in the order of the run.

    A planned test is found by its path and function name, so every parameter set is held to the expectation.
    """
    plans = {(test.path, test.name): test for test in planned}
    found: dict[str, Outcome] = {}
    earlier: dict[str, list[Outcome]] = {}
    modules = frozenset[str]().union(*map(module_parts, run.observations))
    for seen in (*run.seen.attempts, *run.observations):
        plan = plans.get((seen.path, function_name(seen.test)))
        found[seen.test] = classify(seen, plan.expectation if plan else None, product, services,
                                    modules=modules)
        earlier.setdefault(seen.test, []).append(found[seen.test])
    for test, attempts in earlier.items():
        # A plugin ran it again within the run; what it came to at last is not all that it came to.
        found[test] = attempts[0] if len(attempts) == 1 else merge_reruns([(attempt,) for attempt in attempts])[0]
    for begun in run.running:
        found[begun.test] = _interrupted(begun.test, run)
    for collected in run.seen.collected:
        found.setdefault(collected.test, _out(collected.test, FailureKind.NOT_RUN, _why_not_run(run)))
    there = {(outcome.partition("::")[0], function_name(outcome)) for outcome in found}
    broken = {seen.path: seen for seen in run.observations if seen.phase == "collect"}
    for path, name in plans:
        if (path, name) not in there:
            reason = _why_not_collected(path, broken.get(path), run)
            found[f"{path}::{name}"] = _out(f"{path}::{name}", FailureKind.NOT_RUN, reason)
    return tuple(found.values())


def merge_reruns(runs: Sequence[tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
    """One outcome a test over several runs of the same tree: its kind where all agree, else flaky.

    A test that is missing from a run counts as not run there.
    """
    by_test: dict[str, list[Outcome | None]] = {}
    for number, run in enumerate(runs):
        for outcome in run:
            by_test.setdefault(outcome.test, [None] * len(runs))[number] = outcome
    merged = []
    for test, outcomes in by_test.items():
        counts = Counter(outcome.kind if outcome else FailureKind.NOT_RUN for outcome in outcomes)
        first = next(outcome for outcome in outcomes if outcome)
        if len(counts) == 1:
            merged.append(first)
            continue
        said = ", ".join(f"{kind} in {count}" for kind, count in counts.most_common())
        decisive = next((outcome for outcome in outcomes if outcome and outcome.kind != FailureKind.PASSED), first)
        merged.append(Outcome(test=test, kind=FailureKind.FLAKY, frame=decisive.frame, duration_s=first.duration_s,
                              reason=f"{len(runs)} runs of the same code disagree: {said}; "
                                     f"one of them said: {decisive.reason}"))
    return tuple(merged)


def function_name(test: str) -> str:
    """The test function's name in a node id: no path, no class, no parameters."""
    return test.partition("::")[2].partition("[")[0].rpartition("::")[2]


def _out(test: str, kind: FailureKind, reason: str) -> Outcome:
    return Outcome(test=test, kind=kind, reason=reason)


def _interrupted(test: str, run: TestRun) -> Outcome:
    ended = run.completed.ended
    if ended is Ended.TIMEOUT:
        where = next((frame for frame in reversed(run.stopped_at) if frame.in_app), None)
        at = f", at {where.path}:{where.line} in `{where.function}`" if where else ""
        return Outcome(test=test, kind=FailureKind.TIMEOUT, frame=where,
                       reason=f"It was still running{at} when the run was ended at the limit of {run.seconds:g} s.")
    if ended is Ended.EXITED and _RUN_OUT.search(run.completed.output):
        return _out(test, FailureKind.TIMEOUT, "A time limit within the run ended the test process while it ran.")
    died = _WORKER_DIED.search(run.completed.output)
    if ended is Ended.EXITED and died:
        return _out(test, FailureKind.HARNESS, f"The worker {died[1]} of pytest-xdist died while it ran, so nothing is "
                    "known of its result.")
    if ended is Ended.EXITED:
        return _out(test, FailureKind.HARNESS, "The test process died while it ran "
                    f"(exit code {run.completed.exit_code}), so nothing is known of its result.")
    return _out(test, FailureKind.HARNESS, f"While it ran, the run {ENDED_IN_WORDS[ended]}.")


def _why_not_run(run: TestRun) -> str:
    if run.completed.ended is not Ended.EXITED:
        return f"It was not reached: the run {ENDED_IN_WORDS[run.completed.ended]}."
    return f"It was not reached: pytest ended early with exit code {run.completed.exit_code}."


def _why_not_collected(path: str, broken: Observation | None, run: TestRun) -> str:
    if broken is not None:
        cause = broken.exceptions[-1] if broken.exceptions else None
        said = named(cause) if cause else broken.skip_reason
        return f"{path} could not be collected: {said}."
    if run.complaint:
        return f"pytest ran no tests: {run.complaint}"
    if not run.seen.finished:
        return _why_not_run(run)
    return f"pytest found no such test in {path}."
