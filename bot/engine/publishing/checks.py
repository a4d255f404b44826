"""A check on the commit that was pushed."""

from __future__ import annotations

from bot.domain.base import counted
from bot.domain.config import TargetConfig
from bot.domain.effects import CheckReport, Receipt
from bot.domain.errors import NotOffered
from bot.engine.publishing.means import Means
from bot.engine.publishing.policy import remarked_paths
from bot.engine.publishing.region import same

MOST_SUMMARY = 65_535
"""Characters of a summary that GitHub takes (REST, "Create a check run")."""


def publish_check(effect: CheckReport, means: Means, target: TargetConfig | None) -> Receipt:
    """Make or change the check. Where the account may make none, the receipt says so: the proof stands in the pull
    request, too, so nothing is lost but a convenience.
    """
    summary = means.wording.body(effect.summary, MOST_SUMMARY, means.find)
    title = means.wording.title(effect.title)
    may_be_remarked = remarked_paths(means.known, target)
    remarks = tuple(
        means.wording.annotation(remark) for remark in effect.annotations if may_be_remarked(remark.path)
    )
    left_out = len(effect.annotations) - len(remarks)
    note = f"{counted(left_out, 'remark')} on files that the branch does not change left out." if left_out else ""
    try:
        for check in means.forge.checks(effect.key.head):
            if check.external_id == str(effect.key):
                said = (check.conclusion, check.title) == (effect.conclusion, title) and same(check.summary, summary)
                if said and check.annotations >= len(remarks):
                    return Receipt(did="unchanged", url=check.url, note=note)
                url = means.forge.update_check(check.id, effect.conclusion, title, summary, remarks).url
                return Receipt(did="updated", url=url, note=note)
        url = means.forge.create_check(
            effect.key.head, str(effect.key), effect.name, effect.conclusion, title, summary, remarks
        ).url
        return Receipt(did="created", url=url, note=note)
    except NotOffered as refusal:
        return Receipt(did="not published", note=str(refusal))
