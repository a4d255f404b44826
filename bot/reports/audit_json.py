"""An audit as one JSON document, for programs."""

from __future__ import annotations

from collections.abc import Iterable

from bot.audit.rule import Rule
from bot.domain.audit import AuditReport
from bot.reports.audit_view import TestRow, checklist, rows, silenced

SCHEMA = "whybot/audit/1"
RULES_SCHEMA = "whybot/audit-rules/1"


def audit_document(report: AuditReport, notes: Iterable[str] = ()) -> dict[str, object]:
    """The audit. Paths are as in the report; `test` is the node id without parameters, or a path."""
    return {
        "schema": SCHEMA,
        "recommendation": report.recommendation.value,
        "reasons": list(report.reasons),
        "depth": report.depth,
        "scores": [score.model_dump(mode="json") for score in report.scores],
        "checklist": list(checklist(report)),
        "notes": list(notes),
        "tests": [_test(row) for row in rows(report)],
        "findings": [
            {
                "rule": item.rule,
                "class": item.defect_class,
                "severity": item.severity.value,
                "path": item.path,
                "line": item.line,
                "test": item.test,
                "message": item.message,
                "evidence": item.evidence,
                "hint": item.hint,
                "silenced": silenced(item) is not None,
            }
            for item in report.findings
        ],
    }


def _test(row: TestRow) -> dict[str, object]:
    ran = {"kind": row.kind, "reason": row.reason} if row.kind else {}
    return {"test": row.test, "verdict": row.verdict, **ran}


def rules_document(rules: Iterable[Rule]) -> dict[str, object]:
    """The rules with all that they say of themselves."""
    return {
        "schema": RULES_SCHEMA,
        "rules": [
            {
                "id": rule.id,
                "class": rule.defect_class,
                "severity": rule.severity.value,
                "title": rule.title,
                "needs_run": rule.needs_run,
                "rationale": rule.rationale,
                "hint": rule.hint,
                "good": {"test": rule.good.test, "implementation": rule.good.implementation},
                "bad": {"test": rule.bad.test, "implementation": rule.bad.implementation},
            }
            for rule in rules
        ],
    }
