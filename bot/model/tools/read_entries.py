"""Log entries of the redacted snapshot, in time order."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.domain.base import counted
from bot.domain.logs import LogEntry
from bot.domain.moments import parse_nanoseconds, rfc3339
from bot.domain.visible import visible
from bot.model.tools.base import (
    CITE_LOG,
    MOST_RESULT,
    Readable,
    ReadTool,
    Refused,
    ToolInput,
    fitting,
    fitting_end,
    head_and_tail,
    log_block,
)

_LEAST_INSTANCE = 8
_LEAST_TEXT = 300
_POINTER = 130


class _Input(ToolInput):
    trace: Annotated[str, Field(description="Only entries of this trace: its whole name or its id.")] = ""
    instance: Annotated[str, Field(description="Only entries of this instance: its id or how that begins.")] = ""
    group: Annotated[str, Field(description="Only entries of this group of the incident: its fingerprint.")] = ""
    insert_id: Annotated[str, Field(description="Only the entry with this insert_id.")] = ""
    since: Annotated[str, Field(description="Not before this time, as RFC 3339: 2026-03-04T05:06:07.123Z.")] = ""
    until: Annotated[str, Field(description="Not after this time, as RFC 3339.")] = ""
    most: Annotated[int, Field(ge=1, le=100, description="How many entries to show at most; 20 by default.")] = 20
    offset: Annotated[int, Field(ge=0, description="With insert_id: from which character of its text to show.")] = 0


def _run(readable: Readable, asked: _Input) -> str:
    if asked.offset and not asked.insert_id:
        raise Refused("An offset is for one entry: give its insert_id, too.")
    found = _matching(readable, asked)
    if not found:
        raise Refused("The snapshot holds no such entries; list_left_out tells what it holds.")
    if asked.offset:
        return _read_on(readable, found[0], asked.offset)
    frames = [len(log_block(readable, entry, "")) + _POINTER for entry in found]
    room = MOST_RESULT - 700
    least = [frame + min(len(visible(entry.text[:_LEAST_TEXT])), _LEAST_TEXT)
             for frame, entry in zip(frames, found, strict=True)]
    head, tail = head_and_tail(least, room, asked.most)
    chosen = [*range(head), *range(len(found) - tail, len(found))]
    if not chosen:
        raise Refused("This entry is too large to be shown.")
    cap = _share([len(visible(found[number].text)) for number in chosen],
                 room - sum(frames[number] for number in chosen))
    said = f"{counted(len(found), 'entry', 'entries')} in time order"
    if len(chosen) < len(found):
        said += (f"; {len(chosen)} shown, the first {head} and the last {tail}: read on with since "
                 f"{rfc3339(found[head].time_ns)}")
    blocks = [f"{said}. {CITE_LOG}"]
    blocks += [_shown(readable, found[number], cap) for number in chosen]
    return "\n\n".join(blocks)


def _matching(readable: Readable, asked: _Input) -> list[LogEntry]:
    found = list(readable.in_time)
    if asked.since:
        since = _time(asked.since)
        found = [entry for entry in found if entry.time_ns >= since]
    if asked.until:
        until = _time(asked.until)
        found = [entry for entry in found if entry.time_ns <= until]
    if asked.insert_id:
        found = [entry for entry in found if entry.insert_id == asked.insert_id]
    if asked.trace:
        found = [entry for entry in found if entry.trace == asked.trace or entry.trace.endswith(f"/{asked.trace}")]
    if asked.instance:
        if len(asked.instance) < _LEAST_INSTANCE and all(entry.instance != asked.instance for entry in found):
            raise Refused(f"Give at least {_LEAST_INSTANCE} characters of the instance.")
        found = [entry for entry in found if entry.instance.startswith(asked.instance)]
    if asked.group:
        members = group_members(readable, asked.group)
        found = [entry for entry in found if entry.insert_id in members]
    return found


def group_members(readable: Readable, fingerprint: str) -> frozenset[str]:
    """The insert_ids of a group's entries: those that it names, and those that read the same, numbers aside.

    Raises Refused when the incident has no such group.
    """
    group = next((item for item in readable.groups if fingerprint in (item.fingerprint, *item.aliases)), None)
    if group is None:
        raise Refused("The incident has no group with this fingerprint; list_left_out names them.")
    named = frozenset(group.insert_ids)
    wordings = {readable.wordings[name] for name in named if name in readable.wordings}
    return named | {name for name, wording in readable.wordings.items() if wording in wordings}


def _time(text: str) -> int:
    try:
        return parse_nanoseconds(text)
    except (ValueError, OverflowError):
        raise Refused("A time is given as RFC 3339 with its zone, such as 2026-03-04T05:06:07.123Z.") from None


def _share(sizes: list[int], room: int) -> int:
    """How much of each text to show, so that all have as much as fits together."""
    low, high = _LEAST_TEXT, max([_LEAST_TEXT, *sizes])
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sum(min(size, middle) for size in sizes) <= room else (low, middle - 1)
    return low


def _shown(readable: Readable, entry: LogEntry, cap: int) -> str:
    """An entry; of a long text head and tail, and how to read on."""
    text = entry.text
    if len(visible(text)) <= cap:
        return log_block(readable, entry, text)
    marker = f"\n[… {len(text)} characters in all …]\n"
    head = fitting(text, (cap - len(marker)) * 2 // 3)
    tail = fitting_end(text[head:], (cap - len(marker)) // 3)
    missing = len(text) - head - tail
    cut = f"{text[:head]}\n[… {missing} characters not shown …]\n{text[len(text) - tail:]}"
    pointer = f"{missing} characters of this entry are left out: read on with its insert_id and offset {head}."
    return f"{log_block(readable, entry, cut)}\n{pointer}"


def _read_on(readable: Readable, entry: LogEntry, offset: int) -> str:
    if offset >= len(entry.text):
        raise Refused(f"The text of this entry has {len(entry.text):,} characters; the offset lies behind them.")
    end = offset + fitting(entry.text[offset:], MOST_RESULT - 700 - len(log_block(readable, entry, "")))
    more = f" Read on with offset {end}." if end < len(entry.text) else " That is its end."
    return (f"Characters {offset} to {end} of {len(entry.text)}.{more} {CITE_LOG}\n\n"
            f"{log_block(readable, entry, entry.text[offset:end])}")


TOOL = ReadTool(
    "read_entries",
    "Read entries of the incident's log snapshot in time order, by trace, instance, group, insert_id or time; what is "
    "given must all hold. Of many entries, and of long texts, head and tail are shown.",
    _Input, _run,
)
