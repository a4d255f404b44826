# ruff: noqa: E501 - reports are as people write them
"""The forms in which teams report results: each is judged by the same run, honest and with one figure changed."""

from __future__ import annotations

import pytest

from bot.audit.claims.judge import judge_reports
from bot.audit.claims.results import read_runs
from bot.domain.claims import ClaimsReport, Verdict
from tests.unit.claims_reports import junit, numbered

RESULTS = junit(
    numbered("tests.unit.test_money", passed=20) | numbered("tests.unit.test_ledger", passed=8, failed=2)
    | numbered("tests.integration.test_bank", passed=6, failed=1, error=3)
    | {"tests.unit.test_ledger::test_fx": "failed", "tests.unit.test_money::test_round": "passed",
       "tests.integration.test_bank::test_legacy": "skipped"},
    seconds=0.2)
"""43 tests: 35 passed, 4 failed, 3 with errors, 1 skipped; 8.6 s."""


def judged(text: str, results: bytes = RESULTS) -> ClaimsReport:
    return judge_reports({"r.md": f"# Test report\n\n{text}\n"}, read_runs([("junit.xml", results)]))


def lines(found: ClaimsReport, verdict: Verdict) -> list[str]:
    return [f"{one.claim.line}: {one.claim.subject} {one.claim.quantity.text} ({one.claim.scope}): {one.why}"
            for one in found.of(verdict)]


HONEST = {
    "metric and value": "| Metric | Value |\n|---|---|\n| Tests run | 43 |\n| Passed | 35 (81.4%) |\n| Failed | 4 |\n| Duration | 8.6 s |\n| Target pass rate | 100% |",
    "without outer bars": "Metric | Value\n--- | ---\nTests | 43\nFailures | 4\nErrors | 3",
    "before and after": "| | Before | After |\n|---|---|---|\n| Passed | 20 | 35 |\n| Failed | 19 | 4 |",
    "an unlabelled pair": "Passed: 20 → 35\nFailed: 19 → 4",
    "a pair in prose": "19 failed -> 4 failed. 20 tests passed → 35 tests passed.",
    "levels as columns": "| | Unit | Integration | Total |\n|---|---|---|---|\n| Tests | 32 | 11 | 43 |\n| Passed | 29 | 6 | 35 |\n| Failed | 3 | 1 | 4 |",
    "a row for each run": "| Run | Passed | Failed |\n|---|---|---|\n| 1 | 20 | 19 |\n| 2 | 35 | 4 |",
    "versions as columns": "| Metric | 3.1 | 3.2 |\n|---|---|---|\n| Passed | 20 | 35 |\n| Failed | 19 | 4 |",
    "a row for a test": "| Test | Passed | Failed |\n|---|---|---|\n| `test_fx` | 0 | 1 |\n| `test_round` | 1 | 0 |",
    "a suite by its name": "The money suite has 21 tests; all of them pass. The ledger suite has 3 failing tests out of 11.",
    "some of a suite": "3 ledger tests fail. 2 tests failed with a rounding error. One test fails because of fx.",
    "all but some": "All but 8 of the 43 tests pass.",
    "a part is all of": "Of the 3 tests that need a bank account, all passed.",
    "bounds": "More than 80 % of the tests pass. At most 4 tests failed. Fewer than 5 tests failed.",
    "label lines": "Unit: 29 passed, 3 failed\nIntegration: 6 passed, 1 failed, 3 errors",
    "names in prose": "`test_fx` still fails. `test_round` passes.",
    "failing by name": "Failing tests: `test_fx`, `test_failed_0`",
    "repetitions": "60 test executions: 41 passed, 19 failed.",
    "another machine": "On my machine all 43 tests passed.",
    "output of another run": "## Before the fix\n\n```\ntests/unit/test_ledger.py::test_fx PASSED  [ 50%]\n```\n\n## After\n\n`test_fx` fails.",
    "what is not of tests": "| | Value |\n|---|---|\n| Requests | 500 |\n| Passed | 498 |\n| Failed | 2 |",
    "deselected": "35 tests passed, 4 failed, 12 deselected.",
}
FALSE = {
    "metric and value": ("| Metric | Value |\n|---|---|\n| Tests run | 43 |\n| Passed | 39 |", 6),
    "without outer bars": ("Metric | Value\n--- | ---\nTests | 43\nFailures | 1\nErrors | 3", 6),
    "before and after": ("| | Before | After |\n|---|---|---|\n| Passed | 20 | 43 |\n| Duration | 9 s | 8.6 s |", 5),
    "levels as columns": ("| | Unit | Integration |\n|---|---|---|\n| Tests | 32 | 11 |\n| Passed | 32 | 6 |", 6),
    "the new of a pair": ("Passed: 20 → 41\nFailed: 19 → 4", 3),
    "a suite by its name": ("All ledger tests pass.", 3),
    "too few of a suite": ("Only two ledger tests fail.", 3),
    "every one of them": ("There are 43 tests and every one of them passes.", 3),
    "all but one": ("All but one of the 43 tests pass.", 3),
    "none": ("Not a single test failed.", 3),
    "no errors": ("No errors occurred during the test run.", 3),
    "a bound": ("More than 95 % of the tests pass.", 3),
    "a label line": ("Unit: 29 passed\nIntegration: 11 passed", 4),
    "a name in prose": ("`test_fx` passes now.", 3),
    "failing by name": ("Failing tests: `test_fx`, `test_round`", 3),
    "output": ("```\ntests/unit/test_money.py::test_round PASSED [ 50%]\ntests/unit/test_ledger.py::test_fx PASSED [100%]\n```", 5),
    "lines of results": ("`test_round`: PASSED\n`test_fx`: PASSED", 4),
    "none had one": ("Of the integration tests, none had an error.", 3),
    "a duration": ("The full test run took 2 seconds.", 3),
    "a count of its own": ("Fail count: 0", 3),
    "what remains": ("The failures of the nightly are gone: zero failing tests remain.", 3),
    "some, but too many": ("9 tests failed with a rounding error.", 3),
    "a ticked share": ("- ledger tests: 11/11 ✅", 3),
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_form_is_not_contradicted(name: str) -> None:
    assert lines(judged(HONEST[name]), Verdict.CONTRADICTED) == []


@pytest.mark.parametrize("name", [
    "metric and value", "without outer bars", "before and after", "an unlabelled pair", "levels as columns", "a row for a test",
    "a suite by its name", "some of a suite", "all but some", "bounds", "label lines", "names in prose", "failing by name",
])
def test_an_honest_form_is_understood(name: str) -> None:
    found = judged(HONEST[name])
    assert found.of(Verdict.SUPPORTED)
    assert [one.why for one in found.of(Verdict.UNVERIFIABLE) if one.claim.when == "now"] == []


@pytest.mark.parametrize("name", FALSE)
def test_a_false_figure_is_contradicted_where_it_stands(name: str) -> None:
    text, line = FALSE[name]
    found = judged(text)
    assert {one.claim.line for one in found.of(Verdict.CONTRADICTED)} == {line}, lines(found, Verdict.UNVERIFIABLE)


def test_other_tests_may_belong_to_a_topic_that_a_file_is_named_after() -> None:
    found = judged("14 ledger tests passed.")
    assert lines(found, Verdict.CONTRADICTED) == []
    assert "Other tests may be of “ledger”" in found.judgements[0].why


EXPECTED = b"""<testsuites><testsuite tests="4" time="0.4" timestamp="2025-09-09T10:00:00">
<testcase classname="tests.test_a" name="test_one" time="0.1"/>
<testcase classname="tests.test_a" name="test_two" time="0.1"/>
<testcase classname="tests.test_a" name="test_two" time="0.1"><error message="failed on teardown with &quot;OSError&quot;">x</error></testcase>
<testcase classname="tests.test_a" name="test_bug" time="0.1"><skipped type="pytest.xfail" message="BUG-1"/></testcase>
<testcase classname="tests.test_a" name="test_off" time="0.1"><skipped type="pytest.skip" message="no"/></testcase>
<testcase classname="tests.test_a" name="test_again" time="0.1"><flakyFailure message="once">x</flakyFailure></testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize("text", [
    "3 tests passed, 1 skipped, 1 xfailed, 1 error.", "1 expected failure (xfail), 2 tests did not run.",
    "2 tests passed, 1 xfailed, 1 skipped, 1 xpassed, 1 error.", "`test_two` passed. `test_bug` failed.",
    "`test_bug`: XFAIL", "- Passed: 3\n- Failed: 0\n- xfailed: 1\n- Skipped: 1",
])
def test_expected_failures_and_errors_in_teardown_are_counted_as_runners_do(text: str) -> None:
    assert lines(judged(text, EXPECTED), Verdict.CONTRADICTED) == []


SETS = junit({"tests.test_a::test_sqrt[0]": "passed", "tests.test_a::test_sqrt[x::-1]": "failed"})


@pytest.mark.parametrize(("text", "false"), [
    ("`test_sqrt[0]`: PASSED", False), ("`test_sqrt[x::-1]` fails.", False), ("`test_sqrt[0]` fails.", True), ("`test_sqrt` fails.", False),
    ("`test_sqrt` passes.", True),
])
def test_sets_of_parameters_are_told_apart(text: str, false: bool) -> None:
    found = judged(text, SETS)
    assert [one.verdict for one in found.judgements] == [Verdict.CONTRADICTED if false else Verdict.SUPPORTED]


@pytest.mark.parametrize("text", ["4 tests passed.", "2 tests xfailed.", "3 tests were skipped.", "2 tests failed."])
def test_what_no_way_to_count_them_bears_out(text: str) -> None:
    assert lines(judged(text, EXPECTED), Verdict.CONTRADICTED) != []
