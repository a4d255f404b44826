"""A planned test that failed, but not in the way that the plan predicted."""

from __future__ import annotations

from collections.abc import Iterator

from bot.audit.rule import PLANNED_ID, Context, Hit, Rule, planned_example
from bot.domain.suite import FailureKind, Outcome

_OTHERWISE = {
    FailureKind.OTHER_FAILURE,
    FailureKind.HARNESS,
    FailureKind.ENVIRONMENT,
    FailureKind.TIMEOUT,
    FailureKind.FLAKY,
}


def _check(context: Context) -> Iterator[Hit]:
    for planned in context.plan.tests if context.plan else ():
        test = context.node_id(planned)
        for outcome in context.outcomes_of(test):
            if outcome.kind in _OTHERWISE:
                frame = outcome.frame
                here = frame is not None and frame.path == planned.path
                line = frame.line if here and frame is not None else context.line_of(test)
                yield Hit(
                    planned.path,
                    line,
                    test,
                    f"`{planned.name}` failed otherwise than planned ({outcome.kind.value}): {outcome.reason}",
                    frame.source if frame is not None else "",
                )
                break


RULE = Rule(
    id="fails-otherwise",
    defect_class="harness-as-repro",
    title="It fails for another reason than the plan's",
    rationale="A failure counts as reproduction only for the stated reason. An error of the test, the harness or the "
    "environment never does.",
    hint="Read the failure; make the test reach the suspect and fail there as the plan says.",
    check=_check,
    needs_run=True,
    good=planned_example(
        2,
        outcomes=(Outcome(test=PLANNED_ID, kind=FailureKind.AS_PREDICTED, reason="assertion"),),
    ),
    bad=planned_example(
        2,
        outcomes=(Outcome(test=PLANNED_ID, kind=FailureKind.HARNESS, reason="TypeError in the test"),),
    ),
)
