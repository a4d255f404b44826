"""What a sentence says, as far as words tell: word stems, words of one meaning, numbers, opposites, negations.

English alone, and coarse: it serves to tell whether two sentences speak of the same behaviour and agree on it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from bot.audit.evaluating.documented import numbers_in

_WORD = re.compile(r"[A-Za-z]+|\d+(?:\.\d+)?")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_CODES = re.compile(r"\b[1-5]xx\b", re.IGNORECASE)
_LIMIT = re.compile(
    r"\b(?:(?:no |not )?(?:more|larger|longer|greater|bigger|higher) than|at most|up to)\b", re.IGNORECASE)
_CLAUSE = re.compile(r"[,;:()]|\s--?\s|\b(?:and|but|while|which|unless|even if|otherwise)\b")
_STOP = frozenset(re.findall(
    r"\w+",
    "a an the of to in on at by for from with and or is are was were be been it its this that these those as if so do "
    "does did has have had can could will would should must may not no test tests when then than into out over "
    "after before while there their they them he she we our you your i which who whose what where how all any each "
    "also only just more most other own same such too very s t don nor neither cannot never without none but get gets "
    "got"
))
_EMPTY = frozenset(re.findall(r"\w+", "happen work correct proper hold respect behav expect right still actual real"))
"""Stems that say nothing of what happens."""
_MOST_WORDS = 4_000
_NEGATIONS = frozenset(re.findall(r"\w+", "not no never without none cannot neither nor nothing nobody"))
_SHORT_NEGATION = re.compile(r"n['’]t\b")
_ENDS = ("ions", "ion", "ments", "ment", "ness", "ures", "ure", "ings", "ing", "ies", "ied", "ers",
         "er", "edly", "ed", "es", "s", "ly", "al")
_INFLECTIONS = frozenset({"ings", "ing", "ies", "ied", "ed", "es", "s", "ly"})

_ALIKE = (
    "ignore skip drop omit discard disregard",
    "reject refuse raise error forbid deny fail invalid illegal exception disallow abort",
    "accept allow permit valid",
    "remove delete erase purge evict prune forget",
    "blank whitespace space strip trim",
    "around surround lead trail",
    "cap max maximum limit exceed ceiling bound most above beyond over large",
    "min minimum least floor",
    "twice double",
    "order sort",
    "unique distinct deduplicate",
    "duplicate repeat again",
    "reverse backward backwards",
    "change modify mutate alter touch affect effect",
    "keep unchanged preserve retain untouched intact survive",
    "exponential grow",
    "case insensitive lowercase uppercase",
    "matter count",
    "round rounded",
    "start begin first initial",
    "finish end last final",
    "wait delay sleep",
    "every each",
    "unknown unexpected unrecognised unrecognized",
    "include contain",
    "release return give back",
    "close shut stop",
    "zero empty",
    "legacy old deprecated former",
)
_OPPOSITES = (
    ("newest", "oldest"), ("latest", "earliest"), ("first", "last"), ("inclusive", "exclusive"),
    ("ascending", "descending"), ("accept", "reject"), ("keep", "remove"), ("min", "max"), ("true", "false"),
    ("enable", "disable"), ("synchronous", "asynchronous"), ("above", "below"), ("lowercase", "uppercase"),
    ("immediate", "wait"), ("second", "millisecond"), ("second", "minute"), ("optional", "require"), ("open", "close"),
    ("retry", "final"), ("public", "private"), ("left", "right"), ("smallest", "largest"), ("up", "down"),
    ("oldest", "descending"), ("keep", "ignore"), ("include", "exclude"), ("include", "ignore"), ("merge", "replace"),
    ("overwrite", "keep"), ("shared", "separate"), ("sensitive", "insensitive"), ("idempotent", "duplicate"),
)
_FLIPPED = {"accept": "reject", "change": "keep", "include": "ignore", "matter": "ignore", "duplicate": "unique",
            "remove": "keep", "lose": "keep", "lost": "keep"}
"""What the denial of a word comes to."""
_SIDELESS = ("cap", "min", "idempotent", "unique")
"""A limit is told both ways: never more than, at most."""


def without_codes(text: str) -> str:
    """A text without families of status codes (`5xx`), whose digits are no numbers."""
    return _CODES.sub(" ", text)


_IRREGULAR = dict(re.findall(r"(\w+):(\w+)", (
    "kept:keep sent:send lost:lose held:hold gave:give given:give took:take taken:take wrote:write written:write "
    "began:begin begun:begin built:build paid:pay shown:show thrown:throw made:make found:find ran:run "
    "chosen:choose hidden:hide broken:break frozen:freeze met:meet told:tell forgotten:forget")))


def words(text: str) -> list[str]:
    """The words of a text or name in lower case; numbers are words."""
    return [word.lower() for word in _WORD.findall(_CAMEL.sub(" ", text[:_MOST_WORDS].replace("_", " ")))]


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """A word without its endings, so that its forms are one."""
    word = _IRREGULAR.get(word, word)
    for end in _ENDS:
        least = 3 if end in _INFLECTIONS else 4
        if word.endswith(end) and len(word) - len(end) >= least and not word.endswith("ss"):
            word = word[: -len(end)] + ("y" if end in {"ies", "ied"} else "")
            break
    if word.endswith(("isat", "izat")):
        word = word[:-2]
    if word.endswith("e") and len(word) > 3:
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


_MEANING = {stem(word): stem(group.split()[0]) for group in _ALIKE for word in group.split()}
_AGAINST: dict[str, set[str]] = {}
for _one, _other in _OPPOSITES:
    _AGAINST.setdefault(stem(_one), set()).add(stem(_other))
    _AGAINST.setdefault(stem(_other), set()).add(stem(_one))
_DENIED = {stem(word): stem(other) for word, other in _FLIPPED.items()}
_BOTH_WAYS = frozenset(map(stem, _SIDELESS))
_STEMS_OF_STOP = frozenset(map(stem, _STOP))


@lru_cache(maxsize=16_384)
def meaning(word: str) -> str:
    """What a word stands for: the number that it writes out, its group's first word, or its stem."""
    number = numbers_in(word) if word.isalpha() else frozenset()
    if len(number) == 1:
        return f"{next(iter(number)):g}"
    bare = stem(word)
    return _MEANING.get(bare, bare)


@lru_cache(maxsize=8_192)
def stems(text: str) -> tuple[str, ...]:
    """The stems of all words of a text."""
    return tuple(stem(word) for word in words(text))


@lru_cache(maxsize=8_192)
def content(text: str) -> tuple[str, ...]:
    """The meanings of the words of a text that say something."""
    return tuple(meaning(word) for word in words(text) if word not in _STOP and stem(word) not in _EMPTY)


def says_something(stems_of: set[str]) -> int:
    """How many of some stems are no mere function words."""
    return len(stems_of - _STEMS_OF_STOP)


@dataclass(frozen=True)
class Clause:
    """A part of a sentence: its meanings, and whether it denies them."""

    meanings: frozenset[str]
    denied: bool


@lru_cache(maxsize=8_192)
def clauses(text: str) -> tuple[Clause, ...]:
    """The clauses of a sentence, with what their denials come to."""
    return tuple(_clause(part) for part in _CLAUSE.split(text.replace("_", " ")) if part.strip())


def _clause(text: str) -> Clause:
    text = _LIMIT.sub(" maximum ", without_codes(text))
    there = words(text)
    denied = bool(_NEGATIONS & set(there)) or bool(_SHORT_NEGATION.search(text))
    found = {meaning(word) for word in there if word not in _STOP}
    found |= {f"{number:g}" for number in numbers_in(text)}
    flipped = {word: _DENIED[word] for word in found if word in _DENIED} if denied else {}
    meant = found - set(flipped) | set(flipped.values())
    return Clause(frozenset(meant), denied and not flipped)


def counts_otherwise(one: str, other: str) -> bool:
    """Whether both texts name numbers above 1, and none in common."""
    mine, theirs = ({word for part in clauses(text) for word in part.meanings if word.replace(".", "").isdigit()
                     and float(word) > 1} for text in (one, other))
    return bool(mine and theirs) and not mine & theirs


def oppose(one: str, other: str) -> bool:
    """Whether one text has a word whose opposite, and not itself, the other has."""
    mine, theirs = set(stems(one)), set(stems(other))
    mine_meant, theirs_meant = {_MEANING.get(item, item) for item in mine}, {_MEANING.get(i, i) for i in theirs}
    for word in mine | mine_meant:
        for against in _AGAINST.get(word, ()):
            if against in theirs | theirs_meant and word not in theirs | theirs_meant and (
                    against not in mine | mine_meant):
                return True
    return False


def agree(phrase: str, sentence: str, known: frozenset[str], *, is_name: bool) -> int:
    """How many words of a phrase a sentence says, where it speaks of the same behaviour and to the same effect; else 0.

    A test's name (`is_name`) tells at its end what shall hold, and the sentence has to have that. `known` are words
    that name the code itself and so say nothing of what it does.
    """
    parts = clauses(sentence)
    there = {word for part in parts for word in part.meanings}
    named = tuple(dict.fromkeys(content(phrase)))
    if _NEGATIONS & set(words(phrase)):
        named = tuple(_DENIED.get(word, word) for word in named)
    said = [word for word in named if word not in known]
    met = [word for word in said if word in there]
    if not met or (is_name and (said[-1] not in there or (len(said) == 1 and named[-1] != said[0]))):
        return 0
    least = 0.5 if is_name else 0.6 if said[-1] in there else 0.75
    if len(met) < max(min(len(said), 2) if is_name else 3, least * len(said)):
        return 0
    if {word for word in said if word.replace(".", "").isdigit() and float(word) > 1} - there:
        return 0
    last = met[-1]
    if last not in _BOTH_WAYS and not {part.denied for part in parts if last in part.meanings} & {
            part.denied for part in clauses(phrase) if last in part.meanings}:
        return 0
    return 0 if oppose(phrase, sentence) else len(met)
