"""How much a process tree has written, to whatever kind of storage."""

from __future__ import annotations

import os

LEAST = 1024
"""Bytes that every entry counts for, whatever it holds: inodes are used up too."""


def folder_bytes(folder: str, enough: float = float("inf")) -> int:
    """The disk space of everything in a folder, hard links counted once, symbolic links not followed.

    The count may stop once it is above `enough`.
    """
    total = 0
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting and total <= enough:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
                        info = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    if info.st_nlink > 1 and not entry.is_dir(follow_symlinks=False):
                        if (info.st_dev, info.st_ino) in seen:
                            continue
                        seen.add((info.st_dev, info.st_ino))
                    total += max(info.st_blocks * 512, LEAST)
        except OSError:
            continue
    return total


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
