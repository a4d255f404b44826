"""The parts of GitHub's answers that the bot reads, and what they are in the forge's words."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, RootModel

from bot.ports import ForgeCheck, ForgeComment, ForgeIssue, ForgePull


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
    """A repository."""

    full_name: str
    default_branch: str
    html_url: str


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
    user: UserAnswer | None = None
    pull_request: object = None

    def as_issue(self) -> ForgeIssue:
        """The issue as the port has it."""
        return ForgeIssue(
            number=self.number, title=self.title, body=self.body or "",
            labels=tuple(label.name for label in self.labels), open=self.state == "open", url=self.html_url,
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

    id: int
    external_id: str | None = None
    conclusion: str | None = None
    html_url: str | None = None
    app: _App | None = None

    def as_check(self) -> ForgeCheck:
        """The check as the port has it."""
        return ForgeCheck(
            id=self.id, external_id=self.external_id or "", conclusion=self.conclusion or "", url=self.html_url or ""
        )


class RefAnswer(BaseModel):
    """A branch and where it is."""

    class _Object(BaseModel):
        sha: str

    object: _Object
