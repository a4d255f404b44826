"""Checks outcomes against the JUnit files that pytest wrote: a second account of each run of tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bot.domain.plan import TestPlan
from bot.domain.results import Planned, Proven, TestsAudited, TestsRun
from bot.domain.suite import Ended, FailureKind, Outcome, SuiteResult
from bot.recheck.material import REDACTED, Material
from bot.recheck.statement import Statement, judged, noted
from bot.reports.views.planning import planned_test

_LEAST_APART = 0.0015
"""Seconds: pytest writes durations with three decimals."""
_KINDS: dict[str, frozenset[FailureKind]] = {
    "passed": frozenset({FailureKind.PASSED, FailureKind.ENVIRONMENT, FailureKind.FLAKY}),
    "skipped": frozenset({
        FailureKind.SKIPPED, FailureKind.ENVIRONMENT, FailureKind.NOT_RUN, FailureKind.FLAKY,
    }),
    "failed": frozenset({
        FailureKind.AS_PREDICTED, FailureKind.OTHER_FAILURE, FailureKind.HARNESS, FailureKind.ENVIRONMENT,
        FailureKind.TIMEOUT, FailureKind.FLAKY,
    }),
}
_KINDS["error"] = _KINDS["failed"] - {FailureKind.AS_PREDICTED}
"""An error is one outside of the call phase, and what was predicted fails within it."""


class Case(NamedTuple):
    """One test as a JUnit file has it. A test that fails and then errs in teardown has two.

    `messages` are those of its failures, `texts` how pytest printed them.
    """

    where: str
    name: str
    status: str
    seconds: float
    messages: tuple[str, ...]
    texts: tuple[str, ...]


def runs(material: Material) -> Iterator[Statement]:
    """Hold every run of the new tests and of the service's own suite against its JUnit file and its exit code."""
    plan = _plan(material)
    for number, step in enumerate(material.record.steps, 1):
        if isinstance(step.result, TestsRun):
            results = [(one, plan) for one in step.result.runs] + [(step.result.own, None)]
        elif isinstance(step.result, Proven):
            results = [(run.result, plan if run.suite == "new" else None) for run in step.result.proof.runs]
        else:
            continue
        for result, predicted in results:
            what = f"step {number} ({step.step}), {result.label}"
            if not result.ran:
                yield judged(what, "it was not run and has outcomes" if result.outcomes else "")
                continue
            yield judged(f"{what}, exit code", _against_exit_code(result))
            if result.doubts:
                yield noted(f"{what}, its JUnit file", f"the run was not believed: {result.doubts[0]}")
            elif result.ended is not Ended.EXITED:
                yield noted(f"{what}, its JUnit file", "the run was ended at a limit")
            elif not result.junit and result.exit_code not in {0, 1} and not result.outcomes:
                yield noted(f"{what}, its JUnit file", "pytest did not start, and wrote none")
            elif _overwritten(material, number, result.junit):
                yield noted(f"{what}, its JUnit file", f"a later attempt kept its own as {result.junit}")
            else:
                yield from account(material.files, what, result.junit, result.outcomes, predicted, result.duration_s)


def _overwritten(material: Material, number: int, name: str) -> bool:
    """Whether a later step kept another file of this name than the step with this number, from 1."""
    kept = [artifact for step in material.record.steps[number - 1:] for artifact in step.artifacts
            if artifact.name == name]
    return len(kept) > 1 and kept[0].sha256 != kept[-1].sha256


def audits(material: Material) -> Iterator[Statement]:
    """Hold the outcomes in each audit against the JUnit file of its run."""
    for number, step in enumerate(material.record.steps, 1):
        if isinstance(step.result, TestsAudited) and step.result.report.depth == "run":
            name = f"junit/audit-{step.attempt}.xml"
            what = f"step {number} ({step.step})"
            if name not in material.files and name not in {artifact.name for artifact in step.artifacts}:
                yield noted(f"{what}, its JUnit file", "pytest left none")
            else:
                yield from account(material.files, what, name, step.result.report.outcomes, _plan(material), None)


def _plan(material: Material) -> TestPlan | None:
    planned = material.record.latest(Planned)
    return None if planned is None else planned.plan


def _against_exit_code(result: SuiteResult) -> str:
    """Why pytest's exit code cannot be that of these outcomes; empty when it can."""
    if result.doubts or result.ended is not Ended.EXITED:
        return ""
    if result.exit_code == 0 and result.red:
        return f"it is 0, and {result.red} tests failed"
    if result.exit_code == 0 and not result.outcomes:
        return "it is 0, and there is no test"
    if result.exit_code == 1 and not result.red:
        return "it is 1, and no test failed"
    if result.exit_code == 5 and any(one.kind is not FailureKind.NOT_RUN for one in result.outcomes):
        return "it is 5 (no tests), and there are some"
    return "" if result.exit_code is not None and -64 <= result.exit_code <= 255 else f"it is {result.exit_code}"


def account(files: Mapping[str, bytes], what: str, name: str, outcomes: tuple[Outcome, ...], plan: TestPlan | None,
            took: float | None) -> Iterator[Statement]:
    """Hold outcomes against one JUnit file, and the file against itself.

    With a plan, what failed as predicted must say so in the file, too. `took` is how long the run took, if it is known.
    """
    content = files.get(name)
    if content is None:
        yield judged(f"{what}, its JUnit file", f"{name} is not there" if name else "the record names none")
        return
    found = read_cases(content)
    if found is None:
        yield judged(f"{what}, {name}", "it cannot be read as a JUnit file")
        return
    cases, totals, seconds = found
    yield from _totals(f"{what}, {name}", cases, totals)
    if took is not None:
        yield judged(f"{what}, its duration", "" if seconds <= took + _LEAST_APART else
                     f"it took {took:.3f} s, and pytest alone {seconds:.3f} s")
    left = list(cases)
    for outcome in outcomes:
        mine = _taken(outcome.test, left)
        if not mine:
            ran = outcome.kind not in {FailureKind.NOT_RUN, FailureKind.TIMEOUT}
            yield judged(f"{what}, {outcome.test}", f"it is {outcome.kind.value}, and {name} does not have it"
                         if ran else "")
            continue
        yield judged(f"{what}, {outcome.test}", _against(outcome, mine, plan, name))
    for case in left:
        yield judged(f"{what}, {name}", f"it has the test {case.where}::{case.name} ({case.status}), which the record "
                     "does not have")


def read_cases(content: bytes) -> tuple[list[Case], dict[str, int], float] | None:
    """The test cases of a JUnit file, its own totals, and how long it says it took; None when it is none."""
    from junitparser import Error, JUnitXml, JUnitXmlError, Skipped
    from junitparser import Failure as Failed

    # pytest writes no document type, and without one there are no entities that could grow.
    if b"<!DOCTYPE" in content:
        return None
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    try:
        cases: list[Case] = []
        seconds = 0.0
        suites: list[Any] = list(JUnitXml.fromstring(content))
        for suite in suites:
            for name in totals:
                totals[name] += int(getattr(suite, name) or 0)
            seconds += float(suite.time or 0)
            for case in suite:
                kinds = {type(one) for one in case.result}
                status = ("failed" if Failed in kinds else "error" if Error in kinds
                          else "skipped" if Skipped in kinds else "passed")
                messages = tuple(one.message for one in case.result if one.message)
                texts = tuple(one.text for one in case.result if one.text)
                cases.append(
                    Case(case.classname or "", case.name or "", status, float(case.time or 0), messages, texts)
                )
    except (JUnitXmlError, SyntaxError, ValueError, LookupError, TypeError, RecursionError, AttributeError):
        return None
    return cases, totals, seconds


def _totals(what: str, cases: list[Case], totals: dict[str, int]) -> Iterator[Statement]:
    """The file's own totals, against its cases. A test with two cases counts once for pytest, or twice."""
    for name, status in (("failures", "failed"), ("errors", "error"), ("skipped", "skipped")):
        there = sum(case.status == status for case in cases)
        yield judged(f"{what}, its {name}", "" if totals[name] == there else
                     f"it says {totals[name]}, and has {there}")
    names = len({(case.where, case.name) for case in cases})
    yield judged(f"{what}, its tests", "" if names <= totals["tests"] <= max(len(cases), names) else
                 f"it says {totals['tests']}, and has {names}")


def _taken(test: str, left: list[Case]) -> list[Case]:
    """The cases of a test, taken out of those that are left: by its name, or without parameters, which may differ by
    what redaction and XML made of them.
    """
    mine = [case for case in left if _is(test, case, whole=True)]
    if not mine:
        mine = [case for case in left if "[" in case.name and _is(test, case, whole=False)][:1]
    for case in mine:
        left.remove(case)
    return mine


def _is(test: str, case: Case, whole: bool) -> bool:
    """Whether a case is of this node id. pytest joins folders, module and classes with dots, from its own root."""
    path, _, rest = test.partition("::")
    inner, bracket, parameters = rest.partition("[")
    *classes, function = inner.split("::")
    module = path.removesuffix(".py").replace("/", ".")
    if not rest:
        # A file that could not be collected is a case of its own.
        return not case.where and (case.name == module or module.endswith(f".{case.name}"))
    full = ".".join((module, *classes))
    here = full == case.where or (bool(case.where) and full.endswith(f".{case.where}"))
    name = case.name if whole else case.name.partition("[")[0]
    return here and name == (function + bracket + parameters if whole else function)


def _against(outcome: Outcome, cases: list[Case], plan: TestPlan | None, name: str) -> str:
    """Why an outcome cannot be that of its cases; empty when it can."""
    statuses = {case.status for case in cases}
    worst = next(status for status in ("failed", "error", "skipped", "passed") if status in statuses)
    if outcome.kind not in _KINDS[worst]:
        return f"it is {outcome.kind.value}, and {worst} in {name}"
    seconds = sum(case.seconds for case in cases)
    if not abs(outcome.duration_s - seconds) <= _LEAST_APART * len(cases):  # also when it is no number
        return f"it took {outcome.duration_s:.3f} s, and {seconds:.3f} s in {name}"
    if outcome.kind is FailureKind.AS_PREDICTED and plan is not None:
        return _not_predicted(outcome, cases, plan, name)
    return ""


def _not_predicted(outcome: Outcome, cases: list[Case], plan: TestPlan, name: str) -> str:
    planned = planned_test(outcome.test, plan.tests)
    if planned is None:
        return "it is said to have failed as predicted, and the plan does not know it"
    expected = planned.expectation
    said = [text for case in cases for text in case.messages]
    # pytest puts the exception's type before its message.
    texts = [*said, *(text.partition(": ")[2] for text in said)]
    if any(text.partition(":")[0].endswith("Group") for text in said):
        # What a group holds stands in what was printed of it alone.
        texts += [text for case in cases for text in case.texts]
    redacted = any(REDACTED.search(text) for text in texts)
    if not redacted and not any(expected.matches(text) for text in texts):
        return f"it is said to have failed as predicted, and its message in {name} does not match /{expected.message}/"
    ends = f"its message matches /{expected.message}/, and the run entered `{expected.reaches.key}`."
    told = outcome.reason.endswith(ends) or REDACTED.search(outcome.reason) is not None
    return "" if told else "its reason is not the plan's prediction"
