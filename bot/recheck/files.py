"""Checks the files beside the record: each that it names is there as it was, and none is there that nobody names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from bot.adapters.atomic import TEMPORARY
from bot.domain.effects import Artifact
from bot.domain.patch import StoredFile
from bot.domain.record import CycleRecord, StepRecord
from bot.domain.results import FiveWhys, Proven, Retrieved, TestsRun, TestsWritten
from bot.recheck.folder import ALL
from bot.recheck.material import Material
from bot.recheck.statement import Statement, judged, noted
from bot.reports.documents import documents_of

_STEPS_KEEP = frozenset({"code", "fix", "junit", "logs", "logs.ndjson", "runs", "tests"})
"""Where steps keep files."""


def artifacts(material: Material) -> Iterator[Statement]:
    """Hold each file that a step kept against its checksum and size; of one kept twice, the later counts."""
    for name, artifact in (*_kept(material.record).items(), *_aside(material.record)):
        yield judged(name, _problem(material, name, artifact.sha256, artifact.size))


def frozen(material: Material) -> Iterator[Statement]:
    """Hold what results say of stored files against the files: tests as they were written, code as it was shown."""
    kept = _kept(material.record)
    for number, step in enumerate(material.record.steps, 1):
        for file in _stored(step):
            what = f"{file.path}, as step {number} ({step.step}) stored it"
            artifact = kept.get(file.artifact)
            if artifact is None:
                yield judged(what, f"no step kept {file.artifact}")
            elif artifact.sha256 != file.sha256:
                yield judged(what, f"the step's result gives it another checksum than the file {file.artifact} has")
            else:
                yield judged(what, _problem(material, file.artifact, file.sha256, None) or _length(material, file))
        own = {artifact.name for artifact in step.artifacts}
        for name in _named(step):
            yield judged(f"{name}, which step {number} ({step.step}) names",
                         "" if name in own else "the step did not keep it")


def known(material: Material) -> Iterator[Statement]:
    """Name every file that nothing in the record accounts for, and everything that is no plain file."""
    names = {"record.json", *_kept(material.record), *(name for name, _ in _aside(material.record))}
    # They stay where they were until a later attempt writes over them.
    names.update(file.name for retry in material.record.retries for file in retry.dropped)
    names.update(name for name, _ in documents_of(material.record, material.workflow))
    for name in material.files:
        folder = name.rpartition("/")[0]
        if name in names or (folder in {"exchanges", "exchanges/lost"} and name.endswith(".json")):
            yield judged(f"{name} belongs to the record", "")
        elif name.endswith(TEMPORARY):
            yield noted(name, "an interrupted write left it behind; the next run removes it")
        elif material.unread:
            yield noted(name, "the record cannot be read as far as to say whether it belongs to it")
        elif material.unsettled and name.partition("/")[0] in _STEPS_KEEP:
            yield noted(name, "a step that was interrupted may have kept it")
        else:
            yield judged(f"{name} belongs to the record", "nothing in the record names it")
    for name, why in material.odd.items():
        if name == ALL:
            yield judged("everything in the folder was read", f"it {why}, and the rest was not read")
        else:
            yield judged(f"{name} was read", f"it {why}")


def _kept(record: CycleRecord) -> dict[str, Artifact]:
    return {artifact.name: artifact for step in record.steps for artifact in step.artifacts}


def _aside(record: CycleRecord) -> Iterator[tuple[str, Artifact]]:
    """The copies of what was set aside when the cycle was set back, by their names."""
    for retry in record.retries:
        yield retry.record.name, retry.record
        folder = retry.record.name.rpartition("/")[0]
        yield from ((f"{folder}/{file.name}", file) for file in retry.dropped)


def _stored(step: StepRecord) -> tuple[StoredFile, ...]:
    if isinstance(step.result, TestsWritten):
        return step.result.files
    return step.result.code if isinstance(step.result, FiveWhys) else ()


def _named(step: StepRecord) -> Iterator[str]:
    """Files that a result names by their name alone."""
    result = step.result
    if isinstance(result, Retrieved):
        yield result.snapshot
    runs = (*result.runs, result.own) if isinstance(result, TestsRun) else ()
    if isinstance(result, Proven):
        # The own suite on base is step 5's.
        runs = tuple(run.result for run in result.proof.runs if (run.suite, run.role) != ("own", "base"))
    for run in runs:
        yield from filter(None, (run.junit, run.log))


def _length(material: Material, file: StoredFile) -> str:
    lines = len(material.files[file.artifact].splitlines())
    return "" if file.lines in {None, lines} else f"it has {lines:,} lines, and {file.lines:,} were noted"


def _problem(material: Material, name: str, sha256: str, size: int | None) -> str:
    content = material.files.get(name)
    if content is None:
        return f"it {material.lacks(name)}"
    if size is not None and len(content) != size:
        return f"it has {len(content):,} bytes, and {size:,} were stored"
    found = hashlib.sha256(content).hexdigest()
    return "" if found == sha256 else f"its SHA-256 is {found[:12]}…, and {sha256[:12]}… was stored"
