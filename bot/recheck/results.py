"""Checks the verdicts on tests: each is computed again from what it rests on, with the functions that gave it."""

from __future__ import annotations

from collections.abc import Iterator

from bot.audit.reading.program import Program
from bot.audit.rule import Context
from bot.audit.scores import scores
from bot.domain.audit import FindingSeverity, Recommendation
from bot.domain.record import StepRecord
from bot.domain.results import Planned, TestsAudited, TestsRun, TestsWritten
from bot.recheck.comparing import compared
from bot.recheck.material import Material
from bot.recheck.statement import Statement, judged, noted, same


def reproduction(material: Material) -> Iterator[Statement]:
    """Hold the runs on the base commit against each other: their trees, their names and what drew their order."""
    for number, step in enumerate(material.record.steps, 1):
        if isinstance(step.result, TestsRun):
            what = f"step {number} ({step.step})"
            trees, own = [run.tree for run in step.result.runs], step.result.own
            yield judged(f"{what}, its tree", "" if len(set(trees)) <= 1 else "its runs are of different trees")
            yield same(f"{what}, its runs", [run.label for run in step.result.runs],
                       [f"base-{at}" for at in range(1, len(trees) + 1)], "their order is")
            if not material.older:
                yield same(f"{what}, its seeds", [(run.seed, run.pressure) for run in (*step.result.runs, own)],
                           [*((None if at == 1 else at, False) for at in range(1, len(trees) + 1)), (None, False)],
                           "runs on base have")


def audits(material: Material) -> Iterator[Statement]:
    """Compute tests, defects, verdict and scores of each audit again, from its findings and the stored test files."""
    planned = material.record.latest(Planned)
    written: TestsWritten | None = None
    for number, step in enumerate(material.record.steps, 1):
        if isinstance(step.result, TestsWritten):
            written = step.result
        if not isinstance(step.result, TestsAudited) or written is None or planned is None:
            continue
        what, report = f"step {number} ({step.step})", step.result.report
        files = {file.path: text for file in written.files if (text := material.text(file.artifact)) is not None}
        context = Context(Program.build({}, files), files, planned.plan, (), report.outcomes)
        ids = tuple(dict.fromkeys(case.id for case in context.cases))
        wrong = {finding.test for finding in report.findings if finding.severity is FindingSeverity.ERROR}
        missing = tuple(
            test for one in planned.plan.tests
            if (test := f"{one.path}::{one.name}") not in ids and context.node_id(one) not in ids
        )
        defects = tuple(test for test in (*ids, *missing) if test in wrong)
        held = bool(wrong or missing or not ids)
        yield noted(f"{what}, its findings", "most rules read the implementation, which is not kept")
        yield same(f"{what}, its tests", report.tests, ids, "its files have")
        yield same(f"{what}, defective tests", report.defects, tuple(test for test in defects if test in ids),
                   "its findings give")
        yield same(f"{what}, recommendation", report.recommendation,
                   Recommendation.HOLD if held else Recommendation.GO, "its findings give")
        yield from compared(f"{what}, scores", list(report.scores),
                            list(scores(context, ids, defects, missing, report.findings)), "its findings give")
        yield from _findings(what, step, files)
        yield from _reasons(what, step.result, ids, missing)


def _findings(what: str, step: StepRecord, files: dict[str, str]) -> Iterator[Statement]:
    """A finding quotes the line that it is about."""
    assert isinstance(step.result, TestsAudited)
    for number, finding in enumerate(step.result.report.findings, 1):
        if finding.path in files:
            lines = len(files[finding.path].split("\n"))
            yield judged(f"{what}, finding {number} ({finding.rule})", "" if 1 <= finding.line <= lines else
                         f"it is about line {finding.line} of {finding.path}, which has {lines}")


def _reasons(what: str, audited: TestsAudited, ids: tuple[str, ...], missing: tuple[str, ...]) -> Iterator[Statement]:
    """The sentences of the verdict have the numbers of the findings."""
    report = audited.report
    errors = [finding for finding in report.findings if finding.severity is FindingSeverity.ERROR]
    starts: list[str] = []
    if report.recommendation is Recommendation.GO:
        starts = [f"No error in {_count(len(ids), 'test')}; {_count(len(report.findings), 'warning')}."]
    else:
        if missing:
            starts.append(f"{len(missing)} of ")
        if errors:
            rules = dict.fromkeys(finding.rule for finding in errors)
            starts.append(f"{_count(len(errors), 'error')} of {_count(len(rules), 'rule')}: {', '.join(rules)}.")
        if report.defects:
            starts.append(f"{len(report.defects)} of {_count(len(ids), 'test')} defective.")
    for start in starts:
        told = any(reason.startswith(start) for reason in report.reasons)
        yield judged(f"{what}, its reasons", "" if told else f"none of them says: {start.strip()}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
