"""The values that static evaluation works with, and the operations on them that are certain."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.audit.definitions import ClassInfo

Primitive = None | bool | int | float | str | bytes
MOST_TEXT = 10_000


@dataclass(frozen=True)
class Place:
    """Where a literal stands. `product` is False for literals of the tests."""

    path: str
    line: int
    product: bool


@dataclass(frozen=True)
class Known:
    """A value known for certain; `origin` is the literal it is, None when it was computed."""

    value: Primitive
    origin: Place | None = None


@dataclass(frozen=True)
class Several:
    """A tuple or list whose elements are values."""

    items: tuple[Value, ...]


@dataclass(eq=False)
class Thing:
    """An object of a product or test class. Once `escaped`, only attributes that nothing reassigns are known."""

    cls: ClassInfo
    attributes: dict[str, Value] = field(default_factory=dict)
    escaped: bool = False


class Unknown:
    """Any value at all."""


UNKNOWN = Unknown()
Value = Known | Several | Thing | Unknown

_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def plain(value: Value) -> object | None:
    """A hashable picture of a fully known value in a one-tuple; None when any part is unknown."""
    if isinstance(value, Known):
        return (value.value,)
    if isinstance(value, Several):
        parts = [plain(item) for item in value.items]
        return None if None in parts else (tuple(parts),)
    return None


def truth(value: Value) -> bool | None:
    """Whether a value is true, None when that is unknown."""
    if isinstance(value, Known):
        return bool(value.value)
    return bool(value.items) if isinstance(value, Several) else None


def compare(op: ast.cmpop, left: Value, right: Value) -> bool | None:
    """What a comparison gives, None when that is unknown."""
    if isinstance(op, ast.Is | ast.IsNot):
        return _identity(op, left, right)
    if isinstance(op, ast.In | ast.NotIn):
        return _contains(op, left, right)
    one, two = plain(left), plain(right)
    if one is None or two is None:
        return None
    if isinstance(op, ast.Eq | ast.NotEq):
        return (one == two) is isinstance(op, ast.Eq)
    if not (isinstance(left, Known) and isinstance(right, Known)):
        return None
    try:
        return bool(_ORDER[type(op)](left.value, right.value))
    except TypeError:
        return None


def _identity(op: ast.cmpop, left: Value, right: Value) -> bool | None:
    for one, two in ((left, right), (right, left)):
        if isinstance(two, Known) and (two.value is None or isinstance(two.value, bool)):
            if isinstance(one, Unknown):
                return None
            same = isinstance(one, Known) and one.value is two.value
            return same is isinstance(op, ast.Is)
    return None


def _contains(op: ast.cmpop, left: Value, right: Value) -> bool | None:
    found: bool | None = None
    if isinstance(right, Several):
        pictures = [plain(item) for item in right.items]
        mine = plain(left)
        found = None if mine is None or None in pictures else mine in pictures
    elif (
        isinstance(right, Known)
        and isinstance(left, Known)
        and isinstance(right.value, str)
        and isinstance(left.value, str)
    ):
        found = left.value in right.value
    return None if found is None else found is isinstance(op, ast.In)


def arithmetic(op: ast.operator, left: Value, right: Value) -> Value:
    """What an operation on two numbers or texts gives. Powers and shifts are left unknown: they can explode."""
    if not (isinstance(left, Known) and isinstance(right, Known)) or type(op) not in _ARITHMETIC:
        return UNKNOWN
    one, two = left.value, right.value
    if isinstance(one, str) and isinstance(two, str) and isinstance(op, ast.Add) and len(one) + len(two) <= MOST_TEXT:
        return Known(one + two)
    if not isinstance(one, int | float) or not isinstance(two, int | float):
        return UNKNOWN
    if any(isinstance(item, int) and abs(item) > 10**30 for item in (one, two)):
        return UNKNOWN
    try:
        return Known(_ARITHMETIC[type(op)](one, two))
    except (ArithmeticError, ValueError):
        return UNKNOWN
