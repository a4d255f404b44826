"""One observation and what can be told from it: whose code is where, what was reached, and what it hides."""

from __future__ import annotations

import re
from functools import cached_property

from bot.audit.outcomes.hidden import Outage, Printed, at_home, died_in_threads, missed, printed_exceptions
from bot.audit.outcomes.signals import wrong_call
from bot.domain.globs import matches_any
from bot.domain.logs import Frame
from bot.domain.plan import ServiceNeed
from bot.domain.suite import Observation, RaisedException

_TEST_FILE = re.compile(r"(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$")
_ASSERTIONS = frozenset({"AssertionError", "Failed", "_pytest.outcomes.Failed"})
_UNAWAITED = re.compile(r"^coroutine '(?P<name>[^']*)' was never awaited")
_GIVES_ACCESS = re.compile(r"auth|log_?in|sign_?in|token|credential|password|session|bearer|jwt", re.IGNORECASE)
_REFUSED = re.compile(r"\b(401|403)\b|unauthori[sz]ed|forbidden|invalid (?:token|credentials)", re.IGNORECASE)
_TIMEOUTS = re.compile(r"(^|\.)(TimeoutError|TimeoutExpired|TooSlowError|timeout)$")
_BY_PLUGIN = re.compile(r"^Timeout (?:\(>|>)\s*[\d.]+\s?s")


class Sight:
    """One observation, looked at with what is known of the repository.

    `product` are globs of product code; those after `!` are exceptions to them. `told` is True for what a report of
    results says, which has printed tracebacks and no list of the functions that were entered.
    """

    def __init__(self, seen: Observation, product: tuple[str, ...], services: tuple[ServiceNeed, ...],
                 home: tuple[str, ...] = (), told: bool = False) -> None:
        self.seen = seen
        self.services = services
        self.told = told
        self.globs = tuple(glob for glob in product if not glob.startswith("!"))
        self._excepted = tuple(glob[1:] for glob in product if glob.startswith("!"))
        self._home = home
        self.raised = seen.exceptions[0] if seen.exceptions else None
        self.failing = self.frame(self.raised)

    # places

    def is_product(self, path: str) -> bool:
        """Whether a path is product code and no test's."""
        return (matches_any(path, self.globs) is not None and matches_any(path, self._excepted) is None
                and not _TEST_FILE.search(path) and path != self.seen.path)

    def frame(self, raised: RaisedException | None) -> Frame | None:
        """The innermost frame of the application or its tests: where the error is theirs."""
        if raised is None:
            return None
        return next((frame for frame in reversed(raised.frames) if frame.in_app), None)

    def in_product(self, raised: RaisedException | None) -> bool:
        """Whether an exception is product code's own."""
        frame = self.frame(raised)
        return frame is not None and self.is_product(frame.path)

    def in_library(self, raised: RaisedException) -> bool:
        """Whether a library raised it, called by whoever."""
        return bool(raised.frames) and not raised.frames[-1].in_app

    # what happened besides

    @cached_property
    def printed(self) -> tuple[Printed, ...]:
        """The exceptions of threads, and those of other processes that the failure's message holds."""
        found = died_in_threads(self.seen.warnings)
        for raised in self.seen.exceptions:
            found += printed_exceptions(raised.message, "another process")
        return tuple(Printed(self._brought_home(each.raised), each.by) for each in found)

    def _brought_home(self, raised: RaisedException) -> RaisedException:
        known = (*self._home, self.seen.path, *(key.partition("::")[0] for key in self.seen.reached),
                 *(frame.path for each in self.seen.exceptions for frame in each.frames if frame.in_app))
        return raised.model_copy(update={"frames": tuple(
            frame.model_copy(update={"path": at_home(frame.path, known, self.is_product)}) if frame.in_app else frame
            for frame in raised.frames)})

    @cached_property
    def outage(self) -> Outage | None:
        """A service without an answer that the exceptions need not speak of."""
        return missed(self.seen.connections, self.services)

    def unawaited(self) -> list[tuple[str, str, int]]:
        """The coroutines that were never awaited: name, and path and line of where they were made."""
        return [(found["name"], warning.path, warning.line) for warning in self.seen.warnings
                if (found := _UNAWAITED.match(warning.message))]

    def made_in_test(self) -> str:
        """The first coroutine that the test made and never awaited; empty when there is none."""
        return next((name for name, path, _ in self.unawaited() if not self.is_product(path)), "")

    def reached(self, key: str) -> bool:
        """Whether the run entered the function `path::qualified.name`, by what was seen or by a printed traceback."""
        entered = set(self.seen.reached)
        for raised in self.seen.exceptions:
            entered |= {f"{frame.path}::{frame.function}" for frame in raised.frames}
        if any(each == key or each.startswith(f"{key}.<locals>.") for each in entered):
            return True
        path, _, function = key.partition("::")
        bare = f"{path}::{function.rpartition('.')[2]}"
        printed = [each.raised for each in self.printed] + (list(self.seen.exceptions) if self.told else [])
        return any(f"{frame.path}::{frame.function.rpartition('.')[2]}" == bare
                   for raised in printed for frame in raised.frames)

    # what an exception is

    @staticmethod
    def is_assertion(raised: RaisedException) -> bool:
        """Whether it is an assertion's, or `pytest.fail`."""
        return bool(_ASSERTIONS & {raised.type, *raised.bases}) and not Sight.is_time_limit(raised)

    @staticmethod
    def is_time_limit(raised: RaisedException) -> bool:
        """Whether pytest-timeout ended the test."""
        return raised.type.endswith("Failed") and bool(_BY_PLUGIN.match(raised.message))

    def gave_up_waiting(self, raised: RaisedException) -> bool:
        """Whether the test, or a helper or library that it called, stopped to wait for something."""
        return any(_TIMEOUTS.search(name) for name in (raised.type, *raised.bases)) and not self.in_product(raised)

    def was_denied(self, raised: RaisedException) -> bool:
        """Whether a helper of the tests that gets access did not get it."""
        if not _REFUSED.search(raised.message) or self.in_product(raised):
            return False
        names = [frame.function.rpartition(".")[2] for frame in raised.frames
                 if frame.in_app and not self.is_product(frame.path)]
        return any(_GIVES_ACCESS.search(name) and not name.startswith("test") for name in names)

    @staticmethod
    def speaks_of_access(raised: RaisedException) -> bool:
        """Whether it tells of missing rights at all."""
        return bool(_REFUSED.search(raised.message))

    def died_in_helper(self, raised: RaisedException) -> bool:
        """Whether a helper of the tests, and not the test function, raised it: neither a verdict nor the end of a wait.

        What a library raises in a helper's hands may be the product's answer, so it is not meant.
        """
        frame = self.frame(raised)
        if frame is None or self.is_product(frame.path) or self.in_library(raised) or self.gave_up_waiting(raised):
            return False
        if self.is_assertion(raised) or len([each for each in raised.frames if each.in_app]) < 2:
            return False
        return not frame.function.rpartition(".")[2].startswith(("test", "<"))

    def mistakes(self) -> list[tuple[RaisedException, str, str]]:
        """The wrong calls of the test among all that happened: exception, words, and in whose hands (or empty)."""
        found = []
        # What a test caught and then failed by an assertion for: the assertion may just count it.
        caught = self.seen.caught if self.raised is not None and self.is_assertion(self.raised) else ()
        for raised, by in [*((each, "") for each in (*self.seen.exceptions, *caught)), *self.printed]:
            mistake = wrong_call(raised)
            unplaced = not by and self.frame(raised) is None
            if mistake is None or (unplaced and (self.told or raised is not self.raised)):
                # What a library raised and caught within itself is its own way to work.
                continue
            if not self.in_product(raised) or mistake.by_double:
                found.append((raised, mistake.words, by))
        return found
