"""What an expression comes to whatever the state is: conditions that cannot be false, results that are always one."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from bot.audit.reading.definitions import last_name
from bot.proof.trees import fixed

Names = Mapping[str, ast.expr]
"""Names that stand for a constant (`guard_files.constants_of`)."""

_COMPARING: dict[type[ast.cmpop], Callable[[Any, Any], object]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
}
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}
_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq,
}


def truth(node: ast.expr, names: Names) -> bool | None:
    """Whether an expression is certainly true or false; None where that depends on something."""
    match node:
        case ast.Constant():
            return bool(node.value)
        case ast.Name():
            return truth(names[node.id], {}) if node.id in names else None
        case ast.UnaryOp(op=ast.Not()):
            inner = truth(node.operand, names)
            return None if inner is None else not inner
        case ast.BoolOp():
            return _joined(node, names)
        case ast.Compare():
            return _compared(node, names)
        case ast.IfExp():
            body, orelse = truth(node.body, names), truth(node.orelse, names)
            return body if body == orelse else None
        case ast.Tuple() | ast.List() | ast.Set():
            return bool(node.elts) if not any(isinstance(item, ast.Starred) for item in node.elts) else None
        case ast.Lambda():
            return True
        case ast.Call():
            return _called(node, names)
    return None


def _joined(node: ast.BoolOp, names: Names) -> bool | None:
    known = [truth(part, names) for part in node.values]
    decides = isinstance(node.op, ast.Or)
    if decides in known:
        return decides
    if all(item is not None for item in known):
        return not decides
    # `a or not a`, `a < 1 or a >= 1`
    parts = {ast.dump(part) for part in node.values}
    if any(ast.dump(other) in parts for part in node.values for other in _denied(part)):
        return decides
    return None


def _denied(node: ast.expr) -> tuple[ast.expr, ...]:
    """Ways to write the opposite of an expression."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return (node.operand,)
    found: list[ast.expr] = [ast.UnaryOp(op=ast.Not(), operand=node)]
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _OPPOSITE:
        found.append(ast.Compare(left=node.left, ops=[_OPPOSITE[type(node.ops[0])]()], comparators=node.comparators))
    return tuple(found)


def _compared(node: ast.Compare, names: Names) -> bool | None:
    if len(node.ops) != 1:
        return None
    left, right, op = node.left, node.comparators[0], type(node.ops[0])
    for side in (left, right):
        if isinstance(side, ast.Call) and last_name(side.func) not in {"len", "float", "abs"}:
            return None
    first, second = constant(left, names), constant(right, names)
    if first is not None and second is not None:
        return _said(op, first[0], second[0])
    if ast.dump(left) == ast.dump(right):
        # `x != x` asks for NaN
        return True if op in {ast.Eq, ast.Is, ast.LtE, ast.GtE} else False if op in {ast.Lt, ast.Gt} else None
    if first is not None and op in _MIRRORED:
        return _bounded(right, _MIRRORED[op], first[0])
    return _bounded(left, op, second[0]) if second is not None else None


def _said(op: type[ast.cmpop], first: object, second: object) -> bool | None:
    if op not in _COMPARING:
        return None
    try:
        return bool(_COMPARING[op](first, second))
    except (TypeError, ValueError):
        return None


def _bounded(node: ast.expr, op: type[ast.cmpop], value: object) -> bool | None:
    """What a comparison with a constant comes to that nothing can be beyond."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    if isinstance(node, ast.Call) and last_name(node.func) in {"len", "abs"}:
        if (op is ast.GtE and value <= 0) or (op is ast.Gt and value < 0):
            return True
        if (op is ast.Lt and value <= 0) or (op in {ast.LtE, ast.Eq} and value < 0):
            return False
    if value == float("inf"):
        return {ast.LtE: True, ast.Gt: False}.get(op)
    return {ast.GtE: True, ast.Lt: False}.get(op) if value == float("-inf") else None


def constant(node: ast.expr, names: Names) -> tuple[object] | None:
    """The value of a constant expression, in a tuple of one; None where it is none."""
    if isinstance(node, ast.Name):
        return constant(names[node.id], {}) if node.id in names else None
    if isinstance(node, ast.Constant):
        return (node.value,)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        value = node.operand.value
        return (-value,) if isinstance(value, int | float) else None
    if isinstance(node, ast.Call) and last_name(node.func) == "float" and len(node.args) == 1:
        text = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
        return (float(text),) if text in {"inf", "-inf", "+inf", "Infinity", "-Infinity"} else None
    if isinstance(node, ast.Attribute) and node.attr == "inf" and last_name(node.value) in {"math", "np", "numpy"}:
        return (float("inf"),)
    return None


def _called(node: ast.Call, names: Names) -> bool | None:
    name, args = node.func.id if isinstance(node.func, ast.Name) else "", node.args
    if node.keywords:
        return None
    if name == "bool":
        return truth(args[0], names) if len(args) == 1 else False if not args else None
    if name == "isinstance" and len(args) == 2:
        return True if last_name(args[1]) == "object" and isinstance(args[1], ast.Name) else None
    if name in {"all", "any"} and len(args) == 1 and isinstance(args[0], ast.Tuple | ast.List | ast.Set):
        wanted = name == "any"
        known = [truth(item, names) for item in args[0].elts]
        if wanted in known:
            return wanted
        return None if None in known else not wanted
    return None


def one_result(nodes: list[ast.expr], names: Names) -> ast.expr | None:
    """The one constant that all these results are, or None."""
    found: dict[str, ast.expr] = {}
    for node in nodes:
        value = names.get(node.id, node) if isinstance(node, ast.Name) else node
        if not fixed(value):
            known = truth(value, names) if isinstance(value, ast.Compare | ast.UnaryOp | ast.BoolOp | ast.Call) \
                else None
            if known is None or (isinstance(value, ast.BoolOp) and not _is_bool(value)):
                return None
            value = ast.Constant(known)
        found[ast.dump(value)] = value
    return next(iter(found.values())) if len(found) == 1 else None


def _is_bool(node: ast.BoolOp) -> bool:
    return any(isinstance(part, ast.Constant) and isinstance(part.value, bool) for part in node.values)
