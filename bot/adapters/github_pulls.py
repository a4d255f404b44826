"""Branches and pull requests on GitHub, as far as its API goes."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from bot.adapters.github_answers import PullAnswer, RefAnswer
from bot.adapters.github_place import GitHubPlace
from bot.adapters.github_refusals import Refused, speaking_of
from bot.domain.base import Sha
from bot.domain.effects import BranchName
from bot.domain.errors import ForgeProblem
from bot.ports import ForgePull

_OLDEST_FIRST: Final = {"state": "all", "sort": "created", "direction": "asc"}


class GitHubPulls:
    """The part of the Forge port that is about the bot's branches and the pull requests from them."""

    def __init__(self, place: GitHubPlace) -> None:
        self.place = place

    def branch_head(self, branch: BranchName) -> Sha | None:
        """The commit a branch is at, None when there is no such branch."""
        # 409 is what a repository without any commit answers.
        found = self.place.api.find(
            f"{self.place.root}/git/ref/heads/{quote(branch)}", RefAnswer, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT,
            doing=f"look up the branch {branch}",
        )
        return None if found is None else found.object.sha

    def pulls(self, branch: BranchName) -> Iterator[ForgePull]:
        """The bot's pull requests from a branch, open and closed, oldest first."""
        owner = self.place.repository.full_name.partition("/")[0]
        for item in self.place.api.many(
            f"{self.place.root}/pulls", PullAnswer, {**_OLDEST_FIRST, "head": f"{owner}:{branch}"},
            doing="list the pull requests",
        ):
            if item.head.ref == branch and self.place.is_mine(item.user):
                yield item.as_pull()

    def create_pull(self, title: str, body: str, branch: BranchName, draft: bool) -> ForgePull:
        """Open a pull request against the default branch, or return the bot's own that is open from it already."""
        content = {
            "title": title, "body": body, "head": branch, "base": self.place.repository.default_branch, "draft": draft
        }
        path, doing = f"{self.place.root}/pulls", "open a pull request"
        try:
            made = self.place.api.one("POST", path, PullAnswer, content, doing=doing)
        except Refused as refused:
            if refused.refusal.says("already exists"):
                for pull in self.pulls(branch):
                    if pull.open:
                        return pull
                raise ForgeProblem(refused.what, f"Somebody else opened it from {branch}; close it.") from refused
            if refused.refusal.says("draft"):
                raise ForgeProblem(
                    refused.what, "Drafts need a public repository or a paid plan, and whybot opens nothing else."
                ) from refused
            raise
        return made.as_pull()

    def update_pull(self, number: int, title: str, body: str) -> ForgePull:
        """Change a pull request."""
        content = {"title": title, "body": body}
        path, doing = f"{self.place.root}/pulls/{number}", f"change pull request {number}"
        with speaking_of(f"Pull request {number}"):
            return self.place.api.one("PATCH", path, PullAnswer, content, doing=doing).as_pull()
