"""Which numbers, names and times a sentence claims, and whether given evidence holds them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from bot.evidence.amounts import COUNT, NUMBER, NUMBER_WORDS, Amount, Amounts, amount_of, amounts
from bot.evidence.times import TIME, held_time
from bot.evidence.words import STOP

_SPAN = re.compile(r"`([^`]+)`|\"([^\"]+)\"|“([^”]+)”|(?<!\w)'([^'\n]{2,})'(?!\w)")
_PLACE = re.compile(r"(?<![\w/.-])((?:[\w.-]+/)*[\w-][\w.-]*\.\w+):(\d+)\b(?!:)")
_LINE = re.compile(r"\blines?\s+(\d+(?:(?:\s*(?:-|–|,|to|and)\s*)+\d+)*)", re.IGNORECASE)
_NAME = re.compile(
    r"/?(?=[\w/-]*[._\d]|[\w.-]*/[\w.-]*/)[\w.-]*\w(?:/[\w.-]*\w)+"  # a/path.py, but not "and/or"
    r"|(?!\b[a-zA-Z]\.[a-zA-Z]\b)\b[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+"  # a.dotted.name, file.py, but not "e.g."
    r"|\b\w*[A-Za-z0-9]_\w+|\b_\w+"                  # snake_case, _private
    r"|(?!\b[kKMGT]i?B\b)(?:\b[A-Z]+[a-z0-9]+[A-Z]\w*|\b[a-z]+[A-Z]\w*)"  # CamelCase, camelCase, but no unit
    r"|\b(?=\w*\d)(?=\w*[A-Za-z])(?=[0-9a-f]{7,}\b)[0-9a-f]+"  # a hash or an id
    r"|\b[A-Za-z]+\w*\d\w*"                          # E3, v2, sha256
    r"|\b[A-Za-z_]\w*(?=\(\))"                       # call()
)
_HYPHENED = re.compile(r"(?<![\w-])(?=[\w-]*\d)[A-Za-z]\w*(?:-\w+){2,}(?![\w-])")  # a-revision-00042-zud
_PAIRED = re.compile(r"(?<![\w-])(?=[\w-]*\d)[A-Za-z]\w*-\w+(?![\w-])")  # client-44
_PROTOCOLS = frozenset({"websocket", "websockets", "grpc", "oauth", "oauth2", "ipv4", "ipv6", "http2", "base64"})
"""Words of the trade that are written like names in code, and name nothing there."""
_PROPER = re.compile(r"(?:(?<=[a-z0-9,;:'’)] )|(?<=\0  ))[A-Z][a-z]{2,}(?![\w/-])")
"""A name with a capital letter in mid-sentence: somebody, a product, a place, a day."""
_TRADE = frozenset({"cloud", "google", "linux", "python", "run"})
"""Names that nobody has to quote."""
_RUN = re.compile(r"\w+")
_TRAILING = ".,;:!?"
_TAKEN = " \0 "
"""Stands where a piece was taken out."""
_MOST_HITS = 200
"""Places of a name that are looked at before it counts as not standing there: hostile text may repeat half a name."""


class Evidence(NamedTuple):
    """What a claim may be held against: quoted text, and facts about what was quoted (paths, names, times).

    `lines` are the cited line numbers; they support "line 12" and no other number, and, as `path:12` in the facts,
    that place. `counts` are how many of something were quoted; they support number words. `others` is more evidence of
    the same kind; no text is held by two pieces together.
    """

    text: str = ""
    facts: str = ""
    lines: frozenset[int] = frozenset()
    counts: frozenset[int] = frozenset()
    others: tuple[Evidence, ...] = ()

    def plus(self, *others: Evidence) -> Evidence:
        """All of it together."""
        return Evidence(others=tuple(piece for each in (self, *others) for piece in each.pieces()))

    def pieces(self) -> Iterator[Evidence]:
        """Each piece by itself."""
        if self.text or self.facts or self.lines or self.counts:
            yield self._replace(others=())
        for other in self.others:
            yield from other.pieces()


class Weighed(NamedTuple):
    """The claimed pieces of a statement, as they are written, once each; and its words without them.

    A name with a capital letter may be missing. Where it is not, it is a word like any other.
    """

    held: tuple[str, ...]
    missing: tuple[str, ...]
    rest: str


def unsupported(statement: str, evidence: Evidence) -> tuple[str, ...]:
    """Return the claimed pieces of `statement` that the evidence does not hold."""
    return weigh(statement, evidence).missing


def weigh(statement: str, evidence: Evidence) -> Weighed:
    """Return which claimed pieces of `statement` the evidence holds.

    Pieces are: quoted and backticked text, places (`path:12`), times, paths, names in code, numbers with their units
    ("7.51 s" is held by "7510ms"; a bare number by the same value with any unit), number words from two on, and words
    with a capital letter in mid-sentence (held, in either case, by a word that they are part of).
    """
    pieces = tuple(evidence.pieces())
    sources = tuple(text for piece in pieces for text in (piece.text, piece.facts) if text)
    words = frozenset().union(*map(_words, sources)) if sources else frozenset[str]()
    lines = frozenset().union(*(piece.lines for piece in pieces)) if pieces else frozenset[int]()
    counts = frozenset().union(*(piece.counts for piece in pieces)) if pieces else frozenset[int]()
    held = _Held(sources, words, tuple(amounts(piece.text) for piece in pieces if piece.text), counts, {})

    # In this order, each taking its pieces out of what is left for the next.
    kinds: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], bool]], ...] = (
        (_SPAN, lambda match: held.span(_inside(match))),
        (_PLACE, lambda match: held.stands(f"{match.group(1)}:{match.group(2)}")),
        (_LINE, lambda match: all(int(number) in lines or held.printed_line(number)
                                  for number in re.findall(r"\d+", match.group(1)))),
        (TIME, lambda match: held_time(match, sources)),
        (_HYPHENED, lambda match: held.name(match.group(0))),
        (_NAME, lambda match: held.name(match.group(0))),
        (NUMBER, lambda match: held.amount(amount_of(match))),
        (COUNT, held.count),
    )
    found: dict[bool, dict[str, None]] = {True: {}, False: {}}
    # `client-44` may be a name; where it is none, its parts are judged.
    rest = _PAIRED.sub(lambda match: _TAKEN if held.stands(match.group(0)) else match.group(0), statement)
    for pattern, holds in kinds:
        for match in pattern.finditer(rest):
            found[holds(match)][match.group(0).strip()] = None
        rest = pattern.sub(_TAKEN, rest)
    named = (match.group(0) for match in _PROPER.finditer(rest))
    missing = dict.fromkeys((*found[False], *(name for name in named if not held.proper(name))))
    return Weighed(tuple(found[True]), tuple(missing), rest)


class _Held(NamedTuple):
    """The evidence, prepared for looking up names; `found` remembers them."""

    sources: tuple[str, ...]
    words: frozenset[str]
    amounts: tuple[Amounts, ...]
    counts: frozenset[int]
    found: dict[str, bool]

    def amount(self, claim: Amount) -> bool:
        return any(amounts.hold(claim) for amounts in self.amounts)

    def span(self, span: str) -> bool:
        wanted = span.strip().rstrip(_TRAILING).strip()
        # A number between quotation marks is a number, and no piece of any other.
        if number := NUMBER.fullmatch(wanted):
            return self.amount(amount_of(number))
        if word := COUNT.fullmatch(wanted):
            return self.count(word)
        return not wanted or any(_stands(wanted, text, _splits_number) for text in self.sources) or self.name(wanted)

    def printed_line(self, number: str) -> bool:
        return any(re.search(rf"\bline {number}\b", text) for text in self.sources)

    def count(self, match: re.Match[str]) -> bool:
        number = NUMBER_WORDS[match.group("word").lower()]
        counted = number in self.counts and match.group("measure") is None
        return counted or self.stands(match.group("word")) or self.amount(Amount(Decimal(number)))

    def proper(self, name: str) -> bool:
        wanted = name.lower()
        if wanted in STOP or wanted in _TRADE or wanted in _PROTOCOLS or wanted in self.words:
            return True
        if wanted not in self.found:
            part = wanted.removesuffix("s")
            self.found[wanted] = any(part in _lower(text) for text in self.sources)
        return self.found[wanted]

    def name(self, name: str) -> bool:
        bare = name.rstrip(_TRAILING).removesuffix("()").strip("/")
        if not bare or bare.lower() in _PROTOCOLS or self.stands(bare):
            return True
        if re.fullmatch(r"[A-Z]\w*[a-z]s", bare) and self.stands(bare[:-1]):
            return True
        # A module's name and its path are one name: a.b.c, a/b/c, a/b/c.py.
        other = bare.removesuffix(".py").replace("/", ".") if "/" in bare else bare.replace(".", "/")
        if other != bare and self.stands(other):
            return True
        parts = bare.split(".")
        return len(parts) > 1 and "/" not in bare and all(part and self.stands(part) for part in parts)

    def stands(self, name: str) -> bool:
        """Whether a name stands in the evidence as a whole word, in either case."""
        wanted = name.lower()
        runs = _RUN.findall(wanted)
        if not all(run in self.words for run in runs):
            return False
        if len(runs) == 1 and runs[0] == wanted:
            return True
        if wanted not in self.found:
            self.found[wanted] = any(_stands(wanted, _lower(text), _splits_word) for text in self.sources)
        return self.found[wanted]


@lru_cache(maxsize=2_048)
def _lower(text: str) -> str:
    return text.lower()


@lru_cache(maxsize=2_048)
def _words(text: str) -> frozenset[str]:
    return frozenset(_RUN.findall(_lower(text)))


def _inside(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None)


def _stands(wanted: str, text: str, splits: Callable[[str, str], bool]) -> bool:
    """Whether a text stands in another one where no edge of it, by the characters outside and inside, splits a word."""
    at = text.find(wanted)
    for _ in range(_MOST_HITS):
        if at < 0:
            return False
        end = at + len(wanted)
        if not (at and splits(text[at - 1], text[at])) and not (end < len(text) and splits(text[end], text[end - 1])):
            return True
        at = text.find(wanted, at + 1)
    return False


def _splits_word(outside: str, inside: str) -> bool:
    return _is_word(outside)


def _splits_number(outside: str, inside: str) -> bool:
    return outside.isdigit() and inside.isdigit()


def _is_word(character: str) -> bool:
    return character == "_" or character.isalnum()
