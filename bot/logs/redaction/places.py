"""Stand-ins for secrets, and how rules put them into a text.

A rule is tried only where one of its literals stands (`at`), never at every character: that keeps ordinary text
cheap, and hostile text linear as long as the rule itself looks at a bounded piece.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import NamedTuple

PLACEHOLDER = re.compile(r"<[a-z][a-z-]{1,20}:[0-9a-f]{4}>")
"""What stands where a secret stood: its kind and four hex digits of its hash."""
_MOST_PLACEHOLDER = 28


def placeholder(kind: str, secret: str) -> str:
    """The stable stand-in for a secret: the same secret always gives the same text."""
    digest = blake2b(secret.encode("utf-8", "surrogatepass"), digest_size=2).hexdigest()
    return f"<{kind}:{digest}>"


class Cut(NamedTuple):
    """A piece of a text that is to go, from `start` up to `end`, and what takes its place."""

    start: int
    end: int
    instead: str


def cut_group(match: re.Match[str], group: str, kind: str, end: int | None = None) -> Cut:
    """The cut of one group of a match, or of the text from its start up to `end`."""
    start, stop = match.start(group), match.end(group) if end is None else end
    return Cut(start, stop, placeholder(kind, match.string[start:stop]))


def lowered(text: str) -> str:
    """The text in small letters, character for character: only this one letter becomes two."""
    return text.replace("\u0130", "I").lower()


def at(text: str, literals: Iterable[str], rule: Callable[[str, int], Cut | None]) -> str:
    """The text with what `rule` cuts at each place of a literal (small letters), from left to right."""
    places: list[int] = []
    lower = lowered(text)
    for literal in literals:
        place = lower.find(literal)
        while place >= 0:
            places.append(place)
            place = lower.find(literal, place + len(literal))
    if not places:
        return text
    places.sort()
    pieces: list[str] = []
    done = 0
    for place in places:
        # What was cut already is not looked at again: a value as long as the text would be, at each name in it.
        cut = rule(text, place) if place >= done and not in_placeholder(text, place) else None
        if cut is not None and cut.start >= done:
            pieces += (text[done : cut.start], cut.instead)
            done = cut.end
    return "".join((*pieces, text[done:])) if pieces else text


def cut_out(text: str, cuts: Iterable[Cut]) -> str:
    """The text after cuts that come from left to right."""
    pieces: list[str] = []
    done = 0
    for cut in cuts:
        pieces += (text[done : cut.start], cut.instead)
        done = cut.end
    return "".join((*pieces, text[done:])) if pieces else text


def in_placeholder(text: str, place: int) -> bool:
    """Whether a place is inside of a stand-in: `<password:3f2a>` must not read as an assignment."""
    start = text.rfind("<", max(0, place - _MOST_PLACEHOLDER), place + 1)
    found = PLACEHOLDER.match(text, start) if start >= 0 else None
    return found is not None and found.end() > place
