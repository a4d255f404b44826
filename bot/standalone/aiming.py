"""Which behaviours of the code the title of a test names, so that they can be taken away. Pure.

Words tell: a title that says what happens and to what, and code where that happens to just that, belong together.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from bot.audit.vacuity.phrases import clauses, content, stems, words
from bot.proof.removals import Described, Removal, Sort
from bot.standalone.choosing import GreenTest
from bot.standalone.claims import Claims

MOST_AIMS = 6
MOST_MEANT = 3
_DISTINCT = 0.25
_FEW = 3
_LEAST = 1.5
_RIVAL = 0.75
_DENIALS = frozenset(stems(
    "not no never without none cannot neither nor nothing unaffected allow allowed accept accepted keep kept pass "
    "passes ok okay succeed succeeds success valid normal within under below still default unchanged unlimited "
    "exactly boundary only first different distinct separate other may can could optional another others"
))
"""What in a title makes it doubtful that the behaviour it names is to be seen to happen."""
_STATES = frozenset({"hidden", "lost", "broken", "invalid", "unsorted", "old"})
_IS = frozenset({"is", "are", "was", "were", "gets", "becomes"})


@dataclass(frozen=True)
class Aim:
    """A behaviour that a title names. `certain`: it says both what happens and to what, and the code does, too.

    `likely` is what could be said so of, but for what the code leaves open.
    """

    removal: Removal
    certain: bool
    likely: bool
    score: float


@dataclass(frozen=True)
class Title:
    """What a title says: the meanings of the test's name, of what stands beside it, and what makes it doubtful.

    `state` is what its name says of how things were before: a dropped connection is noticed.
    """

    name: frozenset[str]
    state: frozenset[str]
    beside: frozenset[str]
    doubtful: frozenset[str]


@dataclass(frozen=True)
class Vocabulary:
    """In how many of the functions of the code each meaning stands, and how many there are."""

    counts: Counter[str]
    functions: int

    def weight(self, meaning: str) -> float:
        """How much a meaning distinguishes one place of the code from others."""
        return math.log(1 + self.functions / (1 + self.counts[meaning]))

    def is_rare(self, meaning: str) -> bool:
        """Whether few functions speak of it."""
        return self.counts[meaning] <= max(_FEW, _DISTINCT * self.functions)

    def rare_names(self, function: str) -> frozenset[str]:
        """The telling words of a function's own name."""
        return frozenset(word for word in _meanings(function.rpartition(".")[2]) if self.is_rare(word))


def vocabulary(functions: Iterable[Described]) -> Vocabulary:
    """What the functions of the code speak of."""
    counts: Counter[str] = Counter()
    number = 0
    for one in functions:
        number += 1
        counts.update({*_meanings(one.text), *(word for each in one.removals for word in _meanings(each.own))})
    return Vocabulary(counts, number)


def aims(test: GreenTest, claims: Claims, functions: Iterable[Described], known: Vocabulary) -> tuple[Aim, ...]:
    """The behaviours that the title of a test names among those that it came by, the best first, at most 6."""
    title = _title(test, claims)
    found = []
    for function in functions:
        if function.key not in test.reached:
            continue
        lines = test.lines.get(function.key.partition("::")[0], frozenset()) if test.lines else None
        where = _meanings(function.text)
        for removal in function.removals:
            if lines is not None and not any(
                    line in lines for line in range(removal.lines[0], removal.lines[1] + 1)):
                continue
            aim = _aim(removal, where, title, known)
            if aim is not None:
                found.append(aim)
    found.sort(key=lambda one: (-one.certain, -one.likely, -one.score, one.removal.path, one.removal.start))
    meant = [one for one in found if one.certain] or [one for one in found if one.likely]
    rivals = [one for one in found if one not in meant and meant and one.score >= _RIVAL * meant[0].score
              and not any(_is_part(one.removal, other.removal) for other in meant)]
    return (*meant[:MOST_MEANT], *rivals[:MOST_AIMS - MOST_MEANT])


def _is_part(one: Removal, other: Removal) -> bool:
    return one.path == other.path and other.start <= one.start and one.end <= other.end


def _aim(removal: Removal, where: frozenset[str], title: Title, known: Vocabulary) -> Aim | None:
    own, branch, effect = _meanings(removal.own), _meanings(removal.branch), _meanings(removal.effect)
    said = title.name
    happens = (said - title.state) & effect
    direct = {word for word in said if _stands(word, own) and known.is_rare(word)}
    to_what = direct | {word for word in said & branch if known.is_rare(word)}
    there = said & where
    literally = (happens & direct) - _meanings("reject")  # each raise says `Error`
    score = (
        sum(map(known.weight, direct)) + 0.6 * sum(map(known.weight, to_what - direct)) + 1.2 * len(happens)
        + 0.3 * sum(map(known.weight, there - to_what))
        + 0.2 * sum(map(known.weight, title.beside & (own | branch | where)))
    )
    if not (happens or direct) or score < _LEAST:
        return None
    # Both what happens and to what; or what happens in so many words; or, of what is done once, in the function named.
    linked = bool(happens) and (
        bool(to_what - happens) or bool(literally) or (len(happens) > 1 and removal.sort is Sort.HANDLER)
        or (removal.sort is Sort.ONCE and bool(there & known.rare_names(removal.function))))
    # A title that says much besides is about something else.
    whole = len(said & (own | branch | effect | where) | direct) > len(said) / 2 or bool(literally)
    doubted = title.doubtful - {*stems(removal.effect)}
    certain = linked and whole and not doubted and not removal.either and not (removal.loose and not happens)
    return Aim(removal, certain, linked and not doubted, score)


def _stands(word: str, own: frozenset[str]) -> bool:
    """Whether a word stands in a text, or what it is the contrary of: inactive, active."""
    return word in own or any(
        word.startswith(prefix) and word.removeprefix(prefix) in own and len(word) - len(prefix) > _FEW
        for prefix in ("in", "un", "non", "dis"))


def _state(name: list[str]) -> frozenset[str]:
    """The meanings of participles that only describe the subject: the first word, and those before `is`."""
    bare = name[1:] if name[:1] == ["test"] else name
    verb = next((at for at, word in enumerate(bare) if word in _IS), 1 if len(bare) > 1 else 0)
    told = [word for word in bare[:verb] if word.endswith("ed") or word in _STATES]
    return _meanings(" ".join(told)) - _meanings(" ".join(bare[verb:]))


def _title(test: GreenTest, claims: Claims) -> Title:
    *classes, name = test.id.partition("::")[2].split("::")
    said = _meanings(name)
    doubtful = frozenset(stems(name)) & _DENIALS
    around = {*stems(" ".join(classes))}
    if around & {*stems("not no never without")} or any(clause.denied for clause in clauses(name.replace("_", " "))):
        doubtful |= {"not"}
    return Title(said, _state(words(name)), _meanings(" ".join((*classes, claims.docstring))) - said, doubtful)


@lru_cache(maxsize=16_384)
def _meanings(text: str) -> frozenset[str]:
    return frozenset(content(text)) | ({"only"} & {*stems(text)})
