"""What a cycle leaves to do: computed from what its steps gave, and nothing that nobody found."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.base import counted
from bot.domain.evidence import Support
from bot.domain.proof import Proof
from bot.domain.record import CycleRecord, StepStatus
from bot.domain.results import FiveWhys, Fixed, Planned, Proven, TestsAudited, TestsRun
from bot.domain.suite import FailureKind
from bot.domain.workflow import Workflow
from bot.reports.course import VERIFY
from bot.reports.proof_document import ProofView
from bot.reports.views.execution import ExecutionView


def remaining(record: CycleRecord, workflow: Workflow, execution: ExecutionView | None) -> tuple[str, ...]:
    """What is left, in sentences with what others wrote between backticks."""
    return (
        *_of_evidence(record), *_of_audit(record), *_of_tests(record, execution), *_of_fix(record), *_of_proof(record),
        *_of_steps(record, workflow),
    )


def _of_evidence(record: CycleRecord) -> Iterator[str]:
    whys = record.latest(FiveWhys)
    if whys is None:
        return
    unproven = sum(why.support is not Support.CITED for why in whys.whys)
    if unproven:
        yield f"Evidence for {unproven} of {counted(len(whys.whys), 'why')}: {_none(unproven)} that holds."
    if whys.root_cause is not None and whys.root_cause.support is not Support.CITED:
        yield "Evidence for the root cause as it is worded: its quotes do not hold."


def _of_audit(record: CycleRecord) -> Iterator[str]:
    audited = record.latest(TestsAudited)
    if audited is None or not audited.report.findings:
        return
    yield f"{counted(len(audited.report.findings), 'finding')} of the audit of the last attempt: see `audit.md`."


def _of_tests(record: CycleRecord, execution: ExecutionView | None) -> Iterator[str]:
    run, planned = record.latest(TestsRun), record.latest(Planned)
    if run is None or execution is None:
        return
    for group in execution.kinds:
        if group.outcomes and group.kind is not FailureKind.AS_PREDICTED:
            yield f"{counted(len(group.outcomes), 'test')} without the fix: {group.words.short}."
    seen = {test.planned.name for test in execution.tests if test.planned is not None}
    missing = [test for test in (planned.plan.tests if planned else ()) if test.name not in seen]
    for test in missing:
        yield f"The planned test `{test.name}` has no outcome."
    for result in execution.doubted:
        yield f"The run `{result.label}` cannot be believed: {result.doubts[0].rstrip('.')}."


def _of_fix(record: CycleRecord) -> Iterator[str]:
    fixed = record.latest(Fixed)
    if fixed is not None and fixed.patch is None:
        yield f"A fix: the fix guard rejected the last one, with {counted(len(fixed.findings), 'finding')}."
    if fixed is not None and fixed.patch is not None and fixed.patch.notes:
        yield f"{counted(len(fixed.patch.notes), 'note')} of the fix guard to be read."


def _of_proof(record: CycleRecord) -> Iterator[str]:
    proven = record.latest(Proven)
    if proven is None:
        return
    view = ProofView(proven.proof)
    yield from (f"For the proof: {item.rstrip('.')}." for item in proven.proof.missing)
    if view.needless:
        yield f"{counted(len(view.needless), 'place')} of the fix not needed for the proof: see `proof.md`."
    if view.survivors:
        what = counted(len(view.survivors), "small change")
        yield f"{what} of the fixed lines that no test noticed: see `proof.md`."
    if view.untried:
        yield f"{counted(view.untried, 'small change')} of the fixed lines not tried."
    if view.idle:
        yield f"{_idle(view)} not run by a new test: see `proof.md`."
    yield from _not_compared(proven.proof)


def _not_compared(proof: Proof) -> Iterator[str]:
    after = ProofView(proof).after
    if after is None or not after.ran:
        yield "A comparison of the service's own suite with and without the fix: there is none."


def _idle(view: ProofView) -> str:
    return counted(sum(len(one.idle) for one in view.idle), "changed line")


def _of_steps(record: CycleRecord, workflow: Workflow) -> Iterator[str]:
    for place in workflow.steps:
        last = record.last(place.name)
        if last is None:
            yield f"Step {place.number} was not reached: {place.title}."
        elif last.status is not StepStatus.DONE:
            yield f"Step {place.number} is not done ({last.status.value}): {place.title}."
    yield f"Step {VERIFY[0]} is not done: {VERIFY[1]}."


def _none(count: int) -> str:
    return "it has none" if count == 1 else "they have none"
