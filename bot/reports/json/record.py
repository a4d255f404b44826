"""`whybot/record/N`: the file `record.json` of a cycle."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.domain.base import Sha256
from bot.domain.record import CycleRecord
from bot.reports.json.base import Document


class RecordDocument(Document):
    """The record of a cycle, with checksums: the only truth of it."""

    schema_name: Literal["whybot/record/6"] = Field(default="whybot/record/6", alias="schema")
    sha256: Sha256 = Field(description="Of the record's JSON with sorted keys and no spaces, in ASCII.")
    parts: dict[str, str] = Field(description="The first digits of the same for each part: `/settings`, "
                                              "`/steps/3/result`.")
    record: CycleRecord
