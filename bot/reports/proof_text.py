"""A proof as people read it on a terminal: the verdict, the rounds, the places of the fix, and what is missing."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from bot.domain.base import counted, headline
from bot.domain.proof import HunkCheck, MutantCheck, Proof, ProofRun, Verdict
from bot.reports.audit_text import Line, Part, Style
from bot.reports.proof_view import ROLES, colour, commit_of

_MOST_HUNK = 12
_MOST_MUTANTS = 10
_MOST_REASON = 160
_WIDTH = 16
_CELL = 8


def proof_lines(proof: Proof, tests: tuple[str, ...], folder: Path, root: str = ".",
                notes: Iterable[str] = ()) -> Iterator[Line]:
    """The whole report. `folder` has the files of the runs and the commits, `root` is where pytest runs in a tree."""
    yield from _rounds(proof)
    yield from _own(proof)
    yield from _hunks(proof.hunks)
    yield from _mutants(proof.mutants)
    yield from _repeat(proof, folder, root)
    more = [*_other_notes(proof), *notes]
    if more:
        yield (Part("Worth knowing", "bold"),)
        for note in more:
            yield (Part(f"  {note}"),)
        yield ()
    if proof.missing:
        yield (Part("Missing for a proof", "bold"),)
        for sentence in proof.missing:
            yield Part("  - ", "error"), Part(sentence)
        yield ()
    good = proof.verdict is Verdict.PROVEN
    yield (Part("PROVEN" if good else "NOT PROVEN", "good" if good else "error"),
           Part(f": {', '.join(tests)} show the fix from {proof.base[:12]} to {proof.with_fix[:12]}; {proof.tally}."
                if good else f": from {proof.base[:12]} to {proof.with_fix[:12]} by {', '.join(tests)}; "
                             f"{proof.tally}."))


# red, green, red

def _rounds(proof: Proof) -> Iterator[Line]:
    runs = {(run.role, run.number): run for run in proof.runs if run.suite == "new" and run.role in ROLES}
    numbers = sorted({number for _, number in runs})
    if not numbers:
        return
    yield (Part("round".ljust(_WIDTH), "dim"), *(Part(str(number).ljust(_CELL), "dim") for number in numbers))
    for role, words in ROLES.items():
        yield (Part(words.ljust(_WIDTH)), *(_cell(runs.get((role, number))) for number in numbers))
    firsts = [next(run for (_, number), run in runs.items() if number == each) for each in numbers]
    seeds = ("files" if run.result.seed is None else f"seed {run.result.seed}" for run in firsts)
    yield (Part("order".ljust(_WIDTH), "dim"), *(Part(seed.ljust(_CELL), "dim") for seed in seeds))
    if any(run.result.pressure for run in firsts):
        yield (Part("processors".ljust(_WIDTH), "dim"),
               *(Part(("busy" if run.result.pressure else "").ljust(_CELL), "dim") for run in firsts))
    if proof.same_tree:
        yield (Part("With the fix taken back, the tree is that without the fix: the third row is a rerun.", "dim"),)
    yield ()


def _cell(run: ProofRun | None) -> Part:
    if run is None:
        return Part("-".ljust(_CELL), "dim")
    return Part(colour(run).ljust(_CELL), "good" if run.holds else "error")


def _own(proof: Proof) -> Iterator[Line]:
    own = {run.role: run for run in proof.runs if run.suite == "own" and run.role in ROLES}
    after = own.get("fix")
    if after is None:
        return
    before = own.get("base")
    yield Part("Own suite".ljust(_WIDTH)), Part("holds" if after.holds else "no suite" if not after.result.ran
                                                else "does not hold", "good" if after.holds else "error"), Part(
        f": {after.reason}" + (f" ({before.result.duration_s:.1f} s before, {after.result.duration_s:.1f} s now)"
                               if before is not None and after.result.ran else ""))
    yield ()


# what of it is needed

def _hunks(checks: tuple[HunkCheck, ...]) -> Iterator[Line]:
    if not checks:
        return
    needed = sum(check.needed is True for check in checks)
    tried = sum(check.needed is not None for check in checks)
    yield (Part(f"Places of the fix: {needed} of {counted(tried, 'place')} needed", "bold"),)
    for check in checks:
        word, style = _need(check)
        why = headline(check.reason, _MOST_REASON)
        yield (Part("  "), Part(word, style), Part(f" {_place(check)}", "bold"), Part(f": {why}", "dim"))
        lines = check.hunk.text.split("\n")
        for line in lines[:_MOST_HUNK]:
            yield (Part(f"      {line}", _diff(line)),)
        if len(lines) > _MOST_HUNK:
            yield (Part(f"      … {len(lines) - _MOST_HUNK} more lines", "dim"),)
    yield ()


def _need(check: HunkCheck) -> tuple[str, Style]:
    if check.needed is None:
        return "aside", "dim"
    return ("needed", "good") if check.needed else ("not needed", "warning")


def _place(check: HunkCheck) -> str:
    hunk = check.hunk
    return f"{hunk.path}:{hunk.first}" + (f"-{hunk.last}" if hunk.last > hunk.first else "")


def _diff(line: str) -> Style:
    return "added" if line.startswith("+") else "removed" if line.startswith("-") else "dim"


def _mutants(checks: tuple[MutantCheck, ...]) -> Iterator[Line]:
    tried = [check for check in checks if check.killed is not None]
    if not tried:
        return
    survivors = [check for check in tried if not check.killed]
    words = f"Small changes of the fixed lines: {len(tried) - len(survivors)} of {len(tried)} noticed"
    yield (Part(words + ("; these would not be" if survivors else ""), "bold"),)
    for check in survivors[:_MOST_MUTANTS]:
        yield Part("  "), Part(f"{check.path}:{check.line}", "bold"), Part(f": {check.change}", "dim")
        yield (Part(f"      -{check.before}", "removed"),)
        yield (Part(f"      +{check.after}", "added"),)
    if len(survivors) > _MOST_MUTANTS:
        yield (Part(f"  and {len(survivors) - _MOST_MUTANTS} more; --json has them all", "dim"),)
    yield ()


def _other_notes(proof: Proof) -> Iterator[str]:
    """The notes without those that say again what stands above."""
    for note in proof.notes:
        if " is not needed for the proof: " not in note and not note.startswith("The service's own suite took"):
            yield note


# doing it again

def _repeat(proof: Proof, folder: Path, root: str) -> Iterator[Line]:
    """The commands that run the first round again by hand, in a tree of its own each."""
    firsts = [run for run in proof.runs if run.suite == "new" and run.number == 1 and run.role in ROLES
              and run.result.command]
    if not firsts:
        return
    yield (Part("To repeat a run", "bold"),
           Part(f" (what each printed and its JUnit XML are in {folder}; --again repeats them all)", "dim"))
    repository = shlex.quote(str(folder / "repository.git"))
    for run in firsts[:2]:
        commit = commit_of(proof, run)
        yield (Part(f"  # {ROLES[run.role]}", "dim"),)
        yield (Part(f"  mkdir {run.role} && git --git-dir={repository} archive {commit} | tar -x -C {run.role}"),)
        inside = run.role if root == "." else shlex.quote(f"{run.role}/{root}")
        yield (Part(f"  (cd {inside} && {run.result.command})"),)
    yield ()
