"""Applying a publication, in the job that has the write token.

The file comes from the job with the model, in which generated code ran, so all of it is believed only after it was
checked: its size and form (`engine/publication.py`), its commits by making them again, its effects by the publisher.
Receipts in it are for people; they decide nothing, since applying an effect twice changes the same thing twice.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from bot.domain.config import TargetConfig
from bot.domain.effects import (
    KEPT,
    BranchPush,
    CommentUpsert,
    Effect,
    NoticeSend,
    Receipt,
    RecordedEffect,
    ReplyUpsert,
    TrackingUpsert,
)
from bot.domain.errors import BotError, PolicyRefused
from bot.domain.past import Ledger, PastCycle
from bot.domain.publication import Publication
from bot.engine.ledger import ledger_bytes, short_finding, with_receipts
from bot.engine.noticing import delivered
from bot.engine.plausible import foreign_branch, is_powerless, names_beside, yet_to_come
from bot.engine.publisher import Publisher
from bot.ports import FileChange, Workspace

_MOST_ENTRY_BYTES = 6_000
"""Of an entry without its finding. A ledger keeps 500, and one of more than 4 MB is not read any more."""


def check_scope(publication: Publication, repository: str, forge: str, now: datetime) -> None:
    """Raise PolicyRefused when a publication is for another repository or forge, or contradicts itself or the clock."""
    if what := yet_to_come(publication, now):
        raise _refused(f"{what} is yet to come")
    for part in publication.parts:
        scope, past = part.scope, part.past
        if scope.repository != repository:
            raise PolicyRefused(
                f"The publication was refused: it is for the repository {scope.repository}, and `name` in [repository] "
                f"is {repository}.",
                "Nothing was published. Publish it from that repository's clone and bot.toml; what `bot cycle --demo` "
                "kept, with --demo.",
            )
        if scope.run != publication.scope.run:
            raise _refused("its cycles are not of one run")
        if past is None:
            continue
        if (past.repository, past.ref.run, past.ref.number) != (scope.repository, scope.run, scope.cycle):
            raise _refused("its entry for the ledger is about another cycle")
        if scope.fingerprint is not None and scope.fingerprint not in past.names:
            raise _refused("its entry for the ledger is about another incident")
        if other := names_beside(part, past):
            raise _refused(f"its entry for the ledger names {other[0]}, which is not its issue's")
        if past.forge != forge:
            raise _refused(f"its cycle publishes to the forge {past.forge!r}, not {forge!r} (see --forge)")


def remake_commits(part: Publication, workspace: Workspace | None) -> None:
    """Make a publication's commits again. Raises PolicyRefused for one that is not what it says.

    What they may change is the publisher's to say, for the branch as a whole; here, no commit may touch what the branch
    does not, since all of them are pushed. The first stands on a commit that people put on a branch.
    """
    pushes = [item.effect for item in part.effects if isinstance(item.effect, BranchPush)]
    if not pushes and not part.commits:
        return
    base = part.scope.base
    if workspace is None or base is None:
        raise _refused("there is no repository, or no commit, that its branch could stand on")
    if not workspace.is_on_a_branch(base):
        raise PolicyRefused(
            f"The publication was refused: {base[:12]}, the commit that its cycle works on, is on no branch here.",
            "In Actions, check out with `fetch-depth: 0`; elsewhere run `git fetch`. Nothing was published.",
        )
    if branch := foreign_branch(part):
        raise _refused(f"the branch {branch} is not named after its cycle")
    known = {base}
    allowed = frozenset(path for push in pushes for path in push.paths)
    for commit in part.commits:
        if commit.parent not in known:
            raise _refused(f"its commit {commit.id[:12]} stands on {commit.parent[:12]}, which is not its own")
        if more := sorted({change.path for change in commit.changes} - allowed):
            raise _refused(f"its commit {commit.id[:12]} changes {more[0]}, which its branch does not")
        if not is_powerless(commit.message):
            raise _refused(f"the message of its commit {commit.id[:12]} is not one of the bot's")
        changes = tuple(FileChange(path=change.path, content=change.content) for change in commit.changes)
        made = workspace.commit(commit.parent, changes, commit.message, commit.when)
        if made != commit.id:
            raise _refused(f"its commit {commit.id[:12]} is not what it is made of, which gives {made[:12]}")
        known.add(made)
    for push in pushes:
        if push.base != base or push.head not in known:
            raise _refused(f"the commits of its branch {push.branch} are not all in it")


Save = Callable[[Publication], None]

_LINK = re.compile(r"\[\[(?:issue|pull|check) ")
"""Where the publisher fills in what it published before; see `bot.reports.markdown.link`."""


def check_publication(
    publication: Publication, publisher: Publisher, targets: Mapping[str, TargetConfig], workspace: Workspace | None
) -> None:
    """Make the commits of a publication and hold all its effects against policy, before anything is applied.

    Raises PolicyRefused when something in it is not allowed, ForgeProblem when git refuses a commit.
    """
    for part in publication.parts:
        remake_commits(part, workspace)
        for item in part.effects:
            publisher.check(item.effect, part.scope, part.effects, targets.get(part.scope.target))


TOLD_BEFORE = Receipt(did="unchanged", note="It was delivered before.")


def apply_publication(
    publication: Publication, publisher: Publisher, targets: Mapping[str, TargetConfig], save: Save,
    tell: Callable[[Effect, Receipt], None], told: Collection[str] = (),
) -> Publication:
    """Apply the effects of a checked publication, in order; return it with its receipts. `save` gets it after each.

    Of effects with one key, the last counts, and is applied in the place of the first. Texts that link to other effects
    come last, when these are there, also when one of them failed: they say what there is. Notices come after all else,
    also after a failure; those whose ids are among `told` were delivered by an earlier publication. Raises
    PolicyRefused and ForgeProblem as the publisher does.
    """
    done = unpublished(publication)

    def apply(number: int, effect: Effect) -> None:
        nonlocal done
        part = publication.parts[number]
        known = _known(part, done.parts[number])
        receipt = publisher.apply(effect, part.scope, known, targets.get(part.scope.target))
        tell(effect, receipt)
        done = _received(done, number, effect, receipt)
        save(done)

    def send(number: int) -> None:
        nonlocal done
        for effect in (item.effect for item in done.parts[number].effects if item.receipt == KEPT):
            if isinstance(effect, NoticeSend) and effect.key.message in told:
                done = _received(done, number, effect, TOLD_BEFORE)
                save(done)
            elif isinstance(effect, NoticeSend):
                apply(number, effect)

    for number, part in enumerate(publication.parts):
        newest = tuple(effect for effect in _newest(part) if not isinstance(effect, NoticeSend))
        links = [effect for effect in newest if _has_links(effect)]
        try:
            for effect in newest:
                if effect not in links:
                    apply(number, effect)
        except BotError:
            with contextlib.suppress(BotError):
                for effect in links:
                    apply(number, effect)
            send(number)
            raise
        for effect in links:
            apply(number, effect)
        send(number)
    return done


def _has_links(effect: Effect) -> bool:
    return isinstance(effect, CommentUpsert | TrackingUpsert | ReplyUpsert) and _LINK.search(effect.body) is not None


def unpublished(publication: Publication) -> Publication:
    """The publication as if nothing of it had been applied.

    Effects refer to each other by what is in receipts, so none is believed that was not got in this process. That a
    notice was delivered is: nothing refers to a notice, and a file that lies about it could as well have left it out.
    """
    def without(part: Publication) -> Publication:
        effects = tuple(RecordedEffect(
            effect=item.effect, receipt=Receipt(did="delivered") if delivered((item,)) else KEPT,
        ) for item in part.effects)
        return part.model_copy(update={"effects": effects})

    return without(publication).model_copy(update={"earlier": tuple(map(without, publication.earlier))})


def _known(given: Publication, done: Publication) -> tuple[RecordedEffect, ...]:
    """The effects for the publisher, to which one that is kept is one that has no receipt yet.

    Of what the file says, only this is taken: that a branch was pushed before. Then it may have been moved since by
    people, and is left alone.
    """
    return tuple(
        now if now.receipt != KEPT else now.model_copy(update={
            "receipt": Receipt(did="unchanged") if isinstance(now.effect, BranchPush) and _is_out(before) else None,
        })
        for before, now in zip(given.effects, done.effects, strict=True)
    )


def _is_out(item: RecordedEffect) -> bool:
    return item.receipt is not None and item.receipt.did in {"created", "updated", "unchanged"}


def _newest(part: Publication) -> tuple[Effect, ...]:
    """Of each key the last effect, in the order in which the keys came up."""
    return tuple({str(item.effect.key): item.effect for item in part.effects}.values())


def _received(publication: Publication, number: int, effect: Effect, receipt: Receipt) -> Publication:
    """The publication with the receipt for all effects of that key in one of its parts."""
    parts = list(publication.parts)
    effects = tuple(
        item.model_copy(update={"receipt": receipt}) if str(item.effect.key) == str(effect.key) else item
        for item in parts[number].effects
    )
    parts[number] = parts[number].model_copy(update={"effects": effects})
    *earlier, last = parts
    return last.model_copy(update={"earlier": tuple(earlier)})


def newest_effects(publication: Publication) -> tuple[RecordedEffect, ...]:
    """Of all effects of a publication, the newest of each thing, with its receipt."""
    return tuple({str(item.effect.key): item for part in publication.parts for item in part.effects}.values())


def past_of(part: Publication, *, private: bool, workflow_run: int | None) -> PastCycle | None:
    """A publication's entry for the ledger: what it says of its cycle, and of numbers only what publishing gave."""
    if part.past is None:
        return None
    finding = short_finding(part.past.finding) if private else None
    # That an incident is gone is the word of later logs, never of the job that worked on it.
    own: dict[str, object] = {
        "issue": None, "pull": None, "fix": None, "finding": finding, "fixed": None, "told": delivered(part.effects),
    }
    if workflow_run is not None:
        own["workflow_run"] = workflow_run
    past = part.past.model_copy(update=own)
    if len(ledger_bytes(Ledger(cycles=(past.model_copy(update={"finding": None}),)))) > _MOST_ENTRY_BYTES:
        past = past.model_copy(update={"seen": None})
    return with_receipts(past, part.effects)


def _refused(why: str) -> PolicyRefused:
    return PolicyRefused(f"The publication was refused: {why}.", "Nothing was published.")
