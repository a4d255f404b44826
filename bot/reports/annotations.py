"""An audit as annotations on the lines of a pull request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.domain.audit import AuditReport, FindingSeverity
from bot.domain.base import counted
from bot.reports.audit_view import by_importance, unsuppressed

MOST_OF_A_KIND = 10
"""GitHub shows 10 errors and 10 warnings of one step, the first ones
(https://docs.github.com/en/rest/checks/runs#create-a-check-run and the runner's own limit)."""


@dataclass(frozen=True)
class Annotation:
    """A mark on a line of a file, or, with `line` 0, on none."""

    level: Literal["error", "warning", "notice"]
    title: str
    message: str
    path: str = ""
    line: int = 0


def marks(report: AuditReport) -> tuple[Annotation, ...]:
    """The most important findings that GitHub will show, and a notice that sums all up."""
    found = by_importance(unsuppressed(report))
    errors = [item for item in found if item.severity is FindingSeverity.ERROR]
    warnings = [item for item in found if item.severity is FindingSeverity.WARNING]
    shown = [
        Annotation(
            "error" if item.severity is FindingSeverity.ERROR else "warning", item.rule,
            " ".join(f"{item.message}. {item.hint}".replace("..", ".").split()), item.path, max(1, item.line),
        )
        for item in (*errors[:MOST_OF_A_KIND], *warnings[:MOST_OF_A_KIND])
    ]
    more = [
        f"{len(items) - MOST_OF_A_KIND:,} more {kind} not marked" for kind, items in
        (("errors", errors), ("warnings", warnings)) if len(items) > MOST_OF_A_KIND
    ]
    said = (
        f"{report.recommendation}: {counted(len(report.tests), 'test')}, {len(report.defects):,} defective; "
        f"{counted(len(errors), 'error')}, {counted(len(warnings), 'warning')}"
    )
    return (*shown, Annotation("notice", "whybot", "; ".join([said, *more]) + "."))
