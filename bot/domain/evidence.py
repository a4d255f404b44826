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


class Confidence(StrEnum):
    """How well a cited why stands, by the checks alone; `bot/evidence/whys.py` has the rule."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NONE = "none"


class RuledOut(Frozen):
    """A hypothesis that the evidence speaks against. `against` says how; records before it have none."""

    hypothesis: str
    citations: tuple[CheckedCitation, ...]
    support: Support
    against: str = ""


class Why(Frozen):
    """One answer in the chain. `reason` says why it is unproven.

    `unheld` are the names, values and times in the statement that stand in nothing it may rest on.
    `ruled_out` are other answers to the same question. `confidence` is None in records of schema 2 and before.
    """

    statement: str
    citations: tuple[CheckedCitation, ...]
    support: Support
    reason: str = ""
    confidence: Confidence | None = None
    unheld: tuple[str, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()


class Suspect(Frozen):
    """A function that the root cause names: where it stands and its qualified name."""

    path: RepoPath
    function: str

    @property
    def key(self) -> str:
        """`path::Class.method`, as the probe writes reached functions."""
        return f"{self.path}::{self.function}"


class RootCause(Frozen):
    """The last supported why, said as a mechanism in code, which is located in the suspects.

    `not_caught` is the model's view of why no test or check saw it. `support` comes from the checks, `reason`
    says why it is unproven.
    """

    statement: str
    mechanism: str
    trigger: str
    suspects: tuple[Suspect, ...]
    support: Support
    not_caught: str = ""
    reason: str = ""


class Remediation(Frozen):
    """What to do, as proposed. Proposals are not findings and are printed as proposals."""

    immediate: str
    short_term: str
    long_term: str


class EvidenceItem(Frozen):
    """One numbered piece of an evidence pack. Only logs (E1…) and code (C1…) can be cited.

    `ref` is an insertId; `path:line` at the pack's commit; the id of a commit that touched the code (H1…); or the
    cycle that a finding of an earlier cycle comes from (F1…).
    """

    id: str
    kind: Literal["log", "code", "commit", "finding"]
    ref: str
    time: str = ""
    origin: str = ""
    text: str


class EvidencePack(Frozen):
    """What a model call may cite, and what was left out and why."""

    commit: Sha | None
    items: tuple[EvidenceItem, ...]
    left_out: tuple[str, ...] = ()


class StopCause(StrEnum):
    """The cap at which an investigation had to answer."""

    TURNS = "turns"
    TOKENS = "tokens"
    MONEY = "money"
    TIME = "time"


class Lookup(Frozen):
    """One call of a read-only tool: its name, its input as one line, and whether the tool refused it."""

    tool: str
    asked: str
    refused: bool = False


class Investigation(Frozen):
    """How a model looked for evidence before it answered, as code counted it.

    `turns` are replies that asked for tools, `tokens` an upper estimate of all results that were shown.
    `stopped_by` is None when the model answered of itself.
    """

    turns: int = 0
    tokens: int = 0
    lookups: tuple[Lookup, ...] = ()
    stopped_by: StopCause | None = None
