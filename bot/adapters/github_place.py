"""Which repository of GitHub's it is, whose token, and what there is the bot's own."""

from __future__ import annotations

from functools import cached_property
from http import HTTPStatus
from typing import Final

from bot.adapters.github_answers import RepositoryAnswer, UserAnswer, ViewerAnswer
from bot.adapters.github_api import GitHubApi
from bot.domain.effects import RepositoryName
from bot.domain.errors import ConfigProblem
from bot.ports import ForgeAccount

ACTIONS_LOGIN: Final = "github-actions[bot]"
"""Whose the token is that a workflow is given. No other App can have this name."""


class GitHubPlace:
    """A repository as one account sees it. Raises ConfigProblem for a name that none can have."""

    def __init__(self, api: GitHubApi, repository: RepositoryName) -> None:
        if repository.count("/") != 1:
            raise ConfigProblem(
                f"`name` in [repository] is {repository!r}, which GitHub cannot have.", "Give it as OWNER/NAME."
            )
        self.api = api
        self.given = repository

    @cached_property
    def repository(self) -> RepositoryAnswer:
        """The repository under the name it has now: GitHub redirects from an old one."""
        doing = f"read the repository {self.given}"
        found = self.api.one("GET", f"/repos/{self.given}", RepositoryAnswer, doing=doing)
        self.api.stay_in(found.id)
        return found

    @property
    def root(self) -> str:
        """The path of everything in the repository."""
        return f"/repos/{self.repository.full_name}"

    @cached_property
    def account(self) -> ForgeAccount:
        """Whose the token is, and what that brings with it."""
        login = self._user.login
        if login == ACTIONS_LOGIN:
            return ForgeAccount(login=login, kind="actions", starts_ci=False)
        return ForgeAccount(login=login, kind="app" if login.endswith("[bot]") else "person", starts_ci=True)

    def is_mine(self, user: UserAnswer | None) -> bool:
        """True for the bot's account, by its number: a name can be given up and taken by somebody else."""
        return user is not None and user.id == self._user.id

    def is_here(self, url: str) -> bool:
        """True for the page of something that is in this repository still."""
        return url.startswith(f"{self.repository.html_url}/")

    @cached_property
    def _user(self) -> UserAnswer:
        """GET /user answers 403 to an App's token; the GraphQL viewer is there for both."""
        doing = "say whose the token is"
        user = self.api.find("/user", UserAnswer, HTTPStatus.FORBIDDEN, doing=doing)
        if user is not None:
            return user
        viewer = self.api.query("query { viewer { login databaseId } }", ViewerAnswer, doing=doing).data.viewer
        return UserAnswer(login=viewer.login, id=viewer.databaseId)
