"""Where the files of the folder-backed forge lie, how they are numbered, and how one process has them alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from bot.adapters.atomic import TEMPORARY
from bot.domain.base import Sha
from bot.domain.errors import ForgeGone, ForgeProblem

_NUMBERED = re.compile(r"([0-9]{4,})\.(?:md|comments)")
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LOCK_SECONDS: Final = 10.0


class LocalFolder:
    """`issues/0001.md`, `issues/0001.comments/0001.md`, `pulls/0002.md`, `checks/SHA/0001.md`, `state/NAME`.

    A number is one more than the highest there is, taken while the folder is locked, so a kill can neither lose nor
    repeat one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def file(self, kind: str, number: int) -> Path:
        """The file of an issue or pull request."""
        return self.path / kind / f"{number:04d}.md"

    def existing(self, number: int, *folders: str) -> Path:
        """The file with a number, in one of the folders that match the globs. Raises ForgeGone without one."""
        for folder in (folder for glob in folders for folder in sorted(self.path.glob(glob))):
            path = folder / f"{number:04d}.md"
            if path.is_file():
                return path
        raise ForgeGone(
            f"There is no number {number} in {' or '.join(f'{self.path}/{glob}' for glob in folders)}.",
            "Restore the file, or start a new run.",
        )

    def conversation(self, number: int) -> Path:
        """The folder of the comments on an issue or pull request. Raises ForgeGone without one."""
        path = self.existing(number, "issues", "pulls")
        return path.with_name(f"{path.stem}.comments")

    def checks(self, head: Sha) -> Path:
        """The folder of the checks on a commit. Raises ForgeProblem for what is no commit."""
        if not _SHA.fullmatch(head):
            raise ForgeProblem(f"{head[:80]!r} is no full commit id.", "Give the commit's full id.")
        return self.path / "checks" / head

    def next(self, *folders: str) -> int:
        """The next number. A conversation whose issue somebody deleted still takes its number."""
        entries = (entry for glob in folders for folder in self.path.glob(glob) for entry in folder.iterdir())
        taken = (match for entry in entries if (match := _NUMBERED.fullmatch(entry.name)))
        return max((int(match[1]) for match in taken), default=0) + 1

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder alone. The operating system frees the lock of a process that dies. Raises ForgeProblem."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock")
            with lock.acquire(timeout=_LOCK_SECONDS):
                for torn in self.path.rglob(f"*{TEMPORARY}"):
                    torn.unlink()
                yield
        except Timeout as held:
            raise ForgeProblem(
                f"Another process has held {self.path} for {_LOCK_SECONDS:g} s.",
                "Wait for it, then run `bot resume`.",
            ) from held
        except OSError as failure:
            raise ForgeProblem(
                f"The folder {self.path} cannot be written: {failure.strerror or failure}.",
                "Check its permissions and the disk, then run `bot resume`.",
            ) from failure


def documents(folder: Path) -> list[Path]:
    """The numbered files of a folder, in order; what people or an interrupted write left beside them is no matter."""
    try:
        found = [path for path in folder.iterdir() if path.suffix == ".md" and _NUMBERED.fullmatch(path.name)]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda path: int(path.stem))
