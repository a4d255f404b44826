"""What really happened when tests ran, and what kind of failure each outcome is."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from bot.domain.base import Frozen, Sha
from bot.domain.logs import Frame

Phase = Literal["collect", "setup", "call", "teardown"]
RawStatus = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed", "not_run"]


class RaisedException(Frozen):
    """One exception of a chain as the probe saw it, outermost frame first.

    `bases` are the qualified names of its classes up to BaseException, its own first.
    `rewritten` is True for an `assert` that pytest explained.
    """

    type: str
    message: str
    bases: tuple[str, ...] = ()
    frames: tuple[Frame, ...] = ()
    rewritten: bool = False


class SeenWarning(Frozen):
    """A warning during the run of one test."""

    category: str
    message: str
    path: str = ""
    line: int = 0


class Connection(Frozen):
    """An address that a test, or code that it runs, tried to reach.

    `address` is `host:port`, the host alone where its name was not found, or a socket's path. `error` is empty
    when it answered, else `refused`, `timed out`, `unknown host`, `unreachable` or the error's name.
    `own`: the test process itself had listened there before.
    """

    address: str
    error: str = ""
    own: bool = False


class SeenMock(Frozen):
    """A mock that a test or its fixtures made. `target` is what it was patched in for (`module.attribute`), or empty.

    `calls` counts calls of it and of its attributes, in the call phase. `checked`: an `assert_*` method of it ran.
    """

    path: str
    line: int
    target: str = ""
    calls: int = 0
    checked: bool = False


class FileLines(Frozen):
    """Lines of one file that ran, sorted."""

    path: str
    lines: tuple[int, ...]


class Observation(Frozen):
    """All that the probe recorded of one test. `exceptions`: what failed first, then its causes.

    `reached` holds `path::qualified.name` of the product functions entered in the call phase.
    `phase` is where it ended, None when it passed. Durations are in seconds. `lines` are those of product and test
    files that ran in the call phase, `mocks` what became of each mock, and `caught` the exceptions that came to code
    of a test file without leaving the test; all three only where the run was asked to watch (`watched`). For the
    status `not_run`, `skip_reason` says why it was not begun.
    """

    test: str
    path: str
    line: int = 0
    status: RawStatus
    phase: Phase | None = None
    exceptions: tuple[RaisedException, ...] = ()
    skip_reason: str = ""
    warnings: tuple[SeenWarning, ...] = ()
    reached: tuple[str, ...] = ()
    connections: tuple[Connection, ...] = ()
    caught: tuple[RaisedException, ...] = ()
    watched: bool = False
    lines: tuple[FileLines, ...] = ()
    mocks: tuple[SeenMock, ...] = ()
    duration_s: float = 0.0


class FailureKind(StrEnum):
    """What an outcome is. Only `as_predicted` counts as a reproduction."""

    PASSED = "passed"
    AS_PREDICTED = "as_predicted"
    OTHER_FAILURE = "other_failure"
    HARNESS = "harness"
    ENVIRONMENT = "environment"
    TIMEOUT = "timeout"
    FLAKY = "flaky"
    SKIPPED = "skipped"
    NOT_RUN = "not_run"


RED = frozenset({
    FailureKind.AS_PREDICTED, FailureKind.OTHER_FAILURE, FailureKind.HARNESS,
    FailureKind.ENVIRONMENT, FailureKind.TIMEOUT, FailureKind.FLAKY,
})
"""The kinds in which a test failed or erred, or went without the service that it needs."""


class Outcome(Frozen):
    """One test in one run: its kind, the sentence that says why, and the frame that decided."""

    test: str
    kind: FailureKind
    reason: str
    frame: Frame | None = None
    duration_s: float = 0.0


class Ended(StrEnum):
    """How a sandboxed process came to its end."""

    EXITED = "exited"
    TIMEOUT = "timeout"
    OUTPUT_LIMIT = "output_limit"
    PROCESS_LIMIT = "process_limit"
    MEMORY_LIMIT = "memory_limit"
    DISK_LIMIT = "disk_limit"


ENDED_IN_WORDS: dict[Ended, str] = {
    Ended.EXITED: "ended by itself",
    Ended.TIMEOUT: "was ended at the time limit",
    Ended.OUTPUT_LIMIT: "was ended because it printed more than allowed",
    Ended.PROCESS_LIMIT: "was ended because it started more processes than allowed",
    Ended.MEMORY_LIMIT: "was ended because it used more memory than allowed",
    Ended.DISK_LIMIT: "was ended because it wrote more to disk than allowed",
}


class SuiteResult(Frozen):
    """One run of a suite. All counts are computed from `outcomes`.

    `doubts` say why the record of the run cannot be believed; empty when its accounts agree. `ran` is False
    when there was nothing to run; `note` then says why. `seed` gave the order of the tests and the state of `random`,
    None for the order of the files; `pressure`: all processors were kept busy.
    """

    label: str
    tree: Sha
    command: str
    ended: Ended
    exit_code: int | None
    outcomes: tuple[Outcome, ...]
    duration_s: float
    junit: str = ""
    log: str = ""
    note: str = ""
    doubts: tuple[str, ...] = ()
    ran: bool = True
    seed: int | None = None
    pressure: bool = False

    def of(self, *kinds: FailureKind) -> tuple[Outcome, ...]:
        """The outcomes of these kinds."""
        return tuple(outcome for outcome in self.outcomes if outcome.kind in kinds)

    @property
    def total(self) -> int:
        """How many tests this run has an outcome for."""
        return len(self.outcomes)

    @property
    def passed(self) -> int:
        """How many passed."""
        return len(self.of(FailureKind.PASSED))

    @property
    def red(self) -> int:
        """How many failed or erred, for whatever reason."""
        return len(self.of(*RED))


class Ran(Frozen):
    """One run: the result for the record, and what the probe saw of each test. Neither holds a plain secret."""

    result: SuiteResult
    observations: tuple[Observation, ...] = ()
