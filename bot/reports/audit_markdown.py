"""An audit as a Markdown report, in the form of the reports that teams write by hand. Every number is computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.audit import AuditReport, Finding, FindingSeverity, Score
from bot.reports.audit_view import Task, TestRow, rows, silenced, tasks, unsuppressed
from bot.reports.rendering import rendered

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


@dataclass(frozen=True)
class AuditView:
    """An audit as the template takes it: each table with its first MOST_ROWS rows, and how many more there are."""

    report: AuditReport
    notes: tuple[str, ...]

    @property
    def sections(self) -> tuple[Section, ...]:
        """The findings by what they are about."""
        return sections(self.report)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What must change."""
        return tasks(self.report)

    @property
    def rows(self) -> tuple[TestRow, ...]:
        """All tests with their verdicts."""
        return rows(self.report)

    @property
    def defects(self) -> tuple[TestRow, ...]:
        """The defective tests."""
        return tuple(row for row in self.rows if row.verdict == "defect")

    @property
    def ran(self) -> tuple[TestRow, ...]:
        """The tests that a run has an outcome for."""
        return tuple(row for row in self.rows if row.kind)

    @property
    def kinds(self) -> dict[str, int]:
        """How many of each kind of outcome."""
        return _kinds(self.ran)

    @property
    def rules(self) -> dict[str, str]:
        """For each test with an error, the rules that found one."""
        return _rules_of(self.report)

    @property
    def impact(self) -> Score | None:
        """The mark for what the tests are worth."""
        return next((score for score in self.report.scores if score.name == "impact coverage"), None)

    @property
    def overall(self) -> float | None:
        """The mean of all marks."""
        scores = self.report.scores
        return round(sum(score.value for score in scores) / len(scores), 1) if scores else None

    @property
    def silenced(self) -> tuple[tuple[Finding, str, str], ...]:
        """The findings that a comment silences, with the rule and the reason."""
        return tuple((item, *found) for item in self.report.findings if (found := silenced(item)) is not None)


def audit_view(report: AuditReport, notes: Iterable[str] = ()) -> AuditView:
    """An audit for a template."""
    return AuditView(report, tuple(notes))


def audit_markdown(report: AuditReport, notes: Iterable[str] = ()) -> str:
    """The whole report. Whatever comes from the files is shown as it is and has no power in Markdown."""
    return rendered("audit_report.md.j2", {"view": audit_view(report, notes)})


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
