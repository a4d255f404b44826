"""A forge that is a folder: issues, comments, pull requests and checks as Markdown files for people to read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from bot.adapters.atomic import write_atomically
from bot.adapters.local_documents import (
    CheckHead,
    CommentHead,
    IssueHead,
    PullHead,
    as_check,
    as_comment,
    as_issue,
    as_pull,
    read,
    with_annotations,
    write,
)
from bot.adapters.local_folder import LocalFolder, documents
from bot.adapters.state_files import changed_meanwhile, check_state_name, version_of
from bot.adapters.surroundings import Surroundings
from bot.domain.base import Sha
from bot.domain.effects import Annotation, BranchName
from bot.domain.errors import ForgeGone, ForgeProblem
from bot.ports import (
    ForgeAccount,
    ForgeCheck,
    ForgeComment,
    ForgeFile,
    ForgeIssue,
    ForgePull,
    Permission,
    Reaction,
    Workspace,
)

_ACCOUNT: Final = ForgeAccount(login="folder", kind="folder", starts_ci=False)


class LocalForge:
    """Implements the Forge port over a folder, with the branches in the workspace's repository.

    Issues and pull requests share their numbers; comments have their own, and so have checks.
    """

    def __init__(self, folder: Path, workspace: Workspace) -> None:
        self._folder = LocalFolder(folder)
        self._workspace = workspace

    @property
    def name(self) -> str:
        """How the forge is named to people."""
        return f"folder {self._folder.path}"

    @property
    def account(self) -> ForgeAccount:
        """Nobody's in particular. A branch of the clone starts nothing."""
        return _ACCOUNT

    @property
    def public(self) -> bool:
        """A folder is for those who can read it."""
        return False

    def issues(self) -> Iterator[ForgeIssue]:
        """All issues, open and closed, oldest first."""
        for path in documents(self._folder.path / "issues"):
            yield as_issue(read(path, IssueHead))

    def create_issue(self, title: str, body: str, labels: tuple[str, ...]) -> ForgeIssue:
        """Open an issue."""
        with self._folder.alone():
            number = self._folder.next("issues", "pulls")
            head = IssueHead(number=number, title=title, open=True, labels=tuple(dict.fromkeys(labels)))
            return as_issue(write(self._folder.file("issues", number), head, body))

    def update_issue(self, number: int, title: str, body: str, labels: tuple[str, ...], reopen: bool) -> ForgeIssue:
        """Change an issue; `labels` are added to those it has."""
        with self._folder.alone():
            path = self._folder.existing(number, "issues")
            head = read(path, IssueHead).head
            head = head.model_copy(update={"title": title, "labels": tuple(dict.fromkeys(head.labels + labels))})
            if reopen:
                head = head.model_copy(update={"open": True, "closed_as": ""})
            return as_issue(write(path, head, body))

    def unlabel_issue(self, number: int, labels: tuple[str, ...]) -> None:
        """Take labels from an issue, whatever the case of their letters."""
        unwanted = {label.lower() for label in labels}
        with self._folder.alone():
            issue = read(self._folder.existing(number, "issues"), IssueHead)
            left = tuple(label for label in issue.head.labels if label.lower() not in unwanted)
            write(issue.path, issue.head.model_copy(update={"labels": left}), issue.body)

    def close_issue(self, number: int, reason: Literal["completed", "not planned", "duplicate"]) -> ForgeIssue:
        """Close an issue; one that is closed stays as it is."""
        with self._folder.alone():
            issue = read(self._folder.existing(number, "issues"), IssueHead)
            if issue.head.open:
                head = issue.head.model_copy(update={"open": False, "closed_as": reason})
                issue = write(issue.path, head, issue.body)
            return as_issue(issue)

    def pin_issue(self, number: int, pinned: bool) -> None:
        """Mark an issue as pinned, or no longer."""
        with self._folder.alone():
            issue = read(self._folder.existing(number, "issues"), IssueHead)
            write(issue.path, issue.head.model_copy(update={"pinned": pinned}), issue.body)

    def comments(self, number: int) -> Iterator[ForgeComment]:
        """All comments on an issue or pull request, oldest first."""
        for path in documents(self._folder.conversation(number)):
            yield as_comment(read(path, CommentHead))

    def create_comment(self, number: int, body: str) -> ForgeComment:
        """Add a comment."""
        with self._folder.alone():
            folder = self._folder.conversation(number)
            comment = self._folder.next("issues/*.comments", "pulls/*.comments")
            return as_comment(write(folder / f"{comment:04d}.md", CommentHead(number=comment), body))

    def update_comment(self, comment: int, body: str) -> ForgeComment:
        """Change a comment."""
        with self._folder.alone():
            path = self._folder.existing(comment, "*/*.comments")
            return as_comment(write(path, read(path, CommentHead).head, body))

    def react(self, comment: int, reaction: Reaction) -> None:
        """Note a reaction above the comment."""
        with self._folder.alone():
            found = read(self._folder.existing(comment, "*/*.comments"), CommentHead)
            reactions = tuple(dict.fromkeys((*found.head.reactions, reaction)))
            write(found.path, found.head.model_copy(update={"reactions": reactions}), found.body)

    def comment_text(self, comment: int) -> str | None:
        """What a comment says now; None where its file was deleted."""
        try:
            path = self._folder.existing(comment, "*/*.comments")
        except ForgeGone:
            return None
        return read(path, CommentHead).body

    def permission(self, login: str) -> Permission:
        """Whoever has the folder may do everything in it."""
        return "admin"

    def state(self, name: str) -> ForgeFile | None:
        """A file of the folder `state`; None when there is none."""
        content = self._content(name)
        return None if content is None else ForgeFile(content=content, version=version_of(content))

    def put_state(self, name: str, content: bytes, version: str | None) -> str:
        """Write such a file over a version of it; return the new version."""
        with self._folder.alone():
            old = self._content(name)
            if old != content:
                if version != (None if old is None else version_of(old)):
                    raise changed_meanwhile(name, str(self._folder.path))
                write_atomically(self._folder.path / "state" / name, content)
            return version_of(content)

    def branch_head(self, branch: BranchName) -> Sha | None:
        """The commit a branch is at, None when there is no such branch."""
        return self._workspace.resolve(f"refs/heads/{branch}")

    def push(self, branch: BranchName, commit: Sha) -> str:
        """Move a branch of the workspace's own repository; return the ref, which is all the URL it has."""
        self._workspace.set_branch(branch, commit)
        return f"refs/heads/{branch}"

    def pulls(self, branch: BranchName) -> Iterator[ForgePull]:
        """The pull requests from a branch, open and closed, oldest first."""
        for path in documents(self._folder.path / "pulls"):
            document = read(path, PullHead)
            if document.head.branch == branch:
                yield as_pull(document)

    def create_pull(self, title: str, body: str, branch: BranchName, draft: bool) -> ForgePull:
        """Open a pull request, or return the one that is open from the branch already. The branch must exist."""
        if self.branch_head(branch) is None:
            raise ForgeProblem(f"There is no branch {branch} for a pull request.", "Push the branch first.")
        with self._folder.alone():
            for pull in self.pulls(branch):
                if pull.open:
                    return pull
            number = self._folder.next("issues", "pulls")
            head = PullHead(number=number, title=title, open=True, draft=draft, branch=branch)
            return as_pull(write(self._folder.file("pulls", number), head, body))

    def update_pull(self, number: int, title: str, body: str) -> ForgePull:
        """Change a pull request."""
        with self._folder.alone():
            path = self._folder.existing(number, "pulls")
            head = read(path, PullHead).head.model_copy(update={"title": title})
            return as_pull(write(path, head, body))

    def checks(self, head: Sha) -> Iterator[ForgeCheck]:
        """All checks on a commit, oldest first."""
        for path in documents(self._folder.checks(head)):
            yield as_check(read(path, CheckHead))

    def create_check(
        self, head: Sha, external_id: str, name: str, conclusion: str, title: str, summary: str,
        annotations: tuple[Annotation, ...] = (),
    ) -> ForgeCheck:
        """Add a finished check to a commit."""
        with self._folder.alone():
            number = self._folder.next("checks/*")
            check = CheckHead(
                number=number, external_id=external_id, name=name, conclusion=conclusion, title=title,
                annotations=annotations,
            )
            path = self._folder.checks(head) / f"{number:04d}.md"
            return as_check(write(path, check, with_annotations(summary, annotations)))

    def update_check(
        self, check: int, conclusion: str, title: str, summary: str, annotations: tuple[Annotation, ...] = ()
    ) -> ForgeCheck:
        """Change a check, and add the annotations that it does not have yet."""
        with self._folder.alone():
            path = self._folder.existing(check, "checks/*")
            head = read(path, CheckHead).head
            every = (*head.annotations, *annotations[len(head.annotations) :])
            head = head.model_copy(update={"conclusion": conclusion, "title": title, "annotations": every})
            return as_check(write(path, head, with_annotations(summary, every)))

    # How

    def _content(self, name: str) -> bytes | None:
        check_state_name(name)
        try:
            return (self._folder.path / "state" / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as failure:
            raise ForgeProblem(
                f"The file {self._folder.path}/state/{name} cannot be read: {failure.strerror}.", "Repair or remove it."
            ) from failure


def open_forge(repository: str, surroundings: Surroundings) -> LocalForge:
    """`--forge local`: Markdown files in the state's folder `forge`."""
    return LocalForge(surroundings.state / "forge", surroundings.repository)
