"""A repository of our own beside somebody's: it reads all that theirs holds, and what is written stays in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from bot.adapters.git_command import Git
from bot.domain.errors import ForgeProblem

_MOST_SECONDS = 60.0


def borrow(clone: Path, folder: Path) -> None:
    """Make a bare repository at `folder`, an absolute path, that has all objects of `clone` by reference.

    How: gitrepository-layout(5), objects/info/alternates. One that is there already stays as it is. Raises
    ConfigProblem when `clone` is no repository, ForgeProblem when git fails or the folder cannot be written.
    """
    git = Git(clone, _MOST_SECONDS)
    # Of a linked worktree it is the folder that all of them have in common.
    objects = git.ask("rev-parse", "--path-format=absolute", "--git-path", "objects").removesuffix(b"\n")
    form = git.ask("rev-parse", "--show-object-format").decode().strip()
    marked = folder / "objects" / "info" / "alternates"
    line = os.fsencode(os.path.realpath(os.fsdecode(objects))) + b"\n"
    try:
        if marked.is_file() and marked.read_bytes() == line:
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        git.ask("init", "--quiet", "--bare", "--template=", f"--object-format={form}", env={"GIT_DIR": str(folder)})
        marked.parent.mkdir(parents=True, exist_ok=True)
        marked.write_bytes(line)
    except OSError as failure:
        raise ForgeProblem(
            f"{folder} cannot be written: {failure.strerror or failure}.", "Name another folder with --state."
        ) from failure
