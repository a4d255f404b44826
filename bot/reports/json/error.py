"""`whybot/error/1`: why there is no other document."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from bot.domain.base import Frozen
from bot.domain.errors import BotError
from bot.reports.json.base import Document, FromOutside


class Problem(Frozen):
    """What went wrong, and what to do about it."""

    family: str = Field(description="The kind of error; each has one exit code. `bug` is whybot's own fault.")
    exit_code: int = Field(description="What the command ends with.")
    what: FromOutside = Field(description="A sentence on what happened.")
    remedy: FromOutside = Field(description="A sentence on what to do.")

    @classmethod
    def of(cls, error: BotError) -> Self:
        """What an error says."""
        return cls(family=error.family, exit_code=error.exit_code, what=error.what, remedy=error.remedy)


class ErrorDocument(Problem, Document):
    """An error before there was anything to show: misuse, configuration, Ctrl-C (`interrupted`), a bug.

    What a command has done before an error stands in its own document, which then holds the error.
    """

    schema_name: Literal["whybot/error/1"] = Field(default="whybot/error/1", alias="schema")
