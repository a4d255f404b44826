"""`bot prune`: which records go, and how they go without a later cycle missing anything.

What later cycles have to know of a run (incidents that are known, in work or fixed, issue numbers, what was spent, what
was found out) is put into the state's ledger before its records go; `engine/history.py` and the day's budget read both.
A run goes as a whole, since its cycles refer to each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from bot.domain.base import Sha, counted
from bot.domain.errors import RecordDamaged
from bot.domain.past import PastCycle
from bot.domain.pruning import Holding, HoldingKind, Item, Wish
from bot.domain.record import CycleRecord, CycleRef, CycleStatus
from bot.domain.results import Retrieved
from bot.engine.history import standings
from bot.engine.ledger import past_cycle, remember_here
from bot.engine.noticing import undelivered
from bot.engine.retrying import aside_folder
from bot.engine.runs import wants_another
from bot.ports import Clock, Store

PAGES_LAST_S: Final = 3_700
"""How long somebody may go on with pages of a log that were read (`bot/adapters/gcp_spool.py`), and a little."""

NEWS_LASTS: Final = timedelta(days=7)
"""How long a run waits for a notice that did not arrive. A destination that is gone must not keep every run."""

_SHA_CHARS = 12
_UNUSED: dict[HoldingKind, str] = {
    "scratch": "no cycle is running in it", "left over": "it was on its way out when `bot prune` was interrupted",
    "log pages": "nobody goes on with them any more",
    "environment": "no unfinished cycle and not the newest needs it; it is made anew when one does",
}


@dataclass(frozen=True)
class RunFacts:
    """A run for the choice. `holding` is what would go of it; `kept_because`: why nothing of it may go."""

    holding: Holding
    focus: str
    ended_at: datetime
    kept_because: str = ""


def chosen(runs: Iterable[RunFacts], wish: Wish, now: datetime) -> tuple[Item, ...]:
    """Which runs go, newest first.

    Those that ended longer ago than is wished, and of the others the oldest, from the first on that does not fit
    into the size that is to be kept. What may not go takes its room first.
    """
    ordered = sorted(runs, key=lambda run: (run.ended_at, run.holding.path), reverse=True)
    fixed = [run for run in ordered if run.kept_because]
    room = None if wish.keep is None else wish.keep - sum(
        run.holding.size for run in fixed if wish.focus in {None, run.focus})
    found: list[Item] = []
    for run in ordered:
        goes, why = False, run.kept_because
        if not why and wish.focus not in {None, run.focus}:
            why = "of another focus"
        elif not why:
            goes, why = _by_age(run, wish, now)
            if not goes and room is not None:
                # Once one did not fit, nothing older is kept in its place.
                room = room - run.holding.size if room >= run.holding.size else -1
                goes, why = room < 0, _FULL if room < 0 else "among the newest"
        found.append(Item(holding=run.holding.model_copy(update={"used_at": run.ended_at}), goes=goes, why=why))
    return tuple(found)


_FULL = "the newer ones take the room that is to be kept"


def _by_age(run: RunFacts, wish: Wish, now: datetime) -> tuple[bool, str]:
    if wish.older_than is None:
        everything = wish.snapshots and wish.keep is None
        return everything, "its log entries can go" if everything else "no age or size was given"
    if now - run.ended_at > wish.older_than:
        return True, f"it ended {counted((now - run.ended_at).days, 'day')} ago"
    return False, "not that old"


class Pruner:
    """Finds what can go of a state, and removes it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def plan(self, wish: Wish) -> tuple[Item, ...]:
        """All that takes room, and whether it is to go. Changes nothing."""
        return self._planned(wish, self._records())

    def prune(self, wish: Wish) -> tuple[Item, ...]:
        """Remove what is to go; return what became of everything. The state is held alone.

        Killed at any instant, the state is right: of a cycle there is its record, or what has to be known of it.
        Raises ConfigProblem where something cannot be removed, RecordDamaged for a ledger that cannot be believed.
        """
        records = self._records()
        items = self._planned(wish, records)
        going = {ref for item in items if item.goes and item.holding.kind == "run" for ref in item.holding.cycles}
        if going:
            remember_here(self._store, [self._past(record) for ref, record in records.items()
                                        if ref in going and record is not None])
        # The oldest first, as far as it comes.
        done = [self._removed(item, records) if item.goes else item for item in reversed(items)]
        return tuple(reversed(done))

    def _removed(self, item: Item, records: Mapping[CycleRef, CycleRecord | None]) -> Item:
        if item.holding.kind == "snapshots":
            for ref in item.holding.cycles:
                for name in _snapshots(records[ref]):
                    self._store.drop_artifact(ref, name)
        elif not self._store.discard(item.holding):
            return item.model_copy(update={"goes": False, "why": "another process needs it by now, or has removed it"})
        return item

    def _records(self) -> dict[CycleRef, CycleRecord | None]:
        """All records; None for one that is damaged."""
        found: dict[CycleRef, CycleRecord | None] = {}
        for ref in self._store.cycles():
            try:
                found[ref] = self._store.load(ref)
            except RecordDamaged:
                found[ref] = None
        return found

    def _planned(self, wish: Wish, records: Mapping[CycleRef, CycleRecord | None]) -> tuple[Item, ...]:
        now = self._clock.now()
        holdings = self._store.holdings()
        runs = [run for run in (self._facts(one, records, wish) for one in holdings if one.kind == "run")
                if not wish.snapshots or run.holding.size]
        others = () if wish.focus is not None else (
            _of_other(one, wish, now, needed_bases(records.values())) for one in holdings if one.kind != "run")
        return (*chosen(runs, wish, now), *others)

    def _facts(self, holding: Holding, records: Mapping[CycleRef, CycleRecord | None], wish: Wish) -> RunFacts:
        of_run = [records.get(ref) for ref in holding.cycles]
        there = [record for record in of_run if record is not None]
        ended_at = max(map(_ended_at, there), default=holding.used_at)
        why = holding.hindered or unfinished(of_run)
        if not why and self._clock.now() - ended_at < NEWS_LASTS and any(
                record.settings.publish == "now" and any(undelivered(record)) for record in there):
            why = "somebody was not told of it yet: `bot resume` does that"
        if not why and not wish.snapshots and not all(map(self._is_remembered, there)):
            # What a later version records and this ledger has no place for.
            why = "later cycles have to know more of it than can be kept without its records"
        if wish.snapshots:
            size = sum(self._store.artifact_size(record.ref, name) for record in there for name in _snapshots(record))
            holding = holding.model_copy(update={"kind": "snapshots", "size": size})
        return RunFacts(holding, holding.cycles[0].focus, ended_at, why)

    def _past(self, record: CycleRecord) -> PastCycle:
        return past_cycle(record, self._store.charges(record.ref), private=True, workflow_run=None)

    def _is_remembered(self, record: CycleRecord) -> bool:
        """Whether incidents stand the same to later cycles when only the ledger knows of this one."""
        try:
            entry = self._past(record)
        except RecordDamaged:
            return False
        forge, today = record.settings.forge, self._clock.now().date()
        return standings([record], forge, (), today) == standings([entry], forge, (), today)


def unfinished(records: Sequence[CycleRecord | None]) -> str:
    """Why the records of a run are still needed; empty where it has come to its end."""
    there = [record for record in records if record is not None]
    if len(there) < len(records):
        return "a record in it is damaged"
    open_one = next((record for record in there if record.status is not CycleStatus.ENDED), None)
    if open_one is not None:
        return f"{open_one.ref.run} has not ended: `bot resume` goes on with it"
    if there and wants_another(there[-1]):
        return "it asks for another cycle: `bot resume` goes on with it"
    return ""


def _of_other(holding: Holding, wish: Wish, now: datetime, bases: Mapping[str, str]) -> Item:
    """Whether what is no record goes: what nobody needs does, what `bot prove` kept by its age alone."""
    if holding.hindered:
        return Item(holding=holding, goes=False, why=holding.hindered)
    age = now - holding.used_at
    if holding.kind == "proof":
        old = wish.older_than is not None and not wish.snapshots and age > wish.older_than
        why = f"it was used {counted(age.days, 'day')} ago" if old else "what `bot prove` kept goes by its age"
        return Item(holding=holding, goes=old, why=why)
    if holding.kind == "log pages" and age.total_seconds() < PAGES_LAST_S:
        return Item(holding=holding, goes=False, why="a reading of the log may still go on with them")
    if holding.kind == "environment" and (needed := bases.get(_base_of(holding.path))) is not None:
        return Item(holding=holding, goes=False, why=needed)
    return Item(holding=holding, goes=True, why=_UNUSED[holding.kind])


def needed_bases(records: Iterable[CycleRecord | None]) -> Mapping[str, str]:
    """The beginnings of commits whose environments stay, and why: of unfinished cycles, and of each focus' newest."""
    found: dict[str, str] = {}
    there = sorted(filter(None, records), key=lambda record: (record.ref.focus, record.created_at))
    for focus, of_focus in groupby(there, key=lambda record: record.ref.focus):
        bases = [(base[:_SHA_CHARS], record) for record in of_focus if (base := _base(record)) is not None]
        found |= {base: f"the newest cycle on {focus} ran in it" for base, _ in bases[-1:]}
        found |= {base: f"{record.ref} needs it" for base, record in bases if record.status is not CycleStatus.ENDED}
    return found


def _base(record: CycleRecord) -> Sha | None:
    retrieved = record.latest(Retrieved)
    return None if retrieved is None or retrieved.commit is None else retrieved.commit.sha


def _base_of(path: str) -> str:
    """The commit in the name of an environment: `ROOT-COMMIT-COMMANDS` (`bot/steps/environment.py`)."""
    return path.rpartition("-")[0].rpartition("-")[2]


def _snapshots(record: CycleRecord | None) -> Iterator[str]:
    """The files with log entries, those that were set aside when the cycle was gone over again included."""
    if record is not None:
        for name in dict.fromkeys(result.snapshot for result in record.results(Retrieved)):
            yield name
            yield from (f"{aside_folder(number)}/{name}" for number in range(1, len(record.retries) + 1))


def _ended_at(record: CycleRecord) -> datetime:
    last = record.current
    return record.created_at if last is None else last.ended_at or last.started_at
