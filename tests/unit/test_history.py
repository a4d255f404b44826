from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters.directory_store import DirectoryStore
from bot.domain.audit import AuditReport, Finding, FindingSeverity, Recommendation
from bot.domain.config import MuteConfig
from bot.domain.earlier import EarlierFinding, EarlierRuledOut
from bot.domain.effects import BranchPush, Receipt, RecordedEffect
from bot.domain.errors import RecordDamaged
from bot.domain.evidence import EvidencePack, RootCause, RuledOut, Support, Why
from bot.domain.logs import Novelty, Standing
from bot.domain.patch import GuardFinding
from bot.domain.proof import Proof, Verdict
from bot.domain.record import CycleEnd, CycleRecord, CycleRef, CycleStatus, FixedMark, StepRecord
from bot.domain.results import FiveWhys, Fixed, Proven, TestsAudited, TestsRun
from bot.domain.suite import Ended, SuiteResult
from bot.domain.workflow import Workflow, WorkflowStep
from bot.engine.history import findings, standings
from bot.engine.runs import Runs
from tests.fakes.instant_clock import InstantClock
from tests.unit import records

FINGERPRINT, OLDER = records.FINGERPRINT, "v0-00000000000000aa"
FIX, BASE = "f" * 40, "b" * 40
RUNS = ("20251101T000000Z-000001", "20251102T000000Z-000002", "20251103T000000Z-000003")
TODAY = date(2025, 11, 7)


def cycle(
    run: int = 0, end: CycleEnd | None = None, filed: bool = True, pushed: bool = False, number: int = 1,
    fixed: FixedMark | None = None, **settings: object,
) -> CycleRecord:
    receipt = Receipt(did="created", number=7, url="") if filed else None
    effects: tuple[RecordedEffect, ...] = (records.issue_effect(receipt),)
    made = records.record(records.step("retrieve", result=records.retrieved(records.incident(aliases=(OLDER,)))),
                          records.step("file_issue", effects=effects), **settings)
    issue = records.issue_effect().effect.key
    if pushed:
        assert issue.of == "issue"
        push = BranchPush(key=made.key("branch", issue), branch="whybot/x", base=BASE, head=FIX, paths=("a.py",))
        effect = RecordedEffect(effect=push, receipt=Receipt(did="created", note="whybot/x"))
        made = made.model_copy(update={"steps": (*made.steps, records.step("commit", effects=(effect,)))})
    return made.model_copy(update={
        "ref": CycleRef(focus="startup", run=RUNS[run], number=number), "end": end, "fixed": fixed,
        "status": CycleStatus.RUNNING if end is None else CycleStatus.ENDED,
    })


def standing(*cycles: CycleRecord, mutes: Iterable[MuteConfig] = (), run: str = "", forge: str = "local"
             ) -> Standing | None:
    found = standings(cycles, forge, tuple(mutes), TODAY, run)
    assert found.get(FINGERPRINT) == found.get(OLDER) or tuple(mutes)
    return found.get(FINGERPRINT)


def novelty(*cycles: CycleRecord, run: str = "", forge: str = "local") -> Novelty | None:
    found = standing(*cycles, run=run, forge=forge)
    return found.novelty if found else None


MARK = FixedMark(at=datetime(2025, 11, 5, 9, 30, tzinfo=UTC), how="gone from staging")


@pytest.mark.parametrize(
    ("record", "expected", "why"),
    [
        (cycle(), Novelty.IN_WORK, "has not ended"),
        (cycle(end=CycleEnd.FIX_PROPOSED), Novelty.IN_WORK, "a fix is proposed: startup/20251101T000000Z-000001"),
        (cycle(end=CycleEnd.NOT_REPRODUCED), Novelty.KNOWN, "-000001/cycle-01 ended: not reproduced"),
        (cycle(end=CycleEnd.GIVEN_UP), Novelty.KNOWN, " ended: given up for a new run"),
        (cycle(end=CycleEnd.FIX_PROPOSED, fixed=MARK), Novelty.FIXED,
         "as of 2025-11-05 09:30 UTC: gone from staging, startup/"),
    ],
)
def test_what_one_record_says(record: CycleRecord, expected: Novelty, why: str) -> None:
    found = standing(record)
    assert found is not None
    assert found.novelty is expected
    assert why in found.why
    assert found.fixed_at == (record.fixed.at if record.fixed else None)
    if expected in {Novelty.FIXED, Novelty.IN_WORK} and record.end is not None:
        assert found.seen is not None
        assert (found.seen.cycle, found.seen.entries, found.seen.instances) == (str(record.ref), 12, 2)
        assert found.seen.fixed_at == found.fixed_at


@pytest.mark.parametrize("end", [None, *CycleEnd])
def test_what_another_run_did_not_file_on_this_forge_is_new(end: CycleEnd | None) -> None:
    assert novelty(cycle(end=end, filed=False)) is None
    assert novelty(cycle(end=end), forge="github") is None


def test_a_run_does_not_take_up_twice_what_it_only_looked_at() -> None:
    looked = cycle(end=CycleEnd.NO_CAUSE, filed=False)
    found = standing(looked, run=RUNS[0])
    assert found is not None
    assert (found.novelty, found.why) == (Novelty.IN_WORK, "taken up by this run in cycle 1")
    assert novelty(looked, run=RUNS[1]) is None


def test_the_newest_record_decides_but_nothing_ends_work_except_a_fix() -> None:
    proposed, tried = cycle(0, CycleEnd.FIX_PROPOSED), cycle(1, CycleEnd.NOT_REPRODUCED)
    assert novelty(proposed, tried) is Novelty.IN_WORK
    assert novelty(proposed, cycle(1, CycleEnd.FIX_PROPOSED, fixed=MARK)) is Novelty.FIXED
    assert novelty(cycle(0, CycleEnd.FIX_PROPOSED, fixed=MARK), tried) is Novelty.KNOWN
    assert novelty(cycle(0, CycleEnd.FIX_PROPOSED, fixed=MARK), cycle(1, CycleEnd.FIX_PROPOSED)) is Novelty.IN_WORK
    assert novelty(tried, cycle(2)) is Novelty.IN_WORK


def test_only_a_fix_that_was_pushed_is_looked_for_in_the_logs() -> None:
    pushed = standing(cycle(end=CycleEnd.FIX_PROPOSED, pushed=True))
    kept = standing(cycle(end=CycleEnd.FIX_PROPOSED))
    assert pushed is not None
    assert kept is not None
    assert (pushed.fix, kept.fix) == (FIX, None)


def test_a_mute_holds_until_its_last_day_and_comes_before_records() -> None:
    mute = MuteConfig(fingerprint=FINGERPRINT, until=TODAY, why="the vendor knows")
    found = standing(cycle(), mutes=[mute])
    assert found is not None
    assert (found.novelty, found.why) == (Novelty.MUTED, "until 2025-11-07: the vendor knows")
    over = standings([cycle()], "local", [mute], TODAY + timedelta(days=1))
    assert over[FINGERPRINT].novelty is Novelty.IN_WORK


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    clock = InstantClock(datetime(2025, 11, 7, 23, 59, tzinfo=UTC))
    place = WorkflowStep(name="retrieve", number="0", title="Read the logs")
    workflow = Workflow(schema_version=1, title="A workflow", cycles=1, steps=(place,))
    return Runs(DirectoryStore(tmp_path / "state"), clock, workflow)


def test_a_state_tells_a_run_and_somebody_who_looks(runs: Runs, tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "state")
    made = store.create(cycle(0, CycleEnd.NOT_REPRODUCED))
    store.create(cycle(1, CycleEnd.FIX_PROPOSED, repository="acme/other"))
    store.create(cycle(2, CycleEnd.FIX_PROPOSED, repository="acme/other", demo=True))
    history = runs.history(made.settings)
    assert history(made.ref) == {}
    other = CycleRef(focus="startup", run=RUNS[2], number=1)
    assert history(other)[FINGERPRINT].novelty is Novelty.KNOWN
    assert history(other) == runs.standings("acme/shop", "local")
    following = made.ref.model_copy(update={"number": 2})
    assert history(following)[FINGERPRINT].why == "taken up by this run in cycle 1"
    demo = runs.history(records.settings(demo=True, repository="acme/other"))
    assert demo(CycleRef(focus="startup", run=RUNS[0], number=2)) == {}
    mute = MuteConfig(fingerprint="v1-00000000000000bb", until=TODAY, why="known")
    assert runs.standings("acme/none", "local", [mute]).keys() == {"v1-00000000000000bb"}


def test_a_record_that_cannot_be_read_stops_the_choice(runs: Runs, tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "state")
    made = store.create(cycle())
    (Path(store.folder(made.ref)) / "record.json").write_text("{")
    with pytest.raises(RecordDamaged):
        runs.standings("acme/shop", "local")


LATER = records.START + timedelta(days=30)


def looked_into(run: int = 0, end: CycleEnd | None = CycleEnd.NO_CAUSE, aliases: tuple[str, ...] = (OLDER,),
                support: Support = Support.CITED, steps: tuple[StepRecord, ...] = (), cause: bool = True,
                **settings: object) -> CycleRecord:
    """A cycle that got as far as the whys, and these steps after them."""
    root = RootCause(statement="The queue is full.", mechanism="m", trigger="t", suspects=(), support=support)
    held = RuledOut(hypothesis="The network is slow.", citations=(), support=Support.CITED)
    claimed = RuledOut(hypothesis="The disk is full.", citations=(), support=Support.UNPROVEN)
    why = Why(statement="It waits.", citations=(), support=Support.CITED, ruled_out=(claimed,))
    whys = FiveWhys(pack=EvidencePack(commit=None, items=()), whys=(why,), root_cause=root if cause else None,
                    ruled_out=(held,), remediation=None, stopped="")
    made = records.record(
        records.step("retrieve", result=records.retrieved(records.incident(aliases=aliases))),
        records.step("five_whys", result=whys), *steps, **settings,
    )
    return made.model_copy(update={
        "ref": CycleRef(focus="startup", run=RUNS[run], number=1), "end": end,
        "status": CycleStatus.RUNNING if end is None else CycleStatus.ENDED,
    })


def audited(recommendation: Recommendation, *rules: str, reasons: tuple[str, ...] = ()) -> StepRecord:
    found = tuple(
        Finding(rule=rule, defect_class="c", severity=FindingSeverity.ERROR, path="t.py", line=1, test="t", message="m")
        for rule in rules
    )
    report = AuditReport(recommendation=recommendation, tests=("t",), defects=(), findings=found, outcomes=(),
                         scores=(), reasons=reasons, depth="static")
    return records.step("audit", result=TestsAudited(report=report))


OWN = SuiteResult(label="own", tree=BASE, command="", ended=Ended.EXITED, exit_code=0, outcomes=(), duration_s=0)


def not_run(reason: str) -> StepRecord:
    ran = TestsRun(reproduced=False, reproduced_by=(), reason=reason, runs=(), own=OWN)
    return records.step("run_tests", result=ran)


def guarded(*rules: str) -> StepRecord:
    found = tuple(GuardFinding(rule=rule, hard=True, path="a.py", message="m") for rule in rules)
    return records.step("fix", result=Fixed(patch=None, findings=found))


def proof(*missing: str) -> StepRecord:
    verdict = Verdict.NOT_PROVEN if missing else Verdict.PROVEN
    tried = Proof(verdict=verdict, base=BASE, with_tests=BASE, with_fix=FIX, reverted=BASE, same_tree=True, runs=(),
                  missing=missing)
    return records.step("prove", result=Proven(proof=tried))


def test_a_finding_says_what_held_and_what_was_merely_claimed() -> None:
    (found,) = findings([looked_into()], [FINGERPRINT], LATER)
    assert found == EarlierFinding(
        cycle=f"startup/{RUNS[0]}/cycle-01", ended="no cause found in the evidence", cause="The queue is full.",
        support=Support.CITED, proven=False, ruled_out=(
            EarlierRuledOut(hypothesis="The network is slow.", support=Support.CITED),
            EarlierRuledOut(hypothesis="The disk is full.", support=Support.UNPROVEN),
        ))
    (open_,) = findings([looked_into(support=Support.UNPROVEN)], [FINGERPRINT], LATER)
    assert (open_.support, open_.proven) == (Support.UNPROVEN, False)
    (none,) = findings([looked_into(cause=False, steps=(proof(),))], [FINGERPRINT], LATER)
    assert (none.cause, none.support, none.proven) == ("", Support.UNPROVEN, False)
    (proven,) = findings([looked_into(end=CycleEnd.FIX_PROPOSED, steps=(proof(),))], [FINGERPRINT], LATER)
    assert (proven.ended, proven.proven) == ("fix proposed", True)


@pytest.mark.parametrize(("step", "expected"), [
    (audited(Recommendation.HOLD, "sleeps", "no-assert", "sleeps"),
     ["The audit held its tests back for 3 errors: sleeps, no-assert."]),
    (audited(Recommendation.HOLD, reasons=('No test "x"\nwas found.',)),
     ['The audit held its tests back: "No test \\"x\\" was found."']),
    (audited(Recommendation.GO, reasons=("All good.",)), []),
    (not_run("None of 2 tests failed."), ['Its tests did not reproduce the incident: "None of 2 tests failed."']),
    (guarded("constant-result", "no-change"), ["The fix guard rejected a fix: constant-result, no-change."]),
    (proof("base-1: t passed.", "No run shows it."), ['A fix was not proven (2 reasons): "base-1: t passed."']),
    (proof(), []),
], ids=["held", "held-without-rule", "let-through", "not-reproduced", "guard", "not-proven", "proven"])
def test_why_tests_and_fixes_were_rejected(step: StepRecord, expected: list[str]) -> None:
    (found,) = findings([looked_into(steps=(step, step))], [FINGERPRINT], LATER)
    assert list(found.rejected) == expected


def test_findings_are_of_the_incident_newest_first_and_few() -> None:
    refs = [f"2025110{day}T00000{second}Z-000001" for day in range(1, 5) for second in range(2)]
    ours = [looked_into().model_copy(update={"ref": CycleRef(focus="startup", run=run, number=1)}) for run in refs]
    assert [one.cycle.split("/")[1] for one in findings(ours, [OLDER], LATER)] == refs[::-1][:5]
    assert findings(ours, ["v1-00000000000000bb"], LATER) == ()
    assert findings(ours, [], LATER) == ()


def test_a_cycle_is_told_only_of_what_had_ended_when_it_began() -> None:
    ended = records.START + timedelta(seconds=2)
    assert findings([looked_into()], [FINGERPRINT], ended - timedelta(microseconds=1)) == ()
    assert len(findings([looked_into()], [FINGERPRINT], ended)) == 1
    assert findings([looked_into(end=None)], [FINGERPRINT], LATER) == ()
    assert findings([cycle(end=CycleEnd.GIVEN_UP)], [FINGERPRINT], LATER) == ()


def test_a_state_tells_what_other_cycles_on_the_repository_came_to(runs: Runs, tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "state")
    first = store.create(looked_into(0))
    store.create(looked_into(1, repository="acme/other"))
    asks = looked_into(2).model_copy(update={"created_at": LATER})
    store.create(asks)
    told = runs.findings(first.settings)
    assert [one.cycle for one in told(asks.ref, (FINGERPRINT,))] == [str(first.ref)]
    assert told(first.ref, (FINGERPRINT,)) == ()
    assert told(asks.ref, ("v1-00000000000000bb",)) == ()
    assert runs.findings(records.settings(demo=True))(asks.ref, (FINGERPRINT,)) == ()
    following = asks.model_copy(update={"ref": first.ref.model_copy(update={"number": 2})})
    store.create(following)
    assert len(runs.findings(records.settings(demo=True))(following.ref, (OLDER,))) == 1
