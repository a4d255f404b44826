"""Reads a record folder: regular files inside it and nothing else, within bounds. Writes nothing."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain.errors import RecordDamaged

MOST_FILES = 5_000
MOST_BYTES_A_FILE = 128_000_000
MOST_BYTES = 512_000_000
MOST_DEPTH = 24


@dataclass(frozen=True)
class Content:
    """What lies in a folder: bytes by path (with `/`), and what was not read, with the reason."""

    files: dict[str, bytes] = field(default_factory=dict)
    odd: dict[str, str] = field(default_factory=dict)


def read_folder(folder: Path) -> Content:
    """Read a folder's regular files. Raises RecordDamaged when there is no such folder or no record in it.

    Symlinks and special files are not followed or opened, files over a bound are not read; all are named.
    """
    content = Content()
    try:
        top = folder.resolve(strict=True)
        if not top.is_dir():
            raise _none(folder, "it is no folder")
        _walk(top, content)
    except (OSError, ValueError, RuntimeError) as error:
        raise _none(folder, getattr(error, "strerror", None) or "it cannot be read") from error
    if "record.json" not in content.files:
        odd = content.odd.get("record.json")
        raise _none(folder, f"its record.json {odd}" if odd else "there is no record.json in it")
    return content


def _none(folder: Path, why: str) -> RecordDamaged:
    return RecordDamaged(
        f"There is no readable record in {folder}: {why}.",
        "Name a cycle's folder, STATE/FOCUS/RUN/cycle-NN; `bot status` lists the cycles of a state.",
    )


def _walk(top: Path, content: Content) -> None:
    room = MOST_BYTES

    def unreadable(error: OSError) -> None:
        content.odd[str(error.filename)] = f"cannot be read ({error.strerror})"

    for place, folders, names, opened in os.fwalk(top, onerror=unreadable, follow_symlinks=False):
        within = Path(place).relative_to(top)
        folders.sort()
        for name in tuple(folders):
            path = (within / name).as_posix()
            if stat.S_ISLNK(os.stat(name, dir_fd=opened, follow_symlinks=False).st_mode):
                content.odd[path] = "is a symbolic link"
                folders.remove(name)
            elif len(within.parts) + 1 >= MOST_DEPTH:
                content.odd[path] = f"lies deeper than {MOST_DEPTH} folders"
                folders.remove(name)
        for name in sorted(names):
            path = (within / name).as_posix()
            if len(content.files) + len(content.odd) >= MOST_FILES:
                content.odd["."] = f"holds more than {MOST_FILES} files"
                folders.clear()
                return
            found = _read(name, opened, min(MOST_BYTES_A_FILE, room))
            if isinstance(found, bytes):
                content.files[path] = found
                room -= len(found)
            else:
                content.odd[path] = found


def _read(name: str, folder: int, most: int) -> bytes | str:
    """A file's bytes, or why it was not read."""
    try:
        # Without O_NONBLOCK, opening a pipe would wait for a writer.
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        link = stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
        return "is a symbolic link" if link else f"cannot be read ({error.strerror})"
    with os.fdopen(file, "rb") as stream:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            return "is no regular file"
        content = stream.read(most + 1) if found.st_size <= most else b""
        if found.st_size > most or len(content) > most:
            return f"is larger than the {most:,} bytes that are read"
        return content
