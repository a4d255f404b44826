"""A container of docker or podman, seen from outside: its first process, how it ended, its removal.

Its processes are children of the engine and not of the supervisor, so the engine is asked for them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import NamedTuple

from .tree import descendants, stat_fields

_STATE = "{{.State.Pid}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Status}} {{.State.StartedAt}}"
_ANSWERS_WITHIN_S = 60.0
_CGROUPS = "/sys/fs/cgroup"


class State(NamedTuple):
    """What the engine says of a container. `pid` is 0 when no process of it runs or can be seen from here."""

    pid: int
    exit_code: int
    out_of_memory: bool
    running: bool
    started: bool


class Container:
    """One container, by its name. `engine` is the program to ask, `env` its environment."""

    def __init__(self, engine: str, name: str, env: Mapping[str, str]) -> None:
        self.engine, self.name, self.env = engine, name, dict(env)
        self.seen: dict[int, bytes] = {}

    def state(self) -> State | None:
        """How it stands; None when there is none (yet, or any more) or the engine does not answer."""
        said = self._ask("inspect", "--type", "container", "--format", _STATE, self.name)
        if said is None:
            return None
        try:
            pid, code, killed, status, started = said.split(None, 4)
            return State(int(pid) if os.path.exists(f"/proc/{int(pid)}") else 0,  # noqa: PTH110
                         int(code), killed == "true", status == "running", not started.startswith("0001-"))
        except ValueError:
            return None

    def processes(self, first: int) -> list[int]:
        """The processes below its first one, which are remembered as its own."""
        pids = descendants(first)
        for pid in pids:
            fields = stat_fields(pid)
            if fields:
                self.seen[pid] = fields[19]
        return pids

    def remove(self) -> int:
        """Kill all of it and remove it; return how many of its processes are left."""
        self._ask("rm", "-f", "-v", self.name)
        alive = sum(1 for pid, began in self.seen.items() if _lives(pid, began))
        return max(alive, 1) if self._ask("inspect", "--type", "container", "--format", "x", self.name) else alive

    def _ask(self, *arguments: str) -> str | None:
        try:
            done = subprocess.run((self.engine, *arguments), env=self.env, stdin=subprocess.DEVNULL, cwd="/",
                                  capture_output=True, text=True, timeout=_ANSWERS_WITHIN_S, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None


def _lives(pid: int, began: bytes) -> bool:
    fields = stat_fields(pid)
    return bool(fields) and fields[19] == began and fields[0] not in {b"Z", b"X"}


def kernel_events(pid: int) -> tuple[int, int]:
    """How often the kernel ended a process of this one's control group for memory, and refused it a new one.

    Zeroes where that cannot be read.
    """
    killed = refused = 0
    # A group that the engine shares with us counts for more than the container.
    for line in _groups(pid) - _groups(os.getpid()):
        _, controllers, path = line.split(":", 2)
        folder = f"{_CGROUPS}/{controllers}{path}" if controllers else f"{_CGROUPS}{path}"
        for name, key in (("memory.events", "oom_kill"), ("memory.oom_control", "oom_kill"), ("pids.events", "max")):
            count = _counted(f"{folder}/{name}", key)
            if key == "max":
                refused += count
            else:
                killed += count
    return killed, refused


def _groups(pid: int) -> set[str]:
    try:
        with open(f"/proc/{pid}/cgroup") as listing:  # noqa: PTH123
            return set(listing.read().splitlines())
    except OSError:
        return set()


def _counted(file: str, key: str) -> int:
    try:
        with open(file) as events:  # noqa: PTH123
            for line in events:
                name, _, count = line.partition(" ")
                if name == key:
                    return int(count)
    except (OSError, ValueError):
        return 0
    return 0
