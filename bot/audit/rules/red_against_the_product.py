"""A test that nobody planned fails, and nothing in the implementation's words speaks for it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from bot.audit.dataflow.flow import Kind, kinds
from bot.audit.observed.recorded import Recorded, recorded
from bot.audit.observed.support import Claim, Word, judge
from bot.audit.outcomes.wording import named
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every
from bot.audit.rule import Context, Example, Hit, Rule
from bot.audit.surroundings.awaiting import NEVER_AWAITED
from bot.audit.view import View
from bot.domain.suite import FailureKind, Observation, Outcome, RaisedException

_ASSERTIONS = {"AssertionError", "Failed", "_pytest.outcomes.Failed", "FailTest"}
_NOT_RAISED = re.compile(
    r"DID NOT RAISE (?:any of )?\(?(?:<class ')?(?:[\w.<>]+\.)?(\w+)|^(\w+) not raised", re.MULTILINE)
"""As pytest and unittest say it; pytest before version 9 writes the class as its repr."""
_REWRITTEN = re.compile(r"^assert (?!not )(.+?) (==|!=|<=|>=|<|>|is not|is|not in|in) (.+)$", re.MULTILINE)
_UNITTEST = re.compile(
    r"^(.+?) (?:!=|not greater than|not less than|is not|not found in|==) (.+?)(?: : .*)?$", re.MULTILINE)
_NOT_INSTALLED = re.compile(
    r"(must|needs? to|has to|have to|should) be installed|not installed|pip install", re.IGNORECASE)
_OWN_RAISE = re.compile(r"^\s*raise\b")
_AT_ONCE = {"gather", "Thread", "ThreadPoolExecutor", "TaskGroup", "create_task_group", "create_task", "ensure_future",
            "start_soon", "as_completed", "wait"}
_MOST_SHOWN = 160
_MOST_READ = 4_000
"""Characters of a failure's message: how it compared stands at the beginning."""


class _Sides(NamedTuple):
    """What an assertion wanted and got, as the run wrote it."""

    expected: str = ""
    actual: str = ""


def _check(context: Context) -> Iterator[Hit]:
    for test in recorded(context):
        outcome = test.of_kind(FailureKind.OTHER_FAILURE)
        if outcome is None or context.planned(test.view.case) is not None:
            continue
        failed = [item for item in test.seen if item.status in {"failed", "error"} and item.exceptions]
        hits = [hit for item in failed for hit in _judged(context, test, outcome, item)]
        if hits:
            # One set of parameters that the words of the product speak for, speaks for the test.
            yield min(hits, key=lambda hit: hit.severity is None)


def _judged(context: Context, test: Recorded, outcome: Outcome, seen: Observation) -> Iterator[Hit]:
    raised = seen.exceptions[0]
    line = _line(test, raised)
    if NEVER_AWAITED in raised.message:
        yield test.hit("it failed since nothing awaits an async test here", of_class="async-test-not-run")
        return
    if _NOT_INSTALLED.search(raised.message) and _place(context, raised) is not None:
        yield test.hit(f"it fails since something is not installed where it ran: {named(raised)}", at=line,
                       warning=True)
        return
    if not _is_assertion(raised) and _broke(context, raised):
        yield test.hit(f"it fails, but not by an assertion: the product broke with {named(raised)}", at=line,
                       warning=True)
        return
    sides = _sides(test.view, raised, line)
    prose = tuple(text for text in (ast.get_docstring(test.view.node) or "", *_said(test.view, line)) if text)
    claim = Claim(test.view.node.name, prose, sides.expected, sides.actual)
    word, sentence = judge(context.program, _keys(seen), claim)
    told = f"{outcome.reason} "
    if word is Word.SUPPORTED:
        yield test.hit(f"{told}It fails since the product contradicts its own words: \"{sentence[:_MOST_SHOWN]}\"",
                       at=line, warning=True)
    elif word is Word.CONTRADICTED:
        yield test.hit(f"{told}The words of the product speak for what it gives: \"{sentence[:_MOST_SHOWN]}\"", at=line)
    elif _is_race(test.view, sides, line):
        yield test.hit(f"{told}What runs at once came to another result; nothing in the product's words says which is "
                       "right.", at=line, warning=True)
    else:
        yield test.hit(f"{told}No plan says that it fails, and nothing in the words of the product speaks for what it "
                       "wants.", at=line)


def _is_assertion(raised: RaisedException) -> bool:
    return bool({raised.type, *raised.bases} & _ASSERTIONS)


def _broke(context: Context, raised: RaisedException) -> bool:
    """Whether product code died of an error that no `raise` of its own says, in what it does itself."""
    source = _place(context, raised)
    return source is not None and not _OWN_RAISE.match(source)


def _place(context: Context, raised: RaisedException) -> str | None:
    """The line of the product where an exception arose, called by whoever; None when it arose in the tests."""
    frame = next((item for item in reversed(raised.frames) if item.in_app), None)
    module = context.program.by_path.get(frame.path) if frame is not None else None
    return module.source.line(frame.line) if frame is not None and module is not None and module.product else None


def _keys(seen: Observation) -> tuple[str, ...]:
    return (*seen.reached, *(f"{frame.path}::{frame.function}" for raised in seen.exceptions for frame in raised.frames
                             if frame.in_app))


def _line(test: Recorded, raised: RaisedException) -> int:
    path = test.view.source.path
    return next((frame.line for frame in reversed(raised.frames) if frame.path == path), test.view.node.lineno)


def _sides(view: View, raised: RaisedException, line: int) -> _Sides:
    """What the failed assertion wanted and got, as its message shows it."""
    message = raised.message[:_MOST_READ]
    missing = _NOT_RAISED.search(message)
    if missing:
        return _Sides(missing[1] or missing[2], "")
    if not _is_assertion(raised):
        return _Sides("", raised.type.rpartition(".")[2])
    found = _REWRITTEN.search(message)
    left, right = (found[1], found[3]) if found else ("", "")
    if not found and (plain := _UNITTEST.search(message)):
        left, right = plain[1], plain[2]
    if not left:
        return _Sides()
    first, second = _operands(view, line)
    if first is not None and second is not None and Kind.PRODUCT in kinds(view, second) - kinds(view, first):
        left, right = right, left
    return _Sides(_value(right), _value(left))


def _said(view: View, line: int) -> Iterator[str]:
    """What the assertion at a line says when it fails."""
    for check in view.checks:
        if getattr(check, "lineno", 0) <= line <= (getattr(check, "end_lineno", 0) or 0):
            parts = [check.msg] if isinstance(check, ast.Assert) else [
                *getattr(check, "args", [])[2:], *(word.value for word in getattr(check, "keywords", [])
                                                   if word.arg in {"msg", "reason"})]
            for part in parts:
                texts = [item.value for item in every(part, ast.Constant)] if part is not None else []
                yield " ".join(text for text in texts if isinstance(text, str))


def _operands(view: View, line: int) -> tuple[ast.expr | None, ast.expr | None]:
    """The two sides of the assertion at a line."""
    for check in view.checks:
        if getattr(check, "lineno", 0) <= line <= (getattr(check, "end_lineno", 0) or 0):
            if isinstance(check, ast.Assert) and isinstance(check.test, ast.Compare):
                return check.test.left, check.test.comparators[0]
            if isinstance(check, ast.Call) and len(check.args) >= 2:
                return check.args[0], check.args[1]
    return None, None


def _value(text: str) -> str:
    text = re.sub(r" ± .*$", "", text).strip()
    return text.strip("()") if text.count("(") != text.count(")") else text


def _is_race(view: View, sides: _Sides, line: int) -> bool:
    """Whether the test runs things at once, and what it wanted is no value with a meaning of its own.

    How many there are of what it runs (`range(8)`) is none: that none of them is lost needs no documentation.
    """
    if not any(last_name(call.func) in _AT_ONCE for call in view.calls):
        return False
    used = {str(item.value) for item in view.every(ast.Constant) if item.lineno != line}
    stated = re.fullmatch(r"-?\d+\.\d+|[4-9]|\d{2,}|['\"].*['\"]", sides.expected, re.DOTALL)
    return stated is None or sides.expected in used


_ID = "tests/unit/test_example.py::test_one"
_TEST = """\
from product.service import delay


def test_delay_doubles():
    assert delay(1) == 60.0
"""


def _failed() -> tuple[tuple[Observation, ...], tuple[Outcome, ...]]:
    from bot.domain.logs import Frame

    path = "tests/unit/test_example.py"
    raised = RaisedException(
        type="AssertionError", bases=("AssertionError", "Exception"), rewritten=True,
        message="assert 10.0 == 60.0\n +  where 10.0 = delay(1)",
        frames=(Frame(path=path, line=5, function="test_delay_doubles", in_app=True),))
    test = "tests/unit/test_example.py::test_delay_doubles"
    return (
        (Observation(test=test, path=path, line=4, status="failed", phase="call", exceptions=(raised,),
                     reached=("product/service.py::delay",), watched=True),),
        (Outcome(test=test, kind=FailureKind.OTHER_FAILURE, reason="The assertion at line 5 failed."),),
    )


RULE = Rule(
    id="red-against-the-product",
    defect_class="expectation-contradicts-impl",
    title="The test fails, and nothing says that it should",
    rationale=(
        "No plan foretells this failure, and no docstring or comment of the functions that the test reached speaks for "
        "what it wants: by all that is written the product is right and the expectation made up."
    ),
    hint="Read in the implementation what holds in the state that the test builds; or write down where it is promised.",
    check=_check,
    needs_run=True,
    good=Example(_TEST.replace("60.0", "delay(1)"), "def delay(attempt):\n    return 10.0 * attempt\n",
                 observations=(Observation(test="tests/unit/test_example.py::test_delay_doubles", line=4,
                                           path="tests/unit/test_example.py", status="passed"),)),
    bad=Example(_TEST, "def delay(attempt):\n    return [0.0, 10.0][attempt]\n", observations=_failed()[0],
                outcomes=_failed()[1]),
)
