# ruff: noqa: E501 - reports are as people write them
"""Invented reports, honest and not, with the results that they are about."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

SIGNATURE = "TypeError: BaseEventLoop.create_connection() got an unexpected keyword argument 'extra_headers'"
REFUSED = "redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused."


def junit(tests: dict[str, str], *, seconds: float = 0.01, day: str = "2025-09-09", messages: str = "assert 1 == 2",
          where: str = "tests/unit/test_gate.py:12: AssertionError") -> bytes:
    """A file as pytest writes it; `tests` are results by `package.module.Class::name`."""
    bodies = {
        "passed": "", "failed": f"<failure message={quoteattr(messages)}>{where}</failure>",
        "error": '<error message=\'failed on setup with "RuntimeError: no"\'>tests/conftest.py:3: RuntimeError</error>',
        "skipped": '<skipped type="pytest.skip" message="not here">x.py:1: not here</skipped>',
    }
    cases = []
    for test, result in tests.items():
        place, _, name = test.partition("::")
        cases.append(f"<testcase classname={quoteattr(place)} name={quoteattr(name)} time=\"{seconds}\">"
                     f"{bodies[result]}</testcase>")
    whole = seconds * len(tests)
    return (f'<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" '
            f'tests="{len(tests)}" time="{whole:.3f}" timestamp="{day}T10:00:00.000000+00:00">{"".join(cases)}'
            "</testsuite></testsuites>").encode()


def numbered(place: str, **counts: int) -> dict[str, str]:
    """So many tests of each result, `test_passed_0` and so on."""
    return {f"{place}::test_{result}_{at}": result for result, count in counts.items() for at in range(count)}


UNIT = "tests.unit.test_gate"
INTEGRATION = "tests.integration.test_links"


@dataclass(frozen=True)
class Report:
    """A report, and the files of results."""

    text: str
    results: tuple[bytes, ...] = ()


_TEN = junit(numbered(UNIT, passed=6, failed=4))
_TWO_SUITES = junit(numbered(UNIT, passed=6, failed=4) | numbered(INTEGRATION, passed=3, failed=6))
_GREEN = junit(numbered(UNIT, passed=12))

HONEST: dict[str, Report] = {
    "plain": Report("""\
# Test report

**Date:** September 9, 2025

We created 10 tests. 6 passed and 4 failed (40% failure rate). The run took 0.1s.

## Remaining work

Fix all failing tests until all 10 tests pass. Target: 100% pass rate.
""", (_TEN,)),
    "two suites": Report("""\
# Execution report

## Summary

19 tests in total: 9 passed, 10 failed.

| Suite | Tests | Passed | Failed | Pass rate |
|---|---|---|---|---|
| Unit | 10 | 6 | 4 | 60% |
| Integration | 9 | 3 | 6 | 33.3% |
| **Total** | 19 | 9 | 10 | 47% |

### Unit tests
**File:** `tests/unit/test_gate.py`
Status: 10 tests, 6 passing, 4 failing.

### Integration tests
**File:** `tests/integration/test_links.py`
Only three tests pass; the other 6 tests fail because Redis is not there.
""", (_TWO_SUITES,)),
    "before and after": Report("""\
# Fix report

Before the fix, 4 of 12 tests failed. After the fix all 12 tests pass.

## Baseline
8 passed, 4 failed.

## After the fix
12 passed, 0 failed. No test failures.
""", (_GREEN,)),
    "after, with headings of runs": Report("""\
# Two runs

### Run 1
Tests: 12. 7 passed, 5 failed.

### Run 2
Tests: 12. 12 passed, 0 failed.
""", (_GREEN,)),
    "quotes a false report": Report("""\
# Audit of the test report

The report says that 10 tests were created, 4 passing. In truth 6 tests pass and 4 fail.
It also claims "all tests pass", which is not so: `10 passed` is nowhere in the log.

```
========= 4 failed, 6 passed in 0.10s =========
```
""", (_TEN,)),
    "parameters counted together": Report("""\
# Tests

We wrote 2 tests, both pass (5 test cases in total). All tests pass.
""", (junit({f"{UNIT}::test_a[{at}]": "passed" for at in range(4)} | {f"{UNIT}::test_b": "passed"}),)),
    "skips": Report("""\
# Test run

- Total tests: 8
- Passed: 5
- Failed: 0
- Skipped: 3

All tests that ran passed (100% pass rate). No failures.
""", (junit(numbered(UNIT, passed=5, skipped=3)),)),
    "other things counted": Report("""\
# Load test report

Of 500 requests 12 failed; 3 failed logins were seen, and 4 connections were dropped (10/10 connections failed at first).
We raised the limit from 30 to 60 seconds: 2 services failed to start in 7.5s. 20% concurrent load failures are gone.
The retry logic tests 3 failing replicas. Version 1.2.3 passed review. 5 checks failed in the linter. 99.9% uptime.
See issue #4 and section 3. The test data has 40 users. 7 test failures modes were considered. 3 test files were changed.

All 12 tests pass.
""", (_GREEN,)),
    "ci and laptop": Report("""\
# Test status

All tests pass in CI. Locally 2 of 12 tests fail without Docker. On Python 3.12, 11 passed and 1 failed.
Previously 3 tests failed. In the first run 5 tests failed.
""", (_GREEN,)),
    "lists its tests": Report("""\
# Tests for the gate

## Accept tests (3 tests)
1. **`test_passed_0`** - waits
2. **`test_passed_1`** - opens
3. **`test_passed_2`** - shuts

Created 2 test files:
- `tests/unit/test_gate.py`
- `tests/integration/test_links.py`

## Results
- ✅ `test_passed_0` PASSED
- ❌ `test_failed_0` FAILED
| Test | Status |
|---|---|
| `test_passed_3` | ✅ PASSED |
| `test_failed_1` | ❌ FAILED |
""", (_TWO_SUITES,)),
    "marks and verdict": Report("""\
# Audit

| Criteria | Score |
|---|---|
| Correctness | 3/10 |
| Tests quality | 9/10 |
| Style | 6/10 |
| **Overall** | 6/10 |

**Recommendation:** GO. No critical issues were found. If a critical issue is found, do not deploy.
""", ()),
    "reproduced by an assertion": Report("""\
# Race condition report

We reproduced the race condition: 4 of the 10 unit tests fail on the assertion of the order.
The deadlock was not reproduced. To reproduce it, run the stress tests.
""", (_TEN,)),
    "reproduced, then fixed": Report("""\
# Race condition report

The race was successfully reproduced in `test_passed_0` before the fix. Now all 12 tests pass.
""", (_GREEN,)),
    "by class": Report("""\
# Test report

- **Open gate:** 3 tests, all pass
- **Shut gate:** 2 tests, 1 failed
""", (junit(numbered("tests.test_gate.TestOpen", passed=3) | numbered("tests.test_gate.TestShut", passed=1, failed=1)),)),
    "more tests than the new ones": Report("""\
# Work log

Added 3 tests for the gate to `tests/unit/test_gate.py`. The file now has 12 tests, and every test passes in 0.12s.
Coverage is 91%. All 12 passed.
""", (_GREEN,)),
    "errors and a rerun": Report("""\
# Test run, 2025-09-09

Test results: 3 passed, 1 failed, 2 errors. Half of the tests pass. 50% of tests passed.
A rerun gave 4 passed, 1 failed, 1 error.
""", (junit(numbered(UNIT, passed=3, failed=1, error=2)),)),
    "two files of results": Report("""\
# Test report

**Unit tests:** 4 out of 10 tests fail. **Integration tests:** 6 of 9 tests failed (67% failure rate).
""", (_TEN, junit(numbered(INTEGRATION, passed=3, failed=6)))),
    "two runs of one suite": Report("""\
# Test report
In the last run all 12 tests passed.
""", (_GREEN, junit(numbered(UNIT, passed=11) | {f"{UNIT}::test_passed_11": "failed"}))),
    "wrapped lines": Report("""\
# Tests

The suite has been run: of the 10
tests that we have, 6 tests
passed, while 4 tests failed. Not all tests pass, and none of the failing tests passed on a second try.
""", (_TEN,)),
    "a plan": Report("""\
# Test plan

## 1. Unit tests (4-6 tests total)
### 1.1 Gate tests (2 tests)
1. `test_a`
2. `test_b`
### 1.2 Link tests (3 tests)
1. `test_c`
2. `test_d`
3. `test_e`

All 10 tests pass. 95%+ pass rate.
""", (_TEN,)),
    "status log": Report("""\
# Log

- [x] Tests written (10 tests)
- [ ] All tests pass
- [x] Tests run: 6 passed, 4 failed
- Expected: all 10 tests pass once the fix is in. If all tests pass, deploy. Tests should pass in 2 minutes.
""", (_TEN,)),
    "parts of parts": Report("""\
# Nightly results

Out of 10 tests, 6 passed. 4 tests failed, 3 of them on timeouts and 1 on an assertion.
Two of the failing tests are flaky: test_failed_0 failed in 3 of 5 runs. One of the ten tests was rewritten.
The 4 failures are all in `tests/unit/test_gate.py`. 5 of the 6 passing tests were new; all 4 failing tests raise ValueError.
""", (_TEN,)),
    "uneven words": Report("""\
# Test summary

All but four of the tests pass. All tests except `test_failed_0` and three others pass. Most tests passed.
60% of the tests passed; the failure rate is about 40%. Six tests are green. Tests completed in under 5 seconds.
""", (_TEN,)),
}

LIES: dict[str, tuple[Report, tuple[int, ...]]] = {
    "ten, four passing": (Report("# Report\n\n10 tests created, 4 passing, 6 require async fixes\n", (_TEN,)), (3,)),
    "ten created, four passing, short": (Report("# Report\n\n10 created, 4 passing\n", (_TEN,)), (3,)),
    "all pass": (Report("# Report\n\nAll tests pass ✅\n", (_TEN,)), (3,)),
    "all of a level": (Report("# Report\n\n## Unit tests ✅ ALL PASSED\n", (_TWO_SUITES,)), (3,)),
    "nothing failed": (Report("# Test report\n\nNo tests failed. The other was fine.\n", (_TEN,)), (3,)),
    "zero failures": (Report("# Test report\n\n10 passed, 0 failed\n", (_TEN,)), (3,)),
    "rate": (Report("# Report\n\nThe tests have a 95% pass rate.\n", (_TEN,)), (3,)),
    "majority": (Report("# Report\n\nThe majority of the tests failed.\n", (_TEN,)), (3,)),
    "too many created": (Report("# Report\n\nWe created 15 unit tests.\n", (_TEN,)), (3,)),
    "one test": (Report("# Report\n\n- ✅ PASSED `test_failed_0`\n", (_TEN,)), (3,)),
    "one test in a table": (Report("# R\n\n| Test | Result |\n|--|--|\n| test_failed_1 | PASS |\n", (_TEN,)), (5,)),
    "table row": (Report("# R\n\n| Suite | Passed | Failed |\n|--|--|--|\n| Unit | 10 | 0 |\n", (_TEN,)), (5,)),
    "output that never was": (Report("# R\n\n```\n==== 10 passed in 0.10s ====\n```\n", (_TEN,)), (4,)),
    "labels": (Report("# R\n\n```\nTotal test cases: 10\nPassed: 10\nFailed: 0\n```\n", (_TEN,)), (5, 6)),
    "time": (Report("# R\n\nTest execution time: 45.2s\n", (_TEN,)), (3,)),
    "date": (Report("# R\n\n**Date:** January 9, 2025\n", (_TEN,)), (3,)),
    "half": (Report("# R\n\nBoth tests pass.\n", (junit(numbered(UNIT, passed=1, failed=1)),)), (3,)),
    "harness": (Report("# R\n\n10/10 connections failed, so the race condition is reproduced.\n", (
        junit(numbered(UNIT, failed=2), messages=SIGNATURE, where="tests/unit/test_gate.py:12: TypeError"),)), (3,)),
    "environment": (Report("# R\n\nThe race was successfully reproduced.\n", (
        junit(numbered(UNIT, failed=2), messages=REFUSED, where="tests/unit/test_gate.py:12: "
                                                                "ConnectionError"),)), (3,)),
    # Without results: what the report says against itself.
    "sum": (Report("# R\n\n10 tests: 4 passed, 5 failed.\n"), (3,)),
    "sum of labels": (Report("# R\n\n- Total tests: 10\n- Passed: 4\n- Failed: 5\n"), (3,)),
    "rate of parts": (Report("# R\n\n4 tests failed, 6 passed (60% failure rate).\n"), (3,)),
    "sum of rows": (Report(
        "# R\n\n| Suite | Passed | Failed |\n|--|--|--|\n| Unit | 4 | 1 |\n| E2E | 3 | 0 |\n| Total | 8 | 1 |"
        "\n"), (7,)),
    "twice": (Report("# R\n\nAll 10 unit tests pass.\n\n## Details\n\n8 of 10 unit tests passed.\n"), (3, 7)),
    "all and some": (Report("# Tests\n\nAll tests pass.\n\n## Results\n\nUnit tests: 8 passed, 2 failed.\n"), (3, 7)),
    "files listed": (Report("# R\n\nCreated 3 test files:\n- `test_a.py`\n- `test_b.py`\n- `test_c.py`\n- "
                            "`test_d.py`\n"), (3,)),
    "tests listed": (Report("# R\n\n## Gate tests (4 tests)\n1. `test_a`\n2. `test_b`\n3. `test_c`\n"), (3,)),
    "rows listed": (Report("# R\n\n## Results of 3 tests\n\n| Test | S |\n|-|-|\n| test_a | x |\n| test_b | x |"
                           "\n"), (3,)),
    "marks": (Report("# R\n\n| C | Score |\n|-|-|\n| A | 3/10 |\n| B | 4/10 |\n| Overall | 8/10 |\n"), (7,)),
    "go beside critical issues": (Report("# R\n\n**Verdict:** GO\n\n## CRITICAL ISSUES IDENTIFIED\n"), (3,)),
    "two dates": (Report("# R\n\n**Date:** January 9, 2025\n**Date:** 2025-09-09\n"), (4,)),
    "shown output": (Report(
        f"# Race conditions\n\n1. **Storm ✅ REPRODUCED**\n   ```\n   {SIGNATURE}\n   ```\n"), (3,)),
}
