"""What a publication says of itself, held against the clock, its own cycle and the forms that the bot's words have.

Nothing here is about a forge. A file that fails is not one that a cycle wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from bot.domain.base import Fingerprint, rules_of
from bot.domain.effects import BranchPush, IssueUpsert, NoticeSend, RunId
from bot.domain.past import Ledger, PastCycle
from bot.domain.publication import Publication
from bot.domain.record import CycleStatus
from bot.reports.markdown import acts

_CLOCKS_DIFFER = timedelta(hours=1)
_RUN_TIME = "%Y%m%dT%H%M%SZ"

# The messages of `bot/steps/prove.py` and `bot/steps/running.py`. Anything else could be a trailer, which makes
# somebody an author or keeps checks from running.
_MESSAGE = re.compile(r"[^\n]{1,2000}\n\n(?:As the model describes it: [^\n]{0,4000}\n\n)?Whybot-Cycle: \S{1,120}\n")


def yet_to_come(publication: Publication, now: datetime) -> str:
    """Which of a publication's times is in the future; empty for none.

    What is later than all that follows would count for ever: an incident that is fixed in the year 3000, an issue whose
    last writer was a later run.
    """
    latest = now + _CLOCKS_DIFFER
    return next((what for part in publication.parts for what, when in _times(part) if when > latest), "")


def _times(part: Publication) -> Iterator[tuple[str, datetime]]:
    yield "the time at which it was made", part.made_at
    if part.scope.run is not None:
        yield "the time of its run", _time_of(part.scope.run)
    for effect in (item.effect for item in part.effects):
        if isinstance(effect, NoticeSend):
            yield "the time of a notice", effect.notice.at
    past = part.past
    if past is None:
        return
    yield "the time of its cycle", past.created_at
    if past.ended_at is not None:
        yield "the end of its cycle", past.ended_at
    if past.fixed is not None:
        yield "the time at which its incident was gone", past.fixed.at
    if past.seen is not None and past.seen.fixed_at is not None:
        yield "the time at which its incident was gone before", past.seen.fixed_at
    for day in past.spent_usd:
        yield "a day on which it spent", _day(day)


def _time_of(run: RunId) -> datetime:
    try:
        return datetime.strptime(run.partition("-")[0], _RUN_TIME).replace(tzinfo=UTC)
    except ValueError:
        # A month 13 sorts behind all others, too.
        return datetime.max.replace(tzinfo=UTC)


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)


def spending_of(part: Publication, now: datetime, workflow_run: int | None) -> PastCycle | None:
    """What the ledger keeps of a cycle whose publication was refused: what it says it spent, and nothing else.

    It has no name and no number, so nothing is known or fixed by it; its version is the least, so that it changes
    nothing of an entry that is there but adds to its spending. None where nothing was spent, and of a run to come.
    """
    past, latest = part.past, now + _CLOCKS_DIFFER
    if past is None or _time_of(past.ref.run) > latest:
        return None
    spent = {day: cost for day, cost in past.spent_usd.items() if cost and _day(day) <= latest}
    return None if not spent else PastCycle(
        ref=past.ref, repository=past.repository, forge=past.forge, created_at=min(past.created_at, now),
        status=CycleStatus.ENDED, spent_usd=spent, workflow_run=workflow_run,
    )


def is_anothers(publication: Publication, ledger: Ledger, workflow_run: int | None, conversation: int | None) -> bool:
    """Whether a publication's run is one that the ledger knows from another run of the workflow.

    Only `/bot retry` goes on with such a run, in the conversation of one of its cycles. Else a file could overwrite
    what is known of any run: mark its incident as fixed, or close its tracking issue.
    """
    known = [entry for entry in ledger.cycles if entry.ref.run == publication.scope.run]
    if conversation is not None and any(conversation in {entry.issue, entry.pull} for entry in known):
        return False
    return any(entry.workflow_run != workflow_run for entry in known)


def foreign_branch(part: Publication) -> str:
    """A branch that is not named after the cycle, as `bot.reports.titles.branch_of` does; empty for none.

    Another one may be another cycle's, whose commits are the bot's as well and could be replaced.
    """
    ending = f"-{(part.scope.run or '').lower()}-{part.scope.cycle or 0:02d}"
    pushes = (item.effect for item in part.effects if isinstance(item.effect, BranchPush))
    return next((push.branch for push in pushes if not push.branch.endswith(ending)), "")


def is_powerless(message: str) -> bool:
    """Whether the message of a commit is of the bot's own form, and nothing in it calls, closes or stops anything."""
    return _MESSAGE.fullmatch(message) is not None and not any(acts(line) for line in message.split("\n"))


def names_beside(part: Publication, past: PastCycle) -> tuple[Fingerprint, ...]:
    """Names in a cycle's entry for the ledger that are neither its incident's nor given to its issue.

    Each name's incident counts as this cycle's. Of a cycle that has filed no issue, older names are its own.
    """
    own = {part.scope.fingerprint}
    issues = [item.effect for item in part.effects if isinstance(item.effect, IssueUpsert)]
    for issue in issues:
        own |= {key.fingerprint for key in (issue.key, *issue.aliases)}
    rules = 0 if part.scope.fingerprint is None else rules_of(part.scope.fingerprint)
    return tuple(name for name in past.names if name not in own and (issues or rules_of(name) >= rules))
