"""Times in sentences: whether evidence holds them, and whether a sentence puts a cause after its effect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_ZONE = (r"Z\b|(?:UTC|GMT)(?:[+-]\d{1,2})?\b|[+-]\d\d:?\d\d\b|(?:CE|EE|WE|AE|NZ|[BEIMPCJKS])(?:S|D)?T\b|MSK\b|"
         r"[Ll]ocal time\b")
TIME = re.compile(
    r"(?<![\w:.-])(?P<date>\d{4}-\d\d-\d\d)(?:[Tt ](?P<at>\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?![\w:](?<!Z))"
    rf"(?:\s?(?P<zone>{_ZONE}))?)?"
    r"|(?<![\w:.])(?P<clock>\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?)(?![\w:](?<!Z))"
    rf"(?:\s?(?P<clock_zone>[AaPp]\.?[Mm]\b|{_ZONE}))?"
)
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)|(?<![\d:.])(\d\d:\d\d:\d\d(?:[.,]\d+)?)"
                    r"|(?<![\d-])(\d{4}-\d\d-\d\d)(?![\d-])")
_UTC = frozenset({"", "Z", "UTC", "GMT"})
_DAY = 86_400.0
_MINUTE, _SECOND = len("10:30"), len("10:30:37")
# What stands before a cause, and what stands before an effect. The longest first.
CAUSE_AFTER = re.compile(
    r"\b(?:because of|because|due to|caused by|owing to|as a result of|triggered by|after|since)\b", re.IGNORECASE
)
BECAUSE = re.compile(r"\b(?:because|due to|caused by|owing to|as a result of|triggered by|since)\b", re.IGNORECASE)
EFFECT_AFTER = re.compile(
    r"\b(?:led to|leads to|causing|caused(?! by)|therefore|which made|resulted in|so that|so|then)\b", re.IGNORECASE
)
LATENESS = re.compile(
    r"\b(?:not yet|yet to|until|no earlier than|too (?:early|soon|late)|ahead of|"
    r"(?:only|not) (?:[a-z]+ )?(?:after|at|later|then|once|when))\b|\bbefore\b",
    re.IGNORECASE,
)
"""Words that say that something had not happened by then. What was logged later is evidence for that."""


class _Moment(NamedTuple):
    """Seconds since midnight; `date` empty where a sentence names none."""

    date: str
    seconds: float


def held_time(match: re.Match[str], sources: tuple[str, ...]) -> bool:
    """Whether a claimed time (a match of TIME) is the beginning of a time in the evidence.

    All times of log entries are UTC. A claim in another zone is held only when it stands there as it is written:
    no zone is converted.
    """
    zone = match.group("zone") or match.group("clock_zone") or ""
    if not _is_utc(zone):
        return any(match.group(0).strip() in text for text in sources)
    date, clock = match.group("date") or "", match.group("at") or match.group("clock") or ""
    if clock and clock[1] == ":":
        clock = f"0{clock}"
    return any((date, clock) in _beginnings(text) for text in sources)


def without_times(text: str) -> str:
    """A text without its dates and clock times."""
    return TIME.sub(" ", _STAMP.sub(" ", text))


def told_backwards(statement: str) -> str:
    """Return what a sentence with two times around "because", "led to" and the like has the wrong way round, or "".

    Every time of the cause must be later than every time of the effect. A cause that says what had not happened yet
    (LATENESS, before its time) names a later time rightly.
    """
    for pattern, cause_follows in ((CAUSE_AFTER, True), (EFFECT_AFTER, False)):
        for word in pattern.finditer(statement):
            before, after = statement[:word.start()], statement[word.end():]
            effect, cause = (before, after) if cause_follows else (after, before)
            effects, causes = tuple(_moments(effect)), tuple(_moments(cause))
            if effects and causes and not LATENESS.search(_until_time(cause)) \
                    and all(_later(one, other) for one in causes for other in effects):
                return f"{_first(cause)} {'after' if cause_follows else 'before'} “{word.group(0)}”, {_first(effect)}"
    return ""


def mentions(statement: str, moment: str) -> bool:
    """Whether a sentence names a moment (RFC 3339), to the minute or finer."""
    return any((match.group("at") or match.group("clock")) and held_time(match, (moment,))
               for match in TIME.finditer(statement))


def _is_utc(zone: str) -> bool:
    return zone.upper() in _UTC or zone in {"+00:00", "+0000", "-00:00", "-0000"}


@lru_cache(maxsize=2_048)
def _beginnings(text: str) -> frozenset[tuple[str, str]]:
    """All that may be claimed of the times of a text: dates and clock times, to the minute or finer, each or both."""
    found: set[tuple[str, str]] = set()
    for match in _STAMP.finditer(text):
        date = match.group(1) or match.group(4) or ""
        clock = (match.group(2) or match.group(3) or "").replace(",", ".")
        for length in (0, _MINUTE, _SECOND, *range(_SECOND + 2, len(clock) + 1)):
            if length <= len(clock):
                found |= {(date, clock[:length]), ("", clock[:length])}
    return frozenset(found)


def _moments(text: str) -> Iterator[_Moment]:
    for match in TIME.finditer(text):
        clock = match.group("at") or match.group("clock")
        if clock:
            parts = [float(part) for part in clock.split(":")]
            seconds = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
            yield _Moment(match.group("date") or "", seconds)


def _later(one: _Moment, other: _Moment) -> bool:
    if one.date and other.date and one.date != other.date:
        return one.date > other.date
    # Without a date, more than half a day apart may be the other way round, over midnight.
    return 0 < one.seconds - other.seconds < _DAY / 2 or bool(
        one.date and other.date and one.seconds > other.seconds)


def _first(text: str) -> str:
    match = next(found for found in TIME.finditer(text) if found.group("at") or found.group("clock"))
    return match.group(0).strip()


def _until_time(text: str) -> str:
    return text[:text.index(_first(text))]
