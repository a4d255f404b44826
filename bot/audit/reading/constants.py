"""What an expression is where the text alone decides it: a small evaluation of literals."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.audit.reading.definitions import last_name

EMPTY = ()
"""Stands for a list, dict, set or tuple without elements."""

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


_PLAIN = (str, int, float, bytes, type(None))
_DECIDABLE = frozenset({ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Call})


@dataclass(frozen=True)
class Constant:
    """A value known for certain: None, a truth value, number or text, or `EMPTY`."""

    value: Any


def truth(node: ast.expr, names: Mapping[str, Constant]) -> Constant | None:
    """A value as true or as false as an expression: that of `unknown or 1` is not known, but it is true."""
    if isinstance(node, ast.BoolOp):
        decides = isinstance(node.op, ast.Or)
        if any((part := truth(item, names)) is not None and bool(part.value) is decides for item in node.values):
            return Constant(decides)
    return constant(node, names)


def constant(node: ast.expr, names: Mapping[str, Constant]) -> Constant | None:
    """What an expression is, given what some names are; None when that does not decide."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Constant):
        return Constant(node.value) if isinstance(node.value, _PLAIN) else None
    if type(node) not in _DECIDABLE:
        return None
    if isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict):
        return None if (node.keys if isinstance(node, ast.Dict) else node.elts) else Constant(EMPTY)
    if isinstance(node, ast.UnaryOp):
        return _unary(node, (truth if isinstance(node.op, ast.Not) else constant)(node.operand, names))
    if isinstance(node, ast.BoolOp):
        return _logic(node, names)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _comparison(node, names)
    return _called(node, names) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None


def _unary(node: ast.UnaryOp, inner: Constant | None) -> Constant | None:
    if inner is not None and isinstance(node.op, ast.Not):
        return Constant(not inner.value)
    if inner is not None and isinstance(node.op, ast.USub) and isinstance(inner.value, int | float):
        return Constant(-inner.value)
    return None


def _called(node: ast.Call, names: Mapping[str, Constant]) -> Constant | None:
    name = last_name(node.func)
    makes = name in {"list", "dict", "set", "tuple"}
    if not node.args and not node.keywords:
        return Constant(EMPTY) if makes else None
    inner = constant(node.args[0], names) if len(node.args) == 1 else None
    if inner is None:
        return None
    if name == "bool":
        return Constant(bool(inner.value))
    if name == "len" and isinstance(inner.value, str | bytes | tuple):
        return Constant(len(inner.value))
    return inner if makes and inner.value == EMPTY else None


def _logic(node: ast.BoolOp, names: Mapping[str, Constant]) -> Constant | None:
    decides = isinstance(node.op, ast.Or)
    values = [constant(item, names) for item in node.values]
    for value in values:
        if value is None:
            return None
        if bool(value.value) is decides:
            return value
    return values[-1]


def _comparison(node: ast.Compare, names: Mapping[str, Constant]) -> Constant | None:
    left, right = constant(node.left, names), constant(node.comparators[0], names)
    listed = node.comparators[0]
    if left is not None and isinstance(listed, ast.Tuple | ast.List | ast.Set) and isinstance(node.ops[0], ast.In):
        parts = [constant(item, names) for item in listed.elts]
        if any(part is not None and part.value == left.value for part in parts):
            return Constant(True)
        return None if None in parts else Constant(False)
    if left is None or right is None:
        return None
    op, one, two = node.ops[0], left.value, right.value
    if isinstance(op, ast.Is | ast.IsNot):
        if not any(item is None or isinstance(item, bool) for item in (one, two)):
            return None
        return Constant((one is two) is isinstance(op, ast.Is))
    try:
        if isinstance(op, ast.In | ast.NotIn):
            return Constant((one in two) is isinstance(op, ast.In))
        return Constant(bool(_COMPARE[type(op)](one, two)))
    except TypeError:
        return None
