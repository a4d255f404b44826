"""Checks the notices: each says what its record gave when it was made, of something that happened then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bot.domain.effects import NoticeSend
from bot.domain.record import CycleRecord, CycleStatus, StepRecord, StepStatus
from bot.engine.noticing import OF_PAUSES, events_after, events_of_pause
from bot.engine.telling import as_it_will_stand
from bot.recheck.comparing import compared
from bot.recheck.material import Material
from bot.recheck.statement import Statement, judged, noted
from bot.reports.notices import summary_of


def notices(material: Material) -> Iterator[Statement]:
    """Make each notice again. Who was to be told stands in bot.toml, which is not in the record."""
    for index, step in enumerate(material.record.steps):
        sent = [item.effect for item in step.effects if isinstance(item.effect, NoticeSend)]
        keys = Counter(str(effect.key) for effect in sent)
        for effect in sent:
            what = f"step {index + 1} ({step.step}), its notice {effect.key.event} to {effect.key.destination}"
            yield judged(what, "it is there twice" if keys[str(effect.key)] > 1 else _key(material, index, effect))
            paused = effect.key.event in OF_PAUSES
            before = _before(material, index, effect.key.retry)
            if paused and step.status is not StepStatus.FAILED:
                yield noted(f"{what}, what it says", "it tells of trouble with publishing, which no step record holds")
                continue
            record = _paused(before, step) if paused else _after(before, step, material)
            happened = events_of_pause(record) if paused else events_after(record)
            yield judged(f"{what}, its event", "" if effect.key.event in happened else "that did not happen then")
            again = summary_of(record, effect.key.event, material.workflow)
            yield from compared(f"{what}, what it says", effect.notice, again, "the record gives")


def _key(material: Material, index: int, effect: NoticeSend) -> str:
    """Why its key is not that of a notice at this step; empty when it is."""
    key, record = effect.key, material.record
    if (key.repository, key.run, key.cycle) != (record.settings.repository, record.ref.run, record.ref.number):
        return "its key is another cycle's"
    if key.step != index + 1 or key.retry > len(record.retries):
        return "its key is that of another step"
    return ""


def _before(material: Material, index: int, retry: int) -> CycleRecord:
    """The record before the step, as often set back as it had been when the notice was made."""
    record = material.before(index)
    return record.model_copy(update={"steps": record.steps[:index], "retries": record.retries[:retry]})


def _paused(record: CycleRecord, step: StepRecord) -> CycleRecord:
    failed = step.model_copy(update={"effects": ()})
    because = ("", "") if step.failure is None else (step.failure.what, step.failure.remedy)
    return record.model_copy(update={
        "steps": (*record.steps, failed), "status": CycleStatus.PAUSED, "paused_because": because[0],
        "remedy": because[1],
    })


def _after(record: CycleRecord, step: StepRecord, material: Material) -> CycleRecord:
    done = step.model_copy(update={"effects": ()})
    return as_it_will_stand(record.model_copy(update={"steps": (*record.steps, done)}), material.workflow)
