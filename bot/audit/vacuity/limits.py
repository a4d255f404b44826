"""Bounds that no value of their kind can break: of a set's size, of a count, of a difference."""

from __future__ import annotations

import ast

from bot.audit.reading.definitions import FunctionInfo, last_name
from bot.audit.reading.flat import every, own_nodes
from bot.audit.reading.references import Bound, Coroutine
from bot.audit.view import View

_AND_MORE = (ast.Lt, ast.LtE)
_AT_LEAST = (ast.GtE,)


def bounds_nothing(view: View, test: ast.expr) -> str:
    """Why a bound cannot be broken; empty when it may be, as far as the text tells."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return "one part holds where the other does not" if _one_or_other(test) else ""
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1):
        return ""
    left, op, right = test.left, test.ops[0], test.comparators[0]
    if isinstance(op, ast.Gt | ast.GtE):
        flipped = _largest(view, right, left, strict=isinstance(op, ast.Gt)) or _wide(view, right, left)
        return flipped or (_counted(view, left) if isinstance(op, _AT_LEAST) and _is_zero(right) else "")
    if isinstance(op, _AND_MORE):
        least = isinstance(op, ast.LtE) and _is_zero(left)
        return (_largest(view, left, right, strict=isinstance(op, ast.Lt)) or _wide(view, left, right)
                or (_counted(view, right) if least else ""))
    return ""


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in {int, float} and node.value == 0


def _only(view: View, node: ast.expr) -> ast.expr:
    """What a local that is bound once stands for."""
    values = view.scope.bound(view.node).get(node.id, []) if isinstance(node, ast.Name) else []
    if len(values) == 1 and values[0][0] == "value" and isinstance(values[0][1], ast.expr):
        return values[0][1]
    return node


def _largest(view: View, size: ast.expr, limit: ast.expr, *, strict: bool) -> str:
    """Whether `len({a, b}) <= 2` bounds a set by the number of what is written in it."""
    size = _only(view, size)
    if not (isinstance(size, ast.Call) and last_name(size.func) == "len" and len(size.args) == 1):
        return ""
    made = _only(view, size.args[0])
    if isinstance(made, ast.Call) and last_name(made.func) in {"set", "frozenset"} and len(made.args) == 1:
        made = _only(view, made.args[0])
    if not isinstance(made, ast.Set | ast.List | ast.Tuple) or any(isinstance(item, ast.Starred) for item in made.elts):
        return ""
    most = limit.value if isinstance(limit, ast.Constant) and type(limit.value) is int else None
    if most is None or most < len(made.elts) or (strict and most == len(made.elts)):
        return ""
    return f"there are never more than the {len(made.elts)} that are written there"


def _wide(view: View, difference: ast.expr, margin: ast.expr) -> str:
    """Whether `abs(a - b) <= a` allows a difference as large as one of the two."""
    made = _only(view, difference)
    if not (isinstance(made, ast.Call) and last_name(made.func) == "abs" and len(made.args) == 1):
        return ""
    inner = made.args[0]
    if not (isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Sub)):
        return ""
    parts = {ast.dump(inner.left), ast.dump(inner.right)}
    allowed = margin
    if isinstance(margin, ast.BinOp) and isinstance(margin.op, ast.Add):
        positive = isinstance(margin.right, ast.Constant) and type(margin.right.value) in {int, float}
        allowed = margin.left if positive and margin.right.value >= 0 else margin  # type: ignore[attr-defined]
    return "the margin is as large as the value" if ast.dump(allowed) in parts else ""


def _counted(view: View, node: ast.expr) -> str:
    """Whether a number is a count that a function of the product begins at zero and only adds to."""
    made = _only(view, node)
    made = made.value if isinstance(made, ast.Await) else made
    if not isinstance(made, ast.Call):
        return ""
    found = view.scope.resolve(made.func)
    found = found.function if isinstance(found, Bound | Coroutine) else found
    if not isinstance(found, FunctionInfo):
        return ""
    returned = [item.value for item in own_nodes(found.node) if isinstance(item, ast.Return)]
    if not returned or not all(item is not None and _never_negative(found, item) for item in returned):
        return ""
    return "a count is never negative"


def _never_negative(function: FunctionInfo, node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) in {int, float} and node.value >= 0  # type: ignore[operator]
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "len"
    if not isinstance(node, ast.Name):
        return False
    names = [item for item in every(function.node, ast.Name) if item.id == node.id]
    plain = {id(item.targets[0]): item.value for item in every(function.node, ast.Assign)}
    added = {id(item.target): item.value
             for item in every(function.node, ast.AugAssign) if isinstance(item.op, ast.Add)}
    values = [plain.get(id(item)) or added.get(id(item)) for item in names if not isinstance(item.ctx, ast.Load)]
    return bool(values) and all(
        isinstance(item, ast.Constant) and type(item.value) in {int, float} and item.value >= 0  # type: ignore[operator]
        for item in values
    )


def _one_or_other(test: ast.BoolOp) -> bool:
    """Whether one part wants something to be empty, and another the same not to be."""
    asked = [_emptiness(part) for part in test.values]
    return any((what, True) in asked and (what, False) in asked for what, _ in asked if what)


def _emptiness(part: ast.expr) -> tuple[str, bool]:
    """What a part of a condition wants to be empty (True) or not; an empty text when it asks something else."""
    if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.Not):
        what, empty = _emptiness(part.operand)
        return (what, not empty) if what else (ast.dump(part.operand), True)
    if not (isinstance(part, ast.Compare) and len(part.ops) == 1):
        return "", False
    left, op, right = part.left, part.ops[0], part.comparators[0]
    none = (isinstance(right, ast.Constant) and right.value in {"", 0}) or (
        isinstance(right, ast.List | ast.Tuple | ast.Dict) and ast.unparse(right) in {"[]", "()", "{}"})
    sized = isinstance(left, ast.Call) and last_name(left.func) == "len" and len(left.args) == 1
    if not none or (not sized and isinstance(right, ast.Constant) and right.value == 0):
        return "", False
    what = ast.dump(left.args[0] if sized and isinstance(left, ast.Call) else left)
    if isinstance(op, ast.Eq):
        return what, True
    return (what, False) if isinstance(op, ast.NotEq) or (sized and isinstance(op, ast.Gt)) else ("", False)
