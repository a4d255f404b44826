"""A test that nobody planned fails by a mistake of its own, by the clock, or not every time."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.observed.recorded import Recorded, recorded
from bot.audit.outcomes.signals import wrong_call
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every
from bot.audit.rule import Context, Example, Hit, Rule
from bot.domain.logs import Frame
from bot.domain.suite import FailureKind, Observation, Outcome, RaisedException

_CLOCK = {
    "sleep", "time", "monotonic", "perf_counter", "now", "utcnow", "wait_for", "timeout", "fail_after", "move_on_after",
}


def _check(context: Context) -> Iterator[Hit]:
    for test in recorded(context):
        if context.planned(test.view.case) is not None:
            continue
        if (outcome := test.of_kind(FailureKind.HARNESS)) is not None:
            frame = outcome.frame
            line = frame.line if frame is not None and frame.path == test.view.source.path else None
            yield test.hit(f"it failed by a mistake of its own and shows nothing of the product: {outcome.reason}",
                           at=line, of_class=_mistake(test))
        elif (outcome := test.of_kind(FailureKind.FLAKY)) is not None:
            timed = _goes_by_the_clock(test)
            yield test.hit(f"runs of the same code do not agree on it: {outcome.reason}",
                           of_class="sleep-timing" if timed else "order-dependent", warning=not timed)
        elif (outcome := test.of_kind(FailureKind.TIMEOUT)) is not None:
            yield test.hit(f"it did not come to its end: {outcome.reason}", of_class="sleep-timing", warning=True)


def _mistake(test: Recorded) -> str:
    """The class of defect that the exceptions tell of."""
    for seen in test.seen:
        unawaited = any("was never awaited" in warning.message for warning in seen.warnings)
        for raised in seen.exceptions:
            found = wrong_call(raised)
            kinds = {raised.type.rpartition(".")[2], *raised.bases}
            if found is not None and kinds & {"AttributeError", "NameError", "ImportError"}:
                return "unawaited-coroutine" if "'coroutine' object" in raised.message else "missing-symbol"
            if found is not None and "await" in f"{raised.message}" and "coroutine' object" not in raised.message:
                return "await-on-sync"
            if "'coroutine' object" in raised.message:
                return "unawaited-coroutine"
            if found is not None and "signature" in found.words:
                return "wrong-signature"
        if seen.status in {"failed", "error"} and unawaited:
            return "unawaited-coroutine"
    return "harness-as-repro"


def _goes_by_the_clock(test: Recorded) -> bool:
    parts = [test.view.node, *(item.node for item in test.view.helpers)]
    return any(last_name(call.func) in _CLOCK for part in parts for call in every(part, ast.Call))


_ID = "tests/unit/test_example.py::test_one"
_PATH = "tests/unit/test_example.py"
_BAD = """\
from product.service import one


def test_one():
    wanted = {'one': 1}
    assert one() == wanted['two']
"""
_RAISED = RaisedException(
    type="KeyError", bases=("KeyError", "LookupError", "Exception"), message="'two'",
    frames=(Frame(path=_PATH, line=6, function="test_one"),))

RULE = Rule(
    id="failed-by-itself",
    defect_class="harness-as-repro",
    title="The test fails by a mistake of its own",
    rationale="An error in the test, its helpers or its fixtures shows nothing of the product, and it would stay.",
    hint="Call the product as it is defined, and let the failure be one of an assertion.",
    check=_check,
    needs_run=True,
    good=Example(
        _BAD.replace("'two'", "'one'"), "def one():\n    return 1\n",
        observations=(Observation(test=_ID, path=_PATH, line=4, status="passed"),),
        outcomes=(Outcome(test=_ID, kind=FailureKind.PASSED, reason="It passed."),)),
    bad=Example(
        _BAD, "def one():\n    return 1\n",
        observations=(Observation(test=_ID, path=_PATH, line=4, status="failed", phase="call", exceptions=(_RAISED,)),),
        outcomes=(Outcome(test=_ID, kind=FailureKind.HARNESS, reason="KeyError arose in the test."),)),
)
