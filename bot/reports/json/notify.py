"""`whybot/notify/1`: who is told of what, and what became of a test notice."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.domain.base import Frozen
from bot.reports.json.base import Document


class ToldDestination(Frozen):
    """A table [notify.NAME] of bot.toml."""

    name: str
    format: Literal["json", "slack"]
    events: tuple[str, ...]
    focus: tuple[str, ...] = Field(description="Only these focuses; none: all.")
    least_priority: str
    signed: bool
    trouble: str = Field(description="Why nothing can be sent there, as far as that is known; empty for no trouble.")


class TestDelivery(Frozen):
    """What became of a test notice."""

    __test__ = False

    destination: str
    id: str
    delivered: bool
    why: str = Field(description="Why it was not delivered.")


class NotifyDocument(Document):
    """Who is told of what, by bot.toml and the environment at hand."""

    schema_name: Literal["whybot/notify/1"] = Field(default="whybot/notify/1", alias="schema")
    destinations: tuple[ToldDestination, ...]
    test: TestDelivery | None = Field(description="The test notice that was asked for.")
