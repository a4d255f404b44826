"""Which files below a folder are logs, and which were left out."""

from __future__ import annotations

import os
import stat
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bot.domain.base import counted

ENDINGS = (".json", ".ndjson", ".jsonl", ".log")
"""How a log's name ends, with or without .gz after it."""
_Kind = tuple[str, str]
_HIDDEN = ("hidden file or folder", "hidden files or folders")
_ASTRAY = ("link that leads out of the folder or nowhere", "links that lead out of the folder or nowhere")
_NO_FILE = ("thing that is no file", "things that are no files")
_NAMES = f"without a log's name ({', '.join(ENDINGS)}, also with .gz)"
_NO_LOG = (f"file {_NAMES}", f"files {_NAMES}")


@dataclass(frozen=True)
class FoundFiles:
    """The log files below a folder, sorted by path, and a sentence for each kind of thing that was left out.

    `failed` are those of the sentences that speak of what was wanted and could not be had.
    """

    files: tuple[Path, ...]
    left_out: tuple[str, ...]
    failed: tuple[str, ...] = ()


def find_log_files(folder: Path) -> FoundFiles:
    """Look through a folder and those in it.

    All hours of a sink's export are taken: an object is named for the hour in which Cloud Logging had its entries,
    which is not certain to be the hour of their timestamps. A link is followed to a file within the folder only,
    and not where that file is taken anyway. Raises OSError when the folder cannot be listed.
    """
    root = folder.resolve()
    next(root.iterdir(), None)
    search = _Search(root)
    for place, folders, names in os.walk(root, onerror=search.unlistable):
        folders[:] = search.open_folders(Path(place), folders)
        for name in sorted(names):
            search.look_at(Path(place) / name)
    taken = set(search.taken)
    files = sorted(taken | {link for link, target in search.links if target not in taken})
    shown = (folder / path.relative_to(root) for path in files)
    return FoundFiles(tuple(shown), search.sentences(), search.sentences(failed=True))


class _Search:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.taken: list[Path] = []
        self.links: list[tuple[Path, Path]] = []
        self._left: Counter[_Kind] = Counter()
        self._example: dict[_Kind, Path] = {}
        self._failed: set[_Kind] = set()

    def open_folders(self, place: Path, names: list[str]) -> list[str]:
        """The folders that are gone into, in order."""
        kept = []
        for name in sorted(names):
            path = place / name
            if name.startswith("."):
                self._leave(_HIDDEN, path)
            elif not path.is_symlink():
                kept.append(name)
            elif not self._within(path):
                self._leave(_ASTRAY, path)
        return kept

    def look_at(self, path: Path) -> None:
        """Take a file or leave it."""
        if path.name.startswith("."):
            self._leave(_HIDDEN, path)
        elif not path.name.lower().removesuffix(".gz").endswith(ENDINGS):
            self._leave(_NO_LOG, path)
        elif path.is_symlink() and not (self._within(path) and path.exists()):
            self._leave(_ASTRAY, path)
        elif not _is_file(path):
            self._leave(_NO_FILE, path)
        elif path.is_symlink():
            self.links.append((path, path.resolve()))
        else:
            self.taken.append(path)

    def unlistable(self, error: OSError) -> None:
        """Keep that a folder could not be gone into."""
        why = f"that could not be listed ({error.strerror or error})"
        kind = (f"folder {why}", f"folders {why}")
        self._failed.add(kind)
        self._leave(kind, Path(str(error.filename)))

    def sentences(self, *, failed: bool = False) -> tuple[str, ...]:
        """What was left out, by count, with an example of each. `failed`: only what could not be gone into."""
        return tuple(f"Not read: {counted(count, *kind)}, such as {shown(self._example[kind].relative_to(self.root))}."
                     for kind, count in sorted(self._left.items()) if kind in self._failed or not failed)

    def _leave(self, kind: _Kind, path: Path) -> None:
        self._left[kind] += 1
        self._example.setdefault(kind, path)

    def _within(self, link: Path) -> bool:
        try:
            return link.resolve(strict=False).is_relative_to(self.root)
        except (OSError, RuntimeError):
            return False


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def shown(path: Path) -> str:
    """A path for people. A name may hold what no terminal should be given and what is no Unicode."""
    text = str(path).encode("utf-8", "replace").decode()
    return "".join(mark if mark.isprintable() else "?" for mark in text)
