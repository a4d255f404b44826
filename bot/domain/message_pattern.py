"""The pattern of a failure's message: a subset of Python's regular expressions, matched in time linear in the text.

A model writes these patterns, so `re`, which a pattern can hang, must not see them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_ALLOWED = (
    "Allowed are plain text, `.`, and classes such as `[0-9]` or `\\d`, each with at most one quantifier; `^` as the "
    "first and `$` as the last sign; and alternatives of these, `one|other` or `(one|other)`, that are not repeated. "
    "A backslash makes any other sign plain text."
)
_QUANTIFIER = re.compile(r"([*+?]|\{(?P<least>\d{1,3})(?P<to>,(?P<most>\d{0,3}))?\})(?P<lazy>\??)", re.ASCII)
_BRACES = re.compile(r"\{[\d,]+\}", re.ASCII)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_MOST_PLACES, _MOST_CLASSES, _MOST_MEMBERS = 1_000, 8, 16
# Classes, and their ranges and kinds, cost time for each character of a message that did not occur before.


class _Class(NamedTuple):
    """A set of characters: single ones, ranges, and kinds (`d w s`, capital for their complements)."""

    negated: bool = False
    singles: frozenset[str] = frozenset()
    ranges: tuple[tuple[str, str], ...] = ()
    kinds: str = ""

    def holds(self, variants: tuple[str, ...]) -> bool:
        """Whether a character, given with its other cases where case does not count, belongs to it."""
        for each in variants:
            if each in self.singles:
                return not self.negated
            for low, high in self.ranges:
                if low <= each <= high:
                    return not self.negated
            for kind in self.kinds:
                if _of_kind(each, kind):
                    return not self.negated
        return self.negated


def _of_kind(character: str, kind: str) -> bool:
    if kind in "dD":
        found = character.isdecimal()
    else:
        found = character.isspace() if kind in "sS" else character.isalnum() or character == "_"
    return found == kind.islower()


class _Item(NamedTuple):
    """One place of a pattern: what stands there, whether it may be missing, and whether it may stand again."""

    what: str | _Class
    optional: bool = False
    repeats: bool = False


class _Alternative(NamedTuple):
    items: tuple[_Item, ...]
    at_start: bool
    at_end: bool


class _Parser:
    """Reads a pattern into its alternatives. Raises ValueError with a sentence for the model that wrote it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def refuse(self, why: str) -> ValueError:
        return ValueError(f"in the pattern at character {self.at + 1}: {why}. {_ALLOWED}")

    def alternatives(self, inside: bool = False) -> list[_Alternative]:
        done: list[_Alternative] = []
        now: list[tuple[_Item, ...]] = [()]
        start = end = False
        while self.at < len(self.text) and not (inside and self.text[self.at] == ")"):
            sign = self.text[self.at]
            if sign == "|":
                done += [_Alternative(items, start, end) for items in now]
                now, start, end = [()], False, False
                self.at += 1
            elif end:
                raise self.refuse("`$` must be the last sign")
            elif sign in "^$":
                if inside or (sign == "^" and (start or now != [()])):
                    raise self.refuse(f"`{sign}` stands in the midst of it")
                start, end = start or sign == "^", sign == "$"
                self.at += 1
            else:
                more = self._group(inside) if sign == "(" else [tuple(self._quantified())]
                now = [(*items, *following) for items in now for following in more]
            if sum(len(items) + 1 for items in now) + sum(len(each.items) + 1 for each in done) > _MOST_PLACES:
                raise self.refuse("it is too long or repeats too much")
        return done + [_Alternative(items, start, end) for items in now]

    def _group(self, inside: bool) -> list[tuple[_Item, ...]]:
        self.at += 3 if self.text.startswith("(?:", self.at) else 1
        if inside or self.text.startswith("?", self.at):
            raise self.refuse("a group within a group, a look-around or a flag is not allowed")
        found = [each.items for each in self.alternatives(inside=True)]
        if self.at >= len(self.text):
            raise self.refuse("a group is not closed")
        self.at += 1
        if _QUANTIFIER.match(self.text, self.at):
            raise self.refuse("a group may not be repeated or optional")
        return found

    def _quantified(self) -> Iterator[_Item]:
        what = self._one()
        found = _QUANTIFIER.match(self.text, self.at)
        if found is None:
            if _BRACES.match(self.text, self.at):
                raise self.refuse("such a quantifier is not allowed")
            yield _Item(what)
            return
        self.at = found.end()
        if _QUANTIFIER.match(self.text, self.at):
            raise self.refuse("one quantifier follows another")
        sign = found[1]
        least = int(found["least"] or 0) if sign[0] == "{" else int(sign == "+")
        most = least if sign[0] == "{" and not found["to"] else int(found["most"]) if found["most"] else None
        if sign == "?":
            most = 1
        if most is not None and (most < least or most == 0):
            raise self.refuse("a quantifier has no room")
        yield from (_Item(what) for _ in range(least - (most is None)))
        if most is None:
            yield _Item(what, optional=least == 0, repeats=True)
        else:
            yield from (_Item(what, optional=True) for _ in range(most - least))

    def _one(self) -> str | _Class:
        sign = self.text[self.at]
        if sign in "*+?)" or _BRACES.match(self.text, self.at):
            raise self.refuse(f"`{sign}` has nothing before it that it belongs to")
        if sign == "[":
            return self._class()
        if sign == "\\":
            return self._escape()
        self.at += 1
        return _Class(negated=True, singles=frozenset("\n")) if sign == "." else sign

    def _escape(self) -> str | _Class:
        sign = self.text[self.at + 1 : self.at + 2]
        if not sign or (sign.isalnum() and sign not in "dwsDWSntr"):
            raise self.refuse(f"`\\{sign}` is not allowed")
        self.at += 2
        return _Class(kinds=sign) if sign in "dwsDWS" else _ESCAPES.get(sign, sign)

    def _class(self) -> _Class:
        self.at += 1
        negated = self.text.startswith("^", self.at)
        self.at += negated
        singles: set[str] = set()
        ranges: list[tuple[str, str]] = []
        kinds = ""
        first = self.at
        while self.text[self.at : self.at + 1] != "]" or self.at == first:
            low = self._member()
            if isinstance(low, _Class):
                kinds += low.kinds if low.kinds not in kinds else ""
            elif self.text.startswith("-", self.at) and self.text[self.at + 1 : self.at + 2] not in {"]", ""}:
                self.at += 1
                high = self._member()
                if isinstance(high, _Class) or high < low:
                    raise self.refuse("a range goes nowhere")
                ranges.append((low, high))
            else:
                singles.add(low)
        self.at += 1
        return _Class(negated, frozenset(singles), tuple(ranges), kinds)

    def _member(self) -> str | _Class:
        if self.at >= len(self.text):
            raise self.refuse("a class is not closed")
        if self.text[self.at] == "\\":
            return self._escape()
        self.at += 1
        return self.text[self.at - 1]


class MessagePattern:
    """A parsed pattern. Its matching takes one pass over the message, whatever either of them holds.

    All alternatives lie one after the other in one integer, a bit for each beginning and each place (Navarro and
    Raffinot, Flexible Pattern Matching in Strings, section 4.3: Shift-And with optional and repeatable characters).
    """

    def __init__(self, text: str) -> None:
        self.ignores_case = text.startswith("(?i)")
        found = _Parser(text.removeprefix("(?i)")).alternatives()
        items = [item for alternative in found for item in alternative.items]
        self.least_literal = min(sum(isinstance(item.what, str) and item.what.isalnum() and not item.optional
                                     for item in alternative.items) for alternative in found)
        """The letters and digits that a message must at least hold to match."""
        self.is_exact = all(each.at_start and each.at_end for each in found) and not any(
            isinstance(item.what, _Class) or item.optional or item.repeats for item in items)
        """Whether it gives the message as a whole and nothing else."""
        self._literals: dict[str, int] = {}
        self._classes: dict[_Class, int] = {}
        self._always = self._once = self._optional = self._repeats = self._ends = self._ends_at_end = 0
        bit = 1
        for alternative in found:
            self._once |= bit
            self._always |= 0 if alternative.at_start else bit
            for item in alternative.items:
                bit <<= 1
                self._optional |= bit if item.optional else 0
                self._repeats |= bit if item.repeats else 0
                if isinstance(item.what, _Class):
                    self._classes[item.what] = self._classes.get(item.what, 0) | bit
                else:
                    for each in self._variants(item.what):
                        self._literals[each] = self._literals.get(each, 0) | bit
            self._ends_at_end |= bit
            self._ends |= 0 if alternative.at_end else bit
            bit <<= 1
        if len(self._classes) > _MOST_CLASSES or sum(
            len(each.ranges) + len(each.kinds) for each in self._classes
        ) > _MOST_MEMBERS:
            raise ValueError(f"the pattern holds too many classes. {_ALLOWED}")

    def _variants(self, character: str) -> tuple[str, ...]:
        if not self.ignores_case:
            return (character,)
        return tuple({each for each in (character, character.lower(), character.upper()) if len(each) == 1})

    def _places(self, character: str) -> int:
        """The places that a character may take."""
        places = 0
        variants = self._variants(character)
        for each in variants:
            places |= self._literals.get(each, 0)
        for what, bits in self._classes.items():
            places |= bits if what.holds(variants) else 0
        return places

    def _skipping(self, state: int) -> int:
        """The state and what is reached from it over optional places; the sum carries through a run of them."""
        entered = (state << 1) & self._optional
        return state | entered | (self._optional & ~(self._optional + entered))

    def search(self, message: str) -> bool:
        """Whether the message holds it, as `re.search` would say."""
        state = self._skipping(self._once)
        cache: dict[str, int] = {}
        last = len(message) - 1 if message.endswith("\n") else -1
        for at, character in enumerate(message):
            if state & self._ends or (at == last and state & self._ends_at_end):
                return True
            places = cache.get(character)
            if places is None:
                places = cache[character] = self._places(character)
            state = self._skipping(((state << 1 | state & self._repeats) & places) | self._always)
        return state & self._ends_at_end != 0


@lru_cache(maxsize=256)
def message_pattern(text: str) -> MessagePattern:
    """Parse a pattern. Raises ValueError that says what is not allowed and what is."""
    return MessagePattern(text)
