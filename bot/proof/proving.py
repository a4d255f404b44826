"""The course of a proof: which trials, in which order, and what follows from each. The lab runs them; this decides."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.base import Sha, counted
from bot.domain.patch import GuardFinding
from bot.domain.proof import ChangedLines, HunkCheck, MutantCheck, Proof, ProofRun, SuiteRole, TreeRole
from bot.domain.suite import Ended, FailureKind, Ran, SuiteResult
from bot.logs.redact import redact
from bot.proof.counterfactual import (
    BEFORE,
    NO_SUITE,
    STILL_GREEN,
    conclude,
    judge_green,
    judge_own,
    judge_red,
    only_harness,
    turned_red,
)
from bot.proof.hunks import FixChange, changed_code
from bot.proof.mutants import Mutant, Weight, functions_of, mutated
from bot.proof.trials import Lab, Trial, run_of

_MOST_DEPENDENT = 200
"""Tests of the own suite that are run without a hunk at most: those that reach what it changes."""


@dataclass(frozen=True)
class Question:
    """A fix to prove. All paths are relative to the repository.

    `change` is what the fix changes, tests apart; `tests` are the files of the new tests. `reproduced_by` are the
    tests that have to be red, None: those that are so in the first run on base. `expected` are the tests that must
    run with the fix; None: those of the first run on base. `suite` are the paths of the service's own tests (empty:
    it has none) and `own_before` their run on base, None: not yet run. `timing`: the tests measure or wait, so the
    last round is run under pressure.
    """

    base: Sha
    with_tests: Sha
    with_fix: Sha
    reverted: Sha
    same_tree: bool
    change: FixChange
    tests: tuple[str, ...]
    suite: tuple[str, ...]
    new_files: tuple[str, ...] = ()
    reproduced_by: tuple[str, ...] | None = None
    expected: tuple[str, ...] | None = None
    own_before: SuiteResult | None = None
    guard: tuple[GuardFinding, ...] = ()
    reruns: int = 5
    mutants: int = 20
    timing: bool = False


def prove(question: Question, lab: Lab, label: Callable[[TreeRole, SuiteRole, int], str]) -> Proof:
    """Run what shows the fix, in rounds of base, fix and revert; then what shows that all of it is needed.

    Where the first round does not hold, no more is run: there is nothing to look at more closely. `label` names the
    runs. Raises what the lab raises.
    """
    return _Proving(question, lab, label).run()


@dataclass
class _Proving:
    question: Question
    lab: Lab
    label: Callable[[TreeRole, SuiteRole, int], str]
    runs: list[ProofRun] = field(default_factory=list)
    watched: Ran | None = None
    own: Ran | None = None

    def run(self) -> Proof:
        ask = self.question
        hunks: tuple[HunkCheck, ...] = ()
        mutants: tuple[MutantCheck, ...] = ()
        lines: tuple[ChangedLines, ...] = ()
        if self._rounds(range(1, 2)):
            self._rounds(range(2, ask.reruns + 1))
        if all(run.holds for run in self.runs):
            self._own_suite()
        if all(run.holds or not run.result.ran for run in self.runs):
            lines = self._lines()
            hunks = _Hunks(self).checks()
            mutants = self._mutants(lines, hunks)
        return conclude(
            ask.base, ask.with_tests, ask.with_fix, ask.reverted, same_tree=ask.same_tree, runs=tuple(self.runs),
            hunks=hunks, mutants=mutants, lines=lines, guard=ask.guard,
        )

    @property
    def patience(self) -> float | None:
        """The most seconds that a tree which is a little different may take: what hangs has turned red."""
        return None if self.watched is None else round(3 + 3 * self.watched.result.duration_s, 1)

    # red, green, red

    def _rounds(self, numbers: range) -> bool:
        """Rounds in which base, fix and revert are run in turn; whether all of them hold."""
        trials = [self._trial(role, number) for number in numbers for role in ("base", "fix", "revert")]
        if not trials:
            return True
        self.lab.note(f"base, fix and revert, {_rounds_said(numbers)} of {self.question.reruns}")
        # What keeps all processors busy is measured alone.
        calm, pressed = ([one for one in trials if one.pressure is pressure] for pressure in (False, True))
        ran = [*self.lab.run(calm), *self.lab.run(pressed, alone=True)]
        held = True
        for trial, one in zip([*calm, *pressed], ran, strict=True):
            run = self._judged(trial, one)
            self.runs.append(run)
            held &= run.holds
        return held

    def _trial(self, role: TreeRole, number: int) -> Trial:
        ask = self.question
        commit = {"base": ask.with_tests, "fix": ask.with_fix, "revert": ask.reverted}[role]
        return Trial(
            label=self.label(role, "new", number), role=role, suite="new", number=number, commit=commit,
            tests=ask.tests, seed=None if number == 1 else number, watch=role == "fix" and number == 1,
            pressure=ask.timing and number == ask.reruns > 1,
        )

    def _judged(self, trial: Trial, ran: Ran) -> ProofRun:
        if trial.role == "fix":
            if trial.watch:
                self.watched = ran
            judged = judge_green(trial.number, ran.result, self._expected())
        else:
            judged = judge_red(trial.role, trial.number, ran.result, self._reproduced(ran))
        return run_of(trial, ran, holds=judged.holds, reason=judged.reason)

    def _reproduced(self, ran: Ran) -> tuple[str, ...]:
        if self.question.reproduced_by is not None:
            return self.question.reproduced_by
        first = next((run.result for run in self.runs if run.role == "base"), ran.result)
        return tuple(outcome.test for outcome in first.of(FailureKind.AS_PREDICTED))

    def _expected(self) -> tuple[str, ...]:
        if self.question.expected is not None:
            return self.question.expected
        first = next((run.result for run in self.runs if run.role == "base"), None)
        # A file that could not be imported stands for its tests, which have names only when it can be.
        return tuple(outcome.test for outcome in first.outcomes if "::" in outcome.test) if first is not None else ()

    # what worked before

    def _own_suite(self) -> None:
        ask = self.question
        before = ask.own_before
        if not ask.suite:
            none = SuiteResult(
                label=self.label("fix", "own", 1), tree=self.runs[0].result.tree, command="", note=NO_SUITE,
                ended=Ended.EXITED, exit_code=None, outcomes=(), duration_s=0.0, ran=False)
            self.runs.append(judge_own(none, none))
            return
        if before is None:
            self.lab.note("the service's own suite without the fix")
            before = self.lab.run([self._own_trial("base", ask.base)], alone=True)[0].result
        self.runs.append(ProofRun(role="base", suite="own", number=1, holds=True, result=before,
                                  reason=BEFORE))
        self.lab.note("the service's own suite with the fix")
        trial = self._own_trial("fix", ask.with_fix)
        self.own = self.lab.run([trial], alone=True)[0]
        judged = judge_own(before, self.own.result)
        self.runs.append(run_of(trial, self.own, holds=judged.holds, reason=judged.reason))

    def _own_trial(self, role: TreeRole, commit: Sha) -> Trial:
        return Trial(label=self.label(role, "own", 1), role=role, suite="own", number=1, commit=commit,
                     tests=self.question.suite, ignored=self.question.new_files)

    # what of the fix the tests ran

    def _lines(self) -> tuple[ChangedLines, ...]:
        ran: dict[str, set[int]] = {}
        for seen in self.watched.observations if self.watched is not None else ():
            for file in seen.lines:
                ran.setdefault(file.path, set()).update(file.lines)
        found = []
        for path in self.question.change.paths:
            source = self.question.change.after[path]
            if path.endswith(".py") and source is not None:
                moved = self.question.change.moved(path)
                changed = tuple(line for line in changed_code(
                    source, [hunk for hunk in self.question.change.hunks if hunk.path == path]) if line not in moved)
                if changed:
                    found.append(ChangedLines(
                        path=path, changed=changed, ran=tuple(sorted(set(changed) & ran.get(path, set())))))
        return tuple(found)

    # whether the tests notice when the fix is a little different

    def _mutants(self, lines: Sequence[ChangedLines], hunks: Sequence[HunkCheck]) -> tuple[MutantCheck, ...]:
        chosen, more = chosen_mutants(self.question.change, lines, hunks, self.question.mutants)
        trials = [self._with_mutant(number, mutant) for number, mutant in enumerate(chosen, 1)]
        if trials:
            self.lab.note(f"{counted(len(trials), 'mutant')} of the changed lines")
        found = []
        for trial, mutant, ran in zip(trials, chosen, self.lab.run(trials), strict=True):
            red = turned_red(ran.result)
            self.runs.append(run_of(trial, ran, holds=bool(red), reason=red or STILL_GREEN))
            found.append(self._checked(mutant, killed=bool(red), reason=red or STILL_GREEN,
                                       run=trial.label))
        found.extend(self._checked(mutant, None, "not tried: there are more than `mutants` under [proof] allows")
                     for mutant in more)
        return tuple(found)

    def _with_mutant(self, number: int, mutant: Mutant) -> Trial:
        ask = self.question
        source = ask.change.after[mutant.path] or b""
        return Trial(label=self.label("mutant", "new", number), role="mutant", suite="new", number=number,
                     commit=ask.with_fix, tests=ask.tests, stops=True, seconds=self.patience,
                     changes={mutant.path: mutated(source, (mutant,))})

    def _checked(self, mutant: Mutant, killed: bool | None, reason: str, run: str = "") -> MutantCheck:
        source = self.question.change.after[mutant.path] or b""
        return MutantCheck(
            path=mutant.path, line=mutant.line, change=redact(mutant.change), killed=killed, reason=reason, run=run,
            before=_line(source, mutant.line), after=_line(mutated(source, (mutant,)), mutant.line),
        )

    def dependents(self, changes: Mapping[str, bytes | None]) -> tuple[str, ...]:
        """Tests of the own suite that reach a file, as the run with the fix saw."""
        seen = self.own.observations if self.own is not None else ()
        return tuple(one.test for one in seen if one.status == "passed"
                     and any(key.partition("::")[0] in changes for key in one.reached))[:_MOST_DEPENDENT]


@dataclass(frozen=True)
class _Without:
    """What came of taking hunks back: what turned red (empty: nothing), in which runs, and by the harness alone."""

    red: str
    runs: tuple[str, ...]
    harness: bool


@dataclass
class _Hunks:
    """Looks for the smallest part of a fix that turns everything green.

    First each hunk is taken back alone; then those that nothing missed are taken back together, one after the other;
    then those whose absence only broke the harness (a name that nobody uses any more) are tried again with them.
    """

    proving: _Proving
    count: int = 0

    def checks(self) -> tuple[HunkCheck, ...]:
        hunks = self.proving.question.change.hunks
        self.real = [number for number, hunk in enumerate(hunks) if not hunk.inert]
        if len(self.real) == 1:
            self.found = {self.real[0]: _Without("reverting the fix reverts just this", (), harness=False)}
        else:
            self.proving.lab.note(f"each of {counted(len(self.real), 'place')} of the fix taken back alone")
            alone = self._try([frozenset({number}) for number in self.real])
            self.found = dict(zip(self.real, alone, strict=True))
        dropped = self._dropped()
        return tuple(
            HunkCheck(hunk=hunk, needed=None, reason="it changes nothing that runs") if number not in self.found else
            HunkCheck(hunk=hunk, needed=number not in dropped, runs=self.found[number].runs,
                      reason=self.found[number].red or f"without it {STILL_GREEN}")
            for number, hunk in enumerate(hunks)
        )

    def _dropped(self) -> frozenset[int]:
        """The hunks that can be taken back together."""
        dropped: frozenset[int] = frozenset()
        for number in [number for number in self.real if not self.found[number].red]:
            if not dropped or self._green_without(dropped | {number}, number):
                dropped |= {number}
        grown = bool(dropped)
        while grown:
            grown = False
            for number in [number for number in self.real if self.found[number].harness and number not in dropped]:
                if self._green_without(dropped | {number}, number):
                    dropped, grown = dropped | {number}, True
        return dropped

    def _green_without(self, drop: frozenset[int], last: int) -> bool:
        if len(drop) == len(self.real):
            red = _Without("reverting the fix reverts all of it", (), harness=False)
        else:
            red, = self._try([drop])
        why = f"with {counted(len(drop) - 1, 'other place')} taken back as well, {red.red}" if red.red else ""
        self.found[last] = _Without(why, (*self.found[last].runs, *red.runs), harness=red.harness)
        return not why

    def _try(self, drops: Sequence[frozenset[int]]) -> list[_Without]:
        """Take back each set of hunks; run the new tests, then those of the own suite that reach the files."""
        lab, ask = self.proving.lab, self.proving.question
        trials = [self._trial(drop, ask.tests, "new") for drop in drops]
        found = [self._noted(trial, ran) for trial, ran in zip(trials, lab.run(trials), strict=True)]
        green = [at for at, red in enumerate(found) if not red.red]
        dependents = {at: self.proving.dependents(ask.change.without(drops[at])) for at in green}
        own = {at: self._trial(drops[at], tests, "own") for at, tests in dependents.items() if tests}
        for (at, trial), ran in zip(own.items(), lab.run(list(own.values())), strict=True):
            found[at] = self._noted(trial, ran, found[at].runs)
        return found

    def _trial(self, drop: frozenset[int], tests: tuple[str, ...], suite: SuiteRole) -> Trial:
        self.count += 1
        ask = self.proving.question
        return Trial(label=self.proving.label("without", suite, self.count), role="without", suite=suite,
                     number=self.count, commit=ask.with_fix, tests=tests, changes=ask.change.without(sorted(drop)),
                     stops=True, seconds=self.proving.patience if suite == "new" else None)

    def _noted(self, trial: Trial, ran: Ran, before: tuple[str, ...] = ()) -> _Without:
        red = turned_red(ran.result)
        self.proving.runs.append(run_of(trial, ran, holds=bool(red), reason=red or STILL_GREEN))
        return _Without(red, (*before, trial.label), bool(red) and only_harness(ran.result))


def chosen_mutants(
    change: FixChange, lines: Iterable[ChangedLines], hunks: Iterable[HunkCheck], most: int,
) -> tuple[tuple[Mutant, ...], tuple[Mutant, ...]]:
    """The mutants of changed lines that ran and whose hunk is needed: those to try, and those beyond `most`.

    In turn from each line, those that take away most first.
    """
    kept = [check.hunk for check in hunks if check.needed]
    by_line: dict[tuple[str, int], list[Mutant]] = {}
    for file in lines:
        wanted = {line for line in file.ran
                  if any(hunk.path == file.path and hunk.first <= line <= hunk.last for hunk in kept)}
        for defined in functions_of(file.path, change.after[file.path] or b""):
            for mutant in defined.mutants:
                if mutant.weight not in {Weight.HOLLOW, Weight.RARE} and not mutant.at_definition \
                        and mutant.line in wanted:
                    by_line.setdefault((file.path, mutant.line), []).append(mutant)
    for waiting in by_line.values():
        waiting.sort(key=lambda one: (one.weight, one.start, one.end, one.replacement))
    ranked = [waiting[turn] for turn in range(max(map(len, by_line.values()), default=0))
              for _, waiting in sorted(by_line.items()) if turn < len(waiting)]
    return tuple(ranked[:most]), tuple(ranked[most:])


_WAITS = re.compile(rb"\b(?:sleep|wait_for|timeout|perf_counter\w*|monotonic\w*|process_time|time\.time|deadline)\b")


def takes_time(source: bytes) -> bool:
    """Whether the text of a test file speaks of waiting or measuring time."""
    return _WAITS.search(source) is not None


def _rounds_said(numbers: range) -> str:
    return f"round {numbers[0]}" if len(numbers) == 1 else f"rounds {numbers[0]} to {numbers[-1]}"


def _line(source: bytes, line: int) -> str:
    parts = source.split(b"\n")
    return redact(parts[line - 1].decode("utf-8", "replace").strip()) if 0 < line <= len(parts) else ""
