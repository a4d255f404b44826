"""A failure that the test itself catches and drops."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from bot.audit.controlflow.paths import Path, Paths, Turn, paths_in, paths_of
from bot.audit.reading.checks import handler_names, raises_names
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name
from bot.audit.reading.flat import every, walk
from bot.audit.reading.program import External
from bot.audit.reading.references import Bound, module_of
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.vacuity.vacuous import deciding_here, silent, vacuous
from bot.audit.view import View

BROAD = {"Exception", "BaseException", "AssertionError"}
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def broadly_caught(turn: Turn) -> frozenset[str]:
    """The broad exceptions among those that a path's handler or `suppress` catches."""
    if isinstance(turn.node, ast.ExceptHandler):
        return handler_names(turn.node) & BROAD
    if isinstance(turn.node, ast.With | ast.AsyncWith):
        names = [raises_names(item.context_expr) for item in turn.node.items]
        return frozenset().union(*names) & BROAD
    return frozenset({"Exception"})  # a `return` in `finally`


def cleans_up(view: View, node: ast.AST) -> bool:
    """Whether a node stands in a `finally`, and so in what tidies up after the test, whatever came of it."""
    below = node
    for item in view.above(node):
        if isinstance(item, ast.Try | ast.TryStar) and below in item.finalbody:
            return True
        below = item
    return False


def enters_loops(path: Path) -> bool:
    """Whether a path goes through the body of every loop on it."""
    return all(turn.taken for turn in path.turns if turn.kind == "loop")


def concerns_product(view: View, *nodes: ast.AST) -> bool:
    """Whether code may run the implementation: it calls more than the standard library and the tests' own helpers."""
    return any(not _is_known(view, call) for node in nodes for call in every(node, ast.Call)) or any(
        isinstance(node, ast.Import | ast.ImportFrom | ast.Await | ast.Attribute) for node in nodes
    )


def _is_known(view: View, call: ast.Call) -> bool:
    found = view.bare_scope.resolve(call.func)
    if isinstance(found, External):
        return found.name.partition(".")[0] in sys.stdlib_module_names
    module = module_of(found)
    return module is not None and not module.product and not isinstance(found, ClassInfo | Bound)


def _heard(view: View, path: Path, turn: Turn) -> bool:
    """Whether a later assertion of a path looks at what the handler left behind."""
    body = turn.node.body if isinstance(turn.node, ast.ExceptHandler) else []
    caught = turn.node.name if isinstance(turn.node, ast.ExceptHandler) else None
    outright = isinstance(turn.cause, ast.Call) and last_name(turn.cause) == "fail"
    left = {
        item.id
        for statement in body
        if not outright or any(name.id == caught for name in every(statement, ast.Name))
        for item in every(statement, ast.Name)
        if _leaves_trace(statement, item)
    }
    attributes = {
        item.attr for statement in body for item in every(statement, ast.Attribute) if isinstance(item.ctx, ast.Store)
    }
    again = any(isinstance(item, _LOOPS) for item in view.above(turn.node))
    cause = {item.id for item in every(turn.cause, ast.Name)} - {"self"} if turn.cause is not None else set()
    for check in path.checks[turn.at :]:
        if check in vacuous(view) or check in path.settled:
            continue
        if any(check in walk(statement) for statement in body):
            return True
        read = {item.id for item in every(check, ast.Name)} - {"self"}
        if read & left and _counts_both(view, check, turn, left):
            continue
        if (
            read & left
            or (again and read & cause)
            or any(item.attr in attributes for item in every(check, ast.Attribute))
        ):
            return True
        if check is not turn.cause and isinstance(check, ast.Assert) and _asks_again(check, turn.cause):
            return True
        if not read and left and isinstance(check, ast.Call):
            return True  # a helper that may look at anything
    return False


def _asks_again(check: ast.Assert, cause: ast.AST | None) -> bool:
    return isinstance(cause, ast.Assert) and ast.dump(check.test) == ast.dump(cause.test)


def _counts_both(view: View, check: ast.AST, turn: Turn, left: set[str]) -> bool:
    """Whether a check only counts what both the handler and the way without an error add one to."""
    statement = next((item for item in view.above(turn.node) if isinstance(item, ast.Try | ast.TryStar)), None)
    if statement is None or not isinstance(turn.node, ast.ExceptHandler):
        return False
    names = {item.id for item in every(check, ast.Name)} & left
    added = [_adds(part, names) for part in ([*statement.body, *statement.orelse], turn.node.body)]
    for name in names:
        uses = [item for item in every(check, ast.Name) if item.id == name]
        counted = all(
            isinstance(up := next(view.above(item), None), ast.Call) and last_name(up) == "len" for item in uses
        )
        if not (counted or any(isinstance(item, ast.AugAssign) for item in every(turn.node, ast.AugAssign))):
            return False
    return bool(names) and all(names <= each for each in added)


def _adds(body: list[ast.stmt], names: set[str]) -> set[str]:
    found = {
        item.target.id
        for statement in body
        for item in every(statement, ast.AugAssign)
        if isinstance(item.target, ast.Name) and isinstance(item.value, ast.Constant)
    }
    for statement in body:
        for call in every(statement, ast.Call):
            if isinstance(call.func, ast.Attribute) and call.func.attr in {"append", "add"}:
                found.update(item.id for item in every(call.func.value, ast.Name))
    return found & names


def _leaves_trace(statement: ast.stmt, name: ast.Name) -> bool:
    """Whether a handler's statement sets a name, or calls a method of it or hands it on."""
    if isinstance(name.ctx, ast.Store):
        return True
    for call in every(statement, ast.Call):
        talks = last_name(call.func) in {"print", "str", "repr", "type", "format", "debug", "info", "warning", "error"}
        talks = talks or last_name(call.func) in {"exception", "critical", "log", "isinstance"}
        if not talks and name in walk(call):
            return True
    return False


def gives_up_sometimes(node: ast.AST) -> bool:
    """Whether a handler fails under a condition, as at the last of several attempts."""
    return any(True for _ in every(node, ast.Raise)) or any(
        last_name(call.func) == "fail" for call in every(node, ast.Call)
    )


def _wants_the_failure(view: View, handler: ast.AST) -> bool:
    """Whether the test fails, or tries again, where what is caught does not come: `else: raise AssertionError`."""
    guarded = next(iter(view.above(handler)), None)
    if not isinstance(guarded, ast.Try | ast.TryStar) or not guarded.orelse:
        return False
    last = guarded.orelse[-1]
    if isinstance(last, ast.Raise) or (isinstance(last, ast.Expr) and last_name(last.value) == "fail"):
        return True
    loop = next((item for item in view.above(guarded) if isinstance(item, ast.While)), None)
    ended = {name.id for part in guarded.orelse for name in every(part, ast.Name) if isinstance(name.ctx, ast.Store)}
    return loop is not None and any(name.id in ended for name in every(loop.test, ast.Name))


def _look(context: Context, view: View) -> Iterator[Found]:
    paths = paths_in(view)
    if not paths.complete:
        return
    yield from _of_paths(view, paths)
    yield from _of_threads(context, view, paths)


def _of_paths(view: View, paths: Paths) -> Iterator[Found]:
    done: set[ast.AST] = set()
    for path in paths.green:
        for turn in path.turns:
            if turn.kind not in {"caught", "suppressed"} or turn.node in done or turn.cause is None:
                continue
            caught = "/".join(sorted(broadly_caught(turn)))
            if not caught:
                continue
            handler = isinstance(turn.node, ast.ExceptHandler)
            if not turn.asserted and handler and cleans_up(view, turn.node):
                continue
            if turn.asserted:
                if (handler and gives_up_sometimes(turn.node)) or _heard(view, path, turn):
                    continue
                if handler and _wants_the_failure(view, turn.node):
                    continue
                done.add(turn.node)
                decided = any(check not in vacuous(view) for check in path.checks[turn.at :])
                yield (
                    turn.node,
                    (
                        f"`{caught}` is caught here, and with it the failure of the assertion on line "
                        f"{getattr(turn.cause, 'lineno', 0)}: the test passes either way"
                    ),
                    WARNING if decided and turn.kind == "suppressed" else ERROR,
                )
            elif not deciding_here(view, path) and enters_loops(path) and concerns_product(view, turn.cause):
                done.add(turn.node)
                yield (
                    turn.node,
                    (f"`{caught}` is caught, whatever `{said(turn.cause)}` raises, and nothing is asserted after it"),
                )


def _of_threads(context: Context, view: View, paths: Paths) -> Iterator[Found]:
    """Assertions in a function that a thread or process runs: their failure ends the thread, not the test."""
    for call in view.calls:
        if last_name(call.func) not in {"Thread", "Timer", "Process"}:
            continue
        for target in [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "target")]:
            function = _function(view, target)
            if function is None or function.module.product:
                continue
            lost = [check for check in paths_of(view.program, function).escaping if isinstance(check, ast.Assert)]
            if lost:
                first = min(check.lineno for check in lost)
                bare = any(silent(view, path) for path in paths.green)
                yield (
                    call,
                    (
                        f"`{said(target)}` runs beside the test: the failure of its assertion on line {first} ends the "
                        "thread and not the test"
                    ),
                    ERROR if bare and "error" not in context.config else WARNING,
                )


def _function(view: View, target: ast.expr) -> FunctionInfo | None:
    found = view.bare_scope.resolve(target)
    function = getattr(found, "function", found)
    return function if isinstance(function, FunctionInfo) and isinstance(function.node, FunctionNode) else None


RULE = Rule(
    id="swallowed-failure",
    defect_class="swallowed-failure",
    title="The test catches its own failure",
    rationale="An assertion error is an Exception. A handler that drops it turns every failure into a pass.",
    hint="Let the exception out, or expect exactly the one you mean with pytest.raises.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import one


def test_one():
    errors = []
    try:
        one()
    except Exception as error:
        errors.append(error)
    assert errors == []
""",
        implementation="""\
def one():
    return 1
""",
    ),
    bad=Example(
        test="""\
from product.service import one


def test_one():
    try:
        assert one() == 2
    except Exception as error:
        print('ignored', error)
""",
        implementation="""\
def one():
    return 1
""",
    ),
)
