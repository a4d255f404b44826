"""What may be published: decided from the effect, what it belongs to and the policy, before the forge is asked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from bot.domain.base import Frozen, rules_of
from bot.domain.config import PolicyConfig, TargetConfig
from bot.domain.effects import (
    BranchPush,
    CheckReport,
    CommentUpsert,
    Effect,
    IssueKey,
    IssueUpsert,
    Key,
    NoticeKey,
    NoticeSend,
    PullRequestUpsert,
    RecordedEffect,
    ReplyKey,
    ReplyUpsert,
    RunKey,
    TrackingUpsert,
)
from bot.domain.errors import PolicyRefused
from bot.domain.globs import matches_any
from bot.domain.publication import Scope
from bot.engine.noticing import MOST_NOTICES
from bot.ports import Workspace

_MOST: Final[Mapping[type[Frozen], tuple[int, str]]] = MappingProxyType({
    IssueUpsert: (1, "a cycle has one issue and one pull request"),
    PullRequestUpsert: (1, "a cycle has one issue and one pull request"),
    BranchPush: (1, "a cycle has one branch"),
    TrackingUpsert: (1, "a run has one tracking issue"),
    ReplyUpsert: (1, "a command has one answer"),
    CommentUpsert: (4, "a cycle has at most 4 comments"),
    CheckReport: (10, "a cycle has at most 10 checks"),
    NoticeSend: (MOST_NOTICES, f"a cycle has at most {MOST_NOTICES} notices"),
})
"""How many different things of a kind the effects of one scope may be about."""

_MOST_RELATED: Final = 20
_MOST_ALIASES: Final = 20
"""All open issues of one incident but the oldest are closed, and an alias makes another issue one of them."""
_CHECK_NAME = re.compile(r"whybot[ a-z0-9-]{0,60}")
"""A check of any other name could pass for the repository's own, which a branch rule may ask for."""


def allow(effect: Effect, scope: Scope, known: Sequence[RecordedEffect], policy: PolicyConfig) -> None:
    """Raise PolicyRefused for an effect that must not be published. `known` are all effects of the scope so far."""
    _belongs(effect.key, scope)
    match effect:
        case IssueUpsert():
            _allow_issue(effect, scope, policy)
        case TrackingUpsert():
            _labelled(effect.labels, policy)
        case CommentUpsert():
            _belongs(effect.on, scope)
        case PullRequestUpsert():
            _belongs(effect.branch, scope)
            _belongs(effect.fixes, scope)
            if not effect.draft:
                raise refused("it is a pull request that is no draft")
        case CheckReport():
            if _CHECK_NAME.fullmatch(effect.name) is None:
                raise refused(f"it is a check with the name {effect.name[:80]!r}, and its names begin with whybot")
            if effect.key.head not in {branch.head for branch in _branches(known)}:
                raise refused(f"it is a check on {effect.key.head[:12]}, which is no commit that the cycle pushed")
        case NoticeSend():
            _allow_notice(effect, scope)
        case _:
            pass
    most, why = _MOST[type(effect)]
    keys = Counter(str(item.effect.key) for item in known if isinstance(item.effect, type(effect)))
    if len(keys | Counter([str(effect.key)])) > most:
        raise refused(why)


def _allow_issue(effect: IssueUpsert, scope: Scope, policy: PolicyConfig) -> None:
    _labelled(effect.labels, policy)
    for key in (*effect.aliases, *effect.related):
        _same_repository(key, scope)
    if any(rules_of(key.fingerprint) >= rules_of(effect.key.fingerprint) for key in effect.aliases):
        raise refused("an earlier name of its incident is not of an earlier version of the rules")
    if len(effect.aliases) > _MOST_ALIASES:
        raise refused(f"its incident had {len(effect.aliases)} earlier names, more than {_MOST_ALIASES}")
    if len(effect.related) > _MOST_RELATED:
        raise refused(f"it is related to {len(effect.related)} incidents, more than {_MOST_RELATED}")


def _allow_notice(effect: NoticeSend, scope: Scope) -> None:
    """Whether its destination is known and asks for it is no matter of policy: then nobody is told, and that is all.

    A publication may have been made with another bot.toml, and what else is in it must not suffer.
    """
    key, notice = effect.key, effect.notice
    said = (notice.repository, notice.run, notice.cycle, notice.event)
    if said != (key.repository, key.run, key.cycle, key.event):
        raise refused("it is a notice that says another thing than its key")
    if notice.incident is not None and notice.incident.fingerprint != scope.fingerprint:
        raise refused("it is a notice of another incident than the cycle's")


def allow_branch(
    effect: BranchPush, scope: Scope, target: TargetConfig | None, workspace: Workspace | None, policy: PolicyConfig
) -> None:
    """Raise PolicyRefused for a branch that changes what it may not, or that is not what it says."""
    if workspace is None or target is None:
        raise refused("there is no repository to take the branch from")
    # What the branch changes is counted from its base, so the base is not the effect's to choose.
    if scope.base is None or effect.base != scope.base:
        raise refused(f"it starts from {effect.base[:12]}, which is not the commit that the cycle works on")
    changed = workspace.changed_paths(effect.base, effect.head)
    if changed != effect.paths:
        raise refused(f"it changes {', '.join(changed)}, but says that it changes {', '.join(effect.paths)}")
    allowed = allowed_path(target, policy)
    for path in changed:
        if not allowed(path):
            raise refused(f"it changes {path}, which is not in the target's code or tests or is forbidden")
    plain = frozenset(workspace.files(effect.head))
    if odd := [path for path in changed if path not in plain]:
        raise refused(f"{odd[0]} is no plain file in it")


def allowed_path(target: TargetConfig, policy: PolicyConfig) -> Callable[[str], bool]:
    """A predicate over repository paths: in the target's code or tests, and not forbidden."""
    allowed = target.in_repository((*target.code, *(f"{folder}/**" for folder in target.tests)))

    def allows(path: str) -> bool:
        return bool(matches_any(path, allowed)) and not matches_any(path, policy.forbidden_paths)

    return allows


def remarked_paths(
    known: Sequence[RecordedEffect], target: TargetConfig | None
) -> Callable[[str], bool]:
    """A predicate over paths that a check may annotate: what the branch changes, and the target's tests."""
    changed = {path for branch in _branches(known) for path in branch.paths}
    tests = () if target is None else target.in_repository(tuple(f"{folder}/**" for folder in target.tests))

    def remarked(path: str) -> bool:
        return path in changed or bool(matches_any(path, tests))

    return remarked


def refused(why: str) -> PolicyRefused:
    """The error for an effect that policy forbids."""
    return PolicyRefused(f"The effect was not published: {why}.", "Nothing was changed; see [policy] in bot.toml.")


def _branches(known: Sequence[RecordedEffect]) -> list[BranchPush]:
    return [item.effect for item in known if isinstance(item.effect, BranchPush)]


def _same_repository(key: Key, scope: Scope) -> None:
    if key.repository != scope.repository:
        raise refused(f"it is for {key.repository}, the cycle is for {scope.repository}")


def _belongs(key: Key, scope: Scope) -> None:
    _same_repository(key, scope)
    if isinstance(key, ReplyKey):
        return
    if scope.run is None or scope.cycle is None:
        raise refused("it belongs to a cycle, and there is none")
    if isinstance(key, RunKey):
        if key.run != scope.run:
            raise refused("it belongs to another run")
        return
    if isinstance(key, NoticeKey):
        if (key.run, key.cycle) != (scope.run, scope.cycle):
            raise refused("it belongs to another cycle")
        return
    if key.fingerprint != scope.fingerprint:
        raise refused("it is about another incident than the cycle's")
    if not isinstance(key, IssueKey) and (key.run != scope.run or key.cycle != scope.cycle):
        raise refused("it belongs to another cycle")


def _labelled(labels: tuple[str, ...], policy: PolicyConfig) -> None:
    if not set(labels) <= set(policy.labels):
        raise refused(f"its labels {', '.join(labels)} are not among {', '.join(policy.labels)}")

