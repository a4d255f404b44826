"""When somebody elsewhere is told of a cycle, and which notices of a record are still to be sent. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from bot.domain.config import NotifyConfig
from bot.domain.effects import NoticeKey, NoticeSend, Receipt, RecordedEffect, RunId
from bot.domain.errors import BudgetSpent
from bot.domain.logs import Novelty
from bot.domain.notices import EVENTS, MessageId, NoticeEvent
from bot.domain.past import MOST_TOLD, Ledger
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus, StepStatus
from bot.domain.results import IssueFiled, Retrieved, TestsRun
from bot.domain.workflow import Workflow
from bot.reports.notices import summary_of

MOST_NOTICES: Final = MOST_TOLD
"""That a cycle may send. A cycle that pauses again and again falls silent, and a publication can flood nobody."""

_ENDS: Final[Mapping[CycleEnd, NoticeEvent]] = {
    CycleEnd.NOT_REPRODUCED: "not-reproduced", CycleEnd.TESTS_REJECTED: "tests-rejected",
    CycleEnd.FIX_PROPOSED: "fix-proposed", CycleEnd.FIX_REJECTED: "fix-rejected",
}


OF_PAUSES: Final[tuple[NoticeEvent, ...]] = ("budget-spent", "cycle-paused")
"""Events of a cycle that trouble has paused, the first for one kind of trouble only."""


def events_after(record: CycleRecord) -> tuple[NoticeEvent, ...]:
    """What happened when the last step was done, from a record as it stands after that; see `EVENTS` for the order."""
    found: set[NoticeEvent] = set()
    last = record.current
    match None if last is None else last.result:
        case Retrieved(selection=selection) if selection.winner is not None:
            found.add("incident-found")
            if selection.winner.values.novelty is Novelty.REGRESSED:
                found.add("regression")
        case IssueFiled():
            found.add("issue-filed")
        case TestsRun(reproduced=True):
            found.add("reproduced")
    if record.status is CycleStatus.ENDED and record.end is not None:
        found.add("cycle-ended")
        if record.end in _ENDS:
            found.add(_ENDS[record.end])
    return tuple(event for event in EVENTS if event in found)


def events_of_pause(record: CycleRecord) -> tuple[NoticeEvent, ...]:
    """What happened when a cycle was paused by trouble."""
    last = record.current
    spent = last is not None and last.failure is not None and last.failure.family == BudgetSpent.family
    return OF_PAUSES if spent else ("cycle-paused",)


def notices(
    record: CycleRecord, events: tuple[NoticeEvent, ...], destinations: Mapping[str, NotifyConfig], workflow: Workflow
) -> tuple[NoticeSend, ...]:
    """A notice to each destination that asks for one of the events, of the first that it asks for."""
    known = {str(item.effect.key) for item in record.effects() if isinstance(item.effect, NoticeSend)}
    made: list[NoticeSend] = []
    for name, config in destinations.items():
        for event in events:
            summary = summary_of(record, event, workflow)
            priority = None if summary.incident is None else summary.incident.priority
            if not config.wants(event, record.settings.focus.name, priority):
                continue
            key = NoticeKey(
                repository=record.settings.repository, run=record.ref.run, cycle=record.ref.number, event=event,
                destination=name, retry=len(record.retries), step=max(len(record.steps), 1),
            )
            if str(key) not in known and len(known) + len(made) < MOST_NOTICES:
                made.append(NoticeSend(key=key, notice=summary))
            break
    return tuple(made)


def with_pause(
    record: CycleRecord, destinations: Mapping[str, NotifyConfig], workflow: Workflow, receipt: Receipt | None
) -> CycleRecord:
    """A record that trouble has paused, with the notices of that among the effects of its last step."""
    if not record.steps:
        return record
    told = notices(record, events_of_pause(record), destinations, workflow)
    added = tuple(RecordedEffect(effect=effect, receipt=receipt) for effect in told)
    last = record.steps[-1]
    return record.replaced(len(record.steps) - 1, last.model_copy(update={"effects": (*last.effects, *added)}))


def undelivered(record: CycleRecord) -> Iterator[tuple[int, int]]:
    """The places (step, effect) of notices that are to be sent again, or that nobody comes to any more.

    What the last step has not published yet comes in its turn, but for what tells of a pause.
    """
    for at, step in enumerate(record.steps):
        passed = at < len(record.steps) - 1 or step.status is not StepStatus.DONE
        for number, item in enumerate(step.effects):
            if not isinstance(item.effect, NoticeSend):
                continue
            waits = item.receipt is None and (passed or item.effect.key.event in OF_PAUSES)
            if waits or (item.receipt is not None and item.receipt.did == "not delivered"):
                yield at, number


def delivered(effects: Iterable[RecordedEffect]) -> tuple[MessageId, ...]:
    """The ids of the notices that arrived."""
    return tuple(
        item.effect.key.message for item in effects
        if isinstance(item.effect, NoticeSend) and item.receipt is not None and item.receipt.did == "delivered"
    )


def told_before(run: RunId | None, ledger: Ledger) -> frozenset[MessageId]:
    """The ids of a run's notices that the ledger knows to have arrived: what keeps them for later never hears of it."""
    return frozenset(told for entry in ledger.cycles if entry.ref.run == run for told in entry.told)
