"""The pages of the site: from records of all states, each checked as a tree, with the numbers of the record on it."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.effects import Receipt
from bot.domain.evidence import CheckedCitation, CodeCitation, LogCitation, Support, Why
from bot.domain.logs import LogEntry, RevisionLife, RevisionSeen
from bot.domain.moments import rfc3339
from bot.domain.record import CycleRecord, StepStatus
from bot.domain.results import FiveWhys, Retrieved
from bot.logs.entries import entry_from_json
from bot.progress import PlainProgress
from bot.report_command import write_report
from bot.reports.site.charts import occurrences
from bot.reports.site.context import Surroundings
from bot.reports.site.costs import costs_of
from bot.reports.site.cycle_page import cycle_html
from bot.reports.site.html import data_block
from bot.reports.site.material import Material
from bot.reports.site.patch import lines_of
from bot.reports.site.recurring import recurring, traits_of
from tests.site_pages import Parsed, check_page, check_site
from tests.unit.recheck_records import WORKFLOW
from tests.unit.records import START, record, settings, step
from tests.unit.run_records import Last, put, ten_cycles
from tests.unit.whole_records import BASE, whole

ROOT = Path(__file__).parents[2]


def page_of(made: CycleRecord, entries: tuple[LogEntry, ...] = (), code: dict[str, str] | None = None,
            held: bool = False) -> Parsed:
    material = Material(made, Surroundings(entries), "" if entries else "No log was read.", code or {})
    return check_page(cycle_html(material, WORKFLOW, held, (1,), ()))


def test_a_run_of_ten_cycles_with_different_ends(tmp_path: Path) -> None:
    records = ten_cycles(last="running")
    put(tmp_path / "state", records)
    made = write_report(tmp_path / "state", tmp_path / "site", PlainProgress())
    pages = check_site(tmp_path / "site")
    assert made.cycles == 10
    assert made.damaged == made.removed == ()
    assert {file.path: file.bytes for file in made.files} == {
        str(path.relative_to(tmp_path / "site")): path.stat().st_size
        for path in (tmp_path / "site").rglob("*") if path.is_file() and path.name != "whybot-report.json"
    }
    assert len(pages) == 12
    overview, run = pages["index.html"], pages["startup/20251107T081500Z-0a1b2c/index.html"]
    for page in (overview, run):
        rows = [one for one in page.elements if one[0] == "th" and "c-cycle" in one[1].get("class", "")]
        assert len(rows) == 10
        assert all(f"{record.usage.cost_usd:.4f} USD" in page.text for record in records if record.usage.cost_usd)
    for one in records:
        page = pages[f"startup/20251107T081500Z-0a1b2c/cycle-{one.ref.number:02d}.html"]
        assert (one.end.value if one.end is not None else "interrupted") in page.text
        assert ("why" in page.ids) is (one.latest(FiveWhys) is not None)


@pytest.mark.parametrize(("last", "words"), [
    ("paused", "paused: The budget"), ("clean", "no actionable incident"), ("empty", "the log is empty"),
])
def test_how_a_cycle_stands(last: Last, words: str) -> None:
    page = page_of(ten_cycles(last=last)[-1])
    assert words in page.text
    assert "course" in page.ids


def test_what_recurs_is_what_came_in_several_cycles() -> None:
    records = ten_cycles()
    found = recurring(traits_of(one) for one in records)
    incident = next(one for one in found if one.kind == "the same incident")
    assert [ref.number for ref in incident.refs] == [1, 4, 6]
    assert not recurring(traits_of(one) for one in records[:1])


def test_an_incident_is_the_same_by_an_earlier_name() -> None:
    old, new = whole(number=1), whole(number=2)
    incident = new.incident
    assert incident is not None
    renamed = CycleRecord.model_validate_json(new.model_dump_json().replace(incident.fingerprint, "v9-" + "9" * 16))
    named = renamed.model_dump(mode="json")
    named["steps"][0]["result"]["selection"]["winner"]["incident"]["aliases"] = [incident.fingerprint]
    found = recurring(map(traits_of, (old, CycleRecord.model_validate(named))))
    assert [ref.number for ref in found[0].refs] == [1, 2]


def test_a_cycle_that_has_just_begun() -> None:
    page = page_of(record())
    assert "about to start" in page.text
    assert "No step has begun." in page.text
    assert "chart-when" not in page.data


def test_running_is_told_from_interrupted() -> None:
    made = record(step("retrieve", status=StepStatus.RUNNING))
    assert "interrupted" in page_of(made).text
    assert "interrupted" not in page_of(made, held=True).text


# The chart of occurrences


def with_times(made: CycleRecord, **changes: object) -> CycleRecord:
    """The record with other values in what was read."""
    def changed(result: object) -> object:
        return result.model_copy(update=changes) if isinstance(result, Retrieved) else result

    return made.model_copy(update={
        "steps": tuple(one.model_copy(update={"result": changed(one.result)}) for one in made.steps)})


def with_incident(made: CycleRecord, **changes: object) -> CycleRecord:
    retrieved = made.latest(Retrieved)
    assert retrieved is not None
    winner = retrieved.selection.winner
    assert winner is not None
    incident = winner.incident.model_copy(update=changes)
    selection = retrieved.selection.model_copy(update={"winner": winner.model_copy(update={"incident": incident})})
    return with_times(made, selection=selection)


def two_revisions() -> CycleRecord:
    seen = tuple(
        RevisionSeen(service="shop", revision=name, count=sum(timeline), first_seen="2025-11-07T08:01:00Z",
                     last_seen="2025-11-07T08:02:00Z", timeline=timeline)
        for name, timeline in (("shop-1", (1, 2, 0, 0)), ("shop-2", (0, 1, 4, 0)))
    )
    lives = tuple(
        RevisionLife(service=service, revision=name, first_seen=first, last_seen="2025-11-07T08:30:00Z")
        for service, name, first in (
            ("shop", "shop-1", "2025-11-07T08:00:00Z"), ("shop", "shop-2", "2025-11-07T08:05:00Z"),
            ("other", "other-1", "2025-11-07T08:06:00Z"),
        )
    )
    made = with_incident(whole(), services=("shop",), timeline=(1, 3, 4, 0), by_revision=seen)
    return with_times(made, read_from="2025-11-07T08:00:00Z", read_until="2025-11-07T08:40:00Z", revisions=lives)


def test_occurrences_are_stacked_by_revision_with_deployments_and_fixes() -> None:
    made = two_revisions()
    chart = occurrences(made)
    assert chart is not None
    assert [one.label for one in chart.series] == ["shop-1", "shop-2"]
    assert [sum(values) for values in zip(*(one.values for one in chart.series), strict=True)] == [1, 3, 4, 0]
    assert "8 occurrences" in chart.words
    assert chart.span[1] - chart.span[0] == timedelta(minutes=40).total_seconds()
    # The revision that was there from the beginning was not deployed then, and another service's is none of it.
    assert [(mark.letter, mark.inside) for mark in chart.marks] == [("D1", True), ("F1", True)]
    assert chart.marks[0].at - chart.span[0] == timedelta(minutes=5).total_seconds()
    committed = made.steps[-1].ended_at
    assert committed is not None
    assert chart.marks[1].at == committed.timestamp()
    assert [row[1:] for row in chart.rows] == [("1", "0"), ("2", "1"), ("0", "4"), ("0", "0")]
    page = page_of(made)
    assert page.data["chart-when"]["series"][1] == {"label": "shop-2", "values": [0, 1, 4, 0], "line": False}
    assert "first entry of shop-2" in page.text


def test_a_fix_after_the_time_that_was_read_is_said_to_be() -> None:
    made = with_times(two_revisions(), read_until="2025-11-07T08:10:00Z")
    chart = occurrences(made)
    assert chart is not None
    (mark,) = [one for one in chart.marks if one.kind == "fix"]
    assert not mark.inside
    assert "after the time that was read" in mark.words


def test_many_revisions_are_told_apart_up_to_six() -> None:
    seen = tuple(
        RevisionSeen(service="shop", revision=f"shop-{at}", count=1, first_seen="2025-11-07T08:01:00Z",
                     last_seen="2025-11-07T08:01:00Z", timeline=tuple(int(at == place) for place in range(9)))
        for at in range(9)
    )
    made = with_incident(two_revisions(), timeline=(1,) * 9, by_revision=seen)
    chart = occurrences(made)
    assert chart is not None
    assert [one.label for one in chart.series] == ["4 earlier revisions", *(f"shop-{at}" for at in range(4, 9))]
    assert sum(sum(one.values) for one in chart.series) == 9


def test_older_records_have_no_revisions_and_no_times() -> None:
    made = with_times(with_incident(whole(), by_revision=()), read_from="", read_until="", revisions=())
    chart = occurrences(made)
    assert chart is not None
    assert len(chart.series) == 1
    assert chart.marks == ()
    assert chart.ticks[0] == "1"
    assert "older record" in page_of(made).text
    assert occurrences(with_incident(made, timeline=())) is None


# The evidence

SECOND = 1_000_000_000
BEGAN = int(START.timestamp()) * SECOND


def entry(number: int, text: str, instance: str = "i1", trace: str = "", at: int | None = None) -> LogEntry:
    raw = {
        "insertId": f"e{number}", "timestamp": rfc3339(BEGAN + (number if at is None else at) * SECOND),
        "severity": "ERROR", "textPayload": text, "labels": {"instanceId": instance}, "trace": trace,
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": "shop"}},
    }
    return entry_from_json(json.dumps(raw).encode())


def citing(*citations: LogCitation | CodeCitation) -> CycleRecord:
    made = whole()
    whys = made.latest(FiveWhys)
    assert whys is not None
    why = Why(statement="It is so.", support=Support.CITED,
              citations=tuple(CheckedCitation(citation=one, holds=True) for one in citations))
    answer = whys.model_copy(update={"whys": (why,), "ruled_out": (), "root_cause": None})
    return made.model_copy(update={"steps": tuple(
        one.model_copy(update={"result": answer}) if isinstance(one.result, FiveWhys) else one for one in made.steps)})


def evidence_of(page: Parsed) -> str:
    return page.text.partition("Evidence")[2].partition("When it occurred")[0]


def test_a_log_citation_stands_among_what_its_instance_and_trace_logged() -> None:
    entries = (
        *(entry(at, f"quite before {at}") for at in range(10)), entry(20, "of another instance", "i2"),
        entry(21, "in the trace", "i2", "projects/p/traces/t1"),
        entry(30, "the till is closed for good", "i1", "projects/p/traces/t1"),
        *(entry(at, f"quite after {at}") for at in range(31, 50)),
    )
    page = page_of(citing(LogCitation(insert_id="e30", quote="till is closed")), entries)
    shown = evidence_of(page)
    assert [int(at) for at in re.findall(r"quite before (\d+)", shown)] == [4, 5, 6, 7, 8, 9]
    assert [int(at) for at in re.findall(r"quite after (\d+)", shown)] == [31, 32, 33, 34, 35, 36]
    assert "in the trace" in shown
    assert "of another instance" not in shown
    assert shown.count("same instance") == 12
    assert "same trace" in shown
    assert "−9.000 s" in shown
    ((_, _, within),) = page.of_class("quote")
    assert "pre" in within
    assert " for good" in page.texts


def test_the_quote_decides_which_entry_of_two_with_one_id_is_shown() -> None:
    one, other = entry(1, "nothing of the kind"), entry(1, "the till is closed", at=5)
    shown = evidence_of(page_of(citing(LogCitation(insert_id="e1", quote="till is closed")), (one, other)))
    assert "08:15:05.000" in shown
    assert "−4.000 s" in shown


def test_a_code_citation_stands_among_its_lines_at_their_numbers() -> None:
    code = "".join(f"value_{at} = {at}\n" for at in range(1, 61))
    page = page_of(citing(CodeCitation(path="shop/till.py", line=30, commit=BASE, quote="value_30 = 30")),
                   code={"shop/till.py": code})
    shown = evidence_of(page)
    assert re.findall(r"(\d+) value_\1 = \1", shown) == [str(at) for at in range(18, 43)]
    assert BASE[:12] in shown
    assert len(page.of_class("quote")) == 1


def test_cited_code_is_a_link_where_the_issue_says_where_the_repository_is() -> None:
    made = citing(CodeCitation(path="shop/till.py", line=2, commit=BASE, quote="value_2 = 2"))
    made = made.model_copy(update={"steps": tuple(
        one.model_copy(update={"effects": tuple(
            item.model_copy(update={"receipt": Receipt(did="created", url="https://forge.example/acme/shop/issues/12")})
            for item in one.effects)}) for one in made.steps)})
    page = page_of(made, code={"shop/till.py": "value_1 = 1\nvalue_2 = 2\n"})
    links = {given["href"] for tag, given, _ in page.elements if tag == "a" and "/blob/" in given["href"]}
    assert links == {f"https://forge.example/acme/shop/blob/{BASE}/shop/till.py#L2"}


def test_what_is_not_there_is_said() -> None:
    page = page_of(citing(LogCitation(insert_id="gone", quote="till is closed"),
                          CodeCitation(path="shop/gone.py", line=3, commit=BASE, quote="value_3 = 3"),
                          CodeCitation(path="shop/till.py", line=99, commit=BASE, quote="value_3 = 3")),
                   (entry(1, "x"),), {"shop/till.py": "a\nb\n"})
    shown = evidence_of(page)
    assert "There is no entry with this insertId" in shown
    assert "This file is not kept beside the record." in shown
    assert "The file has 2 lines." in shown


def test_the_same_citation_twice_is_one_piece_of_evidence() -> None:
    one = LogCitation(insert_id="e1", quote="till is closed")
    page = page_of(citing(one, one, LogCitation(insert_id="e1", quote="closed for good")),
                   (entry(1, "the till is closed for good"),))
    assert [given["id"] for tag, given, _ in page.elements if tag == "article"] == ["ev-1", "ev-2"]
    assert [given["href"] for _, given, _ in page.of_class("cite")] == ["#ev-1", "#ev-1", "#ev-2"]


def test_only_what_is_cited_and_around_it_is_on_the_page() -> None:
    """However long the log and its entries are."""
    entries = tuple(entry(at, f"entry {at} " + "long " * 20_000) for at in range(300))
    citations = tuple(LogCitation(insert_id=f"e{at}", quote=f"entry {at} long") for at in range(0, 300, 3))
    html = cycle_html(Material(citing(*citations), Surroundings(entries)), WORKFLOW, False, (1,), ())
    assert len(html) < 3_000_000
    shown = evidence_of(check_page(html))
    assert "left out, since this page has so much of it already" in shown
    assert all(f"entry {at} long" in shown for at in range(0, 300, 3))


# Cost, patch, data


def test_each_call_is_counted_once_and_the_rows_add_up() -> None:
    made = ten_cycles()[1]
    models = {charge.digest: "model-a" for charge in made.charges}
    costs = costs_of(made, models, WORKFLOW)
    assert costs is not None
    for rows in (costs.steps, costs.models):
        assert sum(row.usage.cost_usd or 0 for row in rows) == made.usage.cost_usd == costs.usage.cost_usd
        assert sum(row.usage.tokens for row in rows) == made.usage.tokens
    assert [row.name for row in costs.models] == ["model-a"]
    assert costs_of(record(), {}, WORKFLOW) is None


def test_the_lines_of_a_diff_have_their_numbers() -> None:
    diff = ("diff --git a/x.sql b/x.sql\n--- a/x.sql\n+++ b/x.sql\n@@ -3,3 +3,4 @@ create\n one\n--- a comment\n+two\n"
            "+++ three\n four\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file\n")
    found = [(line.kind, line.old, line.new, line.text) for line in lines_of(diff)]
    assert found == [
        ("file", "", "", "diff --git a/x.sql b/x.sql"), ("file", "", "", "--- a/x.sql"),
        ("file", "", "", "+++ b/x.sql"),
        ("hunk", "", "", "@@ -3,3 +3,4 @@ create"), ("same", "3", "3", "one"), ("del", "4", "", "-- a comment"),
        ("add", "", "4", "two"), ("add", "", "5", "++ three"), ("same", "5", "6", "four"),
        ("file", "", "", "--- a/y"), ("file", "", "", "+++ b/y"), ("hunk", "", "", "@@ -1 +1 @@"),
        ("del", "1", "", "a"), ("add", "", "1", "b"), ("hunk", "", "", "\\ No newline at end of file"),
    ]
    assert lines_of("") == ()


def test_a_data_block_says_what_it_was_given_and_cannot_end_its_element() -> None:
    given = {"a": "</script><!-- & \u2028 \u2029 ü \U0001f600"}
    block = str(data_block(given))
    assert json.loads(block) == given
    assert not set("<>&\u2028\u2029") & {*block}


def test_the_vendored_files_are_what_they_are_said_to_be() -> None:
    folder = ROOT / "bot/reports/site/vendor/uplot"
    table = re.compile(r"^\| `(\S+)` \| `([0-9a-f]{64})` \|$", re.MULTILINE)
    said = dict(table.findall((folder / "README.md").read_text("utf-8")))
    assert said == {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                    for path in folder.iterdir() if path.name != "README.md"}
    assert "MIT" in (folder / "LICENSE").read_text("utf-8")


def test_a_focus_may_have_any_title() -> None:
    focus = settings().focus.model_copy(update={"title": "a < b & c"})
    assert "a < b & c" in page_of(record(focus=focus)).text
