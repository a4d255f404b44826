"""How long runs and tests took, and how much that differs from run to run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bot.domain.suite import FailureKind, SuiteResult

_IDLE = (FailureKind.SKIPPED, FailureKind.NOT_RUN)


@dataclass(frozen=True)
class Spread:
    """Seconds of several runs of the same."""

    values: tuple[float, ...]

    @property
    def least(self) -> float:
        """The shortest."""
        return min(self.values)

    @property
    def median(self) -> float:
        """The one in the middle."""
        return median(self.values)

    @property
    def most(self) -> float:
        """The longest."""
        return max(self.values)

    @property
    def total(self) -> float:
        """All together."""
        return sum(self.values)


def spread_of(values: Iterable[float]) -> Spread | None:
    """The spread of some seconds; None where there are none."""
    kept = tuple(values)
    return Spread(kept) if kept else None


@dataclass(frozen=True)
class RunsRow:
    """Runs of one kind: what they were for, how many tests they ran, and how long they took."""

    what: str
    results: tuple[SuiteResult, ...]

    @property
    def tests(self) -> int:
        """Outcomes of tests in all of them, those that did not run left out."""
        return sum(len(result.outcomes) - len(result.of(*_IDLE)) for result in self.results)

    @property
    def spread(self) -> Spread:
        """How long they took."""
        return Spread(tuple(result.duration_s for result in self.results))


@dataclass(frozen=True)
class SlowTest:
    """A test by how long it takes. `fixed` is how long with the fix, None where it did not run there."""

    test: str
    own: bool
    base: Spread
    fixed: Spread | None


def rows_of(named: Sequence[tuple[str, Sequence[SuiteResult]]]) -> tuple[RunsRow, ...]:
    """A row for each kind of which there was a run."""
    rows = (RunsRow(what, tuple(result for result in results if result.ran)) for what, results in named)
    return tuple(row for row in rows if row.results)


def slowest(
    base: Sequence[SuiteResult], fixed: Sequence[SuiteResult], own: bool, most: int
) -> tuple[SlowTest, ...]:
    """The tests that take longest without the fix, by the run in the middle."""
    before, after = _by_test(base), _by_test(fixed)
    rows = [SlowTest(test, own, Spread(values), spread_of(after.get(test, ()))) for test, values in before.items()]
    return tuple(sorted(rows, key=lambda row: (-row.base.median, row.test))[:most])


def _by_test(results: Sequence[SuiteResult]) -> dict[str, tuple[float, ...]]:
    found: dict[str, list[float]] = {}
    for result in results:
        idle = {outcome.test for outcome in result.of(*_IDLE)}
        for outcome in result.outcomes:
            if outcome.test not in idle:
                found.setdefault(outcome.test, []).append(outcome.duration_s)
    return {test: tuple(values) for test, values in found.items()}
