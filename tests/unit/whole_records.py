"""A record of a cycle that went through all its steps, with the text of others in every place that may hold some."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from bot.domain.audit import AuditReport, Finding, FindingSeverity, Recommendation, Score
from bot.domain.base import repo_path
from bot.domain.effects import RecordedEffect
from bot.domain.evidence import (
    CheckedCitation,
    CodeCitation,
    Confidence,
    EvidencePack,
    Investigation,
    LogCitation,
    Lookup,
    Remediation,
    RootCause,
    RuledOut,
    Support,
    Suspect,
    Why,
)
from bot.domain.logs import (
    Focus,
    Frame,
    GroupKind,
    Incident,
    LogGroup,
    Novelty,
    ReadReport,
    RevisionLife,
    RevisionSeen,
    RootSignature,
    RunningCommit,
    SeenBefore,
    Severity,
    Standing,
)
from bot.domain.patch import Edit, GuardFinding, Patch, PatchedFile, StoredFile
from bot.domain.plan import Difficulty, Expectation, Level, PlannedTest, ServiceNeed, TestPlan
from bot.domain.proof import (
    ChangedLines,
    Hunk,
    HunkCheck,
    MutantCheck,
    Proof,
    ProofRun,
    SuiteRole,
    TreeRole,
    Verdict,
)
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus, StepRecord
from bot.domain.results import (
    FiveWhys,
    Fixed,
    Planned,
    Proven,
    Retrieved,
    TestsAudited,
    TestsRun,
    TestsWritten,
)
from bot.domain.suite import Ended, FailureKind, Outcome, SuiteResult
from bot.logs.ranking import rank
from bot.steps import commit, file_issue
from bot.steps.context import StepOutcome
from tests.unit.recheck_records import WORKFLOW
from tests.unit.records import FINGERPRINT, START, record, step

BASE, WITH_TESTS, WITH_FIX, REVERTED = ("b" * 40, "c" * 40, "d" * 40, "e" * 40)
TEST, BELL, CODE = "tests/test_till.py", "tests/test_bell.py", "shop/till.py"

Say = Callable[[str], str]
"""Gives the text for a place, which is named."""


def plainly(place: str) -> str:
    """Nothing to be wary of."""
    return f"the {place}"


def whole(say: Say = plainly, novelty: Novelty = Novelty.NEW, cycles: int = 1, number: int = 1) -> CycleRecord:
    """The record, with its effects as the steps ask for them."""
    focus = Focus(name="startup", title=say("focus"), impact=say("impact"))
    made = record(focus=focus, cycles=cycles, model="script:demo")
    made = made.model_copy(update={"ref": made.ref.model_copy(update={"number": number})})
    for one in (
        step("retrieve", result=retrieved(say, novelty)), step("five_whys", result=whys(say)),
        step("plan", result=Planned(plan=plan(say), investigation=investigation(say))),
    ):
        made = with_step(made, one, say)
    made = with_step(made, _concluded("file_issue", file_issue.concluded(made, WORKFLOW, ("whybot",))), say)
    written = _path(say, TEST)
    for one in (
        step("write_tests", result=TestsWritten(files=(stored(written),))),
        step("audit", result=TestsAudited(report=report(say, written))), step("run_tests", result=tests_run(say)),
        step("fix", result=Fixed(patch=patch(say), findings=(), investigation=investigation(say))),
        step("prove", result=Proven(proof=proof(say))),
    ):
        made = with_step(made, one, say)
    made = with_step(made, _concluded("commit", commit.concluded(made, WORKFLOW, (_path(say, CODE),))), say)
    return made.model_copy(update={"status": CycleStatus.ENDED, "end": CycleEnd.FIX_PROPOSED})


def with_step(made: CycleRecord, one: StepRecord, say: Say) -> CycleRecord:
    """The record with one step more, a minute after the last."""
    began = START + timedelta(minutes=len(made.steps))
    one = one.model_copy(update={
        "started_at": began, "ended_at": began + timedelta(seconds=2), "said": say(f"said of {one.step}"),
    })
    return made.model_copy(update={"steps": (*made.steps, one)})


def _concluded(name: str, outcome: StepOutcome) -> StepRecord:
    effects = tuple(RecordedEffect(effect=effect) for effect in outcome.effects)
    return step(name, result=outcome.result, effects=effects)


def _path(say: Say, usual: str) -> str:
    """A path that says what it likes, as far as a path can."""
    name = "".join(one for one in say(f"path {usual}") if ord(one) >= 32 and one not in "\\/\x7f")[:80].strip(" .")
    try:
        return repo_path(f"{usual.rpartition('/')[0]}/{name}.py") if say is not plainly else usual
    except ValueError:
        return usual


def an_incident(say: Say, fingerprint: str = FINGERPRINT, **changes: object) -> Incident:
    group = LogGroup(
        fingerprint=fingerprint, kind=GroupKind.TRACEBACK, title=say("title of a group"), severity=Severity.ERROR,
        count=12, first_seen="2025-11-07T08:00:00Z", last_seen="2025-11-07T08:10:00Z", services=(say("service"),),
        revisions=(say("revision"),), instances=("i1", "i2"), insert_ids=(say("insert id"),),
    )
    given: dict[str, object] = {
        "fingerprint": fingerprint, "groups": (group,), "severity": Severity.ERROR, "entries": 12, "error_entries": 9,
        "root": RootSignature(type=say("type"), message=say("message"), location=f"{say('location')}:80 in add"),
        "first_seen": "2025-11-07T08:00:00Z", "last_seen": "2025-11-07T08:10:00Z", "services": (say("service"),),
        "revisions": (say("revision"), say("second revision")), "instances": ("i1", "i2"), "commits": (say("commit"),),
        "timeline": (0, 3, 9, 0, 0, 0),
        "by_revision": tuple(
            RevisionSeen(
                service=say("service"), revision=say(f"{which} revision"), count=count, timeline=timeline,
                first_seen="2025-11-07T08:00:00Z", last_seen="2025-11-07T08:10:00Z",
            ) for which, count, timeline in (("first", 8, (0, 3, 5, 0, 0, 0)), ("second", 4, (0, 0, 4, 0, 0, 0)))
        ),
    }
    return Incident.model_validate({**given, **changes})


def retrieved(say: Say, novelty: Novelty = Novelty.NEW) -> Retrieved:
    """Step 0: the incident, and others that may belong to it."""
    back = "2025-11-07T08:00:00Z" if novelty is Novelty.REGRESSED else ""
    one = an_incident(say)
    others = [an_incident(say, f"v1-{number:016x}", entries=5) for number in (1, 2, 3)]
    seen = SeenBefore(
        cycle="startup/20251101T000000Z-000001/cycle-01", entries=84, instances=14, revisions=("shop-00001",),
        first_seen="2025-11-01T08:00:00Z", last_seen="2025-11-01T08:10:00Z", fixed_at=START - timedelta(hours=3),
    )
    standing = Standing(novelty=novelty, why=say("why it stands so"), seen=seen)
    history = {} if novelty is Novelty.NEW else {FINGERPRINT: standing}
    return Retrieved(
        report=ReadReport(source=say("source"), entries_read=100, unread=(say("unread"),)), groups=7, incidents=4,
        selection=rank([one, *others], history), commit=RunningCommit(sha=BASE, known=True, how=say("how")),
        target="shop", snapshot="logs.ndjson", again_since=back,
        read_from="2025-11-07T07:58:00Z", read_until="2025-11-07T08:12:00Z",
        revisions=tuple(
            RevisionLife(service=say("service"), revision=say(f"{which} revision"), first_seen=first,
                         last_seen="2025-11-07T08:12:00Z")
            for which, first in (("first", "2025-11-07T07:58:00Z"), ("second", "2025-11-07T08:04:00Z"))
        ),
    )


def whys(say: Say) -> FiveWhys:
    """Step 1, with a why that is unproven."""
    log = CheckedCitation(citation=LogCitation(insert_id=say("insert id"), quote=say("quote of a log")), holds=True)
    code = CheckedCitation(
        citation=CodeCitation(path=_path(say, CODE), line=5, commit=BASE, quote=say("quote of code")), holds=False,
        reason=say("reason why it does not hold"),
    )
    ruled_out = RuledOut(
        hypothesis=say("hypothesis"), citations=(log,), support=Support.CITED, against=say("against it"))
    return FiveWhys(
        pack=EvidencePack(commit=BASE, items=()), stopped=say("why it stopped"), ruled_out=(ruled_out,),
        whys=(
            Why(statement=say("first why"), citations=(log, code), support=Support.CITED, confidence=Confidence.HIGH,
                ruled_out=(ruled_out,)),
            Why(statement=say("second why"), citations=(code,), support=Support.UNPROVEN, reason=say("reason")),
        ),
        root_cause=RootCause(
            statement=say("root cause"), mechanism=say("mechanism"), trigger=say("trigger"), support=Support.CITED,
            suspects=(Suspect(path=_path(say, CODE), function=say("function")),), not_caught=say("not caught"),
            reason=say("reason of the cause"),
        ),
        remediation=Remediation(immediate=say("now"), short_term=say("soon"), long_term=say("later")),
        investigation=investigation(say),
    )


def investigation(say: Say) -> Investigation:
    """What was looked up."""
    return Investigation(turns=1, tokens=9, lookups=(Lookup(tool=say("tool"), asked=say("question")),))


def plan(say: Say) -> TestPlan:
    """Step 2."""
    reaches = Suspect(path=_path(say, CODE), function=say("function"))
    tests = (
        PlannedTest(
            name="test_the_till", path=_path(say, TEST), level=Level.UNIT, difficulty=Difficulty.TIMING,
            purpose=say("purpose"), auth=say("authentication"), data=say("data"), services=(say("service of a test"),),
            expectation=Expectation(failure="exception", exception=say("exception") or "E", message="closed",
                                    reaches=reaches),
        ),
        PlannedTest(
            name="test_the_bell", path=BELL, level=Level.INTEGRATION, difficulty=Difficulty.NORMAL,
            purpose=say("purpose"), auth=say("authentication"), data=say("data"), services=(say("undeclared service"),),
            expectation=Expectation(failure="assertion", message=".", reaches=reaches),
        ),
    )
    return TestPlan(
        summary=say("summary of the plan"), tests=tests, pass_criteria=(say("criterion"),), risks=(say("risk"),),
        services=(ServiceNeed(name=say("name of a service"), address=say("address")),),
    )


def stored(path: str) -> StoredFile:
    return StoredFile(path=path, sha256="0" * 64, artifact=f"tests/attempt-1/{TEST}")


def report(say: Say, path: str = TEST) -> AuditReport:
    """Step 4: through, with warnings."""
    found = tuple(
        Finding(rule=rule, defect_class=say("class"), severity=FindingSeverity.WARNING, path=path, line=line,
                test=f"{TEST}::{say('test')}", message=say("message of a finding"),
                evidence=say("evidence"), hint=say("hint"))
        for line, rule in ((3, "sleep-timing"), (9, "conventions"))
    )
    return AuditReport(
        recommendation=Recommendation.GO, tests=(f"{TEST}::test_the_till",), defects=(), findings=found,
        outcomes=outcomes(say, FailureKind.AS_PREDICTED), reasons=(say("reason to go"),), depth="run",
        scores=(Score(name=say("score"), value=9.0, formula=say("formula")),),
    )


def outcomes(say: Say, kind: FailureKind, test: str = "") -> tuple[Outcome, ...]:
    frame = Frame(path=_path(say, CODE), line=5, function=say("function"), source=say("source"))
    return (Outcome(test=test or f"{TEST}::{say('test')}", kind=kind, reason=say("reason of an outcome"),
                    duration_s=0.2, frame=frame),)


def suite(say: Say, label: str, kind: FailureKind) -> SuiteResult:
    return SuiteResult(
        label=label, tree=BASE, command=f"python -m pytest {say('argument')}", ended=Ended.EXITED, exit_code=1,
        outcomes=outcomes(say, kind), duration_s=1.5, note=say("note of a run"), doubts=(say("doubt"),),
    )


def tests_run(say: Say) -> TestsRun:
    """Step 5."""
    run = suite(say, "base-1", FailureKind.AS_PREDICTED)
    run = run.model_copy(update={"outcomes": (
        *run.outcomes, *outcomes(say, FailureKind.AS_PREDICTED, f"{BELL}::test_the_bell[{say('planned test')}]"),
        *outcomes(say, FailureKind.ENVIRONMENT, f"{TEST}::{say('other test')}!"),
        *outcomes(say, FailureKind.HARNESS, f"{TEST}::{say('third test')}?"),
    )})
    return TestsRun(
        reproduced=True, reproduced_by=(f"{TEST}::{say('test')}",), reason=say("reason of the reproduction"),
        runs=(run,), own=suite(say, "own-base", FailureKind.PASSED),
    )


def patch(say: Say) -> Patch:
    """Step 6."""
    path = _path(say, CODE)
    return Patch(
        summary=say("summary of the fix"), edits=(Edit(path=path, find="a", replace=say("replacement")),),
        files=(PatchedFile(path=path, sha256="1" * 64),), diff=say("diff"), added=1, removed=1,
        notes=(GuardFinding(rule=say("rule"), hard=False, path=path, message=say("note of the guard")),),
    )


def proof(say: Say) -> Proof:
    """Step 7: proven, with what is not needed and what nothing noticed."""
    def run(role: TreeRole, suite_role: SuiteRole, kind: FailureKind, holds: bool = True) -> ProofRun:
        label = f"proof-{role}-1" if suite_role == "new" else f"own-{role}"
        return ProofRun(
            role=role, suite=suite_role, number=1, holds=holds, reason=say("reason of a run"),
            result=suite(say, label, kind),
        )

    path, red, green = _path(say, CODE), FailureKind.AS_PREDICTED, FailureKind.PASSED
    return Proof(
        verdict=Verdict.PROVEN, base=BASE, with_tests=WITH_TESTS, with_fix=WITH_FIX, reverted=REVERTED, same_tree=True,
        runs=(run("base", "new", red), run("fix", "new", green), run("revert", "new", red, holds=False),
              run("base", "own", green), run("fix", "own", red), run("without", "new", green, holds=False),
              run("mutant", "new", green, holds=False)),
        missing=(), notes=(say("note of the proof"),),
        hunks=(HunkCheck(hunk=Hunk(path=path, first=3, last=4, lines=2, text=say("text of a place")), needed=False,
                         reason=say("why it is not needed"), runs=("proof-without-1",)),),
        mutants=(MutantCheck(path=path, line=3, change=say("change"), before=say("before"), after=say("after"),
                             killed=False, reason=say("why it was not noticed"), run="proof-mutant-1"),),
        lines=(ChangedLines(path=path, changed=(3, 4), ran=(3,)),),
    )
