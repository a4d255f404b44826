# ruff: noqa: E501 - reports are as people write them
"""The claims audit: what a report says of tests, held against results, against itself and against other reports."""

from __future__ import annotations

import json
import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.audit.claims.judge import judge_reports
from bot.audit.claims.results import read_runs
from bot.domain.claims import ClaimsReport, Verdict
from bot.reports.claims_markdown import claims_markdown
from bot.reports.json.claims import claims_document
from tests.unit.claims_reports import HONEST, LIES, UNIT, Report, junit, numbered


def judged(report: Report, path: str = "report.md") -> ClaimsReport:
    runs = read_runs((f"junit-{at}.xml", content) for at, content in enumerate(report.results))
    return judge_reports({path: report.text}, runs, date(2026, 1, 1))


def said(found: ClaimsReport, verdict: Verdict) -> list[str]:
    return [f"{one.claim.line}: {one.claim.quote}: {one.claim.subject} {one.claim.quantity.text}: {one.why}"
            for one in found.of(verdict)]


@pytest.mark.parametrize("name", HONEST)
def test_no_honest_report_is_contradicted(name: str) -> None:
    assert said(judged(HONEST[name]), Verdict.CONTRADICTED) == []


@pytest.mark.parametrize("name", LIES)
def test_a_false_claim_is_contradicted_on_its_line(name: str) -> None:
    report, lines = LIES[name]
    found = judged(report)
    assert tuple(sorted({one.claim.line for one in found.of(Verdict.CONTRADICTED)})) == lines, said(
        found, Verdict.UNVERIFIABLE)


def test_reports_of_one_day_that_disagree_contradict_each_other() -> None:
    one = "# Execution\n\n**Date:** September 9, 2025\n\n### Unit tests\n**Status:** 10 tests created, 4 passing, 6 need fixes\n"
    other = "# Audit\n\n**Audit date:** 2025-09-09\n\nUnit test failures (4/10 failed):\n"
    found = judge_reports({"one.md": one, "other.md": other})
    assert {(each.claim.path, each.claim.line) for each in found.of(Verdict.CONTRADICTED)} == {("one.md", 6), ("other.md", 5)}
    later = other.replace("2025-09-09", "2025-09-10")
    assert judge_reports({"one.md": one, "other.md": later}).of(Verdict.CONTRADICTED) == ()


def test_a_report_of_the_future() -> None:
    found = judge_reports({"r.md": "# R\n\n**Date:** 2026-01-03\n"}, (), date(2026, 1, 1))
    assert said(found, Verdict.CONTRADICTED) != []
    assert judge_reports({"r.md": "# R\n\n**Date:** 2026-01-02\n"}, (), date(2026, 1, 1)).of(Verdict.CONTRADICTED) == ()


def test_results_bear_a_report_out_against_another() -> None:
    runs = read_runs([("junit.xml", junit(numbered(UNIT, passed=6, failed=4)))])
    found = judge_reports({"true.md": "# R\n\n4 of 10 unit tests failed.\n", "false.md": "# R\n\n6 of 10 unit tests failed.\n"},
                          runs)
    assert {each.claim.path for each in found.of(Verdict.CONTRADICTED)} == {"false.md"}


@pytest.mark.parametrize("text", [
    "10 tests, 4 passed\n\n", "4/10 passed ", "10 unit a b c ", "1 ", "`a", "[a](", "a/", "\0\x1b[31m", "| 1 ",
    "```\n4 passed, 3 failed in 0.1s\n", "## 10 tests\n### 5 tests\n", "all tests ", "- `test_a`\n", "<!--", "<a", "> ",
    "`test_a` fails. ", "a | b\n-|-\n", "in the a b c d tests ", "A: ", "1 → ", "| Passed | 1 |\n",
], ids=str)
def test_time_grows_with_the_length_of_a_report(text: str) -> None:
    # Growth with the square would take 64 times as long; there is room for a machine that does other things, too.
    spent = [_seconds(text * (size // len(text))) for size in (1_500, 12_000)]
    assert spent[1] < 8 * 4 * max(spent[0], 0.02)


def test_a_very_long_line() -> None:
    assert _seconds("one long line " * 8_000) < 15


def _seconds(text: str) -> float:
    started = time.process_time()
    judge_reports({"r.md": f"# Test\n\n{text}"})
    return time.process_time() - started


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([
    "10 tests", "4 passed", "# ", "## Unit tests\n", "- ", "\n", "```", "| ", "`test_a`", "all ", "failed", "40%", " of ", "(", ")",
    "**", "<!--", "-->", ": ", ", ", "Date: 2025-13-45", "8/10", "overall", "race reproduced", "\u202e", "\x1b[2J", "---\n", "0/0 ",
    "total 0 tests", "tests.py", "99999999999999999999 tests passed", "in 1.5s", "٣ tests passed", "² tests",
]), max_size=60).map("".join) | st.text(max_size=300))
def test_any_text_is_judged(text: str) -> None:
    found = judge_reports({"r.md": text}, read_runs([("junit.xml", junit(numbered(UNIT, passed=1, failed=1)))]), date(2026, 1, 1))
    assert all(1 <= one.claim.line <= text.count("\n") + text.count("\r") + 1 for one in found.judgements)
    json.dumps(claims_document(found).model_dump(mode="json"), allow_nan=False)
    assert "\x1b" not in claims_markdown(found)
