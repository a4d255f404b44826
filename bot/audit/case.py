"""One observed outcome under examination: which kind it is, and the sentence that says why.

Precedence (DESIGN section 4): predicted, then environment, then harness, then other. A failure that is none of
the first three is one of the code under test or of an assertion, but not the one that was predicted.
"""

from __future__ import annotations

import re

from bot.audit.signals import environment_signal, missing_module, skip_hides_environment, wrong_call
from bot.domain.globs import matches_any
from bot.domain.logs import Frame
from bot.domain.plan import Expectation, ServiceNeed
from bot.domain.suite import FailureKind, Observation, Outcome, RaisedException, SeenWarning

_TEST_FILE = re.compile(r"(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$")
_ASSERTIONS = frozenset({"AssertionError", "Failed", "_pytest.outcomes.Failed"})
_GROUPS = frozenset({"BaseExceptionGroup", "exceptiongroup.BaseExceptionGroup"})
_UNAWAITED = re.compile(r"^coroutine '(?P<name>[^']*)' was never awaited")
_REFUSED = re.compile(r"\b(401|403)\b|unauthori[sz]ed|forbidden|invalid (?:token|credentials)", re.IGNORECASE)


def classify(seen: Observation, expectation: Expectation | None, product: tuple[str, ...],
             services: tuple[ServiceNeed, ...]) -> Outcome:
    """The kind of one observed outcome, with the sentence that says why and the frame that decided.

    `product` are globs of product code relative to the repository; those after `!` are exceptions to them.
    """
    return _Case(seen, expectation, product, services).outcome()


class _Case:
    """One observation under examination."""

    def __init__(self, seen: Observation, expectation: Expectation | None, product: tuple[str, ...],
                 services: tuple[ServiceNeed, ...]) -> None:
        self.seen = seen
        self.expectation = expectation
        self.globs = tuple(glob for glob in product if not glob.startswith("!"))
        self.excepted = tuple(glob[1:] for glob in product if glob.startswith("!"))
        self.services = services
        self.raised = seen.exceptions[0] if seen.exceptions else None
        self.failing = self._frame(self.raised)

    def outcome(self) -> Outcome:
        status = self.seen.status
        if status in {"passed", "xpassed"}:
            return self._passed()
        if status == "not_run":
            return self._say(FailureKind.NOT_RUN, "It was collected and never ran.")
        if status == "xfailed":
            return self._say(FailureKind.SKIPPED,
                             f"It failed as its xfail mark allows, which counts as skipped: {self.seen.skip_reason}".
                             rstrip(": ") + ".")
        if status == "skipped":
            return self._environment() or self._skipped()
        return self._predicted() or self._environment() or self._harness() or self._other()

    # places

    def is_product(self, path: str) -> bool:
        """Whether a path is product code and no test's."""
        return (matches_any(path, self.globs) is not None and matches_any(path, self.excepted) is None
                and not _TEST_FILE.search(path) and path != self.seen.path)

    def _frame(self, raised: RaisedException | None) -> Frame | None:
        """The innermost frame of the application or its tests: where the error is theirs."""
        if raised is None:
            return None
        return next((frame for frame in reversed(raised.frames) if frame.in_app), None)

    def _in_product(self, raised: RaisedException | None) -> bool:
        frame = self._frame(raised)
        return frame is not None and self.is_product(frame.path)

    def _say(self, kind: FailureKind, reason: str, frame: Frame | None = None) -> Outcome:
        return Outcome(test=self.seen.test, kind=kind, reason=reason, frame=frame, duration_s=self.seen.duration_s)

    # green

    def _passed(self) -> Outcome:
        if self.seen.status == "xpassed":
            return self._say(FailureKind.PASSED, "It passed although it is marked xfail "
                             f"({self.seen.skip_reason or 'no reason given'}).")
        for warning, name in self._unawaited():
            return self._say(FailureKind.PASSED, f"It passed, but the coroutine `{name}` made at {warning.path}:"
                             f"{warning.line} was never awaited, so that code did not run.")
        return self._say(FailureKind.PASSED, "It passed.")

    def _unawaited(self) -> list[tuple[SeenWarning, str]]:
        return [(warning, found["name"]) for warning in self.seen.warnings
                if (found := _UNAWAITED.match(warning.message))]

    def _skipped(self) -> Outcome:
        return self._say(FailureKind.SKIPPED, f"It was skipped: {self.seen.skip_reason or 'no reason given'}.")

    # predicted

    def _predicted(self) -> Outcome | None:
        expected = self.expectation
        if expected is None or self.raised is None or self._against() is not None:
            return None
        return self._say(
            FailureKind.AS_PREDICTED,
            f"As the plan predicted, {self._happened()}, its message matches /{expected.message}/, and the run "
            f"entered `{expected.reaches.key}`.", self.failing)

    def _against(self) -> str | None:
        """What speaks against the failure being the predicted one, as a clause; None when nothing does."""
        expected, raised = self.expectation, self.raised
        if expected is None or raised is None:
            return "nothing was predicted"
        if self.seen.phase != "call":
            return f"it failed in the {self.seen.phase} phase and not in the test itself"
        against = self._against_assertion(expected) if expected.failure == "assertion" else self._against_type(expected)
        if against:
            return against
        if not self._reached(expected.reaches.key):
            return f"the run never entered `{expected.reaches.key}`"
        return None

    def _against_assertion(self, expected: Expectation) -> str | None:
        raised = self.raised
        assert raised is not None
        if not self._is_assertion(raised):
            return f"an assertion should have failed, not {named(raised)} been raised"
        if self._in_product(raised):
            return f"the assertion that failed is the product's own, at {_at(self.failing)}"
        if not expected.matches(raised.message):
            return f"its message does not match /{expected.message}/"
        # An assertion in an except clause stands for what was caught: a mistake of the test, or an outage that
        # the plan does not speak of, is not what it predicted.
        for cause in self.seen.exceptions[1:]:
            if expected.matches(f"{cause.type}: {cause.message}"):
                continue
            if wrong_call(cause) and not self._in_product(cause):
                return f"it hides {named(cause)}, a mistake of the test at {_at(self._frame(cause))}"
            if environment_signal(cause, self.services) and not self._in_product(cause):
                return f"it hides {named(cause)}, of which the plan does not speak"
        if self._made_in_test():
            return f"the coroutine `{self._made_in_test()}` was never awaited by the test"
        return None

    def _against_type(self, expected: Expectation) -> str | None:
        raised = self.raised
        assert raised is not None
        candidates = [raised]
        if _GROUPS & set(raised.bases):
            candidates = list(self.seen.exceptions)
        fitting = [each for each in candidates if _is_a(each, expected.exception)]
        if not fitting:
            return f"{expected.exception} was predicted and {named(raised)} was raised"
        if not any(expected.matches(each.message) for each in fitting):
            return f"its message does not match /{expected.message}/"
        if not any(self._in_product(each) for each in fitting):
            return f"it was raised in {_at(self._frame(fitting[0]))}, which is not product code"
        return None

    def _reached(self, key: str) -> bool:
        entered = set(self.seen.reached)
        for raised in self.seen.exceptions:
            entered |= {f"{frame.path}::{frame.function}" for frame in raised.frames}
        return any(each == key or each.startswith(f"{key}.<locals>.") for each in entered)

    # environment

    def _environment(self) -> Outcome | None:
        for raised in self.seen.exceptions:
            signal = environment_signal(raised, self.services)
            if signal:
                frame = self._frame(raised) or self.failing
                hidden = "" if raised is self.raised else f", behind {self._front()}"
                return self._say(FailureKind.ENVIRONMENT, f"{signal}: {named(raised)} at {_at(frame)}{hidden}.", frame)
            module = missing_module(raised)
            if module and not self._is_own_module(module, raised):
                frame = self._frame(raised) or self.failing
                return self._say(FailureKind.ENVIRONMENT, f"The module `{module}` is not installed where the tests "
                                 f"ran: {named(raised)} at {_at(frame)}.", frame)
        if self.seen.status == "skipped":
            service = skip_hides_environment(self.seen.skip_reason, self.services)
            if service:
                return self._say(FailureKind.ENVIRONMENT,
                                 f"It skipped itself because {service}: {self.seen.skip_reason}.")
        return None

    def _front(self) -> str:
        return "a skip" if self.seen.status == "skipped" else named(self.raised) if self.raised else "nothing"

    def _is_own_module(self, module: str, raised: RaisedException) -> bool:
        """Whether a missing module would be the repository's own: a name that does not exist, not an installation."""
        top = module.partition(".")[0]
        paths = {frame.path for each in self.seen.exceptions for frame in each.frames if frame.in_app}
        paths |= {key.partition("::")[0] for key in self.seen.reached}
        parts = {part.removesuffix(".py") for path in (*paths, *self.globs, self.seen.path) for part in path.split("/")}
        return top in parts or top in {"tests", "test", "conftest"}

    # harness

    def _harness(self) -> Outcome | None:
        if self.raised is None:
            if self.seen.skip_reason.startswith("[XPASS(strict)]"):
                return None
            return self._say(FailureKind.HARNESS, f"It ended in the {self.seen.phase} phase without an exception: "
                             f"{self.seen.skip_reason[:200]}.")
        if self.seen.phase != "call":
            told = self.seen.exceptions[-1] if self.seen.phase == "collect" else self.raised
            frame = self._frame(told)
            return self._say(FailureKind.HARNESS, f"{named(told)} was raised in the {self.seen.phase} phase, at "
                             f"{_at(frame)}, before or after the test itself.", frame)
        made = self._made_in_test()
        if made:
            return self._say(FailureKind.HARNESS, f"The test never awaited the coroutine `{made}` that it "
                             f"made, and {self._happened()}.", self.failing)
        for raised in self.seen.exceptions:
            mistake = wrong_call(raised)
            if mistake and (not self._in_product(raised) or mistake.by_double):
                frame = self._frame(raised)
                return self._say(FailureKind.HARNESS, f"The test {mistake.words}: {named(raised)} at {_at(frame)}.",
                                 frame)
        if self._is_assertion(self.raised) or self._in_product(self.raised):
            return None
        return self._error_in_test(self.raised)

    def _error_in_test(self, raised: RaisedException) -> Outcome | None:
        innermost = raised.frames[-1] if raised.frames else None
        by_library = innermost is not None and not innermost.in_app
        if by_library and self.seen.reached and not _REFUSED.search(raised.message):
            # What a client library raises in the test's hands may be the product's answer.
            return None
        return self._say(FailureKind.HARNESS, f"{named(raised)} arose in the test's own code at {_at(self.failing)}, "
                         "not in product code.", self.failing)

    def _made_in_test(self) -> str:
        return next((name for warning, name in self._unawaited() if not self.is_product(warning.path)), "")

    # other

    def _other(self) -> Outcome:
        if self.raised is None:
            return self._say(FailureKind.OTHER_FAILURE, "It passed although its strict xfail mark says that it cannot: "
                             f"{self.seen.skip_reason}.")
        against = f"; not as predicted: {self._against()}" if self.expectation is not None else ""
        happened = self._happened()
        return self._say(FailureKind.OTHER_FAILURE, f"{happened[0].upper()}{happened[1:]}{against}.", self.failing)

    def _happened(self) -> str:
        assert self.raised is not None
        if self._is_assertion(self.raised) and not self._in_product(self.raised):
            return f"the assertion at {_at(self.failing)} failed ({named(self.raised)})"
        place = "product code" if self._in_product(self.raised) else "a library called by the test"
        return f"{named(self.raised)} was raised in {place} at {_at(self.failing)}"

    def _is_assertion(self, raised: RaisedException) -> bool:
        return bool(_ASSERTIONS & {raised.type, *raised.bases})


def named(raised: RaisedException) -> str:
    """An exception as a reader would quote it: type and first line."""
    lines = [line.strip() for line in raised.message.splitlines() if line.strip()]
    first = lines[0] if lines else ""
    return f"`{_short_name(raised.type)}: {first[:200]}`" if first else f"`{_short_name(raised.type)}`"


def _short_name(name: str) -> str:
    return name.rpartition(".")[2]


def _at(frame: Frame | None) -> str:
    return f"{frame.path}:{frame.line}" if frame else "a place that was not recorded"




def _is_a(raised: RaisedException, wanted: str) -> bool:
    names = {raised.type, *raised.bases}
    return wanted.removeprefix("builtins.") in names or wanted in {_short_name(name) for name in names}
