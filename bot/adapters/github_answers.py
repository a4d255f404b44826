"""The parts of GitHub's answers that the bot reads, and what they are in the forge's words."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, RootModel

from bot.ports import ForgeCheck, ForgeComment, ForgeIssue, ForgePull, Permission


class UserAnswer(BaseModel):
    """An account. The number stays when the account is renamed."""

    login: str
    id: int


class ViewerAnswer(BaseModel):
    """GraphQL's answer to `viewer { login databaseId }`."""

    class _Data(BaseModel):
        class _Me(BaseModel):
            login: str
            databaseId: int  # noqa: N815 - GraphQL's name

        viewer: _Me

    data: _Data


class RepositoryAnswer(BaseModel):
    """A repository. `permissions` are those of the person whose token it is; they say nothing of an App's."""

    class _Permissions(BaseModel):
        push: bool = False

    id: int
    full_name: str
    default_branch: str
    html_url: str
    archived: bool = False
    has_issues: bool = True
    private: bool = False
    permissions: _Permissions | None = None


class DoneAnswer(RootModel[Any]):
    """An answer of which nothing is wanted."""


class LabelAnswer(BaseModel):
    """A label."""

    name: str


class LabelsAnswer(RootModel[tuple[LabelAnswer, ...]]):
    """The labels of an issue after some were added."""


class IssueAnswer(BaseModel):
    """An issue, or a pull request seen as one: then `pull_request` is there. `user` is None for a deleted account."""

    number: int
    title: str
    body: str | None = None
    state: Literal["open", "closed"]
    labels: tuple[LabelAnswer, ...]
    html_url: str
    locked: bool = False
    user: UserAnswer | None = None
    pull_request: object = None

    def as_issue(self) -> ForgeIssue:
        """The issue as the port has it."""
        return ForgeIssue(
            number=self.number, title=self.title, body=self.body or "",
            labels=tuple(label.name for label in self.labels), open=self.state == "open", url=self.html_url,
            locked=self.locked,
        )


class CommentAnswer(BaseModel):
    """A comment."""

    id: int
    body: str | None = None
    html_url: str
    user: UserAnswer | None = None

    def as_comment(self) -> ForgeComment:
        """The comment as the port has it."""
        return ForgeComment(id=self.id, body=self.body or "", url=self.html_url)


class PullAnswer(BaseModel):
    """A pull request."""

    class _Head(BaseModel):
        ref: str

    number: int
    title: str
    body: str | None = None
    state: Literal["open", "closed"]
    draft: bool = False
    html_url: str
    head: _Head
    user: UserAnswer | None = None

    def as_pull(self) -> ForgePull:
        """The pull request as the port has it."""
        return ForgePull(
            number=self.number, title=self.title, body=self.body or "", head_branch=self.head.ref, draft=self.draft,
            open=self.state == "open", url=self.html_url,
        )


class CheckAnswer(BaseModel):
    """A check run. `app` is who made it."""

    class _App(BaseModel):
        slug: str | None = None

    class _Output(BaseModel):
        title: str | None = None
        summary: str | None = None
        annotations_count: int = 0

    id: int
    external_id: str | None = None
    conclusion: str | None = None
    html_url: str | None = None
    app: _App | None = None
    output: _Output = _Output()

    def as_check(self) -> ForgeCheck:
        """The check as the port has it."""
        return ForgeCheck(
            id=self.id, external_id=self.external_id or "", conclusion=self.conclusion or "",
            title=self.output.title or "", summary=self.output.summary or "",
            annotations=self.output.annotations_count, url=self.html_url or "",
        )


class RefAnswer(BaseModel):
    """A branch and where it is."""

    class _Object(BaseModel):
        sha: str

    object: _Object


class BlobAnswer(BaseModel):
    """A file's content. A blob that was just made has only its id."""

    sha: str
    content: str = ""
    encoding: str = ""


class TreeAnswer(BaseModel):
    """A folder in a commit."""

    class _Entry(BaseModel):
        path: str
        type: str
        sha: str | None = None

    sha: str
    tree: tuple[_Entry, ...] = ()


class CommitAnswer(BaseModel):
    """A commit and its tree."""

    class _Tree(BaseModel):
        sha: str

    sha: str
    tree: _Tree


_LEGACY: Final[dict[Permission, str]] = {
    "admin": "admin", "maintain": "write", "write": "write", "triage": "read", "read": "read", "none": "none",
}
"""GitHub's five roles, and what the older field `permission` has for each (REST, "Get repository permissions for a
user")."""


class PermissionAnswer(BaseModel):
    """What somebody may do. `role_name` can be a role of the organisation's own; then `permission` has its base."""

    permission: str
    role_name: str = ""

    def as_permission(self) -> Permission:
        """The role, as the port has it; nothing where GitHub's words are not known."""
        for role, legacy in _LEGACY.items():
            if role == self.role_name and legacy == self.permission:
                return role
        for role in _LEGACY:
            if role == self.permission:
                return role
        return "none"


class PinsAnswer(BaseModel):
    """GraphQL's answer about an issue's pin, and about how many issues are pinned."""

    class _Data(BaseModel):
        class _Repository(BaseModel):
            class _Issue(BaseModel):
                id: str
                isPinned: bool | None = None  # noqa: N815 - GraphQL's name

            class _Pinned(BaseModel):
                totalCount: int  # noqa: N815 - GraphQL's name

            issue: _Issue
            pinnedIssues: _Pinned | None = None  # noqa: N815 - GraphQL's name

        repository: _Repository

    data: _Data
