"""Runs a cycle: asks what comes next, does it, records it, until the cycle pauses or ends."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from bot.domain.asking import Usage
from bot.domain.base import Fingerprint
from bot.domain.config import AskingStep, BotConfig, TargetConfig
from bot.domain.earlier import EarlierFinding
from bot.domain.effects import KEPT, NOT_PUBLISHED, Effect, Receipt, RecordedEffect
from bot.domain.errors import BotError
from bot.domain.logs import Standing
from bot.domain.record import (
    CycleRecord,
    CycleRef,
    CycleStatus,
    Failure,
    StepRecord,
    StepStatus,
)
from bot.domain.results import Retrieved
from bot.domain.workflow import Workflow
from bot.engine.moves import End, Pause, Publish, RunStep, next_move
from bot.engine.publisher import Publisher
from bot.engine.publishing.scope import scope_of
from bot.engine.telling import as_it_will_stand, is_told, paused_effect, status_effect, tracking_effect
from bot.ports import Clock, LogSource, Model, Progress, Sandbox, Store, Workspace
from bot.reports.documents import DOCUMENTS, documents_of
from bot.steps.context import Step, StepContext


@dataclass(frozen=True)
class Machinery:
    """What the runner works with. `history` tells how incidents stand that other cycles know, `findings` what they
    came to, `spent_today_usd` what all of them spent on models since midnight UTC. `keep` is given the record whenever
    a step is done and its effects are published or kept, and when the cycle stops.
    """

    workflow: Workflow
    steps: Mapping[str, Step]
    config: BotConfig
    logs: LogSource
    open_model: Callable[[AskingStep], Model]
    workspace: Workspace | None
    sandbox: Sandbox
    publisher: Publisher
    store: Store
    clock: Clock
    progress: Progress
    scratch: Path
    environments: Path
    setup_env: Mapping[str, str]
    history: Callable[[CycleRef], Mapping[str, Standing]]
    findings: Callable[[CycleRef, tuple[Fingerprint, ...]], tuple[EarlierFinding, ...]]
    spent: Callable[[CycleRef], Usage]
    spent_today_usd: Callable[[], Decimal]
    keep: Callable[[CycleRecord], None] = lambda _record: None


class Runner:
    """Runs and resumes cycles. The record is the only state: every decision is made from it anew."""

    def __init__(self, machinery: Machinery) -> None:
        self._m = machinery
        self._documents: dict[str, str] = {}

    def run(self, ref: CycleRef) -> CycleRecord:
        """Go on with a cycle until it pauses, ends or fails, and return its record.

        A BotError in a step or in publishing is recorded, the cycle paused, and the error raised again.
        Anything that is not a BotError is a bug: the record stays as it was before the step.
        """
        record = self._m.store.load(ref)
        self._write_documents(record)
        if record.retries:
            # What is known no longer must not be read on.
            for name in set(DOCUMENTS).difference(self._documents):
                self._m.store.drop_artifact(ref, name)
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
        run = (self._m.store.load(ref) for ref in self._m.store.cycles(record.ref.focus) if ref.run == record.ref.run)
        earlier = tuple(one for one in run if one.ref.number < record.ref.number) if is_told(preview) else ()
        told = (status_effect(preview, workflow), tracking_effect(preview, earlier, workflow, self._m.config.policy))
        added = tuple(RecordedEffect(effect=effect) for effect in told if effect is not None)
        return done.model_copy(update={"effects": (*done.effects, *added)})

    def _publish(self, record: CycleRecord, move: Publish) -> CycleRecord:
        step = record.steps[move.step]
        item = step.effects[move.effect]
        try:
            receipt = self._receipt(item.effect, record)
        except BotError as error:
            self._save(record, _paused(error))
            raise
        effects = list(step.effects)
        effects[move.effect] = item.model_copy(update={"receipt": receipt})
        self._m.progress.note(describe(item.effect, receipt.did, receipt.url or receipt.note))
        return self._save(record.replaced(move.step, step.model_copy(update={"effects": tuple(effects)})), {})

    def _receipt(self, effect: Effect, record: CycleRecord) -> Receipt:
        given = effect, scope_of(record), record.effects(), self._target(record)
        if record.settings.publish == "now":
            return self._m.publisher.apply(*given)
        # What would be refused later is refused now, while the cycle can still say so.
        self._m.publisher.check(*given)
        return KEPT if record.settings.publish == "later" else NOT_PUBLISHED

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
        self._tell_paused(self._save(record.replaced(index, failed), _paused(error)))

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
            self._write_documents(changed)
        saved = self._m.store.save(changed, record.version)
        if running:
            self._write_documents(saved)
        if not running or _is_settled(saved):
            self._m.keep(saved)
        return saved

    def _write_documents(self, record: CycleRecord) -> None:
        for name, text in documents_of(record, self._m.workflow):
            if self._documents.get(name) != text:
                self._m.store.put_artifact(record.ref, name, text.encode("utf-8", "replace"))
                self._documents[name] = text


def _is_settled(record: CycleRecord) -> bool:
    last = record.current
    return last is not None and last.status is StepStatus.DONE and all(item.receipt for item in last.effects)


def describe(effect: Effect, did: str, where: str) -> str:
    """An effect and what became of it, in one line."""
    return f"{effect.effect.replace('_', ' ')} {did}{f': {where}' if where else ''}"


def _paused(error: BotError) -> dict[str, object]:
    return {"status": CycleStatus.PAUSED, "paused_because": error.what, "remedy": error.remedy}
