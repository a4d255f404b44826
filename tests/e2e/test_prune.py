"""`bot prune` as a command, on the state that a run of ten cycles and two more have left."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from bot.adapters.directory_store import DirectoryStore
from bot.domain.asking import Charge, Usage
from bot.domain.logs import Standing
from bot.domain.past import NO_LEDGER
from bot.domain.record import CycleStatus
from bot.engine.ledger import remembered
from bot.engine.runs import Runs
from bot.engine.workflow import load_workflow
from bot.resources import resource_folder
from bot.steps import STEPS
from tests.e2e.command import bot
from tests.fakes.instant_clock import InstantClock
from tests.ten_cycles import BEGAN, STATE, made_once, run_of


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a state but its lock."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and path.name != "lock"}


def known(state: Path) -> tuple[Mapping[str, Standing], Decimal]:
    """How incidents stand to a new run, and what the day has cost so far."""
    workflow = load_workflow(resource_folder("workflows") / "remediation.toml", STEPS)
    runs = Runs(DirectoryStore(state), InstantClock(BEGAN), workflow, NO_LEDGER)
    return dict(runs.standings("acme/shop", "local")), runs.spent_today_usd()


@pytest.fixture
def place(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the command is run, with a state that may be changed."""
    made = made_once(tmp_path_factory)
    shutil.copytree(made / STATE, tmp_path / STATE)
    shutil.copy(made / "bot.toml", tmp_path)
    # The script costs nothing, a model would have.
    store = DirectoryStore(tmp_path / STATE)
    usage = Usage(input_tokens=1, output_tokens=1, cost_usd=Decimal("1.25"))
    store.put_lost(store.cycles()[0], Charge(digest="ab" * 32, lost="1", usage=usage, paid_at=BEGAN))
    return tmp_path


def test_runs_go_and_what_they_came_to_stays_known(place: Path) -> None:
    state = place / STATE
    run = run_of(place)
    before, files = known(state), contents(state)
    cycles = DirectoryStore(state).cycles()
    paused = {ref for ref in cycles if DirectoryStore(state).load(ref).status is not CycleStatus.ENDED}
    assert len(before[0]) >= 5
    assert before[1] >= Decimal("1.25")

    # The preview changes nothing.
    preview = bot("prune", "--older-than", "1h", cwd=place)
    assert preview.code == 0
    assert "run of 10 cycles" in preview.out
    assert run.name in preview.out
    assert "Nothing was removed. The same command with --yes does it." in preview.out
    told = bot("prune", "--older-than", "1h", "--json", cwd=place).json()
    assert contents(state) == files
    items = {item["path"]: item for item in told["items"]}  # type: ignore[attr-defined]
    mine = items[run.relative_to(state).as_posix()]
    assert (mine["kind"], mine["goes"], mine["cycles"], told["done"]) == ("run", True, 10, False)
    assert mine["bytes"] == sum(path.lstat().st_size for path in run.rglob("*") if path.is_file())
    assert told["bytes_going"] == sum(item["bytes"] for item in items.values() if item["goes"])

    # Then it is done, and the second time there is nothing to do.
    done = bot("prune", "--older-than", "1h", "--yes", cwd=place)
    assert done.code == 0
    assert "Removed:" in done.out
    assert "ledger.json" in done.out
    assert not run.exists()
    assert not (state / ".trash").exists()
    assert known(state) == before
    assert {entry.ref for entry in remembered(DirectoryStore(state)).cycles} == set(cycles) - paused
    assert {one["cycle"] for one in bot("status", "--json", cwd=place).json()["cycles"]} == set(  # type: ignore[attr-defined]
        map(str, paused))
    again = bot("prune", "--older-than", "1h", "--yes", "--json", cwd=place).json()
    assert (again["done"], again["bytes_going"], len(again["items"])) == (True, 0, len(paused))  # type: ignore[arg-type]
    # What only the ledger knows is no record.
    assert bot("resume", run.name, cwd=place).code == 2


def test_log_entries_alone(place: Path) -> None:
    state, run = place / STATE, run_of(place)
    before = known(state)
    size = (run / "cycle-01" / "logs.ndjson").stat().st_size
    done = bot("prune", "--snapshots", "--older-than", "1h", "--yes", "--json", cwd=place).json()
    item = next(one for one in done["items"] if one["path"] == run.relative_to(state).as_posix())  # type: ignore[attr-defined]
    assert (item["kind"], item["goes"]) == ("snapshots", True)
    assert item["bytes"] >= size
    assert not list(run.rglob("logs.ndjson"))
    assert known(state) == before
    assert len(list(run.glob("cycle-*/record.json"))) == 10
    # As the preview says.
    assert "cannot be rechecked" in bot("prune", "--help", cwd=place).everything
    assert bot("recheck", str(run / "cycle-01"), cwd=place).code == 1


@pytest.mark.parametrize(("arguments", "said"), [
    (("--older-than", "soon"), "is no age"), (("--keep", "much"), "is no size"),
    (("--focus", "nosuchfocus"), "There is no run on the focus"),
])
def test_what_cannot_be_meant_is_said(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = bot("prune", *arguments, cwd=tmp_path)
    assert (done.code, list(tmp_path.iterdir())) == (2, [])
    assert said in done.everything


def test_a_folder_that_is_no_state_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "run").mkdir()
    done = bot("prune", "--state", "mine", "--older-than", "0d", "--yes", cwd=tmp_path)
    assert done.code == 3
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["run"]
    # And none is made where there is none.
    assert bot("prune", "--state", "none", "--yes", cwd=tmp_path).code == 0
    assert not (tmp_path / "none").exists()
