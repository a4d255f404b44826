"""The lines of a file at the running commit."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.model.tools.base import (
    CITE_CODE,
    MOST_LINE,
    MOST_RESULT,
    Readable,
    ReadTool,
    Refused,
    ToolInput,
    code_block,
    code_rows,
    head_and_tail,
)

_MOST_LINES = 250


class _Input(ToolInput):
    path: Annotated[str, Field(description="The file, relative to the repository's root.")]
    first_line: Annotated[int, Field(ge=1, description="The first line to show, from 1. By default the first.")] = 1
    last_line: Annotated[int, Field(ge=0, description="The last line to show. By default (0) the file's last.")] = 0


def _run(readable: Readable, asked: _Input) -> str:
    lines = readable.need_file(asked.path)
    if not lines:
        return "The file is empty."
    first, last = asked.first_line, min(asked.last_line or len(lines), len(lines))
    if not first <= last:
        raise Refused(f"There are no such lines: the file has {len(lines):,}, and the first must not come after the "
                      "last.")
    rows = code_rows(lines[first - 1:last], first)
    block = len(code_block(readable, asked.path, last, ()))
    head, tail = head_and_tail([len(row) + 1 for row in rows], MOST_RESULT - 600 - 2 * block, _MOST_LINES)
    said = f"The file has {len(lines):,} lines at this commit. {CITE_CODE}"
    if any(len(row) > MOST_LINE for row in rows):
        said += f" Of longer lines, {MOST_LINE} characters are shown."
    blocks = [said, code_block(readable, asked.path, first, rows[:head])]
    if head + tail < len(rows):
        blocks.append(f"Lines {first + head} to {last - tail} are left out; read on with first_line {first + head}.")
    if tail:
        blocks.append(code_block(readable, asked.path, last - tail + 1, rows[-tail:]))
    return "\n\n".join(blocks)


TOOL = ReadTool(
    "read_code",
    f"Read a file at the running commit, with line numbers. Shows at most {_MOST_LINES} lines at a time.",
    _Input, _run,
)
