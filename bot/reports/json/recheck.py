"""`whybot/recheck/1`, and `whybot/recheck-run/1`: what holds of a record, or a run, and what does not."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.domain.base import Frozen
from bot.reports.json.base import Document


class CheckCounts(Frozen):
    """How many statements of one check hold, fail, or could not be looked at."""

    check: str
    holds: int
    fails: int
    note: int


class CheckedStatement(Frozen):
    """One thing that the record says or implies."""

    check: str
    what: str
    found: Literal["holds", "fails", "note"]
    why: str = Field(description="Empty where it holds.")


class RecheckDocument(Document):
    """A record, held against itself and the files beside it."""

    schema_name: Literal["whybot/recheck/1"] = Field(default="whybot/recheck/1", alias="schema")
    cycle: str
    holds: bool = Field(description="Whether nothing failed.")
    checks: tuple[CheckCounts, ...]
    statements: tuple[CheckedStatement, ...]


class RunRecheckDocument(Document):
    """The cycles of a run, each held against itself, and then against each other and the run's document."""

    schema_name: Literal["whybot/recheck-run/1"] = Field(default="whybot/recheck-run/1", alias="schema")
    run: str
    holds: bool = Field(description="Whether nothing failed, in no cycle either.")
    cycles: tuple[RecheckDocument, ...]
    checks: tuple[CheckCounts, ...] = Field(description="Of the run as a whole.")
    statements: tuple[CheckedStatement, ...] = Field(description="About the run as a whole.")
