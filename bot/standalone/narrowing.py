"""From a report on all that was read to the report on what was asked for."""

from __future__ import annotations

from bot.domain.audit import AuditReport, FindingSeverity, Recommendation
from bot.domain.base import counted
from bot.domain.errors import UsageProblem
from bot.standalone.project import Project


def narrowed(report: AuditReport, project: Project) -> AuditReport:
    """The report without tests that nobody asked about; marks are for all tests that were read, so it has none then.

    Of files that could not be read it says why: the audit saw only that they are no Python. Raises UsageProblem when
    a test was named that there is not.
    """
    report = _with_problems(report, project)
    for node in project.only:
        if not any(_within(test, node) for test in report.tests):
            raise UsageProblem(f"There is no test {node}.", "Name the file alone to see all tests in it.")
    wanted = {test for test in report.tests if project.wants(test)}
    if len(wanted) == len(report.tests) and all(project.wants(item.test) for item in report.findings):
        return report
    findings = tuple(item for item in report.findings if project.wants(item.test))
    defects = tuple(test for test in report.defects if test in wanted)
    rules = dict.fromkeys(item.rule for item in findings if item.severity is FindingSeverity.ERROR)
    errors = sum(item.severity is FindingSeverity.ERROR for item in findings)
    reasons = []
    if errors:
        reasons.append(f"{counted(errors, 'error')} of {counted(len(rules), 'rule')}: {', '.join(rules)}.")
    if defects:
        reasons.append(f"{len(defects)} of {counted(len(wanted), 'test')} defective.")
    if not wanted:
        reasons.append(f"No test was found in {counted(len(project.asked), 'file')}.")
    good = f"No error in {counted(len(wanted), 'test')}; {counted(len(findings), 'warning')}."
    return report.model_copy(update={
        "recommendation": Recommendation.HOLD if reasons else Recommendation.GO,
        "tests": tuple(test for test in report.tests if test in wanted),
        "defects": defects,
        "findings": findings,
        "outcomes": tuple(item for item in report.outcomes if project.wants(item.test.partition("[")[0])),
        "scores": (),
        "reasons": tuple(reasons) or (good,),
    })


def _within(test: str, node: str) -> bool:
    return test == node or test.startswith(f"{node}::")


def _with_problems(report: AuditReport, project: Project) -> AuditReport:
    findings = []
    for item in report.findings:
        problem = project.unreadable.get(item.path) if item.rule == "unreadable-file" else None
        findings.append(item if problem is None else item.model_copy(
            update={"message": f"{item.path} cannot be examined: {problem}", "evidence": ""}
        ))
    return report.model_copy(update={"findings": tuple(findings)})
