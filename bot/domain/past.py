"""What the bot remembers of a cycle when its record is out of reach: one entry of the ledger on the state branch."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from bot.domain.base import Fingerprint, Frozen, Sha
from bot.domain.earlier import EarlierFinding
from bot.domain.effects import RepositoryName
from bot.domain.logs import SeenBefore
from bot.domain.notices import MessageId
from bot.domain.record import CycleEnd, CycleRef, CycleStatus, FixedMark

LEDGER: Final = "ledger.json"
"""Under which name it lies on the state branch."""

MOST_CYCLES_KEPT: Final = 500
"""Entries that a ledger keeps, the newest."""

MOST_FINDINGS_KEPT: Final = 60
"""Of these, the newest, that keep what was found out, by far the most of a file that every cycle reads."""

MOST_NAMES: Final = 50
MOST_DAYS: Final = 60
MOST_TOLD: Final = 60

Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
"""A day in UTC, as `2026-03-04`."""


class PastCycle(Frozen):
    """A cycle, as a later one has to know it. No text of a log or a model but in `finding`.

    `version` is the record's: of two entries of a cycle, the one of the later record counts. `finding` is None where
    the readers of the ledger are the public. `spent_usd` is by the day (UTC) that it was paid on. `issue` and `pull`
    are the forge's numbers, `fix` is the commit that was pushed. `seen` is how the incident was then. `workflow_run` is
    the Actions run that holds the record as an artifact. `told` are the ids of the notices that were delivered.
    """

    ref: CycleRef
    version: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    repository: RepositoryName
    forge: Annotated[str, StringConstraints(max_length=40)]
    created_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    status: CycleStatus
    end: CycleEnd | None = None
    step: Annotated[str, StringConstraints(max_length=40)] = ""
    names: Annotated[tuple[Fingerprint, ...], Field(max_length=MOST_NAMES)] = ()
    issue: Annotated[int, Field(ge=1)] | None = None
    pull: Annotated[int, Field(ge=1)] | None = None
    fix: Sha | None = None
    fixed: FixedMark | None = None
    seen: SeenBefore | None = None
    finding: EarlierFinding | None = None
    spent_usd: Annotated[dict[Day, Annotated[Decimal, Field(ge=0, le=1_000_000)]], Field(max_length=MOST_DAYS)] = {}
    workflow_run: Annotated[int, Field(ge=1)] | None = None
    told: Annotated[tuple[MessageId, ...], Field(max_length=MOST_TOLD)] = ()


class Ledger(Frozen):
    """The file `ledger.json` of the state branch: the cycles, oldest first; one entry a cycle."""

    schema_name: Literal["whybot/ledger/1"] = Field(default="whybot/ledger/1", alias="schema")
    cycles: tuple[PastCycle, ...] = ()


NO_LEDGER: Final = Ledger()
"""That of a repository in which nothing was done yet."""
