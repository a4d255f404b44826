"""Step 4: the tests are read against the implementation and run once on the base commit under the probe."""

from __future__ import annotations

from bot.audit.examine import examine
from bot.domain.audit import Recommendation
from bot.domain.record import Decision
from bot.domain.results import Planned, TestsAudited, TestsWritten
from bot.steps.asking import code_at, product_files
from bot.steps.context import Step, StepContext, StepOutcome
from bot.steps.plan import base_commit
from bot.steps.running import run_suite, tests_commit
from bot.steps.write_tests import stored_tests


def run(ctx: StepContext) -> StepOutcome:
    """GO lets the tests through; HOLD sends the findings back to whoever wrote them."""
    plan = ctx.need(Planned).plan
    files = {file.path: file.content for file in stored_tests(ctx)}
    commit = tests_commit(ctx)
    attempt = ctx.need(TestsWritten)
    ran = run_suite(ctx, f"audit-{ctx.attempt}", commit, tuple(file.path for file in attempt.files), plan)
    report = examine(
        files, product_files(ctx, code_at(ctx, base_commit(ctx))), plan,
        observations=ran.observations, outcomes=ran.result.outcomes, depth="run",
    )
    rules = sorted({finding.rule for finding in report.findings if finding.severity == "error"})
    said = f"{report.recommendation}: {len(report.tests)} tests, {len(report.defects)} defective"
    if report.recommendation is Recommendation.HOLD:
        said += f" ({', '.join(rules)})" if rules else ""
        return StepOutcome(TestsAudited(report=report), said, Decision.HOLD)
    return StepOutcome(TestsAudited(report=report), said)


STEP = Step("audit", takes=(Planned, TestsWritten), gives=TestsAudited, run=run)
