"""The document of a run: what it says of ten cycles, counted by hand, and that text of others has no power in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import pytest
from markdown_it import MarkdownIt

from bot.domain.record import CycleEnd, CycleRecord
from bot.domain.results import Proven
from bot.reports.mermaid.grammar import is_drawing
from bot.reports.run_document import MOST_FINDINGS, run_document
from bot.reports.run_lessons import Again, Kind, lessons_of, recurring, totals_of
from bot.reports.run_lines import lines_of
from bot.reports.tracking import tracked
from tests.unit.recheck_records import WORKFLOW
from tests.unit.records import FINGERPRINT, issue_effect
from tests.unit.run_records import Last, put, ten_cycles
from tests.unit.test_mermaid import HOSTILE
from tests.unit.whole_records import Say, whole

RECORDS = ten_cycles()


def document(records: Sequence[CycleRecord]) -> str:
    return run_document(records, WORKFLOW)


def section(text: str, heading: str) -> str:
    """The part below a heading."""
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def table(text: str) -> list[list[str]]:
    """The cells of the first table of a text, without its head."""
    lines = [line for line in text.split("\n") if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_each_cycle_has_its_line() -> None:
    rows = table(section(document(RECORDS), "Cycles"))
    assert [row[0] for row in rows] == [str(number) for number in range(1, 11)]
    incident, cause = "`the type: the message`", "cited: `the root cause`"
    assert rows[0] == ["1", incident, "P1", cause, "–", "yes", "proven: 3 of 4 runs hold", "–", "fix proposed",
                       "the how it is known (2025-11-08 08:15 UTC)"]
    assert rows[4] == ["5", incident, "P1", "–", "–", "–", "–", "–", "no cause found in the evidence", "–"]
    assert [row[5] for row in rows] == ["yes", "yes", "–", "no", "–", "yes", "yes", "yes", "no", "yes"]
    assert [row[8] for row in rows] == [
        "fix proposed", "fix rejected", "tests rejected", "not reproduced", "no cause found in the evidence",
        "fix rejected", "fix proposed", "fix proposed", "not reproduced", "paused at step 6"]
    assert [row[9] for row in rows][6:8] == ["not verified yet"] * 2


def test_an_issue_is_named_by_its_number() -> None:
    from bot.domain.effects import KEPT, Receipt

    made = whole()
    for receipt, words in ((Receipt(did="created", number=12), "#12"), (KEPT, "to be published"),
                           (Receipt(did="not published", note="dry run"), "not published")):
        filed = made.steps[3].model_copy(update={"effects": (issue_effect(receipt),)})
        (row,) = table(section(document([made.replaced(3, filed)]), "Cycles"))
        assert row[4] == words


@pytest.mark.parametrize(("last", "state", "ended"), [
    ("paused", "cycle 10 is paused", 9), ("clean", "ended", 10), ("empty", "ended", 10),
    ("running", "cycle 10 runs or was interrupted", 9),
])
def test_it_says_how_far_the_run_has_come(last: Last, state: str, ended: int) -> None:
    text = document(ten_cycles(last=last))
    assert f"**State:** {state}." in text
    assert f"{ended} of 10 cycles have ended: fix proposed 3 times," in text
    assert "**State:** cycle 5 has not begun." in document(RECORDS[:4])
    given_up = RECORDS[3].model_copy(update={"end": CycleEnd.GIVEN_UP})
    assert "**State:** ended." in document([*RECORDS[:3], given_up])


def test_a_paused_cycle_says_why_and_what_to_do() -> None:
    assert ("- Cycle 10 is paused: The budget of the cycle (5.00 USD) is spent. Raise it in bot.toml.\n"
            in document(RECORDS))


def test_times_and_costs_are_sums_of_the_records() -> None:
    records = RECORDS
    part = section(document(records), "Time and cost")
    rows = table(part)
    assert rows[0] == ["1", "2025-11-07 08:15:00", "2025-11-07 08:24:02", "20.0 s", "10", "6,000", "0.0700 USD"]
    assert rows[9][2] == "–"
    tokens = sum(int(row[5].replace(",", "")) for row in rows)
    seconds = sum(float(row[3].removesuffix(" s")) for row in rows)
    usd = sum(float(row[6].removesuffix(" USD")) for row in rows)
    assert f"All together: {seconds:.1f} s in steps, {tokens:,} tokens, {usd:.4f} USD." in part
    paid = [charge.usage for record in records for step in record.steps for charge in step.charges]
    assert tokens == sum(usage.input_tokens + usage.output_tokens for usage in paid)


def test_totals_are_counted_over_all_cycles() -> None:
    totals = totals_of(RECORDS)
    # 8 cycles that get to the audit with one test each, one of them in three attempts that were all held back.
    assert (totals.tests_audited, totals.tests_rejected) == (8 + 3, 3)
    # Of the two whys of a cycle the first is cited, but for the cycle that found no cause.
    assert (totals.whys, totals.cited) == (20, 9)
    # Three fixes each of the guard's and of the proof's.
    assert (totals.fixes_rejected, totals.proven, totals.reproduced) == (6, 3, 6)
    assert (totals.cycles, totals.ended, totals.incidents) == (10, 9, 8)
    # Step 5 makes two runs in 8 cycles, the proof seven, in 3 cycles once and in one three times.
    assert totals.suites == 8 * 2 + (3 + 3) * 7


def test_what_was_rejected_is_named_with_its_reasons() -> None:
    text = section(document(RECORDS), "What was learned")
    assert ("- Fix rejected by the fix guard, attempt 1:\n  - `test-changed` `shop/till.py`: It changes what the test "
            "reads.\n- Fix rejected by the fix guard, attempt 2:\n") in text
    assert ("- Tests rejected by the audit, attempts 1, 2, 3: 1 of 1 tests has a defect.\n"
            "  - `sleep-timing` `tests/test_till.py:3`: the message of a finding\n") in text
    assert "- Fix not proven, attempts 1, 2, 3:\n  - missing: A test is still red with the fix.\n" in text
    assert "- Not reproduced: No test failed as predicted.\n" in text
    assert "- No root cause: the why it stopped\n" in text
    assert "- Step 5 failed, attempt 1: The target's set-up failed: pip ended with 1.\n" in text
    assert text.count("Ruled out as the model sees it, by quotes that stand: the hypothesis") == 20


def test_of_many_findings_the_first_are_named() -> None:
    record = RECORDS[5]
    steps = tuple(
        step.model_copy(update={"result": step.result.model_copy(update={"proof": step.result.proof.model_copy(
            update={"missing": tuple(f"Thing {number} is missing." for number in range(300))})})})
        if isinstance(step.result, Proven) else step for step in record.steps
    )
    text = document([record.model_copy(update={"steps": steps})])
    assert text.count("  - missing: Thing ") == MOST_FINDINGS
    assert "  - and 292 more, in the cycle's `proof.md`\n" in text


def test_a_cycle_without_lessons_and_a_run_without_recurrences_say_so() -> None:
    clean = ten_cycles(last="clean")[9]
    assert not lessons_of(clean).any
    text = document([clean])
    assert "no hypothesis was ruled out, and nothing was rejected" in section(text, "What was learned")
    assert section(text, "What recurs").strip() == "Nothing came in two cycles or more."
    assert "```mermaid" not in text


def test_what_recurs_is_what_came_in_two_cycles() -> None:
    found = recurring(RECORDS)
    assert found[0] == Again(Kind.INCIDENT, f"{FINGERPRINT}: the type: the message", (1, 4, 6), 3)
    assert Again(Kind.PLACE, "the location:80 in add", tuple(range(1, 11)), 10) in found
    # Cycle 3 has three audits of two findings.
    assert Again(Kind.RULE, "conventions", (1, 2, 3, 4, 6, 7, 8, 9, 10), 11) in found
    assert not [one for one in found if one.kind is Kind.GUARD]
    assert not [one for one in found if one.name == "Redis did not answer."]
    two = [RECORDS[8], RECORDS[8].model_copy(update={"ref": RECORDS[7].ref})]
    assert Again(Kind.ENVIRONMENT, "Redis did not answer.", (8, 9), 2) in recurring(two)


def test_the_tracking_issue_says_the_same_of_each_cycle() -> None:
    records = RECORDS
    for line, row in zip(lines_of(records, WORKFLOW), tracked(records, WORKFLOW), strict=True):
        assert (row.number, row.state) == (line.number, line.state)
        assert (row.incident, row.priority) == (f"`{line.incident}`", line.priority)


def hostile(at: int) -> Say:
    """A text for each place, of those that do harm; with another `at` another one."""
    def say(place: str) -> str:
        text = HOSTILE[(crc32(place.encode()) + at) % len(HOSTILE)]
        return f"{text} {place}" if at % 4 else text or place

    return say


def test_no_text_of_others_has_power_in_it() -> None:
    """Every text of every cycle is hostile: the document keeps its headings, tables and pictures, and no HTML."""
    plain = MarkdownIt("commonmark").enable("table")
    honest = Counter(token.type for token in plain.parse(document(RECORDS)))
    for at in range(0, len(HOSTILE), 6):
        made = document(ten_cycles(hostile(at)))
        tokens = plain.parse(made)
        kinds = Counter(token.type for token in tokens)
        assert not {"html_block", "html_inline", "image"} & {
            child.type for token in tokens for child in (token, *(token.children or ()))}
        assert not any(child.type == "link_open" for token in tokens for child in token.children or ())
        assert (kinds["table_open"], kinds["fence"]) == (honest["table_open"], honest["fence"]), at
        assert (kinds["heading_open"], kinds["tr_open"]) == (honest["heading_open"], honest["tr_open"]), at
        for fence in (token for token in tokens if token.type == "fence"):
            assert fence.info == "mermaid"
            assert is_drawing(fence.content.rstrip("\n").split("\n"))
        assert "\u202e" not in made


def test_secrets_are_not_in_it() -> None:
    secret = "ghp_" + "Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0FeDcBa"
    # What a record holds is redacted before; a table's cells and pictures are once more.
    assert secret not in section(document(ten_cycles(lambda place: f"{place} {secret}")), "Cycles").partition("```")[2]


def test_it_can_be_written_for_every_part_of_a_run(tmp_path: Path) -> None:
    records = RECORDS
    for upto in (1, 3, 6, 10):
        for cut in range(len(records[upto - 1].steps) + 1):
            record = records[upto - 1]
            part = record.model_copy(update={"steps": record.steps[:cut]})
            text = document([*records[:upto - 1], part])
            assert text.startswith("# the focus: run ")
            assert not re.search(r"\n\n\n| \n", text)
    assert len(put(tmp_path, records).cycles()) == 10
