"""Applies effects to a forge: checks each against policy, finds what bears its marker, changes or makes it.

Applying an effect twice is the same as applying it once, so that a kill between a write to the forge and
the record of it costs a look-up and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, assert_never

from bot.domain.config import PolicyConfig, TargetConfig
from bot.domain.effects import (
    BranchPush,
    CheckReport,
    CommentUpsert,
    CycleKey,
    Effect,
    IssueKey,
    IssueUpsert,
    PullRequestUpsert,
    Receipt,
    marker,
    markers_in,
    without_markers,
)
from bot.domain.errors import ForgeProblem, NotOffered, PolicyRefused
from bot.domain.globs import matches_any
from bot.domain.record import CycleRecord
from bot.domain.results import Retrieved
from bot.logs.redact import redact
from bot.ports import Forge, ForgeIssue, Workspace
from bot.reports.markdown import cut, neutralise

NOT_PUBLISHED = Receipt(did="not published", note="dry run")


class Publisher:
    """Publishes the effects of one repository's cycles."""

    def __init__(self, open_forge: Callable[[], Forge], policy: PolicyConfig, workspace: Workspace | None) -> None:
        self._open_forge = open_forge
        self._policy = policy
        self._workspace = workspace

    def apply(self, effect: Effect, record: CycleRecord, target: TargetConfig | None) -> Receipt:
        """Bring one effect about and say what it came to.

        Raises PolicyRefused when policy forbids it, ForgeProblem when the forge fails.
        """
        self._allowed(effect, record)
        if record.settings.dry_run:
            return NOT_PUBLISHED
        match effect:
            case IssueUpsert():
                return self._issue(effect)
            case CommentUpsert():
                return self._comment(effect, record)
            case BranchPush():
                return self._branch(effect, record, target)
            case PullRequestUpsert():
                return self._pull(effect, record)
            case CheckReport():
                try:
                    return self._check(effect)
                except NotOffered as refused:
                    # The proof stands in the pull request too, so nothing is lost but a convenience.
                    return Receipt(did="not published", note=str(refused))
            case _:
                assert_never(effect)

    @property
    def _forge(self) -> Forge:
        # Opened when something is published, so that a dry run and the first steps need no token.
        return self._open_forge()

    # Policy

    def _allowed(self, effect: Effect, record: CycleRecord) -> None:
        if effect.key.repository != record.settings.repository:
            raise _refused(f"it is for {effect.key.repository}, the cycle is for {record.settings.repository}")
        if effect.key.fingerprint != record.fingerprint:
            raise _refused("it is about another incident than the cycle's")
        if not isinstance(effect.key, IssueKey) and (
            effect.key.run != record.ref.run or effect.key.cycle != record.ref.number
        ):
            raise _refused("it belongs to another cycle")
        if isinstance(effect, PullRequestUpsert) and not effect.draft:
            raise _refused("it is a pull request that is no draft")
        if isinstance(effect, IssueUpsert) and not set(effect.labels) <= set(self._policy.labels):
            raise _refused(f"its labels {', '.join(effect.labels)} are not among {', '.join(self._policy.labels)}")
        for kind in (IssueUpsert, PullRequestUpsert):
            keys = {str(item.effect.key) for item in record.effects() if isinstance(item.effect, kind)}
            if len(keys) > 1:
                raise _refused("a cycle has one issue and one pull request")

    def _body(self, body: str, key: str) -> str:
        clean = without_markers(neutralise(redact(body)))
        return f"{cut(clean, self._policy.most_body_chars)}\n\n{key}\n"

    def _title(self, title: str) -> str:
        return neutralise(redact(title))[:250]

    # One method a kind of effect

    def _issue(self, effect: IssueUpsert) -> Receipt:
        keys = {str(effect.key), *(str(alias) for alias in effect.aliases)}
        title, body = self._title(effect.title), self._body(effect.body, marker(effect.key))
        found = _preferred(issue for issue in self._forge.issues() if markers_in(issue.body) & keys)
        if found is None:
            made = self._forge.create_issue(title, body, effect.labels)
            return Receipt(did="created", number=made.number, url=made.url)
        if found.open and (found.title, found.body) == (title, body) and set(effect.labels) <= set(found.labels):
            return Receipt(did="unchanged", number=found.number, url=found.url)
        self._forge.update_issue(found.number, title, body, effect.labels, reopen=not found.open)
        return Receipt(did="updated" if found.open else "reopened", number=found.number, url=found.url)

    def _comment(self, effect: CommentUpsert, record: CycleRecord) -> Receipt:
        number = self._number(effect.on, record)
        body = self._body(effect.body, marker(effect.key))
        for comment in self._forge.comments(number):
            if str(effect.key) in markers_in(comment.body):
                if comment.body == body:
                    return Receipt(did="unchanged", url=comment.url)
                return Receipt(did="updated", url=self._forge.update_comment(comment.id, body).url)
        return Receipt(did="created", url=self._forge.create_comment(number, body).url)

    def _branch(self, effect: BranchPush, record: CycleRecord, target: TargetConfig | None) -> Receipt:
        if self._workspace is None or target is None:
            raise _refused("there is no repository to take the branch from")
        retrieved = record.latest(Retrieved)
        # What the branch changes is counted from its base, so the base is not the effect's to choose.
        if retrieved is None or retrieved.commit is None or effect.base != retrieved.commit.sha:
            raise _refused(f"it starts from {effect.base[:12]}, which is not the commit that the cycle works on")
        changed = self._workspace.changed_paths(effect.base, effect.head)
        if changed != effect.paths:
            raise _refused(f"it changes {', '.join(changed)}, but says that it changes {', '.join(effect.paths)}")
        allowed = allowed_path(target, self._policy)
        for path in changed:
            if not allowed(path):
                raise _refused(f"it changes {path}, which is not in the target's code or tests or is forbidden")
        plain = frozenset(self._workspace.files(effect.head))
        if odd := [path for path in changed if path not in plain]:
            raise _refused(f"{odd[0]} is no plain file in it")
        before = self._forge.branch_head(effect.branch)
        # Pushed even where it is there already: that changes nothing, and tells where it is.
        url = self._forge.push(effect.branch, effect.head)
        did: Literal["created", "updated", "unchanged"] = "updated"
        if before is None:
            did = "created"
        elif before == effect.head:
            did = "unchanged"
        return Receipt(did=did, url=url, note=effect.branch)

    def _pull(self, effect: PullRequestUpsert, record: CycleRecord) -> Receipt:
        branch = _branch_of(effect.branch, record)
        # The one reference that is meant: added after everything untrusted was neutralised.
        closing = f"Fixes #{self._number(effect.fixes, record)}"
        title, body = self._title(effect.title), self._body(effect.body, f"{closing}\n\n{marker(effect.key)}")
        for pull in self._forge.pulls(branch):
            if str(effect.key) in markers_in(pull.body):
                if (pull.title, pull.body) == (title, body):
                    return Receipt(did="unchanged", number=pull.number, url=pull.url)
                self._forge.update_pull(pull.number, title, body)
                return Receipt(did="updated", number=pull.number, url=pull.url)
        made = self._forge.create_pull(title, body, branch, effect.draft)
        return Receipt(did="created", number=made.number, url=made.url)

    def _check(self, effect: CheckReport) -> Receipt:
        summary = self._body(effect.summary, marker(effect.key))
        title = self._title(effect.title)
        for check in self._forge.checks(effect.key.head):
            if check.external_id == str(effect.key):
                changed = self._forge.update_check(check.id, effect.conclusion, title, summary)
                return Receipt(did="updated", url=changed.url)
        made = self._forge.create_check(
            effect.key.head, str(effect.key), effect.name, effect.conclusion, title, summary
        )
        return Receipt(did="created", url=made.url)

    def _number(self, key: IssueKey | CycleKey, record: CycleRecord) -> int:
        number = record.receipt_number(key)
        if number is None:
            raise ForgeProblem(f"There is no number yet for {key}.", "Run `bot resume`; what it refers to comes first.")
        return number


def allowed_path(target: TargetConfig, policy: PolicyConfig) -> Callable[[str], bool]:
    """A predicate over repository paths: in the target's code or tests, and not forbidden."""
    allowed = target.in_repository((*target.code, *(f"{folder}/**" for folder in target.tests)))

    def allows(path: str) -> bool:
        return bool(matches_any(path, allowed)) and not matches_any(path, policy.forbidden_paths)

    return allows


def _preferred(issues: Iterable[ForgeIssue]) -> ForgeIssue | None:
    """An open issue before a closed one, an older before a newer."""
    return min(issues, key=lambda issue: (not issue.open, issue.number), default=None)


def _branch_of(key: CycleKey, record: CycleRecord) -> str:
    for item in record.effects():
        if isinstance(item.effect, BranchPush) and item.effect.key == key and item.receipt is not None:
            return item.effect.branch
    raise ForgeProblem(f"There is no branch yet for {key}.", "Run `bot resume`; the branch comes first.")


def _refused(why: str) -> PolicyRefused:
    return PolicyRefused(f"The effect was not published: {why}.", "Nothing was changed; see [policy] in bot.toml.")
