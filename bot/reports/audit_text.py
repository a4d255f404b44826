"""An audit as people read it on a terminal: findings by file, the verdict, what must change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from bot.audit.rule import Rule
from bot.domain.audit import AuditReport, Finding, FindingSeverity, Recommendation
from bot.domain.base import counted
from bot.domain.suite import FailureKind
from bot.reports.audit_view import TestRow, hints, place, rows, silenced, unsuppressed

Style = Literal["", "bold", "error", "warning", "code", "good", "dim", "added", "removed"]
_MOST_CODE = 150
_MOST_ROWS = 20
_MORE = "`bot audit --rules RULE` explains a rule; `# bot: allow RULE REASON` silences it on a line."


@dataclass(frozen=True)
class Part:
    """Some characters of a line and how they are to look where there are colours. `text` may be anybody's."""

    text: str
    style: Style = ""


Line = tuple[Part, ...]


def finding_lines(report: AuditReport) -> Iterator[Line]:
    """The findings, file by file: where, which rule, what; below it the test and its line of code.

    What the same line does to several tests is told once.
    """
    for _, of_file in groupby(report.findings, key=lambda item: item.path):
        same: dict[tuple[object, ...], list[Finding]] = {}
        for item in of_file:
            same.setdefault((item.line, item.rule, item.severity, item.message, item.evidence), []).append(item)
        for found in same.values():
            yield from _finding(found)
        yield ()


def _finding(found: list[Finding]) -> Iterator[Line]:
    item = found[0]
    allowed = silenced(item)
    style: Style = "error" if item.severity is FindingSeverity.ERROR else "warning"
    kind, rule, message = ("allowed", *allowed) if allowed else (item.severity.value, item.rule, item.message)
    yield (
        Part(f"{place(item)}: "), Part(kind, "dim" if allowed else style), Part(f"[{rule}]", "bold"),
        Part(f" {message}"),
    )
    code = " ".join(item.evidence.split())
    if len(code) > _MOST_CODE:
        code = f"{code[:_MOST_CODE]}..."
    tests = list(dict.fromkeys(one.test.partition("::")[2] for one in found))
    # A line that begins the test says its name.
    told = tests == [""] or (len(tests) == 1 and f"def {tests[0].rpartition('::')[2]}(" in code)
    name = "" if told else f"{tests[0]} " + (f"and {counted(len(tests) - 1, 'more test')} " if len(tests) > 1 else "")
    if code:
        yield Part(f"    {name}| ", "dim"), Part(code, "code")
    elif name:
        yield (Part(f"    {name.rstrip()}", "dim"),)


def verdict_lines(report: AuditReport, notes: Iterable[str] = ()) -> Iterator[Line]:
    """What to do about each rule that found something, the counts, the marks, and GO or HOLD with its reasons."""
    found = unsuppressed(report)
    errors = sum(item.severity is FindingSeverity.ERROR for item in found)
    yield from _hints(report)
    if report.outcomes:
        yield from _outcomes(report)
    if report.scores and report.tests:
        yield (Part("Of 10: " + ", ".join(f"{score.name} {score.value:g}" for score in report.scores) + "."),)
    for note in notes:
        yield (Part(note),)
    quiet = len(report.findings) - len(found)
    yield (Part(
        f"{counted(len(report.tests), 'test')}, {len(report.defects):,} defective; {counted(errors, 'error')}, "
        f"{counted(len(found) - errors, 'warning')}{f', {quiet:,} silenced' if quiet else ''} "
        f"({_DEPTHS[report.depth]})."
    ),)
    good: Style = "good" if report.recommendation is Recommendation.GO else "error"
    yield Part(report.recommendation.value, good), Part(": "), Part(" ".join(report.reasons))


def _hints(report: AuditReport) -> Iterator[Line]:
    titles = {FindingSeverity.ERROR: "What must change:", FindingSeverity.WARNING: "What to look at:"}
    every = hints(report)
    for severity, title in titles.items():
        some = [hint for hint in every if hint.severity is severity]
        if some:
            yield (Part(title, "bold"),)
        for hint in some:
            yield Part("  "), Part(hint.rule, "bold"), Part(f" ({hint.count:,}): {hint.text}")
    if every:
        yield (Part(_MORE, "dim"),)
        yield ()


_QUIET = frozenset({FailureKind.PASSED.value, FailureKind.SKIPPED.value, FailureKind.AS_PREDICTED.value, ""})


def _outcomes(report: AuditReport) -> Iterator[Line]:
    """How the run ended, and of what did not end well and has no error that says it, why."""
    every = rows(report)
    kinds = Counter(row.kind or "not run" for row in every)
    yield (Part("Run: " + ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in kinds.items()) + "."),)
    told = {item.test for item in report.findings if item.severity is FindingSeverity.ERROR}
    rest = [row for row in every if row.kind not in _QUIET and row.test not in told]
    for row in rest[:_MOST_ROWS]:
        yield _outcome(row)
    if len(rest) > _MOST_ROWS:
        yield (Part(f"  and {len(rest) - _MOST_ROWS:,} more; --format json has them all"),)


def _outcome(row: TestRow) -> Line:
    return Part(f"  {row.test}: "), Part(row.kind.replace("_", " "), "warning"), Part(f": {row.reason}")


_DEPTHS = {
    "static": "from the text alone; --run adds what a run shows",
    "run": "from the text and a run; --mutate adds what the tests notice",
    "mutate": "from the text, a run, and small changes of the code",
}


def rule_lines(rule: Rule) -> Iterator[Line]:
    """All that a rule says of itself."""
    when = ", only after a run" if rule.needs_run else ""
    yield Part(rule.id, "bold"), Part(f" ({rule.defect_class}, {rule.severity.value}{when})")
    yield (Part(rule.title[:1].upper() + rule.title[1:] + "."),)
    yield ()
    yield (Part(rule.rationale),)
    yield (Part(rule.hint),)
    for title, example in (("Not so", rule.bad), ("But so", rule.good)):
        yield ()
        yield (Part(f"{title}:", "bold"),)
        if example.implementation.strip():
            yield (Part("    # product/service.py", "dim"),)
            yield from ((Part(f"    {line}", "code"),) for line in example.implementation.strip().split("\n"))
            yield ()
        yield (Part(f"    # {example.path}", "dim"),)
        yield from ((Part(f"    {line}", "code"),) for line in example.test.strip().split("\n"))
    yield ()
    yield (Part(f"`# bot: allow {rule.id} REASON` on a line silences it there, and is listed.", "dim"),)
