"""Numbers in text: with their units, scales and words, and which of them a text holds."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from bot.evidence.times import without_times

_MEASURE = (r"ns|us|µs|ms|s|sec|secs|seconds?|milliseconds?|min|mins|minutes?|h|hours?|days?|%|percent|"
            r"[kKMG]i?B")
NUMBER = re.compile(
    r"(?<![\w.])(?P<value>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    rf"(?:(?P<scale>[kKMG])(?!\w)|\s?(?P<unit>{_MEASURE}|x|times)(?![A-Za-z]))?"
)
"""A number with its scale (`3k`) or unit."""
NUMBER_WORDS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "dozen": 12, "dozens": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100, "hundreds": 100, "thousand": 1_000,
    "thousands": 1_000, "million": 1_000_000, "millions": 1_000_000, "twice": 2, "thrice": 3,
}
COUNT = re.compile(
    rf"\b(?P<word>{'|'.join(NUMBER_WORDS)})\b(?=(?P<measure>\s(?:{_MEASURE})(?![A-Za-z]))?)", re.IGNORECASE
)
"""A number word. `measure` is the unit after it, where it measures and does not count."""
_SCALES = {"k": Decimal(1_000), "m": Decimal(1_000_000), "g": Decimal(1_000_000_000)}
_SECONDS = {
    "ns": Decimal("1e-9"), "us": Decimal("1e-6"), "µs": Decimal("1e-6"), "ms": Decimal("0.001"),
    "millisecond": Decimal("0.001"), "s": Decimal(1), "sec": Decimal(1), "second": Decimal(1), "min": Decimal(60),
    "minute": Decimal(60), "h": Decimal(3600), "hour": Decimal(3600), "day": Decimal(86_400),
}


class Amount(NamedTuple):
    """A number, scaled, and its unit in lower case, or none."""

    value: Decimal
    unit: str = ""


class Amounts(NamedTuple):
    """The numbers of a text: all values, those without a unit, those with theirs, and times in seconds."""

    every: frozenset[Decimal]
    bare: frozenset[Decimal]
    with_unit: frozenset[Amount]
    seconds: frozenset[Decimal]

    def hold(self, claim: Amount) -> bool:
        """Whether an amount is among them: "7.51 s" as "7510ms", a bare number with any unit."""
        seconds = _in_seconds(claim.unit) if claim.unit else None
        if seconds is not None and claim.value * seconds in self.seconds:
            return True
        return claim.value in (self.bare if claim.unit else self.every) or claim in self.with_unit


@lru_cache(maxsize=2_048)
def amounts(text: str) -> Amounts:
    """The numbers of a text. Those of its dates and clock times are none: 10:30 holds neither 10 nor 30."""
    found = frozenset(amount_of(match) for match in NUMBER.finditer(without_times(text)))
    timed = ((amount.value, _in_seconds(amount.unit)) for amount in found if amount.unit)
    return Amounts(
        every=frozenset(amount.value for amount in found), with_unit=found,
        bare=frozenset(amount.value for amount in found if not amount.unit),
        seconds=frozenset(value * seconds for value, seconds in timed if seconds is not None),
    )


def amount_of(match: re.Match[str]) -> Amount:
    """The amount that a match of `NUMBER` writes."""
    scale = _SCALES.get((match.group("scale") or "").lower(), Decimal(1))
    return Amount(Decimal(match.group("value").replace(",", "")) * scale, (match.group("unit") or "").lower())


def _in_seconds(unit: str) -> Decimal | None:
    return _SECONDS.get(unit) or _SECONDS.get(unit.removesuffix("s"))
