from __future__ import annotations

import pytest

from bot.domain.effects import Receipt
from bot.domain.record import CycleEnd, CycleRecord, Decision, Failure, StepStatus
from bot.domain.workflow import Workflow
from bot.engine.moves import End, Pause, Publish, RunStep, next_move
from bot.engine.workflow import load_workflow
from bot.resources import resource_folder
from bot.steps import STEPS
from tests.unit.records import issue_effect, record, step


@pytest.fixture(scope="module")
def workflow() -> Workflow:
    return load_workflow(resource_folder("workflows") / "remediation.toml", STEPS)


def ran(move: object) -> tuple[str, int, int | None]:
    assert isinstance(move, RunStep)
    return move.place.name, move.attempt, move.again


def test_a_new_cycle_starts_with_the_first_step(workflow: Workflow) -> None:
    assert ran(next_move(record(), workflow)) == ("retrieve", 1, None)


def test_a_done_step_is_followed_by_the_next(workflow: Workflow) -> None:
    assert ran(next_move(record(step("retrieve")), workflow)) == ("five_whys", 1, None)


def test_an_interrupted_step_runs_again_in_its_place(workflow: Workflow) -> None:
    interrupted = record(step("retrieve"), step("five_whys", status=StepStatus.RUNNING))
    assert ran(next_move(interrupted, workflow)) == ("five_whys", 1, 1)


def test_a_failed_step_runs_again_as_the_same_attempt(workflow: Workflow) -> None:
    failure = Failure(family="retrieval", exit_code=4, what="No network.", remedy="Connect.")
    failed = record(step("retrieve", status=StepStatus.FAILED, failure=failure))
    assert ran(next_move(failed, workflow)) == ("retrieve", 1, None)


def test_a_model_that_answered_in_vain_is_asked_as_a_new_attempt(workflow: Workflow) -> None:
    failure = Failure(family="answer", exit_code=8, what="Three bad replies.", remedy="Another model.")
    failed = record(step("retrieve"), step("five_whys", status=StepStatus.FAILED, failure=failure))
    assert ran(next_move(failed, workflow)) == ("five_whys", 2, None)


def test_effects_are_published_before_the_next_step(workflow: Workflow) -> None:
    done = Receipt(did="created", number=1)
    waiting = record(step("retrieve", effects=(issue_effect(done), issue_effect())))
    assert next_move(waiting, workflow) == Publish(step=0, effect=1)
    settled = record(step("retrieve", effects=(issue_effect(done),)))
    assert ran(next_move(settled, workflow))[0] == "five_whys"


def upto(name: str, *more: object) -> CycleRecord:
    names = list(STEPS)
    return record(*(step(item) for item in names[: names.index(name)]), *more)  # type: ignore[arg-type]


def test_hold_goes_back_until_the_attempts_are_used_up(workflow: Workflow) -> None:
    held = [step("audit", Decision.HOLD)]
    assert ran(next_move(upto("audit", *held), workflow)) == ("write_tests", 2, None)
    held += [step("write_tests", attempt=2), step("audit", Decision.HOLD, attempt=2)]
    assert ran(next_move(upto("audit", *held), workflow)) == ("write_tests", 3, None)
    held += [step("write_tests", attempt=3), step("audit", Decision.HOLD, attempt=3)]
    assert next_move(upto("audit", *held), workflow) == End(CycleEnd.TESTS_REJECTED)


def test_fix_and_prove_share_their_attempts(workflow: Workflow) -> None:
    held = [step("fix", Decision.HOLD)]
    assert ran(next_move(upto("fix", *held), workflow)) == ("fix", 2, None)
    held += [step("fix", attempt=2), step("prove", Decision.HOLD)]
    assert ran(next_move(upto("fix", *held), workflow)) == ("fix", 3, None)
    held += [step("fix", attempt=3), step("prove", Decision.HOLD, attempt=2)]
    assert next_move(upto("fix", *held), workflow) == End(CycleEnd.FIX_REJECTED)


def test_an_end_and_the_last_step(workflow: Workflow) -> None:
    clean = record(step("retrieve", Decision.END, end=CycleEnd.LOG_CLEAN))
    assert next_move(clean, workflow) == End(CycleEnd.LOG_CLEAN)
    assert next_move(upto("commit", step("commit")), workflow) == End(CycleEnd.FIX_PROPOSED)


def test_until_pauses_after_its_step_and_not_after_a_hold(workflow: Workflow) -> None:
    assert next_move(record(step("retrieve"), until="retrieve"), workflow) == Pause("as asked: --until retrieve")
    names = list(STEPS)
    held = record(*(step(name) for name in names[: names.index("audit")]), step("audit", Decision.HOLD), until="audit")
    assert ran(next_move(held, workflow)) == ("write_tests", 2, None)
