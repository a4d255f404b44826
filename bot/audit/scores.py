"""The five marks of an audit, each by a formula over the findings and outcomes."""

from __future__ import annotations

from collections.abc import Iterable

from bot.audit.rule import Context, without_parameters
from bot.domain.audit import Finding, FindingSeverity, Score
from bot.domain.suite import FailureKind

TECHNICAL = frozenset(
    {
        "unreadable-file",
        "not-collected",
        "async-test-not-run",
        "missing-symbol",
        "wrong-signature",
        "await-on-sync",
        "unawaited-coroutine",
        "expectation-contradicts-impl",
        "unsatisfiable-assert",
        "coroutine-never-awaited",
        "fails-otherwise",
    }
)
"""Rules about tests that cannot work."""

CONVENTION = frozenset(
    {"plan-mismatch", "undeclared-service", "sleep-timing", "allowed", "not-collected", "async-test-not-run"}
)
"""Rules about placement, markers, declared services and clocks."""

ARCHITECTURE = frozenset(
    {"sut-replaced", "sut-reimplemented", "mock-only", "tests-dependency", "undeclared-service", "infra-as-repro"}
)
"""Rules about whether a test stands where it should in the pyramid, with real code under it."""


def _marked(findings: Iterable[Finding], rules: frozenset[str], severity: FindingSeverity | None = None) -> set[str]:
    return {item.test for item in findings if item.rule in rules and severity in {None, item.severity}}


def _share(part: int, whole: int) -> float:
    return round(10 * part / whole, 1) if whole else 0.0


def scores(
    context: Context,
    ids: tuple[str, ...],
    defects: tuple[str, ...],
    missing: tuple[str, ...],
    findings: tuple[Finding, ...],
) -> tuple[Score, ...]:
    """The marks, each from 0 to 10 with one decimal; 0 where there is no test.

    `tests` in the formulas counts the tests found and the planned ones that are missing.
    """
    every = {*ids, *missing}
    total = len(every)
    broken = _marked(findings, TECHNICAL, FindingSeverity.ERROR) | set(missing)
    sound = total - len(broken & every)
    warned = len(
        {item.test for item in findings if item.severity is FindingSeverity.WARNING and item.test not in defects}
        & every
    )
    good = total - len(set(defects) | set(missing))
    strange = len((_marked(findings, CONVENTION) | set(missing)) & every)
    misplaced = len((_marked(findings, ARCHITECTURE) | set(missing)) & every)
    quality = max(0.0, 10 * (good - 0.25 * warned) / total) if total else 0.0
    return (
        Score(
            name="technical correctness",
            value=_share(sound, total),
            formula=f"10 x tests without a technical error / tests = 10 x {sound} / {total}",
        ),
        Score(
            name="test quality",
            value=round(quality, 1),
            formula=(
                f"10 x (good tests - 0.25 x good tests with a warning) / tests = 10 x ({good} - 0.25 x "
                f"{warned}) / {total}"
            ),
        ),
        Score(
            name="convention compliance",
            value=_share(total - strange, total),
            formula=(
                "10 x tests without a finding on placement, markers, services or clocks / tests = 10 x "
                f"{total - strange} / {total}"
            ),
        ),
        _impact(context, every, defects, missing),
        Score(
            name="architecture",
            value=_share(total - misplaced, total),
            formula=(
                f"10 x tests that run real product code at their level / tests = 10 x {total - misplaced} / {total}"
            ),
        ),
    )


def _impact(context: Context, every: set[str], defects: tuple[str, ...], missing: tuple[str, ...]) -> Score:
    if context.plan is not None:
        planned = [context.node_id(test) for test in context.plan.tests]
        sound = [test for test in planned if test not in defects and test not in missing]
        if context.outcomes:
            shown = {
                without_parameters(item.test) for item in context.outcomes if item.kind is FailureKind.AS_PREDICTED
            }
            hits = len([test for test in sound if test in shown])
            what = "sound planned tests that failed as predicted"
        else:
            hits, what = len(sound), "sound planned tests"
        return Score(
            name="impact coverage",
            value=_share(hits, len(planned)),
            formula=f"10 x {what} / planned tests = 10 x {hits} / {len(planned)}",
        )
    reaching = len([view for view in context.views if view.reach.product and view.case.id not in defects])
    return Score(
        name="impact coverage",
        value=_share(min(reaching, len(every)), len(every)),
        formula=f"10 x sound tests whose code leads to the implementation / tests = 10 x {reaching} / {len(every)}",
    )
