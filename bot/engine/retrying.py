"""Setting a cycle back to a step, so that it goes on from there anew. Nothing of what was there is lost."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.domain.effects import Artifact
from bot.domain.errors import UsageProblem
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus, Retry, SetAside, StepRecord
from bot.domain.workflow import Workflow
from bot.ports import Store


def set_back(record: CycleRecord, step: str, workflow: Workflow, store: Store, now: datetime) -> CycleRecord:
    """Store the record without its steps from `step` on, ready to run, and return it.

    First the record as it was and the files of these steps are copied to `before-retry-N/` beside it. What was
    published is found again by its key and changed. Raises UsageProblem when there is nothing to go back to.
    """
    kept = _kept_before(record, step, workflow)
    dropped = record.steps[kept:]
    published = _published(dropped)
    # What somebody was told cannot be taken back, and hinders nothing.
    kinds = [one for one in published if one.effect != "notice"]
    if kept == 0 and kinds:
        raise UsageProblem(
            f"{record.ref} cannot choose its incident anew: {kinds[0].key} is published or about to be.",
            "Name a later step, or start a new run with `bot cycle --new`.",
        )
    folder = aside_folder(len(record.retries) + 1)
    files = _files(dropped)
    for file in files:
        store.put_artifact(record.ref, f"{folder}/{file.name}", store.get_artifact(record.ref, file.name))
    copy = store.put_artifact(record.ref, f"{folder}/record.json", store.get_artifact(record.ref, "record.json"))
    retry = Retry(
        at=now, step=step, kept=kept, record=copy, dropped=files, published=published,
        attempts=_attempts(dropped, [one for one in record.retries if one.kept >= kept]),
        charges=tuple(charge for one in dropped for charge in one.charges),
    )
    return store.save(record.model_copy(update={
        "steps": record.steps[:kept], "retries": (*record.retries, retry), "status": CycleStatus.RUNNING, "end": None,
        "fixed": None, "paused_because": "", "remedy": "",
        "settings": record.settings.model_copy(update={"until": None}),
    }), record.version)


def aside_folder(number: int) -> str:
    """Where the files lie, beside the record, that a retry set aside; the first is number 1."""
    return f"before-retry-{number}"


def _kept_before(record: CycleRecord, step: str, workflow: Workflow) -> int:
    """How many steps stay: those before the newest attempt at `step`.

    Where the cycle is held back to that step, those before the first attempt, so that all its attempts are there again.
    """
    if step not in {place.name for place in workflow.steps}:
        known = ", ".join(place.name for place in workflow.steps)
        raise UsageProblem(f"There is no step {step!r}; there are {known}.", "Name one with --from.")
    if record.end is CycleEnd.GIVEN_UP:
        raise UsageProblem(f"{record.ref} was given up for a new run.", "`bot status` lists the others.")
    places = [index for index, one in enumerate(record.steps) if one.step == step]
    if not places:
        raise UsageProblem(
            f"{record.ref} has not come to the step {step} yet.", "Name an earlier one; `bot resume` goes on with it."
        )
    if any(place.hold is not None and place.hold.back_to == step for place in workflow.steps):
        return places[0]
    kept = places[-1]
    # An attempt that failed and its repetition are one.
    while kept > 0 and record.steps[kept - 1].step == step:
        kept -= 1
    return kept


def _files(steps: Iterable[StepRecord]) -> tuple[Artifact, ...]:
    """What the steps kept, each file as it is now."""
    return tuple({file.name: file for step in steps for file in step.artifacts}.values())


def _published(steps: Iterable[StepRecord]) -> tuple[SetAside, ...]:
    found = {
        str(item.effect.key): SetAside(effect=item.effect.effect, key=str(item.effect.key), receipt=item.receipt)
        for step in steps for item in step.effects
        if item.receipt is not None and item.receipt.did != "not published"
    }
    return tuple(found.values())


def _attempts(steps: Iterable[StepRecord], earlier: Iterable[Retry]) -> dict[str, int]:
    """The last attempt at each step, those included that were set aside before from where the record is cut now."""
    found: dict[str, int] = {}
    counted = [*((one.step, one.attempt) for one in steps),
               *((name, attempt) for retry in earlier for name, attempt in retry.attempts.items())]
    for name, attempt in counted:
        found[name] = max(found.get(name, 0), attempt)
    return found
