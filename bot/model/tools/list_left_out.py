"""What the evidence pack left out, and what the snapshot holds."""

from __future__ import annotations

from collections import Counter

from bot.domain.base import counted
from bot.domain.moments import rfc3339
from bot.model.tools.base import CITE_NOTHING, MOST_RESULT, Readable, ReadTool, ToolInput, listed, one_line
from bot.model.tools.read_entries import group_members

_MOST_ROWS = 15
_MOST_NAME = 140


class _Input(ToolInput):
    pass


def _run(readable: Readable, asked: _Input) -> str:
    entries = readable.in_time
    shown = {item.ref for item in readable.pack.items if item.kind == "log"}
    missing = sum(1 for entry in entries if entry.insert_id not in shown)
    held = f"The snapshot holds {counted(len(entries), 'entry', 'entries')}; the pack leaves out {missing:,} of them."
    if entries:
        held += f" They are from {rfc3339(entries[0].time_ns)} to {rfc3339(entries[-1].time_ns)}."
    traces = Counter(entry.trace for entry in entries if entry.trace)
    instances = Counter(entry.instance for entry in entries if entry.instance)
    groups = [f"{group.fingerprint}: {counted(len(_held(readable, group.fingerprint)), 'entry', 'entries')}: "
              f"{one_line(readable.redact(group.title), _MOST_NAME)}" for group in readable.groups]
    left_out = [one_line(readable.redact(text), 2 * _MOST_NAME) for text in readable.pack.left_out]
    parts = (
        ("What the pack leaves out", left_out),
        ("Groups of the incident", groups), ("Traces, most entries first", _ranked(traces)),
        ("Instances, most entries first", _ranked(instances)),
    )
    blocks = [f"{held} {CITE_NOTHING}"]
    for title, rows in parts:
        if not rows:
            blocks.append(f"{title}: none.")
            continue
        listing, cut = listed(rows, (MOST_RESULT - 1_000) // len(parts), _MOST_ROWS)
        blocks.append(f"{title}{f' ({cut} of {len(rows)} not shown)' if cut else ''}:\n{listing}")
    return "\n\n".join(blocks)


def _held(readable: Readable, fingerprint: str) -> frozenset[str]:
    return group_members(readable, fingerprint) & {entry.insert_id for entry in readable.in_time}


def _ranked(found: Counter[str]) -> list[str]:
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [f"{one_line(name, 2 * _MOST_NAME)}: {counted(count, 'entry', 'entries')}" for name, count in ordered]


TOOL = ReadTool(
    "list_left_out",
    "List what the evidence pack leaves out, and which groups, traces and instances the log snapshot holds.",
    _Input, _run,
)
