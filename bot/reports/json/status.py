"""`whybot/status/1`: the cycles of a state, and those that only the ledger knows."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.domain.past import PastCycle
from bot.reports.json.base import Document, FromOutside
from bot.reports.json.cycle import CycleSummary


class StatusDocument(Document):
    """All cycles of a state, oldest run first."""

    schema_name: Literal["whybot/status/1"] = Field(default="whybot/status/1", alias="schema")
    state: FromOutside = Field(description="The folder with the records.")
    held: bool = Field(description="Whether a process works on it now. A cycle that is running and is not held was "
                                   "interrupted.")
    cycles: tuple[CycleSummary, ...]
    damaged: tuple[FromOutside, ...] = Field(description="A sentence for each record that cannot be believed.")
    elsewhere: tuple[PastCycle, ...] = Field(description="The ledger's cycles that have no record here.")
