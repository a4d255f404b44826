"""The counterfactual proof: red without the fix, green with it, red again without."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from bot.domain.base import Frozen, Sha
from bot.domain.suite import SuiteResult


class Verdict(StrEnum):
    """Whether the proof holds."""

    PROVEN = "proven"
    NOT_PROVEN = "not_proven"


TreeRole = Literal["base", "fix", "revert"]


class ProofRun(Frozen):
    """One run within a proof. `suite` is `new` for the tests of this cycle, `own` for the service's."""

    role: TreeRole
    suite: Literal["new", "own"]
    number: int
    holds: bool
    reason: str
    result: SuiteResult


class Proof(Frozen):
    """All runs, the verdict, and what is missing for it. `same_tree` says that the reverted tree is the
    base tree with the tests, so that the last red is an interleaved rerun and no new tree.
    """

    verdict: Verdict
    base: Sha
    with_tests: Sha
    with_fix: Sha
    reverted: Sha
    same_tree: bool
    runs: tuple[ProofRun, ...]
    missing: tuple[str, ...]

    @property
    def tally(self) -> str:
        """How many of the runs that took place hold, in words."""
        ran = [run for run in self.runs if run.result.ran]
        return f"{sum(1 for run in ran if run.holds)} of {len(ran)} runs hold"
