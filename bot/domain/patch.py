"""A proposed change to the system under test, in a form that is checked before it is applied."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from bot.domain.base import Frozen, RepoPath, Sha256


class Edit(Frozen):
    """Replace `find`, which must stand exactly once in the file, by `replace`."""

    path: RepoPath
    find: Annotated[str, StringConstraints(min_length=1)]
    replace: str


class StoredFile(Frozen):
    """A file kept beside the record: where it belongs in the repository, its hash, and where it lies.

    `lines` is how many it has; None in records of schema 5 and before.
    """

    path: RepoPath
    sha256: Sha256
    artifact: str
    lines: int | None = None


class PatchedFile(Frozen):
    """A file that a patch changes, and the hash of what it becomes. The content itself is not kept: it is the
    base's with the edits applied, and could hold secrets that the repository holds.
    """

    path: RepoPath
    sha256: Sha256


class GuardFinding(Frozen):
    """What the fix guard has against a patch. A hard finding rejects it; a soft one is shown."""

    rule: str
    hard: bool
    path: RepoPath
    message: str
    hunk: str = ""


class Patch(Frozen):
    """An accepted patch: its edits, the files that they change, its redacted diff, and what the guard noted."""

    summary: str
    edits: Annotated[tuple[Edit, ...], Field(min_length=1)]
    files: tuple[PatchedFile, ...]
    diff: str
    added: int
    removed: int
    notes: tuple[GuardFinding, ...] = ()
