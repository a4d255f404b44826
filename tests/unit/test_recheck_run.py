"""A run's folder held against itself: each cycle by its own checks, then the cycles against each other and `run.md`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.directory_store import DirectoryStore
from bot.domain.record import CycleRecord, CycleStatus
from bot.recheck.run import RunRecheck, check_run, cycles_in, is_run, read_run, recheck_run
from bot.recheck.statement import Found
from bot.reports.run_document import run_document
from tests.once import once
from tests.unit.recheck_records import WORKFLOW
from tests.unit.run_records import put, ten_cycles

RECORDS = ten_cycles()[:3]


def a_run(folder: Path) -> None:
    store = put(folder, RECORDS)
    store.put_run_document(RECORDS[0].ref, "run.md", run_document(RECORDS, WORKFLOW).encode())


@pytest.fixture
def run(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = once(tmp_path_factory, "constructed-run", a_run)
    copied = tmp_path / "state"
    shutil.copytree(made, copied)
    return copied / "startup" / RECORDS[0].ref.run


def of_run(run: Path) -> RunRecheck:
    """What is said of the run as a whole."""
    return RunRecheck(run=run.name, cycles=(), statements=check_run(read_run(run, WORKFLOW)))


def failing(run: Path) -> list[str]:
    return [f"{one.check}: {one.what}: {one.why}" for one in of_run(run).of(Found.FAILS)]


def store_of(run: Path) -> DirectoryStore:
    return DirectoryStore(run.parents[1])


def saved(run: Path, number: int, **changes: object) -> CycleRecord:
    """The record of a cycle, changed."""
    store = store_of(run)
    record = store.load(RECORDS[number - 1].ref)
    return store.save(record.model_copy(update=changes), record.version)


def test_a_run_that_agrees_with_itself_holds(run: Path) -> None:
    found = recheck_run(run, WORKFLOW)
    assert found.of(Found.FAILS) == ()
    assert found.run == run.name
    assert [cycle.cycle[-8:] for cycle in found.cycles] == ["cycle-01", "cycle-02", "cycle-03"]
    assert {one.check for one in found.statements} == {"cycles", "run document"}
    # What these records name beside them is not there: their own checks say so.
    assert not found.holds


def test_a_run_is_known_by_its_cycles(run: Path, tmp_path: Path) -> None:
    assert is_run(run)
    assert [path.name for path in cycles_in(run)] == ["cycle-01", "cycle-02", "cycle-03"]
    for other in (run / "cycle-01", run.parent, tmp_path / "nowhere", run / "run.md", Path("x" * 5_000), Path("a\0b")):
        assert not is_run(other)
    (run / "cycle-04").symlink_to(run / "cycle-01")
    assert len(cycles_in(run)) == 3


@pytest.mark.parametrize(("find", "instead", "says"), [
    ("test-changed", "test-unchanged", "run.md, line"),
    ("20.0 s", "2.0 s", "run.md, line"),
    ("| fix rejected |", "| fix proposed |", "run.md, line"),
    ("c1([\"Cycle 1: fix proposed", "c1([\"Cycle 1: fix rejected", "run.md, line"),
    ("1 fix proven", "9 fixes proven", "run.md, line"),
])
def test_a_word_that_was_changed_is_named(run: Path, find: str, instead: str, says: str) -> None:
    text = (run / "run.md").read_text()
    assert find in text, text
    (run / "run.md").write_text(text.replace(find, instead, 1))
    (why,) = failing(run)
    assert why.startswith(f"run document: {says}")
    assert instead.split(maxsplit=1)[0] in why


def test_every_number_in_it_is_compared(run: Path) -> None:
    """Whichever digit is another one, its line is named."""
    text = (run / "run.md").read_text()
    digits = [at for at, one in enumerate(text) if one.isdigit()]
    assert len(digits) > 200
    material = read_run(run, WORKFLOW)
    for at in digits[::9]:
        changed = f"{text[:at]}{(int(text[at]) + 1) % 10}{text[at + 1:]}"
        line = text.count("\n", 0, at) + 1
        said = [one.what for one in check_run(replace(material, document=changed.encode())) if one.found is Found.FAILS]
        assert said == [f"run.md, line {line}"], text.split("\n")[line - 1]


def test_a_document_that_is_gone_is_missed(run: Path) -> None:
    (run / "run.md").unlink()
    assert failing(run) == ["run document: run.md: it is not there"]
    (run / "run.md").symlink_to("cycle-01/status.md")
    assert failing(run) == ["run document: run.md: it is a symbolic link"]


def test_a_record_that_was_changed_contradicts_it(run: Path) -> None:
    step = RECORDS[1].steps[0]
    saved(run, 2, steps=(step.model_copy(update={"ended_at": step.started_at}), *RECORDS[1].steps[1:]))
    assert len(failing(run)) >= 2
    assert all(why.startswith("run document: run.md, line") for why in failing(run))


def gone(run: Path) -> None:
    shutil.rmtree(run / "cycle-02")


def damaged(run: Path) -> None:
    (run / "cycle-02" / "record.json").write_text("{")


def moved(run: Path) -> None:
    shutil.move(run / "cycle-03", run / "cycle-04")


def of_another_run(run: Path) -> None:
    other = RECORDS[1].model_copy(update={"ref": RECORDS[1].ref.model_copy(update={"run": "20250101T000000Z-000000"})})
    put(run.parents[1], (other,))
    shutil.rmtree(run / "cycle-02")
    shutil.move(run.parent / "20250101T000000Z-000000" / "cycle-02", run / "cycle-02")


def asked_otherwise(run: Path) -> None:
    saved(run, 3, settings=RECORDS[2].settings.model_copy(update={"model": "script:another"}))


@pytest.mark.parametrize(("change", "says"), [
    (gone, "cycles: the numbers of the cycles: they are 1, 3: one was taken away, or there is one too many"),
    (damaged, "cycles: cycle-02: it cannot be checked: record.json cannot be read as a record: it is not whole JSON."),
    (moved, "cycles: cycle 4, its place: its record says that it is cycle 3"),
    (of_another_run, "cycles: cycle 2, its place: its record is of startup/20250101T000000Z-000000, and the first of "),
    (asked_otherwise, "cycles: cycle 3, its settings: they are not those of the run's first cycle"),
])
def test_cycles_that_are_not_of_one_run_are_named(run: Path, change: Callable[[Path], None], says: str) -> None:
    change(run)
    assert [why for why in failing(run) if why.startswith(says)], failing(run)


def test_where_and_until_when_a_cycle_runs_may_change(run: Path) -> None:
    saved(run, 3, settings=RECORDS[2].settings.model_copy(update={"sandbox": "bubblewrap", "until": "fix"}))
    assert [why for why in failing(run) if why.startswith("cycles")] == []


def test_a_run_that_goes_on_may_be_ahead_of_its_document(run: Path) -> None:
    saved(run, 3, status=CycleStatus.RUNNING, end=None)
    assert failing(run) == []
    (note,) = of_run(run).of(Found.NOTE, "run document")
    assert note.why == "a cycle runs, was interrupted or given up: it may be ahead of the record"


def test_a_run_of_an_earlier_version_had_no_document(run: Path) -> None:
    (run / "run.md").unlink()
    for path in run.glob("cycle-*/record.json"):
        path.write_text(json.dumps({"record": {**json.loads(path.read_text())["record"], "schema_version": 5}}))
    assert [why for why in failing(run) if "run.md" in why] == []
    assert [note.why for note in of_run(run).of(Found.NOTE, "run document")] == ["it is not there"]
