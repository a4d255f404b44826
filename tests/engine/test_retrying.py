from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.directory_store import DirectoryStore
from bot.domain.asking import Charge, Usage
from bot.domain.effects import Receipt
from bot.domain.errors import UsageProblem
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus, Decision, Failure, StepRecord, StepStatus
from bot.domain.workflow import Workflow
from bot.engine.moves import RunStep, next_move
from bot.engine.retrying import set_back
from bot.engine.workflow import load_workflow
from bot.resources import resource_folder
from bot.steps import STEPS
from bot.steps.context import StepContext
from tests.unit.records import START, issue_effect, record, step

LATER = START + timedelta(hours=1)
NAMES = list(STEPS)


@pytest.fixture(scope="module")
def workflow() -> Workflow:
    return load_workflow(resource_folder("workflows") / "remediation.toml", STEPS)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path)


def upto(name: str, *more: StepRecord) -> CycleRecord:
    """A cycle whose steps before `name` went well."""
    return record(*(step(item) for item in NAMES[: NAMES.index(name)]), *more)


def ended(made: CycleRecord, end: CycleEnd) -> CycleRecord:
    return made.model_copy(update={"status": CycleStatus.ENDED, "end": end})


def rejected() -> CycleRecord:
    """The fix was held back three times, by the guard and by the proof."""
    return ended(upto(
        "fix", step("fix", Decision.HOLD), step("fix", attempt=2), step("prove", Decision.HOLD),
        step("fix", attempt=3), step("prove", Decision.HOLD, attempt=2),
    ), CycleEnd.FIX_REJECTED)


def ran(made: CycleRecord, workflow: Workflow) -> tuple[str, int]:
    move = next_move(made, workflow)
    assert isinstance(move, RunStep)
    return move.place.name, move.attempt


@pytest.mark.parametrize(("made", "name", "follows"), [
    # All attempts at what the cycle is held back to are there again, under new numbers.
    (rejected(), "fix", ("fix", 4)),
    (rejected(), "write_tests", ("write_tests", 2)),
    # Of other steps, the newest attempt is made again.
    (rejected(), "prove", ("prove", 3)),
    (rejected(), "plan", ("plan", 2)),
    (rejected(), "retrieve", ("retrieve", 2)),
    (upto("run_tests", step("run_tests", status=StepStatus.RUNNING)), "run_tests", ("run_tests", 2)),
    (upto("plan", step("plan", status=StepStatus.FAILED, failure=Failure(
        family="answer", exit_code=8, what="Bad.", remedy="Again.")), step("plan", attempt=2)), "plan", ("plan", 3)),
])
def test_it_goes_on_from_that_step_with_the_next_number(
    store: DirectoryStore, workflow: Workflow, made: CycleRecord, name: str, follows: tuple[str, int]
) -> None:
    back = set_back(store.create(made), name, workflow, store, LATER)
    assert ran(back, workflow) == follows
    assert (back.status, back.end, back.settings.until) == (CycleStatus.RUNNING, None, None)
    assert store.load(made.ref) == back


def test_a_fix_that_was_set_back_has_all_its_attempts_again(store: DirectoryStore, workflow: Workflow) -> None:
    back = set_back(store.create(rejected()), "fix", workflow, store, LATER)
    for attempt in (4, 5):
        back = back.model_copy(update={"steps": (*back.steps, step("fix", Decision.HOLD, attempt=attempt))})
        assert ran(back, workflow) == ("fix", attempt + 1)


def test_set_back_twice_no_number_comes_again(store: DirectoryStore, workflow: Workflow) -> None:
    once = set_back(store.create(rejected()), "prove", workflow, store, LATER)
    again = once.model_copy(update={"steps": (*once.steps, step("prove", attempt=3))})
    twice = set_back(store.save(again, again.version), "plan", workflow, store, LATER)
    assert [(one.step, one.kept) for one in twice.retries] == [("prove", 11), ("plan", 2)]
    later = twice.model_copy(update={"steps": (*twice.steps, *(step(name, attempt=2) for name in NAMES[2:8]))})
    assert ran(later, workflow) == ("prove", 4)
    # Up to where it was cut first, the record is what it was: nothing counts that came after.
    for index in range(1, 8):
        before = once.model_copy(update={"steps": once.steps[:index]})
        assert ran(before, workflow)[1] == 1


def test_nothing_is_lost(store: DirectoryStore, workflow: Workflow) -> None:
    paid = Charge(digest="a" * 64, usage=Usage(cost_usd=Decimal("0.5")), paid_at=START)
    made = store.create(upto("run_tests"))
    kept = store.put_artifact(made.ref, "runs/base-1.json", b"red")
    last = step("run_tests", effects=(issue_effect(Receipt(did="created", number=3)),))
    last = last.model_copy(update={"artifacts": (kept,), "charges": (paid,)})
    made = store.save(made.model_copy(update={"steps": (*made.steps, last)}), 1)
    before = (Path(store.folder(made.ref)) / "record.json").read_bytes()

    back = set_back(made, "run_tests", workflow, store, LATER)
    (retry,) = back.retries
    folder = Path(store.folder(made.ref))
    assert (folder / "before-retry-1" / "record.json").read_bytes() == before
    assert retry.record.sha256 == hashlib.sha256(before).hexdigest()
    assert (folder / "before-retry-1" / "runs" / "base-1.json").read_bytes() == b"red"
    assert retry.dropped == (kept,)
    assert back.usage.cost_usd == Decimal("0.5")
    assert [(one.effect, one.receipt.number) for one in retry.published] == [("issue", 3)]
    assert json.loads(before)["record"]["steps"][-1]["step"] == "run_tests"


def test_runs_that_were_set_aside_are_made_again(store: DirectoryStore, workflow: Workflow) -> None:
    made = store.create(upto("run_tests"))
    kept = store.put_artifact(made.ref, "runs/base-1.json", b"red")
    last = step("run_tests").model_copy(update={"artifacts": (kept,)})
    made = store.save(made.model_copy(update={"steps": (*made.steps, last)}), 1)

    def kept_before(of: CycleRecord) -> bytes | None:
        given: dict[str, Any] = {field.name: None for field in fields(StepContext)}
        return StepContext(**{**given, "record": of, "store": store}).kept_before("runs/base-1.json")

    assert kept_before(made) == b"red"
    back = set_back(made, "run_tests", workflow, store, LATER)
    assert kept_before(back) is None
    # What an interrupted new attempt kept is not made twice.
    store.put_artifact(made.ref, "runs/base-1.json", b"red again")
    assert kept_before(back) == b"red again"


@pytest.mark.parametrize(("made", "name", "why"), [
    (upto("plan"), "prove", "has not come to the step prove"),
    (upto("plan"), "proove", "There is no step 'proove'"),
    (ended(upto("plan"), CycleEnd.GIVEN_UP), "five_whys", "was given up"),
    (upto("write_tests", step("write_tests", effects=(issue_effect(Receipt(did="created", number=3)),))), "retrieve",
     "cannot choose its incident anew: issue acme/shop"),
    (upto("write_tests", step("write_tests", effects=(issue_effect(Receipt(did="kept for later")),))), "retrieve",
     "cannot choose its incident anew"),
])
def test_what_cannot_be_gone_back_to(
    store: DirectoryStore, workflow: Workflow, made: CycleRecord, name: str, why: str
) -> None:
    stored = store.create(made)
    with pytest.raises(UsageProblem, match=why):
        set_back(stored, name, workflow, store, LATER)
    assert store.load(made.ref) == stored


def test_a_dry_run_may_choose_anew(store: DirectoryStore, workflow: Workflow) -> None:
    made = upto("write_tests", step("write_tests", effects=(issue_effect(Receipt(did="not published")),)))
    assert set_back(store.create(made), "retrieve", workflow, store, LATER).steps == ()


def test_a_killed_retry_is_done_again(
    store: DirectoryStore, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = store.create(rejected())

    def killed(*_given: object) -> CycleRecord:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(DirectoryStore, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            set_back(made, "fix", workflow, store, LATER)
    assert store.load(made.ref) == made
    back = set_back(made, "fix", workflow, store, LATER)
    assert len(back.retries) == 1
