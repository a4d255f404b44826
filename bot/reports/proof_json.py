"""A proof as one JSON document."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bot.domain.proof import Proof, ProofRun
from bot.reports.proof_view import commit_of

SCHEMA = "whybot/proof/1"


def proof_document(proof: Proof, tests: tuple[str, ...], folder: Path, sandbox: str,
                   notes: tuple[str, ...] = ()) -> dict[str, object]:
    """The document. `folder` is where each run's JUnit XML and output lie; paths to them are absolute.

    Durations are in seconds. Of a run, `counts` has how many outcomes of each kind there are; a `seed` of null stands
    for the order of the files.
    """
    return {
        "schema": SCHEMA,
        "verdict": proof.verdict.value,
        "missing": list(proof.missing),
        "notes": [*proof.notes, *notes],
        "base": proof.base,
        "fix": proof.with_fix,
        "tests": list(tests),
        "trees": {"with_tests": proof.with_tests, "with_fix": proof.with_fix, "reverted": proof.reverted,
                  "same_tree": proof.same_tree},
        "sandbox": sandbox,
        "folder": str(folder),
        "runs": [_run(proof, run, folder) for run in proof.runs if run.result.ran],
        "hunks": [check.model_dump(mode="json") for check in proof.hunks],
        "mutants": [check.model_dump(mode="json") for check in proof.mutants],
        "lines": [file.model_dump(mode="json") for file in proof.lines],
        "guard": [finding.model_dump(mode="json") for finding in proof.guard],
    }


def _run(proof: Proof, run: ProofRun, folder: Path) -> dict[str, object]:
    result = run.result
    return {
        "label": result.label, "role": run.role, "suite": run.suite, "number": run.number, "holds": run.holds,
        "reason": run.reason, "commit": commit_of(proof, run), "command": result.command, "seed": result.seed,
        "pressure": result.pressure, "duration_s": result.duration_s, "ended": result.ended.value,
        "exit_code": result.exit_code, "junit": str(folder / result.junit) if result.junit else None,
        "log": str(folder / result.log) if result.log else None,
        "counts": dict(sorted(Counter(outcome.kind.value for outcome in result.outcomes).items())),
    }
