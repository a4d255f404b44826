"""Comments that are updated in place, found by their marker among the bot's own."""

from __future__ import annotations

from bot.domain.effects import CommentUpsert, CycleKey, Receipt, ReplyKey, ReplyUpsert, markers_in
from bot.domain.errors import ForgeGone, NotOffered
from bot.engine.publishing.means import Means
from bot.engine.publishing.region import place_in, same
from bot.ports import ForgeComment


def publish_comment(effect: CommentUpsert, means: Means) -> Receipt:
    """Bring a comment on the cycle's own issue or pull request up to date."""
    return put_comment(means.needed_number(effect.on), effect.key, effect.body, means)


def publish_reply(effect: ReplyUpsert, means: Means) -> Receipt:
    """Bring the answer to a command up to date."""
    return put_comment(effect.number, effect.key, effect.body, means)


def put_comment(number: int, key: CycleKey | ReplyKey, text: str, means: Means) -> Receipt:
    """Make the comment with a key, or change it where it says something else; one that was deleted is made anew.

    A conversation that is locked to the bot or gone gets none, and the receipt says why.
    """
    try:
        found = next((one for one in means.forge.comments(number) if str(key) in markers_in(one.body)), None)
        if found is not None:
            try:
                return _changed(found, key, text, means)
            except ForgeGone:
                pass  # Deleted since it was listed.
        made = means.forge.create_comment(number, means.body(place_in("", ()), key, text) or "")
        return Receipt(did="created", url=made.url)
    except (ForgeGone, NotOffered) as problem:
        return Receipt(did="not published", note=str(problem))


def _changed(found: ForgeComment, key: CycleKey | ReplyKey, text: str, means: Means) -> Receipt:
    body = means.body(place_in(found.body, {str(key)}), key, text)
    if body is None or same(body, found.body):
        return Receipt(did="unchanged", url=found.url)
    return Receipt(did="updated", url=means.forge.update_comment(found.id, body).url)
