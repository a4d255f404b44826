"""Process trees, read from /proc."""

from __future__ import annotations

import os

PAGE = os.sysconf("SC_PAGE_SIZE")
"""Bytes a memory page: /proc counts in pages."""


def children(pid: int) -> list[int]:
    """The direct children of all threads of a process; empty when it is gone."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - pathlib costs 15 ms to import
    except OSError:
        return found
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as listing:  # noqa: PTH123
                found += map(int, listing.read().split())
        except OSError:
            continue
    return found


def children_by_scan() -> dict[int, list[int]]:
    """The children of every process of the machine, for kernels that do not list them by parent."""
    table: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            fields = stat_fields(int(name))
            if fields:
                table.setdefault(int(fields[1]), []).append(int(name))
    return table


def stat_fields(pid: int) -> list[bytes]:
    """The fields of /proc/PID/stat from the state on; empty when the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123
            return stat.read().rpartition(b")")[2].split()
    except OSError:
        return []


_LISTS_CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # noqa: PTH110


def descendants(root: int) -> list[int]:
    """Every process below `root`, parents before children."""
    table = None if _LISTS_CHILDREN else children_by_scan()
    found: list[int] = []
    waiting = [root]
    seen = {root}
    while waiting:
        parent = waiting.pop()
        for child in children(parent) if table is None else table.get(parent, []):
            if child not in seen:
                seen.add(child)
                found.append(child)
                waiting.append(child)
    return found


def proportional(pid: int) -> int | None:
    """A process's memory in bytes with shared pages split among their users; None when it cannot be read."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as rollup:  # noqa: PTH123
            for line in rollup:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return None
    return None


def tasks_of_this_user() -> int:
    """How many threads the user has already: RLIMIT_NPROC counts them all."""
    user = os.getuid()
    total = 0
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}").st_uid == user:  # noqa: PTH116
                    total += int(stat_fields(int(name))[17])
            except (OSError, IndexError):
                continue
    return total


def memory_of(pid: int) -> int:
    """A process's memory in bytes, as exactly as it can be told."""
    exact = proportional(pid)
    if exact is not None:
        return exact
    fields = stat_fields(pid)
    return int(fields[21]) * PAGE if fields else 0
