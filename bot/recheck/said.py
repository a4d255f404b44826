"""Checks what each step said, decided and asked to be published: concluded again from its result."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.effects import CommentUpsert, Effect, IssueUpsert, NoticeSend, RunKey, TrackingUpsert
from bot.domain.record import CycleRecord, CycleStatus, StepRecord, StepStatus
from bot.domain.results import (
    Committed,
    FiveWhys,
    Fixed,
    IssueFiled,
    Planned,
    Proven,
    Retrieved,
    TestsAudited,
    TestsRun,
    TestsWritten,
)
from bot.engine.runs import wants_another
from bot.engine.telling import as_it_will_stand, is_told, status_effect
from bot.recheck.comparing import by_line, compared, differences, plain
from bot.recheck.material import Material
from bot.recheck.statement import Statement, judged, noted, same, shown
from bot.reports.tracking import tracked, tracking_title
from bot.steps import audit, commit, file_issue, five_whys, fix, plan, prove, retrieve, run_tests, write_tests
from bot.steps.context import StepOutcome

_SANDBOXES = ("process", "bubblewrap", "container")
"""Going on with a cycle may change its sandbox, and a report of a weak one says so."""


def outcomes(material: Material) -> Iterator[Statement]:
    """Conclude each step again: what it said, decided and gave, and the effects that it asked for."""
    for index, step in enumerate(material.record.steps):
        if step.status is not StepStatus.DONE or step.result is None:
            continue
        what = f"step {index + 1} ({step.step})"
        again = _nearest(material, index)
        if again is None:
            yield judged(what, "its result does not follow from anything")
            continue
        yield same(f"{what}, what it said", step.said, again.said, "its result gives")
        yield same(f"{what}, decision", step.decision, again.decision, "its result gives")
        yield same(f"{what}, end", step.end, again.end, "its result gives")
        yield from compared(f"{what}, result", step.result, again.result, "concluding again gives")
        yield from _effects(what, _own(step), again.effects, material.schema if material.older else None)


def comments(material: Material) -> Iterator[Statement]:
    """Write the status comment of each step again, from the record as it was then, and the run's table."""
    for index, step in enumerate(material.record.steps):
        if step.status is not StepStatus.DONE:
            continue
        what = f"step {index + 1} ({step.step}), its status comment"
        told = [item.effect for item in step.effects[len(_own(step)):]]
        stored: list[Effect] = [effect for effect in told if isinstance(effect, CommentUpsert)]
        previews = [_preview(material, index, record) for record in _variants(material, index)]
        yield from _tracked(material, index, previews[0], [one for one in told if isinstance(one, TrackingUpsert)])
        variants = [status_effect(preview, material.workflow) for preview in previews]
        if variants[0] is None:
            yield judged(what, "there is one without an issue" if stored else "")
        elif material.older:
            yield noted(what, f"it was written from a record of schema {material.schema}")
        elif len(stored) != 1:
            yield judged(what, f"there are {len(stored)}, and one had to be")
        else:
            again = _closest(stored, [[effect] for effect in variants if effect is not None])
            yield from _effects(what, stored, tuple(again))


def _tracked(
    material: Material, index: int, preview: CycleRecord, stored: list[TrackingUpsert]
) -> Iterator[Statement]:
    """The run's tracking issue. Of its table, the line of this cycle follows from this record; the others from
    records that are not here.
    """
    what = f"step {index + 1} ({preview.steps[index].step}), its tracking issue"
    of_run = preview.settings.cycles > 1
    over = preview.status is CycleStatus.ENDED and not wants_another(preview)
    for effect in stored[:1]:
        wanted = TrackingUpsert(
            key=RunKey(repository=preview.settings.repository, run=preview.ref.run), title=tracking_title(preview),
            body=effect.body, labels=effect.labels, open=not over,
        )
        if not of_run or not is_told(preview):
            yield judged(what, "there is one where none had to be")
            continue
        yield from _effects(what, [effect], (wanted,))
        line = str(tracked((preview,), material.workflow)[preview.ref.number - 1])
        yield judged(f"{what}, the line of this cycle", "" if line in effect.body.split("\n") else
                     f"its body does not have the line that this record gives: {shown(line)}")
        yield noted(f"{what}, the other lines", "they are of the run's other cycles, whose records are not here")
    if len(stored) > 1:
        yield judged(what, f"there are {len(stored)}, and one had to be")
    if not stored and of_run and isinstance(preview.steps[index].result, IssueFiled) and not material.older:
        yield noted(what, "there is none, which the policy may have said; it is not in the record")


def _own(step: StepRecord) -> list[Effect]:
    """The effects that the step itself asked for; the runner adds what it tells of its course as the last ones."""
    effects: list[Effect] = [item.effect for item in step.effects if not isinstance(item.effect, NoticeSend)]
    if effects and isinstance(effects[-1], TrackingUpsert):
        effects.pop()
    if effects and isinstance(effects[-1], CommentUpsert) and effects[-1].key.name == "status":
        effects.pop()
    return effects


def _preview(material: Material, index: int, record: CycleRecord) -> CycleRecord:
    """The record as `bot/engine/runner.py` had it when the step was done."""
    step = material.record.steps[index]
    kept = step.effects[:len(_own(step))]
    bare = step.model_copy(update={"effects": tuple(item.model_copy(update={"receipt": None}) for item in kept)})
    steps = (*record.steps[:index], bare)
    return as_it_will_stand(record.model_copy(update={"steps": steps}), material.workflow)


def _variants(material: Material, index: int) -> list[CycleRecord]:
    """The record as the step found it, under each sandbox that it may have run in; the one it names first."""
    record = material.before(index)
    settings = record.settings
    return [
        record.model_copy(update={"settings": settings.model_copy(update={"sandbox": sandbox})})
        for sandbox in dict.fromkeys((settings.sandbox, *_SANDBOXES))
    ]


def _nearest(material: Material, index: int) -> StepOutcome | None:
    """The step concluded again; of several variants the one whose effects come nearest to the stored."""
    step = material.record.steps[index]
    found = [outcome for record in _variants(material, index)
             if (outcome := _concluded(material, step, record)) is not None]
    stored = _own(step)
    return min(found, key=lambda one: _apart(stored, list(one.effects)), default=None)


def _closest(stored: list[Effect], variants: list[list[Effect]]) -> list[Effect]:
    return min(variants, key=lambda one: _apart(stored, one))


def _apart(stored: list[Effect], again: list[Effect]) -> int:
    return sum(1 for _ in differences(plain(stored), plain(again)))


def _concluded(material: Material, step: StepRecord, record: CycleRecord) -> StepOutcome | None:
    """What the step's own function concludes, given its result or what that rests on."""
    match step.result:
        case Retrieved() as result:
            return retrieve.concluded(result)
        case FiveWhys() as result:
            return five_whys.concluded(result)
        case Planned() as result:
            return plan.concluded(result)
        case IssueFiled():
            labels = next((item.labels for item in _own(step) if isinstance(item, IssueUpsert)), ())
            return file_issue.concluded(record, material.workflow, labels)
        case TestsWritten() as result:
            return write_tests.concluded(result)
        case TestsAudited(report=report):
            return audit.concluded(report)
        case TestsRun(runs=runs, own=own):
            return run_tests.concluded(runs, own)
        case Fixed() as result:
            return fix.concluded(result)
        case Proven(proof=proof):
            return prove.concluded(proof)
        case Committed():
            return commit.concluded(record, material.workflow, _changed(record))
        case _:
            return None


def _changed(record: CycleRecord) -> tuple[str, ...]:
    """What the branch changes: the tests and what the patch does, in git's order."""
    written, fixed = record.latest(TestsWritten), record.latest(Fixed)
    paths = {file.path for file in written.files} if written is not None else set()
    if fixed is not None and fixed.patch is not None:
        paths.update(file.path for file in fixed.patch.files)
    return tuple(sorted(paths, key=lambda path: path.encode("utf-8", "surrogatepass")))


def _effects(what: str, stored: list[Effect], again: tuple[Effect, ...], older: int | None = None,
             ) -> Iterator[Statement]:
    """Compare effects; `older` is the schema of a record whose texts may have been rendered otherwise."""
    yield same(f"{what}, its effects", [item.effect for item in stored], [item.effect for item in again],
               "concluding again gives")
    for left, right in zip(stored, again, strict=False):
        name = f"{what}, its {left.effect.replace('_', ' ')}"
        fields = list(differences(plain(left), plain(right)))
        if not fields:
            yield judged(name, "")
        for where, one, other in fields:
            if isinstance(one, str) and isinstance(other, str) and "\n" in one + other:
                if older is not None:
                    yield noted(f"{name}, {where}", f"it was rendered from a record of schema {older}")
                    continue
                yield from by_line(f"{name}, {where}", one, other)
            else:
                yield same(f"{name}, {where}", one, other, "concluding again gives")
