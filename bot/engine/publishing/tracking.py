"""The issue that shows all cycles of a run."""

from __future__ import annotations

from bot.domain.effects import Receipt, TrackingUpsert
from bot.domain.errors import ForgeGone, NotOffered
from bot.engine.publishing.bearers import bearing, chosen, made_at_once
from bot.engine.publishing.means import Means
from bot.engine.publishing.region import Said, place_in, same
from bot.ports import ForgeIssue

_LATER = "A later cycle has written it since, so it was left as it is."


def publish_tracking(effect: TrackingUpsert, means: Means) -> Receipt:
    """Make or change the tracking issue, pin it once, and at the end of the run unpin and close it.

    What a person did to it stays: closed, it is not opened again, and unpinned, it is not pinned again.
    """
    if means.policy.tracking_issue == "never":
        return Receipt(did="not published", note='`tracking_issue` under [policy] is "never".')
    keys = {str(effect.key)}
    mine = bearing(means.forge.issues(), keys)
    found = chosen(means.forge, mine, effect.key)
    if found is not None:
        return _brought_up(effect, means, found)
    said = Said(run=means.scope.run, cycle=means.scope.cycle)
    body = means.body(place_in("", keys), effect.key, effect.body, said)
    made = means.forge.create_issue(means.wording.title(effect.title), body or "", effect.labels)
    earlier = made_at_once(means.forge, made, keys, effect.key)
    if earlier is not None:
        return _brought_up(effect, means, earlier)
    return _brought_up(effect, means, made).model_copy(update={"did": "created"})


def _brought_up(effect: TrackingUpsert, means: Means, found: ForgeIssue) -> Receipt:
    place = place_in(found.body, {str(effect.key)})
    receipt = Receipt(did="unchanged", number=found.number, url=found.url)
    if place.said is not None and place.said.after(means.scope):
        return receipt.model_copy(update={"note": _LATER})
    # Whoever was killed between making and pinning it finds by this that it was not pinned.
    said = Said(run=means.scope.run, cycle=means.scope.cycle, pinned=True)
    body = means.body(place, effect.key, effect.body, said) or found.body
    has = {label.lower() for label in found.labels}
    missing = tuple(label for label in effect.labels if label.lower() not in has)
    if same(body, found.body) and not missing and (effect.open or not found.open):
        return receipt
    try:
        note = _shown(effect, means, found, pinned=place.said is not None and place.said.pinned)
        # Written last, since it says that all before was done.
        means.forge.update_issue(found.number, found.title, body, missing, reopen=False)
    except ForgeGone as gone:
        return Receipt(did="not published", note=str(gone))
    return receipt.model_copy(update={"did": "updated", "note": note})


def _shown(effect: TrackingUpsert, means: Means, issue: ForgeIssue, pinned: bool) -> str:
    """Pin it if that was not done before, or unpin and close it; return what the forge does not offer."""
    note = ""
    if not effect.open or (issue.open and not pinned):
        try:
            means.forge.pin_issue(issue.number, effect.open)
        except NotOffered as problem:
            note = str(problem)
    if not effect.open and issue.open:
        means.forge.close_issue(issue.number, "completed")
    return note
