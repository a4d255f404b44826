"""Static evaluation of expressions: values, attributes, constructors and simple functions."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.audit.definitions import ClassInfo, FunctionInfo, field_default
from bot.audit.program import ModuleInfo, Program
from bot.audit.references import Bound, function_of
from bot.audit.scope import Scope
from bot.audit.signatures import Parameters, why_not
from bot.audit.values import UNKNOWN, Known, Place, Several, Thing, Unknown, Value, arithmetic, compare, truth

MOST_STEPS = 4_000
MOST_CALLS = 8

_HARMLESS = {
    "builtins.print",
    "builtins.len",
    "builtins.str",
    "builtins.repr",
    "builtins.isinstance",
    "builtins.bool",
    "builtins.float",
    "builtins.int",
    "builtins.id",
    "builtins.type",
    "builtins.hasattr",
    "builtins.callable",
    "pytest.approx",
    "logging.getLogger",
}


class GaveUp(Exception):
    """Evaluation met something that leaves the rest of the function unknown."""


class Returned(Exception):
    """A function of the evaluated code returned."""

    def __init__(self, value: Value) -> None:
        self.value = value


@dataclass(eq=False)
class Frame:
    """The names of one function call under evaluation, and what resolves the others."""

    scope: Scope
    names: dict[str, Value]


@dataclass(eq=False, kw_only=True)
class Expressions:
    """Evaluates expressions. What statements do, `_block` and `_forget`, is the subclass's."""

    program: Program
    scope: Scope
    _environment: dict[str, Value] = field(default_factory=dict)
    _things: list[Thing] = field(default_factory=list)
    _entered: set[str] = field(default_factory=set)
    _conditions: list[str] = field(default_factory=list)
    _captured: set[str] = field(default_factory=set)
    _nonlocal: set[str] = field(default_factory=set)
    _steps: int = 0
    _calls: int = 0

    def _block(self, body: Iterable[ast.stmt], frame: Frame) -> None:
        raise NotImplementedError

    def _forget(self, node: ast.AST, frame: Frame) -> None:
        raise NotImplementedError

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise GaveUp

    def _escape(self, value: Value) -> None:
        if isinstance(value, Thing) and not value.escaped:
            value.escaped = True
            for item in value.attributes.values():
                self._escape(item)
        elif isinstance(value, Several):
            for item in value.items:
                self._escape(item)

    # expressions

    def _value(self, node: ast.expr, frame: Frame) -> Value:
        self._step()
        if isinstance(node, ast.Constant):
            module = frame.scope.module
            if isinstance(node.value, bool | int | float | str | bytes) or node.value is None:
                return Known(node.value, Place(module.source.path, node.lineno, module.product))
            return UNKNOWN
        if isinstance(node, ast.Name):
            return frame.names[node.id] if node.id in frame.names else self._global(node, frame)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, frame)
        if isinstance(node, ast.Call):
            return self._call(node, frame)
        if isinstance(node, ast.IfExp):
            decided = truth(self._value(node.test, frame))
            if decided is None:
                self._forget(node, frame)
                return UNKNOWN
            return self._value(node.body if decided else node.orelse, frame)
        return self._compound(node, frame)

    def _compound(self, node: ast.expr, frame: Frame) -> Value:
        if isinstance(node, ast.Compare):
            return self._comparison(node, frame)
        if isinstance(node, ast.BoolOp):
            return self._logic(node, frame)
        if isinstance(node, ast.UnaryOp):
            inner = self._value(node.operand, frame)
            if isinstance(node.op, ast.Not):
                decided = truth(inner)
                return UNKNOWN if decided is None else Known(not decided)
            if isinstance(node.op, ast.USub) and isinstance(inner, Known) and isinstance(inner.value, int | float):
                return Known(-inner.value, inner.origin)
            return UNKNOWN
        if isinstance(node, ast.BinOp):
            return arithmetic(node.op, self._value(node.left, frame), self._value(node.right, frame))
        if isinstance(node, ast.Tuple | ast.List) and not any(isinstance(item, ast.Starred) for item in node.elts):
            items = tuple(self._value(item, frame) for item in node.elts)
            if isinstance(node, ast.Tuple):
                return Several(items)
            for item in items:
                self._escape(item)
            return UNKNOWN  # a list may change through any alias
        if isinstance(node, ast.Await):
            self._forget(node.value, frame)
            return UNKNOWN
        self._forget(node, frame)
        return UNKNOWN

    def _comparison(self, node: ast.Compare, frame: Frame) -> Value:
        left = self._value(node.left, frame)
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self._value(right_node, frame)
            holds = compare(op, left, right)
            if holds is None:
                return UNKNOWN
            if not holds:
                return Known(False)
            left = right
        return Known(True)

    def _logic(self, node: ast.BoolOp, frame: Frame) -> Value:
        value: Value = UNKNOWN
        for part in node.values:
            value = self._value(part, frame)
            decided = truth(value)
            if decided is None:
                self._forget(node, frame)
                return UNKNOWN
            if decided is isinstance(node.op, ast.Or):
                return value
        return value

    def _global(self, node: ast.Name, frame: Frame) -> Value:
        if node.id in frame.scope.replaced:
            return UNKNOWN
        return (
            self._symbol_value(self.program.member(frame.scope.module, node.id), frame.scope.module, frame)
            if node.id in frame.scope.module.bindings and not self._local_binding(node.id, frame)
            else UNKNOWN
        )

    @staticmethod
    def _local_binding(name: str, frame: Frame) -> bool:
        return any(name in frame.scope.bound(function) for function in frame.scope.functions)

    def _symbol_value(self, symbol: object, module: ModuleInfo, frame: Frame) -> Value:
        if not isinstance(symbol, ast.expr):
            return UNKNOWN
        home = self.program.home_of(symbol) or module
        if not isinstance(
            symbol, ast.Constant | ast.UnaryOp | ast.BinOp | ast.Name | ast.Tuple | ast.IfExp | ast.Attribute
        ):
            return UNKNOWN
        if self._calls > MOST_CALLS:
            return UNKNOWN
        self._calls += 1
        environment, self._environment = self._environment, {}
        try:
            return self._value(symbol, Frame(Scope.of(self.program, home, replaced=frame.scope.replaced), {}))
        finally:
            self._environment = environment
            self._calls -= 1

    def _attribute(self, node: ast.Attribute, frame: Frame) -> Value:
        owner = self._value(node.value, frame)
        if node.attr in self.scope.replaced:
            return UNKNOWN
        if isinstance(owner, Thing):
            return self._thing_attribute(owner, node.attr, frame)
        if isinstance(owner, Unknown):
            target = (
                frame.scope.resolve(node.value)
                if not isinstance(node.value, ast.Name) or node.value.id not in frame.names
                else None
            )
            if isinstance(target, ModuleInfo | ClassInfo):
                home = target if isinstance(target, ModuleInfo) else target.module
                if isinstance(target, ClassInfo) and self.program.stored_outside(node.attr):
                    return UNKNOWN
                return self._symbol_value(self.program.member(target, node.attr), home, frame)
        return UNKNOWN

    def _thing_attribute(self, owner: Thing, name: str, frame: Frame) -> Value:
        method = owner.cls.method(name)
        if method is not None:
            if method.decorators == {"property"} and not method.is_generator:
                return self._call_function(method, owner, {}, frame)
            return UNKNOWN
        if name in owner.attributes:
            if owner.escaped and self.program.stored_outside(name):
                return UNKNOWN
            return owner.attributes[name]
        if not owner.cls.closed or any(name in item.set_by_methods for item in owner.cls.order):
            return UNKNOWN
        found = self.program.member(owner.cls, name)
        return UNKNOWN if self.program.stored_outside(name) else self._symbol_value(found, owner.cls.module, frame)

    # calls

    def _call(self, node: ast.Call, frame: Frame) -> Value:
        dotted = frame.scope.dotted(node.func)
        if dotted in {"os.getenv", "os.environ.get"} and node.args and isinstance(node.args[0], ast.Constant):
            return self._environment.get(str(node.args[0].value), UNKNOWN)
        arguments = [self._value(item.value if isinstance(item, ast.Starred) else item, frame) for item in node.args]
        keywords = {item.arg: self._value(item.value, frame) for item in node.keywords}
        if dotted == "pytest.approx" and len(arguments) == 1 and not keywords:
            return arguments[0]
        if dotted in {"builtins.bool", "builtins.float", "builtins.int", "builtins.str"} and len(arguments) == 1:
            return _converted(dotted, arguments[0])
        receiver: Value = UNKNOWN
        if isinstance(node.func, ast.Attribute):
            receiver = self._value(node.func.value, frame)
        made = self._known_call(node, receiver, arguments, keywords, frame)
        if made is not None:
            return made
        if dotted not in _HARMLESS:
            for value in (receiver, *arguments, *keywords.values()):
                self._escape(value)
        return UNKNOWN

    def _known_call(
        self,
        node: ast.Call,
        receiver: Value,
        arguments: list[Value],
        keywords: dict[str | None, Value],
        frame: Frame,
    ) -> Value | None:
        if None in keywords or any(isinstance(item, ast.Starred) for item in node.args):
            return None
        named = {key: value for key, value in keywords.items() if key is not None}
        if isinstance(receiver, Thing) and isinstance(node.func, ast.Attribute):
            method = None if node.func.attr in self.scope.replaced else receiver.cls.method(node.func.attr)
            target: object = Bound(method) if method is not None else None
        elif isinstance(node.func, ast.Name) and node.func.id in frame.names:
            target = None
        else:
            target = frame.scope.resolve(node.func)
        if isinstance(target, ClassInfo):
            return self._construct(target, node, arguments, named, frame)
        function = function_of(target) if isinstance(target, Bound | FunctionInfo) else None
        if function is None or not _simple(function):
            return None
        owner = receiver if isinstance(receiver, Thing) else None
        if function.owner is not None and not function.is_static and owner is None:
            return None
        takes = (
            function.parameters.without_first() if owner is not None and not function.is_static else function.parameters
        )
        bound = self._bind(takes, node, arguments, named, function, frame)
        return None if bound is None else self._call_function(function, owner, bound, frame)

    def _bind(
        self,
        takes: Parameters,
        node: ast.Call,
        arguments: list[Value],
        named: dict[str, Value],
        function: FunctionInfo | ClassInfo,
        frame: Frame,
    ) -> dict[str, Value] | None:
        if why_not(node, takes) or takes.rest or takes.keywords:
            return None
        bound = dict(zip((item.name for item in takes.positional), arguments, strict=False)) | named
        home = Frame(Scope.of(self.program, function.module, replaced=frame.scope.replaced), {})
        for item in takes.all:
            if item.name not in bound:
                bound[item.name] = self._value(item.default, home) if item.default is not None else UNKNOWN
        return bound

    def _call_function(
        self, function: FunctionInfo, owner: Thing | None, bound: dict[str, Value], frame: Frame
    ) -> Value:
        if self._calls > MOST_CALLS or function.is_generator or isinstance(function.node, ast.AsyncFunctionDef):
            return UNKNOWN
        if function.module.product:
            self._entered.add(f"{function.module.source.path}::{function.qualname}")
        names = dict(bound)
        positional = [*function.node.args.posonlyargs, *function.node.args.args]
        if owner is not None and positional and not function.is_static:
            names[positional[0].arg] = owner
        scope = Scope.of(
            self.program, function.module, (*function.outer, function.node), function.owner, frame.scope.replaced
        )
        self._calls += 1
        try:
            self._block(function.node.body, Frame(scope, names))
        except Returned as returned:
            return returned.value
        except GaveUp:
            if self._steps > MOST_STEPS:
                raise
            for value in names.values():
                self._escape(value)
                if isinstance(value, Thing):
                    value.attributes = dict.fromkeys(value.attributes, UNKNOWN)
            return UNKNOWN
        finally:
            self._calls -= 1
        return Known(None)

    def _construct(
        self,
        cls: ClassInfo,
        node: ast.Call,
        arguments: list[Value],
        named: dict[str, Value],
        frame: Frame,
    ) -> Value | None:
        takes = cls.constructor
        if takes is None or self._calls > MOST_CALLS:
            return None
        thing = Thing(cls)
        self._things.append(thing)
        init = cls.method("__init__")
        bound = self._bind(takes, node, arguments, named, init or cls, frame)
        if bound is None:
            return None
        if init is not None:
            self._call_function(init, thing, bound, frame)
            return thing
        thing.attributes.update(bound)
        for item in cls.order:
            for name, statement in item.fields() if item.is_dataclass else ():
                if name not in thing.attributes:
                    _, default, _ = field_default(statement.value)
                    home = Frame(Scope.of(self.program, item.module, replaced=frame.scope.replaced), {})
                    thing.attributes[name] = self._value(default, home) if default is not None else UNKNOWN
        if (post := cls.method("__post_init__")) is not None:
            self._call_function(post, thing, {}, frame)
        return thing


def _simple(function: FunctionInfo) -> bool:
    return (
        not function.opaque
        and not function.is_generator
        and not function.is_property
        and not isinstance(function.node, ast.AsyncFunctionDef)
        and not function.decorators & {"classmethod", "contextmanager", "asynccontextmanager"}
    )


def _converted(dotted: str, value: Value) -> Value:
    if dotted == "builtins.bool":
        decided = truth(value)
        return UNKNOWN if decided is None else Known(decided)
    if not isinstance(value, Known) or value.value is None or isinstance(value.value, bytes):
        return UNKNOWN
    try:
        if dotted == "builtins.str":
            return Known(str(value.value)) if isinstance(value.value, str | bool) else UNKNOWN
        return (
            Known(float(value.value), value.origin)
            if dotted == "builtins.float"
            else Known(int(value.value), value.origin)
        )
    except (ValueError, OverflowError):
        return UNKNOWN
