"""How much a process tree has written, to whatever kind of storage."""

from __future__ import annotations

import errno
import os
from typing import NamedTuple

LEAST = 1024
"""Bytes that every entry counts for, whatever it holds: inodes are used up too."""


DEEPEST = 256
"""Folders within each other. Deeper ones are nobody's in earnest, cannot be counted by their paths, and are more than
recursive removal in Python can do."""


class Used(NamedTuple):
    """What a folder holds: its bytes, a folder that lies too deep (else ""), and whether one could not be listed."""

    total: int
    too_deep: str
    hidden: bool


def folder_bytes(folder: str, enough: float = float("inf")) -> Used:
    """The disk space of everything in a folder, hard links counted once, symbolic links not followed.

    The count may stop once it is above `enough`, or at a folder that lies too deep.
    """
    total = 0
    hidden = False
    seen: set[tuple[int, int]] = set()
    waiting = [(folder, 0)]
    while waiting and total <= enough:
        path, depth = waiting.pop()
        if depth > DEEPEST:
            return Used(total, path, hidden)
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append((entry.path, depth + 1))
                        info = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    if info.st_nlink > 1 and not entry.is_dir(follow_symlinks=False):
                        if (info.st_dev, info.st_ino) in seen:
                            continue
                        seen.add((info.st_dev, info.st_ino))
                    total += max(info.st_blocks * 512, LEAST)
        except PermissionError:
            hidden = True
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return Used(total, path, hidden)
    return Used(total, "", hidden)


def remove_too_deep(folder: str) -> None:
    """Remove what lies too deep in a folder that nobody writes to any more."""
    import subprocess  # dear to import, and hardly ever needed

    while too_deep := folder_bytes(folder).too_deep:
        # From half way down: the whole path may be too long for an argument.
        top = too_deep
        for _ in range(DEEPEST // 2):
            top = top.rpartition("/")[0]
        done = subprocess.run(("rm", "-rf", "--", top), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, env={"PATH": os.defpath}, check=False)
        if done.returncode != 0:
            return


def free_bytes(folder: str) -> int:
    """The free space of the file system that a folder lies on; 0 when it cannot be told."""
    try:
        sizes = os.statvfs(folder)
    except OSError:
        return 0
    return sizes.f_bfree * sizes.f_frsize


def unlinked_bytes(pids: list[int]) -> int:
    """The space of files that have no name any more (or never had one) but are held open."""
    total = 0
    seen: set[tuple[int, int]] = set()
    for pid in pids:
        try:
            handles = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208
        except OSError:
            continue
        for handle in handles:
            try:
                info = os.stat(f"/proc/{pid}/fd/{handle}")  # noqa: PTH116
            except OSError:
                continue
            if info.st_nlink == 0 and (info.st_dev, info.st_ino) not in seen:
                seen.add((info.st_dev, info.st_ino))
                total += info.st_blocks * 512
    return total


def tmpfs_bytes(inside: int, mounts: list[str]) -> int:
    """The space used on the private memory file systems of a sandboxed process."""
    total = 0
    for mount in mounts:
        try:
            sizes = os.statvfs(f"/proc/{inside}/root{mount}")
        except OSError:
            continue
        total += (sizes.f_blocks - sizes.f_bfree) * sizes.f_frsize
    return total
