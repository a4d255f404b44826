"""The files of a folder that somebody else wrote: which there are, and their text, whatever they hold."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from bot.adapters.git_command import environment

MOST_FILE_BYTES = 2_000_000
"""Larger files are not read: no person wrote them."""

MOST_ENTRIES = 200_000
"""So many entries of folders are looked at below one folder."""

_GIT_SECONDS = 30.0
_GENERATED = frozenset({"node_modules", "site-packages", "__pycache__", "build", "dist", "__pypackages__"})
_ENVIRONMENT_MARK = "pyvenv.cfg"
NO_PYTHON = "\0"
"""Stands for the text of a file that cannot be read. No Python has a null byte, so nothing is taken for its content."""


@dataclass(frozen=True)
class Text:
    """The text of a file, its lines ended by line feeds; or, with `problem` saying why, NO_PYTHON."""

    text: str
    problem: str = ""


@dataclass(frozen=True)
class Listing:
    """The Python files below a folder, absolute and sorted. `cut`: there are more than were looked at."""

    paths: tuple[Path, ...]
    cut: bool = False


def read_text(path: Path) -> Text:
    """Read a Python file as Python does: by its byte order mark, its coding cookie, else as UTF-8 (PEP 263)."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return Text(NO_PYTHON, "it is no regular file")
        with path.open("rb") as file:
            content = file.read(MOST_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        return Text(NO_PYTHON, f"it cannot be read ({getattr(error, 'strerror', None) or error})")
    if len(content) > MOST_FILE_BYTES:
        return Text(NO_PYTHON, f"it has more than {MOST_FILE_BYTES:,} bytes")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (SyntaxError, LookupError, ValueError) as error:
        return Text(NO_PYTHON, f"its text cannot be decoded ({str(error)[:200]})")
    # A few encodings (UTF-7, say) make halves of characters, which no report could show.
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return Text(whole.replace("\r\n", "\n").replace("\r", "\n"))


@lru_cache(maxsize=64)
def python_files(folder: Path) -> Listing:
    """The Python files below a folder, but for those of environments, caches, builds and hidden folders.

    Where git is and knows the folder, files that it ignores are left out, unless it ignores all of them.
    """
    listed = _by_git(folder)
    if listed:
        kept = [path for path in listed if not _left_out(path.relative_to(folder).parts[:-1])]
        return Listing(tuple(sorted(_outside_environments(kept, folder))))
    looked_at = list(islice(_walk(folder), MOST_ENTRIES + 1))
    found = sorted(path for path in looked_at if path is not None)
    return Listing(tuple(found), cut=len(looked_at) > MOST_ENTRIES)


def _left_out(folders: tuple[str, ...]) -> bool:
    return any(name.startswith(".") or name in _GENERATED or name.endswith(".egg-info") for name in folders)


def _outside_environments(paths: list[Path], folder: Path) -> Iterator[Path]:
    known: dict[Path, bool] = {folder: True}

    def outside(inner: Path) -> bool:
        if inner not in known:
            known[inner] = outside(inner.parent) and not (inner / _ENVIRONMENT_MARK).is_file()
        return known[inner]

    return (path for path in paths if outside(path.parent))


def _walk(folder: Path) -> Iterator[Path | None]:
    """Yield each Python file, and None for everything else that was looked at. Links to folders are not followed."""
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError:
            yield None
            continue
        for entry in entries:
            try:
                is_folder = entry.is_dir(follow_symlinks=False)
                is_file = entry.is_file()
            except OSError:
                is_folder = is_file = False
            yield Path(entry.path) if is_file and entry.name.endswith(".py") else None
            if is_folder and not _left_out((entry.name,)) and not (Path(entry.path) / _ENVIRONMENT_MARK).is_file():
                waiting.append(Path(entry.path))


def _by_git(folder: Path) -> list[Path]:
    """The Python files that git knows or does not ignore; none where git cannot tell."""
    # The repository's own settings could name a program for git to run, so those that do are overruled.
    asked = (
        "git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.untrackedCache=false",
        "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate",
    )
    try:
        done = subprocess.run(asked, env=environment(), stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=_GIT_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError, ValueError):
        return []
    if done.returncode != 0:
        return []
    names = (os.fsdecode(name) for name in done.stdout.split(b"\0") if name.endswith(b".py"))
    return [path for name in names if (path := folder / name).is_file()]


def shown(path: Path) -> str:
    """A path as it is shown and as it is named in what is examined: from the current folder, with `/`.

    Bytes of a name that are no UTF-8 are written as hexadecimal escapes.
    """
    here = Path.cwd()
    if not path.is_relative_to(here):
        real = Path(os.path.realpath(path))
        path = real if real.is_relative_to(here) else path
    return plain(os.path.relpath(path, here))


def plain(name: str) -> str:
    """A file's name as text that can be written."""
    return os.fsencode(name).decode("utf-8", "backslashreplace").replace(os.sep, "/")
