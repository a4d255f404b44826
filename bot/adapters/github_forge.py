"""GitHub as the forge, over its REST API and git."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from bot.adapters.github_api import GitHubApi
from bot.adapters.github_app import open_tokens
from bot.adapters.github_checks import GitHubChecks
from bot.adapters.github_issues import GitHubIssues
from bot.adapters.github_pins import GitHubPins
from bot.adapters.github_place import GitHubPlace
from bot.adapters.github_pulls import GitHubPulls
from bot.adapters.github_state import GitHubState
from bot.adapters.github_tokens import GivenToken, Tokens
from bot.adapters.surroundings import Surroundings
from bot.domain.base import Sha
from bot.domain.effects import Annotation, BranchName, RepositoryName
from bot.domain.errors import ForgeBusy, ci_not_meant
from bot.ports import Clock, ForgeAccount, ForgeCheck, ForgeFile, Workspace

_PUSH_WAITS: Final = (2.0, 15.0)
"""Seconds before a push that may pass is tried again."""


class GitHubForge(GitHubIssues, GitHubPulls):
    """Implements the Forge port for `repository` (OWNER/NAME) with a token of a person, an App or Actions.

    What is the bot's own is decided by the account's number, which GitHub gives for the token, never by a
    name in a text. Raises ConfigProblem for a repository, URL or token that cannot be one.
    """

    def __init__(
        self, repository: RepositoryName, token: str | Tokens, api_url: str, workspace: Workspace, clock: Clock, *,
        state_branch: str = "whybot-state", ci_on_unreviewed_code: bool = False,
    ) -> None:
        tokens = GivenToken(token) if isinstance(token, str) else token
        super().__init__(GitHubPlace(GitHubApi(api_url, tokens, clock), repository))
        self._api_url = api_url
        self._workspace = workspace
        self._clock = clock
        self._ci_is_meant = ci_on_unreviewed_code
        self._state = GitHubState(self.place, state_branch)
        self._checks = GitHubChecks(self.place)
        self._pins = GitHubPins(self.place)

    @property
    def name(self) -> str:
        """How the forge is named to people."""
        return f"GitHub {self.place.given}"

    @property
    def account(self) -> ForgeAccount:
        """Whose the token is: only what that of Actions pushes starts no workflow."""
        return self.place.account

    @property
    def public(self) -> bool:
        """Whether anybody may read the repository; what only an enterprise's people may counts as private."""
        return not self.place.repository.private

    def pin_issue(self, number: int, pinned: bool) -> None:
        """Pin an issue or unpin it. GitHub allows three."""
        self._pins.set(number, pinned)

    def state(self, name: str) -> ForgeFile | None:
        """A file of the state branch; None when there is none, or no branch yet."""
        return self._state.read(name)

    def put_state(self, name: str, content: bytes, version: str | None) -> str:
        """Write such a file over a version of it; return the new version."""
        return self._state.write(name, content, version)

    def push(self, branch: BranchName, commit: Sha) -> str:
        """Push a commit of the workspace over https with the token; return the branch's page."""
        if self.account.starts_ci and not self._ci_is_meant:
            raise ci_not_meant(self.account.login)
        url = f"{git_root(self._api_url)}/{self.place.repository.full_name}.git"
        for wait in (*_PUSH_WAITS, None):
            try:
                self._workspace.push(commit, branch, url, self.place.api.tokens.current())
                break
            except ForgeBusy:
                # A push that took effect is found to be there already.
                if wait is None:
                    raise
                self._clock.sleep(wait)
        return f"{self.place.repository.html_url}/tree/{quote(branch)}"

    def checks(self, head: Sha) -> Iterator[ForgeCheck]:
        """The bot's checks on a commit; a person's token can have made none."""
        return self._checks.of(head)

    def create_check(
        self, head: Sha, external_id: str, name: str, conclusion: str, title: str, summary: str,
        annotations: tuple[Annotation, ...] = (),
    ) -> ForgeCheck:
        """Add a finished check to a commit. Only an App or Actions may."""
        return self._checks.create(head, external_id, name, conclusion, title, summary, annotations)

    def update_check(
        self, check: int, conclusion: str, title: str, summary: str, annotations: tuple[Annotation, ...] = ()
    ) -> ForgeCheck:
        """Change a check, and add the annotations that it does not have yet."""
        return self._checks.update(check, conclusion, title, summary, annotations)


def git_root(api_url: str) -> str:
    """Where git is served, from where the API is: github.com, a server's /api/v3, or the same place."""
    url = api_url.rstrip("/")
    if url.endswith("/api/v3"):
        return url.removesuffix("/api/v3")
    return re.sub(r"^https://api\.", "https://", url)


def open_forge(repository: str, surroundings: Surroundings) -> GitHubForge:
    """`--forge github`, with the App or the token that [forge] names. Raises ConfigProblem without one."""
    forge = surroundings.config.forge
    return GitHubForge(
        repository, open_tokens(repository, surroundings), forge.api_url, surroundings.repository, surroundings.clock,
        state_branch=forge.state_branch, ci_on_unreviewed_code=forge.ci_on_unreviewed_code,
    )
