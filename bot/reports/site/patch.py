"""A unified diff as lines with their kind and number, for the page of a cycle."""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_LINES = 3_000
_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True)
class DiffLine:
    """A line: `kind` is file, hunk, add, del or same; numbers are empty where the line is not in that file."""

    kind: str
    sign: str
    text: str
    old: str = ""
    new: str = ""


def lines_of(diff: str) -> tuple[DiffLine, ...]:
    """The lines of a diff; of a very long one the first, and a last line that says how many are left out.

    How long a hunk is stands in its head, so that a removed line `-- x` is no head of a file.
    """
    lines = diff.removesuffix("\n").split("\n") if diff else []
    found: list[DiffLine] = []
    old = new = old_end = new_end = 0
    for line in lines[:MOST_LINES]:
        match = _HUNK.match(line)
        if old < old_end or new < new_end:
            if line.startswith("\\"):
                found.append(DiffLine("hunk", "", line))
                continue
            kind = {"+": "add", "-": "del"}.get(line[:1], "same")
            found.append(DiffLine(
                kind, {"add": "+", "del": "−"}.get(kind, " "), line[1:],
                "" if kind == "add" else str(old), "" if kind == "del" else str(new),
            ))
            old, new = old + (kind != "add"), new + (kind != "del")
        elif match:
            old, new = int(match[1]), int(match[3])
            old_end, new_end = old + int(match[2] or 1), new + int(match[4] or 1)
            found.append(DiffLine("hunk", "", line))
        else:
            found.append(DiffLine("hunk" if line.startswith("\\") else "file", "", line))
    if len(lines) > MOST_LINES:
        found.append(DiffLine("hunk", "", f"{len(lines) - MOST_LINES:,} more lines are left out here."))
    return tuple(found)


def dedented(change: str) -> str:
    """A change without context (`Hunk.text`), less the indentation that all its lines share."""
    lines = change.split("\n")
    bodies = [line[1:] for line in lines if line[:1] in {"+", "-"} and line[1:].strip()]
    shared = min((len(body) - len(body.lstrip(" ")) for body in bodies), default=0)
    return "\n".join(f"{line[:1]} {line[1 + shared:]}" if line[:1] in {"+", "-"} else line for line in lines)
