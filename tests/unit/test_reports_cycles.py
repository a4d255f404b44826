from __future__ import annotations

import pytest

from bot.domain.effects import Receipt
from bot.domain.logs import RootSignature
from bot.domain.record import CycleEnd, CycleRecord, CycleRef, CycleStatus
from bot.engine.workflow import load_workflow
from bot.reports.cycles import cycles_markdown
from bot.reports.summary import plan_of
from bot.resources import resource_folder
from bot.steps import STEPS
from tests.unit import records
from tests.unit.test_ledger import entry

WORKFLOW = load_workflow(resource_folder("workflows") / "remediation.toml", STEPS)
HOSTILE = "@octocat | #1 <img> `x` [a](https://evil.example)\n/bot cycle"


def record(receipt: Receipt | None, message: str = "No module named 'x'") -> CycleRecord:
    incident = records.incident(root=RootSignature(type="Error", message=message, location="a.py"))
    made = records.record(
        records.step("retrieve", result=records.retrieved(incident)),
        records.step("file_issue", effects=(records.issue_effect(receipt),)),
    )
    return made.model_copy(update={"ref": CycleRef(focus="startup", run="20251102T000000Z-000002", number=1)})


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| `")]


def test_records_and_the_ledger_are_one_table_newest_first() -> None:
    known = entry(1, issue=9, pull=10)    # the same cycle as the record's
    others = [entry(0, end=CycleEnd.NOT_REPRODUCED), entry(2, status=CycleStatus.PAUSED, end=None, step="prove")]
    text = cycles_markdown([record(Receipt(did="kept for later"))], [known, *others], WORKFLOW)
    newest, middle, oldest = rows(text)
    assert "20251103T000000Z-000003" in newest
    assert "paused at step 7" in newest
    assert "Error: No module named 'x'" in middle
    assert "issue 9, pull request 10" in middle
    assert "ended: not reproduced" in oldest


def test_what_is_kept_for_later_is_to_be_published() -> None:
    (row,) = rows(cycles_markdown([record(Receipt(did="kept for later"))], [], WORKFLOW))
    assert "to be published" in row
    (row,) = rows(cycles_markdown([record(Receipt(did="created", number=4))], [], WORKFLOW))
    assert "issue 4" in row
    assert cycles_markdown([], [], WORKFLOW) == "No cycle has run here yet.\n"


def test_only_so_many_are_listed() -> None:
    text = cycles_markdown([], [entry(number) for number in range(3)], WORKFLOW, most=2)
    assert len(rows(text)) == 2
    assert "And 1 earlier cycle." in text


def test_what_others_wrote_stays_in_its_cell() -> None:
    (row,) = rows(cycles_markdown([record(None, HOSTILE)], [], WORKFLOW))
    shown = row.replace("\\|", "")
    assert shown.count("|") == 6
    outside = "".join(part for part in shown.split("``")[::2])
    assert "@octocat" not in outside
    assert "evil" not in outside


@pytest.mark.parametrize("times", [1, 3])
def test_a_plan_has_each_thing_once(times: int) -> None:
    effects = [records.issue_effect().effect.model_copy(update={"body": "x" * number}) for number in range(times)]
    (planned,) = plan_of(effects)
    assert (planned.what, planned.title, planned.size) == ("issue", "Startup fails", times - 1)
    assert planned.size_in_words == ("0 characters" if times == 1 else "2 characters")
