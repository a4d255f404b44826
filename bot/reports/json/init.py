"""`whybot/init/1`: what was set up."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.domain.base import Frozen
from bot.reports.json.base import Document, FromOutside


class SetUpFile(Frozen):
    """A file of the set-up."""

    path: FromOutside = Field(description="From the root of the repository, or from the current folder.")
    written: bool = Field(description="False where it was there already and was left as it is, and with --print.")
    text: str | None = Field(description="With --print, what would be written; else null.")


class InitDocument(Document):
    """The files, and what is left for a person to do."""

    schema_name: Literal["whybot/init/1"] = Field(default="whybot/init/1", alias="schema")
    files: tuple[SetUpFile, ...]
    left_to_do: tuple[str, ...] = Field(description="Lines for people, with commands in them.")
