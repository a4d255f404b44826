"""Containers of bots that died without an end: found by their label, and removed."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from bot.adapters.sandboxes.supervisor.tree import stat_fields
from bot.domain.errors import SandboxProblem

OWNER = "whybot.owner"
"""The label that every container of the bot bears: who started it."""

_LABEL = f'{{{{index .Config.Labels "{OWNER}"}}}}'


def owner() -> str:
    """What names this process: the machine's start, the space of process numbers, the number, and when it began."""
    return f"{_here()}/{os.getpid()}/{_began(os.getpid())}"


def remove_left_over(ask: Callable[..., str]) -> list[str]:
    """Remove the containers whose bot ran here and runs no more; return their names.

    `ask` gives the engine arguments and returns what it says, or raises SandboxProblem. Containers of bots elsewhere
    (another machine or another space of process numbers with the same engine) are left alone.
    """
    removed = []
    for name in ask("ps", "-a", "--filter", f"label={OWNER}", "--format", "{{.Names}}").split():
        # One that has gone meanwhile is no error.
        with suppress(SandboxProblem):
            label = ask("inspect", "--type", "container", "--format", _LABEL, name).strip()
            rest, _, began = label.rpartition("/")
            place, _, process = rest.rpartition("/")
            if place == _here() and process.isdigit() and _began(int(process)) != began:
                ask("rm", "-f", "-v", name)
                removed.append(name)
    return removed


def _here() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:  # noqa: PTH123
        return f"{boot.read().strip()}/{os.stat('/proc/self/ns/pid').st_ino}"  # noqa: PTH116


def _began(pid: int) -> str:
    fields = stat_fields(pid)
    return fields[19].decode() if fields else ""
