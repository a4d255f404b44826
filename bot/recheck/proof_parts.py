"""Checks what a proof says of the parts of a fix: by what it names, and by going through its course once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from bot.domain.base import RepoPath
from bot.domain.patch import Patch
from bot.domain.proof import ChangedLines, Hunk, HunkCheck, MutantCheck, Proof, ProofRun
from bot.domain.record import StepRecord
from bot.domain.results import Fixed, Proven, TestsRun, TestsWritten
from bot.domain.suite import Ran
from bot.proof.hunks import FixChange
from bot.proof.proving import Question, prove, takes_time
from bot.proof.trials import Trial
from bot.recheck.comparing import compared
from bot.recheck.kept_runs import kept_run
from bot.recheck.material import REDACTED, Material
from bot.recheck.patch import sides, texts
from bot.recheck.statement import Statement, judged, noted, same
from bot.steps.prove import proof_label

_MOST_MATCHED = 4_000_000
"""Pairs of like lines of a file up to which its changes are looked for again."""


def parts(material: Material) -> Iterator[Statement]:
    """Hold hunks, mutants and changed lines against the runs that they name, the patch and each other."""
    patch: Patch | None = None
    for number, step in enumerate(material.record.steps, 1):
        if isinstance(step.result, Fixed):
            patch = step.result.patch
        if not isinstance(step.result, Proven) or patch is None or material.older:
            continue
        what, proof = f"step {number} ({step.step})", step.result.proof
        diff = sides(patch.diff)
        runs = {run.result.label: run for run in proof.runs}
        for at, hunk in enumerate(proof.hunks, 1):
            yield from _hunk(f"{what}, hunk {at}", hunk, runs, diff)
        for at, mutant in enumerate(proof.mutants, 1):
            yield from _mutant(f"{what}, mutant {at}", mutant, runs, diff)
        for lines in proof.lines:
            yield judged(f"{what}, changed lines of {lines.path}", _lines(lines, proof))
        named = {label for hunk in proof.hunks for label in hunk.runs} | {one.run for one in proof.mutants}
        for label, run in runs.items():
            if run.role in {"without", "mutant"}:
                yield judged(f"{what}, what {label} is for", "" if label in named else "nothing names it")


def _hunk(what: str, check: HunkCheck, runs: Mapping[str, ProofRun], diff: Mapping[RepoPath, tuple[set[str], set[str]]],
          ) -> Iterator[Statement]:
    yield judged(f"{what}, its runs", next((f"there is no run {label} without a part of the fix" for label in check.runs
                                            if label not in runs or runs[label].role != "without"), ""))
    yield judged(f"{what}, needed", _needed(check, [runs[label] for label in check.runs if label in runs]))
    yield from _shown(what, check.hunk, diff)


def _needed(check: HunkCheck, runs: list[ProofRun]) -> str:
    """Why the runs that a hunk names say something else of it; empty when they do not."""
    if check.hunk.inert or check.needed is None:
        agrees = check.hunk.inert and check.needed is None and not runs
        return "" if agrees else "what changes nothing that runs is not tried, and all else is"
    if check.needed is False:
        return "" if runs and not runs[-1].holds else "it is said not to be needed, and something turned red without it"
    # Without the last of all, nothing of the fix is left: that is the reverted tree.
    reverted = "reverting the fix reverts" in check.reason
    return "" if reverted or (runs and runs[-1].holds) else "it is said to be needed, and nothing turned red without it"


def _shown(what: str, hunk: Hunk, diff: Mapping[RepoPath, tuple[set[str], set[str]]]) -> Iterator[Statement]:
    """A hunk's text stands in the patch, and its lines are counted."""
    if hunk.path not in diff:
        yield judged(f"{what}, its text", f"the patch does not change {hunk.path}")
        return
    old, new = diff[hunk.path]
    if REDACTED.search(hunk.text) or any(map(REDACTED.search, (*old, *new))):
        yield noted(f"{what}, its text", "it is redacted")
        return
    lines = hunk.text.split("\n")
    cut = len(lines) > 1 and lines[-1].startswith("… ")
    lines = lines[:-1] if cut else lines
    strange = [line for line in lines if line[1:] not in (old if line[:1] == "-" else new)]
    yield judged(f"{what}, its text", f"the patch does not have {strange[0]!r}" if strange else "")
    count = sum(line[:1] in {"+", "-"} for line in lines)
    yield judged(f"{what}, its lines", "" if count == hunk.lines or (cut and count < hunk.lines) else
                 f"it says {hunk.lines}, and its text has {count}")


def _mutant(what: str, check: MutantCheck, runs: Mapping[str, ProofRun],
            diff: Mapping[RepoPath, tuple[set[str], set[str]]]) -> Iterator[Statement]:
    run = runs.get(check.run)
    if check.killed is None:
        yield judged(f"{what}, killed", f"it was not tried, and {check.run} is its run" if check.run else "")
    elif run is None or run.role != "mutant":
        yield judged(f"{what}, its run", f"there is no run {check.run!r} of a mutant")
    else:
        yield same(f"{what}, killed", check.killed, run.holds, f"{check.run} says")
        yield same(f"{what}, reason", check.reason, run.reason, f"{check.run} says")
    _, new = diff.get(check.path, (set[str](), set[str]()))
    stands = check.before in {line.strip() for line in new}
    yield judged(f"{what}, the line before", "" if stands or REDACTED.search(check.before) else
                 f"the patch does not have {check.before!r} in {check.path}")
    yield judged(f"{what}, the line after", "" if check.after != check.before or REDACTED.search(check.after) else
                 "it is the line before")


def _lines(lines: ChangedLines, proof: Proof) -> str:
    """Why they cannot be the changed lines of the hunks; empty when they can."""
    for name, numbers in (("changed", lines.changed), ("ran", lines.ran)):
        if list(numbers) != sorted(set(numbers)):
            return f"`{name}` is not in order"
    if not set(lines.ran) <= set(lines.changed):
        return "some ran that did not change"
    hunks = [check.hunk for check in proof.hunks if check.hunk.path == lines.path]
    outside = [line for line in lines.changed if not any(hunk.first <= line <= hunk.last for hunk in hunks)]
    return f"line {outside[0]} is in none of the hunks" if outside else ""


def replayed(material: Material) -> Iterator[Statement]:
    """Go through the course of each proof once more, each run answered from the record, and hold what comes of it
    against what is stored: which runs there had to be, and what follows from them.
    """
    if material.older:
        return
    for index, step in enumerate(material.record.steps):
        if isinstance(step.result, Proven):
            yield from _replayed(material, index, step, step.result.proof)


def _replayed(material: Material, index: int, step: StepRecord, proof: Proof) -> Iterator[Statement]:
    what = f"step {index + 1} ({step.step})"
    record = material.before(index)
    ran, written, fixed = record.latest(TestsRun), record.latest(TestsWritten), record.latest(Fixed)
    if ran is None or written is None or fixed is None or fixed.patch is None or not ran.runs:
        yield judged(what, "there is a proof, and no tests or no patch before it")
        return
    change = _change(material, fixed.patch)
    if isinstance(change, str):
        yield noted(f"{what}, its course", change)
        return
    tried = sum(one.killed is not None for one in proof.mutants)
    all_tried = tried == len(proof.mutants)
    lab = _Records(material, {run.result.label: run for run in proof.runs})
    question = Question(
        base=proof.base, with_tests=proof.with_tests, with_fix=proof.with_fix, reverted=proof.reverted,
        same_tree=proof.same_tree, change=change, tests=tuple(file.path for file in written.files),
        suite=("its own",) if ran.own.ran else (), reproduced_by=ran.reproduced_by,
        expected=tuple(outcome.test for outcome in ran.runs[0].outcomes), own_before=ran.own, guard=proof.guard,
        reruns=max(1, sum(run.role == "base" and run.suite == "new" for run in proof.runs)),
        mutants=max(1, tried) if all_tried else tried,
        timing=any(takes_time(material.files.get(file.artifact, b"")) for file in written.files),
    )
    try:
        again = prove(question, lab, partial(proof_label, step.attempt))
    except _Absent as absent:
        yield judged(f"{what}, its course", f"it asks for the run {absent}, which the record does not have")
        return
    yield same(f"{what}, its course", [run.result.label for run in proof.runs],
               [run.result.label for run in again.runs], "going through it again gives")
    for label, problem in lab.strange.items():
        yield judged(f"{what}, {label}", problem)
    for name, stored, anew in (
        ("hunks", proof.hunks, again.hunks), ("mutants", proof.mutants, again.mutants),
        ("lines", proof.lines, again.lines), ("notes", proof.notes, again.notes),
        ("missing", proof.missing, again.missing),
    ):
        yield from compared(what, {name: list(stored)}, {name: list(anew)}, "going through it again gives")


def _change(material: Material, patch: Patch) -> FixChange | str:
    """The files before and after a patch, or why the record does not give them."""
    found = texts(material, patch)
    if isinstance(found, str):
        return found
    before, after = found
    if any(_pairs(before[path], after[path]) > _MOST_MATCHED for path in before):
        return "its files are too long to compare"
    return FixChange({path: text.encode() for path, text in before.items()},
                     {path: text.encode() for path, text in after.items()})


def _pairs(before: str, after: str) -> int:
    there = Counter(after.split("\n"))
    return sum(there[line] for line in before.split("\n"))


class _Absent(LookupError):
    """The label of a run that is not there."""


@dataclass
class _Records:
    """The `Lab` that runs nothing: it has the runs of a record. `strange` says what of them is not as was asked."""

    material: Material
    runs: Mapping[str, ProofRun]
    strange: dict[str, str] = field(default_factory=dict)

    def run(self, trials: Sequence[Trial], *, alone: bool = False) -> list[Ran]:
        """What the record has of each. Raises _Absent."""
        return [self._of(trial) for trial in trials]

    def note(self, text: str) -> None:
        """Nobody waits."""

    def _of(self, trial: Trial) -> Ran:
        run = self.runs.get(trial.label)
        if run is None:
            raise _Absent(trial.label)
        self.strange[trial.label] = _unlike(run, trial)
        kept = kept_run(self.material, trial.label)
        return Ran(result=run.result, observations=() if isinstance(kept, str) else kept.observations)


def _unlike(run: ProofRun, trial: Trial) -> str:
    """Why a run cannot be the one that was asked for; empty when it can."""
    stored = run.role, run.suite, run.number, run.result.seed, run.result.pressure
    asked = trial.role, trial.suite, trial.number, trial.seed, trial.pressure
    if stored != asked:
        return f"it is {stored}, and {asked} had to be run"
    words, command = run.result.command.split(), run.result.command
    if not command or REDACTED.search(command):
        return ""
    if ("--maxfail=1" in words) is not trial.stops:
        return f"its command {'does not end' if trial.stops else 'ends'} at the first failure"
    if trial.suite == "new" and not all(path.endswith(word) for path, word in
                                        zip(trial.tests, words[-len(trial.tests):], strict=False)):
        return "its command does not name the new tests"
    return ""
