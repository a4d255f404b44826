"""Whether the accounts of a test run agree: what is to be believed of it."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.suite import Ended
from bot.probe.junit import read_junit
from bot.probe.seen import TestRun

_RED = frozenset({"failed", "error"})


def doubts_about(run: TestRun) -> Iterator[str]:
    """Why the accounts of a run do not agree; none for a run that was ended at a limit, which proves nothing anyway.

    There are three accounts: the probe's record, pytest's JUnit file and its exit code. The code under test runs
    in the same process, so it can write to each; a run is believed when all of them say the same.
    """
    if run.seen.bad_lines:
        yield f"{run.seen.bad_lines} lines of the probe's record could not be believed"
    if run.completed.ended is not Ended.EXITED:
        return
    if not run.seen.finished:
        yield "pytest did not come to the end of its session"
    if run.running:
        yield f"{run.running[0].test} began and did not end"
    red = sum(seen.status in _RED for seen in run.observations)
    if red and run.completed.exit_code == 0:
        yield f"pytest ended with exit code 0, and the probe saw {red} tests fail"
    yield from _doubts_about_junit(run, red)


def _doubts_about_junit(run: TestRun, red: int) -> Iterator[str]:
    counts = read_junit(run.junit) if run.junit is not None else None
    if counts is None:
        yield "pytest left no JUnit file" if run.junit is None else "pytest's JUnit file cannot be read"
        return
    if len(run.observations) not in {counts.tests, counts.cases}:
        yield f"the probe saw {len(run.observations)} tests, and pytest's JUnit file has {counts.tests}"
    if red not in {counts.failed, counts.failures} or bool(red) != bool(counts.said):
        yield f"the probe saw {red} tests fail, and pytest's JUnit file says {max(counts.failed, counts.said)}"
