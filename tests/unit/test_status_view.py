"""The live view's lines, and that looking on reads only what has changed."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console, Group

from bot.adapters.directory_store import DirectoryStore
from bot.app import App, Options
from bot.domain.asking import Charge, Usage
from bot.domain.config import BudgetConfig
from bot.domain.effects import Receipt
from bot.domain.errors import RecordDamaged
from bot.domain.record import CycleEnd, CycleRecord, CycleRef, CycleStatus, Decision, StepRecord, StepStatus
from bot.progress import is_live
from bot.status_command import StatusOptions, show_status
from bot.status_live import Left, Look, running_cycle, watch
from bot.status_picture import Seen, picture
from tests.unit.recheck_records import WORKFLOW
from tests.unit.records import START, issue_effect, record, step
from tests.unit.whole_records import plainly, whole

BUDGET = BudgetConfig()
NOTHING = Usage()
NOW = START + timedelta(seconds=75)
_CSI = re.compile(r"\x1b\[[0-9;]*m")
NASTY = "\x1b[2J\x07\r::error::x ##[debug] \u202e[bold]red[/bold] " + "wide 漢字 " * 40


def lines(made: CycleRecord, width: int = 100, height: int | None = None, spent: Usage = NOTHING,
          interrupted: bool = False) -> list[str]:
    out = StringIO()
    console = Console(file=out, width=width, height=100, force_terminal=False, markup=False, emoji=False)
    console.print(Group(*picture(Seen(made, spent), WORKFLOW, NOW, BUDGET, height, interrupted)))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def running(name: str, *before: StepRecord) -> CycleRecord:
    return record(*before, step(name, status=StepStatus.RUNNING).model_copy(update={"ended_at": None}))


def test_attempts_and_what_each_step_said() -> None:
    made = running("audit", step("retrieve"), step("write_tests"), step("audit", Decision.HOLD),
                   step("write_tests", attempt=2))
    shown = lines(made.model_copy(update={"created_at": START - timedelta(hours=2)}), height=40)
    assert shown[1] == "running: step 4, attempt 1, since 06:15:00, 2:01 h"
    steps = [line for line in shown[2:] if line[9:10].isdigit()]
    assert [line.split()[0] for line in steps[:3]] == ["ok", "1", "2"]
    assert [" ".join(line.split()) for line in steps if "write_tests" in line or "audit" in line] == [
        "ok 3 write_tests 2.0 s write_tests said so", "ok 3 write_tests 2.0 s attempt 2: write_tests said so",
        "HOLD 4 audit 2.0 s audit said so", f"{steps[7].split()[0]} 4 audit 1:15 min {WORKFLOW.of('audit').title}",
    ]


def test_what_was_spent_against_the_budget() -> None:
    usage = Usage(input_tokens=1_200_000, cost_usd=Decimal("1.234"))
    assert "spent     1.23 of 5.00 USD, 1,200,000 of 2,000,000 tokens" in lines(record(), spent=usage)
    unknown = Usage(input_tokens=1, cost_usd=None)
    assert "spent     an unknown sum, 1 of 2,000,000 tokens" in lines(record(), spent=unknown)


def test_what_is_published_is_what_has_a_receipt() -> None:
    assert not [line for line in lines(record(step("file_issue", effects=(issue_effect(),)))) if "published" in line]
    receipt = Receipt(did="created", number=7, url="https://forge.example/issues/7")
    assert "published issue created https://forge.example/issues/7" in lines(
        record(step("file_issue", effects=(issue_effect(receipt),))))


@pytest.mark.parametrize("height", [1, 2, 4, 7, 12, 20, 50])
@pytest.mark.parametrize("width", [10, 40, 79, 200])
def test_it_fits_every_terminal(width: int, height: int) -> None:
    """What counts is left where there is little room: which cycle, where it stands, and the step that runs."""
    made = whole(lambda _place: NASTY)
    made = made.model_copy(update={
        "status": CycleStatus.RUNNING, "end": None,
        "steps": (*made.steps[:7], step("run_tests", status=StepStatus.RUNNING).model_copy(update={"ended_at": None})),
    })
    shown = lines(made, width, height)
    assert len(shown) <= height
    assert max(map(cell_len, shown)) <= width
    if height >= 4 and width >= 40:
        assert shown[0].startswith("startup/2025")
        assert shown[1].startswith("running: step 5")
        assert [line for line in shown if "  5   run_tests" in line]


def test_nothing_of_others_moves_the_cursor() -> None:
    text = "\n".join(lines(whole(lambda _place: NASTY), 300))
    assert not {"\x1b", "\x07", "\u202e"} & {*text}
    assert "[bold]red[/bold]" in text


def test_an_interrupted_step_is_told_so() -> None:
    shown = lines(running("audit", step("retrieve")), interrupted=True)
    assert shown[1] == "interrupted: step 4, attempt 1"
    assert [line.split()[0] for line in shown if " audit " in line] == ["stopped"]


@pytest.mark.parametrize(("env", "tty", "live"), [
    ({"TERM": "xterm-256color"}, True, True), ({"TERM": "xterm-256color"}, False, False),
    ({"TERM": "dumb"}, True, False), ({}, True, False), ({"TERM": "xterm", "GITHUB_ACTIONS": "true"}, True, False),
])
def test_where_a_view_can_be_live(env: dict[str, str], tty: bool, live: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TERM", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    stream = StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: tty)
    assert is_live(stream) is live


# Looking on

@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.chdir(tmp_path)
    return App.open(Options(state=tmp_path / "state"))


def counted(store: DirectoryStore, monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[int, int]]:
    """How often records and charges were read since the last call."""
    counts = {"load": 0, "charges": 0}

    def read(name: str, real: Callable[..., object], *given: object) -> object:
        counts[name] += 1
        return real(*given)

    for name in counts:
        monkeypatch.setattr(store, name, partial(read, name, getattr(store, name)))

    def since() -> tuple[int, int]:
        now = counts["load"], counts["charges"]
        counts.update(load=0, charges=0)
        return now

    return since


def test_only_what_has_changed_is_read(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    store = app.store
    made = store.create(running("audit", step("retrieve")))
    look = Look(app, made.ref)
    read = counted(store, monkeypatch)
    first = look.again()
    assert (first.record, first.kept, read()) == (made, (), (1, 1))
    assert look.again() == first
    assert look.again() == first
    assert read() == (0, 0)
    store.put_artifact(made.ref, "runs/base-1.json", b"{}")
    kept = look.again().kept
    assert read() == (0, 0)
    assert [what for _, what in kept] == ["tests ran: base-1"]
    store.save(made.model_copy(update={"status": CycleStatus.PAUSED, "paused_because": "x"}), made.version)
    assert look.again().record.status is CycleStatus.PAUSED
    load, charges = read()
    assert (load, charges) == (2, 1), "one load is the save's own"


def test_a_call_that_comes_back_meanwhile_is_counted_at_the_next_look(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = app.store.create(running("audit", step("retrieve")))
    look, real = Look(app, made.ref), app.store.charges
    charge = Charge(digest="a" * 64, usage=Usage(input_tokens=7))

    def gone(_ref: CycleRef) -> tuple[Charge, ...]:
        monkeypatch.setattr(app.store, "charges", real)
        raise RecordDamaged("The note is gone.", "Look again.")

    app.store.put_lost(made.ref, charge.model_copy(update={"lost": "1"}))
    monkeypatch.setattr(app.store, "charges", gone)
    assert look.again().spent.tokens == 0
    assert look.again().spent.tokens == 7


def test_which_cycle_runs(app: App) -> None:
    assert running_cycle(app) is None
    app.store.create(record(step("retrieve")).model_copy(update={"status": CycleStatus.ENDED,
                                                                 "end": CycleEnd.NO_CAUSE}))
    assert running_cycle(app) is None
    made = record(step("retrieve"))
    second = made.model_copy(update={"ref": made.ref.model_copy(update={"number": 2})})
    app.store.create(second)
    assert running_cycle(app) is None
    with app.store.lock("bot cycle", 0):
        assert running_cycle(app) == second.ref


def test_the_view_goes_on_with_the_next_cycle_of_a_run(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    first = record(step("retrieve"), cycles=2).model_copy(update={"status": CycleStatus.ENDED,
                                                                  "end": CycleEnd.NO_CAUSE})
    app.store.create(first)
    second = record(step("retrieve"), cycles=2)
    second = second.model_copy(update={"ref": first.ref.model_copy(update={"number": 2})})
    slept: list[float] = []

    def meanwhile(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 1:
            app.store.create(second)
        elif second.ref in app.store.cycles() and app.store.load(second.ref).status is CycleStatus.RUNNING:
            saved = app.store.load(second.ref)
            app.store.save(saved.model_copy(update={"status": CycleStatus.ENDED, "end": CycleEnd.LOG_CLEAN}),
                           saved.version)

    monkeypatch.setattr("bot.status_live.time.sleep", meanwhile)
    monkeypatch.setattr("bot.status_live._LOOK_S", 0.01)
    with app.store.lock("bot cycle", 0):
        left, seen = watch(app, first.ref, Console(file=StringIO(), force_terminal=True, width=80, height=24))
    assert left is Left.OVER
    assert (seen.record.ref.number, seen.record.end) == (2, CycleEnd.LOG_CLEAN)


# The table

@pytest.mark.parametrize("columns", [60, 80, 100, 120, 200])
def test_the_table_fits(columns: int, app: App, monkeypatch: pytest.MonkeyPatch,
                        capsys: pytest.CaptureFixture[str]) -> None:
    app.store.create(whole(plainly))
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert show_status(StatusOptions(app.state, once=True)) == 0
    out = capsys.readouterr().out
    table = _CSI.sub("", out).split("\n\n")[0].splitlines()
    assert max(map(len, table)) <= columns
    assert ("focus" in table[0]) is (columns >= 110)
    assert table[0].split()[-1] == "proof"
    assert len(table) <= 9, out
