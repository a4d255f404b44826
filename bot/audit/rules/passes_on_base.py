"""A planned test that passed on the code as it is."""

from __future__ import annotations

from collections.abc import Iterator

from bot.audit.rule import PLANNED_ID, Context, Hit, Rule, planned_example
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


RULE = Rule(
    id="passes-on-base",
    defect_class="non-discriminating",
    title="Green before the fix",
    rationale="A test that passes while the defect is there does not notice the defect.",
    hint="Build the state in which the defect shows, and assert what correct code does in it.",
    check=_check,
    needs_run=True,
    good=planned_example(
        2,
        outcomes=(Outcome(test=PLANNED_ID, kind=FailureKind.AS_PREDICTED, reason="assertion"),),
    ),
    bad=planned_example(
        1,
        outcomes=(Outcome(test=PLANNED_ID, kind=FailureKind.PASSED, reason="passed"),),
    ),
)
