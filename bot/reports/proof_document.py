"""What the documents show of a proof: its rounds, suites, parts and runs, all from the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.base import Sha, counted
from bot.domain.proof import HunkCheck, MutantCheck, Proof, ProofRun, Verdict
from bot.domain.suite import RED, FailureKind, Outcome, SuiteResult

_ROUND = ("base", "fix", "revert")


@dataclass(frozen=True)
class Round:
    """One round: `cells` for base, fix and revert, None where there was no such run."""

    number: int
    order: str
    cells: tuple[ProofRun | None, ...]


@dataclass(frozen=True)
class Worse:
    """A test of the own suite that passed before the fix: what it is now, None when it did not run."""

    test: str
    now: Outcome | None


@dataclass(frozen=True)
class IdleLines:
    """Changed lines of a file that can run and did not; all of them are `changed`."""

    path: str
    idle: tuple[int, ...]
    changed: int


@dataclass(frozen=True)
class Repeat:
    """A command and the runs that it was: one way to repeat them."""

    command: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class ProofView:
    """A proof as the templates take it."""

    proof: Proof

    @property
    def proven(self) -> bool:
        """Whether it holds."""
        return self.proof.verdict is Verdict.PROVEN

    @property
    def rounds(self) -> tuple[Round, ...]:
        """Base, fix and revert, by round."""
        found: dict[int, dict[str, ProofRun]] = {}
        for run in self.proof.runs:
            if run.suite == "new" and run.role in _ROUND:
                found.setdefault(run.number, {})[run.role] = run
        return tuple(Round(number, _order([one.result for one in runs.values()]),
                           tuple(runs.get(role) for role in _ROUND)) for number, runs in sorted(found.items()))

    @property
    def before(self) -> SuiteResult | None:
        """The own suite before the fix."""
        return self._own("base")

    @property
    def after(self) -> SuiteResult | None:
        """The own suite with the fix."""
        return self._own("fix")

    def _own(self, role: str) -> SuiteResult | None:
        return next((run.result for run in self.proof.runs if (run.suite, run.role) == ("own", role)), None)

    @property
    def worse(self) -> tuple[Worse, ...]:
        """What passed before the fix and does anything else now: failing, skipped, gone."""
        if self.before is None or self.after is None or not self.after.ran:
            return ()
        now = {outcome.test: outcome for outcome in self.after.outcomes}
        return tuple(Worse(one.test, now.get(one.test)) for one in self.before.of(FailureKind.PASSED)
                     if one.test not in now or now[one.test].kind is not FailureKind.PASSED)

    @property
    def tried(self) -> tuple[HunkCheck, ...]:
        """The places of the fix that were taken back."""
        return tuple(check for check in self.proof.hunks if check.needed is not None)

    @property
    def needless(self) -> tuple[HunkCheck, ...]:
        """Those that are not needed."""
        return tuple(check for check in self.tried if not check.needed)

    @property
    def survivors(self) -> tuple[MutantCheck, ...]:
        """The small changes of the fixed lines that nothing noticed."""
        return tuple(check for check in self.proof.mutants if check.killed is False)

    @property
    def killed(self) -> int:
        """How many of them were noticed."""
        return sum(check.killed is True for check in self.proof.mutants)

    @property
    def untried(self) -> int:
        """How many of them were not tried."""
        return sum(check.killed is None for check in self.proof.mutants)

    @property
    def idle(self) -> tuple[IdleLines, ...]:
        """The changed lines that did not run."""
        found = (IdleLines(one.path, tuple(sorted({*one.changed} - {*one.ran})), len(one.changed))
                 for one in self.proof.lines)
        return tuple(one for one in found if one.idle)

    @property
    def repeats(self) -> tuple[Repeat, ...]:
        """Every command once, with the runs that it was."""
        found: dict[str, list[str]] = {}
        for run in self.proof.runs:
            if run.result.ran and run.result.command:
                found.setdefault(run.result.command, []).append(run.result.label)
        return tuple(Repeat(command, tuple(labels)) for command, labels in found.items())

    @property
    def drawn(self) -> bool:
        """Whether any run had its order drawn."""
        return any(run.result.seed is not None for run in self.proof.runs)

    def order(self, result: SuiteResult) -> str:
        """What the order of a run was."""
        return _order([result])

    def checkout(self, run: ProofRun) -> tuple[Sha, str]:
        """The commit that a run is of, and what was changed in it, in words."""
        proof = self.proof
        if run.role == "base":
            return (proof.base if run.suite == "own" else proof.with_tests), ""
        if run.role == "revert":
            return (proof.with_tests, "") if proof.same_tree else (proof.with_fix, "the fix taken back")
        label = run.result.label
        mutant = next((at for at, one in enumerate(proof.mutants, 1) if label == one.run), None)
        if run.role == "mutant" and mutant is not None:
            return proof.with_fix, f"small change {mutant}"
        place = next((at for at, one in enumerate(proof.hunks, 1) if label in one.runs), None)
        if run.role != "without" or place is None:
            return proof.with_fix, ""
        suites = {one.result.label: one.suite for one in proof.runs}
        before = proof.hunks[place - 1].runs
        alone = sum(suites.get(one) == "new" for one in before[:before.index(label) + 1]) <= 1
        return proof.with_fix, f"place {place}{'' if alone else ' and others that are not needed'} taken back"

    def shown(self, run: ProofRun) -> str:
        """What a run shows, in few words; of a place taken back and of a small change, why stands where these are."""
        result = run.result
        return ", ".join(f"{len(found)} {words}" for words, found in (
            ("red as predicted", result.of(FailureKind.AS_PREDICTED)),
            ("red otherwise", result.of(*(RED - {FailureKind.AS_PREDICTED}))),
            ("passed", result.of(FailureKind.PASSED)),
            ("not run", result.of(FailureKind.SKIPPED, FailureKind.NOT_RUN)),
        ) if found) or "no outcome"

    @property
    def rests_on(self) -> str:
        """In one line what the verdict rests on."""
        said = [f"{words} in {sum(one.holds for one in runs)} of {counted(len(runs), 'run')}"
                for role, words in (("base", "red without the fix"), ("fix", "green with it"),
                                    ("revert", "red without it again"))
                if (runs := [one for one in self.proof.runs if one.role == role and one.suite == "new"])]
        if self.after is not None and self.before is not None and self.after.ran:
            passed = self.before.passed
            said.append(f"own suite: {passed - len(self.worse)} of {passed} still pass")
        elif self.after is not None:
            said.append("no suite of its own")
        if self.tried:
            said.append(f"{len(self.tried) - len(self.needless)} of {counted(len(self.tried), 'place')} needed")
        if self.killed or self.survivors:
            said.append(f"{self.killed} of {counted(self.killed + len(self.survivors), 'small change')} noticed")
        changed = sum(len(one.changed) for one in self.proof.lines)
        if changed:
            ran = changed - sum(len(one.idle) for one in self.idle)
            said.append(f"{ran} of {counted(changed, 'changed line')} run")
        return "; ".join(said)


def _order(results: Sequence[SuiteResult]) -> str:
    seeds = {result.seed for result in results}
    drawn = ", ".join("as in the files" if seed is None else f"seed {seed}" for seed in sorted(seeds, key=str))
    return drawn + (", all processors busy" if any(result.pressure for result in results) else "")
