"""Whether a failure is the one that the plan predicted, and if not, what speaks against it."""

from __future__ import annotations

from bot.audit.outcomes.hidden import foretells_outage, missed
from bot.audit.outcomes.sight import Sight
from bot.audit.outcomes.signals import environment_signal, mentioned_mistake
from bot.audit.outcomes.wording import at, named
from bot.domain.plan import Expectation
from bot.domain.suite import RaisedException

_GROUPS = frozenset({"BaseExceptionGroup", "exceptiongroup.BaseExceptionGroup"})


def against(sight: Sight, expected: Expectation | None) -> str | None:
    """What speaks against the failure being the predicted one, as a clause; None when nothing does."""
    raised = sight.raised
    if expected is None or raised is None:
        return "nothing was predicted"
    if sight.seen.phase != "call":
        return f"it failed in the {sight.seen.phase} phase and not in the test itself"
    if sight.is_time_limit(raised):
        return "a time limit ended the test"
    check = _against_assertion if expected.failure == "assertion" else _against_type
    otherwise = check(sight, expected, raised) or _hidden(sight, expected)
    if otherwise:
        return otherwise
    if not sight.reached(expected.reaches.key):
        if sight.told:
            return f"the results do not say whether the run entered `{expected.reaches.key}`"
        return f"the run never entered `{expected.reaches.key}`"
    return None


def _against_assertion(sight: Sight, expected: Expectation, raised: RaisedException) -> str | None:
    if not sight.is_assertion(raised):
        return f"an assertion should have failed, not {named(raised)} been raised"
    if sight.in_product(raised):
        return f"the assertion that failed is the product's own, at {at(sight.failing)}"
    if not expected.matches(raised.message):
        return f"its message does not match /{expected.message}/"
    mistake = mentioned_mistake(raised.message)
    if mistake and not expected.matches(mistake):
        return f"its message tells of a wrong call: `{mistake}`"
    # An assertion in an except clause stands for what was caught: a mistake of the test, or an outage that
    # the plan does not speak of, is not what it predicted.
    for cause in sight.seen.exceptions[1:]:
        if not expected.matches(f"{cause.type}: {cause.message}") and sight.died_in_helper(cause):
            return f"it hides {named(cause)}, which a helper of the test raised at {at(sight.frame(cause))}"
    for each in sight.seen.exceptions:
        if sight.was_denied(each):
            return f"it was {named(each)} in the tests' own way to get access, at {at(sight.frame(each))}"
    if sight.made_in_test():
        return f"the coroutine `{sight.made_in_test()}` was never awaited by the test"
    return None


def _against_type(sight: Sight, expected: Expectation, raised: RaisedException) -> str | None:
    candidates = [raised]
    if _GROUPS & set(raised.bases) or raised.type.endswith("PytestUnhandledThreadExceptionWarning"):
        candidates = list(sight.seen.exceptions)
    fitting = [each for each in candidates if _is_a(each, expected.exception)]
    if not fitting:
        return f"{expected.exception} was predicted and {named(raised)} was raised"
    if not any(expected.matches(each.message) for each in fitting):
        return f"its message does not match /{expected.message}/"
    if not any(sight.in_product(each) for each in fitting):
        return f"it was raised in {at(sight.frame(fitting[0]))}, which is not product code"
    return None


def _hidden(sight: Sight, expected: Expectation) -> str | None:
    """The mistake of the test, or the outage, that stands behind a failure and of which the plan does not speak."""
    for each, _, by in sight.mistakes():
        if each is not sight.raised and not expected.matches(f"{each.type}: {each.message}"):
            whose = f" of {by}" if by else ""
            return f"it hides {named(each)}{whose}, a mistake of the test at {at(sight.frame(each))}"
    if foretells_outage(expected):
        return None
    for each in (*sight.seen.exceptions, *(printed.raised for printed in sight.printed)):
        foretold = (expected.failure == "exception" and expected.matches(each.message)) or (
            each is not sight.raised and expected.matches(f"{each.type}: {each.message}"))
        if not foretold and environment_signal(each, sight.services):
            return f"it hides {named(each)}, of which the plan does not speak"
    outage = missed(sight.seen.connections, sight.services, lenient=False)
    if outage is not None:
        return f"it hides that {outage.words}, of which the plan does not speak"
    return None


def _is_a(raised: RaisedException, wanted: str) -> bool:
    names = {raised.type, *raised.bases}
    return wanted.removeprefix("builtins.") in names or wanted in {name.rpartition(".")[2] for name in names}
