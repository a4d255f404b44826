"""What looking at a set-up finds out: `bot doctor` shows it, and adapters and commands look at their own part."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.domain.base import Frozen

State = Literal["ok", "missing", "note"]


class Remark(Frozen):
    """Something that was found out, and what to do about it. `said` is a sentence without its full stop."""

    what: str = Field(description="What was looked at: configuration, repository, logs, model, forge, …")
    state: State = Field(description="`missing` keeps a cycle from running; a `note` is worth knowing.")
    said: str = Field(description="What was found out.")
    remedy: str = Field(default="", description="What to do about it; empty where there is nothing to do.")
