"""What stands in where no sandbox works: everything before generated code can still be done."""

from __future__ import annotations

from bot.domain.errors import SandboxProblem
from bot.ports import Command, Completed


class AbsentSandbox:
    """Implements the Sandbox port by saying, once a run is asked for, why there is none."""

    name = "none"

    def __init__(self, problem: SandboxProblem) -> None:
        self._problem = problem

    @property
    def warning(self) -> str:
        """Why there is none."""
        return self._problem.what

    def run(self, command: Command) -> Completed:
        """Raise SandboxProblem."""
        raise self._problem
