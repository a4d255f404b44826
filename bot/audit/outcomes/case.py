"""One observed outcome under examination: which kind it is, and the sentence that says why.

Precedence (DESIGN section 4): predicted, then environment, then harness, then other; the end of a wait stands before
harness. A failure that is none of these is one of the code under test or of an assertion, but not the predicted one.
"""

from __future__ import annotations

from bot.audit.outcomes.hidden import foretells_outage
from bot.audit.outcomes.predicted import against
from bot.audit.outcomes.sight import Sight
from bot.audit.outcomes.signals import (
    NAMED,
    UNNAMED,
    environment_signal,
    mentioned_mistake,
    misses_credentials,
    missing_module,
    skip_hides_environment,
)
from bot.audit.outcomes.wording import NOT_BEGUN, at, named
from bot.domain.logs import Frame
from bot.domain.plan import Expectation, ServiceNeed
from bot.domain.suite import FailureKind, Observation, Outcome, RaisedException

__all__ = ["classify", "named"]


def classify(seen: Observation, expectation: Expectation | None, product: tuple[str, ...],
             services: tuple[ServiceNeed, ...], *, told: bool = False,
             modules: frozenset[str] = frozenset()) -> Outcome:
    """The kind of one observed outcome, with the sentence that says why and the frame that decided.

    `product` are globs of product code relative to the repository; those after `!` are exceptions to them. `services`
    are those that are declared. `told`: it was read in a report of results, and nobody watched. `modules` are names
    of folders and modules that are known to lie in the repository.
    """
    home = (expectation.reaches.path,) if expectation is not None else ()
    return _Case(Sight(seen, product, services, home, told), expectation, modules).outcome()


def module_parts(seen: Observation) -> frozenset[str]:
    """The folders and modules, by their bare names, in which something of the repository's ran."""
    paths = {frame.path for each in seen.exceptions for frame in each.frames if frame.in_app}
    paths |= {key.partition("::")[0] for key in seen.reached} | {file.path for file in seen.lines} | {seen.path}
    return frozenset(part.removesuffix(".py") for path in paths for part in path.split("/"))


class _Case:
    """One observation under examination."""

    def __init__(self, sight: Sight, expectation: Expectation | None, modules: frozenset[str]) -> None:
        self.sight = sight
        self.modules = modules
        self.seen = sight.seen
        self.expectation = expectation
        self.raised = sight.raised
        self.failing = sight.failing

    def outcome(self) -> Outcome:
        status = self.seen.status
        if status in {"passed", "xpassed"}:
            return self._hidden_outage("It passed") or self._passed()
        if status == "not_run":
            if self.seen.skip_reason:
                return self._say(FailureKind.NOT_RUN, f"{NOT_BEGUN}{self.seen.skip_reason.rstrip('.')}.")
            return self._say(FailureKind.NOT_RUN, "It was collected and never ran.")
        if status == "xfailed":
            return self._environment() or self._hidden_outage("It failed as its xfail mark allows") or self._say(
                FailureKind.SKIPPED, f"It failed as its xfail mark allows, which counts as skipped: "
                                     f"{self.seen.skip_reason}".rstrip(": ") + ".")
        if status == "skipped":
            return self._environment() or self._hidden_outage("It was skipped") or self._skipped()
        return (self._predicted() or self._environment() or self._outage_behind_assertion() or self._timeout()
                or self._harness() or self._hidden_outage(f"It failed with {self._front()}") or self._other())

    def _say(self, kind: FailureKind, reason: str, frame: Frame | None = None) -> Outcome:
        return Outcome(test=self.seen.test, kind=kind, reason=reason, frame=frame, duration_s=self.seen.duration_s)

    # green

    def _passed(self) -> Outcome:
        if self.seen.status == "xpassed":
            return self._say(FailureKind.PASSED, "It passed although it is marked xfail "
                             f"({self.seen.skip_reason or 'no reason given'}).")
        for name, path, line in self.sight.unawaited():
            return self._say(FailureKind.PASSED, f"It passed, but the coroutine `{name}` made at {path}:"
                             f"{line} was never awaited, so that code did not run.")
        for raised, by in self.sight.printed:
            frame = self.sight.frame(raised)
            return self._say(FailureKind.PASSED, f"It passed, but {by} of it died of {named(raised)} at {at(frame)}.",
                             frame)
        return self._say(FailureKind.PASSED, "It passed.")

    def _skipped(self) -> Outcome:
        return self._say(FailureKind.SKIPPED, f"It was skipped: {self.seen.skip_reason or 'no reason given'}.")

    # predicted

    def _predicted(self) -> Outcome | None:
        expected = self.expectation
        if expected is None or self.raised is None or against(self.sight, expected) is not None:
            return None
        return self._say(
            FailureKind.AS_PREDICTED,
            f"As the plan predicted, {self._happened()}, its message matches /{expected.message}/, and the run "
            f"entered `{expected.reaches.key}`.", self.failing)

    # environment

    def _environment(self) -> Outcome | None:
        sight = self.sight
        for raised, by in [*((each, "") for each in self.seen.exceptions), *sight.printed]:
            signal = environment_signal(raised, sight.services)
            if not signal and misses_credentials(raised) and not sight.in_product(raised) \
                    and not sight.is_assertion(raised):
                signal = "Credentials are missing"
            if signal == UNNAMED and sight.outage is not None and sight.outage.service:
                signal = NAMED.format(sight.outage.service)
            if signal:
                frame = sight.frame(raised) or self.failing
                hidden = "" if raised is self.raised else f", behind {self._front()}"
                return self._say(FailureKind.ENVIRONMENT, f"{signal}: {named(raised)}{_in(by)} at {at(frame)}{hidden}.",
                                 frame)
            module = missing_module(raised)
            if module and not self._is_own_module(module):
                frame = sight.frame(raised) or self.failing
                return self._say(FailureKind.ENVIRONMENT, f"The module `{module}` is not installed where the tests "
                                 f"ran: {named(raised)}{_in(by)} at {at(frame)}.", frame)
        if self.seen.status == "skipped":
            service = skip_hides_environment(self.seen.skip_reason, sight.services)
            if service:
                return self._say(FailureKind.ENVIRONMENT,
                                 f"It skipped itself because {service}: {self.seen.skip_reason}.")
        return None

    def _outage_behind_assertion(self) -> Outcome | None:
        raised = self.raised
        if raised is None or self.sight.in_product(raised):
            return None
        if not self.sight.is_assertion(raised) and (self.seen.phase == "call" or self.sight.mistakes()):
            return None
        return self._hidden_outage(f"It failed with {named(raised)}")

    def _hidden_outage(self, happened: str) -> Outcome | None:
        """What the test met and does not tell of: a service that gave no answer, and that nobody foretold."""
        outage = self.sight.outage
        if outage is None or (self.expectation is not None and foretells_outage(self.expectation)):
            return None
        return self._say(FailureKind.ENVIRONMENT, f"{happened}, but {outage.words} and the test hid it.", self.failing)

    def _front(self) -> str:
        return "a skip" if self.seen.status == "skipped" else named(self.raised) if self.raised else "nothing"

    def _is_own_module(self, module: str) -> bool:
        """Whether a missing module would be the repository's own: a name that does not exist, not an installation."""
        top = module.partition(".")[0]
        known = module_parts(self.seen) | {part.removesuffix(".py") for glob in self.sight.globs
                                           for part in glob.split("/")}
        # Of a name with a dot Python has found the first part, so it is enough that the repository has that somewhere.
        below = "." in module and top in self.modules
        return below or top in known or top in {"tests", "test", "conftest"}

    # timeout

    def _timeout(self) -> Outcome | None:
        sight, raised = self.sight, self.raised
        if raised is None:
            return None
        if sight.is_time_limit(raised):
            return self._say(FailureKind.TIMEOUT, f"The time limit of pytest-timeout ended it at {at(self.failing)}: "
                             f"{named(raised)}.", self.failing)
        if not sight.gave_up_waiting(raised):
            return None
        waited = next((frame for each in self.seen.exceptions[1:] if sight.in_product(each)
                       and (frame := sight.frame(each)) is not None), None)
        inside = f", while product code was at {at(waited)}" if waited else ""
        return self._say(FailureKind.TIMEOUT, f"The test gave up waiting at {at(self.failing)}{inside}: "
                         f"{named(raised)}.", waited or self.failing)

    # harness

    def _harness(self) -> Outcome | None:
        sight = self.sight
        if self.raised is None:
            if self.seen.skip_reason.startswith("[XPASS(strict)]"):
                return None
            return self._say(FailureKind.HARNESS, f"It ended in the {self.seen.phase} phase without an exception: "
                             f"{self.seen.skip_reason[:200]}.")
        if self.seen.phase != "call":
            told = self.seen.exceptions[-1] if self.seen.phase == "collect" else self.raised
            frame = sight.frame(told)
            return self._say(FailureKind.HARNESS, f"{named(told)} was raised in the {self.seen.phase} phase, at "
                             f"{at(frame)}, before or after the test itself.", frame)
        made = sight.made_in_test()
        if made:
            return self._say(FailureKind.HARNESS, f"The test never awaited the coroutine `{made}` that it "
                             f"made, and {self._happened()}.", self.failing)
        for raised, words, by in sight.mistakes():
            frame = sight.frame(raised)
            hidden = "" if raised is self.raised or by else f", behind {self._front()}"
            return self._say(FailureKind.HARNESS, f"The test {words}: {named(raised)}{_in(by)} at {at(frame)}{hidden}.",
                             frame)
        for raised in self.seen.exceptions:
            if sight.was_denied(raised):
                frame = sight.frame(raised)
                return self._say(FailureKind.HARNESS, f"The tests' own way to get access was denied: {named(raised)} "
                                 f"at {at(frame)}.", frame)
        if sight.is_assertion(self.raised) and not sight.in_product(self.raised):
            return self._mistake_in_message(self.raised) or self._helper_behind(self.raised)
        if sight.in_product(self.raised):
            return None
        return self._error_in_test(self.raised)

    def _mistake_in_message(self, raised: RaisedException) -> Outcome | None:
        mistake = mentioned_mistake(raised.message)
        if not mistake:
            return None
        return self._say(FailureKind.HARNESS, f"The assertion at {at(self.failing)} counts a wrong call as a failure: "
                         f"`{mistake}`.", self.failing)

    def _helper_behind(self, raised: RaisedException) -> Outcome | None:
        for cause in self.seen.exceptions[1:]:
            if self.sight.died_in_helper(cause):
                frame = self.sight.frame(cause)
                return self._say(FailureKind.HARNESS, f"A helper of the test failed: {named(cause)} at {at(frame)}, "
                                 f"behind {named(raised)}.", frame)
        return None

    def _error_in_test(self, raised: RaisedException) -> Outcome | None:
        if self.sight.told and (self.failing is None or self.sight.in_library(raised)):
            # Results do not say what product code ran before.
            return None
        if self.sight.in_library(raised) and self.seen.reached and not self.sight.speaks_of_access(raised):
            # What a client library raises in the test's hands may be the product's answer.
            return None
        return self._say(FailureKind.HARNESS, f"{named(raised)} arose in the test's own code at {at(self.failing)}, "
                         "not in product code.", self.failing)

    # other

    def _other(self) -> Outcome:
        if self.raised is None:
            return self._say(FailureKind.OTHER_FAILURE, "It passed although its strict xfail mark says that it cannot: "
                             f"{self.seen.skip_reason}.")
        why = f"; not as predicted: {against(self.sight, self.expectation)}" if self.expectation is not None else ""
        happened = self._happened()
        return self._say(FailureKind.OTHER_FAILURE, f"{happened[0].upper()}{happened[1:]}{why}.", self.failing)

    def _happened(self) -> str:
        assert self.raised is not None
        if self.sight.is_assertion(self.raised) and not self.sight.in_product(self.raised):
            return f"the assertion at {at(self.failing)} failed ({named(self.raised)})"
        if self.sight.told and self.failing is None:
            return f"{named(self.raised)} was raised at a place that the results do not tell"
        place = "product code" if self.sight.in_product(self.raised) else "a library called by the test"
        return f"{named(self.raised)} was raised in {place} at {at(self.failing)}"


def _in(by: str) -> str:
    return f" in {by}" if by else ""
