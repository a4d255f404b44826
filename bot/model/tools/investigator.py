"""The tools over what one incident's investigation may read."""

from __future__ import annotations

from collections.abc import Callable

from bot.domain.asking import Tool, ToolCall, ToolResult
from bot.domain.evidence import EvidencePack
from bot.domain.logs import LogEntry, LogGroup
from bot.evidence.code import CodeAt
from bot.model.tools import TOOLS
from bot.model.tools.base import MOST_RESULT, Readable, Refused
from bot.ports import Workspace

_MOST_INSERT_ID = 300


class Investigator:
    """Implements Toolbox. It looks at nothing but what it is given, and changes none of it but `code.shown`.

    `entries` must be redacted already, since quotes are held against them; `redact` is for what git says. History is
    read at `code`'s commit. Without `code` or `workspace` the tools that need them refuse.
    """

    def __init__(self, code: CodeAt | None, workspace: Workspace | None, entries: tuple[LogEntry, ...],
                 groups: tuple[LogGroup, ...], pack: EvidencePack, redact: Callable[[str], str]) -> None:
        short = tuple(entry for entry in entries if _can_be_cited(entry))
        self._readable = Readable(code, workspace, short, groups, pack, redact)
        self._tools = tuple(tool.declared() for tool in TOOLS.values())

    @property
    def tools(self) -> tuple[Tool, ...]:
        """What the model is offered, always the same in the same order."""
        return self._tools

    def call(self, call: ToolCall) -> ToolResult:
        """Do it, or say in one sentence why not; at most MOST_RESULT characters, the same for the same call."""
        try:
            tool = TOOLS.get(call.name)
            if tool is None:
                raise Refused(f"There is no such tool; there are {', '.join(TOOLS)}.")
            text = tool.answer(self._readable, call.input)
            if len(text) > MOST_RESULT:
                raise Refused("This is too much to show; ask for less.")
        except Refused as refused:
            return ToolResult(id=call.id, text=str(refused), refused=True)
        return ToolResult(id=call.id, text=text)


def _can_be_cited(entry: LogEntry) -> bool:
    """Whether its insertId is short enough to be shown, and text that an answer can hold."""
    try:
        entry.insert_id.encode()
    except UnicodeEncodeError:
        return False
    return 0 < len(entry.insert_id) <= _MOST_INSERT_ID
