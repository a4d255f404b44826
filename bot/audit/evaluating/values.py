"""The values that static evaluation works with, and the operations on them that are certain."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from bot.audit.reading.definitions import ClassInfo, FunctionInfo
from bot.audit.reading.scope import Scope

Primitive = None | bool | int | float | str | bytes | timedelta | date | Decimal
MOST_TEXT = 10_000
MOST_ITEMS = 1_000
_MOST_PARTS = 5_000
_MOST_LOOKED_AT = 50
_DEEPEST = 20


@dataclass(frozen=True)
class Place:
    """Where a literal stands. `product` is False for literals of the tests."""

    path: str
    line: int
    product: bool


@dataclass(frozen=True)
class Known:
    """A value known for certain; `origin` is the literal it is, None when it was computed.

    `via` is the place in the product that it came from or went through last, None when it never did.
    """

    value: Primitive
    origin: Place | None = None
    via: Place | None = None


@dataclass(frozen=True)
class Several:
    """A tuple whose elements are values; `via` as for `Known`."""

    items: tuple[Value, ...]
    via: Place | None = None


@dataclass(eq=False)
class Box:
    """A list, set or dict that may change; `keys` only for a dict. Once `lost`, what is in it is unknown.

    One of the kind `caught` holds the exception that a `with pytest.raises(...) as caught` caught.
    """

    kind: str
    items: list[Value] = field(default_factory=list)
    keys: list[Value] = field(default_factory=list)
    lost: bool = False
    via: Place | None = None

    def at(self, key: Value) -> int | None:
        """The place of a key, None when it is not there. ValueError when that cannot be told."""
        wanted = plain(key)
        if wanted is None:
            raise ValueError
        pictures = [plain(item) for item in self.keys]
        if wanted in pictures:
            return pictures.index(wanted)
        if None in pictures:
            raise ValueError
        return None

    def put(self, key: Value, value: Value) -> bool:
        """Set a dict's value for a key; False, and `lost`, where the key cannot be told from the others."""
        try:
            place = self.at(key)
        except ValueError:
            self.lost = True
            return False
        if place is not None:
            self.items[place] = value
        else:
            self.keys.append(key)
            self.items.append(value)
        return True

    def replace_item(self, place: Primitive, value: Value) -> bool:
        """Set a known list's item, where there is one at this place."""
        if self.kind != "list" or self.lost or not isinstance(place, int):
            return False
        if not -len(self.items) <= place < len(self.items):
            return False
        self.items[place] = value
        return True

    def pairs(self) -> list[tuple[Value, Value]]:
        """A dict's keys with their values."""
        return list(zip(self.keys, self.items, strict=True))


@dataclass(eq=False)
class Thing:
    """An object of a product or test class. Once `escaped`, only attributes that nothing reassigns are known.

    `member` is the name of an enum's member.
    """

    cls: ClassInfo
    attributes: dict[str, Value] = field(default_factory=dict)
    escaped: bool = False
    member: str = ""


@dataclass(frozen=True, eq=False)
class Kind:
    """A class itself."""

    cls: ClassInfo


@dataclass(frozen=True, eq=False)
class Pending:
    """What calling an `async def` gave: it runs when it is awaited."""

    function: FunctionInfo
    owner: Thing | Kind | None
    bound: dict[str, Value]


@dataclass(frozen=True, eq=False)
class Problem:
    """An exception that certain code raises. `names` are its class and all known bases, `message` its one argument.

    `complete` says that `names` holds all of its bases; `thing` is the exception itself where its class is known.
    """

    names: tuple[str, ...]
    message: Value
    complete: bool
    place: Place | None = None
    thing: Thing | None = None


@dataclass(frozen=True, eq=False)
class Closure:
    """A lambda or a function defined in a function, with the names that it sees: those of a call under evaluation."""

    node: ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef
    scope: Scope
    names: dict[str, Value]


class Unknown:
    """Any value at all."""


UNKNOWN = Unknown()
Value = Known | Several | Box | Thing | Kind | Pending | Problem | Closure | Unknown

_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}
_DATES = (date, timedelta)
_MIXED_BASES = {"str", "int", "float", "IntEnum", "StrEnum", "bytes"}


def via(values: Iterable[Value], depth: int = 0) -> Place | None:
    """The first place in the product that any of some values, or of what is in them, came through."""
    for value in islice(values, _MOST_LOOKED_AT):
        if isinstance(value, Known | Several | Box) and value.via is not None:
            return value.via
        if isinstance(value, Several | Box) and depth < 2 and (inner := via(value.items, depth + 1)) is not None:
            return inner
    return None


def passed(value: Value, place: Place) -> Value:
    """A value that comes out of product code; what came from a literal there keeps its own place."""
    if isinstance(value, Box) and value.via is None:
        value.via = place  # the same object, wherever it is known
    return replace(value, via=place) if isinstance(value, Known | Several) and value.via is None else value


def plain(value: Value) -> object | None:
    """A hashable picture of a fully known value in a one-tuple; None when any part is unknown, or it is too large."""
    return _picture(value, [_MOST_PARTS], 0)


def _picture(value: Value, left: list[int], depth: int) -> object | None:
    left[0] -= 1
    if left[0] < 0 or depth > _DEEPEST:
        return None
    if isinstance(value, Known):
        return (value.value,)
    if isinstance(value, Thing) and value.member:
        if is_mixed(value):
            return _picture(value.attributes.get("value", UNKNOWN), left, depth + 1)
        return (("member", id(value.cls.node), value.member),)
    if isinstance(value, Thing):
        return _of_data(value, left, depth)
    if not isinstance(value, Several | Box) or (isinstance(value, Box) and value.lost):
        return None
    parts = _pictures(value.items, left, depth)
    if parts is None:
        return None
    if isinstance(value, Several):
        return (tuple(parts),)
    if value.kind == "list":
        return (("list", *parts),)
    keys = _pictures(value.keys, left, depth) if value.kind == "dict" else []
    if keys is None:
        return None
    try:
        return ((value.kind, frozenset(zip(keys, parts, strict=True) if value.kind == "dict" else parts)),)
    except TypeError:
        return None


def _pictures(values: Iterable[Value], left: list[int], depth: int) -> list[object] | None:
    found: list[object] = []
    for value in values:
        picture = _picture(value, left, depth + 1)
        if picture is None:
            return None
        found.append(picture)
    return found


def _of_data(value: Thing, left: list[int], depth: int) -> object | None:
    """A picture of an object of a plain dataclass, which is equal to another by its fields."""
    cls = value.cls
    if value.escaped or not cls.is_dataclass or len(cls.order) != 1 or not cls.closed or cls.has_own("__eq__"):
        return None
    if any(isinstance(item, ast.Call) and _tells_otherwise(item) for item in cls.node.decorator_list):
        return None
    fields = dict(cls.fields())
    for statement in fields.values():
        if isinstance(statement.value, ast.Call) and any(word.arg == "compare" for word in statement.value.keywords):
            return None
    parts = _pictures((value.attributes.get(name, UNKNOWN) for name in fields), left, depth)
    return None if parts is None else (("data", id(cls.node), tuple(parts)),)


def _tells_otherwise(decorator: ast.Call) -> bool:
    return any(word.arg == "eq" for word in decorator.keywords)


def is_mixed(value: Thing) -> bool:
    """Whether an enumeration's member is at the same time a text or number, and equal to it."""
    return any(base in _MIXED_BASES for item in value.cls.order for base in item.base_names)


def truth(value: Value) -> bool | None:
    """Whether a value is true, None when that is unknown."""
    if isinstance(value, Known):
        return bool(value.value)
    if isinstance(value, Several):
        return bool(value.items)
    if isinstance(value, Box):
        return None if value.lost else bool(value.items)
    if isinstance(value, Kind | Problem | Closure | Pending):
        return True
    if isinstance(value, Thing) and value.member and is_mixed(value):
        return None
    if isinstance(value, Thing):
        plain_object = value.cls.closed and not any(value.cls.has_own(name) for name in ("__bool__", "__len__"))
        return True if plain_object else None
    return None


def compare(op: ast.cmpop, left: Value, right: Value) -> bool | None:
    """What a comparison gives, None when that is unknown."""
    if isinstance(op, ast.Is | ast.IsNot):
        return _identity(op, left, right)
    if isinstance(op, ast.In | ast.NotIn):
        return _contains(op, left, right)
    if any(
        _of_other_kind(item) and not isinstance(other, Thing) for item, other in ((left, right), (right, left))
    ):
        return None
    one, two = plain(left), plain(right)
    if one is None or two is None:
        return _apart(op, left, right)
    if isinstance(op, ast.Eq | ast.NotEq):
        if one != two and _close(left, right):
            return None  # it may be compared with a tolerance
        return (one == two) is isinstance(op, ast.Eq)
    if isinstance(left, Several) and isinstance(right, Several):
        return _ordered(op, left, right)
    if not (isinstance(left, Known) and isinstance(right, Known)):
        return None
    try:
        return bool(_ORDER[type(op)](left.value, right.value))
    except (TypeError, ArithmeticError):
        return None


def _of_other_kind(value: Value) -> bool:
    """Whether a value is an enumeration's member that may be equal to something plain, nobody knows what."""
    if not (isinstance(value, Thing) and value.member) or is_mixed(value):
        return False
    return any(base != "Enum" for item in value.cls.order for base in item.base_names)


def _apart(op: ast.cmpop, left: Value, right: Value) -> bool | None:
    """Two collections of different size are not equal, whatever is in them."""
    if not isinstance(op, ast.Eq | ast.NotEq):
        return None
    for one in (left, right):
        if isinstance(one, Box) and (one.lost or one.kind not in {"list", "dict"}):
            return None
    if not isinstance(left, Several | Box) or not isinstance(right, Several | Box) or type(left) is not type(right):
        return None
    if isinstance(left, Box) and isinstance(right, Box) and left.kind != right.kind:
        return None
    different = len(left.items) != len(right.items)
    return isinstance(op, ast.NotEq) if different else None


def _close(left: Value, right: Value) -> bool:
    """Whether two values are equal but for a rounding of their numbers."""
    if isinstance(left, Known) and isinstance(right, Known):
        one, two = left.value, right.value
        if not (isinstance(one, int | float) and isinstance(two, int | float)):
            return plain(left) == plain(right)
        return one == two or (
            isinstance(one + two, float) and math.isclose(one, two, rel_tol=1e-5, abs_tol=1e-9)
        )
    if isinstance(left, Several) and isinstance(right, Several):
        ones, twos = list(left.items), list(right.items)
    elif isinstance(left, Box) and isinstance(right, Box) and left.kind == right.kind != "set":
        if [plain(key) for key in left.keys] != [plain(key) for key in right.keys]:
            return left.kind == "dict" and {plain(key) for key in left.keys} == {plain(key) for key in right.keys}
        ones, twos = left.items, right.items
    else:
        return plain(left) == plain(right)
    return len(ones) == len(twos) and all(_close(one, two) for one, two in zip(ones, twos, strict=True))


def _ordered(op: ast.cmpop, left: Several, right: Several) -> bool | None:
    for one, two in zip(left.items, right.items, strict=False):
        if compare(ast.Eq(), one, two) is False:
            return compare(op, one, two)
    return bool(_ORDER[type(op)](len(left.items), len(right.items)))


def _identity(op: ast.cmpop, left: Value, right: Value) -> bool | None:
    if isinstance(left, Thing) and isinstance(right, Thing) and left.member and right.member:
        same = left.cls.node is right.cls.node and left.member == right.member
        if not same and left.cls.node is right.cls.node and _values_equal(left, right):
            return None  # one may be another name of the other
        return same is isinstance(op, ast.Is)
    if isinstance(left, Thing | Box) and isinstance(right, Thing | Box) and not (_is_member(left) or _is_member(right)):
        return (left is right) is isinstance(op, ast.Is)
    for one, two in ((left, right), (right, left)):
        if isinstance(two, Known) and (two.value is None or isinstance(two.value, bool)):
            if isinstance(one, Unknown):
                return None
            same = isinstance(one, Known) and one.value is two.value
            return same is isinstance(op, ast.Is)
    return None


def _is_member(value: Value) -> bool:
    return isinstance(value, Thing) and bool(value.member)


def _values_equal(left: Thing, right: Thing) -> bool:
    one, two = plain(left.attributes.get("value", UNKNOWN)), plain(right.attributes.get("value", UNKNOWN))
    return one is None or two is None or one == two


def _contains(op: ast.cmpop, left: Value, right: Value) -> bool | None:
    found: bool | None = None
    if isinstance(right, Box) and right.kind == "dict":
        if not right.lost:
            try:
                found = right.at(left) is not None
            except ValueError:
                found = None
    elif isinstance(right, Several) or (isinstance(right, Box) and not right.lost):
        pictures = [plain(item) for item in right.items]
        mine = plain(left)
        found = None if mine is None or (None in pictures and mine not in pictures) else mine in pictures
    elif (
        isinstance(right, Known)
        and isinstance(left, Known)
        and isinstance(right.value, str)
        and isinstance(left.value, str)
    ):
        found = left.value in right.value
    return None if found is None else found is isinstance(op, ast.In)


def arithmetic(op: ast.operator, left: Value, right: Value) -> Value:
    """What an operation on numbers, texts, times or collections gives, where it is certain and its result small."""
    if type(op) not in _ARITHMETIC:
        return UNKNOWN
    if not (isinstance(left, Known) and isinstance(right, Known)):
        return _together(op, left, right)
    one, two, place = left.value, right.value, via((left, right))
    if not _bounded(op, one, two):
        return UNKNOWN
    try:
        found = _ARITHMETIC[type(op)](one, two)
    except (ArithmeticError, ValueError, TypeError):
        return UNKNOWN
    return known_or_unknown(found, place)


def known_or_unknown(found: object, place: Place | None) -> Value:
    """A value of Python as a value here, where it is of a kind that is kept and small."""
    if isinstance(found, float) and not math.isfinite(found):
        return UNKNOWN
    if isinstance(found, str | bytes) and len(found) > MOST_TEXT:
        return UNKNOWN
    if isinstance(found, int) and abs(found) > 10**60:
        return UNKNOWN
    if isinstance(found, Decimal) and not (found.is_finite() and abs(int(found.as_tuple().exponent)) <= 60):
        return UNKNOWN
    return Known(found, via=place) if found is None or isinstance(found, Primitive) else UNKNOWN


def _bounded(op: ast.operator, one: Primitive, two: Primitive) -> bool:
    """Whether the types fit together and the result cannot be large."""
    numbers = (int, float, Decimal)
    if any(isinstance(item, int | float | Decimal) and not -(10**30) < item < 10**30 for item in (one, two)):
        return False
    if isinstance(op, ast.Pow):
        if not (isinstance(one, int | float | Decimal) and isinstance(two, int | float)):
            return False
        return -(10**6) <= one <= 10**6 and -64 <= two <= 64
    if isinstance(op, ast.LShift | ast.RShift | ast.BitAnd | ast.BitOr | ast.BitXor):
        return isinstance(one, int) and isinstance(two, int) and two >= 0 and (two <= 64 or isinstance(op, ast.BitAnd))
    for text, times in ((one, two), (two, one)):
        if isinstance(text, str | bytes):
            if isinstance(op, ast.Add):
                return type(text) is type(times) and len(text) <= MOST_TEXT
            return isinstance(op, ast.Mult) and isinstance(times, int) and len(text) * max(times, 0) <= MOST_TEXT
    return all(isinstance(item, (*numbers, *_DATES)) for item in (one, two))


def _together(op: ast.operator, left: Value, right: Value) -> Value:
    """Two collections joined, or one repeated."""
    if isinstance(op, ast.Add) and isinstance(left, Several) and isinstance(right, Several):
        return Several((*left.items, *right.items)) if len(left.items) + len(right.items) <= MOST_ITEMS else UNKNOWN
    if isinstance(left, Box) and isinstance(right, Box) and not (left.lost or right.lost) and left.kind == right.kind:
        if len(left.items) + len(right.items) > MOST_ITEMS:
            return UNKNOWN
        if isinstance(op, ast.Add) and left.kind == "list":
            return Box("list", [*left.items, *right.items])
        if isinstance(op, ast.BitOr) and left.kind == "dict":
            joined = Box("dict", list(left.items), list(left.keys))
            for key, value in right.pairs():
                joined.put(key, value)
            return joined
        if left.kind == "set":
            return of_sets(op, left.items, right.items)
    if isinstance(op, ast.Mult) and isinstance(right, Known) and isinstance(right.value, int):
        if isinstance(left, Box) and left.kind == "list" and not left.lost:
            return Box("list", left.items * right.value) if len(left.items) * right.value <= MOST_ITEMS else UNKNOWN
        if isinstance(left, Several) and len(left.items) * right.value <= MOST_ITEMS:
            return Several(left.items * right.value)
    return UNKNOWN


def of_sets(op: ast.operator, left: list[Value], right: list[Value]) -> Value:
    """What an operation on two sets gives."""
    ones, twos = {plain(item): item for item in left}, {plain(item): item for item in right}
    if None in ones or None in twos:
        return UNKNOWN
    if isinstance(op, ast.BitOr):
        return Box("set", list((ones | twos).values()))
    if isinstance(op, ast.BitAnd):
        return Box("set", [item for key, item in ones.items() if key in twos])
    if isinstance(op, ast.Sub | ast.BitXor):
        found = [item for key, item in ones.items() if key not in twos]
        if isinstance(op, ast.BitXor):
            found += [item for key, item in twos.items() if key not in ones]
        return Box("set", found)
    return UNKNOWN
