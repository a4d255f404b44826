"""The plain process: limits and a clean end, but no walls. For the demo, or by explicit choice."""

from __future__ import annotations

from bot.adapters.sandboxes.running import supervised
from bot.ports import Command, Completed


class ProcessSandbox:
    """Runs the command as an ordinary process of this account, with a clean environment and all limits."""

    name = "process"
    warning = (
        "The tests ran in a plain process, not in a sandbox: they could read this account's files and other "
        "processes' environments, write outside their folder, use the network and signal other processes. "
        "Only the limits on time, output, processes, memory and on what is written to their folder held."
    )

    def run(self, command: Command) -> Completed:
        """Run to the end or to a limit. Raises SandboxProblem when the command cannot be started.

        `read_only` and `network` are not enforced here.
        """
        return supervised(command)
