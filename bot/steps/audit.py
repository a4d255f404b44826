"""Step 4: the tests are read against the implementation and run once on the base commit under the probe."""

from __future__ import annotations

from collections.abc import Mapping

from bot.audit.outcomes.wording import why_not_begun
from bot.domain.audit import AuditReport, Recommendation
from bot.domain.record import Decision
from bot.domain.results import Planned, TestsAudited, TestsWritten
from bot.evidence.code import CodeAt, redacted_lines
from bot.steps.asking import code_at, in_code, product_files
from bot.steps.bench import declared_services
from bot.steps.context import Step, StepContext, StepOutcome
from bot.steps.plan import base_commit
from bot.steps.running import run_suite, tests_commit
from bot.steps.write_tests import stored_tests


def run(ctx: StepContext) -> StepOutcome:
    """GO lets the tests through; HOLD sends the findings back to whoever wrote them."""
    # Here, since the rules take as long to load as all the rest of a command that asks for no audit.
    from bot.audit.examine import examine

    plan = ctx.need(Planned).plan
    files = {file.path: file.content for file in stored_tests(ctx)}
    commit = tests_commit(ctx)
    attempt = ctx.need(TestsWritten)
    ran = run_suite(ctx, f"audit-{ctx.attempt}", commit, tuple(file.path for file in attempt.files), plan)
    code = code_at(ctx, base_commit(ctx))
    implementation = product_files(ctx, code) | pytest_configuration(ctx, code)
    found = examine(
        files, implementation, plan, ran.observations, ran.result.outcomes, "run",
        pytest_args=ctx.target.pytest_args, allow=False, conventions=ctx.config.audit,
        services=declared_services(ctx.config.service, None),
    )
    return concluded(without_secrets(found, {**implementation, **files}))


def concluded(report: AuditReport) -> StepOutcome:
    """What the step says of a report, and what follows from it."""
    said = f"{report.recommendation}: {len(report.tests)} tests, {len(report.defects)} defective"
    if report.recommendation is Recommendation.HOLD:
        rules = sorted({finding.rule for finding in report.findings if finding.severity == "error"})
        said += f" ({', '.join(rules)})" if rules else ""
        absent = why_not_begun(report.outcomes)
        said += f"; {'; '.join(absent)}" if absent else ""
        return StepOutcome(TestsAudited(report=report), said, Decision.HOLD)
    return StepOutcome(TestsAudited(report=report), said)


def pytest_configuration(ctx: StepContext, code: CodeAt) -> dict[str, str]:
    """Path and text of what configures pytest at the target's root."""
    names = ctx.target.in_repository(("pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg"))
    return {path: text for path in names if path in code.files and (text := code.raw(path)) is not None}


def without_secrets(report: AuditReport, files: Mapping[str, str]) -> AuditReport:
    """The report as it may be shown: the audit reads code as it is, and its findings quote it.

    A line of a secret over several lines is not recognised alone, so a quoted line is shown as it is in its file.
    """
    instead = {
        line.strip(): shown.strip()
        for text in files.values()
        for line, shown in zip(text.split("\n"), redacted_lines(text, in_code), strict=True)
        if line != shown and len(line.strip()) > 7
    }

    def safe(text: str) -> str:
        for line, shown in instead.items():
            text = text.replace(line, shown)
        return in_code(text)

    return report.model_copy(update={
        "reasons": tuple(map(safe, report.reasons)),
        "findings": tuple(
            finding.model_copy(update={
                name: safe(getattr(finding, name)) for name in ("message", "evidence", "hint")
            }) for finding in report.findings
        ),
    })


STEP = Step("audit", takes=(Planned, TestsWritten), gives=TestsAudited, run=run)
