"""Checks a cycle's record folder again, on any machine: no keys, no repository, no network; nothing is written.

What the model answered is held against the stored evidence by the same gate, every verdict is concluded again from
what it rests on by the same functions, every document and every published text is rendered again, and every checksum
is computed again. So a reader need not believe a report: a number that was changed in one place contradicts another.

Nothing is signed. The checksums in record.json are not keyed, so whoever changes the record can compute them anew, and
a careful forger who changes everything that depends on a thing in the same way is not found out here: one who makes up
log entries and quotes them, rewrites a model's reply with what came of it, or alters an outcome in the record, in its
JUnit file and in all reports. What cannot be computed again at all is said as a note: the counts of the whole log, of
which only the incident's entries are kept; the audit's findings, most of which need the implementation; the contents
of trees and commits, of which the record has the names. What a run printed, times that stay in order, and what a forge
answered rest on their checksums alone.
Against such a forger, compare with the original: the log, the repository, the forge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bot.domain.workflow import Workflow
from bot.recheck import (
    answers,
    documents,
    exchanges,
    files,
    incident,
    junit,
    kept_runs,
    notices,
    patch,
    proof_parts,
    proofs,
    record,
    results,
    said,
    times,
    whys,
)
from bot.recheck.folder import Content, read_folder
from bot.recheck.material import Material, read_material
from bot.recheck.statement import Found, Recheck, Statement

Check = Callable[[Material], Iterator[Statement]]

CHECKS: Mapping[str, Check] = {
    "checksums": record.checksums,
    "course": record.course,
    "durations": record.durations,
    "files": files.artifacts,
    "frozen": files.frozen,
    "known files": files.known,
    "exchanges": exchanges.stored,
    "charges": exchanges.charges,
    "whys": whys.whys,
    "citations": whys.citations,
    "investigations": answers.investigations,
    "answers": answers.others,
    "incident": incident.counts,
    "times": times.times,
    "ranking": incident.ranking,
    "audit": results.audits,
    "audit runs": junit.audits,
    "runs": junit.runs,
    "kept runs": kept_runs.kept_runs,
    "reproduction": results.reproduction,
    "patch": patch.patches,
    "proof": proofs.proofs,
    "proof parts": proof_parts.parts,
    "proof again": proof_parts.replayed,
    "steps": said.outcomes,
    "comments": said.comments,
    "notices": notices.notices,
    "documents": documents.documents,
}
"""Each check by its name, in the order in which they are made: to add one, write the function and add its line."""


def recheck(folder: Path, workflow: Workflow) -> Recheck:
    """Make every check on a cycle's folder. Raises RecordDamaged when it holds no record that could be checked."""
    return recheck_content(read_folder(folder), workflow)


def recheck_content(content: Content, workflow: Workflow) -> Recheck:
    """Make every check on what was read of a folder. Raises RecordDamaged as `recheck` does."""
    return recheck_material(read_material(content, workflow))


def recheck_material(material: Material) -> Recheck:
    """Make every check on a folder's content that was parsed."""
    return Recheck(
        cycle=str(material.record.ref),
        statements=tuple(
            one.model_copy(update={"check": name}) for name, check in CHECKS.items() for one in _made(check, material)
        ),
    )


def _made(check: Check, material: Material) -> Iterator[Statement]:
    """What a check says. A record that contradicts itself in a way that nobody thought of is a failure, not a bug."""
    try:
        yield from check(material)
    except Exception as error:  # noqa: BLE001 - the record may hold anything that fits its types
        yield Statement(
            what="everything else", found=Found.FAILS,
            why=f"it could not be checked, so what the record holds does not fit together ({type(error).__name__}: "
                f"{str(error)[:200]})",
        )
