"""The bot's part of a body: between two markers, each on a line of its own. What stands around it is people's.

`<!-- whybot:KEY -->` begins it, `<!-- whybot:/KEY; … -->` ends it. The end remembers what the bot has to know of its
own last words: who wrote them, and which title and priority it gave.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from typing import Annotated, NamedTuple

from pydantic import Field, ValidationError

from bot.domain.base import Frozen
from bot.domain.effects import Priority, RunId
from bot.domain.publication import Scope
from bot.engine.publishing.former import around_former

MOST = 65_536
"""Characters of a body that GitHub takes (its own words: "body is too long (maximum is 65536 characters)")."""

HINT = "<!-- What follows, up to the next such line, is whybot's and is overwritten. Write above or below it. -->"
"""Seen only by somebody who edits the body. It comes first, so that who begins to write there spoils no marker."""

_LEAST = 300
"""Characters that the bot's part needs to be of any use."""

_BEGIN = re.compile(r"^<!-- whybot:(?P<key>[a-z_]+ [^<>\n]{1,400}?) -->[ \t]*(?=\r?$)", re.MULTILINE)
# Who writes right behind it has written below it.
_END = re.compile(
    r"^<!-- whybot:/(?P<key>[a-z_]+ [^<>\n;]{1,400}?)(?:; (?P<said>[^<>\n]{0,400}?))? -->", re.MULTILINE
)


class Said(Frozen):
    """What the bot remembers of what it wrote. `title` is the digest of the title that it gave last.

    `run` and `cycle` wrote it; `reopened` says that they reopened it. `pinned`: it was pinned once.
    """

    run: RunId | None = None
    cycle: Annotated[int, Field(ge=1)] | None = None
    title: str = ""
    priority: Priority | None = None
    reopened: bool = False
    pinned: bool = False

    def by(self, scope: Scope) -> bool:
        """Whether the cycle of `scope` wrote it."""
        return self._when is not None and self._when == (scope.run, scope.cycle)

    def after(self, scope: Scope) -> bool:
        """Whether a later cycle than that of `scope` wrote it. The ids of runs begin with the time."""
        return self._when is not None and self._when > (scope.run or "", scope.cycle or 0)

    @property
    def _when(self) -> tuple[str, int] | None:
        return None if self.run is None or self.cycle is None else (self.run, self.cycle)

    def __str__(self) -> str:
        """As it stands in the end marker."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        return " ".join(f"{name}={str(value).lower() if value is True else value}" for name, value in given.items())


class Place(NamedTuple):
    """Where the bot's part goes in a body, and what it remembers; None where nothing is known."""

    before: str
    after: str
    said: Said | None

    def room(self, most: int) -> int:
        """The characters that the bot's text may have; 0 where that is too few."""
        # The markers, the hint and what the end remembers, at their longest.
        left = min(most, MOST - len(self.before) - len(self.after) - 1_200)
        return left if left >= _LEAST else 0

    def filled(self, key: str, text: str, said: Said | None = None, hint: bool = True) -> str:
        """The whole body with the bot's part in its place."""
        remembered = "" if said is None else str(said)
        end = f"<!-- whybot:/{key}{'; ' if remembered else ''}{remembered} -->"
        begin = f"{HINT}\n" if hint else ""
        return f"{self.before}{begin}<!-- whybot:{key} -->\n\n{text}\n\n{end}{self.after}"


def place_in(body: str, keys: Collection[str]) -> Place:
    """Find the bot's part under one of its keys; where there is none, it goes below what people wrote."""
    begin = next((match for match in _BEGIN.finditer(body) if match["key"] in keys), None)
    if begin is None:
        return Place(f"{body}\n\n" if body.strip() else "", "\n", None)
    end = next((match for match in _END.finditer(body, begin.end()) if match["key"] == begin["key"]), None)
    if end is None:
        return Place(*around_former(body, begin.start(), begin.end()), None)
    before = body[:begin.start()]
    hinted = before.rstrip("\r\n")
    if hinted.endswith(HINT) and before.removeprefix(hinted) in {"\n", "\r\n"}:
        before = hinted.removesuffix(HINT)
    return Place(before, body[end.end():], _remembered(end["said"] or ""))


def same(one: str, other: str) -> bool:
    """Whether two bodies say the same: what a web form does to line ends is no difference."""
    return one.replace("\r\n", "\n").rstrip() == other.replace("\r\n", "\n").rstrip()


def digest_of(title: str) -> str:
    """By what a title is known again."""
    return hashlib.sha256(title.strip().encode("utf-8", "replace")).hexdigest()[:12]


def _remembered(text: str) -> Said | None:
    given = dict(word.split("=", 1) for word in text.split() if "=" in word)
    try:
        return Said.model_validate({name: value for name, value in given.items() if name in Said.model_fields})
    except ValidationError:
        return None
