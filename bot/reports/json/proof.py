"""`whybot/proof/1`: whether a fix is one, and what was run to see it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import Field

from bot.domain.base import Frozen, Sha
from bot.domain.patch import GuardFinding
from bot.domain.proof import ChangedLines, HunkCheck, MutantCheck, Proof, ProofRun, SuiteRole, TreeRole, Verdict
from bot.domain.suite import Ended
from bot.reports.json.base import Document, FromOutside
from bot.reports.proof_view import commit_of


class ProofTrees(Frozen):
    """The commits that were run, beside base and fix."""

    with_tests: Sha
    with_fix: Sha
    reverted: Sha
    same_tree: bool = Field(description="Whether the reverted tree is the base tree with the tests.")


class RunSummary(Frozen):
    """One run of tests. Paths are absolute."""

    label: str
    role: TreeRole
    suite: SuiteRole
    number: int
    holds: bool
    reason: str
    commit: str
    command: str
    seed: int | None = Field(description="Draws the order of the tests; null stands for the order of the files.")
    pressure: bool = Field(description="Whether all processors were kept busy meanwhile.")
    duration_s: float = Field(description="In seconds.")
    ended: Ended
    exit_code: int | None
    junit: FromOutside | None
    log: FromOutside | None
    counts: dict[str, int] = Field(description="How many outcomes of each kind there are.")


class ProofDocument(Document):
    """A proof, or what is missing for one."""

    schema_name: Literal["whybot/proof/1"] = Field(default="whybot/proof/1", alias="schema")
    verdict: Verdict
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    base: Sha
    fix: Sha
    tests: tuple[FromOutside, ...]
    trees: ProofTrees
    sandbox: str
    folder: FromOutside = Field(description="Where each run's JUnit XML and output lie.")
    runs: tuple[RunSummary, ...]
    hunks: tuple[HunkCheck, ...]
    mutants: tuple[MutantCheck, ...]
    lines: tuple[ChangedLines, ...]
    guard: tuple[GuardFinding, ...]


def proof_document(proof: Proof, tests: tuple[str, ...], folder: Path, sandbox: str,
                   notes: tuple[str, ...] = ()) -> ProofDocument:
    """The proof as a document. `folder` is where each run's JUnit XML and output lie."""
    return ProofDocument(
        verdict=proof.verdict, missing=proof.missing, notes=(*proof.notes, *notes), base=proof.base,
        fix=proof.with_fix, tests=tests,
        trees=ProofTrees(with_tests=proof.with_tests, with_fix=proof.with_fix, reverted=proof.reverted,
                         same_tree=proof.same_tree),
        sandbox=sandbox, folder=str(folder),
        runs=tuple(_run(proof, run, folder) for run in proof.runs if run.result.ran),
        hunks=proof.hunks, mutants=proof.mutants, lines=proof.lines, guard=proof.guard,
    )


def _run(proof: Proof, run: ProofRun, folder: Path) -> RunSummary:
    result = run.result
    return RunSummary(
        label=result.label, role=run.role, suite=run.suite, number=run.number, holds=run.holds, reason=run.reason,
        commit=commit_of(proof, run), command=result.command, seed=result.seed, pressure=result.pressure,
        duration_s=result.duration_s, ended=result.ended, exit_code=result.exit_code,
        junit=str(folder / result.junit) if result.junit else None,
        log=str(folder / result.log) if result.log else None,
        counts=dict(sorted(Counter(outcome.kind.value for outcome in result.outcomes).items())),
    )
