"""What else happened around an incident: in its traces, on its instances, at its revision. Had again by page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain

from bot.domain.logs import LogEntry
from bot.domain.moments import rfc3339
from bot.logs.best import Key, key_of
from bot.logs.context_parts import Deployments, Instances, Part, StartUp, Traces, Window
from bot.logs.entries import entry_from_json
from bot.logs.origins import Origin
from bot.ports import LogReading

_STAMP = re.compile(rb'"timestamp"\s*:\s*"([0-9-]{10}T[0-9:]{8})[0-9.]*Z"')
_LEAST_OF_REVISION = 20
"""Entries of the revision that have a place, but a tenth at most, whatever a busy instance logged."""


def context(reading: LogReading, pages: Sequence[tuple[int, int]], origins: Sequence[Origin],
            members: Sequence[LogEntry], most: int) -> tuple[LogEntry, ...]:
    """What else happened around an incident's entries (`members`, in time order), in time order itself.

    By rank: of the same traces, on whatever service, within a minute, nearest first, at most half; on the first
    instances in the minute before each first failed, newest first, requests that went well last; at the first
    revisions until each first failed: what no instance logged (deployments) in the ten minutes before, and what its
    instances said in its first ten seconds.

    Of any severity, at most `most` entries, of those of one kind that read the same only the best. `pages` holds the
    times that each page spans, `origins` when each revision began: only pages of those times are had again.
    """
    if most <= 0:
        return ()
    half = -(-most // 2)
    traces, instances = Traces(members, half), Instances(members, most)
    revision = (Deployments(members, most), StartUp(members, origins, most))
    parts: tuple[Part, ...] = (traces, instances, *revision)
    own = {key_of(entry) for entry in members}
    for line in chain(_nearby(reading, pages, parts), instances.left_out(reading)):
        try:
            entry = entry_from_json(line)
        except ValueError:
            continue
        if key_of(entry) not in own:
            for part in parts:
                part.take(entry)
    picked = _picked((traces,), half, own)
    least = min(_LEAST_OF_REVISION, most // 10, most - len(picked))
    least = len(_picked(revision, least, own | picked.keys()))
    picked |= _picked((instances,), most - len(picked) - least, own | picked.keys())
    picked |= _picked(revision, most - len(picked), own | picked.keys())
    return tuple(picked[key] for key in sorted(picked))


def _nearby(reading: LogReading, pages: Sequence[tuple[int, int]], parts: Sequence[Part]) -> Iterator[bytes]:
    """The lines in which a part may find something, of the pages of its times."""
    windows = [(part, tuple(part.windows)) for part in parts]
    seconds = _seconds([window for _, times in windows for window in times])
    for number, (low, high) in enumerate(pages):
        asking = [part for part, times in windows if any(window.meets(low, high) for window in times)]
        if asking:
            yield from (line for line in reading.page(number)
                        if _may_be_within(line, seconds) and any(part.may(line) for part in asking))


def _seconds(windows: Sequence[Window]) -> list[tuple[bytes, bytes]]:
    """The first and last second of the times that the windows cover, as Cloud Logging writes them."""
    covered: list[Window] = []
    for window in sorted(windows):
        if covered and window.since <= covered[-1].until:
            covered[-1] = Window(covered[-1].since, max(covered[-1].until, window.until))
        else:
            covered.append(window)
    return [(_second(window.since), _second(window.until)) for window in covered]


def _second(nanoseconds: int) -> bytes:
    return rfc3339(max(0, nanoseconds))[:19].encode()


def _may_be_within(line: bytes, seconds: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether a time that the line states as `timestamp`, in whatever field, is one of these, or it states none.

    Of a log in no order, every page spans these times and hardly a line is of them.
    """
    stated = _STAMP.findall(line)
    return not stated or any(first <= moment <= last for moment in stated for first, last in seconds)


def _picked(parts: Sequence[Part], most: int, without: AbstractSet[Key]) -> dict[Key, LogEntry]:
    found: dict[Key, LogEntry] = {}
    for part in parts:
        found |= {key_of(entry): entry for entry in part.best(most - len(found), without | found.keys())}
    return found
