"""`whybot/doctor/1`: what is configured, reachable and missing."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.domain.checkup import Remark
from bot.reports.json.base import Document


class DoctorDocument(Document):
    """What the doctor found."""

    schema_name: Literal["whybot/doctor/1"] = Field(default="whybot/doctor/1", alias="schema")
    ok: bool = Field(description="Whether nothing is missing.")
    findings: tuple[Remark, ...]
