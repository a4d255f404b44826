"""A publisher over the folder forge and a real repository, and effects made the short way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import cast

from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.local_forge import LocalForge
from bot.domain.config import PolicyConfig, TargetConfig
from bot.domain.effects import (
    BranchPush,
    CheckKey,
    CheckReport,
    CommentUpsert,
    CycleKey,
    Effect,
    IssueKey,
    IssueUpsert,
    PullRequestUpsert,
    Receipt,
    RecordedEffect,
    ReplyKey,
    ReplyUpsert,
    RunKey,
    TrackingUpsert,
)
from bot.domain.publication import Scope
from bot.engine.publisher import Publisher
from bot.ports import FileChange, Forge, ForgeIssue, Workspace
from tests.fakes.repositories import make_repository
from tests.unit.records import FINGERPRINT, START

REPOSITORY = "acme/shop"
KEY = IssueKey(repository=REPOSITORY, fingerprint=FINGERPRINT)
RUN = "20251107T081500Z-0a1b2c"
LATER = "20251108T081500Z-0a1b2c"
TARGET = TargetConfig(code=("shop/**",), tests=("tests",))
SCOPE = Scope(repository=REPOSITORY, fingerprint=FINGERPRINT, run=RUN, cycle=1, target="shop")


def cycle_key(of: str, name: str = "main", run: str = RUN) -> CycleKey:
    return CycleKey.model_validate({
        "of": of, "repository": REPOSITORY, "fingerprint": FINGERPRINT, "run": run, "cycle": 1, "name": name,
    })


def issue(**changes: object) -> IssueUpsert:
    effect = IssueUpsert(key=KEY, title="Startup fails", body="It does.", labels=("whybot",))
    return effect.model_copy(update=changes)


def comment(body: str, name: str = "status") -> CommentUpsert:
    return CommentUpsert(key=cycle_key("comment", name), on=KEY, body=body)


def pull(**changes: object) -> PullRequestUpsert:
    effect = PullRequestUpsert(
        key=cycle_key("pull_request"), branch=cycle_key("branch"), fixes=KEY, title="Fix it", body="It is fixed."
    )
    return effect.model_copy(update=changes)


def check(head: str, **changes: object) -> CheckReport:
    key = CheckKey(repository=REPOSITORY, fingerprint=FINGERPRINT, run=RUN, cycle=1, head=head)
    effect = CheckReport(key=key, name="whybot proof", conclusion="success", title="proven", summary="All hold.")
    return effect.model_copy(update=changes)


def tracking(**changes: object) -> TrackingUpsert:
    key = RunKey(repository=REPOSITORY, run=RUN)
    effect = TrackingUpsert(key=key, title="A run", body="| 1 | running |", labels=("whybot",))
    return effect.model_copy(update=changes)


def reply(number: int, body: str = "Done.") -> ReplyUpsert:
    return ReplyUpsert(key=ReplyKey(repository=REPOSITORY, comment=77), number=number, body=body)


class Desk:
    """A publisher over a forge, and what it has done."""

    def __init__(
        self, open_forge: Callable[[], Forge], workspace: GitWorkspace | None, base: str | None,
        policy: PolicyConfig | None = None, run: str = RUN, record_url: str = "",
    ) -> None:
        self.publisher = Publisher(open_forge, policy or PolicyConfig(), workspace, record_url)
        self.scope = SCOPE.model_copy(update={"run": run, "base": base})
        self.known: tuple[RecordedEffect, ...] = ()

    def apply(self, effect: Effect, target: TargetConfig | None = TARGET) -> Receipt:
        receipt = self.publisher.apply(effect, self.scope, self.known, target)
        self.known += (RecordedEffect(effect=effect, receipt=receipt),)
        return receipt

    def apply_all(self, effects: Sequence[Effect]) -> list[Receipt]:
        """As a job does that has all of them in a file."""
        known = [RecordedEffect(effect=effect) for effect in effects]
        for index, effect in enumerate(effects):
            receipt = self.publisher.apply(effect, self.scope, known, TARGET)
            known[index] = RecordedEffect(effect=effect, receipt=receipt)
        self.known = tuple(known)
        return [item.receipt for item in known if item.receipt is not None]


class LateWorkspace:
    """A workspace whose repository may not be there yet."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def __getattr__(self, name: str) -> object:
        return getattr(self._bench.workspace, name)


class Bench(Desk):
    """The same over the folder forge; its repository is made when somebody looks at it."""

    def __init__(self, folder: Path, policy: PolicyConfig | None = None) -> None:
        self.folder = folder / "forge"
        self.clone = folder / "shop"
        self.policy = policy
        super().__init__(lambda: self.forge, None, None, policy)

    @cached_property
    def _world(self) -> tuple[str, GitWorkspace]:
        base = make_repository(self.clone, {"shop/app.py": b"READY = False\n"})
        workspace = GitWorkspace(self.clone)
        self.scope = self.scope.model_copy(update={"base": base})
        self.publisher._workspace = workspace
        return base, workspace

    @property
    def base(self) -> str:
        return self._world[0]

    @property
    def workspace(self) -> GitWorkspace:
        return self._world[1]

    @cached_property
    def forge(self) -> Forge:
        return LocalForge(self.folder, cast("Workspace", LateWorkspace(self)))

    def later(self, run: str = LATER, **changes: object) -> Desk:
        """A cycle of another run."""
        policy = (self.policy or PolicyConfig()).model_copy(update=changes)
        return Desk(lambda: self.forge, None, None, policy, run)

    def commit(self, path: str = "shop/app.py", content: bytes = b"READY = True\n") -> str:
        return self.workspace.commit(self.base, (FileChange(path=path, content=content),), "Fix", START)

    def branch(self, head: str, *paths: str) -> BranchPush:
        return BranchPush(
            key=cycle_key("branch"), branch="whybot/x", base=self.base, head=head, paths=paths or ("shop/app.py",)
        )

    @property
    def issue(self) -> ForgeIssue:
        """The only issue."""
        (only,) = self.forge.issues()
        return only

    def edit(self, number: int, body: str | None = None, title: str | None = None) -> None:
        """Change an issue as a person does."""
        found = next(one for one in self.forge.issues() if one.number == number)
        self.forge.update_issue(number, title or found.title, found.body if body is None else body, (), reopen=False)
