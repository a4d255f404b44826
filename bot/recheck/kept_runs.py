"""Checks the result of each run against the file in which it was kept when the run ended."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from bot.domain.base import Frozen
from bot.domain.results import Proven, TestsRun
from bot.domain.suite import Ran
from bot.recheck.comparing import compared
from bot.recheck.material import Material
from bot.recheck.statement import Statement, judged, noted


class _Kept(Frozen):
    """As `bot/steps/bench.py` keeps it."""

    digest: str
    ran: Ran


def kept_runs(material: Material) -> Iterator[Statement]:
    """Hold every run that a step names against its file in `runs/`. Before schema 4 there were none."""
    if material.older:
        return
    for number, step in enumerate(material.record.steps, 1):
        if isinstance(step.result, TestsRun):
            results = [*step.result.runs, step.result.own]
        elif isinstance(step.result, Proven):
            # The own suite on base is step 5's, and held against it elsewhere.
            results = [run.result for run in step.result.proof.runs if (run.suite, run.role) != ("own", "base")]
        else:
            continue
        for result in results:
            if not result.ran:
                continue
            what, name = f"step {number} ({step.step}), {result.label}", f"runs/{result.label}.json"
            own = {artifact.name: artifact.sha256 for artifact in step.artifacts}.get(name)
            later = [artifact.sha256 for other in material.record.steps for artifact in other.artifacts
                     if artifact.name == name]
            if own is not None and own != later[-1]:
                yield noted(what, f"a later attempt kept its own as {name}")
                continue
            kept = kept_run(material, result.label)
            if isinstance(kept, str):
                yield judged(what, f"{name} {kept}")
            else:
                yield from compared(what, result, kept.result, f"{name} has")
        yield from _unnamed(number, step.step, {one.label for one in results}, [one.name for one in step.artifacts])


def _unnamed(number: int, step: str, labels: set[str], names: list[str]) -> Iterator[Statement]:
    """A run that a step kept belongs to what it says."""
    for name in names:
        folder, _, file = name.rpartition("/")
        if folder in {"junit", "logs", "runs"} and file.rpartition(".")[0] not in labels:
            yield judged(f"step {number} ({step}), {name}", "the step kept it, and its result does not name the run")


def kept_run(material: Material, label: str) -> Ran | str:
    """What was kept of a run, or as a predicate why there is nothing."""
    name = f"runs/{label}.json"
    content = material.files.get(name)
    if content is None:
        return material.lacks(name)
    try:
        return _Kept.model_validate_json(content).ran
    except (ValidationError, RecursionError):
        return "cannot be read as a run"
