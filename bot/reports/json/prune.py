"""`whybot/prune/1`: what takes room in a state, and what of it goes or is gone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import AwareDatetime, Field

from bot.domain.base import Frozen
from bot.domain.pruning import HoldingKind, Item, Wish
from bot.reports.json.base import Document, FromOutside


class PruneWish(Frozen):
    """What was asked for."""

    older_than_seconds: int | None
    keep_bytes: int | None
    focus: FromOutside | None
    snapshots: bool


class PruneItem(Frozen):
    """A thing in the state."""

    kind: HoldingKind
    path: FromOutside = Field(description="Below the state's folder.")
    bytes: int
    used_at: AwareDatetime = Field(description="When it was last written; of a run, when its last cycle ended.")
    cycles: int = Field(description="How many cycles' records it holds.")
    goes: bool
    why: FromOutside = Field(description="Why it goes or stays.")


class PruneDocument(Document):
    """What of a state goes, or is gone, runs newest first."""

    schema_name: Literal["whybot/prune/1"] = Field(default="whybot/prune/1", alias="schema")
    state: FromOutside
    done: bool = Field(description="Whether it was removed. False for the preview, which changes nothing.")
    wish: PruneWish
    bytes_going: int
    bytes_staying: int
    items: tuple[PruneItem, ...]


def prune_document(state: str, wish: Wish, items: Iterable[Item], *, done: bool) -> PruneDocument:
    """The document for a plan, or for what became of it."""
    items = tuple(items)
    return PruneDocument(
        state=state, done=done,
        wish=PruneWish(
            older_than_seconds=None if wish.older_than is None else int(wish.older_than.total_seconds()),
            keep_bytes=wish.keep, focus=wish.focus, snapshots=wish.snapshots,
        ),
        bytes_going=sum(item.holding.size for item in items if item.goes),
        bytes_staying=sum(item.holding.size for item in items if not item.goes),
        items=tuple(
            PruneItem(kind=item.holding.kind, path=item.holding.path, bytes=item.holding.size,
                      used_at=item.holding.used_at, cycles=len(item.holding.cycles), goes=item.goes, why=item.why)
            for item in items
        ),
    )
