"""The runs of the tests for people: by level, by kind, by test, each with what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.audit.kinds import merge_reruns
from bot.domain.logs import Incident
from bot.domain.plan import Level, PlannedTest
from bot.domain.proof import ProofRun
from bot.domain.results import FiveWhys, Planned, Proven, TestsRun
from bot.domain.suite import FailureKind, Outcome, SuiteResult
from bot.reports.views.echoes import Echo, echoes_of
from bot.reports.views.kinds import KIND_WORDS, KindGroup, by_kind
from bot.reports.views.planning import planned_test
from bot.reports.views.seconds import RunsRow, SlowTest, Spread, rows_of, slowest, spread_of

UNPLANNED = "not in the plan"
_MOST_SLOW = 5


@dataclass(frozen=True)
class TestLine:
    """A new test over all runs without the fix. `fixed` is what it is over all runs with the fix, if there were any."""

    __test__ = False

    outcome: Outcome
    planned: PlannedTest | None
    base: Spread
    fixed: Outcome | None
    echoes: tuple[Echo, ...]

    @property
    def name(self) -> str:
        """The test without its file."""
        return self.outcome.test.partition("::")[2] or self.outcome.test

    @property
    def path(self) -> str:
        """Its file."""
        return self.outcome.test.partition("::")[0]

    @property
    def level(self) -> str:
        """The planned level."""
        return UNPLANNED if self.planned is None else self.planned.level.value

    @property
    def kind(self) -> str:
        """What it is, in words."""
        return KIND_WORDS[self.outcome.kind].short

    @property
    def now(self) -> str:
        """What it is with the fix, in words; a dash where that was not tried."""
        return "–" if self.fixed is None else KIND_WORDS[self.fixed.kind].short


@dataclass(frozen=True)
class LevelRow:
    """The tests of one level over all runs without the fix."""

    name: str
    tests: tuple[TestLine, ...]

    def _count(self, *kinds: FailureKind) -> int:
        return sum(1 for test in self.tests if test.outcome.kind in kinds)

    @property
    def total(self) -> int:
        """How many tests."""
        return len(self.tests)

    @property
    def passed(self) -> int:
        """How many passed in every run."""
        return self._count(FailureKind.PASSED)

    @property
    def as_predicted(self) -> int:
        """How many failed as predicted in every run."""
        return self._count(FailureKind.AS_PREDICTED)

    @property
    def infrastructure(self) -> int:
        """How many went without a service that they need."""
        return self._count(FailureKind.ENVIRONMENT)

    @property
    def other(self) -> int:
        """The rest."""
        return self.total - self.passed - self.as_predicted - self.infrastructure

    @property
    def seconds(self) -> float:
        """How long they take in one run, by the run in the middle of each."""
        return sum(test.base.median for test in self.tests)


@dataclass(frozen=True)
class ExecutionView:
    """The runs as the templates take them."""

    run: TestsRun
    tests: tuple[TestLine, ...]
    proof_runs: tuple[ProofRun, ...]

    @property
    def levels(self) -> tuple[LevelRow, ...]:
        """The levels that have a test."""
        names = (*(level.value for level in Level), UNPLANNED)
        rows = (LevelRow(name, tuple(test for test in self.tests if test.level == name)) for name in names)
        return tuple(row for row in rows if row.tests)

    @property
    def all(self) -> LevelRow:
        """All levels together."""
        return LevelRow("all", self.tests)

    @property
    def kinds(self) -> tuple[KindGroup, ...]:
        """The outcomes by kind."""
        return by_kind([test.outcome for test in self.tests])

    def of(self, *kinds: str) -> tuple[TestLine, ...]:
        """The tests whose outcome over all runs is of these kinds."""
        return tuple(test for test in self.tests if test.outcome.kind.value in kinds)

    @property
    def others(self) -> tuple[TestLine, ...]:
        """The tests that are neither a reproduction nor a failure of the infrastructure."""
        return tuple(test for test in self.tests
                     if test.outcome.kind not in {FailureKind.AS_PREDICTED, FailureKind.ENVIRONMENT})

    @property
    def not_run(self) -> tuple[TestLine, ...]:
        """The tests of which nothing is known."""
        return self.of(FailureKind.SKIPPED, FailureKind.NOT_RUN)

    @property
    def doubted(self) -> tuple[SuiteResult, ...]:
        """The runs whose accounts do not agree."""
        return tuple(result for result in (*self.run.runs, self.run.own) if result.doubts)

    @property
    def runs(self) -> tuple[RunsRow, ...]:
        """All runs by what they were for; the own suite before the fix is step 5's, also where the proof uses it."""
        proof = {role: [one.result for one in self.proof_runs if (one.role, one.suite) == (role, "new")]
                 for role in ("base", "fix", "revert")}
        own = [one.result for one in self.proof_runs if (one.role, one.suite) == ("fix", "own")]
        return rows_of((
            ("new tests, without the fix (step 5)", self.run.runs),
            ("new tests, without the fix (proof)", proof["base"]),
            ("new tests, with the fix (proof)", proof["fix"]),
            ("new tests, fix taken back (proof)", proof["revert"]),
            ("places of the fix taken back (proof)", self._of("without")),
            ("small changes of the fix (proof)", self._of("mutant")),
            ("own suite, without the fix", [self.run.own]),
            ("own suite, with the fix", own),
        ))

    def _of(self, role: str) -> list[SuiteResult]:
        return [one.result for one in self.proof_runs if one.role == role]

    @property
    def slow(self) -> tuple[SlowTest, ...]:
        """The slowest new tests, then the slowest of the own suite."""
        fixed = [one.result for one in self.proof_runs if (one.role, one.suite) == ("fix", "new")]
        own = [one.result for one in self.proof_runs if (one.role, one.suite) == ("fix", "own")]
        return (*slowest(self.run.runs, fixed, False, _MOST_SLOW), *slowest([self.run.own], own, True, _MOST_SLOW))

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands of the runs on base, each once."""
        first = (*self.run.runs[:1], self.run.own)
        return tuple(dict.fromkeys(result.command for result in first if result.ran and result.command))


def execution_view(
    run: TestsRun | None, planned: Planned | None, proven: Proven | None, incident: Incident | None,
    whys: FiveWhys | None,
) -> ExecutionView | None:
    """The runs with what they are held to; None where no test was run yet."""
    if run is None:
        return None
    proof_runs = () if proven is None else proven.proof.runs
    fixed = _merged([one.result for one in proof_runs if (one.role, one.suite) == ("fix", "new")])
    tests = () if planned is None else planned.plan.tests
    lines = []
    for test, outcome in _merged(run.runs).items():
        plan = planned_test(test, tests)
        seconds = [one.duration_s for result in run.runs for one in result.outcomes if one.test == test]
        echoes: tuple[Echo, ...] = ()
        if plan is not None and outcome.kind is FailureKind.AS_PREDICTED:
            echoes = echoes_of(outcome, plan.expectation, incident, whys)
        lines.append(TestLine(outcome, plan, spread_of(seconds) or Spread((0.0,)), fixed.get(test), echoes))
    return ExecutionView(run, tuple(lines), proof_runs)


def _merged(results: Sequence[SuiteResult]) -> dict[str, Outcome]:
    """What each test is over all runs that were made."""
    ran = tuple(result.outcomes for result in results if result.ran)
    return {outcome.test: outcome for outcome in merge_reruns(ran)}
