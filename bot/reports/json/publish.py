"""`whybot/publish/1`: what publishing a file came to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.domain.base import Frozen
from bot.domain.effects import Receipt
from bot.reports.json.base import Document, FromOutside
from bot.reports.json.error import Problem


class PublishedEffect(Frozen):
    """One thing, in its last state, and what became of it."""

    effect: str
    key: str
    title: str
    receipt: Receipt | None


class PublishDocument(Document):
    """What became of a publication, also where a part of it failed."""

    schema_name: Literal["whybot/publish/1"] = Field(default="whybot/publish/1", alias="schema")
    file: FromOutside
    repository: str
    forge: str
    ledger: str = Field(description="A sentence on what became of the ledger.")
    effects: tuple[PublishedEffect, ...]
    failure: Problem | None = Field(description="What kept a part of it from being published.")
