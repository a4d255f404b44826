"""Static evaluation of expressions: literals, names, attributes, subscripts, operators."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeGuard

from bot.audit.evaluating.library import elements, formatted
from bot.audit.evaluating.mentions import Mention, changed_names, mentions
from bot.audit.evaluating.values import (
    MOST_ITEMS,
    MOST_TEXT,
    UNKNOWN,
    Box,
    Closure,
    Kind,
    Known,
    Pending,
    Place,
    Problem,
    Several,
    Thing,
    Unknown,
    Value,
    arithmetic,
    compare,
    known_or_unknown,
    passed,
    plain,
    truth,
    via,
)
from bot.audit.reading.definitions import ClassInfo, FunctionInfo
from bot.audit.reading.flat import every
from bot.audit.reading.program import External, ModuleInfo, Program
from bot.audit.reading.scope import Scope

MOST_STEPS = 4_000
MOST_CALLS = 8
ABSENT = Known(None)
"""In the environment: a variable that is certainly not set."""

ENVIRON = Box("environ", lost=True)
"""`os.environ` itself."""

_HOST_VARIABLES = {"HOME", "PATH", "USER", "CI", "SHELL", "LANG", "TZ", "TMPDIR", "PWD", "HOSTNAME", "TERM", "DEBUG"}
_HOST_PREFIXES = ("PYTEST", "PYTHON", "GITHUB", "LC_", "XDG", "VIRTUAL", "CONDA", "HTTP", "NO_", "COLUMNS")
_CONSTANTS = (
    *(ast.Constant, ast.UnaryOp, ast.BinOp, ast.Name, ast.Tuple, ast.IfExp, ast.Attribute, ast.JoinedStr),
    *(ast.Dict, ast.List, ast.Set, ast.Call),
)


_COMPARING: dict[type[ast.cmpop], str] = {
    ast.Eq: "__eq__",
    ast.NotEq: "__ne__",
    ast.Lt: "__lt__",
    ast.LtE: "__le__",
    ast.Gt: "__gt__",
    ast.GtE: "__ge__",
}
_OPERATING: dict[type[ast.operator], str] = {
    ast.Add: "__add__",
    ast.Sub: "__sub__",
    ast.Mult: "__mul__",
    ast.Div: "__truediv__",
    ast.Mod: "__mod__",
    ast.FloorDiv: "__floordiv__",
    ast.BitOr: "__or__",
    ast.BitAnd: "__and__",
}
_DATE_PARTS = {"year", "month", "day", "hour", "minute", "second", "microsecond"}
_NOTHING = object()
_PLAIN = (bool, int, float, str, bytes, type(None))


class GaveUp(Exception):
    """Evaluation met something that leaves the rest of the function unknown."""


class Returned(Exception):
    """A function of the evaluated code returned."""

    def __init__(self, value: Value) -> None:
        self.value = value


class Raised(Exception):
    """The evaluated code certainly raised."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


@dataclass(eq=False)
class Frame:
    """The names of one function call under evaluation, and what resolves the others."""

    scope: Scope
    names: dict[str, Value]


@dataclass(eq=False, kw_only=True)
class Expressions:
    """Evaluates expressions. What calls and statements do is the subclasses'.

    `_unsure` counts what was met that may do or raise anything: while it stands still, what happened is certain.
    """

    program: Program
    scope: Scope
    _environment: dict[str, Value] = field(default_factory=dict)
    _emptied: bool = False
    _things: list[Thing] = field(default_factory=list)
    _entered: set[str] = field(default_factory=set)
    _conditions: list[str] = field(default_factory=list)
    _captured: set[str] = field(default_factory=set)
    _nonlocal: set[str] = field(default_factory=set)
    _steps: int = 0
    _calls: int = 0
    _unsure: int = 0
    _patched: set[str] = field(default_factory=set)
    _free: set[ast.AST] = field(default_factory=set)
    _globals: dict[ast.expr, Value] = field(default_factory=dict)

    def _call(self, node: ast.Call, frame: Frame) -> Value:
        raise NotImplementedError

    def _call_function(
        self, function: FunctionInfo, owner: Thing | Kind | None, bound: dict[str, Value], frame: Frame
    ) -> Value:
        raise NotImplementedError

    def _forget(self, node: ast.AST, frame: Frame) -> None:
        raise NotImplementedError

    def _store(self, target: ast.expr, value: Value, frame: Frame) -> None:
        raise NotImplementedError

    def _own_way(self, owner: Value, name: str, arguments: list[Value], frame: Frame) -> Value | None:
        """What a special method (`__len__`) of an object's own class gives; None where it has none that is known."""
        raise NotImplementedError

    def _truth(self, value: Value, frame: Frame) -> bool | None:
        """Whether a value is true, by its own `__bool__` or `__len__` where it has one."""
        decided = truth(value)
        if decided is None and isinstance(value, Thing) and value.cls.closed:
            found = self._own_way(value, "__bool__", [], frame) or self._own_way(value, "__len__", [], frame)
            return truth(found) if found is not None else None
        return decided

    def _compared(self, op: ast.cmpop, left: Value, right: Value, frame: Frame) -> bool | None:
        """What a comparison gives, by the objects' own methods where they have them."""
        if isinstance(op, ast.In | ast.NotIn) and isinstance(right, Kind):
            items = self._elements(right, frame)
            right = Several(tuple(items)) if items is not None and isinstance(left, Thing) else UNKNOWN
        name = _COMPARING.get(type(op))
        if name and isinstance(left, Thing) and left.cls.has_own(name):
            found = self._own_way(left, name, [right], frame)
            return truth(found) if found is not None else None
        if isinstance(op, ast.In | ast.NotIn) and isinstance(right, Thing):
            found = self._own_way(right, "__contains__", [left], frame)
            decided = truth(found) if found is not None else None
            return None if decided is None else decided is isinstance(op, ast.In)
        if isinstance(op, ast.NotEq) and isinstance(left, Thing) and left.cls.has_own("__eq__"):
            return None
        return compare(op, left, right)

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise GaveUp

    def _doubt(self) -> Value:
        """Note that what was met here may do or raise anything, and that its value is unknown."""
        self._unsure += 1
        return UNKNOWN

    def _escape(self, value: Value) -> None:
        """Take a value, and all in it, as something that unknown code has and may change."""
        waiting: list[Value] = [value]
        seen: set[int] = set()
        while waiting:
            item = waiting.pop()
            if id(item) in seen:
                continue
            seen.add(id(item))
            if isinstance(item, Thing) and not item.escaped:
                item.escaped = True
                waiting += item.attributes.values()
            elif isinstance(item, Several):
                waiting += item.items
            elif isinstance(item, Box) and not item.lost and item is not ENVIRON:
                item.lost = True
                waiting += item.items
            elif isinstance(item, Pending):
                waiting += item.bound.values()
                if isinstance(item.owner, Thing):
                    waiting.append(item.owner)
            elif isinstance(item, Closure):
                self._escape_closure(item)

    def _escape_closure(self, value: Closure) -> None:
        """A function that anybody may call has what it sees, now and later."""
        if value.node in self._free:
            return
        self._free.add(value.node)
        names = {item.id for item in every(value.node, ast.Name)}
        self._captured |= names
        for name in sorted(names & value.names.keys()):
            self._escape(value.names[name])

    def _home(self, module: ModuleInfo, frame: Frame) -> Frame:
        """The names of a module's top level."""
        return Frame(Scope.of(self.program, module, replaced=frame.scope.replaced), {})

    def _value(self, node: ast.expr, frame: Frame) -> Value:
        self._step()
        if isinstance(node, ast.Constant):
            module = frame.scope.module
            if isinstance(node.value, _PLAIN):
                place = Place(module.source.path, node.lineno, module.product)
                return Known(node.value, place, place if module.product else None)
            return UNKNOWN
        if isinstance(node, ast.Name):
            return frame.names[node.id] if node.id in frame.names else self._global(node, frame)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, frame)
        if isinstance(node, ast.Call):
            return self._call(node, frame)
        if isinstance(node, ast.Subscript):
            return self._subscript(node, frame)
        if isinstance(node, ast.IfExp):
            decided = self._truth(self._value(node.test, frame), frame)
            if decided is None:
                self._forget(node, frame)
                return self._doubt()
            return self._value(node.body if decided else node.orelse, frame)
        return self._compound(node, frame)

    def _compound(self, node: ast.expr, frame: Frame) -> Value:
        if isinstance(node, ast.Compare):
            return self._comparison(node, frame)
        if isinstance(node, ast.BoolOp):
            return self._logic(node, frame)
        if isinstance(node, ast.UnaryOp):
            return self._unary(node, frame)
        if isinstance(node, ast.BinOp):
            return self._operation(node.op, self._value(node.left, frame), self._value(node.right, frame), frame)
        if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
            return self._collection(node, frame)
        if isinstance(node, ast.JoinedStr):
            return self._text(node, frame)
        if isinstance(node, ast.Await):
            return self._awaited(self._value(node.value, frame), frame)
        if isinstance(node, ast.Lambda):
            return Closure(node, frame.scope, frame.names)
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            return self._comprehension(node, frame)
        if isinstance(node, ast.NamedExpr):
            value = self._value(node.value, frame)
            self._store(node.target, value, frame)
            return value
        self._forget(node, frame)
        return self._doubt()

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, frame: Frame
    ) -> Value:
        inner = Frame(frame.scope, dict(frame.names))
        found: list[tuple[Value, Value]] = []
        if any(part.is_async for part in node.generators) or not self._rounds(node, 0, inner, found):
            self._forget(node, frame)
            return self._doubt()
        if isinstance(node, ast.DictComp):
            box = Box("dict")
            for key, value in found:
                box.put(key, value)
            return box
        items = [value for _, value in found]
        made = self._set(items) if isinstance(node, ast.SetComp) else Box("list", items)
        made.via = via(inner.names.get(name, UNKNOWN) for name in _first_names(node))
        return made

    def _set(self, items: Iterable[Value]) -> Box:
        pictured = {plain(item): item for item in items}
        if None in pictured:
            for item in items:
                self._escape(item)
            return Box("set", lost=True)
        return Box("set", list(pictured.values()))

    def _rounds(
        self,
        node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
        at: int,
        frame: Frame,
        found: list[tuple[Value, Value]],
    ) -> bool:
        """Go through one `for` of a comprehension; whether all of it was certain."""
        if at == len(node.generators):
            if isinstance(node, ast.DictComp):
                found.append((self._value(node.key, frame), self._value(node.value, frame)))
            else:
                found.append((UNKNOWN, self._value(node.elt, frame)))
            return len(found) <= MOST_ITEMS
        part = node.generators[at]
        items = self._elements(self._value(part.iter, frame), frame)
        if items is None or len(items) > MOST_ITEMS:
            return False
        for item in items:
            self._store(part.target, item, frame)
            decided = [truth(self._value(test, frame)) for test in part.ifs]
            if False in decided:
                continue
            if None in decided or not self._rounds(node, at + 1, frame, found):
                return False
        return True

    def _elements(self, value: Value, frame: Frame) -> Sequence[Value] | None:
        """What iterating gives, where that is known."""
        if isinstance(value, Kind) and value.cls.is_enum and not value.cls.bases:
            statements = value.cls.members.items()
            names = [name for name, item in statements if isinstance(item, ast.Assign) and not name.startswith("_")]
            members = [self._member_of(value.cls, name, frame) for name in names]
            pictures = [plain(item.attributes.get("value", UNKNOWN)) for item in members if isinstance(item, Thing)]
            return members if None not in pictures and len(set(pictures)) == len(members) else None
        return elements(value)

    def _operation(self, op: ast.operator, left: Value, right: Value, frame: Frame) -> Value:
        if isinstance(left, Thing) and (name := _OPERATING.get(type(op))):
            own = self._own_way(left, name, [right], frame)
            if own is not None:
                return own
        if isinstance(op, ast.Mod) and isinstance(left, Known) and isinstance(left.value, str):
            return percent(left, right)
        found = arithmetic(op, left, right)
        return self._doubt() if isinstance(found, Unknown) else found

    def _awaited(self, value: Value, frame: Frame) -> Value:
        if not isinstance(value, Pending):
            return value if isinstance(value, Known) else self._doubt()
        return self._call_function(value.function, value.owner, value.bound, frame)

    def _unary(self, node: ast.UnaryOp, frame: Frame) -> Value:
        inner = self._value(node.operand, frame)
        if isinstance(node.op, ast.Not):
            decided = self._truth(inner, frame)
            return UNKNOWN if decided is None else Known(not decided, via=via((inner,)))
        if isinstance(inner, Known) and isinstance(inner.value, int | float | Decimal | timedelta):
            if isinstance(node.op, ast.USub):
                return Known(-inner.value, inner.origin, inner.via)
            if isinstance(node.op, ast.UAdd):
                return inner
            if isinstance(node.op, ast.Invert) and isinstance(inner.value, int):
                return Known(~inner.value, via=inner.via)
        if isinstance(inner, Thing) and isinstance(node.op, ast.USub):
            own = self._own_way(inner, "__neg__", [], frame)
            if own is not None:
                return own
        return self._doubt()

    def _collection(self, node: ast.Tuple | ast.List | ast.Set | ast.Dict, frame: Frame) -> Value:
        if isinstance(node, ast.Dict):
            return self._dict(node, frame)
        items: list[Value] = []
        unknown = False
        for item in node.elts:
            value = self._value(item.value if isinstance(item, ast.Starred) else item, frame)
            if isinstance(item, ast.Starred):
                inner = self._elements(value, frame)
                unknown = unknown or inner is None
                items += inner if inner is not None else [value]
            else:
                items.append(value)
        if unknown or len(items) > MOST_ITEMS:
            for value in items:
                self._escape(value)
            return UNKNOWN if isinstance(node, ast.Tuple) else Box("list", lost=True)
        if isinstance(node, ast.Set):
            return self._set(items)
        return Several(tuple(items)) if isinstance(node, ast.Tuple) else Box("list", items)

    def _dict(self, node: ast.Dict, frame: Frame) -> Value:
        box = Box("dict")
        given: list[Value] = []
        for key, value_node in zip(node.keys, node.values, strict=True):
            name = self._value(key, frame) if key is not None else None
            value = self._value(value_node, frame)
            given.append(value)
            if name is not None:
                box.put(name, value)
            elif isinstance(value, Box) and value.kind == "dict" and not value.lost:
                for inner, item in value.pairs():
                    box.put(inner, item)
            else:
                box.lost = True
        if box.lost:
            for value in given:
                self._escape(value)
            return Box("dict", lost=True)
        return box

    def _text(self, node: ast.JoinedStr, frame: Frame) -> Value:
        parts: list[Value] = []
        for item in node.values:
            if isinstance(item, ast.FormattedValue):
                parts.append(_formatted(item, self._value(item.value, frame)))
            else:
                parts.append(self._value(item, frame))
        texts = [part.value for part in parts if isinstance(part, Known) and isinstance(part.value, str)]
        if len(texts) != len(parts) or sum(map(len, texts)) > MOST_TEXT:
            return UNKNOWN
        return Known("".join(texts), via=via(parts))

    def _comparison(self, node: ast.Compare, frame: Frame) -> Value:
        left = self._value(node.left, frame)
        seen = [left]
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self._value(right_node, frame)
            if isinstance(op, ast.In | ast.NotIn) and right is ENVIRON:
                holds = self._in_environment(left, isinstance(op, ast.In))
            else:
                holds = self._compared(op, left, right, frame)
            seen.append(right)
            if holds is None:
                return self._doubt()
            if not holds:
                return Known(False, via=via(seen))
            left = right
        return Known(True, via=via(seen))

    def _in_environment(self, name: Value, wanted: bool) -> bool | None:
        if not isinstance(name, Known):
            return None
        found = self._variable(str(name.value))
        return None if isinstance(found, Unknown) else (found is not ABSENT) is wanted

    def _variable(self, name: str) -> Value:
        """An environment variable: its value, `ABSENT` where it is certainly not set, or unknown."""
        if name in self._environment:
            return self._environment[name]
        return ABSENT if self._emptied or not self._may_be_set(name) else UNKNOWN

    def _may_be_set(self, name: str) -> bool:
        """Whether a variable may be set around the test: a host's own, or one that code around the test speaks of."""
        if name.startswith(_HOST_PREFIXES) or name in _HOST_VARIABLES:
            return True
        key = ("variable", name)
        if key not in self.program.memo:
            self.program.memo[key] = tuple(mentions(self.program, name))
        known: tuple[Mention, ...] = self.program.memo[key]
        here = self.scope.module
        return any(
            item.leaks
            or item.module.source.is_conftest
            or (item.module is here and (not item.in_test or item.function in self.scope.functions))
            for item in known
        )

    def _logic(self, node: ast.BoolOp, frame: Frame) -> Value:
        value: Value = UNKNOWN
        for part in node.values:
            value = self._value(part, frame)
            if part is node.values[-1]:
                return value
            decided = self._truth(value, frame)
            if decided is None:
                self._forget(node, frame)
                return self._doubt()
            if decided is isinstance(node.op, ast.Or):
                return value
        return value

    # names and attributes

    def _global(self, node: ast.Name, frame: Frame) -> Value:
        scope = frame.scope
        if node.id in self._patched:
            return UNKNOWN
        local = [item for function in scope.functions for _, item in scope.bound(function).get(node.id, [])]
        if len(local) == 1 and isinstance(local[0], ast.alias):
            return self._symbol_value(self.program.imported(local[0]), scope.module, frame, node.id)
        if local or node.id not in scope.module.bindings:
            return UNKNOWN
        return self._symbol_value(self.program.member(scope.module, node.id), scope.module, frame, node.id)

    def _symbol_value(self, symbol: object, module: ModuleInfo, frame: Frame, name: str) -> Value:
        if isinstance(symbol, ClassInfo):
            return Kind(symbol)
        if not isinstance(symbol, ast.expr) or not isinstance(symbol, _CONSTANTS) or self._calls > MOST_CALLS:
            return UNKNOWN
        if isinstance(symbol, ast.Dict | ast.List | ast.Set | ast.Call) and self._changed(name):
            return UNKNOWN
        if symbol in self._globals:
            return self._globals[symbol]
        home = self.program.home_of(symbol) or module
        # What a module's top level says was evaluated when it was imported, in an environment nobody knows.
        self._calls += 1
        before = self._environment, self._emptied
        self._environment, self._emptied = {}, False
        try:
            value = self._value(symbol, self._home(home, frame))
            if isinstance(value, Thing) and not value.member:
                self._escape(value)  # everybody has it
            self._globals[symbol] = value
        except Raised:
            return UNKNOWN
        finally:
            self._environment, self._emptied = before
            self._calls -= 1
        return value

    def _changed(self, name: str) -> bool:
        """Whether any code changes something of this name in place: stores an item, appends, patches."""
        if "changed" not in self.program.memo:
            self.program.memo["changed"] = frozenset(changed_names(self.program))
        known: frozenset[str] = self.program.memo["changed"]
        return name in known

    def _attribute(self, node: ast.Attribute, frame: Frame) -> Value:
        if node.attr == "environ" and frame.scope.dotted(node) == "os.environ":
            return ENVIRON
        owner = self._value(node.value, frame)
        if isinstance(owner, Box) and owner.kind == "caught":
            return owner.items[0] if node.attr in {"value", "exception"} else self._doubt()
        if node.attr in self._patched:
            return self._doubt()
        if isinstance(owner, Unknown):
            target = (
                frame.scope.resolve(node.value)
                if not isinstance(node.value, ast.Name) or node.value.id not in frame.names
                else None
            )
            if isinstance(target, ModuleInfo):
                return self._symbol_value(self.program.member(target, node.attr), target, frame, node.attr)
            if isinstance(target, ClassInfo):
                return self._class_attribute(target, node.attr, frame)
            return UNKNOWN if isinstance(target, External) else self._doubt()
        return self._known_attribute(owner, node.attr, frame)

    def _known_attribute(self, owner: Value, name: str, frame: Frame) -> Value:
        if isinstance(owner, Thing):
            return self._thing_attribute(owner, name, frame)
        if isinstance(owner, Kind):
            return Known(owner.cls.node.name) if name == "__name__" else self._class_attribute(owner.cls, name, frame)
        if isinstance(owner, Problem):
            return self._of_problem(owner, name, frame)
        if isinstance(owner, Known) and isinstance(owner.value, date) and name in _DATE_PARTS:
            return known_or_unknown(getattr(owner.value, name, _NOTHING), owner.via)
        if isinstance(owner, Box):
            self._escape(owner)  # whoever has `found.append` can call it
        return self._doubt()

    def _of_problem(self, owner: Problem, name: str, frame: Frame) -> Value:
        if owner.thing is not None and name in owner.thing.attributes:
            return self._thing_attribute(owner.thing, name, frame)
        if name == "args" and owner.thing is None and not isinstance(owner.message, Unknown):
            return Several((owner.message,))
        return self._doubt()

    def _class_attribute(self, cls: ClassInfo, name: str, frame: Frame) -> Value:
        for item in cls.order:
            if item.is_enum and isinstance(item.members.get(name), ast.Assign) and not name.startswith("_"):
                return self._member_of(item, name, frame)
        if cls.method(name) is not None or self.program.stored_outside(name):
            return UNKNOWN
        return self._symbol_value(self.program.member(cls, name), cls.module, frame, name)

    def _member_of(self, cls: ClassInfo, name: str, frame: Frame) -> Value:
        """A member of an enumeration."""
        statement = cls.members[name]
        value: Value = UNKNOWN
        own_ways = any(cls.has_own(name) for name in ("__init__", "__new__", "_generate_next_value_"))
        if isinstance(statement, ast.Assign) and not own_ways:
            value = self._symbol_value(statement.value, cls.module, frame, name)
        origin = Place(cls.module.source.path, statement.lineno, cls.module.product)
        named = Known(name, origin, origin if cls.module.product else None)
        return Thing(cls, {"value": value, "name": named}, member=name)

    def _thing_attribute(self, owner: Thing, name: str, frame: Frame) -> Value:
        product = owner.cls.module.product
        method = owner.cls.method(name)
        if method is not None:
            plain_property = method.is_property and method.decorators <= {"property", "cached_property"}
            if plain_property and not method.is_generator:
                return self._call_function(method, owner, {}, frame)
            self._escape(owner)  # whoever has the method can call it
            return UNKNOWN
        if name in owner.attributes:
            if owner.escaped and self.program.stored_outside(name):
                return self._doubt()
            place = Place(owner.cls.module.source.path, owner.cls.node.lineno, True)
            return passed(owner.attributes[name], place) if product else owner.attributes[name]
        if not owner.cls.closed or any(name in item.set_by_methods for item in owner.cls.order):
            return self._doubt()
        found = self.program.member(owner.cls, name)
        if self.program.stored_outside(name):
            return self._doubt()
        return self._symbol_value(found, owner.cls.module, frame, name)

    def _subscript(self, node: ast.Subscript, frame: Frame) -> Value:
        owner = self._value(node.value, frame)
        if owner is ENVIRON:
            key = self._value(node.slice, frame)
            found = self._variable(str(key.value)) if isinstance(key, Known) else UNKNOWN
            return self._doubt() if found is ABSENT or isinstance(found, Unknown) else found
        if isinstance(node.slice, ast.Slice):
            return self._sliced(owner, node.slice, frame)
        key = self._value(node.slice, frame)
        if isinstance(owner, Kind) and owner.cls.is_enum and isinstance(key, Known):
            has = isinstance(owner.cls.members.get(str(key.value)), ast.Assign)
            return self._member_of(owner.cls, str(key.value), frame) if has else self._doubt()
        if isinstance(owner, Thing) and not owner.member:
            return self._own_way(owner, "__getitem__", [key], frame) or self._doubt()
        if isinstance(owner, Box) and owner.kind == "dict" and not owner.lost:
            try:
                place = owner.at(key)
            except ValueError:
                return self._doubt()
            if place is None:
                raise Raised(Problem(("KeyError", "LookupError", "Exception", "BaseException"), key, True))
            return passed(owner.items[place], owner.via) if owner.via else owner.items[place]
        return self._item(owner, key)

    def _item(self, owner: Value, key: Value) -> Value:
        if not (isinstance(key, Known) and isinstance(key.value, int)):
            return self._doubt()
        if isinstance(owner, Known) and isinstance(owner.value, str | bytes):
            if -len(owner.value) <= key.value < len(owner.value):
                return Known(owner.value[key.value], via=owner.via)
            raise Raised(Problem(("IndexError", "LookupError", "Exception", "BaseException"), UNKNOWN, True))
        items = owner.items if isinstance(owner, Several) or is_list(owner) else None
        if items is not None and -len(items) <= key.value < len(items):
            place_of = owner.via if isinstance(owner, Several | Box) else None
            return passed(items[key.value], place_of) if place_of else items[key.value]
        if items is not None:
            raise Raised(Problem(("IndexError", "LookupError", "Exception", "BaseException"), UNKNOWN, True))
        return self._doubt()

    def _sliced(self, owner: Value, node: ast.Slice, frame: Frame) -> Value:
        parts = [self._value(part, frame) if part is not None else Known(None) for part in (node.lower, node.upper)]
        parts.append(self._value(node.step, frame) if node.step is not None else Known(None))
        bounds = [part.value for part in parts if isinstance(part, Known) and isinstance(part.value, int | None)]
        if len(bounds) != 3 or bounds[2] == 0:
            return self._doubt()
        cut = slice(*bounds)
        if isinstance(owner, Known) and isinstance(owner.value, str | bytes):
            return Known(owner.value[cut], via=owner.via)
        if isinstance(owner, Several):
            return Several(owner.items[cut], owner.via)
        if isinstance(owner, Box) and is_list(owner):
            return Box("list", owner.items[cut], via=owner.via)
        return self._doubt()


def _first_names(node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> list[str]:
    """The names that a comprehension goes over."""
    return [name.id for part in node.generators for name in every(part.iter, ast.Name)]


def is_list(value: Value) -> TypeGuard[Box]:
    """Whether a value is a list that is known."""
    return isinstance(value, Box) and value.kind == "list" and not value.lost


def percent(left: Known, right: Value) -> Value:
    """A text with `%s` and `%d` filled in."""
    parts = right.items if isinstance(right, Several) else (right,)
    given = [item.value for item in parts if isinstance(item, Known) and isinstance(item.value, str | int | float)]
    if len(given) != len(parts) or not isinstance(left.value, str) or re.search(r"%[^sd%]", left.value):
        return UNKNOWN
    try:
        return known_or_unknown(left.value % tuple(given), via((left, *parts)))
    except (TypeError, ValueError):
        return UNKNOWN


def _formatted(node: ast.FormattedValue, value: Value) -> Value:
    if isinstance(value, Problem) and node.conversion in (-1, 115) and node.format_spec is None:
        return value.message if isinstance(value.message, Known) and isinstance(value.message.value, str) else UNKNOWN
    if not isinstance(value, Known) or isinstance(value.value, bytes):
        return UNKNOWN
    if node.conversion == 114 and node.format_spec is None:
        return Known(repr(value.value), via=value.via)
    if node.conversion not in (-1, 115):
        return UNKNOWN
    if node.format_spec is None:
        return Known(str(value.value), via=value.via)
    parts = node.format_spec.values if isinstance(node.format_spec, ast.JoinedStr) else []
    spec = parts[0] if len(parts) == 1 else None
    if not isinstance(spec, ast.Constant):
        return UNKNOWN
    return formatted(value, str(spec.value))
