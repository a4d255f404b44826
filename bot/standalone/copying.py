"""A copy of a project, in which tests may run and which they may spoil. The project itself is only read."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.adapters.git_command import environment
from bot.domain.base import repo_path
from bot.domain.errors import ConfigProblem

_NEVER = frozenset({
    ".git", ".hg", ".svn", ".bot", "node_modules", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox",
    ".nox", ".hypothesis", ".eggs",
})
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.untrackedCache=false",
        "ls-files", "-z", "--cached", "--others", "--exclude-standard")
_GIT_SECONDS = 120

_Mark = tuple[int, int, int, int]
"""What cannot stay the same when a file is written: its inode, size, time of change and mode."""


def files_of(root: Path, wanted: Iterable[str] = ()) -> tuple[str, ...]:
    """The paths of a project's files, relative to `root`, sorted.

    In a git work tree those that are tracked, and those that are not and not ignored; elsewhere all. Virtual
    environments, caches and git's own data are never among them. What lies under `wanted` is, ignored or not.
    """
    listed = _from_git(root)
    found = set(_from_folder(root, "") if listed is None else _kept(root, listed))
    for path in wanted:
        found |= {path} if (root / path).is_file() else set(_from_folder(root, path))
    return tuple(sorted(found))


def _from_git(root: Path) -> tuple[str, ...] | None:
    try:
        done = subprocess.run(_GIT, cwd=root, capture_output=True, env=environment(), timeout=_GIT_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    # Nothing: a folder that the repository around it ignores.
    return tuple(os.fsdecode(name) for name in done.stdout.split(b"\0") if name) or None


def _kept(root: Path, listed: tuple[str, ...]) -> Iterator[str]:
    known: dict[str, bool] = {"": True}

    def kept(folder: str) -> bool:
        if folder not in known:
            above, _, name = folder.rpartition("/")
            known[folder] = kept(above) and not _left_out(root / folder, name)
        return known[folder]

    return (path for path in listed if kept(path.rpartition("/")[0]))


def _left_out(folder: Path, name: str) -> bool:
    return name in _NEVER or (folder / "pyvenv.cfg").is_file()


def _from_folder(root: Path, start: str) -> Iterator[str]:
    for folder, names, files in os.walk(root / start):
        at = os.path.relpath(folder, root)
        links = [name for name in names if (Path(folder) / name).is_symlink()]
        names[:] = sorted(name for name in names if name not in links and not _left_out(Path(folder) / name, name))
        for name in (*files, *links):
            yield name if at == "." else f"{at}/{name}"


class WorkingCopy:
    """A copy of a project's files in a temporary folder, gone with the context.

    `tree` holds the files, `scratch` is an empty folder beside it. What is run may write to both: after `restore`
    `tree` is again what it was. Raises ConfigProblem when a file cannot be read.
    """

    def __init__(self, root: Path, wanted: Iterable[str] = ()) -> None:
        self.root = Path(os.path.realpath(root))
        # Short names: tests put sockets below, and the path of a socket may have 107 bytes.
        self._base = Path(os.path.realpath(tempfile.mkdtemp(prefix="wb-")))
        self._pristine = self._base / "pristine"
        self.tree = self._base / "w" / "tree"
        self.scratch = self._base / "w" / "s"
        self.files: tuple[str, ...] = ()
        self._marks: dict[str, _Mark] = {}
        self._folders: frozenset[str] = frozenset()
        try:
            self.files = tuple(path for path in files_of(self.root, wanted) if self._take(path))
            self._folders = frozenset(str(above) for path in self.files for above in Path(path).parents)
            self.scratch.mkdir(parents=True)
            self._lay_out()
        except OSError as error:
            self.close()
            raise ConfigProblem(f"{error.filename or self.root} cannot be copied ({error.strerror}).",
                                "Make it readable, or see that there is room in the temporary folder.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Remove it."""
        shutil.rmtree(self._base, ignore_errors=True)

    @contextlib.contextmanager
    def changed(self, overlay: Mapping[str, bytes]) -> Iterator[Path]:
        """The tree with other content in some files (paths relative to it) or with more of them; then as it was.

        Raises ValueError for a path that leads out of it.
        """
        try:
            for path, content in overlay.items():
                place = self.tree / repo_path(path)
                if not Path(os.path.realpath(place.parent)).is_relative_to(self.tree):
                    raise ValueError(f"{path} leads out of the tree")
                place.parent.mkdir(parents=True, exist_ok=True)
                mode = stat.S_IMODE(place.stat().st_mode) if place.is_file() else 0o644
                place.unlink(missing_ok=True)
                place.write_bytes(content)
                place.chmod(mode)
            yield self.tree
        finally:
            self.restore()

    def restore(self) -> None:
        """Undo whatever was done to the tree."""
        try:
            found = self._sweep()
            for path in self.files:
                if path not in found or _mark(self.tree / path) != self._marks[path]:
                    self._put(path)
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.scratch.mkdir(exist_ok=True)
        except OSError:
            # Whoever ran here made it as hard as can be: begin anew in another place.
            shutil.rmtree(self.tree.parent, ignore_errors=True)
            work = Path(tempfile.mkdtemp(prefix="w", dir=self._base))
            self.tree, self.scratch = work / "tree", work / "s"
            self.scratch.mkdir()
            self._lay_out()

    def _sweep(self) -> set[str]:
        """Remove what does not belong there, and return what is left of the files."""
        known, found, waiting = frozenset(self.files), set(), [""]
        while waiting:
            folder = waiting.pop()
            with os.scandir(self.tree / folder) as entries:
                for entry in list(entries):
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if is_folder and path in self._folders:
                        waiting.append(path)
                    elif is_folder:
                        shutil.rmtree(entry.path)
                    elif path in known:
                        found.add(path)
                    else:
                        Path(entry.path).unlink()
        return found

    def _take(self, path: str) -> bool:
        """Copy one file of the project; False for what is none, is gone, or lies or leads outside."""
        source, place = self.root / path, self._pristine / path
        try:
            status = source.lstat()
        except FileNotFoundError:
            return False
        if not Path(os.path.realpath(source)).is_relative_to(self.root):
            return False
        place.parent.mkdir(parents=True, exist_ok=True)
        if stat.S_ISLNK(status.st_mode):
            target = source.readlink()
            inside = Path(os.path.relpath(os.path.realpath(source), source.parent)) if target.is_absolute() else target
            place.symlink_to(inside)
            return True
        if not stat.S_ISREG(status.st_mode):
            return False
        shutil.copyfile(source, place)
        place.chmod(stat.S_IMODE(status.st_mode) & 0o777 | 0o600)
        return True

    def _lay_out(self) -> None:
        self.tree.mkdir(parents=True)
        for path in self.files:
            self._put(path)

    def _put(self, path: str) -> None:
        place = self.tree / path
        for folder in reversed(place.relative_to(self.tree).parents):
            above = self.tree / folder
            if above.is_symlink() or (above.exists() and not above.is_dir()):
                above.unlink()
            above.mkdir(exist_ok=True)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
        shutil.copy(self._pristine / path, place, follow_symlinks=False)
        self._marks[path] = _mark(place)


def _mark(path: Path) -> _Mark:
    status = path.lstat()
    return status.st_ino, status.st_size, status.st_ctime_ns, status.st_mode
