"""What commands in comments need of GitHub: who may give them, recent comments, pull requests, runs in Actions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, Field

from bot.adapters.github_answers import UserAnswer
from bot.adapters.github_api import GitHubApi
from bot.adapters.github_app import open_tokens
from bot.adapters.github_issues import GitHubIssues
from bot.adapters.github_place import GitHubPlace
from bot.adapters.github_refusals import Refused
from bot.adapters.github_state import GitHubState
from bot.adapters.surroundings import Surroundings
from bot.domain.base import Sha
from bot.domain.effects import RepositoryName
from bot.domain.errors import ForgeProblem
from bot.ports import ActionsRun, ForgeAccount, ForgeFile, PullCommits

_UNFINISHED: Final = ("queued", "in_progress", "waiting", "pending", "requested")
"""The states of a run that has not ended (GitHub, "List workflow runs for a workflow")."""

_MOST_LOOKED_AT: Final = 200
"""So many comments are looked into for the bot's reaction. Beyond it somebody floods the repository."""


class _Counts(BaseModel):
    eyes: int = 0


class _Listed(BaseModel):
    id: int
    created_at: AwareDatetime
    reactions: _Counts | None = None


class _Reaction(BaseModel):
    user: UserAnswer | None = None


class _Side(BaseModel):
    class _Repository(BaseModel):
        id: int

    sha: Sha
    repo: _Repository | None = None


class _Pull(BaseModel):
    head: _Side
    base: _Side


class _Run(BaseModel):
    id: int
    html_url: str
    path: str


class _Job(BaseModel):
    name: str
    status: str

    def has_name(self, name: str) -> bool:
        """Whether it is called so, in the workflow of the run or in one that is called from there."""
        return bool(name) and (self.name == name or self.name.endswith(f" / {name}"))


class _Nothing(BaseModel):
    """An answer that says nothing."""


class _Workflow(BaseModel):
    path: str = Field(min_length=1)


class GitHubDesk(GitHubIssues):
    """Implements the CommandDesk port for a repository as the bot's account sees it."""

    def __init__(self, place: GitHubPlace, state_branch: str) -> None:
        super().__init__(place)
        self._api = place.api
        self._state = GitHubState(place, state_branch)

    @property
    def account(self) -> ForgeAccount:
        """Whose the token is."""
        return self.place.account

    def state(self, name: str) -> ForgeFile | None:
        """A file of the state branch; None when there is none, or no branch yet."""
        return self._state.read(name)

    def accepted(self, since: datetime, most: int) -> frozenset[int]:
        """The comments since then, in all conversations, that the bot answered with `eyes`; at most `most` of them.

        A comment is asked about only when somebody put eyes on it. Where that is so for too many of them, all count:
        a flood must not let commands through.
        """
        stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        # What was changed since is listed, so an older comment may be in it.
        seen = [
            one.id for one in self._api.many(
                f"{self.place.root}/issues/comments", _Listed,
                {"since": stamp, "sort": "created", "direction": "desc"}, doing="list the comments of the last hour",
            ) if one.created_at >= since and (one.reactions is None or one.reactions.eyes > 0)
        ]
        if len(seen) > _MOST_LOOKED_AT:
            return frozenset(seen[:most])
        found: set[int] = set()
        for comment in seen:
            if len(found) >= most:
                break
            if self._has_my_eyes(comment):
                found.add(comment)
        return frozenset(found)

    def pull(self, number: int) -> PullCommits:
        """The commits of a pull request."""
        doing = f"read pull request {number}"
        found = self._api.one("GET", f"{self.place.root}/pulls/{number}", _Pull, doing=doing)
        head, base = found.head.repo, found.base.repo
        fork = head is None or base is None or head.id != base.id
        return PullCommits(head=found.head.sha, base=found.base.sha, fork=fork)

    def unfinished(self, workflow: str, job: str) -> Iterator[ActionsRun] | None:
        """The runs of a workflow's file that have not ended; None when there is no such workflow."""
        path = f"{self.place.root}/actions/workflows/{quote(workflow, safe='')}"
        known = self._api.find(path, _Workflow, HTTPStatus.NOT_FOUND, doing=f"look up the workflow {workflow}")
        return None if known is None else self._unfinished(path, known.path, job)

    def cancel(self, run: int) -> bool:
        """Cancel a run; False when it has ended by itself meanwhile."""
        path = f"{self.place.root}/actions/runs/{run}/cancel"
        try:
            self._api.one("POST", path, _Nothing, {}, doing=f"cancel run {run}", repeatable=True)
        except Refused as refused:
            if refused.refusal.status == HTTPStatus.CONFLICT:
                return False
            if refused.forbidden:
                raise ForgeProblem(refused.what, "Give the job the permission `actions: write`.") from refused
            raise
        return True

    # How

    def _has_my_eyes(self, comment: int) -> bool:
        reactions = self._api.many(
            f"{self.place.root}/issues/comments/{comment}/reactions", _Reaction, {"content": "eyes"},
            doing=f"list the reactions to comment {comment}",
        )
        try:
            return any(self.place.is_mine(one.user) for one in reactions)
        except Refused as refused:
            if refused.gone:
                return False
            raise

    def _unfinished(self, path: str, file: str, job: str) -> Iterator[ActionsRun]:
        seen: set[int] = set()
        for status in _UNFINISHED:
            for run in self._api.many(
                f"{path}/runs", _Run, {"status": status}, key="workflow_runs", doing="list the runs of the workflow"
            ):
                # A run's path may name the ref, too: `.github/workflows/cycle.yml@refs/heads/main`.
                if run.id not in seen and run.path.partition("@")[0] == file and (not job or self._is_at(run.id, job)):
                    yield ActionsRun(id=run.id, url=run.html_url)
                seen.add(run.id)

    def _is_at(self, run: int, job: str) -> bool:
        """Whether a job of a run has not ended, or has yet to come.

        Of a called workflow that waits for its turn no job is listed, perhaps the call itself. A call that is left out
        is listed as ended.
        """
        jobs = list(self._api.many(
            f"{self.place.root}/actions/runs/{run}/jobs", _Job, {"filter": "latest"}, key="jobs",
            doing=f"list the jobs of run {run}",
        ))
        call = job.rpartition(" / ")[0]
        for name in (job, call):
            if found := [one for one in jobs if one.has_name(name)]:
                return any(one.status != "completed" for one in found)
        return bool(call and jobs) and all(one.status == "completed" for one in jobs)


def open_desk(repository: RepositoryName, surroundings: Surroundings) -> GitHubDesk:
    """The desk at a repository, with the App or the token that [forge] names. Raises ConfigProblem without one."""
    forge = surroundings.config.forge
    api = GitHubApi(forge.api_url, open_tokens(repository, surroundings), surroundings.clock)
    return GitHubDesk(GitHubPlace(api, repository), forge.state_branch)
