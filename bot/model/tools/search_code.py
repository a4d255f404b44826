"""Where a text stands in the code."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated

from pydantic import Field

from bot.domain.base import counted
from bot.domain.visible import visible
from bot.evidence.code import Hit
from bot.evidence.shown import numbered
from bot.model.tools.base import (
    CITE_CODE,
    MOST_RESULT,
    Readable,
    ReadTool,
    Refused,
    ToolInput,
    clipped,
    code_block,
    head_and_tail,
)

_MOST_SHOWN = 40
_MOST_COUNTED = 1_000
_MOST_FILES = 5_000
"""Reading a file from git takes some 3 ms when it is read for the first time."""


class _Input(ToolInput):
    text: Annotated[str, Field(min_length=2, max_length=200, description="What to look for, literally, on one line.")]
    folder: Annotated[str, Field(max_length=400, description="Look only in this folder and below.")] = ""
    case_sensitive: Annotated[bool, Field(description="Whether upper and lower case differ. They do not by default.")] \
        = False


def _run(readable: Readable, asked: _Input) -> str:
    if "\n" in asked.text or not asked.text.strip():
        raise Refused("Give a text that stands on one line and is not blank.")
    code = readable.need_code()
    inside = readable.files_in(asked.folder)
    paths = inside[:_MOST_FILES]
    sought = code.seek(asked.text, paths, asked.case_sensitive, _MOST_COUNTED)
    some = sought.looked_at < len(inside)
    looked = f"sought in {f'the first {sought.looked_at:,} of ' if some else ''}{counted(len(inside), 'file')}"
    if not sought.hits:
        return f"No hits, {looked}."
    total = len(sought.hits)
    hits = sought.hits if total <= 2 * _MOST_SHOWN else (*sought.hits[:_MOST_SHOWN], *sought.hits[-_MOST_SHOWN:])
    rows = [_row(hit, asked) for hit in hits]
    headers = [len(code_block(readable, hit.path, hit.line, ())) + 2 for hit in hits]
    sizes = [len(row) + 1 + (0 if number and hits[number - 1].path == hits[number].path else headers[number])
             for number, row in enumerate(rows)]
    # The first of the last ones may need the header of a file a second time.
    head, tail = head_and_tail(sizes, MOST_RESULT - 600 - max(headers), _MOST_SHOWN)
    said = f"{'At least ' if some else ''}{counted(total, 'hit')}, {looked}"
    if head + tail < total:
        said += f"; {head + tail} shown, the first {head} and the last {tail}: narrow with `folder` or a longer `text`"
    pieces = list(zip(hits, rows, strict=True))
    blocks = [f"{said}. {CITE_CODE}"]
    for part in (pieces[:head], pieces[len(pieces) - tail:]):
        for path, members in groupby(part, key=lambda piece: piece[0].path):
            found = list(members)
            # Only now does the file count as shown.
            code.lines(path)
            blocks.append(code_block(readable, path, found[0][0].line, [row for _, row in found]))
    return "\n\n".join(blocks)


def _row(hit: Hit, asked: _Input) -> str:
    at = hit.text.find(asked.text) if asked.case_sensitive else hit.text.casefold().find(asked.text.casefold())
    return visible(numbered((clipped(hit.text, max(at, 0)),), hit.line))


TOOL = ReadTool(
    "search_code",
    "Find a literal text (no pattern) in the code at the running commit. Gives path, line number and line of each hit.",
    _Input, _run,
)
