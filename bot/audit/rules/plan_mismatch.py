"""The files are not what was planned: a planned test is missing, elsewhere, or files are outside the plan's folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from bot.audit.rule import Context, Example, Hit, Rule, example_plan
from bot.domain.plan import TestPlan


def _missing(context: Context, plan: TestPlan) -> Iterator[Hit]:
    for planned in plan.tests:
        if any(case.node.name == planned.name and case.source.path == planned.path for case in context.cases):
            continue
        elsewhere = [case for case in context.cases if case.node.name == planned.name]
        test = f"{planned.path}::{planned.name}"
        if elsewhere:
            case = elsewhere[0]
            yield Hit(
                case.source.path,
                case.node.lineno,
                test,
                f"the planned test `{planned.name}` stands in {case.source.path}, but the plan says {planned.path}",
                case.source.line(case.node.lineno),
            )
        else:
            yield Hit(
                planned.path,
                1,
                test,
                f"the planned test `{planned.name}` is not in {planned.path}, nor in any file given",
            )


def _outside(context: Context, plan: TestPlan) -> Iterator[Hit]:
    folders = {PurePosixPath(planned.path).parent for planned in plan.tests}
    for path in sorted(context.files):
        if not any(folder == PurePosixPath(".") or folder in PurePosixPath(path).parents for folder in folders):
            wanted = ", ".join(sorted(str(folder) for folder in folders))
            yield Hit(path, 1, path, f"{path} is outside the folders of the plan ({wanted})")


def _check(context: Context) -> Iterator[Hit]:
    if context.plan is not None:
        yield from _missing(context, context.plan)
        yield from _outside(context, context.plan)


_TEST = """\
from product.service import one


def test_one():
    assert one() == 1
"""

RULE = Rule(
    id="plan-mismatch",
    defect_class="plan-mismatch",
    title="Not what was planned",
    rationale=(
        "The plan fixed, before any test was written, which tests there must be and how each must fail. A "
        "test that is "
        "missing can show nothing, and files elsewhere were not asked for."
    ),
    hint="Write every planned test under its own name at its own path; put helpers beside them.",
    check=_check,
    good=Example(
        test=_TEST,
        implementation="""\
def one():
    return 2
""",
        plan=example_plan("tests/unit/test_example.py"),
    ),
    bad=Example(
        test=_TEST,
        implementation="""\
def one():
    return 2
""",
        plan=example_plan("tests/unit/test_other.py"),
    ),
)
