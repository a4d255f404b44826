"""Whether a why says something new: other words, and at least one quote that no earlier why cites."""

from __future__ import annotations

import re
from typing import NamedTuple

from bot.domain.evidence import CodeCitation
from bot.evidence.supports import Cited
from bot.evidence.words import fold_digits, same_claim, statement_terms

MOST_ALIKE = 0.8
"""Part of the smaller of two statements' terms that may stand in the other one."""
MOST_ALIKE_ON_SAME = 0.5
"""The same for two whys with the same quotes."""
_BECAUSE = re.compile(r"\b(?:because(?: of)?|due to|caused by|owing to|as a result of|since|as)\b", re.IGNORECASE)
_LEAST_HALF = 2
_CONSEQUENCE = re.compile(r"[:;]\s|,? (?:so that|so|therefore|which)\b")


class Told(NamedTuple):
    """An accepted why: its terms, those before "because" and of the cause after it, and its quotes."""

    whole: frozenset[str]
    effect: frozenset[str]
    cause: frozenset[str]
    supports: tuple[Cited, ...]


def told(statement: str, supports: tuple[Cited, ...]) -> Told:
    """Take a statement apart. The cause ends where a consequence begins: ", so …", ", which …"."""
    word = _BECAUSE.search(statement)
    before = statement_terms(statement[:word.start()]) if word else frozenset[str]()
    cause = _CONSEQUENCE.split(statement[word.end():])[0] if word else ""
    return Told(statement_terms(statement), before, statement_terms(cause), supports)


def nothing_new(this: Told, earlier: list[Told]) -> str:
    """Why a why adds nothing to the earlier ones; empty when it does. Only what it uses counts, so no comment."""
    for number, other in enumerate(earlier, 1):
        if same_claim(this.whole, other.whole) >= MOST_ALIKE:
            return f"It says the same as why {number}."
        if _turned(this, other):
            return f"It goes in a circle: it explains why {number} by what that one explains."
    old = [support for other in earlier for support in other.supports]
    if all(any(_same_quote(support, other) for other in old) for support in this.supports):
        for number, other in enumerate(earlier, 1):
            same = all(any(_same_quote(support, cited) for cited in other.supports) for support in this.supports)
            if same and same_claim(this.whole, other.whole) >= MOST_ALIKE_ON_SAME:
                return f"It says the same as why {number}."
        return "It cites nothing new: all its quotes are cited by an earlier why."
    return ""


def _turned(this: Told, other: Told) -> bool:
    """A because B, and then B because A; or a cause that is what an earlier why set out to explain."""
    def alike(one: frozenset[str], another: frozenset[str]) -> bool:
        return min(len(one), len(another)) >= _LEAST_HALF and same_claim(one, another) >= MOST_ALIKE
    if alike(this.cause, other.effect):
        return True
    return not this.effect and alike(this.whole, other.effect)


def _same_quote(one: Cited, other: Cited) -> bool:
    """Overlapping text at the same place. An entry that reads the same, digits aside, is the same place."""
    left, right = one.citation, other.citation
    if isinstance(left, CodeCitation) or isinstance(right, CodeCitation):
        same = (isinstance(left, CodeCitation) and isinstance(right, CodeCitation)
                and (left.path, left.line) == (right.path, right.line))
        return same and _overlap(one.running.strip(), other.running.strip(), None)
    if one.entry is None or other.entry is None:
        return False
    text = fold_digits(one.entry.text)
    if one.entry != other.entry and text != fold_digits(other.entry.text):
        return False
    return _overlap(fold_digits(left.quote), fold_digits(right.quote), text)


def _overlap(left: str, right: str, text: str | None) -> bool:
    if left in right or right in left:
        return True
    if text is None:
        return _share_end(left, right) or _share_end(right, left)
    first, second = text.find(left), text.find(right)
    return first < second + len(right) and second < first + len(left)


def _share_end(left: str, right: str) -> bool:
    """Whether the end of one is the beginning of the other, by enough to be the same text."""
    return any(left.endswith(right[:size]) for size in range(min(len(left), len(right)), 7, -1))
