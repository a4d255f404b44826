"""How many elements a list has, where the text of a test alone says it."""

from __future__ import annotations

import ast

from bot.audit.reading.constants import constant
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every, parent_of, walk
from bot.audit.reading.program import External
from bot.audit.reading.source import FunctionNode
from bot.audit.view import View

Size = int | str
"""A number, or the name of what has as many."""

_MOST_STEPS = 8
_AS_MANY = {"list", "tuple", "sorted", "enumerate", "reversed"}
_ONLY_READ = {"len", "print", "enumerate", "sorted", "list", "sum", "all", "any", "zip", "str", "set", "gather", "wait"}
READING = (
    *(ast.Compare, ast.BoolOp, ast.UnaryOp, ast.Assert, ast.For, ast.AsyncFor, ast.comprehension, ast.Starred),
    *(ast.FormattedValue, ast.If, ast.While, ast.IfExp),
)
"""Where a name may stand and be only read."""
_READS = {"append", "index", "count", "copy", "items", "keys", "values", "get", "join"}


def same_size(view: View, one: ast.expr, two: ast.expr) -> bool:
    """Whether a comparison `len(x) == n` is decided by how the test itself fills x."""
    for left, right in ((one, two), (two, one)):
        if isinstance(left, ast.Call) and last_name(left.func) == "len" and len(left.args) == 1:
            size = _size(view, left.args[0], 0)
            if size is not None and size == _number(view, right):
                return True
    return False


def _number(view: View, node: ast.expr) -> Size | None:
    known = constant(node, {})
    if known is not None and isinstance(known.value, int):
        return known.value
    if isinstance(node, ast.Call) and last_name(node.func) == "len" and len(node.args) == 1:
        return _size(view, node.args[0], 0)
    return _amount(view, node, 0)


def _amount(view: View, node: ast.expr, depth: int) -> Size | None:
    """What a number is: a literal, or the name that stands for it."""
    known = constant(node, {})
    if known is not None:
        return known.value if isinstance(known.value, int) else None
    if not isinstance(node, ast.Name) or depth > _MOST_STEPS:
        return None
    value = _only_value(view, node.id)
    if value is not None and (found := constant(value, {})) is not None:
        return found.value if isinstance(found.value, int) else None
    return f"number {node.id}"


def _only_value(view: View, name: str) -> ast.expr | None:
    bound = view.scope.bound(view.node).get(name, [])
    if len(bound) == 1 and bound[0][0] == "value" and isinstance(bound[0][1], ast.expr):
        return bound[0][1]
    return None


def _size(view: View, node: ast.expr, depth: int) -> Size | None:
    if depth > _MOST_STEPS:
        return None
    if isinstance(node, ast.Await):
        return _gathered(view, node.value, depth)
    if isinstance(node, ast.List | ast.Tuple):
        return None if any(isinstance(item, ast.Starred) for item in node.elts) else len(node.elts)
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        loop = node.generators[0]
        return None if len(node.generators) > 1 or loop.ifs else _size(view, loop.iter, depth + 1)
    if isinstance(node, ast.Name):
        return _named(view, node.id, depth)
    if isinstance(node, ast.Call):
        name = last_name(node.func)
        if isinstance(node.func, ast.Name) and name == "range" and len(node.args) == 1:
            return _amount(view, node.args[0], depth + 1)
        if isinstance(node.func, ast.Name) and name in _AS_MANY and node.args:
            return _size(view, node.args[0], depth + 1)
        if name == "run" and node.args:
            return _gathered(view, node.args[0], depth)
        if isinstance(node.func, ast.Attribute) and name == "map" and len(node.args) == 2:
            return _size(view, node.args[1], depth + 1)
    return None


def _gathered(view: View, node: ast.expr, depth: int) -> Size | None:
    """`asyncio.gather` gives one result for each argument."""
    if not (isinstance(node, ast.Call) and view.bare_scope.dotted(node.func) == "asyncio.gather"):
        return None
    if len(node.args) == 1 and isinstance(node.args[0], ast.Starred):
        return _size(view, node.args[0].value, depth + 1)
    return None if any(isinstance(item, ast.Starred) for item in node.args) else len(node.args)


def _named(view: View, name: str, depth: int) -> Size | None:
    if name not in view.scope.bound(view.node):
        found = view.scope.resolve(ast.Name(name, ast.Load())) if name in view.module.bindings else None
        return None if isinstance(found, External) else f"elements of {name}"
    value = _only_value(view, name)
    if value is None or _changed(view, name):
        return None
    appends = [call for call in view.calls if _on(call, name) == "append"]
    start = _size(view, value, depth + 1)
    if not appends:
        return start if start is not None else f"elements of {name}" if _literal(value) else None
    if start != 0 and not _is_empty(value):
        return None
    sizes = [_times(view, item, depth) for item in _together(view, appends)]
    if len(sizes) == 1:
        return sizes[0]
    numbers = [size for size in sizes if isinstance(size, int)]
    return sum(numbers) if len(numbers) == len(sizes) else None


def _together(view: View, appends: list[ast.Call]) -> list[ast.AST]:
    """The appends, where one in a `try` and one in each of its handlers, or one in each branch, count as one."""
    for call in appends:
        for item in view.above(call):
            parts: list[list[ast.stmt]] = []
            if isinstance(item, ast.Try) and item.handlers and not item.finalbody:
                parts = [[*item.body, *item.orelse], *(handler.body for handler in item.handlers)]
            elif isinstance(item, ast.If) and item.orelse:
                parts = [item.body, item.orelse]
            if not parts or len(parts) != len(appends):
                continue
            inside = [[each for each in appends if any(each in walk(part) for part in body)] for body in parts]
            if all(len(each) == 1 for each in inside) and all(
                _plainly_in(view, each[0], body) for each, body in zip(inside, parts, strict=True)
            ):
                return [item]
    return list(appends)


def _plainly_in(view: View, call: ast.Call, body: list[ast.stmt]) -> bool:
    """Whether a call is a statement of a block, and no other way leads out of the block."""
    statement = next(view.above(call), None)
    return statement in body and not any(
        True for item in body for _ in every(item, ast.Return, ast.Break, ast.Continue, ast.Raise)
    )


def _literal(value: ast.expr) -> bool:
    return isinstance(value, ast.List | ast.Tuple | ast.Set | ast.Dict)


def _is_empty(value: ast.expr) -> bool:
    known = constant(value, {})
    return known is not None and known.value == ()


def _on(call: ast.Call, name: str) -> str:
    """The method that a call calls on a local name."""
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and call.func.value.id == name:
        return call.func.attr
    return ""


def _times(view: View, call: ast.AST, depth: int) -> Size | None:
    """How often a statement of the test runs, where no condition, handler or way out is around it."""
    times: Size = 1
    for item in view.above(call):
        if isinstance(item, ast.For):
            if any(True for _ in every(item, ast.Break, ast.Continue, ast.Return)):
                return None
            size = _size(view, item.iter, depth + 1)
            if size is None or (times != 1 and not (isinstance(times, int) and isinstance(size, int))):
                return None
            times = times * size if isinstance(times, int) and isinstance(size, int) else size
        elif isinstance(
            item, ast.If | ast.While | ast.AsyncFor | ast.ExceptHandler | ast.Try | ast.Lambda | FunctionNode
        ):
            return None
    return times


def _changed(view: View, name: str) -> bool:
    """Whether anything but `append` may change a local list: other methods, other code or names that it is given to."""
    for item in view.names:
        if item.id != name or not isinstance(item.ctx, ast.Load):
            continue
        parent = parent_of(item)
        if any(isinstance(above, ast.Lambda | FunctionNode) for above in view.above(item)):
            return True
        if isinstance(parent, ast.Attribute):
            if parent.attr not in _READS:
                return True
        elif isinstance(parent, ast.Call):
            if last_name(parent.func) not in _ONLY_READ:
                return True
        elif isinstance(parent, ast.Subscript):
            if not isinstance(parent.ctx, ast.Load):
                return True
        elif not isinstance(parent, READING):
            return True
    return False
