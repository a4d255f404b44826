"""Which files there are."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from pydantic import Field

from bot.domain.base import counted
from bot.model.tools.base import CITE_NOTHING, MOST_RESULT, Readable, ReadTool, ToolInput, folder_prefix, listed

_MOST_PATHS = 200


class _Input(ToolInput):
    folder: Annotated[str, Field(max_length=400, description="Only what is in this folder and below.")] = ""


def _run(readable: Readable, asked: _Input) -> str:
    paths = readable.files_in(asked.folder)
    if not paths:
        return "There are no files that may be shown at this commit."
    room = MOST_RESULT - 600
    if len(paths) <= _MOST_PATHS and sum(len(path) + 1 for path in paths) <= room // 2:
        shown, left_out = listed(paths, room, _MOST_PATHS)
        said = f"{counted(len(paths), 'file')} that may be shown."
    else:
        # Long lists are told by folder.
        start = len(folder_prefix(asked.folder))
        inside = Counter(path[:path.find("/", start) + 1] or path for path in paths)
        rows = [f"{name} ({counted(count, 'file')})" if name.endswith("/") else name
                for name, count in sorted(inside.items())]
        shown, left_out = listed(rows, room, _MOST_PATHS)
        said = f"{counted(len(paths), 'file')} that may be shown, by folder; list a folder to see what is in it."
    if left_out:
        said += f" {left_out} of these lines are left out; search_code finds text in all files."
    return f"{said} {CITE_NOTHING}\n\n{shown}"


TOOL = ReadTool(
    "list_files", "List the files at the running commit that may be read; of large folders, their folders.",
    _Input, _run,
)
