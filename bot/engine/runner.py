"""Runs a cycle: asks what comes next, does it, records it, until the cycle pauses or ends."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping

from bot.domain.config import TargetConfig
from bot.domain.effects import KEPT, NOT_PUBLISHED, Effect, Receipt, RecordedEffect
from bot.domain.errors import BotError
from bot.domain.record import (
    CycleRecord,
    CycleRef,
    CycleStatus,
    Failure,
    StepRecord,
    StepStatus,
)
from bot.domain.results import Retrieved
from bot.engine.documents import Documents
from bot.engine.machinery import Machinery
from bot.engine.moves import End, Pause, Publish, RunStep, next_move
from bot.engine.noticing import events_after, notices, undelivered, with_pause
from bot.engine.publishing.scope import scope_of
from bot.engine.telling import as_it_will_stand, paused_effect, status_effect, tracking_effect
from bot.steps.context import StepContext


class Runner:
    """Runs and resumes cycles. The record is the only state: every decision is made from it anew."""

    def __init__(self, machinery: Machinery) -> None:
        self._m = machinery

    def run(self, ref: CycleRef) -> CycleRecord:
        """Go on with a cycle until it pauses, ends or fails, and return its record.

        A BotError in a step or in publishing is recorded, the cycle paused, and the error raised again.
        Anything that is not a BotError is a bug: the record stays as it was before the step.
        """
        for one in self._m.store.cycles(ref.focus) if self._m.config.notify else ():
            if one.run == ref.run and one.number < ref.number:
                self._documents = Documents(one, self._m.store, self._m.workflow)
                self._tell_left(self._m.store.load(one))
        record = self._m.store.load(ref)
        self._documents = Documents(ref, self._m.store, self._m.workflow)
        self._documents.write(record)
        if record.retries:
            self._documents.drop_others(ref)
        record = self._tell_left(record)
        while record.status is CycleStatus.RUNNING:
            move = next_move(record, self._m.workflow)
            match move:
                case RunStep():
                    record = self._step(record, move)
                case Publish():
                    record = self._publish(record, move)
                case Pause():
                    record = self._save(
                        record, {"status": CycleStatus.PAUSED, "paused_because": move.because}
                    )
                    self._tell_paused(record)
                case End():
                    record = self._save(record, {"status": CycleStatus.ENDED, "end": move.end})
        return record

    def _step(self, record: CycleRecord, move: RunStep) -> CycleRecord:
        name, attempt = move.place.name, move.attempt
        began = StepRecord(
            step=name, attempt=attempt, status=StepStatus.RUNNING, started_at=self._m.clock.now()
        )
        index = len(record.steps) if move.again is None else move.again
        record = self._save(record, {"steps": (*record.steps[:index], began)})
        self._m.progress.step_began(name, move.place.title, attempt)
        context = self._context(record, attempt)
        try:
            outcome = self._m.steps[name].run(context)
        except BotError as error:
            self._fail(record, index, began.model_copy(update=self._collected(context)), error)
            raise
        finally:
            shutil.rmtree(context.scratch, ignore_errors=True)
        done = began.model_copy(update={
            **self._collected(context),
            "status": StepStatus.DONE,
            "ended_at": self._m.clock.now(),
            "decision": outcome.decision,
            "end": outcome.end,
            "said": outcome.said,
            "result": outcome.result,
            "effects": tuple(RecordedEffect(effect=effect) for effect in outcome.effects),
        })
        done = self._with_course(record, index, done)
        record = self._save(record.replaced(index, done), {})
        self._m.progress.step_ended(name, outcome.said, done.seconds or 0.0, outcome.decision.value)
        return record

    def _with_course(self, record: CycleRecord, index: int, done: StepRecord) -> StepRecord:
        """The step with what the cycle tells of its course after it."""
        workflow = self._m.workflow
        preview = as_it_will_stand(record.replaced(index, done), workflow)
        earlier = tuple(one for one in self._documents.others if one.ref.number < record.ref.number)
        told = (status_effect(preview, workflow), tracking_effect(preview, earlier, workflow, self._m.config.policy),
                *notices(preview, events_after(preview), self._m.config.notify, workflow))
        added = tuple(RecordedEffect(effect=effect) for effect in told if effect is not None)
        return done.model_copy(update={"effects": (*done.effects, *added)})

    def _publish(self, record: CycleRecord, move: Publish) -> CycleRecord:
        step = record.steps[move.step]
        item = step.effects[move.effect]
        try:
            receipt = self._receipt(item.effect, record)
        except BotError as error:
            self._pause(record, error)
            raise
        return self._received(record, move.step, move.effect, receipt)

    def _received(self, record: CycleRecord, at: int, number: int, receipt: Receipt) -> CycleRecord:
        step = record.steps[at]
        effects = list(step.effects)
        effects[number] = effects[number].model_copy(update={"receipt": receipt})
        self._m.progress.note(describe(effects[number].effect, receipt.did, receipt.url or receipt.note))
        return self._save(record.replaced(at, step.model_copy(update={"effects": tuple(effects)})), {})

    def _receipt(self, effect: Effect, record: CycleRecord) -> Receipt:
        given = effect, scope_of(record), record.effects(), self._target(record)
        if record.settings.publish == "now":
            return self._m.publisher.apply(*given)
        # What would be refused later is refused now, while the cycle can still say so.
        self._m.publisher.check(*given)
        return _KEPT_BACK[record.settings.publish]

    def _fail(self, record: CycleRecord, index: int, step: StepRecord, error: BotError) -> None:
        failed = step.model_copy(update={
            "status": StepStatus.FAILED,
            "ended_at": self._m.clock.now(),
            "said": error.what,
            "failure": Failure(
                name=error.name, family=error.family, exit_code=error.exit_code, what=error.what, remedy=error.remedy
            ),
        })
        self._m.progress.step_ended(step.step, error.what, failed.seconds or 0.0, "failed")
        self._tell_paused(self._pause(record.replaced(index, failed), error))

    def _pause(self, record: CycleRecord, error: BotError) -> CycleRecord:
        """Record that trouble has paused the cycle, and tell those who want to know."""
        paused = record.model_copy(update=_paused(error))
        kept = _KEPT_BACK.get(record.settings.publish)
        return self._tell_left(self._save(with_pause(paused, self._m.config.notify, self._m.workflow, kept), {}))

    def _tell_left(self, record: CycleRecord) -> CycleRecord:
        """Send the notices that were not delivered, or that were to be sent when the process died."""
        for at, number in undelivered(record) if record.settings.publish == "now" else ():
            try:
                receipt = self._receipt(record.steps[at].effects[number].effect, record)
            except BotError as refused:
                receipt = Receipt(did="not published", note=refused.what)
            record = self._received(record, at, number, receipt)
        return record

    def _tell_paused(self, record: CycleRecord) -> None:
        """Let the comment say that the cycle waits for somebody. What keeps it from being said is not the trouble."""
        effect = paused_effect(record, self._m.workflow)
        if effect is not None and record.settings.publish == "now":
            with contextlib.suppress(BotError):
                self._m.publisher.apply(effect, scope_of(record), record.effects(), self._target(record))

    def _context(self, record: CycleRecord, attempt: int) -> StepContext:
        scratch = self._m.scratch / f"{record.ref.run}-{record.ref.number:02d}-{record.steps[-1].step}"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        return StepContext(
            record=record, attempt=attempt, config=self._m.config, logs=self._m.logs, open_model=self._m.open_model,
            workspace=self._m.workspace, sandbox=self._m.sandbox, store=self._m.store, clock=self._m.clock,
            progress=self._m.progress, workflow=self._m.workflow, scratch=scratch,
            environments=self._m.environments, setup_env=self._m.setup_env, history=lambda: self._m.history(record.ref),
            findings=lambda names: self._m.findings(record.ref, names),
            spent=lambda: self._m.spent(record.ref), spent_today_usd=self._m.spent_today_usd,
        )

    def _collected(self, context: StepContext) -> dict[str, object]:
        """What the step kept and paid, and what was paid in this cycle before and is in no step yet.

        A call that was lost, or whose question changed before the cycle went on, is asked by nobody any more.
        """
        recorded = [*context.record.charges, *context.charges]
        known = {(charge.digest, charge.lost) for charge in recorded}
        paid = self._m.store.charges(context.record.ref)
        unseen = [charge for charge in paid if (charge.digest, charge.lost) not in known]
        # By name: what several runs at a time leave comes in any order.
        kept = sorted(context.kept, key=lambda artifact: artifact.name)
        return {"artifacts": tuple(kept), "charges": (*context.charges, *unseen)}

    def _target(self, record: CycleRecord) -> TargetConfig | None:
        retrieved = record.latest(Retrieved)
        return None if retrieved is None else self._m.config.target.get(retrieved.target)

    def _save(self, record: CycleRecord, changes: Mapping[str, object]) -> CycleRecord:
        changed = record.model_copy(update=dict(changes))
        running = changed.status is CycleStatus.RUNNING
        if not running:
            # Nobody comes back to a cycle that has ended, so its documents must be there before it has.
            self._documents.write(changed)
        saved = self._m.store.save(changed, record.version)
        if running:
            self._documents.write(saved)
        if not running or _is_settled(saved):
            self._m.keep(saved)
        return saved


def _is_settled(record: CycleRecord) -> bool:
    last = record.current
    return last is not None and last.status is StepStatus.DONE and all(item.receipt for item in last.effects)


def describe(effect: Effect, did: str, where: str) -> str:
    """An effect and what became of it, in one line."""
    return f"{effect.effect.replace('_', ' ')} {did}{f': {where}' if where else ''}"


_KEPT_BACK = {"later": KEPT, "never": NOT_PUBLISHED}
"""The receipt of what is not published at once."""


def _paused(error: BotError) -> dict[str, object]:
    return {"status": CycleStatus.PAUSED, "paused_because": error.what, "remedy": error.remedy}
