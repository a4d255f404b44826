"""What a statement says that its own quotes speak against: a number's label, an order in code, a denial.

Each rule asks for so much that an honest sentence is not met by chance; what it does not understand, it lets pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from bot.evidence.times import LATENESS
from bot.evidence.words import STOP, statement_terms, terms

_LABELLED = re.compile(r"\b([A-Za-z]{3,})(?: |=|: ?)(\d+(?:\.\d+)?)(?![\w-]|\.\d|:\d)")
_NO_LABELS = STOP - {"due"}
_CODE = re.compile(r"`([^`]+)`|\b([A-Za-z_]\w*(?:\.\w+)+|[A-Za-z]+_\w+)\b")
_ORDER = re.compile(r"\b(before|after)\b(?! (?:that|this|which)\b)")
_MOST_BETWEEN = 40
_WINDOW = 30
_LATER = re.compile(r"create_task|ensure_future|call_(?:soon|later|at)|add_done_callback|Thread\(|Process\(|\bsubmit\(|"
                    r"\blambda\b|\bdefer\b|\bpartial\(|atexit")
"""What a line only arranges to be run: its order in the text is not that of the run."""
_DENIAL = re.compile(r"\b(?:not|never|\w+n't)\s+(?:been |being |be |ever |actually )?([a-z]{4,})", re.IGNORECASE)
_NOT_NAMED = re.compile(r"(?:(?<![a-z])not_|Not(?=[A-Z]))([A-Za-z][a-z]{3,})")
_NEGATED = re.compile(r"\b(?:not?|nor|neither|never|nothing|nobody|none|without|cannot|unable|\w+n't)\b", re.IGNORECASE)
_WISHED = re.compile(r"\b(?:should|must|ought|would|could|might|may|if|unless|whether|instead|rather|than|assum\w*|"
                     r"expect\w*)\b", re.IGNORECASE)
_MISSED = re.compile(r"\b(?:only|before|until|yet|too|fail\w*|refus\w*|miss\w*|lack\w*|stop\w*)\b", re.IGNORECASE)
"""These make a clause say something else than that it is so."""
_CLAUSE = re.compile(r"[.,;:!?–]\s|\n")
_PLAIN = re.compile(r"(?<![\w.`'\"-])[A-Za-z][a-z]{3,}(?![\w(`'\"-]|\.\w)")


class CodeLine(NamedTuple):
    """A line of code, without its comments, and the function in which it stands."""

    path: str
    function: str
    line: int
    text: str


def mislabelled(statement: str, quotes: Iterable[str]) -> str:
    """Why a number stands with the wrong word: the quotes have the word, with other numbers, and this number, with
    another word. Empty when none does.
    """
    known: dict[str, set[Decimal]] = {}
    for quote in quotes:
        for label, value in _labels(quote):
            known.setdefault(label, set()).add(value)
    for label, value in _labels(statement):
        beside = sorted(other for other, values in known.items() if other != label and value in values)
        if beside and label in known and value not in known[label]:
            return f"It says “{label} {value}”, and in its quotes this number stands with “{beside[0]}”."
    return ""


def misordered(statement: str, lines: Sequence[CodeLine]) -> str:
    """Why "`a` before `b`" (or after) is wrong: each stands on one line of one function, and the other way round.

    Empty when it is not.
    """
    # A line that is given twice is one line.
    known = tuple({(line.path, line.line): line for line in lines}.values())
    only = cache(lambda name: _only(name, known))
    for one, other in pairwise(_CODE.finditer(statement)):
        between = statement[one.end():other.start()]
        word = _ORDER.search(between)
        around = statement[max(0, one.start() - _WINDOW):other.start()]
        if word is None or len(between) > _MOST_BETWEEN or re.search(r"[.;:\n]", between) \
                or _NEGATED.search(around) or _WISHED.search(around):
            continue
        left, right = only(_name(one)), only(_name(other))
        if left is None or right is None or left.line == right.line \
                or (left.path, left.function) != (right.path, right.function):
            continue
        if (left.line < right.line) != (word.group() == "before"):
            return (f"It has the order of {left.path} the wrong way round: `{_name(one)}` stands on line {left.line}, "
                    f"`{_name(other)}` on line {right.line}.")
    return ""


def denied(statement: str, logged: Sequence[str], others: str) -> str:
    """Why a statement says the opposite of a cited entry; empty when it does not.

    It denies a word that a quote has without "not" (`not dropped`, and "dropped"), or has, without one, a word that a
    quote denies. `others` is what else it may mean: with the word in that, nothing is said against it.
    """
    for match in _DENIAL.finditer(statement):
        word = terms(match.group(1))
        rest = f"{statement[:match.start()]} {statement[match.end():]}"
        if LATENESS.match(statement, match.start()) or not word or word & (terms(others) | statement_terms(rest)):
            continue
        if any(word & terms(quote) and not _NEGATED.search(quote) for quote in logged):
            return f"It says “{match.group()}”, and the entry that it cites says the opposite."
    asserted = _asserted(statement) - terms(_affirming("\n".join((others, *logged))))
    for quote in logged:
        for match in _DENIAL.finditer(quote):
            if terms(match.group(1)) & asserted:
                return f"The entry that it cites says “{match.group()}”, and it says the opposite."
    return ""


def denied_terms(text: str) -> frozenset[str]:
    """The terms of the words that stand after a "not", in a name as well: of "found" in "not found" and `NotFound`."""
    return frozenset().union(*(terms(word) for pattern in (_DENIAL, _NOT_NAMED) for word in pattern.findall(text)))


@lru_cache(maxsize=2_048)
def _labels(text: str) -> tuple[tuple[str, Decimal], ...]:
    return tuple((label.lower(), Decimal(value)) for label, value in _LABELLED.findall(text)
                 if label.lower() not in _NO_LABELS)


def _name(match: re.Match[str]) -> str:
    return (match.group(1) or match.group(2)).strip().removesuffix("()")


def _only(name: str, lines: Sequence[CodeLine]) -> CodeLine | None:
    """The line that a name stands on, if there is one and it runs where it stands."""
    whole = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    found = [line for line in lines if name in line.text and whole.search(line.text)]
    return found[0] if len(found) == 1 and not _LATER.search(found[0].text) else None


def _affirming(text: str) -> str:
    """A text without the words that it denies."""
    return _NOT_NAMED.sub(" ", _DENIAL.sub(" ", text))


def _asserted(statement: str) -> frozenset[str]:
    """The terms of the words, but not of names, in clauses that say that something is so."""
    clauses = (clause for clause in _CLAUSE.split(statement)
               if not any(other.search(clause) for other in (_NEGATED, _WISHED, _MISSED)))
    return frozenset().union(*(terms(plain) for clause in clauses for plain in _PLAIN.findall(clause)))
