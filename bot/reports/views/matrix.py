"""The matrix of a proof: each new test without the fix, with it, and with it taken back, over all rounds."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.proof import Proof, TreeRole
from bot.domain.suite import FailureKind
from bot.reports.views.kinds import KIND_WORDS

ROLES: tuple[TreeRole, ...] = ("base", "fix", "revert")
WANTED: dict[TreeRole, FailureKind] = {
    "base": FailureKind.AS_PREDICTED, "fix": FailureKind.PASSED, "revert": FailureKind.AS_PREDICTED,
}
"""What a test has to be in every run of a role to bear the proof."""


@dataclass(frozen=True)
class MatrixCell:
    """A test in the runs of one role. `kinds` has one for each run, `not_run` where the run has no such test."""

    role: TreeRole
    kinds: tuple[FailureKind, ...]

    @property
    def holds(self) -> bool | None:
        """Whether all runs are as they have to be; None where there was none."""
        return all(kind is WANTED[self.role] for kind in self.kinds) if self.kinds else None

    @property
    def mark(self) -> str:
        """A sign that needs no colour: red is a cross and green a tick, anything unwanted a question mark."""
        if self.holds is None:
            return "–"
        if not self.holds:
            return "?"
        return "✓" if self.role == "fix" else "✗"

    @property
    def said(self) -> str:
        """The outcomes in words: `failed as predicted, 5 of 5`."""
        if not self.kinds:
            return "no run"
        counts = {kind: self.kinds.count(kind) for kind in KIND_WORDS if kind in self.kinds}
        return ", ".join(f"{KIND_WORDS[kind].short}, {count} of {len(self.kinds)}" for kind, count in counts.items())


@dataclass(frozen=True)
class MatrixRow:
    """A test with its cells for base, fix and revert."""

    test: str
    cells: tuple[MatrixCell, ...]

    @property
    def name(self) -> str:
        """The test without its file."""
        return self.test.partition("::")[2] or self.test

    @property
    def bears(self) -> bool:
        """Whether the test alone shows that the fix makes the difference."""
        return all(cell.holds is True for cell in self.cells)


def matrix_of(proof: Proof) -> tuple[MatrixRow, ...]:
    """A row for each new test, in the order in which the runs have them."""
    runs = {role: [one.result for one in proof.runs if (one.role, one.suite) == (role, "new") and one.result.ran]
            for role in ROLES}
    tests = dict.fromkeys(
        outcome.test for role in ROLES for result in runs[role] for outcome in result.outcomes
    )
    kinds = {
        role: [{outcome.test: outcome.kind for outcome in result.outcomes} for result in runs[role]] for role in ROLES
    }
    return tuple(
        MatrixRow(test, tuple(
            MatrixCell(role, tuple(run.get(test, FailureKind.NOT_RUN) for run in kinds[role])) for role in ROLES
        )) for test in tests
    )
