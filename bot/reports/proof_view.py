"""A run of a proof in a word, and the commit that it is of."""

from __future__ import annotations

from bot.domain.base import Sha
from bot.domain.proof import Proof, ProofRun, TreeRole
from bot.domain.suite import Ended

ROLES: dict[TreeRole, str] = {"base": "without the fix", "fix": "with the fix", "revert": "fix taken back"}
"""The roles of the rounds, in words."""


def commit_of(proof: Proof, run: ProofRun) -> Sha:
    """The commit whose tree a run is of; of a hunk taken back and of a mutant the one with the fix."""
    if run.role == "base":
        return proof.base if run.suite == "own" else proof.with_tests
    return proof.reverted if run.role == "revert" else proof.with_fix


def colour(run: ProofRun) -> str:
    """What a run of a round showed, in a word: `other` where something failed that is not what was foretold."""
    result = run.result
    if result.ended is not Ended.EXITED or result.doubts or result.exit_code not in {0, 1}:
        return "broken"
    if not result.red:
        return "green" if result.passed else "nothing"
    return "red" if run.holds or run.role == "fix" else "other"
