"""The read-only tools of an investigation: a tool or a pair a file, each tool on one line of `TOOLS`.

A test names any module that is missing here.
"""

from __future__ import annotations

from typing import Any

from bot.model.tools import git_history, list_files, list_left_out, read_code, read_entries, search_code
from bot.model.tools.base import ReadTool

TOOLS: dict[str, ReadTool[Any]] = {
    "search_code": search_code.TOOL,
    "read_code": read_code.TOOL,
    "list_files": list_files.TOOL,
    "git_log": git_history.LOG,
    "git_blame": git_history.BLAME,
    "read_entries": read_entries.TOOL,
    "list_left_out": list_left_out.TOOL,
}
"""Every tool by its name, in the order in which a model is offered them."""
