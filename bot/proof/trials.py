"""What a proof asks to be run, and who runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.domain.base import Frozen, Sha
from bot.domain.proof import ProofRun, SuiteRole, TreeRole
from bot.domain.suite import Ran


class Trial(Frozen):
    """One run that a proof needs: which tests, of which tree, how.

    `label` names it within a cycle or a proof. The tree is that of `commit` with `changes` made: new bytes of paths,
    None for a path that goes. `tests` are files, folders or node ids and `ignored` files within them, relative to the
    repository. With a `seed` the order of the tests is drawn by it; `pressure` keeps all processors busy; `watch` has
    executed lines recorded; `stops` ends the run at the first test that fails. `seconds` is the most that it may take,
    where that is less than the limit of all runs.
    """

    label: str
    role: TreeRole
    suite: SuiteRole
    number: int
    commit: Sha
    tests: tuple[str, ...]
    changes: Mapping[str, bytes | None] = {}
    ignored: tuple[str, ...] = ()
    seed: int | None = None
    pressure: bool = False
    watch: bool = False
    stops: bool = False
    seconds: float | None = None


class Lab(Protocol):
    """Runs trials, several at a time where it can, and never one that was complete before an interruption."""

    def run(self, trials: Sequence[Trial], *, alone: bool = False) -> list[Ran]:
        """Run them and return what came of each, in their order. `alone`: one at a time.

        Raises what the sandbox raises, and TargetSetupFailed.
        """
        ...

    def note(self, text: str) -> None:
        """Tell a person what is going on."""
        ...


def run_of(trial: Trial, ran: Ran, *, holds: bool, reason: str) -> ProofRun:
    """What a proof keeps of a trial."""
    return ProofRun(role=trial.role, suite=trial.suite, number=trial.number, holds=holds, reason=reason,
                    result=ran.result)
