"""Applies effects to a forge: checks each against policy, finds what bears its marker, changes or makes it.

Applying an effect twice is the same as applying it once, so that a kill between a write to the forge and
the record of it costs a look-up and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import assert_never

from bot.domain.config import PolicyConfig, TargetConfig
from bot.domain.effects import (
    BranchPush,
    CheckReport,
    CommentUpsert,
    Effect,
    IssueUpsert,
    NoticeSend,
    PullRequestUpsert,
    Receipt,
    RecordedEffect,
    ReplyUpsert,
    TrackingUpsert,
)
from bot.domain.publication import Scope
from bot.engine.publishing.branches import publish_branch, publish_pull
from bot.engine.publishing.checks import publish_check
from bot.engine.publishing.conversation import publish_comment, publish_reply
from bot.engine.publishing.issues import publish_issue
from bot.engine.publishing.means import Means
from bot.engine.publishing.notices import NoticeDesk
from bot.engine.publishing.policy import allow, allow_branch
from bot.engine.publishing.tracking import publish_tracking
from bot.engine.publishing.wording import Wording
from bot.ports import Forge, Workspace

SUPERSEDED = Receipt(did="unchanged", note="A later effect says it anew.")
NOBODY = Receipt(did="not published", note="Nobody is told of anything here.")


class Publisher:
    """Publishes the effects of one repository's cycles.

    `record_url` is where the record of what is published can be read; a text that is cut links to it. Without
    `notices` nobody is told of anything.
    """

    def __init__(
        self, open_forge: Callable[[], Forge], policy: PolicyConfig, workspace: Workspace | None, record_url: str = "",
        notices: NoticeDesk | None = None,
    ) -> None:
        self._open_forge = open_forge
        self._policy = policy
        self._workspace = workspace
        self._notices = notices
        self._wording = Wording(policy.most_body_chars, record_url)

    def check(
        self, effect: Effect, scope: Scope, known: Sequence[RecordedEffect], target: TargetConfig | None
    ) -> None:
        """Raise PolicyRefused when policy forbids an effect. The forge is not opened.

        `known` are all effects of the scope, in order; those that were applied have their receipts.
        """
        allow(effect, scope, known, self._policy)
        if isinstance(effect, BranchPush):
            allow_branch(effect, scope, target, self._workspace, self._policy)

    def apply(
        self, effect: Effect, scope: Scope, known: Sequence[RecordedEffect], target: TargetConfig | None
    ) -> Receipt:
        """Bring one effect about and say what it came to.

        Raises PolicyRefused when policy forbids it, ForgeProblem when the forge fails. A notice that cannot be
        delivered is a receipt.
        """
        self.check(effect, scope, known, target)
        if isinstance(effect, NoticeSend):
            return NOBODY if self._notices is None else self._notices.send(effect, known)
        if _is_superseded(effect, known):
            return SUPERSEDED
        # Opened when something is published, so that a dry run and the first steps need no token.
        means = Means(self._open_forge(), self._policy, self._wording, scope, known)
        match effect:
            case IssueUpsert():
                return publish_issue(effect, means)
            case TrackingUpsert():
                return publish_tracking(effect, means)
            case CommentUpsert():
                return publish_comment(effect, means)
            case ReplyUpsert():
                return publish_reply(effect, means)
            case BranchPush():
                return publish_branch(effect, means)
            case PullRequestUpsert():
                return publish_pull(effect, means)
            case CheckReport():
                return publish_check(effect, means, target)
            case _:
                assert_never(effect)


def _is_superseded(effect: Effect, known: Sequence[RecordedEffect]) -> bool:
    """Whether a later text follows under the same key: of a comment that moves along, only the last one is written."""
    if not isinstance(effect, CommentUpsert | ReplyUpsert | TrackingUpsert):
        return False
    same = [item.effect for item in known if type(item.effect) is type(effect) and item.effect.key == effect.key]
    return effect in same and same[-1] != effect
