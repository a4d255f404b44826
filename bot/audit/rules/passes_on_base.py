"""A planned test that passed on the code as it is."""

from __future__ import annotations

from collections.abc import Iterator

from bot.audit.rule import Context, Example, Hit, Rule, example_plan
from bot.domain.suite import FailureKind, Outcome


def _check(context: Context) -> Iterator[Hit]:
    for planned in context.plan.tests if context.plan else ():
        test = context.node_id(planned)
        outcomes = context.outcomes_of(test)
        if outcomes and all(item.kind is FailureKind.PASSED for item in outcomes):
            yield Hit(
                planned.path,
                context.line_of(test),
                test,
                f"`{planned.name}` passed on the base commit, where the plan says it must fail: it does not show "
                "the defect",
                outcomes[0].reason,
            )


_TEST = """\
from product.service import one


def test_one():
    assert one() == 1
"""
_ID = "tests/unit/test_example.py::test_one"

RULE = Rule(
    id="passes-on-base",
    defect_class="non-discriminating",
    title="Green before the fix",
    rationale="A test that passes while the defect is there does not notice the defect.",
    hint="Build the state in which the defect shows, and assert what correct code does in it.",
    check=_check,
    needs_run=True,
    good=Example(
        _TEST,
        """\
def one():
    return 2
""",
        plan=example_plan("tests/unit/test_example.py"),
        outcomes=(Outcome(test=_ID, kind=FailureKind.AS_PREDICTED, reason="assertion"),),
    ),
    bad=Example(
        _TEST,
        """\
def one():
    return 1
""",
        plan=example_plan("tests/unit/test_example.py"),
        outcomes=(Outcome(test=_ID, kind=FailureKind.PASSED, reason="passed"),),
    ),
)
