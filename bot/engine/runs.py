"""Which cycles there are, and which one to go on with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Final

from bot.domain.asking import Usage, total
from bot.domain.base import Fingerprint
from bot.domain.config import MuteConfig
from bot.domain.earlier import EarlierFinding
from bot.domain.effects import RepositoryName
from bot.domain.errors import UsageProblem
from bot.domain.logs import Standing
from bot.domain.past import NO_LEDGER, Ledger, PastCycle
from bot.domain.record import (
    ENDS_THE_RUN,
    CycleEnd,
    CycleRecord,
    CycleRef,
    CycleStatus,
    Decision,
    Settings,
    StepStatus,
    focus_slug,
    run_id,
)
from bot.domain.workflow import Workflow
from bot.engine.history import Known, findings, repository_of, standings
from bot.engine.ledger import MOST_REMEMBERED, by_age, merged, remembered
from bot.engine.noticing import undelivered
from bot.ports import Clock, Store

LEFT_AFTER: Final = timedelta(hours=36)
"""How long a cycle elsewhere that did not come to its end counts as in work: a day in which people can go on with it
(`/bot retry`), and not the night after that.
"""


class Runs:
    """The runs of one state.

    The `ledger` tells of cycles elsewhere, and what the state remembers of those whose records were removed: what it
    says of a cycle counts where the state has no record of it.
    """

    def __init__(self, store: Store, clock: Clock, workflow: Workflow, ledger: Ledger = NO_LEDGER) -> None:
        self._store = store
        self._clock = clock
        self._workflow = workflow
        self._elsewhere = ledger

    @cached_property
    def _ledger(self) -> Ledger:
        """Raises RecordDamaged: without what is remembered, an incident that is in work could be taken up again."""
        here = remembered(self._store)
        most = 2 * MOST_REMEMBERED
        return merged(self._elsewhere, here, most=most, findings=most) if here.cycles else self._elsewhere

    def begin(self, settings: Settings, number: int = 1, run: str | None = None) -> CycleRef:
        """Create the record of a new cycle; a new run, or the next cycle of `run`."""
        now = self._clock.now()
        slug = focus_slug(settings.focus.name)
        if run is None:
            taken = {ref.run for ref in (*self._store.cycles(), *(entry.ref for entry in self._ledger.cycles))}
            candidates = (
                run_id(now, hashlib.sha256(f"{settings.model_dump_json()}{attempt}".encode()).hexdigest())
                for attempt in range(1000)
            )
            run = next(name for name in candidates if name not in taken)
        ref = CycleRef(focus=slug, run=run, number=number)
        self._store.create(CycleRecord(ref=ref, settings=settings, created_at=now))
        return ref

    def interrupted(self, settings: Settings) -> CycleRecord | None:
        """A cycle of a run with the same settings whose process died, in a cycle or between two; newest first."""
        wanted = _comparable(settings)
        for record in self._newest_of_runs(focus_slug(settings.focus.name)):
            died = record.status is CycleStatus.RUNNING or wants_another(record)
            if died and _comparable(record.settings) == wanted:
                return record
        return None

    def resumable(self, run: str | None) -> CycleRecord:
        """The newest cycle to go on with, of a run if one is named. Raises UsageProblem when there is none.

        Where nothing else is left to do, that of a run of which somebody was not told yet.
        """
        for record in self._newest_of_runs(None):
            if run is not None and record.ref.run != run:
                continue
            if record.status is not CycleStatus.ENDED or wants_another(record):
                return record
        for record in self._newest_of_runs(None):
            if run in {None, record.ref.run} and record.settings.publish == "now" and any(
                    any(undelivered(one)) for one in self.records_of(record.ref.run)):
                return record
        if run is not None and any(ref.run == run for ref in self._store.cycles()):
            raise UsageProblem(f"The run {run} has ended.", "`bot cycle` starts a new one.")
        what = f"There is no run {run}" if run else "There is no cycle to go on with"
        raise UsageProblem(f"{what}.", "`bot status` lists what there is.")

    def newest(self, run: str | None) -> CycleRecord:
        """The last cycle of a run, of the newest if none is named. Raises UsageProblem when there is none."""
        for record in self._newest_of_runs(None):
            if run is None or record.ref.run == run:
                return record
        raise UsageProblem(
            f"There is no run {run}." if run else "There is no cycle yet.", "`bot status` lists what there is."
        )

    def _newest_of_runs(self, focus: str | None) -> Iterator[CycleRecord]:
        """The last cycle of each run, newest run first."""
        seen: set[str] = set()
        for ref in reversed(self._store.cycles(focus)):
            if ref.run not in seen:
                seen.add(ref.run)
                yield self._store.load(ref)

    def reopen(self, record: CycleRecord, until: str | None, sandbox: str) -> None:
        """Make a paused or interrupted cycle ready to run on, in that sandbox.

        Raises UsageProblem when `until` names a step that is done.
        """
        if record.status is CycleStatus.ENDED:
            return
        order = [place.name for place in self._workflow.steps]
        if until is not None and record.steps and order.index(until) <= order.index(record.steps[-1].step):
            last = record.last(until)
            if last is not None and last.status is StepStatus.DONE and last.decision is Decision.GO:
                raise UsageProblem(
                    f"The step {until} of {record.ref} is done already.", "Name a later one, or leave --until out."
                )
        settings = record.settings.model_copy(update={"until": until, "sandbox": sandbox})
        changes = {"status": CycleStatus.RUNNING, "paused_because": "", "remedy": "", "settings": settings}
        self._store.save(record.model_copy(update=changes), record.version)

    def give_up(self, record: CycleRecord) -> None:
        """End an interrupted cycle, so that what it worked on can be chosen again."""
        changes = {"status": CycleStatus.ENDED, "end": CycleEnd.GIVEN_UP}
        self._store.save(record.model_copy(update=changes), record.version)

    def records_of(self, run: str) -> tuple[CycleRecord, ...]:
        """All cycles of a run, the first first."""
        return tuple(self._store.load(ref) for ref in self._store.cycles() if ref.run == run)

    def history(
        self, settings: Settings, mutes: Sequence[MuteConfig] = ()
    ) -> Callable[[CycleRef], Mapping[Fingerprint, Standing]]:
        """How incidents stand that bot.toml mutes or that other cycles on this repository know.

        A demo run is a rehearsal and sees only its own run.
        """

        def standing(current: CycleRef) -> Mapping[Fingerprint, Standing]:
            others = self._others(current, settings)
            return self._standings(others, settings.repository, settings.forge, mutes, current.run)

        return standing

    def findings(
        self, settings: Settings
    ) -> Callable[[CycleRef, tuple[Fingerprint, ...]], tuple[EarlierFinding, ...]]:
        """What other cycles on this repository came to, that had ended before the one that asks began; newest first.

        A demo run is a rehearsal and sees only its own run.
        """

        def told(current: CycleRef, names: tuple[Fingerprint, ...]) -> tuple[EarlierFinding, ...]:
            began = self._store.load(current).created_at
            others = self._others(current, settings)
            return findings((one for one in others if repository_of(one) == settings.repository), names, began)

        return told

    def standings(
        self, repository: RepositoryName, forge: str, mutes: Sequence[MuteConfig] = ()
    ) -> Mapping[Fingerprint, Standing]:
        """As `history`, for somebody who only looks: how incidents would stand to a new run."""
        return self._standings(self._known(self._store.cycles(), self.elsewhere()), repository, forge, mutes, "")

    def elsewhere(self) -> tuple[PastCycle, ...]:
        """What is known of cycles that the state has no record of, oldest first."""
        here = set(self._store.cycles())
        return tuple(entry for entry in self._ledger.cycles if entry.ref not in here)

    def _others(self, current: CycleRef, settings: Settings) -> Iterator[Known]:
        refs = [ref for ref in self._store.cycles() if ref != current]
        if settings.demo:
            return self._known([ref for ref in refs if ref.run == current.run], ())
        return self._known(refs, self.elsewhere())

    def _known(self, refs: Iterable[CycleRef], past: Iterable[PastCycle]) -> Iterator[Known]:
        """These cycles, oldest first."""
        entries = {entry.ref: entry for entry in past}
        # A record that cannot be read stops the command: deciding without it could open a second front on what
        # is in work.
        for ref in sorted((*refs, *entries), key=by_age):
            yield self._as_it_stands(entries[ref]) if ref in entries else self._store.load(ref)

    def _as_it_stands(self, entry: PastCycle) -> PastCycle:
        """A cycle elsewhere. One that stopped on its way and was left so is nobody's work any more."""
        if entry.status is CycleStatus.ENDED or self._clock.now() - entry.created_at < LEFT_AFTER:
            return entry
        return entry.model_copy(update={"status": CycleStatus.ENDED, "end": CycleEnd.GIVEN_UP})

    def _standings(
        self, known: Iterable[Known], repository: RepositoryName, forge: str, mutes: Sequence[MuteConfig], run: str
    ) -> Mapping[Fingerprint, Standing]:
        ours = (one for one in known if repository_of(one) == repository)
        return standings(ours, forge, mutes, self._clock.now().date(), run)

    def spent(self, ref: CycleRef) -> Usage:
        """What a cycle paid a model for, also where a kill kept it out of the record."""
        return total(self._store.charges(ref))

    def spent_today_usd(self) -> Decimal:
        """What all cycles of this state and of the ledger paid models since midnight UTC."""
        today = self._clock.now().date()
        elsewhere = (entry.spent_usd.get(today.isoformat(), Decimal(0)) for entry in self.elsewhere())
        return sum(
            (charge.usage.cost_usd or Decimal(0)
             for ref in self._store.cycles() for charge in self._store.charges(ref)
             if charge.paid_at is not None and charge.paid_at.date() == today),
            Decimal(0),
        ) + sum(elsewhere, Decimal(0))


def wants_another(record: CycleRecord) -> bool:
    """Whether a cycle has ended and its run asks for one more."""
    return (
        record.status is CycleStatus.ENDED
        and record.end not in ENDS_THE_RUN
        and record.ref.number < record.settings.cycles
    )


def _comparable(settings: Settings) -> Settings:
    return settings.model_copy(update={"since": None})
