"""The counterfactual proof: red without the fix, green with it, red again without, and nothing in it for show."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from bot.domain.base import Frozen, Sha
from bot.domain.patch import GuardFinding
from bot.domain.suite import SuiteResult


class Verdict(StrEnum):
    """Whether the proof holds."""

    PROVEN = "proven"
    NOT_PROVEN = "not_proven"


TreeRole = Literal["base", "fix", "revert", "without", "mutant"]
"""Which tree a run is of: without the fix, with it, with it reverted, with a part of it taken back, with a mutant."""

SuiteRole = Literal["new", "own"]
"""The tests that show the incident, or the service's own."""


class ProofRun(Frozen):
    """One run within a proof. `suite` is `new` for the tests of this cycle, `own` for the service's.

    `holds`: it shows what it was made for; of `without` and `mutant`: that something turned red.
    """

    role: TreeRole
    suite: SuiteRole
    number: int
    holds: bool
    reason: str
    result: SuiteResult


class Hunk(Frozen):
    """One place that a fix changes: lines `first` to `last` of the file after it, `last` before `first` where lines
    were only taken out. `lines` counts those that came and went. `text` is the change as a diff without context,
    redacted and cut. `inert`: it changes nothing that runs (comments, docstrings, documents).
    """

    path: str
    first: int
    last: int
    lines: int
    text: str
    inert: bool = False


class HunkCheck(Frozen):
    """Whether a hunk is needed: `needed` is None where that was not tried. `runs` are the labels of those that say so.

    Hunks that are not needed were taken back together: what is left of the fix still turns everything green.
    """

    hunk: Hunk
    needed: bool | None
    reason: str
    runs: tuple[str, ...] = ()


class MutantCheck(Frozen):
    """A small change of a line of the fix, and whether a new test noticed. `killed` is None where it was not tried.

    `line` counts in the file with the fix; `before` and `after` are the changed lines, redacted.
    """

    path: str
    line: int
    change: str
    before: str
    after: str
    killed: bool | None
    reason: str
    run: str = ""


class ChangedLines(Frozen):
    """The lines of functions that a fix changes in one file and that can run, and which of them the new tests ran."""

    path: str
    changed: tuple[int, ...]
    ran: tuple[int, ...]


class Proof(Frozen):
    """All runs, the verdict, what is missing for it, and what is worth knowing beside it (`notes`).

    `same_tree` says that the reverted tree is the base tree with the tests, so that the last red is an interleaved
    rerun and no new tree. `guard` are the fix guard's findings where the proof is given a fix that it did not see.
    Hunks, mutants and lines are empty in records of schema 3 and before, and where red and green did not hold.
    """

    verdict: Verdict
    base: Sha
    with_tests: Sha
    with_fix: Sha
    reverted: Sha
    same_tree: bool
    runs: tuple[ProofRun, ...]
    missing: tuple[str, ...]
    hunks: tuple[HunkCheck, ...] = ()
    mutants: tuple[MutantCheck, ...] = ()
    lines: tuple[ChangedLines, ...] = ()
    guard: tuple[GuardFinding, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def tally(self) -> str:
        """How many of the runs without, with and again without the fix hold, in words."""
        ran = [run for run in self.runs if run.result.ran and run.role in {"base", "fix", "revert"}
               and not (run.role == "base" and run.suite == "own")]
        return f"{sum(1 for run in ran if run.holds)} of {len(ran)} runs hold"
