"""What every format of an audit says: which findings are silenced, the verdict on each test, what must change."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from bot.audit.examine import ALLOWED
from bot.audit.rule import without_parameters
from bot.audit.rules import RULES
from bot.domain.audit import AuditReport, Finding, FindingSeverity
from bot.domain.suite import FailureKind, Outcome

_SILENCED = re.compile(r"[\d,]+ findings? of (?P<rule>[a-z0-9-]+) silenced: (?P<reason>.*)", re.DOTALL)

WORST_FIRST = (
    FailureKind.HARNESS, FailureKind.ENVIRONMENT, FailureKind.TIMEOUT, FailureKind.FLAKY, FailureKind.OTHER_FAILURE,
    FailureKind.AS_PREDICTED, FailureKind.NOT_RUN, FailureKind.SKIPPED, FailureKind.PASSED,
)
"""Of several parameter sets of one test, the first of these kinds is what is said of it."""


@dataclass(frozen=True)
class TestRow:
    """The verdict on one test, all its parameter sets together. `kind` and `reason` are empty when it was not run."""

    __test__ = False

    test: str
    verdict: str
    kind: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Hint:
    """What to do about the findings of one severity that a rule made, and how many they are."""

    rule: str
    severity: FindingSeverity
    text: str
    count: int


@dataclass(frozen=True)
class Task:
    """What must change for a GO, as far as one rule is concerned: `hint` says how, `places` (`path:line`) where."""

    rule: str
    hint: str
    places: tuple[str, ...]


def silenced(finding: Finding) -> tuple[str, str] | None:
    """The rule that a comment silenced and the reason given; None for every other finding."""
    match = _SILENCED.fullmatch(finding.message) if finding.rule == ALLOWED else None
    return None if match is None else (match["rule"], match["reason"])


def unsuppressed(report: AuditReport) -> tuple[Finding, ...]:
    """The findings but for the comments that silence some."""
    return tuple(finding for finding in report.findings if silenced(finding) is None)


def rows(report: AuditReport) -> tuple[TestRow, ...]:
    """The tests with their verdicts: those that were found, those that only a run showed, those that nobody runs."""
    outcomes: dict[str, list[Outcome]] = {}
    for outcome in report.outcomes:
        outcomes.setdefault(without_parameters(outcome.test), []).append(outcome)
    wrong = {finding.test for finding in report.findings if finding.severity is FindingSeverity.ERROR}
    # A test that pytest never collects is none of the report's tests; that is what is wrong with it.
    idle = [finding.test for finding in report.findings if finding.test in wrong and "::" in finding.test]
    every = dict.fromkeys((*report.tests, *outcomes, *idle))
    defects = {*report.defects, *(test for test in every if test in wrong and test not in report.tests)}
    return tuple(_row(test, test in defects, outcomes.get(test, [])) for test in every)


def _row(test: str, defect: bool, outcomes: Iterable[Outcome]) -> TestRow:
    verdict = "defect" if defect else "good"
    worst = min(outcomes, key=lambda outcome: WORST_FIRST.index(outcome.kind), default=None)
    return TestRow(test, verdict) if worst is None else TestRow(test, verdict, worst.kind.value, worst.reason)


def hints(report: AuditReport) -> tuple[Hint, ...]:
    """What to do, once for each rule and severity: the most frequent first, without what a comment silences."""
    found = unsuppressed(report)
    counts = Counter((item.rule, item.severity) for item in found)
    texts: dict[tuple[str, FindingSeverity], str] = {}
    for item in found:
        texts.setdefault((item.rule, item.severity), item.hint)
    ordered = sorted(counts, key=lambda key: (key[1] is not FindingSeverity.ERROR, -counts[key], key[0]))
    return tuple(Hint(rule, severity, texts[rule, severity], counts[rule, severity]) for rule, severity in ordered)


def tasks(report: AuditReport) -> tuple[Task, ...]:
    """What must change, one item a rule, in the order of their first error."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in report.findings:
        if finding.severity is FindingSeverity.ERROR:
            by_rule.setdefault(finding.rule, []).append(finding)
    return tuple(
        Task(rule, found[0].hint, tuple(dict.fromkeys(place(item) for item in found)))
        for rule, found in by_rule.items()
    )


def checklist(report: AuditReport) -> tuple[str, ...]:
    """What must change, one sentence an error."""
    return tuple(
        f"{place(item)}: {item.message}{'' if item.message.endswith('.') else '.'} {item.hint}".rstrip()
        for item in report.findings if item.severity is FindingSeverity.ERROR
    )


def place(finding: Finding) -> str:
    """Where a finding is, as editors read it."""
    return f"{finding.path}:{finding.line}"


def by_importance(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors before warnings, and first one of each rule, so that a few of them show as much as they can."""
    order = {rule: at for at, rule in enumerate(RULES)}
    seen: Counter[str] = Counter()
    numbered = []
    for finding in findings:
        numbered.append((finding, seen[finding.rule]))
        seen[finding.rule] += 1
    return tuple(
        finding for finding, _ in sorted(numbered, key=lambda item: (
            item[0].severity is not FindingSeverity.ERROR, item[1], order.get(item[0].rule, len(order)),
            item[0].path, item[0].line,
        ))
    )
