"""`whybot/report/1`: the site that `bot report` wrote."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.domain.base import Frozen
from bot.reports.json.base import Document, FromOutside


class WrittenFile(Frozen):
    """A file of the site."""

    path: str = Field(description="Within the folder.")
    bytes: int


class ReportDocument(Document):
    """A static site of all runs on a state: where it lies and what it is made of."""

    schema_name: Literal["whybot/report/1"] = Field(default="whybot/report/1", alias="schema")
    folder: FromOutside
    index: FromOutside = Field(description="The page to open first.")
    cycles: int = Field(description="Cycles that have a page.")
    damaged: tuple[FromOutside, ...] = Field(description="Records that cannot be read, a sentence or two each.")
    files: tuple[WrittenFile, ...]
    removed: tuple[str, ...] = Field(description="Files of an earlier report that nothing leads to any more.")
