"""What a model may answer, step by step. Proposals only: code checks them and makes the results."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from bot.domain.base import Frozen, RepoPath
from bot.domain.evidence import Citation, Remediation, Suspect
from bot.domain.patch import Edit

Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=1_200)]


class ProposedRuledOut(Frozen):
    """A hypothesis and the evidence against it. `against` says how the quotes speak against it."""

    hypothesis: Sentence
    against: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1_200)] = ""
    citations: tuple[Citation, ...] = ()


class ProposedWhy(Frozen):
    """An answer to "why?", with what it rests on, and other answers that the evidence speaks against."""

    statement: Sentence
    citations: tuple[Citation, ...] = ()
    ruled_out: Annotated[tuple[ProposedRuledOut, ...], Field(max_length=4)] = ()


class ProposedRootCause(Frozen):
    """The mechanism in code that the chain ends at, and where: the suspects. `not_caught`: why no test saw it."""

    statement: Sentence
    mechanism: Sentence
    trigger: Sentence
    suspects: Annotated[tuple[Suspect, ...], Field(min_length=1, max_length=6)]
    not_caught: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1_200)] = ""


class ProposedWhys(Frozen):
    """The answer to step 1. An empty chain says: no culprit in this evidence."""

    whys: Annotated[tuple[ProposedWhy, ...], Field(max_length=5)]
    root_cause: ProposedRootCause | None = None
    ruled_out: tuple[ProposedRuledOut, ...] = ()
    remediation: Remediation | None = None


class ProposedFile(Frozen):
    """A whole file."""

    path: RepoPath
    content: Annotated[str, StringConstraints(max_length=400_000)]


class ProposedTests(Frozen):
    """The answer to step 3."""

    files: Annotated[tuple[ProposedFile, ...], Field(min_length=1, max_length=20)]


class ProposedFix(Frozen):
    """The answer to step 6."""

    summary: Sentence
    edits: Annotated[tuple[Edit, ...], Field(min_length=1, max_length=60)]
