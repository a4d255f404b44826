"""A run of ten cycles that ended in different ways, as records that fit together.

What the records name beside them (files, exchanges) is not there; `tests/ten_cycles.py` makes a real run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

from bot.adapters.directory_store import DirectoryStore
from bot.domain.asking import Charge, Usage
from bot.domain.audit import AuditReport, FindingSeverity, Recommendation
from bot.domain.base import Frozen
from bot.domain.errors import BudgetSpent, TargetSetupFailed
from bot.domain.evidence import Support
from bot.domain.logs import Novelty, Selection
from bot.domain.patch import GuardFinding
from bot.domain.proof import Verdict
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus, Decision, Failure, FixedMark, StepRecord, StepStatus
from bot.domain.results import FiveWhys, Fixed, Proven, Retrieved, TestsAudited, TestsRun
from bot.domain.suite import FailureKind
from bot.reports.documents import documents_of
from tests.unit.recheck_records import WORKFLOW
from tests.unit.records import FINGERPRINT
from tests.unit.whole_records import CODE, Say, plainly, whole

_Change = Callable[[CycleRecord], CycleRecord]
Last = Literal["paused", "clean", "empty", "running"]
"""How the tenth cycle stands."""


def ten_cycles(say: Say = plainly, last: Last = "paused") -> tuple[CycleRecord, ...]:
    """The records, the first cycle first; the fourth and the sixth work on the incident of the first."""
    changes: tuple[_Change, ...] = (
        lambda made: made.model_copy(
            update={"fixed": FixedMark(at=made.created_at + timedelta(days=1), how=say("how it is known"))}),
        _fix_rejected, _tests_rejected, _not_reproduced, _no_cause, _not_proven, _same, _environment_failed,
        _never_reached, _ENDS[last],
    )
    return tuple(_paid(_moved(change(_named(whole(say, Novelty.NEW, 10, number), number)), number))
                 for number, change in enumerate(changes, 1))


def put(state: Path, records: tuple[CycleRecord, ...]) -> DirectoryStore:
    """Store records with their documents."""
    store = DirectoryStore(state)
    for record in records:
        store.create(record)
        for name, text in documents_of(record, WORKFLOW):
            store.put_artifact(record.ref, name, text.encode())
    return store


def _same(made: CycleRecord) -> CycleRecord:
    return made


def _named(made: CycleRecord, number: int) -> CycleRecord:
    """On an incident of its own, but for the fourth and the sixth, which come back to the first's."""
    fingerprint = FINGERPRINT if number in {1, 4, 6} else f"v1-{number:016x}"
    return CycleRecord.model_validate_json(made.model_dump_json().replace(FINGERPRINT, fingerprint))


def _moved(made: CycleRecord, number: int) -> CycleRecord:
    """Each cycle begins an hour after the one before."""
    by = timedelta(hours=number - 1)
    steps = tuple(
        step.model_copy(update={"started_at": step.started_at + by, "ended_at": step.ended_at and step.ended_at + by})
        for step in made.steps
    )
    return made.model_copy(update={"created_at": made.created_at + by, "steps": steps})


def _paid(made: CycleRecord) -> CycleRecord:
    """Each step that asks the model cost something."""
    def charged(step: StepRecord) -> StepRecord:
        if step.step not in {"five_whys", "plan", "write_tests", "fix"}:
            return step
        digest = hashlib.sha256(f"{made.ref} {step.step} {step.attempt}".encode()).hexdigest()
        usage = Usage(input_tokens=1200, output_tokens=300 * made.ref.number, cost_usd=Decimal("0.0175"))
        return step.model_copy(update={"charges": (Charge(digest=digest, usage=usage, paid_at=step.ended_at),)})

    return made.model_copy(update={"steps": tuple(charged(step) for step in made.steps)})


def _cut(made: CycleRecord, step: str, **changes: object) -> CycleRecord:
    """The record up to a step, which is changed."""
    place = next(index for index, one in enumerate(made.steps) if one.step == step)
    return made.model_copy(update={
        "steps": (*made.steps[:place], made.steps[place].model_copy(update=changes)), "status": CycleStatus.ENDED,
        "end": changes.get("end"),
    })


def _held(made: CycleRecord, back_to: str, step: str, end: CycleEnd, *results: Frozen) -> CycleRecord:
    """Held back by a step three times, which ends the cycle."""
    places = [one.step for one in made.steps]
    first, last = places.index(back_to), places.index(step)
    steps = list(made.steps[:first])
    for attempt, result in enumerate(results, 1):
        steps += [one.model_copy(update={"attempt": attempt}) for one in made.steps[first:last]]
        steps.append(made.steps[last].model_copy(
            update={"attempt": attempt, "decision": Decision.HOLD, "result": result, "effects": ()}))
    return made.model_copy(update={"steps": tuple(steps), "end": end})


def _fix_rejected(made: CycleRecord) -> CycleRecord:
    found = GuardFinding(rule="test-changed", hard=True, path=CODE, message="It changes what the test reads.")
    other = found.model_copy(update={"rule": "exception-swallowed", "message": "It swallows the exception."})
    results = (Fixed(patch=None, findings=(found,)), Fixed(patch=None, findings=(found, other)))
    return _held(made, "fix", "fix", CycleEnd.FIX_REJECTED, *results, results[0])


def _tests_rejected(made: CycleRecord) -> CycleRecord:
    audited = made.latest(TestsAudited)
    assert audited is not None
    errors = tuple(one.model_copy(update={"severity": FindingSeverity.ERROR}) for one in audited.report.findings)
    report = AuditReport.model_validate({
        **audited.report.model_dump(), "recommendation": Recommendation.HOLD, "findings": errors,
        "defects": audited.report.tests, "reasons": ("1 of 1 tests has a defect.",),
    })
    return _held(made, "write_tests", "audit", CycleEnd.TESTS_REJECTED, *(TestsAudited(report=report),) * 3)


def _not_reproduced(made: CycleRecord) -> CycleRecord:
    run = made.latest(TestsRun)
    assert run is not None
    result = run.model_copy(update={"reproduced": False, "reproduced_by": (), "reason": "No test failed as predicted."})
    return _cut(made, "run_tests", decision=Decision.END, end=CycleEnd.NOT_REPRODUCED, result=result)


def _no_cause(made: CycleRecord) -> CycleRecord:
    found = made.latest(FiveWhys)
    assert found is not None
    whys = tuple(why.model_copy(update={"support": Support.UNPROVEN, "reason": "Nothing quoted says so."})
                 for why in found.whys)
    result = found.model_copy(update={"whys": whys, "root_cause": None})
    return _cut(made, "five_whys", decision=Decision.END, end=CycleEnd.NO_CAUSE, result=result)


def _not_proven(made: CycleRecord) -> CycleRecord:
    proven = made.latest(Proven)
    assert proven is not None
    proof = proven.proof.model_copy(
        update={"verdict": Verdict.NOT_PROVEN, "missing": ("A test is still red with the fix.",)})
    return _held(made, "fix", "prove", CycleEnd.FIX_REJECTED, *(Proven(proof=proof),) * 3)


def _failed(made: CycleRecord, step: str, error: BudgetSpent | TargetSetupFailed) -> CycleRecord:
    failure = Failure(family=error.family, exit_code=error.exit_code, what=error.what, remedy=error.remedy)
    cut = _cut(made, step, status=StepStatus.FAILED, decision=None, result=None, effects=(), failure=failure,
               said=error.what)
    return cut.model_copy(update={
        "status": CycleStatus.PAUSED, "end": None, "paused_because": error.what, "remedy": error.remedy})


def _environment_failed(made: CycleRecord) -> CycleRecord:
    """Failed once, and then went through."""
    error = TargetSetupFailed("The target's set-up failed: pip ended with 1.", "Look at its output.")
    place = next(index for index, one in enumerate(made.steps) if one.step == "run_tests")
    failed = _failed(made, "run_tests", error).steps[-1]
    return made.model_copy(update={"steps": (*made.steps[:place], failed, *made.steps[place:])})


def _budget_spent(made: CycleRecord) -> CycleRecord:
    return _failed(made, "fix", BudgetSpent("The budget of the cycle (5.00 USD) is spent.", "Raise it in bot.toml."))


def _clean(made: CycleRecord) -> CycleRecord:
    found = made.latest(Retrieved)
    assert found is not None
    result = found.model_copy(update={"selection": Selection(winner=None, reasons=("None is to be worked on.",))})
    return _cut(made, "retrieve", decision=Decision.END, end=CycleEnd.LOG_CLEAN, result=result)


def _empty(made: CycleRecord) -> CycleRecord:
    ended = _clean(made)
    return ended.model_copy(update={
        "end": CycleEnd.EMPTY_LOG,
        "steps": (ended.steps[0].model_copy(update={"end": CycleEnd.EMPTY_LOG}),),
    })


def _running(made: CycleRecord) -> CycleRecord:
    cut = _cut(made, "write_tests", status=StepStatus.RUNNING, decision=None, result=None, ended_at=None, said="")
    return cut.model_copy(update={"status": CycleStatus.RUNNING})


def _never_reached(made: CycleRecord) -> CycleRecord:
    """Not reproduced, for the environment's sake."""
    run = made.latest(TestsRun)
    assert run is not None
    first = run.runs[0]
    outcomes = tuple(one.model_copy(update={"kind": FailureKind.ENVIRONMENT, "reason": "Redis did not answer."})
                     for one in first.outcomes)
    runs = (first.model_copy(update={"outcomes": outcomes}),)
    result = run.model_copy(update={"reproduced": False, "reproduced_by": (), "runs": runs,
                                    "reason": "No test failed as predicted: the environment failed."})
    return _cut(made, "run_tests", decision=Decision.END, end=CycleEnd.NOT_REPRODUCED, result=result)


_ENDS: dict[Last, _Change] = {"paused": _budget_spent, "clean": _clean, "empty": _empty, "running": _running}
