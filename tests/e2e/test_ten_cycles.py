"""A run of ten cycles that end in different ways: what people read of it agrees with what was recorded."""

from __future__ import annotations

import json
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.directory_store import DirectoryStore
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus
from bot.recheck.run import recheck_run
from bot.recheck.statement import Found
from bot.recheck_command import show_recheck
from bot.reports.mermaid.grammar import is_drawing
from bot.reports.run_document import run_document
from tests.e2e.command import bot
from tests.ten_cycles import STATE, made_once, run_of
from tests.unit.recheck_records import WORKFLOW

pytestmark = pytest.mark.slow

E = CycleEnd
ENDS = (E.FIX_PROPOSED, E.FIX_REJECTED, E.TESTS_REJECTED, E.NOT_REPRODUCED, E.NO_CAUSE, E.FIX_REJECTED,
        E.TESTS_REJECTED, E.TESTS_REJECTED, E.FIX_PROPOSED, E.LOG_CLEAN)


@pytest.fixture(scope="module")
def ten(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory)


@pytest.fixture(scope="module")
def records(ten: Path) -> tuple[CycleRecord, ...]:
    """Those of the run of ten."""
    store = DirectoryStore(ten / STATE)
    return tuple(store.load(ref) for ref in store.cycles() if ref.run == run_of(ten).name)


@pytest.fixture(scope="module")
def bodies(ten: Path) -> list[Any]:
    """What stands in the files of these records, as anybody could read it."""
    return [json.loads(path.read_text())["record"] for path in sorted(run_of(ten).glob("cycle-*/record.json"))]


@pytest.fixture(scope="module")
def text(ten: Path) -> str:
    return (run_of(ten) / "run.md").read_text()


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    part = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.split("\n") if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_each_cycle_ends_in_its_way(ten: Path, records: tuple[CycleRecord, ...]) -> None:
    assert tuple(record.end for record in records) == ENDS
    failed = [(record.ref.number, step.failure.family) for record in records for step in record.steps if step.failure]
    assert failed == [(8, "target"), (9, "budget")]
    assert [len(record.retries) for record in records] == [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
    store = DirectoryStore(ten / STATE)
    others = [store.load(ref) for ref in store.cycles() if ref.run != run_of(ten).name]
    assert [(one.status, one.end) for one in others] == [
        (CycleStatus.ENDED, E.EMPTY_LOG), (CycleStatus.ENDED, E.GIVEN_UP), (CycleStatus.PAUSED, None)]


def test_all_that_is_said_of_the_run_agrees_with_its_records(ten: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = show_recheck(run_of(ten), json=True)
    said = json.loads(capsys.readouterr().out)
    every = [*said["statements"], *(one for cycle in said["cycles"] for one in cycle["statements"])]
    assert [one for one in every if one["found"] == "fails"] == []
    assert (code, said["schema"], said["holds"]) == (0, "whybot/recheck-run/1", True)
    assert [cycle["cycle"][-8:] for cycle in said["cycles"]] == [f"cycle-{number:02d}" for number in range(1, 11)]
    # From cycle 1 on, all have an issue in their run to be tracked by; nine tell of those before them.
    assert len({one["what"].partition(",")[0] for one in said["statements"] if one["check"] == "tracking"}) == 9
    assert {one["what"] for one in said["statements"] if one["check"] == "run document"} == {"run.md"}


def test_all_that_is_said_of_other_runs_agrees_with_their_records(ten: Path) -> None:
    others = [run for run in (ten / STATE / "errors").iterdir() if run != run_of(ten)]
    assert len(others) == 3
    for run in others:
        found = recheck_run(run, WORKFLOW)
        assert [one for one in (*found.cycles[0].statements, *found.statements) if one.found is Found.FAILS] == []


def test_a_word_that_was_changed_is_shown(ten: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = next(run for run in sorted((ten / STATE / "errors").iterdir()) if run != run_of(ten))
    run = tmp_path / other.name
    shutil.copytree(other, run)
    assert show_recheck(run, json=False) == 0
    assert "1 cycle: " in capsys.readouterr().out
    (run / "run.md").write_text((run / "run.md").read_text().replace("- 0 incidents", "- 7 incidents"))
    assert show_recheck(run, json=False) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "Does not hold: - the run, run document: run.md, line" in said
    assert "it reads - 7 incidents worked on in 1 cycle" in said


def test_the_document_lists_the_cycles_as_they_are_recorded(text: str, bodies: list[Any]) -> None:
    shown = rows(text, "Cycles")
    assert [int(row[0]) for row in shown] == [body["ref"]["number"] for body in bodies]
    assert [row[8] for row in shown] == [body["end"] for body in bodies]
    for row, body in zip(shown, bodies, strict=True):
        results = {step["result"]["result"]: step["result"] for step in body["steps"] if step["result"]}
        winner = results["retrieved"]["selection"]["winner"]
        assert (row[1] == "–") is (winner is None)
        if winner is not None:
            assert row[1] == f"`{winner['incident']['root']['type']}: {winner['incident']['root']['message']}`"
        run = results.get("tests_run")
        assert row[5] == ("–" if run is None else "yes" if run["reproduced"] else "no")
        proof = results.get("proven")
        assert row[6].partition(":")[0] == ("–" if proof is None else proof["proof"]["verdict"].replace("_", " "))
        numbers = {item["effect"]["effect"]: item["receipt"]["number"]
                   for step in body["steps"] for item in step["effects"]}
        assert row[4] == (f"#{numbers['issue']}" if "issue" in numbers else "–")
        assert row[7] == (f"#{numbers['pull_request']}" if "pull_request" in numbers else "–")
        assert row[9] == ("not verified yet" if body["end"] == "fix proposed" else "–")


def test_times_and_tokens_are_those_of_the_files(ten: Path, text: str, bodies: list[Any]) -> None:
    shown = rows(text, "Time and cost")
    every = 0
    for row, body in zip(shown, bodies, strict=True):
        steps = body["steps"]
        times = [datetime.fromisoformat(step[key]) for step in steps for key in ("started_at", "ended_at")]
        took = sum((end - begin).total_seconds() for begin, end in zip(times[::2], times[1::2], strict=True))
        # What was paid lies in the stored exchanges, each once.
        exchanges = (run_of(ten) / f"cycle-{body['ref']['number']:02d}" / "exchanges").glob("*.json")
        usages = [json.loads(path.read_text())["reply"]["usage"] for path in exchanges]
        tokens = sum(usage["input_tokens"] + usage["output_tokens"] for usage in usages)
        every += tokens
        assert row[1][:16] == body["created_at"][:16].replace("T", " ")
        assert row[2] == max(times).strftime("%Y-%m-%d %H:%M:%S")
        assert (row[3], row[4], row[5]) == (f"{took:.1f} s", str(len(steps)), f"{tokens:,}")
    assert f"{every:,} tokens, 0.0000 USD (tokens by estimate; a scripted model costs nothing)." in text


def test_totals_are_those_of_the_files(text: str, bodies: list[Any]) -> None:
    results = [step["result"] for body in bodies for step in body["steps"] if step["result"]]
    reports = [one["report"] for one in results if one["result"] == "tests_audited"]
    tested = [one for one in results if one["result"] == "tests_run"]
    proofs = [one["proof"] for one in results if one["result"] == "proven"]
    fixes = [one for one in results if one["result"] == "fixed" and one["patch"] is None]
    whys = [why for one in results if one["result"] == "five_whys" for why in one["whys"]]
    suites = [run for one in tested for run in (*one["runs"], one["own"])]
    suites += [run["result"] for proof in proofs for run in proof["runs"]]
    rejected = len(fixes) + sum(proof["verdict"] == "not_proven" for proof in proofs)
    part = text.partition("\n## Totals\n")[2].partition("\n## ")[0]
    assert [int(number) for number in re.findall(r"\d+", part)] == [
        9, 10, len(whys), sum(why["support"] == "cited" for why in whys), sum(len(one["tests"]) for one in reports),
        sum(one["recommendation"] == "HOLD" for one in reports), sum(suite["ran"] for suite in suites),
        sum(one["reproduced"] for one in tested), rejected, sum(proof["verdict"] == "proven" for proof in proofs)]


def test_what_was_learned_and_what_recurs_is_what_was_recorded(text: str, bodies: list[Any]) -> None:
    learned = text.partition("\n## What was learned\n")[2].partition("\n## ")[0]
    assert re.findall(r"^### Cycle (\d+)", learned, re.MULTILINE) == [str(number) for number in range(1, 10)]
    assert "- Fix rejected by the fix guard, attempts 1, 2, 3:\n  - `swallowed-exception` `shop/payments.py`" in learned
    assert "- Fix not proven, attempt 1:\n" in learned
    assert "- Not reproduced: None of 1 tests failed as predicted in each of 2 runs (seen: flaky).\n" in learned
    assert "- No root cause: The chain ends at why 1, which is unproven: It cites nothing.\n" in learned
    assert "- Set back 1 time to an earlier step" in learned
    assert re.search(r"- Step 4 failed, attempt 1: The target's Python \S+ does not exist\.\n", learned)
    assert "- Step 2 failed, attempt 1: The call for step plan (attempt 1) may use up to" in learned
    recurs = text.partition("\n## What recurs\n")[2]
    assert re.search(r"\| ``redis does not answer at 127\.0\.0\.1:1 .*`` \| 7, 8 \| 6 \|\n", recurs)
    found: dict[str, list[int]] = {}
    for body in bodies:
        for step in body["steps"]:
            if step["result"] and step["result"]["result"] == "tests_audited":
                for finding in step["result"]["report"]["findings"]:
                    found.setdefault(finding["rule"], []).append(body["ref"]["number"])
    again = {rule: cycles for rule, cycles in found.items() if len(set(cycles)) > 1}
    assert again
    for rule, cycles in again.items():
        assert f"| `{rule}` | {', '.join(map(str, sorted(set(cycles))))} | {len(cycles)} |\n" in recurs


def test_every_picture_of_every_document_is_a_drawing(ten: Path) -> None:
    kinds: set[str] = set()
    for path in (ten / STATE / "errors").rglob("*.md"):
        blocks = re.findall(r"^```mermaid\n(.*?)\n```$", path.read_text(), re.MULTILINE | re.DOTALL)
        for lines in (block.split("\n") for block in blocks):
            assert is_drawing(lines), (path, lines)
            kinds.add(lines[0])
    assert kinds == {"flowchart TD", "flowchart LR", "gantt", "xychart-beta horizontal"}


def test_the_document_is_written_again_when_somebody_goes_on(ten: Path, tmp_path: Path) -> None:
    (paused,) = (path for path in (ten / STATE / "errors").iterdir() if len(list(path.glob("cycle-*"))) == 1
                 and '"status": "paused"' in (path / "cycle-01" / "record.json").read_text())
    for name in ("clone", "bot.toml"):
        (shutil.copytree if name == "clone" else shutil.copy)(ten / name, tmp_path / name)
    run = tmp_path / STATE / "errors" / paused.name
    shutil.copytree(paused, run)
    shutil.copy(ten / STATE / ".gitignore", tmp_path / STATE)
    (run / "run.md").unlink()
    said = bot("resume", cwd=tmp_path)
    assert said.code == 8, said.everything
    record = DirectoryStore(tmp_path / STATE).load(next(iter(DirectoryStore(tmp_path / STATE).cycles())))
    assert len(record.steps) == 3
    assert (run / "run.md").read_text() == run_document([record], WORKFLOW)
    assert "- Cycle 1 is paused: The scripted model is out of script" in (run / "run.md").read_text()
