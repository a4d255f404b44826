"""A planned test whose run never enters the suspect function."""

from __future__ import annotations

from collections.abc import Iterator

from bot.audit.rule import PLANNED_ID, Context, Hit, Rule, planned_example
from bot.domain.suite import FailureKind, Observation

_RAN = {"passed", "failed", "xfailed", "xpassed"}


def _check(context: Context) -> Iterator[Hit]:
    for planned in context.plan.tests if context.plan else ():
        test = context.node_id(planned)
        seen = [item for item in context.observations_of(test) if item.status in _RAN and item.phase in {None, "call"}]
        key = planned.expectation.reaches.key
        shown = any(item.kind is FailureKind.AS_PREDICTED for item in context.outcomes_of(test))
        if seen and not shown and not any(key in item.reached for item in seen):
            count = len({name for item in seen for name in item.reached})
            yield Hit(
                planned.path,
                context.line_of(test),
                test,
                f"`{planned.name}` never entered {key}, which the plan says it must reach ({count} product "
                "functions entered)",
                ", ".join(sorted({name for item in seen for name in item.reached})[:5]),
            )


def _seen(*reached: str) -> tuple[Observation, ...]:
    return (
        Observation(
            test=PLANNED_ID, path="tests/unit/test_example.py", line=4, status="failed", phase="call", reached=reached
        ),
    )


RULE = Rule(
    id="never-reaches-suspect",
    defect_class="non-discriminating",
    title="The suspect function is never entered",
    rationale="A test that does not run the code that the root cause names can neither show nor disprove it.",
    hint="Call the product so that the suspect function runs, with real code on the way.",
    check=_check,
    needs_run=True,
    good=planned_example(
        2,
        observations=_seen("product/service.py::one"),
    ),
    bad=planned_example(
        2,
        observations=_seen("product/service.py::two"),
    ),
)
