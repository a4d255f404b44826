"""Issues and comments on GitHub."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Final, Literal
from urllib.parse import quote

from bot.adapters.github_answers import CommentAnswer, DoneAnswer, IssueAnswer, LabelsAnswer, PermissionAnswer
from bot.adapters.github_place import GitHubPlace
from bot.adapters.github_refusals import Refused, moved, speaking_of
from bot.domain.errors import ForgeGone, ForgeProblem, NotOffered
from bot.ports import ForgeComment, ForgeIssue, Permission, Reaction

_OLDEST_FIRST: Final = {"state": "all", "sort": "created", "direction": "asc"}

_LOGIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}(\[bot\])?")


class GitHubIssues:
    """The part of the Forge port that is about issues, what is said on them, and who may say what."""

    def __init__(self, place: GitHubPlace) -> None:
        self.place = place

    def issues(self) -> Iterator[ForgeIssue]:
        """The bot's issues, open and closed, oldest first."""
        any_of_mine = False
        try:
            for item in self._listed({"creator": self.place.account.login}):
                any_of_mine = True
                yield item
        except Refused as refused:
            if self.place.account.kind == "person" or refused.refusal.status != HTTPStatus.UNPROCESSABLE_ENTITY:
                raise
        # GitHub Enterprise Cloud finds nothing for creator=NAME[bot] (renovatebot/renovate#44730). So an App that
        # finds nothing reads them all; once it has any, that filter is known to work.
        if not any_of_mine and self.place.account.kind != "person":
            yield from self._listed({})

    def create_issue(self, title: str, body: str, labels: tuple[str, ...]) -> ForgeIssue:
        """Open an issue. GitHub makes labels that do not exist yet."""
        content = {"title": title, "body": body, "labels": labels}
        path, doing = f"{self.place.root}/issues", "open an issue"
        return self.place.api.one("POST", path, IssueAnswer, content, doing=doing).as_issue()

    def update_issue(self, number: int, title: str, body: str, labels: tuple[str, ...], reopen: bool) -> ForgeIssue:
        """Change an issue; `labels` are added to those it has."""
        has = {label.name.lower() for label in self._issue(number).labels}
        missing = tuple(label for label in dict.fromkeys(labels) if label.lower() not in has)
        if missing:
            self.place.api.one(
                "POST", f"{self._path(number)}/labels", LabelsAnswer, {"labels": missing},
                doing=f"label issue {number}", repeatable=True,
            )
        content = {"title": title, "body": body}
        if reopen:
            content |= {"state": "open", "state_reason": "reopened"}
        doing = f"change issue {number}"
        return self.place.api.one("PATCH", self._path(number), IssueAnswer, content, doing=doing).as_issue()

    def unlabel_issue(self, number: int, labels: tuple[str, ...]) -> None:
        """Take labels from an issue; GitHub tells their names apart whatever the case."""
        unwanted = {label.lower() for label in labels}
        for label in self._issue(number).labels:
            if label.name.lower() in unwanted:
                self._unlabel(number, label.name)

    def close_issue(self, number: int, reason: Literal["completed", "not planned", "duplicate"]) -> ForgeIssue:
        """Close an issue; one that is closed stays as it is."""
        found = self._issue(number)
        if found.state == "closed":
            return found.as_issue()
        doing = f"close issue {number}"
        content = {"state": "closed", "state_reason": reason.replace(" ", "_")}
        try:
            return self.place.api.one("PATCH", self._path(number), IssueAnswer, content, doing=doing).as_issue()
        except Refused as refused:
            # An older GitHub Enterprise Server does not know this reason.
            if reason != "duplicate" or refused.refusal.status != HTTPStatus.UNPROCESSABLE_ENTITY:
                raise
        content["state_reason"] = "not_planned"
        return self.place.api.one("PATCH", self._path(number), IssueAnswer, content, doing=doing).as_issue()

    def comments(self, number: int) -> Iterator[ForgeComment]:
        """The bot's comments on an issue or pull request, oldest first."""
        with speaking_of(f"Number {number}"):
            for item in self.place.api.many(
                f"{self._path(number)}/comments", CommentAnswer, {}, doing=f"list the comments of {number}"
            ):
                if self.place.is_mine(item.user):
                    yield item.as_comment()

    def create_comment(self, number: int, body: str) -> ForgeComment:
        """Add a comment."""
        path, content, doing = f"{self._path(number)}/comments", {"body": body}, f"comment on {number}"
        with speaking_of(f"Number {number}"):
            return self.place.api.one("POST", path, CommentAnswer, content, doing=doing).as_comment()

    def update_comment(self, comment: int, body: str) -> ForgeComment:
        """Change a comment."""
        path, doing = self._comment(comment), f"change comment {comment}"
        try:
            with speaking_of(f"Comment {comment}"):
                return self.place.api.one("PATCH", path, CommentAnswer, {"body": body}, doing=doing).as_comment()
        except ForgeGone as missing:
            if self.comment_text(comment) is not None and isinstance(missing.__cause__, Refused):
                raise missing.__cause__ from None  # It can be read, so what is missing is the permission to change it.
            raise

    def react(self, comment: int, reaction: Reaction) -> None:
        """React to a comment. GitHub answers the second time with the reaction that is there."""
        path, doing = f"{self._comment(comment)}/reactions", f"react to comment {comment}"
        try:
            with speaking_of(f"Comment {comment}"):
                self.place.api.one("POST", path, DoneAnswer, {"content": reaction}, doing=doing, repeatable=True)
        except Refused as refused:
            if not refused.forbidden:
                raise
            raise NotOffered(refused.what, "Give the token issues: write.") from refused

    def comment_text(self, comment: int) -> str | None:
        """What a comment says now; None where it was deleted."""
        found = self.place.api.find(
            self._comment(comment), CommentAnswer, HTTPStatus.NOT_FOUND, HTTPStatus.GONE,
            doing=f"read comment {comment}",
        )
        return None if found is None or not self.place.is_here(found.html_url) else found.body or ""

    def permission(self, login: str) -> Permission:
        """What a person may do in the repository."""
        if _LOGIN.fullmatch(login) is None:
            return "none"
        path, doing = f"{self.place.root}/collaborators/{quote(login, safe='')}/permission", f"say what {login} may do"
        found = self.place.api.find(path, PermissionAnswer, HTTPStatus.NOT_FOUND, doing=doing)
        return "none" if found is None else found.as_permission()

    # How

    def _listed(self, which: Mapping[str, str]) -> Iterator[ForgeIssue]:
        path, parameters = f"{self.place.root}/issues", {**_OLDEST_FIRST, **which}
        for item in self.place.api.many(path, IssueAnswer, parameters, doing="list the issues"):
            if item.pull_request is None and self.place.is_mine(item.user):
                yield item.as_issue()

    def _path(self, number: int) -> str:
        return f"{self.place.root}/issues/{number}"

    def _comment(self, comment: int) -> str:
        return f"{self.place.root}/issues/comments/{comment}"

    def _issue(self, number: int) -> IssueAnswer:
        """An issue as it is now. Raises ForgeGone when it was deleted, or is in another repository by now."""
        with speaking_of(f"Issue {number}"):
            found = self.place.api.one("GET", self._path(number), IssueAnswer, doing=f"read issue {number}")
        if found.pull_request is not None:
            raise ForgeProblem(f"Number {number} is a pull request, not an issue.", "Start a new run.")
        if not self.place.is_here(found.html_url):
            raise moved(f"Issue {number}", found.html_url)
        return found

    def _unlabel(self, number: int, label: str) -> None:
        path, doing = f"{self._path(number)}/labels/{quote(label, safe='')}", f"take a label from issue {number}"
        try:
            self.place.api.one("DELETE", path, DoneAnswer, doing=doing)
        except Refused as refused:
            if refused.refusal.status != HTTPStatus.NOT_FOUND or label in self._issue(number).as_issue().labels:
                raise
