"""The branch with a fix, and the draft pull request from it."""

from __future__ import annotations

from typing import Literal

from bot.domain.effects import BranchName, BranchPush, CycleKey, PullRequestUpsert, Receipt, markers_in
from bot.domain.errors import ForgeProblem
from bot.engine.publishing.means import Means
from bot.engine.publishing.region import place_in, same
from bot.ports import ForgePull


def publish_branch(effect: BranchPush, means: Means) -> Receipt:
    """Push the branch. It is never moved away from commits that are not the bot's: the forge refuses that."""
    before = means.forge.branch_head(effect.branch)
    if before not in {None, effect.head} and _was_pushed(effect, means):
        return Receipt(
            did="unchanged", note=f"{effect.branch} was moved since the bot pushed it, so it was left as it is."
        )
    # Pushed even where it is there already: that changes nothing, and tells where it is.
    url = means.forge.push(effect.branch, effect.head)
    did: Literal["created", "updated", "unchanged"] = "updated"
    if before is None:
        did = "created"
    elif before == effect.head:
        did = "unchanged"
    return Receipt(did=did, url=url, note=effect.branch)


def publish_pull(effect: PullRequestUpsert, means: Means) -> Receipt:
    """Open the pull request, or bring the bot's part of its text up to date. Its title is given once.

    One that a person closed or merged is left as it is.
    """
    branch = _branch_of(effect.branch, means)
    # The one reference that is meant: added after everything untrusted was neutralised.
    closing = f"Fixes #{means.needed_number(effect.fixes)}"
    found = _preferred(tuple(means.forge.pulls(branch)), str(effect.key))
    if found is not None:
        return _changed(found, effect, means, closing)
    body = means.body(place_in("", ()), effect.key, effect.body, tail=closing)
    made = means.forge.create_pull(means.wording.title(effect.title), body or "", branch, effect.draft)
    return Receipt(did="created", number=made.number, url=made.url)


def _changed(found: ForgePull, effect: PullRequestUpsert, means: Means, closing: str) -> Receipt:
    receipt = Receipt(did="unchanged", number=found.number, url=found.url)
    if not found.open:
        return receipt.model_copy(update={"note": "It was closed or merged since, so it was left as it is."})
    body = means.body(place_in(found.body, {str(effect.key)}), effect.key, effect.body, tail=closing)
    if body is None:
        return receipt.model_copy(update={"note": "Its text leaves no room for the bot's, so it was left as it is."})
    if same(body, found.body):
        return receipt
    means.forge.update_pull(found.number, found.title, body)
    return receipt.model_copy(update={"did": "updated"})


def _preferred(pulls: tuple[ForgePull, ...], key: str) -> ForgePull | None:
    """The one with the key, an open one first; else an open one, whose text somebody wrote anew.

    A branch is one cycle's alone, so the bot has no other pull request from it.
    """
    marked = [pull for pull in pulls if key in markers_in(pull.body)]
    found = min(marked, key=lambda pull: (not pull.open, pull.number), default=None)
    return found or next((pull for pull in pulls if pull.open), None)


def _was_pushed(effect: BranchPush, means: Means) -> bool:
    return any(item.effect == effect and item.receipt is not None and item.receipt.did in {
        "created", "updated", "unchanged"} for item in means.known)


def _branch_of(key: CycleKey, means: Means) -> BranchName:
    for item in reversed(means.known):
        if isinstance(item.effect, BranchPush) and item.effect.key == key and item.receipt is not None:
            return item.effect.branch
    raise ForgeProblem(f"There is no branch yet for {key}.", "Run `bot resume`; the branch comes first.")
