"""Reads the counts of a JUnit file that a test run left: a second account of the run, to hold the probe's against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.domain.base import Frozen


class JUnitCounts(Frozen):
    """What a JUnit file says. `tests` and `failed` are test cases of different names, `cases` and `failures` are all.

    A test that fails and then errs in teardown has two cases of one name; a test may also rename its case.
    `said` is the sum of the file's own totals of failures and errors.
    """

    tests: int
    cases: int
    failed: int
    failures: int
    said: int


def read_junit(content: bytes) -> JUnitCounts | None:
    """Count the cases of a JUnit file; None when it is none. The tests may have written anything there."""
    # Imported here: it is not needed by what prints help.
    from junitparser import Error, Failure, JUnitXml, JUnitXmlError

    # pytest writes no document type, and without one there are no entities that could grow.
    if b"<!DOCTYPE" in content:
        return None
    try:
        suites = list(JUnitXml.fromstring(content))
        cases = list(_cases(suites))
        red = [case for case in cases if any(isinstance(item, Failure | Error) for item in case.result)]
        said = sum((suite.failures or 0) + (suite.errors or 0) for suite in suites)
    except (JUnitXmlError, SyntaxError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return JUnitCounts(tests=_names(cases), cases=len(cases), failed=_names(red), failures=len(red), said=said)


def _cases(suites: list[Any]) -> Iterator[Any]:
    for suite in suites:
        yield from suite


def _names(cases: list[Any]) -> int:
    return len({(case.classname, case.name) for case in cases})
