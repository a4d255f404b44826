"""The test matrix: each test of the cycle against each run without, with and again without the fix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.audit.kinds import function_name
from bot.domain.base import counted
from bot.domain.proof import ProofRun
from bot.domain.record import CycleRecord
from bot.domain.results import Planned, Proven, TestsRun
from bot.domain.suite import ENDED_IN_WORDS, Ended, FailureKind, SuiteResult
from bot.reports.proof_document import ProofView
from bot.reports.proof_view import ROLES
from bot.reports.site.words import KINDS, Kind
from bot.reports.views.planning import planned_test


@dataclass(frozen=True)
class Column:
    """A run: its number within its group, and its label. `edge`: it is the first of a group after the first."""

    number: int
    label: str
    edge: bool


@dataclass(frozen=True)
class Group:
    """The runs of one tree, in words."""

    title: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Cell:
    """What became of a test in a run; `id` is the kind's name."""

    id: str
    kind: Kind
    apart: bool = False


@dataclass(frozen=True)
class TestRow:
    """A test and its cells. `path` and `name` are the two parts of its node id; `level` is as planned."""

    __test__ = False

    path: str
    name: str
    level: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Matrix:
    """The table, and sentences on what is not as it should be."""

    groups: tuple[Group, ...]
    rows: tuple[TestRow, ...]
    odd: tuple[str, ...]
    seconds: float
    kinds: tuple[Kind, ...]


def matrix_of(record: CycleRecord) -> Matrix | None:
    """From the proof, or before there is one from the runs on base; None before any run."""
    proven, ran = record.latest(Proven), record.latest(TestsRun)
    if proven is not None:
        groups = [
            (ROLES[role], [(run, run.result) for run in proven.proof.runs if run.suite == "new" and run.role == role])
            for role in ROLES
        ]
        return _matrix(record, [(title, runs) for title, runs in groups if runs])
    if ran is not None and ran.runs:
        return _matrix(record, [(ROLES["base"], [(None, run) for run in ran.runs])])
    return None


def _matrix(
    record: CycleRecord, groups: Sequence[tuple[str, Sequence[tuple[ProofRun | None, SuiteResult]]]]
) -> Matrix:
    results = [result for _, runs in groups for _, result in runs]
    tests = dict.fromkeys(outcome.test for result in results for outcome in result.outcomes)
    ends = [0]
    for _, runs in groups:
        ends.append(ends[-1] + len(runs))
    planned = record.latest(Planned)
    rows = []
    kinds = [{outcome.test: outcome.kind for outcome in result.outcomes} for result in results]
    for test in tests:
        path, _, _ = test.partition("::")
        plan = planned_test(test, planned.plan.tests) if planned is not None else None
        cells = tuple(
            Cell(kind.value, KINDS[kind], apart=at in ends[1:-1])
            for at, kind in enumerate(found.get(test, FailureKind.NOT_RUN) for found in kinds)
        )
        rows.append(TestRow(path, test.partition("::")[2] or function_name(test), plan.level if plan else "", cells))
    return Matrix(
        tuple(Group(title, tuple(Column(at, result.label, edge=at == 1 and index > 0)
                                 for at, (_, result) in enumerate(runs, 1)))
              for index, (title, runs) in enumerate(groups)),
        tuple(rows), tuple(_odd(groups)), sum(result.duration_s for result in results),
        tuple(KINDS[kind] for kind in FailureKind if any(cell.id == kind.value for row in rows for cell in row.cells)),
    )


def _odd(groups: Sequence[tuple[str, Sequence[tuple[ProofRun | None, SuiteResult]]]]) -> list[str]:
    """What a person has to know of runs that did not go as they should."""
    found: list[str] = []
    for _, runs in groups:
        for run, result in runs:
            if run is not None and not run.holds:
                found.append(f"{result.label} does not hold: {run.reason}")
            if result.ended is not Ended.EXITED:
                found.append(f"{result.label} {ENDED_IN_WORDS[result.ended]}.")
            if not result.ran and result.note:
                found.append(f"{result.label}: {result.note}")
            found.extend(f"{result.label} cannot be believed: {doubt}" for doubt in result.doubts)
            found.extend(
                f"{result.label}, {outcome.test.rpartition('::')[2]}: {outcome.reason}" for outcome in result.outcomes
                if outcome.kind not in {FailureKind.PASSED, FailureKind.AS_PREDICTED}
            )
    return found[:40] + ([f"{len(found) - 40} more."] if len(found) > 40 else [])


@dataclass(frozen=True)
class OwnSuite:
    """A run of the service's own tests."""

    title: str
    total: int
    passed: int
    others: tuple[str, ...]
    seconds: float
    note: str


def own_suites(record: CycleRecord) -> tuple[OwnSuite, ...]:
    """The service's own tests before the fix and with it, as far as they were run."""
    proven, ran = record.latest(Proven), record.latest(TestsRun)
    if proven is not None:
        view = ProofView(proven.proof)
        found = [(title, result) for title, result in (
            (ROLES["base"], view.before), (ROLES["fix"], view.after)) if result is not None]
    else:
        found = [(ROLES["base"], ran.own)] if ran is not None else []
    return tuple(
        OwnSuite(title, result.total, result.passed, tuple(
            f"{counted(len(result.of(kind)), KINDS[kind].words, KINDS[kind].words)}" for kind in FailureKind
            if kind is not FailureKind.PASSED and result.of(kind)
        ), result.duration_s, result.note)
        for title, result in found
    )
