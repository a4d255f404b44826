"""What the cycles of a run found out, and what came again in several: plain values, counted from the records.

Texts of others are as they are: whoever prints them makes them harmless.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from bot.audit.outcomes.wording import why_not_begun
from bot.domain.audit import Finding, FindingSeverity, Recommendation
from bot.domain.evidence import RuledOut, Support
from bot.domain.patch import GuardFinding
from bot.domain.proof import Verdict
from bot.domain.record import CycleRecord, StepStatus
from bot.domain.results import FiveWhys, Fixed, Proven, TestsAudited, TestsRun
from bot.domain.suite import FailureKind, Outcome
from bot.logs.ranking import named


@dataclass(frozen=True)
class Held:
    """Attempts that were held back, one after the other for the same reasons."""

    attempts: tuple[int, ...]


@dataclass(frozen=True)
class TestsHeld(Held):
    """Attempts at the tests that the audit held back."""

    __test__ = False

    reasons: tuple[str, ...]
    errors: tuple[Finding, ...]


@dataclass(frozen=True)
class FixHeld(Held):
    """Attempts at the fix that were held back: by the guard (`findings`), or since the proof lacks `missing`."""

    findings: tuple[GuardFinding, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stopped:
    """A step that failed, and what it said."""

    step: str
    attempt: int
    what: str


@dataclass(frozen=True)
class Lessons:
    """What one cycle found out that did not lead on. `stopped` says why the chain of whys ended without a cause."""

    number: int
    ruled_out: tuple[RuledOut, ...]
    stopped: str
    tests: tuple[TestsHeld, ...]
    not_reproduced: str
    fixes: tuple[FixHeld, ...]
    failed: tuple[Stopped, ...]
    set_back: int

    @property
    def any(self) -> bool:
        """Whether there is anything."""
        return bool(self.ruled_out or self.stopped or self.tests or self.not_reproduced or self.fixes or self.failed
                    or self.set_back)


def lessons_of(record: CycleRecord) -> Lessons:
    """What a cycle found out, the steps that were set aside left out."""
    whys, run = record.latest(FiveWhys), record.latest(TestsRun)
    open_end = whys is not None and (whys.root_cause is None or whys.root_cause.support is not Support.CITED)
    return Lessons(
        record.ref.number,
        ruled_out=() if whys is None else (*(one for why in whys.whys for one in why.ruled_out), *whys.ruled_out),
        stopped=whys.stopped if whys is not None and open_end else "",
        tests=_joined(
            TestsHeld((step.attempt,), step.result.report.reasons, _errors(step.result.report.findings))
            for step in record.steps
            if isinstance(step.result, TestsAudited) and step.result.report.recommendation is Recommendation.HOLD
        ),
        not_reproduced=run.reason if run is not None and not run.reproduced else "",
        fixes=_joined(_fixes(record)),
        failed=tuple(Stopped(step.step, step.attempt, step.failure.what) for step in record.steps
                     if step.status is StepStatus.FAILED and step.failure is not None),
        set_back=len(record.retries),
    )


_Held = TypeVar("_Held", bound=Held)


def _joined(every: Iterable[_Held]) -> tuple[_Held, ...]:
    """Attempts that follow each other with the same reasons as one."""
    found: list[_Held] = []
    for one in every:
        if found and replace(found[-1], attempts=one.attempts) == one:
            found[-1] = replace(one, attempts=(*found[-1].attempts, *one.attempts))
        else:
            found.append(one)
    return tuple(found)


def _errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(one for one in findings if one.severity is FindingSeverity.ERROR)


def _fixes(record: CycleRecord) -> Iterator[FixHeld]:
    attempt = 0
    for step in record.steps:
        if step.step == "fix":
            attempt = step.attempt
        if isinstance(step.result, Fixed) and step.result.patch is None:
            yield FixHeld((attempt,), findings=tuple(one for one in step.result.findings if one.hard))
        if isinstance(step.result, Proven) and step.result.proof.verdict is Verdict.NOT_PROVEN:
            yield FixHeld((attempt,), missing=step.result.proof.missing)


class Kind(StrEnum):
    """What can come again."""

    INCIDENT = "the same incident"
    PLACE = "the same place of the root error"
    SUSPECT = "the same function in the root cause"
    ENVIRONMENT = "the same failure of the environment"
    FAILED = "the same failure of a step"
    RULE = "the same rule of the audit"
    GUARD = "the same rule of the fix guard"


@dataclass(frozen=True)
class Again:
    """What came in several cycles: its name, those cycles, and how often in all."""

    kind: Kind
    name: str
    cycles: tuple[int, ...]
    times: int


def recurring(records: Sequence[CycleRecord]) -> tuple[Again, ...]:
    """What came in at least two cycles: by kind, what came in the most cycles first."""
    found: dict[tuple[Kind, str], list[int]] = defaultdict(list)
    for record in records:
        for kind, name in seen_in(record):
            found[kind, name].append(record.ref.number)
    kinds = list(Kind)
    again = (Again(kind, name, tuple(sorted(set(cycles))), len(cycles)) for (kind, name), cycles in found.items())
    return tuple(sorted(
        (one for one in again if len(one.cycles) > 1),
        key=lambda one: (kinds.index(one.kind), -len(one.cycles), -one.times, one.name),
    ))


def seen_in(record: CycleRecord) -> Iterator[tuple[Kind, str]]:
    """Everything of a cycle that could come again, as often as it came."""
    incident = record.incident
    if incident is not None:
        yield Kind.INCIDENT, f"{incident.fingerprint}: {named(incident)}"
        if incident.root.location:
            yield Kind.PLACE, incident.root.location
    whys = record.latest(FiveWhys)
    if whys is not None and whys.root_cause is not None:
        yield from ((Kind.SUSPECT, key) for key in dict.fromkeys(one.key for one in whys.root_cause.suspects))
    for step in record.steps:
        match step.result:
            case TestsAudited(report=report):
                yield from ((Kind.RULE, one.rule) for one in report.findings)
                yield from ((Kind.ENVIRONMENT, why) for why in _environment(report.outcomes))
            case TestsRun(runs=runs, own=own):
                yield from ((Kind.ENVIRONMENT, why) for run in (*runs, own) for why in _environment(run.outcomes))
            case Fixed(findings=findings):
                yield from ((Kind.GUARD, one.rule) for one in findings)
        if step.failure is not None:
            yield Kind.FAILED, step.failure.what


def _environment(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What was wrong with the environment of a run: services that did not answer, and what failed of others."""
    yield from why_not_begun(outcomes)
    yield from dict.fromkeys(one.reason for one in outcomes if one.kind is FailureKind.ENVIRONMENT)


@dataclass(frozen=True)
class Totals:
    """What a run came to, counted.

    Of attempts all are counted: `tests_audited` are tests, `tests_rejected` sets of them that the audit held back,
    `suites` runs of tests, whosever they are. Of verdicts the last of a cycle counts.
    """

    cycles: int
    ended: int
    incidents: int
    whys: int
    cited: int
    tests_audited: int
    tests_rejected: int
    suites: int
    reproduced: int
    fixes_rejected: int
    proven: int


def totals_of(records: Sequence[CycleRecord]) -> Totals:
    """Count a run."""
    reports = [step.result.report for record in records for step in record.steps
               if isinstance(step.result, TestsAudited)]
    whys = [why for record in records for found in record.results(FiveWhys)[-1:] for why in found.whys]
    tested = [run for record in records for run in record.results(TestsRun)]
    proven = [one for record in records for one in record.results(Proven)]
    suites = [result for run in tested for result in (*run.runs, run.own)]
    suites += [run.result for one in proven for run in one.proof.runs]
    return Totals(
        cycles=len(records),
        ended=sum(1 for record in records if record.end is not None),
        incidents=len({record.fingerprint for record in records if record.fingerprint is not None}),
        whys=len(whys),
        cited=sum(1 for why in whys if why.support is Support.CITED),
        tests_audited=sum(len(report.tests) for report in reports),
        tests_rejected=sum(1 for report in reports if report.recommendation is Recommendation.HOLD),
        suites=sum(1 for result in suites if result.ran),
        reproduced=sum(1 for record in records for run in record.results(TestsRun)[-1:] if run.reproduced),
        fixes_rejected=sum(len(tuple(_fixes(record))) for record in records),
        proven=sum(1 for record in records for one in record.results(Proven)[-1:]
                   if one.proof.verdict is Verdict.PROVEN),
    )
