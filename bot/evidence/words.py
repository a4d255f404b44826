"""The words of a text that tell something: as rough stems, names by their parts, without little words."""

from __future__ import annotations

import re
from functools import lru_cache

_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")
_WORD = re.compile(r"[^\W_]+")
_DIGITS = str.maketrans("123456789", "000000000")
_TELL_NOTHING = (
    # Little words.
    "a about above after again all already also although always an and any are as at away be became because become "
    "becomes been before being below between both but by can cannot comes could did do does doing done down due each "
    "either else ends enough even ever every few first for from further gave get gets give given gives go goes had "
    "has have having hence her here his how however i if in indeed instead into is it its itself just kept last later "
    "less let lets made make makes many may me might more most much must my neither never no none nor not nothing now "
    "of off often on once one only onto or other others our out over own per quite rather same seen shall she should "
    "shows since so some soon still such than that the their them then there therefore these they thing things this "
    "those though through thus to too took under until up upon us very via was way we well were "
    "what when where whereas whether which while who whom whose why will with within without would yet you your "
    # What every incident has, so that it tells nothing.
    "appears caused causes code effect error errors exception file happen happened happens incident issue line lines "
    "log logged logs mean means problem reason result service shown system why "
    # What every program has.
    "args async await class def elif else except false finally import kwargs lambda null pass return self true try "
    "yield"
)
STOP = frozenset(_TELL_NOTHING.split())
"""Words, lower-cased, that tell nothing."""
_ENDINGS = ("ness", "ment", "ings", "ions", "able", "ing", "ion", "ure", "ers", "ors", "ied", "ies", "ed", "er", "or",
            "es", "ly", "al", "s", "e")
_LEAST_NUMBER = 3
_LEAST_STEM = 3
_MOST_STEM = 6


def fold_digits(text: str) -> str:
    """A text in which every digit is a zero: two that differ in digits alone read alike."""
    return text.translate(_DIGITS)


@lru_cache(maxsize=1_024)
def terms(text: str) -> frozenset[str]:
    """The stems of the words of a text and of the parts of its names, without those that tell nothing; and numbers."""
    words = {word for word in _WORD.findall(text) if word.lower() not in STOP}
    return statement_terms(text) | {term for term in map(_stem, map(str.lower, words)) if _tells(term)}


@lru_cache(maxsize=1_024)
def statement_terms(text: str) -> frozenset[str]:
    """As `terms`, each word once: a name of several parts is its parts."""
    return frozenset().union(*map(_parts, set(_WORD.findall(text))))


def same_claim(one: frozenset[str], other: frozenset[str]) -> float:
    """How much of the smaller of two sets of terms stands in the other one, 0 to 1."""
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0


@lru_cache(maxsize=16_384)
def _parts(word: str) -> frozenset[str]:
    if word.lower() in STOP:
        return frozenset()
    stems = (_stem(part.lower()) for part in _PART.findall(word) if part.lower() not in STOP)
    return frozenset(stem for stem in stems if _tells(stem))


def _tells(term: str) -> bool:
    return len(term) > 1 or term.isdigit()


@lru_cache(maxsize=16_384)
def _stem(word: str) -> str:
    while word.endswith(_ENDINGS):
        ending = next((end for end in _ENDINGS if word.endswith(end) and len(word) - len(end) >= _LEAST_STEM), "")
        if not ending:
            break
        word = word.removesuffix(ending)
    if len(word) > _LEAST_STEM and word[-1] == word[-2]:
        word = word[:-1]
    if word.endswith("y"):
        word = f"{word[:-1]}i"
    return word[:_MOST_STEM]
