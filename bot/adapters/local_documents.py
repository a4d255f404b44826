"""The files of the folder-backed forge: one document each, a head of values and a body of Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Generic, Literal, NamedTuple, TypeVar

from pydantic import Field

from bot.adapters.atomic import write_atomically
from bot.adapters.front_matter import parse, render
from bot.domain.base import Frozen
from bot.domain.effects import Annotation, BranchName
from bot.domain.errors import ForgeProblem
from bot.ports import ForgeCheck, ForgeComment, ForgeIssue, ForgePull, Reaction

_Number = Annotated[int, Field(ge=1)]


class IssueHead(Frozen):
    """What stands above an issue. What is as usual is left out."""

    number: _Number
    title: str
    open: bool
    labels: tuple[str, ...]
    closed_as: Literal["", "completed", "not planned", "duplicate"] = ""
    pinned: bool = False


class PullHead(Frozen):
    """What stands above a pull request."""

    number: _Number
    title: str
    open: bool
    draft: bool
    branch: BranchName


class CommentHead(Frozen):
    """What stands above a comment."""

    number: _Number
    reactions: tuple[Reaction, ...] = ()


class CheckHead(Frozen):
    """What stands above a check."""

    number: _Number
    external_id: str
    name: str
    conclusion: str
    title: str
    annotations: tuple[Annotation, ...] = ()


Head = TypeVar("Head", IssueHead, PullHead, CommentHead, CheckHead)


class Document(NamedTuple, Generic[Head]):
    """A file as it was read or written."""

    head: Head
    body: str
    path: Path


def read(path: Path, kind: type[Head]) -> Document[Head]:
    """Read a document. Raises ForgeProblem, naming the file, when it is damaged."""
    try:
        head, body = parse(path.read_bytes(), kind)
        if head.number != int(path.stem):
            raise ValueError(f"number: it says {head.number}")
    except (ValueError, OSError) as bad:
        raise ForgeProblem(f"The file {path} is damaged: {bad}.", "Repair it, restore it or remove it.") from bad
    return Document(head, body, path)


def write(path: Path, head: Head, body: str) -> Document[Head]:
    """Write a document, as a whole or not at all. Raises ForgeProblem for text that is not Unicode."""
    try:
        content = render(head, body)
    except ValueError as bad:
        raise ForgeProblem(f"The text for {path} is not valid Unicode.", "Give text without surrogates.") from bad
    write_atomically(path, content)
    return Document(head, body, path)


def as_issue(document: Document[IssueHead]) -> ForgeIssue:
    """The issue as the port has it."""
    head = document.head
    return ForgeIssue(
        number=head.number, title=head.title, body=document.body, labels=head.labels, open=head.open,
        url=document.path.as_uri(),
    )


def as_pull(document: Document[PullHead]) -> ForgePull:
    """The pull request as the port has it."""
    head = document.head
    return ForgePull(
        number=head.number, title=head.title, body=document.body, head_branch=head.branch, draft=head.draft,
        open=head.open, url=document.path.as_uri(),
    )


def as_comment(document: Document[CommentHead]) -> ForgeComment:
    """The comment as the port has it."""
    return ForgeComment(id=document.head.number, body=document.body, url=document.path.as_uri())


def as_check(document: Document[CheckHead]) -> ForgeCheck:
    """The check as the port has it."""
    head = document.head
    return ForgeCheck(
        id=head.number, external_id=head.external_id, conclusion=head.conclusion, title=head.title,
        summary=document.body.removesuffix(with_annotations("", head.annotations)), annotations=len(head.annotations),
        url=document.path.as_uri(),
    )


def with_annotations(summary: str, annotations: tuple[Annotation, ...]) -> str:
    """A check's summary, with its annotations below it for people to read."""
    lines = [
        f"- `{one.path}:{one.start_line}` {one.level}: {' '.join(f'{one.title} {one.message}'.split())}"
        for one in annotations
    ]
    return "\n".join((summary, "", "## Annotations", "", *lines)) if lines else summary
