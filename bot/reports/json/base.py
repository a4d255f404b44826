"""What all documents for programs share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from bot.domain.base import Frozen


class Document(Frozen):
    """One JSON document. Its `schema` says which one and in which version: `whybot/NAME/VERSION`."""

    schema_name: str = Field(alias="schema", description="Which document this is, and its version.")


def _sayable(value: object) -> object:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


FromOutside = Annotated[str, BeforeValidator(_sayable)]
"""A path or an argument as the system gave it: bytes that are no text are written out, since JSON has no such thing."""
