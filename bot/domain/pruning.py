"""What takes room in a state, and what of it is to go."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from bot.domain.base import Frozen
from bot.domain.record import CycleRef

HoldingKind = Literal["run", "snapshots", "proof", "environment", "scratch", "log pages", "left over"]
"""`run`: the records of a run's cycles. `snapshots`: of these the log entries alone. `proof`: what `bot prove` kept.
`environment`: a target's, made once for a base commit. `scratch`: where tests ran. `log pages`: of a reading that was
interrupted. `left over`: what an interrupted `bot prune` had put aside.
"""


class Holding(Frozen):
    """A thing in a state that can go as a whole. `hindered` says why it may not be touched at all."""

    kind: HoldingKind
    path: Annotated[str, Field(description="Below the state's folder.")]
    size: Annotated[int, Field(ge=0, description="In bytes.")]
    used_at: Annotated[AwareDatetime, Field(description="When it was last written, or its last cycle ended.")]
    cycles: tuple[CycleRef, ...] = ()
    hindered: str = ""


class Wish(Frozen):
    """What somebody wants gone: runs that ended longer ago, runs beyond the newest of so many bytes; of one focus only.

    `snapshots`: not the runs, but their log entries. Without any of these no record goes, only what nobody needs.
    """

    older_than: Annotated[timedelta, Field(ge=timedelta(0))] | None = None
    keep: Annotated[int, Field(ge=0)] | None = None
    focus: str | None = None
    snapshots: bool = False


class Item(Frozen):
    """A thing in a state, whether it is to go, and why."""

    holding: Holding
    goes: bool
    why: str
