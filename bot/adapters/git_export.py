"""Writes the files of a commit into a folder: as they are stored, and nothing outside of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final, NamedTuple

from bot.adapters.git_command import Git
from bot.domain.base import Sha
from bot.domain.errors import ForgeProblem

PLAIN: Final = "100644"
EXECUTABLE: Final = "100755"
LINK: Final = "120000"
PLAIN_MODES = frozenset({PLAIN, "100664", EXECUTABLE})
"""Git stored group-writable files as 100664 in its first months; such trees are still about."""

_CHUNK = 1 << 20


class Entry(NamedTuple):
    """A file, link or submodule of a tree."""

    mode: str
    oid: str


Listing = Mapping[str, Entry]
"""All entries of a commit by path; bytes that are not UTF-8 are escaped as `os.fsdecode` does."""


def read_listing(git: Git, commit: Sha) -> Listing:
    """List a commit. Raises ForgeProblem when it is not there."""
    listing = {}
    for line in git.ask("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")[:-1]:
        about, _, name = line.partition(b"\t")
        mode, _, oid = about.decode().split(" ")
        listing[os.fsdecode(name)] = Entry(mode, oid)
    return listing


def write_files(git: Git, listing: Listing, into: Path) -> None:
    """Write the files and links of a listing into an empty folder.

    Links that lead out of the folder and submodules are left out. Raises OSError, and ForgeProblem for a
    path that is hostile or an object that is missing.
    """
    root = into.resolve()
    wanted = [(_inside(root, path), entry) for path, entry in listing.items() if entry.mode in PLAIN_MODES | {LINK}]
    # Links last, so that no file is ever written through one.
    wanted.sort(key=lambda item: item[1].mode == LINK)
    made = {str(root)}
    links = []
    questions = "".join(f"{entry.oid}\n" for _, entry in wanted).encode()
    with git.stream("cat-file", "--batch", "--buffer", stdin=questions) as answers:
        for path, entry in wanted:
            parent = os.path.dirname(path)  # noqa: PTH120 - pathlib is ten times slower here
            if parent not in made:
                os.makedirs(parent, exist_ok=True)  # noqa: PTH103
                made.add(parent)
            size = _size(git, answers.readline(), entry.oid)
            if entry.mode == LINK:
                target = os.fsdecode(answers.read(size))
                if target and "\0" not in target:
                    Path(path).symlink_to(target)
                    links.append(Path(path))
            else:
                _copy(answers, size, path, executable=entry.mode == EXECUTABLE)
            answers.read(1)
    _drop_escaping(links, root)


def _size(git: Git, header: bytes, oid: str) -> int:
    found, _, rest = header.partition(b" blob ")
    if found.decode("ascii", "replace") != oid or not rest.strip().isdigit():
        raise git.failed("cat-file", f"missing object {oid}")
    return int(rest)


def _inside(root: Path, path: str) -> str:
    """Where a path of a tree lies in an export. A hand-made tree may hold names that git itself refuses."""
    if any(part in {"", ".", ".."} or part.lower() == ".git" for part in path.split("/")):
        raise ForgeProblem(f"The commit holds the hostile path {path!r}.", "Do not check it out; look at who made it.")
    return f"{root}/{path}"


def _copy(source: IO[bytes], size: int, path: str, *, executable: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o777 if executable else 0o666)
    with open(descriptor, "wb", buffering=0) as target:  # noqa: PTH123 - a descriptor
        while size > 0:
            chunk = source.read(min(size, _CHUNK))
            if not chunk:
                raise ForgeProblem("git stopped in the middle of a file.", "Run `git fsck` in the repository.")
            target.write(chunk)
            size -= len(chunk)


def _drop_escaping(links: list[Path], root: Path) -> None:
    """Remove the links that lead out of `root`, also by way of others."""
    for link in links:
        target = Path(os.path.realpath(link))
        if target != root and root not in target.parents:
            link.unlink()
