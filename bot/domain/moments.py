"""Points in time as Cloud Logging writes them: RFC 3339 with up to nanoseconds, always UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(
    r"^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):?(\d\d))$", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_nanoseconds(text: str) -> int:
    """Return the nanoseconds since 1970 of an RFC 3339 time. Raises ValueError when it is none."""
    match = _RFC3339.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not an RFC 3339 time")
    year, month, day, hour, minute, second = (int(part) for part in match.group(1, 2, 3, 4, 5, 6))
    whole = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC) - _EPOCH
    seconds = whole.days * 86_400 + whole.seconds + (1 if second == 60 else 0)
    if match.group(8):
        offset = int(match.group(9)) * 3600 + int(match.group(10)) * 60
        seconds -= offset if match.group(8) == "+" else -offset
    return seconds * 1_000_000_000 + int((match.group(7) or "0").ljust(9, "0"))


def rfc3339(nanoseconds: int) -> str:
    """Return nanoseconds since 1970 as RFC 3339 in UTC, with as many groups of three decimals as needed."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f"{fraction:09d}"
    while digits.endswith("000") and digits:
        digits = digits[:-3]
    return f"{text}.{digits}Z" if digits else f"{text}Z"


def nanoseconds_of(moment: datetime) -> int:
    """Return the nanoseconds since 1970 of an aware datetime."""
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1_000
