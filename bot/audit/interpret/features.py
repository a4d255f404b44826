"""What a function does that only a title of its own asks for, each with the way to take just that away."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any, Literal

from bot.audit.reading.definitions import last_name

Kind = Literal["rejects", "skips", "answers", "does", "orders", "limits", "survives", "decides", "guards", "effects",
               "recency", "measures", "beside", "waits", "counts"]
"""What a place is for: it raises, leaves an item out, returns early, does something more, puts in order, bounds a
value, goes on after an exception, or says yes or no; or it does something only under a condition, all that a function
leaves behind, keeps the order of use, measures bytes, runs things beside each other, bounds a wait, counts up."""
Removable = tuple[Kind, ast.AST, tuple[ast.AST, ...], Callable[[], None], bool]
"""What a place is for, its node, what it is about, the step that takes it away, whether it is a part of its node."""
_NESTED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
_QUIET = {"debug", "info", "warning", "error", "exception", "critical", "log", "print", "sleep"}
_STARTED = {"create_task", "ensure_future", "start_soon"}
_LEAVES = ast.Raise | ast.Continue | ast.Break | ast.Return


def features(function: Any) -> Iterator[Removable]:
    """The features of a function; those of functions inside it are their own."""
    yield from _effects(function)
    for item in _inside(function):
        if isinstance(item, ast.If):
            yield from _guard(item)
        elif isinstance(item, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            yield from _filter_parts(item)
        elif isinstance(item, ast.Return) and isinstance(item.value, ast.BoolOp):
            yield from _parts(item.value, "decides", item)
        elif isinstance(item, ast.Await):
            yield from _awaited(function, item)
        elif isinstance(item, ast.Call):
            yield from _called(item)
        yield from _statements(item)
    yield from _statements(function)


def _inside(function: Any) -> Iterator[Any]:
    stack: list[Any] = list(reversed(function.body))
    while stack:
        item = stack.pop()
        if not isinstance(item, _NESTED):
            yield item
            stack.extend(reversed(list(ast.iter_child_nodes(item))))


def _guard(item: ast.If) -> Iterator[Removable]:
    """What is done only under a condition, and each of several conditions."""
    if not isinstance(item.body[-1], _LEAVES):
        def always() -> None:
            item.test = ast.Constant(True)

        yield "guards", item, (item.test, *item.body[:3]), always, False
        if isinstance(item.test, ast.BoolOp) and isinstance(item.test.op, ast.And):
            yield from _parts(item.test, "guards", item)
    elif isinstance(item.test, ast.BoolOp) and isinstance(item.test.op, ast.Or):
        last = item.body[-1]
        kind: Kind = "skips"
        if isinstance(last, ast.Raise | ast.Return):
            kind = "rejects" if isinstance(last, ast.Raise) else "answers"
        yield from _parts(item.test, kind, item)


def _filter_parts(item: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> Iterator[Removable]:
    for part in item.generators:
        for test in part.ifs:
            if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
                yield from _parts(test, "skips", item)
        if len(part.ifs) > 1:
            for at, test in enumerate(part.ifs):
                yield "skips", item, (test,), _without(part.ifs, at), True


def _parts(test: ast.BoolOp, kind: Kind, whole: ast.AST) -> Iterator[Removable]:
    for at, value in enumerate(test.values):
        yield kind, whole, (value,), _neutral(test, at), True


def _neutral(test: ast.BoolOp, at: int) -> Callable[[], None]:
    def change() -> None:
        test.values[at] = ast.Constant(isinstance(test.op, ast.And))

    return change


def _without(found: list[ast.expr], at: int) -> Callable[[], None]:
    def change() -> None:
        found[at] = ast.Constant(True)

    return change


def _awaited(function: Any, item: ast.Await) -> Iterator[Removable]:
    call = item.value
    if not isinstance(call, ast.Call):
        return
    name = last_name(call.func)
    if name == "wait_for" and len(call.args) == 2:
        inner = call.args[0]

        def unbounded() -> None:
            item.value = inner

        yield "waits", item, (call,), unbounded, False
    elif name == "gather" and call.args and not call.keywords and not any(
            isinstance(node, ast.Call) and last_name(node.func) in _STARTED for node in ast.walk(call)) \
            and all(isinstance(arg.value if isinstance(arg, ast.Starred) else arg, ast.Call | ast.GeneratorExp
                               | ast.ListComp) for arg in call.args):
        yield "beside", item, (call,), _in_turn(function, item, call), False


def _in_turn(function: Any, item: ast.Await, call: ast.Call) -> Callable[[], None]:
    """`await gather(*...)` as one `await` after another; each starts only when the one before it is done."""
    def change() -> None:
        loop = ast.comprehension(ast.Name("each", ast.Store()), ast.List(call.args, ast.Load()), [], 0)
        made = ast.ListComp(ast.Await(ast.Name("each", ast.Load())), [loop])
        for parent in ast.walk(function):
            for name, value in ast.iter_fields(parent):
                if value is item:
                    setattr(parent, name, made)
                elif isinstance(value, list) and item in value:
                    value[value.index(item)] = made

    return change


def _called(item: ast.Call) -> Iterator[Removable]:
    name = last_name(item.func)
    if name == "len" and len(item.args) == 1 and isinstance(inner := item.args[0], ast.Call) \
            and isinstance(inner.func, ast.Attribute) and inner.func.attr == "encode":
        text = inner.func.value

        def plain() -> None:
            item.args = [text]

        yield "measures", item, (item,), plain, False
    elif name == "next" and isinstance(item.func, ast.Name) and len(item.args) == 1 \
            and isinstance(item.args[0], ast.Attribute):
        def constant() -> None:
            item.func, item.args = ast.Name("int", ast.Load()), [ast.Constant(1)]

        yield "counts", item, (item,), constant, False


def _statements(item: Any) -> Iterator[Removable]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(item, name, None)
        for at, statement in enumerate(block if isinstance(block, list) else []):
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Call) and last_name(value.func) == "move_to_end":
                yield "recency", statement, (statement,), _passed(block, at), False
            elif isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add) \
                    and isinstance(statement.target, ast.Attribute | ast.Subscript):
                yield "counts", statement, (statement.target,), _passed(block, at), False


def _passed(block: Any, at: int) -> Callable[[], None]:
    def change() -> None:
        block[at] = ast.Pass()

    return change


def _effects(function: Any) -> Iterator[Removable]:
    """All that a function leaves behind: what it stores in objects and what it calls for no value."""
    found = [(block, at) for block, at in _blocks(function) if _is_effect(block[at])]
    if found and any(isinstance(item, ast.Return) and item.value is not None for item in _inside(function)):
        def nothing() -> None:
            for block, at in found:
                block[at] = ast.Pass()

        yield "effects", function, (function,), nothing, False


def _blocks(function: Any) -> Iterator[tuple[list[ast.stmt], int]]:
    for item in (function, *_inside(function)):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(item, name, None)
            if isinstance(block, list):
                yield from ((block, at) for at in range(len(block)))


def _is_effect(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        call = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
        return isinstance(call, ast.Call) and last_name(call.func) not in _QUIET
    if isinstance(statement, ast.Delete):
        return True
    targets = statement.targets if isinstance(statement, ast.Assign) else \
        [statement.target] if isinstance(statement, ast.AugAssign) else []
    return bool(targets) and all(isinstance(item, ast.Attribute | ast.Subscript) for item in targets)
