"""Reads a record folder: regular files inside it and nothing else, within bounds. Writes nothing."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain.errors import RecordDamaged
from bot.recheck.nearby import cycles_below

RECORD = "record.json"
MOST_FILES = 5_000
MOST_BYTES_A_FILE = 128_000_000
MOST_BYTES = 512_000_000
MOST_DEPTH = 24
ALL = "."
"""What `odd` calls the folder itself."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe would wait for a writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DENIED = frozenset({errno.EACCES, errno.EPERM})


@dataclass(frozen=True)
class Content:
    """What lies in a folder: bytes by path (with `/`), and what was not read, with the reason.

    What `odd` names may be a folder: nothing below it was read. Reasons are predicates ("is a symbolic link").
    Bytes of names that are no UTF-8 show as escapes.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    odd: dict[str, str] = field(default_factory=dict)


def lacking(path: str, odd: Mapping[str, str]) -> str:
    """Why a file that was expected has no bytes, as a predicate; `odd` as in Content."""
    if path in odd:
        return odd[path]
    parts = path.split("/")
    for count in range(1, len(parts)):
        above = "/".join(parts[:count])
        if above in odd:
            return f"cannot be read: {above} {odd[above]}"
    return f"was not read, since the folder {odd[ALL]}" if ALL in odd else "is not there"


def read_folder(folder: Path) -> Content:
    """Read the regular files of a cycle's folder, of which its record.json may be named as well.

    Symlinks and special files are not followed or opened, files over a bound are not read; all are named, and so is
    what cannot be read. Raises RecordDamaged when there is no such folder or no readable record.json in it.
    """
    content = Content()
    with _opened(folder) as opened:
        # First, so that no other file is read where there is no record, and none of them can take its place.
        found = _read(RECORD, opened, MOST_BYTES_A_FILE)
        if isinstance(found, bytes):
            content.files[RECORD] = found
        elif isinstance(found, FileNotFoundError):
            raise _no_record(folder)
        elif isinstance(found, OSError):
            raise _unreadable(folder, f"its {RECORD} {_cannot(found)}", found)
        else:
            raise _none(folder, f"its {RECORD} {found}")
        _Walk(content).folder(opened, "", 1)
    return content


def read_file(folder: Path, name: str) -> bytes | str:
    """The bytes of a regular file that lies in a folder, or why there are none, as a predicate ("is not there")."""
    try:
        with _opened(folder) as opened:
            found = _read(name, opened, MOST_BYTES_A_FILE)
    except RecordDamaged as error:
        return f"cannot be read: {error.what}"
    if isinstance(found, FileNotFoundError):
        return "is not there"
    return _cannot(found) if isinstance(found, OSError) else found


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """A descriptor of the folder that is named, or that the named record.json lies in."""
    try:
        top = folder.resolve(strict=True)
        if top.name == RECORD and not top.is_dir():
            top = top.parent
        opened = os.open(top, _FOLDER)
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOTDIR:
            raise _none(folder, "it is no folder") from error
        raise _unreadable(folder, getattr(error, "strerror", None) or "it cannot be read", error) from error
    try:
        yield opened
    finally:
        os.close(opened)


def _no_record(folder: Path) -> RecordDamaged:
    cycles, more = cycles_below(folder)
    if not cycles:
        return _none(folder, f"there is no {RECORD} in it")
    if len(cycles) == 1 and not more:
        return _none(folder, f"there is no {RECORD} in it, but a cycle below it", f"Did you mean {cycles[0]}?")
    named = ", ".join(map(str, cycles))
    return _none(folder, f"there is no {RECORD} in it, but cycles below it",
                 f"Name one of them: {named}{', or an earlier one' if more else ''}.")


def _unreadable(folder: Path, why: str, error: Exception) -> RecordDamaged:
    if getattr(error, "errno", None) in _DENIED:
        return _none(folder, why, "Mend its permissions, or run this as somebody who may read it.")
    return _none(folder, why)


def _none(folder: Path, why: str, remedy: str = "") -> RecordDamaged:
    return RecordDamaged(
        f"There is no readable record in {folder}: {why}.",
        remedy or "Name a cycle's folder, STATE/FOCUS/RUN/cycle-NN; `bot status` lists the cycles of a state.",
    )


class _Walk:
    """Reads what lies below a folder, all of it by descriptors, so that no name is looked up twice."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._room = MOST_BYTES - sum(map(len, content.files.values()))
        self._seen = 0

    def folder(self, opened: int, within: str, depth: int) -> None:
        """Read one folder and those in it; `within` is its path with a `/` at its end, or nothing."""
        try:
            names = sorted(os.listdir(opened))
        except OSError as error:
            self._content.odd[within.rstrip("/") or ALL] = _cannot(error)
            return
        for name in names:
            path = within + os.fsencode(name).decode("utf-8", "backslashreplace")
            if path == RECORD:
                continue
            if self._seen >= MOST_FILES:
                self._content.odd[ALL] = f"holds more than {MOST_FILES:,} files and folders"
                return
            self._seen += 1
            why = self._entry(name, opened, path, depth)
            if why:
                self._content.odd[path] = why

    def _entry(self, name: str, opened: int, path: str, depth: int) -> str:
        """Read what a name stands for; return why it was not read, if so."""
        try:
            mode = os.stat(name, dir_fd=opened, follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                if depth >= MOST_DEPTH:
                    return f"lies deeper than {MOST_DEPTH} folders"
                inner = os.open(name, _FOLDER, dir_fd=opened)
                try:
                    self.folder(inner, f"{path}/", depth + 1)
                finally:
                    os.close(inner)
                return ""
        except OSError as error:
            return _cannot(error)
        found = _read(name, opened, min(MOST_BYTES_A_FILE, self._room))
        if isinstance(found, bytes):
            self._content.files[path] = found
            self._room -= len(found)
            return ""
        return _cannot(found) if isinstance(found, OSError) else found


def _cannot(error: OSError) -> str:
    return f"cannot be read ({error.strerror})" if error.strerror else "cannot be read"


def _read(name: str, folder: int, most: int) -> bytes | str | OSError:
    """A file's bytes, or why it was not read."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            return "is a symbolic link"
        if not stat.S_ISREG(found.st_mode):
            return "is no regular file"
        with os.fdopen(os.open(name, _FILE, dir_fd=folder), "rb") as stream:
            # What was opened may be another by now.
            found = os.fstat(stream.fileno())
            if not stat.S_ISREG(found.st_mode):
                return "is no regular file"
            content: bytes | None = stream.read(most + 1) if found.st_size <= most else b""
    except OSError as error:
        return error
    if content is None:
        # So answers a file that has nothing to read yet, as some below /proc.
        return "cannot be read"
    if found.st_size > most or len(content) > most:
        return f"is larger than the {most:,} bytes that are read"
    return content
