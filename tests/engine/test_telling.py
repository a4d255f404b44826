"""What a run tells of its course: the comment that moves along, and the tracking issue with the table of its cycles."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from bot.adapters.directory_store import DirectoryStore
from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.local_forge import LocalForge
from bot.domain.asking import Usage
from bot.domain.config import BotConfig, PolicyConfig
from bot.domain.effects import TrackingUpsert
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus, Decision, Settings
from bot.domain.results import Planned, TestsAudited, TestsRun, TestsWritten
from bot.engine.publisher import Publisher
from bot.engine.runner import Machinery, Runner
from bot.engine.runs import Runs, wants_another
from bot.engine.telling import as_it_will_stand, tracking_effect
from bot.ports import LogSource, Sandbox
from bot.progress import PlainProgress
from bot.recheck.material import read_material
from bot.recheck.said import comments, outcomes
from bot.recheck.statement import Found
from bot.steps import STEPS, file_issue, five_whys, retrieve
from bot.steps.context import Step, StepContext, StepOutcome
from tests.fakes.instant_clock import InstantClock
from tests.fakes.repositories import make_repository
from tests.unit import whole_records as made
from tests.unit.recheck_records import WORKFLOW, content_of
from tests.unit.records import retrieved, settings
from tests.unit.whole_records import plainly

SEVERAL = PolicyConfig()
NEVER = PolicyConfig(tracking_issue="never")


def scripted(results: dict[str, Callable[[StepContext], StepOutcome]]) -> dict[str, Step]:
    """The real steps' declarations, with results that are known; the issue is filed by the real step."""
    return {
        name: step if name == "file_issue" else Step(name, step.takes, step.gives, results[name])
        for name, step in STEPS.items() if name == "file_issue" or name in results
    }


def cycles(clean_from: int) -> dict[str, Step]:
    """Steps of which no cycle reproduces its incident; from the cycle `clean_from` on, the log is clean."""
    def read(ctx: StepContext) -> StepOutcome:
        one = made.retrieved(plainly)
        return retrieve.concluded(retrieved() if ctx.record.ref.number >= clean_from else one)

    def ran(ctx: StepContext) -> StepOutcome:
        found = made.tests_run(plainly).model_copy(update={"reproduced": False})
        return StepOutcome(found, "not reproduced", Decision.END, CycleEnd.NOT_REPRODUCED)

    return scripted({
        "retrieve": read, "five_whys": lambda ctx: five_whys.concluded(made.whys(plainly)),
        "plan": lambda ctx: StepOutcome(Planned(plan=made.plan(plainly)), "planned"),
        "write_tests": lambda ctx: StepOutcome(TestsWritten(files=()), "written"),
        "audit": lambda ctx: StepOutcome(TestsAudited(report=made.report(plainly)), "GO"), "run_tests": ran,
    })


class World:
    """A state, a folder forge, and a runner that goes through the cycles of one run."""

    def __init__(self, at: Path, policy: PolicyConfig = SEVERAL) -> None:
        make_repository(at / "shop", {"a.py": b"x = 1\n"})
        self.workspace = GitWorkspace(at / "shop")
        self.forge = LocalForge(at / "forge", self.workspace)
        self.store = DirectoryStore(at / "state")
        self.clock = InstantClock()
        self.policy, self.at = policy, at

    def run(self, steps: dict[str, Step], asked: Settings) -> list[CycleRecord]:
        runs = Runs(self.store, self.clock, WORKFLOW)
        ref = runs.begin(asked)
        runner = Runner(Machinery(
            workflow=WORKFLOW, steps=steps, config=BotConfig(policy=self.policy), logs=cast("LogSource", None),
            open_model=lambda step: pytest.fail("no model is asked"), workspace=self.workspace,
            sandbox=cast("Sandbox", None), publisher=Publisher(lambda: self.forge, self.policy, self.workspace),
            store=self.store, clock=self.clock, progress=PlainProgress(), scratch=self.at / "scratch",
            environments=self.at / "environments", setup_env={}, history=lambda ref: {}, findings=lambda ref, names: (),
            spent=lambda ref: Usage(), spent_today_usd=lambda: Decimal(0),
        ))
        record = runner.run(ref)
        while wants_another(record):
            record = runner.run(runs.begin(record.settings, record.ref.number + 1, record.ref.run))
        return [self.store.load(one) for one in self.store.cycles()]


def told(record: CycleRecord) -> list[tuple[str, TrackingUpsert]]:
    return [(step.step, item.effect) for step in record.steps for item in step.effects
            if isinstance(item.effect, TrackingUpsert)]


def test_a_run_of_several_cycles_has_an_issue_with_their_table(tmp_path: Path) -> None:
    world = World(tmp_path)
    first, second, third = world.run(cycles(clean_from=3), settings(cycles=5))
    assert [name for name, _ in told(first)] == ["file_issue", "run_tests"]
    assert [name for name, _ in told(second)] == ["file_issue", "run_tests"]
    assert [name for name, _ in told(third)] == ["retrieve"], "the log is clean, and so the run is over"
    incident, tracking = world.forge.issues()
    assert incident.open
    assert not tracking.open
    assert tracking.labels == ("whybot",)
    assert "███░░ 3 of 5 cycles have ended: 1 no actionable incident, 2 not reproduced." in tracking.body
    lines = [line for line in tracking.body.split("\n") if line.startswith("| ")][1:]
    assert lines == [
        "| 1 | `the type: the message` | P1 | not reproduced | #1 | – | – |",
        "| 2 | `the type: the message` | P1 | not reproduced | #1 | – | – |",
        "| 3 | – | – | no actionable incident | – | – | – |",
        "| 4 | – | – | not needed | – | – | – |",
        "| 5 | – | – | not needed | – | – | – |",
    ]


def test_while_it_runs_the_issue_is_open_and_says_how_far_it_is(tmp_path: Path) -> None:
    world = World(tmp_path)
    first, *_ = world.run(cycles(clean_from=2), settings(cycles=10))
    (_, filed), (_, ended) = told(first)
    assert filed.open
    assert ended.open
    assert "| 1 | `the type: the message` | P1 | running at step 2.1 | [[issue v1-" in filed.body
    assert "░░░░░░░░░░ 0 of 10 cycles have ended." in filed.body
    assert "█░░░░░░░░░ 1 of 10 cycles have ended: 1 not reproduced." in ended.body
    assert "| 10 | – | – | not begun | – | – | – |" in ended.body


@pytest.mark.parametrize(("policy", "asked"), [(SEVERAL, settings()), (NEVER, settings(cycles=3))])
def test_there_is_none_for_one_cycle_or_where_policy_says_never(
    policy: PolicyConfig, asked: Settings, tmp_path: Path
) -> None:
    world = World(tmp_path, policy)
    records = world.run(cycles(clean_from=9), asked)
    assert all(told(record) == [] for record in records)
    assert len(list(world.forge.issues())) == 1


def test_a_run_that_files_nothing_makes_no_issue(tmp_path: Path) -> None:
    world = World(tmp_path)
    (only,) = world.run(cycles(clean_from=1), settings(cycles=3))
    assert told(only) == []
    assert list(world.forge.issues()) == []


def test_the_comment_moves_along_and_ends_with_the_cycle(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(cycles(clean_from=9), settings())
    (comment,) = world.forge.comments(1)
    assert "cycle 1: ended: not reproduced" in comment.body
    assert comment.body.count("- [x]") == 7
    assert "\nRecord: the " in comment.body
    assert "[[" not in comment.body


def test_the_last_cycle_of_a_run_ends_it() -> None:
    for number, is_open in ((1, True), (2, False)):
        record = made.whole(cycles=2, number=number)
        found = tracking_effect(record, (), WORKFLOW, SEVERAL)
        assert found is not None
        assert found.open is is_open
        assert (f"| {number} | `the type: the message` | P1 | fix proposed | [[issue v1-0123456789abcdef]] | "
                f"proven: 3 of 4 runs hold | [[pull whybot/startup-20251107t081500z-0a1b2c-0{number}]] |") in found.body


def test_a_cycle_in_the_middle_of_a_step_tells_nothing_of_its_run() -> None:
    record = made.whole(cycles=2)
    for count in (1, 2, 3, 5, 6):
        before = record.model_copy(update={"steps": record.steps[:count], "status": CycleStatus.RUNNING, "end": None})
        assert tracking_effect(as_it_will_stand(before, WORKFLOW), (), WORKFLOW, SEVERAL) is None


# Rechecked


def failing(record: CycleRecord) -> list[str]:
    material = read_material(content_of(record), WORKFLOW)
    said = [*outcomes(material), *comments(material)]
    return [f"{one.what}: {one.why}" for one in said
            if one.found is Found.FAILS and ("tracking" in one.what or "effects" in one.what or "issue" in one.what)]


def forged(record: CycleRecord, **changes: object) -> CycleRecord:
    """The record with the last tracking issue changed."""
    steps = list(record.steps)
    last = steps[-1]
    effects = [item.model_copy(update={"effect": item.effect.model_copy(update=changes)})
               if isinstance(item.effect, TrackingUpsert) else item for item in last.effects]
    steps[-1] = last.model_copy(update={"effects": tuple(effects)})
    return record.model_copy(update={"steps": tuple(steps)})


def test_recheck_holds_the_line_of_the_cycle_against_its_record(tmp_path: Path) -> None:
    first, second = World(tmp_path).run(cycles(clean_from=9), settings(cycles=2))
    assert failing(first) == []
    assert failing(second) == []
    (_, shown) = told(second)[-1]
    line = "| 2 | `the type: the message` | P1 | not reproduced | [[issue v1-0123456789abcdef]] | – | – |"
    assert line in shown.body
    (why,) = failing(forged(second, body=shown.body.replace(line, line.replace("not reproduced", "fix proposed"))))
    assert "its body does not have the line" in why
    assert any("open" in one for one in failing(forged(second, open=True)))
    assert any("title" in one for one in failing(forged(second, title="All is well")))
    lonely = forged(first.model_copy(update={"settings": settings()}))
    assert any("none had to be" in one for one in failing(lonely))


def test_file_issue_is_the_real_step() -> None:
    assert cycles(1)["file_issue"] is file_issue.STEP
    assert {name: step.gives for name, step in cycles(1).items()}["run_tests"] is TestsRun
