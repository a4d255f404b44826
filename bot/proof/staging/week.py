"""Parts of the week, in UTC: only bins of one part are held against each other. Pure."""

from __future__ import annotations

from typing import get_args

from bot.domain.staging import Season

HOUR = 3_600
DAY = 24 * HOUR
_SLOT = 3 * HOUR
SEASONS: tuple[Season, ...] = get_args(Season)
STRATA: dict[Season, int] = {
    "none": 1, "hour of day": 8, "weekend": 2, "day of week": 7, "hour of day and weekend": 16,
}
"""How many parts each season has."""


def strata(begins: int, seconds: int, bins: int, season: Season) -> list[int]:
    """The part of each of `bins` of `seconds`, the first beginning at `begins` (seconds since 1970, a Thursday)."""
    if season == "none":
        return [0] * bins
    moments = range(begins, begins + bins * seconds, seconds)
    if season == "hour of day":
        return [moment % DAY // _SLOT for moment in moments]
    days = [(moment // DAY + 3) % 7 for moment in moments]
    if season == "day of week":
        return days
    if season == "weekend":
        return [int(day >= 5) for day in days]
    return [moment % DAY // _SLOT + (8 if day >= 5 else 0) for moment, day in zip(moments, days, strict=True)]
