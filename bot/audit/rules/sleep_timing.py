"""The verdict depends on the wall clock."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.controlflow.asserting import predicate
from bot.audit.reading.definitions import ClassInfo, last_name
from bot.audit.reading.flat import every, own_nodes, parent_of, walk
from bot.audit.reading.references import Instance, is_product
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.surroundings.timing import SLEEPS, Measured, fakes_time, inner_functions
from bot.audit.vacuity.vacuous import vacuous
from bot.audit.view import View
from bot.domain.audit import FindingSeverity

_ABOUT_TIME = re.compile(
    r"time[ _-]?out|timed|deadline|back[ _-]?off|retr(y|ies)|delay|wait|sleep|grace|rate[ _-]?limit|throttl|interval|"
    r"expir|(\b|_)locks?(\b|_)|(\b|_)ttl(\b|_)|hang|block|deadlock|cancel|debounce|elapsed|duration|clock|period|poll|lag|schedul|"
    r"real[ _]time|(\b|_)until(\b|_)|keep[ _-]?alive|heartbeat|prompt|immediate|parallel|concurren|tick",
    re.IGNORECASE,
)
_HANG = re.compile(r"time[ _-]?out|hang|block|deadlock|cancel|deadline|prompt|immediate|abort|shut|stop", re.IGNORECASE)
_SPEED = re.compile(
    r"perform|fast|slow|throughput|latency|speed|benchmark|budget|efficien|overhead|scal(e|ab)|"
    r"improve",
    re.IGNORECASE,
)
_GROWTH = re.compile(
    r"quadratic|exponential|linear|\bO\(n|complexity|catastrophic|backtrack|re-?dos|denial|\bdos\b|cve-?\d|pathological",
    re.IGNORECASE,
)
"""Where the time is how a cost that grows too fast shows: a bound far above the good time is meant."""
_IN_STEP = re.compile(r"linear|quadratic|\bO\(n|complexity|backtracking|re-?dos", re.IGNORECASE)
"""Where the point is how the time grows with the input, which only another time can show."""
_MEASURING = re.compile(r"(^|/)(perf|performance|bench|benchmarks?)/", re.IGNORECASE)
"""Folders of tests that are there to measure, and are run by themselves."""
_FOREVER = 20
"""So many times as long as another sleep, and a sleep does not end within a test."""
_STARTS = {
    "create_task",
    "ensure_future",
    "start_soon",
    "start",
    "submit",
    "apply_async",
    "run_in_executor",
    "Thread",
    "run_coroutine_threadsafe",
    "start_soon_threadsafe",
}
_JOINS = {"join", "wait", "wait_for", "gather", "result", "get", "shutdown", "as_completed", "acquire", "is_set"}
_CLOCK_PARAMETERS = {"clock", "now", "time", "timer", "time_func", "monotonic", "time_source", "timefunc", "get_time"}
_TIGHT_S = 0.1
_SHORT_S = 0.05


def _number(node: ast.expr) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return -inner if inner is not None else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Add | ast.Sub):
        one, two = _number(node.left), _number(node.right)
        if one is None or two is None:
            return None
        return one * two if isinstance(node.op, ast.Mult) else one + two if isinstance(node.op, ast.Add) else one - two
    good = isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)
    return (
        float(node.value) if good and isinstance(node, ast.Constant) and isinstance(node.value, int | float) else None
    )


def _said(view: View) -> str:
    return f"{view.node.name}\n{ast.get_docstring(view.node) or ''}"


def _comments(view: View) -> str:
    """The lines of the test that hold a comment."""
    lines = view.source.lines[view.node.lineno - 1 : view.node.end_lineno or view.node.lineno]
    return "\n".join(line.partition("#")[2] for line in lines if "#" in line)


def _compared(test: ast.expr) -> Iterator[ast.Compare]:
    yield from (
        every(test, ast.Compare)
        if getattr(test, "_flat", None)
        else (item for item in ast.walk(test) if isinstance(item, ast.Compare))
    )


def _of_elapsed(view: View, measured: Measured) -> Iterator[Found]:
    found: list[tuple[ast.AST, ast.Compare]] = []
    for check in view.checks:
        test = predicate(check)
        compares = _compared(test) if test is not None else ()
        found += [(check, item) for item in compares if any(map(measured.is_time, (item.left, *item.comparators)))]
    if not found:
        return
    timed = {check for check, _ in found}
    others = [check for check in view.checks if check not in timed and check not in vacuous(view)]
    for check, compare in found:
        node = compare if hasattr(compare, "lineno") else check
        why, severity = _weigh(view, measured, compare, alone=not others)
        if any(isinstance(item, ast.While) for item in view.above(check)):
            why, severity = "", WARNING  # it ends a loop that waits for something else
        yield node, f"`{said(compare)}` compares elapsed real time, which depends on the machine{why}", severity


def _weigh(view: View, measured: Measured, compare: ast.Compare, *, alone: bool) -> tuple[str, FindingSeverity]:
    sides = [compare.left, *compare.comparators]
    # How a time grows with the input, or what a layer costs on top of another, shows only against another time.
    meant = WARNING if _IN_STEP.search(_said(view)) or _MEASURING.search(view.source.path) else ERROR
    if all(measured.is_time(side) or _scaled(measured, side) for side in sides):
        return ": two measured times are compared with each other", meant
    timed = next(side for side in sides if measured.is_time(side))
    if _of_two(measured, timed):
        return ": two measured times are compared with each other", meant
    text = _said(view)
    upper = _upper(measured, compare)
    if upper is None:
        return "", WARNING
    lower = max((value for side in sides if (value := _number(side)) is not None and value < upper), default=None)
    if lower is not None and len(sides) == 3 and upper - lower <= _SHORT_S:
        return f": a window of {upper - lower:.3g} s", ERROR
    if _GROWTH.search(f"{text}\n{_comments(view)}"):
        return "", WARNING
    if _SPEED.search(text) and alone and not _HANG.search(text):
        return ": it is all that the test asserts", ERROR
    if _is_difference(timed) and upper < _TIGHT_S and not _HANG.search(text):
        return f": a tolerance of {upper:g} s", ERROR
    if upper < _TIGHT_S and not _ABOUT_TIME.search(text):
        return f": {upper:g} s pass quickly on a busy machine", ERROR
    if alone and not _ABOUT_TIME.search(text):
        return ": it is all that the test asserts", ERROR
    return "", WARNING


def _scaled(measured: Measured, node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and (measured.is_time(node.left) or measured.is_time(node.right))


def _of_two(measured: Measured, node: ast.expr) -> bool:
    """Whether a value is a difference or ratio of two measured times."""
    for item in ast.walk(node):
        if not isinstance(item, ast.BinOp) or not isinstance(item.op, ast.Sub | ast.Div):
            continue
        if measured.is_time(item.left) and _any_time(measured, item.right):
            return True
    return False


def _any_time(measured: Measured, node: ast.expr) -> bool:
    return any(
        measured.is_time(item) for item in ast.walk(node) if isinstance(item, ast.Name | ast.Subscript | ast.Call)
    )


def _is_difference(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) == "abs"


def _upper(measured: Measured, compare: ast.Compare) -> float | None:
    """The number that a measured time must stay below; None when it has only a lower bound."""
    sides = [compare.left, *compare.comparators]
    for op, left, right in zip(compare.ops, sides[:-1], sides[1:], strict=True):
        if isinstance(op, ast.Lt | ast.LtE) and measured.is_time(left):
            return _number(right)
        if isinstance(op, ast.Gt | ast.GtE) and measured.is_time(right):
            return _number(left)
        if isinstance(op, ast.Eq) and any(last_name(side) == "approx" for side in (left, right)):
            return 0.0
    return None


def _sleep_s(view: View, call: ast.Call) -> float:
    """How long a call sleeps for real, in seconds; 0 when it does not, or only to let others run."""
    if not call.args or view.scope.dotted(call.func) not in SLEEPS:
        return 0.0
    return _number(call.args[0]) or 0.0


def _sleeps(view: View) -> Iterator[Found]:
    inner = inner_functions(view)
    inside = {node for function in inner for node in walk(function)}
    own = [(call, length) for call in view.calls if (length := _sleep_s(view, call)) > 0]
    background = [
        (function.name, inside_s)
        for function in inner
        for call in every(function, ast.Call)
        if (inside_s := _sleep_s(view, call)) > 0 and not _in_inner_function(call, function)
    ]
    for call, length in own:
        why, severity = "", WARNING
        if call not in inside:
            # A sleep that is many times as long stands for what never ends, and is cancelled.
            near = {name for name, inside_s in background if inside_s < _FOREVER * length}
            if racing := _races(view, call, near):
                why, severity = f"; the sleep in `{racing}` may end before or after it", ERROR
            elif thread := _thread(view, call):
                why, severity = f"; nothing else waits for `{thread}`, which runs in a thread", ERROR
            elif length < _TIGHT_S and _opposites(view, call) and (clock := _has_clock(view, call)):
                why, severity = f"; what must not hold before must hold after, and `{clock}` takes a clock", ERROR
        message = f"`{said(call)}` waits for real time: whether {length:g} s are enough depends on the machine{why}"
        yield call, message, severity


def _in_inner_function(call: ast.AST, function: FunctionNode) -> bool:
    item = parent_of(call)
    while item is not None and item is not function:
        if isinstance(item, FunctionNode):
            return True
        item = parent_of(item)
    return False


def _races(view: View, sleep: ast.Call, background: set[str]) -> str:
    """The function with a sleep of its own that runs beside this sleep, where an assertion follows with no join."""
    if not background:
        return ""
    own = list(own_nodes(view.node))
    place = {id(item): at for at, item in enumerate(own)}
    if id(sleep) not in place:
        return ""
    at = place[id(sleep)]
    names = {word.id for item in own[:at] if isinstance(item, ast.Call) for word in every(item, ast.Name)}
    runs = any(isinstance(item, ast.Call) and last_name(item.func) in _STARTS for item in own[:at])
    if _awaited(own[:at]):
        return ""
    started = next((name for name in sorted(background) if name in names), "") if runs else ""
    if not started:
        return ""
    for item in own[at + 1 :]:
        if isinstance(item, ast.Await) and not isinstance(item.value, ast.Call):
            return ""
        if isinstance(item, ast.Call) and last_name(item.func) in _JOINS:
            return ""
        if item in view.checks:
            return started if item not in vacuous(view) else ""
    return ""


def _awaited(before: list[ast.AST]) -> bool:
    """Whether every task that is started before a sleep is awaited by its name before it, too."""
    tasks = {
        target.id
        for item in before
        if isinstance(item, ast.Assign) and isinstance(item.value, ast.Call) and last_name(item.value.func) in _STARTS
        for target in item.targets
        if isinstance(target, ast.Name)
    }
    started = sum(isinstance(item, ast.Call) and last_name(item.func) in _STARTS for item in before)
    ended = {item.value.id for item in before if isinstance(item, ast.Await) and isinstance(item.value, ast.Name)}
    return bool(tasks) and started == len(tasks) and tasks <= ended


def _thread(view: View, sleep: ast.Call) -> str:
    """The function of the test that a thread runs, where only this sleep waits for what it stores."""
    functions = {item.name: item for item in inner_functions(view)}
    started = ""
    own = list(own_nodes(view.node))
    for item in own:
        early = isinstance(item, ast.Call) and item.lineno < sleep.lineno
        if early and last_name(item) in {"Thread", "submit", "run_in_executor"}:
            started = next((name.id for name in every(item, ast.Name) if name.id in functions), started)
    if not started:
        return ""
    stores = {name.id for name in every(functions[started], ast.Name) if isinstance(name.ctx, ast.Load)}
    for item in own:
        late = getattr(item, "lineno", 0) > sleep.lineno
        if isinstance(item, ast.Call) and last_name(item.func) in _JOINS:
            return ""
        if late and item in view.checks:
            reads = {name.id for name in every(item, ast.Name)}
            return started if reads & stores and item not in vacuous(view) else ""
    return ""


def _opposites(view: View, sleep: ast.Call) -> bool:
    """Whether the same thing is asserted to be false before a sleep and true after it."""
    before: set[str] = set()
    for check in view.asserts:
        test = check.test
        negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        text = ast.dump(test.operand if isinstance(test, ast.UnaryOp) else test)
        if check.lineno < sleep.lineno and negated:
            before.add(text)
        elif check.lineno > sleep.lineno and not negated and text in before:
            return True
    return False


def _has_clock(view: View, sleep: ast.Call) -> str:
    """The product class that the test makes without the clock that its constructor takes."""
    for call in view.calls:
        found = view.bare_scope.resolve(call.func)
        if call.lineno > sleep.lineno or not isinstance(found, ClassInfo) or not is_product(Instance(found)):
            continue
        parameters = found.constructor
        names = {item.name for item in (*parameters.positional, *parameters.keyword_only)} if parameters else set()
        given = {word.arg for word in call.keywords}
        if names & _CLOCK_PARAMETERS and not given & _CLOCK_PARAMETERS:
            return found.node.name
    return ""


def _look(context: Context, view: View) -> Iterator[Found]:
    measured = Measured(view)
    sleeping = any(last_name(call.func) == "sleep" for call in view.calls)
    if not (measured or sleeping) or fakes_time(view):
        return
    if sleeping:
        yield from _sleeps(view)
    if measured:
        yield from _of_elapsed(view, measured)


RULE = Rule(
    id="sleep-timing",
    defect_class="sleep-timing",
    title="The verdict depends on the wall clock",
    rationale="Sleeping as synchronisation and comparing elapsed times make a test fail on a busy machine and pass on "
    "an idle one. Where the time is the specified behaviour, with a generous bound, it is only a warning.",
    hint="Wait for an event that the code sets, or give it a clock that the test moves.",
    check=per_test(_look),
    good=Example(
        test="""\
import asyncio
import pytest
from product.service import work


@pytest.mark.asyncio
async def test_work():
    done = asyncio.Event()
    await work(done)
    await asyncio.sleep(0)
    assert done.is_set()
""",
        implementation="""\
async def work(done):
    done.set()
""",
    ),
    bad=Example(
        test="""\
import time
from product.service import work


def test_work():
    begun = time.monotonic()
    work()
    elapsed = time.monotonic() - begun
    assert elapsed < 0.5
""",
        implementation="""\
def work():
    pass
""",
    ),
)
