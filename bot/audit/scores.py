"""The five marks of an audit, each by a formula over the findings and outcomes."""

from __future__ import annotations

import ast
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
        "harness-as-repro",
        "infra-as-repro",
        "infra-as-pass",
    }
)
"""Rules about tests that cannot work."""

CONVENTION = frozenset(
    {
        "plan-mismatch",
        "contradicts-plan",
        "conventions",
        "undeclared-service",
        "host-dependent",
        "order-dependent",
        "unseeded-random",
        "sleep-timing",
        "allowed",
        "not-collected",
        "async-test-not-run",
    }
)
"""Rules about placement, names, markers, declared services, the machine, order, chance and clocks."""

ARCHITECTURE = frozenset(
    {
        "sut-replaced",
        "sut-reimplemented",
        "mock-only",
        "hardcoded-result",
        "tests-dependency",
        "undeclared-service",
        "infra-as-repro",
        "infra-as-pass",
        "wrong-level",
        "real-network",
        "auth-bypassed",
    }
)
"""Rules about whether a test stands where it should in the pyramid, with real code, services and logins under it."""


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
    """What the tests show of what they are about: planned failures that came, suspect lines that ran.

    With a plan it is the share of its tests that are sound (and failed as predicted, once they ran); where a run
    watched lines, the mean of that and the share of the suspects' lines that ran. Without a plan it is the share of
    tests that are sound and lead to the implementation: by the text, or by the lines that ran.
    """
    if context.plan is None:
        return _reaching(context, every, defects)
    planned = [context.node_id(test) for test in context.plan.tests]
    sound = [test for test in planned if test not in defects and test not in missing]
    if context.outcomes:
        shown = {without_parameters(item.test) for item in context.outcomes if item.kind is FailureKind.AS_PREDICTED}
        hits = len([test for test in sound if test in shown])
        what = "sound planned tests that failed as predicted"
    else:
        hits, what = len(sound), "sound planned tests"
    ran, lines = _suspect_lines(context, sound)
    if lines:
        value = 5 * hits / len(planned) + 5 * ran / lines
        formula = (
            f"5 x {what} / planned tests + 5 x lines of the suspects that they ran / lines of the suspects = 5 x "
            f"{hits} / {len(planned)} + 5 x {ran} / {lines}"
        )
        return Score(name="impact coverage", value=round(value, 1), formula=formula)
    return Score(
        name="impact coverage",
        value=_share(hits, len(planned)),
        formula=f"10 x {what} / planned tests = 10 x {hits} / {len(planned)}",
    )


def _reaching(context: Context, every: set[str], defects: tuple[str, ...]) -> Score:
    watched = {item.test.partition("[")[0] for item in context.observations if item.watched}
    product = {module.source.path for module in context.program.product_modules}
    entered = {
        without_parameters(item.test)
        for item in context.observations
        if item.reached or any(of.path in product and of.lines for of in item.lines)
    }
    reaching = len(
        {
            view.case.id
            for view in context.views
            if view.case.id not in defects
            and (view.case.id in entered if view.case.id in watched else view.reach.product)
        }
    )
    how = "ran" if watched else "leads to"
    return Score(
        name="impact coverage",
        value=_share(min(reaching, len(every)), len(every)),
        formula=f"10 x sound tests whose code {how} the implementation / tests = 10 x {reaching} / {len(every)}",
    )


def _suspect_lines(context: Context, sound: list[str]) -> tuple[int, int]:
    """How many lines of the plan's suspects the sound tests ran, of how many; 0 of 0 where no run watched lines."""
    seen = [item for item in context.observations if item.watched and without_parameters(item.test) in sound]
    suspects = {test.expectation.reaches for test in context.plan.tests} if context.plan else set()
    ran = lines = 0
    for suspect in sorted(suspects, key=lambda item: item.key) if seen else ():
        own = _lines_of(context, suspect.path, suspect.function)
        run = {line for item in seen for of in item.lines if of.path == suspect.path for line in of.lines}
        lines += len(own)
        ran += len(own & run)
    return ran, lines


def _lines_of(context: Context, path: str, function: str) -> frozenset[int]:
    """The first lines of the statements in a function's body, its docstring left out."""
    module = context.program.by_path.get(path)
    body: list[ast.stmt] = list(module.source.tree.body) if module is not None else []
    node: ast.AST | None = None
    for name in function.split("."):
        node = next((item for item in body if getattr(item, "name", None) == name), None)
        body = list(getattr(node, "body", []))
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    return frozenset(item.lineno for part in body for item in ast.walk(part) if isinstance(item, ast.stmt))
