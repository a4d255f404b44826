"""`whybot/audit/1` and `whybot/audit-rules/1`: which tests are fake, and what is looked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from bot.audit.rule import Rule
from bot.domain.audit import AuditReport, Depth, FindingSeverity, Recommendation, Score
from bot.domain.base import Frozen
from bot.reports.audit_view import TestRow, checklist, rows, silenced
from bot.reports.json.base import Document, FromOutside


def _is_none(value: object) -> bool:
    return value is None


class AuditedTest(Frozen):
    """The verdict on one test, all its parameter sets together."""

    test: FromOutside = Field(description="The node id without parameters, or a path.")
    verdict: str = Field(description="good or defect")
    kind: str | None = Field(default=None, exclude_if=_is_none,
                             description="How it came out; only there when it was run.")
    reason: str | None = Field(default=None, exclude_if=_is_none, description="Why it counts as that.")


class AuditFinding(Frozen):
    """One thing wrong with one test."""

    rule: str
    defect_class: str = Field(alias="class")
    severity: FindingSeverity
    path: FromOutside
    line: int
    test: FromOutside
    message: str
    evidence: str = Field(description="The source line, or what the run recorded.")
    hint: str = Field(description="What to do about it.")
    silenced: bool = Field(description="Whether this only says that a comment silences findings.")


class AuditDocument(Document):
    """An audit. Paths are as in the report: relative to the current folder."""

    schema_name: Literal["whybot/audit/1"] = Field(default="whybot/audit/1", alias="schema")
    recommendation: Recommendation
    reasons: tuple[str, ...]
    depth: Depth
    scores: tuple[Score, ...]
    checklist: tuple[str, ...] = Field(description="What must change for a GO.")
    notes: tuple[str, ...]
    tests: tuple[AuditedTest, ...]
    findings: tuple[AuditFinding, ...]


class RuleExample(Frozen):
    """A test, and the code that it is of."""

    test: str
    implementation: str


class RuleSummary(Frozen):
    """A rule with all that it says of itself."""

    id: str
    defect_class: str = Field(alias="class")
    severity: FindingSeverity
    title: str
    needs_run: bool
    rationale: str
    hint: str
    good: RuleExample
    bad: RuleExample


class RulesDocument(Document):
    """The rules of the audit."""

    schema_name: Literal["whybot/audit-rules/1"] = Field(default="whybot/audit-rules/1", alias="schema")
    rules: tuple[RuleSummary, ...]


def audit_document(report: AuditReport, notes: Iterable[str] = ()) -> AuditDocument:
    """The audit as a document."""
    return AuditDocument(
        recommendation=report.recommendation, reasons=report.reasons, depth=report.depth, scores=report.scores,
        checklist=tuple(checklist(report)), notes=tuple(notes), tests=tuple(map(_test, rows(report))),
        findings=tuple(
            AuditFinding.model_validate({
                "rule": item.rule, "class": item.defect_class, "severity": item.severity, "path": item.path,
                "line": item.line, "test": item.test, "message": item.message, "evidence": item.evidence,
                "hint": item.hint, "silenced": silenced(item) is not None,
            })
            for item in report.findings
        ),
    )


def _test(row: TestRow) -> AuditedTest:
    if not row.kind:
        return AuditedTest(test=row.test, verdict=row.verdict)
    return AuditedTest(test=row.test, verdict=row.verdict, kind=row.kind, reason=row.reason)


def rules_document(rules: Iterable[Rule]) -> RulesDocument:
    """The rules as a document."""
    return RulesDocument(rules=tuple(
        RuleSummary.model_validate({
            "id": rule.id, "class": rule.defect_class, "severity": rule.severity, "title": rule.title,
            "needs_run": rule.needs_run, "rationale": rule.rationale, "hint": rule.hint,
            "good": RuleExample(test=rule.good.test, implementation=rule.good.implementation),
            "bad": RuleExample(test=rule.bad.test, implementation=rule.bad.implementation),
        })
        for rule in rules
    ))
