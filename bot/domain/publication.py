"""Effects that leave one job as a file, to be applied by another that has the write token and no model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Base64Bytes, Field, StringConstraints, model_validator

from bot.domain.base import Fingerprint, Frozen, RepoPath, Sha
from bot.domain.effects import RecordedEffect, RepositoryName, RunId
from bot.domain.past import PastCycle
from bot.domain.record import MOST_CYCLES


class Scope(Frozen):
    """What effects belong to: all that policy asks about them.

    A reply to a command that is no cycle has no fingerprint, run or base. `base` is the commit that a cycle works on.
    """

    repository: RepositoryName
    fingerprint: Fingerprint | None = None
    run: RunId | None = None
    cycle: Annotated[int, Field(ge=1)] | None = None
    base: Sha | None = None
    target: str = ""


class StoredChange(Frozen):
    """New content of one path in a commit; None deletes it."""

    path: RepoPath
    content: Base64Bytes | None


class StoredCommit(Frozen):
    """A commit that the publishing job makes again: from the same parts comes the same `id`, or it is refused."""

    id: Sha
    parent: Sha
    message: Annotated[str, StringConstraints(max_length=20_000)]
    when: AwareDatetime
    changes: Annotated[tuple[StoredChange, ...], Field(max_length=500)]


class Publication(Frozen):
    """What a job wants published, in order. After publishing each effect has its receipt.

    `past` is the cycle's entry for the ledger; its numbers are filled in from the receipts. `earlier` are the cycles of
    the same run before it, which come first; they have none before themselves.
    """

    schema_name: Literal["whybot/publication/1"] = Field(default="whybot/publication/1", alias="schema")
    made_at: AwareDatetime
    scope: Scope
    effects: Annotated[tuple[RecordedEffect, ...], Field(max_length=400)]
    commits: Annotated[tuple[StoredCommit, ...], Field(max_length=20)] = ()
    past: PastCycle | None = None
    earlier: Annotated[tuple[Publication, ...], Field(max_length=MOST_CYCLES - 1)] = ()

    @model_validator(mode="after")
    def _one_deep(self) -> Publication:
        if any(one.earlier for one in self.earlier):
            raise ValueError("what comes before has something before it")
        return self

    @property
    def parts(self) -> tuple[Publication, ...]:
        """The cycles in the order in which they are published, this one last."""
        return (*self.earlier, self)
