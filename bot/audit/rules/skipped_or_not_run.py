"""A planned test that was skipped, expected to fail, or did not run at all."""

from __future__ import annotations

from collections.abc import Iterator

from bot.audit.rule import PLANNED_ID, Context, Hit, Rule, planned_example
from bot.domain.suite import FailureKind, Observation, Outcome


def _check(context: Context) -> Iterator[Hit]:
    ran = bool(context.observations or context.outcomes)
    for planned in context.plan.tests if context.plan and ran else ():
        test = context.node_id(planned)
        outcomes, seen = context.outcomes_of(test), context.observations_of(test)
        line = context.line_of(test)
        quiet = [item for item in outcomes if item.kind in {FailureKind.SKIPPED, FailureKind.NOT_RUN}]
        still = [item for item in seen if item.status in {"skipped", "xfailed", "not_run"}]
        if quiet:
            yield Hit(
                planned.path, line, test, f"`{planned.name}` did not run ({quiet[0].kind.value}): {quiet[0].reason}"
            )
        elif still and not outcomes:
            yield Hit(
                planned.path, line, test, f"`{planned.name}` did not run ({still[0].status}): {still[0].skip_reason}"
            )
        elif not outcomes and not seen:
            yield Hit(planned.path, line, test, f"the run has no outcome for the planned test `{planned.name}`")


RULE = Rule(
    id="skipped-or-not-run",
    defect_class="conditional-skip",
    title="A planned test that did not run",
    rationale=(
        "A test that steps aside neither reproduces nor guards. Counting it as either is how reports come to lie."
    ),
    hint="Remove the skip, or provide what the test needs and declare it in the plan.",
    check=_check,
    needs_run=True,
    good=planned_example(
        2,
        outcomes=(Outcome(test=PLANNED_ID, kind=FailureKind.AS_PREDICTED, reason="assertion"),),
    ),
    bad=planned_example(
        2,
        observations=(
            Observation(test=PLANNED_ID, path="tests/unit/test_example.py", status="skipped", skip_reason="no"),
        ),
    ),
)
