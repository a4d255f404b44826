"""Evidence, citations and the whys that rest on them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from bot.domain.base import Frozen, RepoPath, Sha


class LogCitation(Frozen):
    """A verbatim quote from one entry of the redacted snapshot."""

    kind: Literal["log"] = "log"
    insert_id: str
    quote: str


class CodeCitation(Frozen):
    """A verbatim quote from one line of a file at a commit. `line` counts from 1."""

    kind: Literal["code"] = "code"
    path: RepoPath
    line: int
    commit: Sha
    quote: str


Citation = Annotated[LogCitation | CodeCitation, Field(discriminator="kind")]


class CheckedCitation(Frozen):
    """A citation and what checking it found. `reason` is empty when it holds."""

    citation: Citation
    holds: bool
    reason: str = ""


class Support(StrEnum):
    """Whether a statement rests on evidence. A cause is proven only by the proof."""

    CITED = "cited"
    UNPROVEN = "unproven"


class Why(Frozen):
    """One answer in the chain."""

    statement: str
    citations: tuple[CheckedCitation, ...]
    support: Support
    reason: str = ""


class Suspect(Frozen):
    """A function that the root cause names: where it stands and its qualified name."""

    path: RepoPath
    function: str

    @property
    def key(self) -> str:
        """`path::Class.method`, as the probe writes reached functions."""
        return f"{self.path}::{self.function}"


class RootCause(Frozen):
    """The last supported why, said as a mechanism in code. `support` comes from the checks."""

    statement: str
    mechanism: str
    trigger: str
    suspects: tuple[Suspect, ...]
    support: Support


class RuledOut(Frozen):
    """A hypothesis that the evidence speaks against."""

    hypothesis: str
    citations: tuple[CheckedCitation, ...]
    support: Support


class Remediation(Frozen):
    """What to do, as proposed. Proposals are not findings and are printed as proposals."""

    immediate: str
    short_term: str
    long_term: str


class EvidenceItem(Frozen):
    """One numbered piece of an evidence pack. `ref` is an insertId, or `path:line` at the pack's commit."""

    id: str
    kind: Literal["log", "code"]
    ref: str
    time: str = ""
    origin: str = ""
    text: str


class EvidencePack(Frozen):
    """What a model call may cite, and what was left out and why."""

    commit: Sha | None
    items: tuple[EvidenceItem, ...]
    left_out: tuple[str, ...] = ()
