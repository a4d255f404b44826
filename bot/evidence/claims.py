"""Which numbers, names and times a sentence claims, and whether given evidence holds them."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

_SPAN = re.compile(r"`([^`]+)`|\"([^\"]+)\"|“([^”]+)”|(?<!\w)'([^'\n]{2,})'(?!\w)")
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|(?<![\w:.])\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?![\w:])"
)
_LINE = re.compile(r"\blines?\s+(\d+)", re.IGNORECASE)
_NAME = re.compile(
    r"/?(?=[\w/-]*[._\d]|[\w.-]*/[\w.-]*/)[\w.-]*\w(?:/[\w.-]*\w)+"  # a/path.py, but not "and/or"
    r"|(?!\b[a-zA-Z]\.[a-zA-Z]\b)\b[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+"  # a.dotted.name, file.py, but not "e.g."
    r"|\b\w*[A-Za-z0-9]_\w+|\b_\w+"                  # snake_case, _private
    r"|\b[A-Z]+[a-z0-9]+[A-Z]\w*|\b[a-z]+[A-Z]\w*"   # CamelCase, camelCase
    r"|\b(?=\w*\d)(?=\w*[A-Za-z])(?=[0-9a-f]{7,}\b)[0-9a-f]+"  # a hash or an id
    r"|\b[A-Za-z]+\w*\d\w*"                          # E3, v2, sha256
    r"|\b[A-Za-z_]\w*(?=\(\))"                       # call()
)
_NUMBER = re.compile(
    r"(?<![\w.])(?P<value>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)\s?(?P<unit>(?:ns|us|µs|ms|s|sec|secs|seconds?|"
    r"milliseconds?|min|mins|minutes?|h|hours?|%|percent|x|times|[kKMG]i?B)(?![A-Za-z]))?"
)
_WORDS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "dozen": 12, "dozens": 12, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60,
    "ninety": 90, "hundred": 100, "hundreds": 100, "thousand": 1_000, "thousands": 1_000, "million": 1_000_000,
    "millions": 1_000_000, "twice": 2,
}
_COUNT = re.compile(r"\b(" + "|".join(_WORDS) + r")\b", re.IGNORECASE)
_SECONDS = {
    "ns": Decimal("1e-9"), "us": Decimal("1e-6"), "µs": Decimal("1e-6"), "ms": Decimal("0.001"),
    "millisecond": Decimal("0.001"), "s": Decimal(1), "sec": Decimal(1), "second": Decimal(1), "min": Decimal(60),
    "minute": Decimal(60), "h": Decimal(3600), "hour": Decimal(3600),
}
_TRAILING = ".,;:!?"


class _Amount(NamedTuple):
    value: Decimal
    unit: str


class Evidence(NamedTuple):
    """What a claim may be held against: quoted text, and facts about what was quoted (paths, names, times).

    `lines` are the cited line numbers; they support "line 12" and no other number.
    """

    text: str = ""
    facts: str = ""
    lines: frozenset[int] = frozenset()

    def plus(self, other: Evidence) -> Evidence:
        """Both together."""
        return Evidence(f"{self.text}\n{other.text}", f"{self.facts}\n{other.facts}", self.lines | other.lines)


def unsupported(statement: str, evidence: Evidence) -> tuple[str, ...]:
    """Return the claimed pieces of `statement` that the evidence does not hold, as they are written, once each.

    Pieces are: quoted and backticked text, times, paths, names in code, numbers with their units ("7.51 s" is
    held by "7510ms"; a bare number by the same value with any unit), and number words from two on.
    """
    whole = f"{evidence.text}\n{evidence.facts}"
    amounts = tuple(_amount(match) for match in _NUMBER.finditer(evidence.text))

    def said(match: re.Match[str]) -> bool:
        value = Decimal(_WORDS[match.group(0).lower()])
        return _stands(match.group(0), evidence.text) or any(value == amount.value for amount in amounts)

    # In this order, each taking its pieces out of what is left for the next.
    kinds: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], bool]], ...] = (
        (_SPAN, lambda match: _holds_span(_inside(match), whole)),
        (_LINE, lambda match: int(match.group(1)) in evidence.lines),
        (_TIME, lambda match: match.group(0) in whole),
        (_NAME, lambda match: _holds_name(match.group(0), whole)),
        (_NUMBER, lambda match: _holds_amount(_amount(match), amounts)),
        (_COUNT, said),
    )
    missing: dict[str, None] = {}
    rest = statement
    for pattern, holds in kinds:
        for match in pattern.finditer(rest):
            if not holds(match):
                missing[match.group(0).strip()] = None
        rest = pattern.sub(" ", rest)
    return tuple(missing)


def _inside(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None)


def _holds_span(span: str, text: str) -> bool:
    wanted = span.strip().rstrip(_TRAILING).strip()
    return not wanted or wanted in text or _holds_name(wanted, text)


def _holds_name(name: str, text: str) -> bool:
    bare = name.rstrip(_TRAILING).removesuffix("()").strip("/")
    if not bare or _stands(bare, text):
        return True
    if re.fullmatch(r"[A-Z]\w*[a-z]s", bare) and _stands(bare[:-1], text):
        return True
    parts = bare.split(".")
    return len(parts) > 1 and "/" not in bare and all(part and _stands(part, text) for part in parts)


def _stands(word: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None


def _amount(match: re.Match[str]) -> _Amount:
    unit = (match.group("unit") or "").lower()
    return _Amount(Decimal(match.group("value").replace(",", "")), unit)


def _scale(unit: str) -> Decimal | None:
    return _SECONDS.get(unit) or _SECONDS.get(unit.removesuffix("s"))


def _holds_amount(claim: _Amount, amounts: tuple[_Amount, ...]) -> bool:
    scale = _scale(claim.unit) if claim.unit else None
    for amount in amounts:
        other = _scale(amount.unit) if amount.unit else None
        if scale is not None and other is not None:
            if claim.value * scale == amount.value * other:
                return True
        elif claim.value == amount.value and (not claim.unit or not amount.unit or claim.unit == amount.unit):
            return True
    return False
