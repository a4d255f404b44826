"""GitHub as the forge, over its REST API and git."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from http import HTTPStatus
from typing import Literal
from urllib.parse import quote

from bot.adapters.github_answers import (
    CheckAnswer,
    CommentAnswer,
    IssueAnswer,
    LabelsAnswer,
    PullAnswer,
    RefAnswer,
    RepositoryAnswer,
    UserAnswer,
    ViewerAnswer,
)
from bot.adapters.github_api import GitHubApi, Refused, is_limit
from bot.adapters.surroundings import Surroundings
from bot.domain.base import Frozen, Sha
from bot.domain.effects import BranchName, RepositoryName
from bot.domain.errors import ConfigProblem, ForgeProblem, NotOffered
from bot.ports import Clock, ForgeCheck, ForgeComment, ForgeIssue, ForgePull, Workspace

_OLDEST_FIRST = {"state": "all", "sort": "created", "direction": "asc"}


class _Account(Frozen):
    login: str
    id: int
    app: bool


class GitHubForge:
    """Implements the Forge port for `repository` (OWNER/NAME) with a token of a person, an App or Actions.

    What is the bot's own is decided by the account's number, which GitHub gives for the token, never by a
    name in a text. Raises ConfigProblem for a repository, URL or token that cannot be one.
    """

    def __init__(
        self, repository: RepositoryName, token: str, api_url: str, workspace: Workspace, clock: Clock
    ) -> None:
        if repository.count("/") != 1:
            raise ConfigProblem(
                f"`name` in [repository] is {repository!r}, which GitHub cannot have.", "Give it as OWNER/NAME."
            )
        self._given = repository
        self._token = token
        self._api_url = api_url
        self._workspace = workspace
        self._api = GitHubApi(api_url, token, clock)

    @property
    def name(self) -> str:
        """How the forge is named to people."""
        return f"GitHub {self._given}"

    def issues(self) -> Iterator[ForgeIssue]:
        """The bot's issues, open and closed, oldest first."""
        # GitHub Enterprise Cloud finds nothing for creator=NAME[bot], so an App reads them all
        # (renovatebot/renovate#44730).
        mine = {} if self._me.app else {"creator": self._me.login}
        for item in self._api.many(
            f"{self._root}/issues", IssueAnswer, {**_OLDEST_FIRST, **mine}, doing="list the issues"
        ):
            if item.pull_request is None and self._is_mine(item.user):
                yield item.as_issue()

    def create_issue(self, title: str, body: str, labels: tuple[str, ...]) -> ForgeIssue:
        """Open an issue. GitHub makes labels that do not exist yet."""
        content = {"title": title, "body": body, "labels": labels}
        return self._api.one("POST", f"{self._root}/issues", IssueAnswer, content, doing="open an issue").as_issue()

    def update_issue(self, number: int, title: str, body: str, labels: tuple[str, ...], reopen: bool) -> ForgeIssue:
        """Change an issue; `labels` are added to those it has."""
        path = f"{self._root}/issues/{number}"
        old = self._api.one("GET", path, IssueAnswer, doing=f"read issue {number}")
        if old.pull_request is not None:
            raise ForgeProblem(f"Number {number} is a pull request, not an issue.", "Start a new run.")
        if not old.html_url.startswith(f"{self._repository.html_url}/"):
            # GitHub redirects to where an issue was transferred, and PyGithub follows.
            raise ForgeProblem(
                f"Issue {number} was moved to {old.html_url}.", "Move it back, or start a new run, which opens another."
            )
        has = {label.name.lower() for label in old.labels}
        missing = tuple(label for label in dict.fromkeys(labels) if label.lower() not in has)
        if missing:
            added = {"labels": missing}
            self._api.one(
                "POST", f"{path}/labels", LabelsAnswer, added, doing=f"label issue {number}", repeatable=True
            )
        content = {"title": title, "body": body}
        if reopen:
            content |= {"state": "open", "state_reason": "reopened"}
        return self._api.one("PATCH", path, IssueAnswer, content, doing=f"change issue {number}").as_issue()

    def comments(self, number: int) -> Iterator[ForgeComment]:
        """The bot's comments on an issue or pull request, oldest first."""
        path = f"{self._root}/issues/{number}/comments"
        for item in self._api.many(path, CommentAnswer, {}, doing=f"list the comments of {number}"):
            if self._is_mine(item.user):
                yield item.as_comment()

    def create_comment(self, number: int, body: str) -> ForgeComment:
        """Add a comment."""
        path = f"{self._root}/issues/{number}/comments"
        return self._api.one("POST", path, CommentAnswer, {"body": body}, doing=f"comment on {number}").as_comment()

    def update_comment(self, comment: int, body: str) -> ForgeComment:
        """Change a comment."""
        path = f"{self._root}/issues/comments/{comment}"
        doing = f"change comment {comment}"
        return self._api.one("PATCH", path, CommentAnswer, {"body": body}, doing=doing).as_comment()

    def branch_head(self, branch: BranchName) -> Sha | None:
        """The commit a branch is at, None when there is no such branch."""
        # 409 is what a repository without any commit answers.
        found = self._api.find(
            f"{self._root}/git/ref/heads/{quote(branch)}", RefAnswer, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT,
            doing=f"look up the branch {branch}",
        )
        return None if found is None else found.object.sha

    def push(self, branch: BranchName, commit: Sha) -> str:
        """Push a commit of the workspace over https with the token; return the branch's page."""
        url = f"{git_root(self._api_url)}/{self._repository.full_name}.git"
        self._workspace.push(commit, branch, url, self._token)
        return f"{self._repository.html_url}/tree/{quote(branch)}"

    def pulls(self, branch: BranchName) -> Iterator[ForgePull]:
        """The bot's pull requests from a branch, open and closed, oldest first."""
        owner = self._repository.full_name.partition("/")[0]
        for item in self._api.many(
            f"{self._root}/pulls", PullAnswer, {**_OLDEST_FIRST, "head": f"{owner}:{branch}"},
            doing="list the pull requests",
        ):
            if item.head.ref == branch and self._is_mine(item.user):
                yield item.as_pull()

    def create_pull(self, title: str, body: str, branch: BranchName, draft: bool) -> ForgePull:
        """Open a pull request against the default branch."""
        content = {
            "title": title, "body": body, "head": branch, "base": self._repository.default_branch, "draft": draft
        }
        try:
            made = self._api.one("POST", f"{self._root}/pulls", PullAnswer, content, doing="open a pull request")
        except Refused as refused:
            if "draft" in refused.refusal.message.lower():
                raise ForgeProblem(
                    refused.what, "Drafts need a public repository or a paid plan, and whybot opens nothing else."
                ) from refused
            raise
        return made.as_pull()

    def update_pull(self, number: int, title: str, body: str) -> ForgePull:
        """Change a pull request."""
        content = {"title": title, "body": body}
        path, doing = f"{self._root}/pulls/{number}", f"change pull request {number}"
        return self._api.one("PATCH", path, PullAnswer, content, doing=doing).as_pull()

    def checks(self, head: Sha) -> Iterator[ForgeCheck]:
        """The bot's checks on a commit; a person's token can have made none."""
        if not self._me.app:
            return
        # The default filter, `latest`, hides all but one check of a name.
        for item in self._api.many(
            f"{self._root}/commits/{head}/check-runs", CheckAnswer, {"filter": "all"}, key="check_runs",
            doing="list the checks",
        ):
            if item.app is not None and f"{item.app.slug}[bot]" == self._me.login:
                yield item.as_check()

    def create_check(
        self, head: Sha, external_id: str, name: str, conclusion: str, title: str, summary: str
    ) -> ForgeCheck:
        """Add a finished check to a commit. Only an App or Actions may."""
        content = {
            "name": name, "head_sha": head, "external_id": external_id, "status": "completed",
            "conclusion": conclusion, "output": {"title": title, "summary": summary},
        }
        return self._checked("POST", f"{self._root}/check-runs", content, "add a check")

    def update_check(self, check: int, conclusion: str, title: str, summary: str) -> ForgeCheck:
        """Change a check."""
        content = {
            "status": "completed", "conclusion": conclusion, "output": {"title": title, "summary": summary}
        }
        return self._checked("PATCH", f"{self._root}/check-runs/{check}", content, f"change check {check}")

    # How

    def _checked(
        self, verb: Literal["POST", "PATCH"], path: str, content: Mapping[str, object], doing: str
    ) -> ForgeCheck:
        try:
            return self._api.one(verb, path, CheckAnswer, content, doing=doing).as_check()
        except Refused as refused:
            if refused.refusal.status == HTTPStatus.FORBIDDEN and not is_limit(refused.refusal):
                raise NotOffered(
                    refused.what, "Checks need an App's or the Actions token with the permission checks: write."
                ) from refused
            raise

    @cached_property
    def _repository(self) -> RepositoryAnswer:
        """The repository under the name it has now: GitHub redirects from an old one, but without the query."""
        doing = f"read the repository {self._given}"
        return self._api.one("GET", f"/repos/{self._given}", RepositoryAnswer, doing=doing)

    @property
    def _root(self) -> str:
        return f"/repos/{self._repository.full_name}"

    @cached_property
    def _me(self) -> _Account:
        """Whose the token is. GET /user answers 403 to an App's token; the GraphQL viewer is there for both."""
        doing = "say whose the token is"
        user = self._api.find("/user", UserAnswer, HTTPStatus.FORBIDDEN, doing=doing)
        if user is not None:
            return _Account(login=user.login, id=user.id, app=user.login.endswith("[bot]"))
        viewer = self._api.query("query { viewer { login databaseId } }", ViewerAnswer, doing=doing).data.viewer
        return _Account(login=viewer.login, id=viewer.databaseId, app=True)

    def _is_mine(self, user: UserAnswer | None) -> bool:
        return user is not None and user.id == self._me.id


def git_root(api_url: str) -> str:
    """Where git is served, from where the API is: github.com, a server's /api/v3, or the same place."""
    url = api_url.rstrip("/")
    if url.endswith("/api/v3"):
        return url.removesuffix("/api/v3")
    return re.sub(r"^https://api\.", "https://", url)


def open_forge(repository: str, surroundings: Surroundings) -> GitHubForge:
    """`--forge github`, with the token in the variable that [forge] names. Raises ConfigProblem without one."""
    forge = surroundings.config.forge
    token = surroundings.variable(forge.token_env, "the forge GitHub")
    return GitHubForge(repository, token, forge.api_url, surroundings.repository, surroundings.clock)
