"""What an investigation needs of a set of read-only tools."""

from __future__ import annotations

from typing import Protocol

from bot.domain.asking import Tool, ToolCall, ToolResult


class Toolbox(Protocol):
    """Tools for one question. They only read, and refuse by themselves what they may not show."""

    @property
    def tools(self) -> tuple[Tool, ...]:
        """What the model is offered, always the same in the same order."""
        ...

    def call(self, call: ToolCall) -> ToolResult:
        """Do it, or say why not: fenced, redacted text, the same for the same call. Never raises for odd input."""
        ...
