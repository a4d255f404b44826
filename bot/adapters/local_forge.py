"""A forge that is a folder: issues, comments, pull requests and checks as Markdown files for people to read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, Generic, NamedTuple, TypeVar

from filelock import FileLock, Timeout
from pydantic import Field

from bot.adapters.atomic import TEMPORARY, write_atomically
from bot.adapters.front_matter import parse, render
from bot.adapters.surroundings import Surroundings
from bot.domain.base import Frozen, Sha
from bot.domain.effects import BranchName
from bot.domain.errors import ForgeProblem
from bot.ports import ForgeCheck, ForgeComment, ForgeIssue, ForgePull, Workspace

_NUMBERED = re.compile(r"([0-9]{4,})\.(?:md|comments)")
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LOCK_SECONDS: Final = 10.0

_Number = Annotated[int, Field(ge=1)]


class _Issue(Frozen):
    number: _Number
    title: str
    open: bool
    labels: tuple[str, ...]


class _Pull(Frozen):
    number: _Number
    title: str
    open: bool
    draft: bool
    branch: BranchName


class _Comment(Frozen):
    number: _Number


class _Check(Frozen):
    number: _Number
    external_id: str
    name: str
    conclusion: str
    title: str


_Head = TypeVar("_Head", _Issue, _Pull, _Comment, _Check)


class _Document(NamedTuple, Generic[_Head]):
    head: _Head
    body: str
    path: Path


class LocalForge:
    """Implements the Forge port over a folder, with the branches in the workspace's repository.

    `issues/0001.md`, `issues/0001.comments/0001.md`, `pulls/0002.md`, `checks/SHA/0001.md`. Issues and pull
    requests share their numbers; comments have their own, and so have checks. A number is one more than
    the highest there is, taken while the folder is locked, so a kill can neither lose nor repeat one.
    """

    def __init__(self, folder: Path, workspace: Workspace) -> None:
        self._folder = folder.absolute()
        self._workspace = workspace

    @property
    def name(self) -> str:
        """How the forge is named to people."""
        return f"folder {self._folder}"

    def issues(self) -> Iterator[ForgeIssue]:
        """All issues, open and closed, oldest first."""
        for path in _documents(self._folder / "issues"):
            yield _issue(_read(path, _Issue))

    def create_issue(self, title: str, body: str, labels: tuple[str, ...]) -> ForgeIssue:
        """Open an issue."""
        with self._alone():
            number = self._next("issues", "pulls")
            head = _Issue(number=number, title=title, open=True, labels=tuple(dict.fromkeys(labels)))
            return _issue(_write(self._path("issues", number), head, body))

    def update_issue(self, number: int, title: str, body: str, labels: tuple[str, ...], reopen: bool) -> ForgeIssue:
        """Change an issue; `labels` are added to those it has."""
        with self._alone():
            path = self._existing(number, "issues")
            old = _read(path, _Issue).head
            head = _Issue(
                number=number, title=title, open=old.open or reopen, labels=tuple(dict.fromkeys(old.labels + labels))
            )
            return _issue(_write(path, head, body))

    def comments(self, number: int) -> Iterator[ForgeComment]:
        """All comments on an issue or pull request, oldest first."""
        for path in _documents(self._conversation(number)):
            yield _comment(_read(path, _Comment))

    def create_comment(self, number: int, body: str) -> ForgeComment:
        """Add a comment."""
        with self._alone():
            folder = self._conversation(number)
            comment = self._next("issues/*.comments", "pulls/*.comments")
            return _comment(_write(folder / f"{comment:04d}.md", _Comment(number=comment), body))

    def update_comment(self, comment: int, body: str) -> ForgeComment:
        """Change a comment."""
        with self._alone():
            path = self._existing(comment, "*/*.comments")
            return _comment(_write(path, _read(path, _Comment).head, body))

    def branch_head(self, branch: BranchName) -> Sha | None:
        """The commit a branch is at, None when there is no such branch."""
        return self._workspace.resolve(f"refs/heads/{branch}")

    def push(self, branch: BranchName, commit: Sha) -> str:
        """Move a branch of the workspace's own repository; return the ref, which is all the URL it has."""
        self._workspace.set_branch(branch, commit)
        return f"refs/heads/{branch}"

    def pulls(self, branch: BranchName) -> Iterator[ForgePull]:
        """The pull requests from a branch, open and closed, oldest first."""
        for path in _documents(self._folder / "pulls"):
            document = _read(path, _Pull)
            if document.head.branch == branch:
                yield _pull(document)

    def create_pull(self, title: str, body: str, branch: BranchName, draft: bool) -> ForgePull:
        """Open a pull request. As on GitHub the branch must exist and have no other that is open."""
        if self.branch_head(branch) is None:
            raise ForgeProblem(f"There is no branch {branch} for a pull request.", "Push the branch first.")
        with self._alone():
            for pull in self.pulls(branch):
                if pull.open:
                    raise ForgeProblem(f"Pull request {pull.number} from {branch} is open.", "Update or close it.")
            number = self._next("issues", "pulls")
            head = _Pull(number=number, title=title, open=True, draft=draft, branch=branch)
            return _pull(_write(self._path("pulls", number), head, body))

    def update_pull(self, number: int, title: str, body: str) -> ForgePull:
        """Change a pull request."""
        with self._alone():
            path = self._existing(number, "pulls")
            head = _read(path, _Pull).head.model_copy(update={"title": title})
            return _pull(_write(path, head, body))

    def checks(self, head: Sha) -> Iterator[ForgeCheck]:
        """All checks on a commit, oldest first."""
        for path in _documents(self._checks(head)):
            yield _check(_read(path, _Check))

    def create_check(
        self, head: Sha, external_id: str, name: str, conclusion: str, title: str, summary: str
    ) -> ForgeCheck:
        """Add a finished check to a commit."""
        with self._alone():
            number = self._next("checks/*")
            check = _Check(number=number, external_id=external_id, name=name, conclusion=conclusion, title=title)
            return _check(_write(self._checks(head) / f"{number:04d}.md", check, summary))

    def update_check(self, check: int, conclusion: str, title: str, summary: str) -> ForgeCheck:
        """Change a check."""
        with self._alone():
            path = self._existing(check, "checks/*")
            head = _read(path, _Check).head.model_copy(update={"conclusion": conclusion, "title": title})
            return _check(_write(path, head, summary))

    # Where things lie

    def _path(self, kind: str, number: int) -> Path:
        return self._folder / kind / f"{number:04d}.md"

    def _existing(self, number: int, *folders: str) -> Path:
        """The file with a number, in one of the folders that match the globs."""
        for folder in (folder for glob in folders for folder in sorted(self._folder.glob(glob))):
            path = folder / f"{number:04d}.md"
            if path.is_file():
                return path
        raise ForgeProblem(
            f"There is no number {number} in {' or '.join(f'{self._folder}/{glob}' for glob in folders)}.",
            "Restore the file, or start a new run.",
        )

    def _conversation(self, number: int) -> Path:
        path = self._existing(number, "issues", "pulls")
        return path.with_name(f"{path.stem}.comments")

    def _checks(self, head: Sha) -> Path:
        if not _SHA.fullmatch(head):
            raise ForgeProblem(f"{head[:80]!r} is no full commit id.", "Give the commit's full id.")
        return self._folder / "checks" / head

    def _next(self, *folders: str) -> int:
        """The next number. A conversation whose issue somebody deleted still takes its number."""
        entries = (entry for glob in folders for folder in self._folder.glob(glob) for entry in folder.iterdir())
        taken = (match for entry in entries if (match := _NUMBERED.fullmatch(entry.name)))
        return max((int(match[1]) for match in taken), default=0) + 1

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder alone. The operating system frees the lock of a process that dies."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._folder / ".lock")
            with lock.acquire(timeout=_LOCK_SECONDS):
                for torn in self._folder.rglob(f"*.md{TEMPORARY}"):
                    torn.unlink()
                yield
        except Timeout as held:
            raise ForgeProblem(
                f"Another process has held {self._folder} for {_LOCK_SECONDS:g} s.",
                "Wait for it, then run `bot resume`.",
            ) from held
        except OSError as failure:
            raise ForgeProblem(
                f"The folder {self._folder} cannot be written: {failure.strerror or failure}.",
                "Check its permissions and the disk, then run `bot resume`.",
            ) from failure


def _documents(folder: Path) -> list[Path]:
    """The numbered files of a folder, in order; what people or an interrupted write left beside them is no matter."""
    try:
        found = [path for path in folder.iterdir() if path.suffix == ".md" and _NUMBERED.fullmatch(path.name)]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda path: int(path.stem))


def _read(path: Path, kind: type[_Head]) -> _Document[_Head]:
    try:
        head, body = parse(path.read_bytes(), kind)
        if head.number != int(path.stem):
            raise ValueError(f"number: it says {head.number}")
    except (ValueError, OSError) as bad:
        raise ForgeProblem(f"The file {path} is damaged: {bad}.", "Repair it, restore it or remove it.") from bad
    return _Document(head, body, path)


def _write(path: Path, head: _Head, body: str) -> _Document[_Head]:
    try:
        content = render(head, body)
    except ValueError as bad:
        raise ForgeProblem(f"The text for {path} is not valid Unicode.", "Give text without surrogates.") from bad
    write_atomically(path, content)
    return _Document(head, body, path)


def _issue(document: _Document[_Issue]) -> ForgeIssue:
    head = document.head
    return ForgeIssue(
        number=head.number, title=head.title, body=document.body, labels=head.labels, open=head.open,
        url=document.path.as_uri(),
    )


def _pull(document: _Document[_Pull]) -> ForgePull:
    head = document.head
    return ForgePull(
        number=head.number, title=head.title, body=document.body, head_branch=head.branch, draft=head.draft,
        open=head.open, url=document.path.as_uri(),
    )


def _comment(document: _Document[_Comment]) -> ForgeComment:
    return ForgeComment(id=document.head.number, body=document.body, url=document.path.as_uri())


def _check(document: _Document[_Check]) -> ForgeCheck:
    head = document.head
    return ForgeCheck(
        id=head.number, external_id=head.external_id, conclusion=head.conclusion, url=document.path.as_uri()
    )


def open_forge(repository: str, surroundings: Surroundings) -> LocalForge:
    """`--forge local`: Markdown files in the state's folder `forge`."""
    return LocalForge(surroundings.state / "forge", surroundings.repository)
