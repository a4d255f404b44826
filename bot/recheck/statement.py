"""What a check says: one statement a thing that was looked at, and whether it holds."""

from __future__ import annotations

import json
from enum import StrEnum

from bot.domain.base import Frozen
from bot.domain.visible import visible

MOST_SHOWN = 400
"""Characters of a value that a statement quotes."""


class Found(StrEnum):
    """What looking came to. A note says what could not be looked at, and is no failure."""

    HOLDS = "holds"
    FAILS = "fails"
    NOTE = "note"


class Statement(Frozen):
    """One thing that a record says or implies. `why` is empty when it holds."""

    check: str = ""
    what: str
    found: Found
    why: str = ""


class Recheck(Frozen):
    """All statements about one record folder, in the order of the checks."""

    cycle: str
    statements: tuple[Statement, ...]

    def of(self, found: Found, check: str | None = None) -> tuple[Statement, ...]:
        """The statements of this kind; of one check, if it is named."""
        return tuple(one for one in self.statements if one.found is found and check in {None, one.check})

    @property
    def holds(self) -> bool:
        """Whether nothing failed."""
        return not self.of(Found.FAILS)


def judged(what: str, problem: str) -> Statement:
    """A statement that holds when there is no problem."""
    return Statement(what=what, found=Found.FAILS if problem else Found.HOLDS, why=problem)


def noted(what: str, why: str) -> Statement:
    """That something could not be checked, and why."""
    return Statement(what=what, found=Found.NOTE, why=why)


def same(what: str, stored: object, again: object, source: str) -> Statement:
    """A statement that holds when what is stored is what `source` gives."""
    if stored == again:
        return judged(what, "")
    return judged(what, f"the record says {shown(stored)}, and {source} {shown(again)}")


def shown(value: object) -> str:
    """A value on one line, nothing in it unseen, cut."""
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    text = " ".join(visible(text).split()) if text.strip() else repr(text)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
