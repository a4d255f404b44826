"""An audit as annotations on lines: as workflow commands of one step, or of a check, both with the same words."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from bot.audit.rules import RULES
from bot.domain import effects
from bot.domain.audit import AuditReport, Finding, FindingSeverity
from bot.domain.base import RepoPath, counted
from bot.domain.visible import visible
from bot.logs.redact import redact
from bot.reports.audit_view import by_importance, unsuppressed

MOST_OF_A_KIND = 10
"""GitHub shows 10 errors and 10 warnings of one step, the first ones
(https://docs.github.com/en/rest/checks/runs#create-a-check-run and the runner's own limit)."""

MOST_OF_A_CHECK = 200
"""Annotations of one check: the bot's own limit. GitHub takes 50 in a request, and any number of requests."""
_MOST_TITLE = 255
_MOST_MESSAGE = 4_000
"""GitHub takes more; what the contract holds (`bot.domain.effects.Annotation`)."""


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
            "error" if item.severity is FindingSeverity.ERROR else "warning", _title(item), _message(item), item.path,
            max(1, item.line),
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


def of_check(report: AuditReport, paths: Collection[RepoPath]) -> tuple[tuple[effects.Annotation, ...], int]:
    """The findings in the files `paths` as annotations of a check, the most important first, and how many are left out.

    Left out is what is more than GitHub's readers can want, and what stands in no file of the commit. Nothing in an
    annotation is Markdown to GitHub; secrets and what cannot be seen are taken out here.
    """
    found = by_importance(unsuppressed(report))
    placed = [item for item in found if item.path in paths]
    shown = tuple(
        effects.Annotation(
            path=item.path, start_line=max(1, item.line), end_line=max(1, item.line),
            level="failure" if item.severity is FindingSeverity.ERROR else "warning",
            title=_plain(_title(item), _MOST_TITLE), message=_plain(_message(item), _MOST_MESSAGE),
        )
        for item in placed[:MOST_OF_A_CHECK]
    )
    return shown, len(found) - len(shown)


def _title(finding: Finding) -> str:
    """What is wrong in words, and the name by which a project silences it."""
    rule = RULES.get(finding.rule)
    return finding.rule if rule is None else f"{rule.title} ({finding.rule})"


def _message(finding: Finding) -> str:
    return " ".join(f"{finding.message}. {finding.hint}".replace("..", ".").split())


def _plain(text: str, most: int) -> str:
    clean = visible(redact(text))
    return clean if len(clean) <= most else f"{clean[:most - 1]}…"
