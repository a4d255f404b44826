"""An audit as a Markdown report, in the form of the reports that teams write by hand. Every number is computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from bot.audit.rules import RULES
from bot.domain.audit import AuditReport, Finding, FindingSeverity, Score
from bot.domain.base import counted
from bot.reports.audit_view import TestRow, rows, silenced, tasks, unsuppressed
from bot.reports.markdown import cell, inline, prose, span

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_ROWS = 200
"""So many findings or tests a table shows; the rest is counted below it."""

_SECTIONS: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("Technical correctness", "technical correctness", frozenset({
        "not-collected", "async-test-not-run", "missing-symbol", "wrong-signature", "await-on-sync",
        "unawaited-coroutine", "unsatisfiable-assert", "harness-as-repro", "infra-as-repro", "infra-as-pass",
    })),
    ("Implementation vs. test", "", frozenset({
        "expectation-contradicts-impl", "bug-enshrined", "sut-replaced", "sut-reimplemented", "double-decides",
        "unwired-double", "plan-mismatch", "tests-dependency", "self-inflicted",
    })),
    ("Convention compliance", "convention compliance", frozenset({
        "convention", "host-dependent", "order-dependent", "unseeded-random", "sleep-timing", "undeclared-service",
    })),
    ("Architecture", "architecture", frozenset({
        "wrong-level", "real-network", "auth-bypassed", "mock-only", "hardcoded-result",
    })),
)
_QUALITY = ("Test quality", "test quality")


@dataclass(frozen=True)
class Section:
    """The findings of some classes, the first MOST_ROWS of them, and the mark that goes with them."""

    title: str
    score: Score | None
    findings: tuple[Finding, ...]

    @property
    def shown(self) -> tuple[Finding, ...]:
        """Errors first."""
        ordered = sorted(self.findings, key=lambda item: item.severity is not FindingSeverity.ERROR)
        return tuple(ordered[:MOST_ROWS])

    @property
    def left_out(self) -> int:
        """How many are not shown."""
        return max(0, len(self.findings) - MOST_ROWS)

    @property
    def errors(self) -> int:
        """How many of them are errors."""
        return sum(item.severity is FindingSeverity.ERROR for item in self.findings)


def sections(report: AuditReport) -> tuple[Section, ...]:
    """The parts of the report. Each finding that no comment silences is in exactly one of them."""
    found = unsuppressed(report)
    scores = {score.name: score for score in report.scores}
    placed = [
        Section(title, scores.get(score), tuple(item for item in found if item.defect_class in classes))
        for title, score, classes in _SECTIONS
    ]
    known = frozenset().union(*(classes for _, _, classes in _SECTIONS))
    title, score = _QUALITY
    quality = Section(title, scores.get(score), tuple(item for item in found if item.defect_class not in known))
    return (*placed[:3], quality, *placed[3:])


def audit_markdown(report: AuditReport, notes: Iterable[str] = ()) -> str:
    """The whole report. Whatever comes from the files is shown as it is and has no power in Markdown."""
    every = rows(report)
    wrong = [row for row in every if row.verdict == "defect"]
    ran = [row for row in every if row.kind]
    text = _environment().get_template("audit_report.md.j2").render(
        report=report, sections=sections(report), tasks=tasks(report), notes=tuple(notes), defects=wrong[:MOST_ROWS],
        defects_left_out=max(0, len(wrong) - MOST_ROWS), ran=ran[:MOST_ROWS], kinds=_kinds(ran),
        ran_left_out=max(0, len(ran) - MOST_ROWS), rules=_rules_of(report), impact=_impact(report),
        overall=round(sum(score.value for score in report.scores) / len(report.scores), 1) if report.scores else None,
        silenced=[(item, *found) for item in report.findings if (found := silenced(item)) is not None],
    )
    lines: list[str] = []
    for line in (one.rstrip() for one in text.split("\n")):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip("\n") + "\n"


def _rules_of(report: AuditReport) -> dict[str, str]:
    """For each test with an error, the rules that found one."""
    found: dict[str, dict[str, None]] = {}
    for item in report.findings:
        if item.severity is FindingSeverity.ERROR:
            found.setdefault(item.test, {})[item.rule] = None
    return {test: ", ".join(rules) for test, rules in found.items()}


def _kinds(ran: Iterable[TestRow]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in ran:
        counts[row.kind] = counts.get(row.kind, 0) + 1
    return counts


def _impact(report: AuditReport) -> Score | None:
    return next((score for score in report.scores if score.name == "impact coverage"), None)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("bot.reports"), undefined=StrictUndefined, autoescape=False,  # noqa: S701 - Markdown
        keep_trailing_newline=True,
    )
    environment.filters.update({"inline": inline, "prose": prose, "span": span, "cell": cell, "count": counted})
    environment.globals["titles"] = {name: rule.title for name, rule in RULES.items()}
    return environment
