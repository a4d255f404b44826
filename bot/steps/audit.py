"""Step 4: the tests are read against the implementation and run once on the base commit under the probe."""

from __future__ import annotations

from bot.audit.examine import examine
from bot.domain.audit import Recommendation
from bot.domain.record import Decision
from bot.domain.results import Planned, TestsAudited, TestsWritten
from bot.evidence.code import CodeAt
from bot.steps.asking import code_at, in_target, product_files
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
    code = code_at(ctx, base_commit(ctx))
    report = examine(
        files, product_files(ctx, code) | pytest_configuration(ctx, code), plan, ran.observations,
        ran.result.outcomes, "run", pytest_args=ctx.target.pytest_args, allow=False,
    )
    rules = sorted({finding.rule for finding in report.findings if finding.severity == "error"})
    said = f"{report.recommendation}: {len(report.tests)} tests, {len(report.defects)} defective"
    if report.recommendation is Recommendation.HOLD:
        said += f" ({', '.join(rules)})" if rules else ""
        return StepOutcome(TestsAudited(report=report), said, Decision.HOLD)
    return StepOutcome(TestsAudited(report=report), said)


def pytest_configuration(ctx: StepContext, code: CodeAt) -> dict[str, str]:
    """Path and text of what configures pytest at the target's root."""
    names = in_target(ctx, ("pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg"))
    return {path: text for path in names if path in code.files and (text := code.raw(path)) is not None}


STEP = Step("audit", takes=(Planned, TestsWritten), gives=TestsAudited, run=run)
