"""Which numbers, names and times a sentence claims, and whether given evidence holds them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from bot.evidence.times import TIME, held_time

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
_NUMBER = re.compile(
    r"(?<![\w.])(?P<value>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)\s?(?P<unit>(?:ns|us|µs|ms|s|sec|secs|seconds?|"
    r"milliseconds?|min|mins|minutes?|h|hours?|days?|%|percent|x|times|[kKMG]i?B)(?![A-Za-z]))?"
)
_WORDS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "dozen": 12, "dozens": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100, "hundreds": 100, "thousand": 1_000,
    "thousands": 1_000, "million": 1_000_000, "millions": 1_000_000, "twice": 2, "thrice": 3,
}
_COUNT = re.compile(r"\b(" + "|".join(_WORDS) + r")\b", re.IGNORECASE)
_SECONDS = {
    "ns": Decimal("1e-9"), "us": Decimal("1e-6"), "µs": Decimal("1e-6"), "ms": Decimal("0.001"),
    "millisecond": Decimal("0.001"), "s": Decimal(1), "sec": Decimal(1), "second": Decimal(1), "min": Decimal(60),
    "minute": Decimal(60), "h": Decimal(3600), "hour": Decimal(3600), "day": Decimal(86_400),
}
_RUN = re.compile(r"\w+")
_TRAILING = ".,;:!?"
_MOST_HITS = 200
"""Places of a name that are looked at before it counts as not standing there: hostile text may repeat half a name."""


class Evidence(NamedTuple):
    """What a claim may be held against: quoted text, and facts about what was quoted (paths, names, times).

    `lines` are the cited line numbers; they support "line 12" and no other number, and, as `path:12` in the facts,
    that place. `others` is more evidence of the same kind; no text is held by two pieces together.
    """

    text: str = ""
    facts: str = ""
    lines: frozenset[int] = frozenset()
    others: tuple[Evidence, ...] = ()

    def plus(self, *others: Evidence) -> Evidence:
        """All of it together."""
        return Evidence(others=tuple(piece for each in (self, *others) for piece in each.pieces()))

    def pieces(self) -> Iterator[Evidence]:
        """Each piece by itself."""
        if self.text or self.facts or self.lines:
            yield self._replace(others=())
        for other in self.others:
            yield from other.pieces()


class Weighed(NamedTuple):
    """The claimed pieces of a statement, as they are written, once each; and its words without them."""

    held: tuple[str, ...]
    missing: tuple[str, ...]
    rest: str


def unsupported(statement: str, evidence: Evidence) -> tuple[str, ...]:
    """Return the claimed pieces of `statement` that the evidence does not hold."""
    return weigh(statement, evidence).missing


def weigh(statement: str, evidence: Evidence) -> Weighed:
    """Return which claimed pieces of `statement` the evidence holds.

    Pieces are: quoted and backticked text, places (`path:12`), times, paths, names in code, numbers with their units
    ("7.51 s" is held by "7510ms"; a bare number by the same value with any unit), and number words from two on.
    """
    pieces = tuple(evidence.pieces())
    sources = tuple(text for piece in pieces for text in (piece.text, piece.facts) if text)
    words = frozenset().union(*map(_words, sources)) if sources else frozenset[str]()
    amounts = tuple(_amounts(piece.text) for piece in pieces if piece.text)
    lines = frozenset().union(*(piece.lines for piece in pieces)) if pieces else frozenset[int]()
    held = _Held(sources, words, amounts, {})

    # In this order, each taking its pieces out of what is left for the next.
    kinds: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], bool]], ...] = (
        (_SPAN, lambda match: held.span(_inside(match))),
        (_PLACE, lambda match: held.stands(f"{match.group(1)}:{match.group(2)}")),
        (_LINE, lambda match: all(int(number) in lines or held.printed_line(number)
                                  for number in re.findall(r"\d+", match.group(1)))),
        (TIME, lambda match: held_time(match, sources)),
        (_HYPHENED, lambda match: held.name(match.group(0))),
        (_NAME, lambda match: held.name(match.group(0))),
        (_NUMBER, lambda match: held.amount(_amount(match))),
        (_COUNT, lambda match: held.count(match.group(0))),
    )
    found: dict[bool, dict[str, None]] = {True: {}, False: {}}
    # `client-44` may be a name; where it is none, its parts are judged.
    rest = _PAIRED.sub(lambda match: " " if held.stands(match.group(0)) else match.group(0), statement)
    for pattern, holds in kinds:
        for match in pattern.finditer(rest):
            found[holds(match)][match.group(0).strip()] = None
        rest = pattern.sub(" ", rest)
    return Weighed(tuple(found[True]), tuple(found[False]), rest)


class _Amount(NamedTuple):
    value: Decimal
    unit: str


class _Amounts(NamedTuple):
    """The numbers of a text: all values, those without a unit, those with theirs, and times in seconds."""

    every: frozenset[Decimal]
    bare: frozenset[Decimal]
    with_unit: frozenset[_Amount]
    seconds: frozenset[Decimal]

    def hold(self, claim: _Amount) -> bool:
        scale = _scale(claim.unit) if claim.unit else None
        if scale is not None and claim.value * scale in self.seconds:
            return True
        return claim.value in (self.bare if claim.unit else self.every) or claim in self.with_unit


class _Held(NamedTuple):
    """The evidence, prepared for looking up names; `found` remembers them."""

    sources: tuple[str, ...]
    words: frozenset[str]
    amounts: tuple[_Amounts, ...]
    found: dict[str, bool]

    def amount(self, claim: _Amount) -> bool:
        return any(amounts.hold(claim) for amounts in self.amounts)

    def span(self, span: str) -> bool:
        wanted = span.strip().rstrip(_TRAILING).strip()
        return not wanted or any(wanted in text for text in self.sources) or self.name(wanted)

    def printed_line(self, number: str) -> bool:
        return any(re.search(rf"\bline {number}\b", text) for text in self.sources)

    def count(self, word: str) -> bool:
        return self.stands(word) or self.amount(_Amount(Decimal(_WORDS[word.lower()]), ""))

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
            self.found[wanted] = any(_stands(wanted, _lower(text)) for text in self.sources)
        return self.found[wanted]


@lru_cache(maxsize=2_048)
def _lower(text: str) -> str:
    return text.lower()


@lru_cache(maxsize=2_048)
def _words(text: str) -> frozenset[str]:
    return frozenset(_RUN.findall(_lower(text)))


@lru_cache(maxsize=2_048)
def _amounts(text: str) -> _Amounts:
    found = frozenset(_amount(match) for match in _NUMBER.finditer(text))
    scaled = ((amount.value, _scale(amount.unit)) for amount in found if amount.unit)
    return _Amounts(
        every=frozenset(amount.value for amount in found), with_unit=found,
        bare=frozenset(amount.value for amount in found if not amount.unit),
        seconds=frozenset(value * scale for value, scale in scaled if scale is not None),
    )


def _inside(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None)


def _stands(wanted: str, text: str) -> bool:
    at = text.find(wanted)
    for _ in range(_MOST_HITS):
        if at < 0:
            return False
        end = at + len(wanted)
        if not (at and _is_word(text[at - 1])) and not (end < len(text) and _is_word(text[end])):
            return True
        at = text.find(wanted, at + 1)
    return False


def _is_word(character: str) -> bool:
    return character == "_" or character.isalnum()


def _amount(match: re.Match[str]) -> _Amount:
    unit = (match.group("unit") or "").lower()
    return _Amount(Decimal(match.group("value").replace(",", "")), unit)


def _scale(unit: str) -> Decimal | None:
    return _SECONDS.get(unit) or _SECONDS.get(unit.removesuffix("s"))
