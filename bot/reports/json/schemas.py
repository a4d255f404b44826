"""`whybot/schemas/1`: which documents there are."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.domain.base import Frozen
from bot.reports.json.base import Document


class NamedSchema(Frozen):
    """A document, and where it comes from."""

    name: str
    version: int
    given_by: str = Field(description="The commands that print it, or the file that holds it.")
    says: str = Field(description="What it holds, in one line.")


class SchemasDocument(Document):
    """The documents that this version of whybot makes."""

    schema_name: Literal["whybot/schemas/1"] = Field(default="whybot/schemas/1", alias="schema")
    documents: tuple[NamedSchema, ...]
