"""Publications: effects that leave one job as a file and are applied by another (`engine/delivering.py`)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from bot.domain.base import Sha
from bot.domain.effects import (
    KEPT,
    BranchPush,
    Effect,
    RecordedEffect,
)
from bot.domain.errors import ForgeProblem, RecordDamaged
from bot.domain.past import PastCycle
from bot.domain.publication import Publication, StoredChange, StoredCommit
from bot.domain.record import CycleRecord
from bot.engine.publishing.scope import scope_of
from bot.ports import Workspace

MOST_BYTES: Final = 24_000_000
"""Of a publication that is read. One of a cycle has some hundred thousand."""

_MOST_COMMITS = 20


def publication_of(
    record: CycleRecord, past: PastCycle, workspace: Workspace | None, now: datetime, last: Effect | None = None
) -> Publication:
    """What a cycle that keeps its effects for later wants published so far. `last` is what it tells besides."""
    told = () if last is None else (RecordedEffect(effect=last, receipt=KEPT),)
    effects = (*(item for item in record.effects() if item.receipt == KEPT), *told)
    return Publication(
        made_at=now, scope=scope_of(record), effects=effects, past=past,
        commits=tuple(_commits_of(effects, workspace)) if workspace is not None else (),
    )


def _commits_of(effects: tuple[RecordedEffect, ...], workspace: Workspace) -> Iterator[StoredCommit]:
    """The commits of the branches, each before those that stand on it."""
    seen: set[Sha] = set()
    for effect in (item.effect for item in effects):
        if isinstance(effect, BranchPush):
            for commit in _from_base(effect, workspace):
                if commit.id not in seen:
                    seen.add(commit.id)
                    yield commit


def _from_base(effect: BranchPush, workspace: Workspace) -> list[StoredCommit]:
    found: list[StoredCommit] = []
    at = effect.head
    while at != effect.base:
        if len(found) >= _MOST_COMMITS:
            raise ForgeProblem(
                f"The branch {effect.branch} does not stand on {effect.base[:12]}.", "Start a new run with --new."
            )
        parts = workspace.parts(at)
        plain = frozenset(workspace.files(at))
        found.append(StoredCommit(
            id=at, parent=parts.parent, message=parts.message, when=parts.when,
            changes=tuple(
                _stored(path, workspace.read(at, path) if path in plain else None)
                for path in workspace.changed_paths(parts.parent, at)
            ),
        ))
        at = parts.parent
    return found[::-1]


def _stored(path: str, content: bytes | None) -> StoredChange:
    return StoredChange(path=path, content=None if content is None else b64encode(content))


def publication_bytes(publication: Publication) -> bytes:
    """The file's content."""
    return (publication.model_dump_json(by_alias=True, indent=1) + "\n").encode("utf-8", "surrogatepass")


def parse_publication(content: bytes, name: str) -> Publication:
    """Read a file's content. Raises RecordDamaged for what is no publication."""
    if len(content) > MOST_BYTES:
        raise _no_publication(name, f"it has more than {MOST_BYTES:,} bytes")
    try:
        return Publication.model_validate_json(content)
    except ValidationError as error:
        # Without the input: the file may be anything, and what is said here stands in a public log.
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))[:200]
        raise _no_publication(name, f"{where}: {first['msg']}" if where else first["msg"]) from None


def _no_publication(name: str, why: str) -> RecordDamaged:
    return RecordDamaged(
        f"{name} is no publication: {why}.",
        "Nothing was published. Name the file that `bot cycle --publish-to` wrote.",
    )
