"""Checks the record itself: its checksums, the order and the times of its steps, and how it says it ended."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from pydantic import JsonValue

from bot.domain.base import Frozen
from bot.domain.effects import NoticeSend
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus, StepRecord, StepStatus, focus_slug
from bot.domain.record_document import digest, parts
from bot.domain.results import Proven, TestsRun
from bot.engine.moves import End, Publish, RunStep, next_move
from bot.recheck.material import Material
from bot.recheck.statement import Statement, judged, noted, shown
from bot.steps import STEPS

_SLACK = timedelta(seconds=1)
"""What clocks may be apart: a run's duration is measured by another clock than a step's beginning and end."""

_SANDBOXES = ("bubblewrap", "container", "process", "docker", "podman")


def checksums(material: Material) -> Iterator[Statement]:
    """Hold the record against the checksums that were stored with it; a part that was changed is named."""
    document = material.document
    body = document["record"]
    assert isinstance(body, dict)
    wrong = [one for one in _parts(body, document.get("parts")) if one.why]
    true = digest(body)
    stored = document.get("sha256")
    if stored == true:
        yield judged("the checksum of the record", "")
    elif wrong:
        yield judged("the checksum of the record", "its content is not the one that was written")
    else:
        yield judged("the checksum of the record", f"all its parts are as they were written; the checksum itself, "
                     f"{shown(stored)}, is not theirs")
    said = document.get("schema")
    yield judged("the schema in its envelope", "" if said == f"whybot/record/{material.schema}" else
                 f"it says {shown(said)}, and the record is of schema {material.schema}")
    if "parts" not in document and material.older:
        yield noted("the checksums of its parts", "it was written before parts had checksums")
    elif not isinstance(document.get("parts"), dict):
        yield judged("the checksums of its parts", "they are not there")
    else:
        yield from _parts(body, document["parts"])
    unknown = sorted({*document} - {"schema", "sha256", "parts", "record"})
    if unknown:
        yield judged("the envelope", f"it also holds {shown(', '.join(unknown))}")


def _parts(body: dict[str, JsonValue], stored: JsonValue) -> Iterator[Statement]:
    if not isinstance(stored, dict):
        return
    true = parts(body)
    for place in dict.fromkeys((*true, *stored)):
        if place not in stored:
            yield judged(f"part {place}", "it was added after the record was written")
        elif place not in true:
            yield judged(f"part {place}", "it was taken out after the record was written")
        else:
            yield judged(f"part {place}", "" if true[place] == stored[place] else
                         "it was changed after the record was written")


def course(material: Material) -> Iterator[Statement]:
    """Hold the order of the steps, their times and the end against the rules that lead from one step to the next."""
    record = material.record
    yield judged("every part can be read", material.unread)
    if material.unread:
        yield noted("the steps from there on", f"only the first {len(record.steps)} steps can be read")
    yield from _beginning(material)
    for index, step in enumerate(record.steps):
        yield judged(f"step {index + 1} ({step.step}) follows", _follows(material, index))
        yield judged(f"step {index + 1} ({step.step}) is whole", _whole(step, last=index == len(record.steps) - 1))
    yield from _times(record)
    least = _least_saves(record)
    yield judged("how often it was saved", "" if record.version >= least else
                 f"it says {record.version} times, and what it holds takes at least {least}")
    if not material.unread:
        yield judged("how it stands", _end(material))


def _least_saves(record: CycleRecord) -> int:
    """How often a record was saved that nothing interrupted; each step that is begun again saves once more."""
    steps = sum(1 + (step.status is not StepStatus.RUNNING) for step in record.steps)
    # Notices of a pause may be stored with it, receipts and all.
    receipts = sum(item.receipt is not None and not isinstance(item.effect, NoticeSend) for item in record.effects())
    return 1 + steps + receipts + (record.status is CycleStatus.ENDED)


def _beginning(material: Material) -> Iterator[Statement]:
    record = material.record
    wanted = focus_slug(record.settings.focus.name)
    yield judged("its focus", "" if record.ref.focus == wanted else
                 f"it lies under {record.ref.focus}, and its settings name {shown(record.settings.focus.name)}")
    made = record.created_at.strftime("%Y%m%dT%H%M%SZ")
    began = record.ref.run.partition("-")[0]
    fits = began == made if record.ref.number == 1 else began <= made
    yield judged("when it was created", "" if fits else f"its run began at {began}, and it says {made}")
    if material.older:
        yield noted("the settings of its run", f"the run's id was made from settings of schema {material.schema}")
        return
    yield judged("the settings of its run", "" if _names_settings(record, material) else
                 f"the run's id {record.ref.run} was not made from these settings")


def _names_settings(record: CycleRecord, material: Material) -> bool:
    """Whether the run's id has the digits of its settings: see `run_id` and `Runs.begin`.

    Going on with a run may change where it is to pause and its sandbox, so these may have been others.
    """
    settings = record.settings
    digits = record.ref.run.partition("-")[2]
    for until in dict.fromkeys((settings.until, None, *(place.name for place in material.workflow.steps))):
        for sandbox in dict.fromkeys((settings.sandbox, "auto", *_SANDBOXES)):
            text = settings.model_copy(update={"until": until, "sandbox": sandbox}).model_dump_json()
            for attempt in range(3):
                if hashlib.sha256(f"{text}{attempt}".encode()).hexdigest()[:len(digits)] == digits:
                    return True
    return False


def _follows(material: Material, index: int) -> str:
    """Why the step is not the one that had to come; empty when it is."""
    record, step = material.record, material.record.steps[index]
    settings = record.settings.model_copy(update={"until": None})
    before = record.model_copy(update={"steps": record.steps[:index], "settings": settings})
    try:
        move = next_move(before, material.workflow)
    except (ValueError, KeyError) as error:
        return f"what came before it leads nowhere: {error}"
    match move:
        case RunStep(place, attempt, None):
            if (place.name, attempt) != (step.step, step.attempt):
                return f"it is attempt {step.attempt} at {step.step}, and attempt {attempt} at {place.name} had to come"
            return ""
        case Publish(at, effect):
            return f"effect {effect + 1} of step {at + 1} had to be published first"
        case End(end):
            return f"the cycle was over before it: {end}"
        case _:
            return f"step {index} was still running"


def _whole(step: StepRecord, last: bool) -> str:
    if step.status is StepStatus.RUNNING:
        return "" if last else "it never ended"
    if step.ended_at is None:
        return "it does not say when it ended"
    if step.status is StepStatus.FAILED:
        if step.failure is None:
            return "it failed and does not say of what"
        asked = any(not isinstance(item.effect, NoticeSend) for item in step.effects)
        if step.result is not None or step.decision is not None or asked:
            return "it failed and has a result"
        return "" if step.said == step.failure.what else "what it said is not what it failed of"
    if step.failure is not None:
        return "it is done and names a failure"
    if step.decision is None or step.result is None:
        return "it is done without a decision or a result"
    gives: type[Frozen] | None = STEPS[step.step].gives if step.step in STEPS else None
    return "" if gives is not None and isinstance(step.result, gives) else "its result is another step's"


def _times(record: CycleRecord) -> Iterator[Statement]:
    points = [("the record was created", record.created_at)]
    for number, step in enumerate(record.steps, 1):
        points.append((f"step {number} began", step.started_at))
        if step.ended_at is not None:
            points.append((f"step {number} ended", step.ended_at))
    for (before, earlier), (after, later) in pairwise(points):
        yield judged(f"{after} after {before}", "" if earlier <= later else
                     f"{later.isoformat()} is before {earlier.isoformat()}")
    for number, step in enumerate(record.steps, 1):
        for charge in step.charges:
            paid, ended = charge.paid_at, step.ended_at
            if paid is not None:
                fits = record.created_at <= paid and (ended is None or paid <= ended)
                yield judged(f"step {number} was paid for in time", "" if fits else
                             f"the call {charge.digest[:12]} was paid for at {paid.isoformat()}, outside of it")


def _end(material: Material) -> str:
    """Why the record cannot stand as it says; empty when it can."""
    record = material.record
    if record.status is CycleStatus.RUNNING:
        return "it is running and has an end" if record.end is not None else ""
    if record.status is CycleStatus.PAUSED:
        return _paused(record)
    if record.end is None:
        return "it has ended and does not say how"
    if record.end is CycleEnd.GIVEN_UP:
        return ""
    try:
        settings = record.settings.model_copy(update={"until": None})
        move = next_move(record.model_copy(update={"settings": settings}), material.workflow)
    except (ValueError, KeyError) as error:
        return f"its last step leads nowhere: {error}"
    if not isinstance(move, End):
        return f"it says that it ended ({record.end}), and something was still to be done"
    return "" if move.end is record.end else f"it says that it ended so: {record.end}; its steps lead to: {move.end}"


def _paused(record: CycleRecord) -> str:
    if record.end is not None:
        return "it is paused and has an end"
    last = record.current
    if last is None or last.failure is None:
        return "" if record.paused_because else "it is paused and does not say why"
    if (record.paused_because, record.remedy) == (last.failure.what, last.failure.remedy):
        return ""
    return "it is paused for another reason than its last step failed of"


def durations(material: Material) -> Iterator[Statement]:
    """Hold how long a step took against the runs of tests within it, of which several may go on at a time."""
    again = not material.older and material.record.version > _least_saves(material.record)
    for number, step in enumerate(material.record.steps, 1):
        took = step.seconds
        least = _least_seconds(step, one_by_one=material.older)
        if took is None or not least:
            continue
        what = f"step {number} took as long as its runs"
        if again and least > took + _SLACK.total_seconds():
            yield noted(what, "the cycle was interrupted at least once, and runs that were complete were not repeated")
        else:
            yield judged(what, "" if least <= took + _SLACK.total_seconds() else
                         f"it took {took:.2f} s, and its runs {least:.2f} s")


def _least_seconds(step: StepRecord, *, one_by_one: bool) -> float:
    """How long the runs of a step take at least: those of one kind together as long as the longest of them."""
    kinds: dict[object, list[float]] = {}
    if isinstance(step.result, TestsRun):
        kinds = {"new": [run.duration_s for run in step.result.runs], "own": [step.result.own.duration_s]}
    elif isinstance(step.result, Proven):
        for at, run in enumerate(step.result.proof.runs):
            if (run.suite, run.role) == ("own", "base"):
                continue
            # The first round decides whether there are more; what is under pressure is measured alone.
            round_ = at if run.result.pressure else min(run.number, 2) if run.role in {"base", "fix", "revert"} else 0
            part = run.role if run.role in {"without", "mutant"} else "round"
            kinds.setdefault((run.suite, part, round_), []).append(run.result.duration_s)
    return sum(sum(seconds) if one_by_one else max(seconds, default=0.0) for seconds in kinds.values())
