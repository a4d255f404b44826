"""A run of several cycles in the summary of a job: its table, above the cycles."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.app import App, Options
from bot.reports.job_summary import run_summary_markdown
from tests.rendered import acting, without_own
from tests.unit.recheck_records import WORKFLOW
from tests.unit.run_records import put, ten_cycles


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.chdir(tmp_path)
    opened = App.open(Options(state=tmp_path / "state"))
    opened.environ = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    return opened


def test_the_table_of_the_run_stands_above_its_cycles(app: App, tmp_path: Path) -> None:
    records = ten_cycles()
    for record in records[:3]:
        put(app.state, (record,))
        app._keep(record, None)
    page = (tmp_path / "summary.md").read_text()
    table = page.index("| cycle | incident |")
    rows = page[table:].splitlines()[2:6]
    assert [row.split("|")[1].strip() for row in rows if row.startswith("|")] == ["1", "2", "3"]
    cycles = [page.index(f", cycle {number}: ") for number in (1, 2, 3)]
    assert [table, *cycles] == sorted([table, *cycles])
    assert page.count("| cycle | incident |") == 1


def test_a_run_of_one_cycle_has_no_table(app: App, tmp_path: Path) -> None:
    record = ten_cycles()[0]
    one = record.model_copy(update={"settings": record.settings.model_copy(update={"cycles": 1})})
    put(app.state, (one,))
    app._keep(one, None)
    page = (tmp_path / "summary.md").read_text()
    assert "| cycle | incident |" not in page
    assert ", cycle 1: " in page


def test_it_mentions_nobody_and_fits() -> None:
    page = run_summary_markdown(ten_cycles(lambda place: f"the {place}, @somebody, closes #12 " + "x" * 3000), WORKFLOW)
    assert list(acting(without_own(page)[0])) == []
    assert len(page) <= 60_100
