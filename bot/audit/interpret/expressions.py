"""Expressions: each kind of node gives a value."""

from __future__ import annotations

import ast
import functools
import types
from typing import Any
from unittest import mock

from bot.audit.interpret import host, ops
from bot.audit.interpret.frames import Frame, Function, inner_of
from bot.audit.interpret.state import State
from bot.audit.interpret.values import (
    CONTAINERS,
    UNKNOWN,
    GaveUp,
    Module,
    Tool,
    bounded,
    is_instance,
    is_interpreted,
    undecided,
    weigh,
)

_OPEN = (Tool, mock.NonCallableMock)


class Held(ast.expr):
    """An expression that was computed before: it stands for its value."""

    def __init__(self, value: Any, node: ast.AST) -> None:
        super().__init__()
        self.held = value
        self.of = node
        ast.copy_location(self, node)


class Expressions(State):
    """Evaluates expressions that wait for nothing."""

    def value(self, node: ast.expr, frame: Frame) -> Any:
        """What an expression gives."""
        self.steps -= 1
        if self.steps < 0:
            self.exhausted()
        kind = type(node)
        if kind is ast.Constant:
            return node.value  # type: ignore[attr-defined]
        if kind is ast.Name:
            return self.load(node.id, frame)  # type: ignore[attr-defined]
        method = self.expression_methods.get(kind)
        if method is None:
            undecided(f"a {kind.__name__}")
        return method(node, frame)

    def load(self, name: str, frame: Frame) -> Any:  # noqa: RET503
        """What a name stands for."""
        at: Frame | None = frame
        while at is not None:
            if at.kind != "class" or at is frame:
                if name in at.names:
                    return at.names[name]
                shape = at.shape
                if shape is not None:
                    if name in shape.global_:
                        at = at.root
                        continue
                    if name in shape.local:
                        ops.throw(UnboundLocalError(f"cannot access local variable '{name}'") if at is frame
                                  else NameError(f"cannot access free variable '{name}'"))
            if at.parent is None:
                break
            at = at.parent
        found = self.builtins.get(name, self)
        if found is not self:
            return found
        if at is not None and (" open" in at.names or at.info.open or name == "__file__"):
            return UNKNOWN
        ops.throw(NameError(f"name '{name}' is not defined"))

    def store(self, name: str, value: Any, frame: Frame) -> None:
        """Bind a name."""
        at: Frame = frame
        while at.kind == "comprehension" and name not in at.names and at.parent is not None:
            at = at.parent
        if at.shape is not None and name in at.shape.global_:
            at = at.root
        elif at.shape is not None and name in at.shape.outer:
            outer = at.parent
            while outer is not None and not (outer.shape is not None and name in outer.shape.local):
                outer = outer.parent
            at = outer if outer is not None else at
        if at.kind == "module":
            self.changed_module(at, name)
        at.names[name] = value

    def _held(self, node: Held, frame: Frame) -> Any:
        return node.held

    def _attribute(self, node: ast.Attribute, frame: Frame) -> Any:
        name = node.attr
        if name.startswith("__") and not name.endswith("__"):
            name = self.mangled(name, frame)
        owner = self.value(node.value, frame)
        found = self.get(owner, name)
        self.unknowns += found is UNKNOWN
        return found

    def get(self, value: Any, name: str) -> Any:
        """An attribute of a value."""
        return ops.attribute(value, name)

    def _subscript(self, node: ast.Subscript, frame: Frame) -> Any:
        value = self.value(node.value, frame)
        if type(value).__module__ == "typing" or getattr(value, "__module__", "") == "typing":
            return value if isinstance(value, type) else UNKNOWN
        found = bounded(ops.item(value, self.value(node.slice, frame)))
        self.unknowns += found is UNKNOWN
        return found

    def _slice(self, node: ast.Slice, frame: Frame) -> Any:
        return slice(*[self.value(part, frame) if part is not None else None
                       for part in (node.lower, node.upper, node.step)])

    def _binary(self, node: ast.BinOp, frame: Frame) -> Any:
        left = self.value(node.left, frame)
        right = self.value(node.right, frame)
        if isinstance(node.op, ast.BitOr) and (isinstance(left, type) or isinstance(right, type)):
            return left | right if isinstance(left, type) and isinstance(right, type | None) else UNKNOWN
        found = ops.binary(type(node.op), left, right)
        self.unknowns += found is UNKNOWN
        return found

    def _unary(self, node: ast.UnaryOp, frame: Frame) -> Any:
        return ops.unary(type(node.op), self.value(node.operand, frame))

    def _boolean(self, node: ast.BoolOp, frame: Frame) -> Any:
        """`and` and `or`: with something unknown first, still decided where the rest decides alone."""
        stops = isinstance(node.op, ast.Or)
        value: Any = None
        unknown = False
        for part in node.values:
            if unknown and not _is_pure(part):
                undecided("a condition on something unknown")
            value = self.value(part, frame)
            if value is UNKNOWN:
                unknown = True
            elif ops.truth(value) is stops:
                return (value if isinstance(value, bool) else UNKNOWN) if unknown else value
        return UNKNOWN if unknown else value

    def _compare(self, node: ast.Compare, frame: Frame) -> Any:
        left = self.value(node.left, frame)
        result: Any = True
        for op, part in zip(node.ops, node.comparators, strict=True):
            right = self.value(part, frame)
            result = ops.compare(type(op), left, right)
            self.unknowns += result is UNKNOWN
            if len(node.ops) > 1 and result is not UNKNOWN and not ops.truth(result):
                return result
            left = right
        return result

    def _conditional(self, node: ast.IfExp, frame: Frame) -> Any:
        test = self.value(node.test, frame)
        if test is UNKNOWN:
            if _is_pure(node.body) and _is_pure(node.orelse):
                return UNKNOWN
            undecided("a condition on something unknown")
        return self.value(node.body if ops.truth(test) else node.orelse, frame)

    def _named(self, node: ast.NamedExpr, frame: Frame) -> Any:
        value = self.value(node.value, frame)
        at = frame
        while at.kind == "comprehension" and at.parent is not None:
            at = at.parent
        self.store(node.target.id, value, at)
        return value

    def _items(self, nodes: list[ast.expr], frame: Frame) -> list[Any]:
        found: list[Any] = []
        for item in nodes:
            if isinstance(item, ast.Starred):
                found.extend(self.items(self.value(item.value, frame)))
            else:
                found.append(self.value(item, frame))
        return found

    def _list(self, node: ast.List, frame: Frame) -> Any:
        return bounded(self._items(node.elts, frame))

    def _tuple(self, node: ast.Tuple, frame: Frame) -> Any:
        return bounded(tuple(self._items(node.elts, frame)))

    def _set(self, node: ast.Set, frame: Frame) -> Any:
        found = self._items(node.elts, frame)
        weigh(found)
        return set(found)

    def _dict(self, node: ast.Dict, frame: Frame) -> Any:
        found: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                more = self.value(value, frame)
                found.update(self.mapping(more))
            else:
                name = self.value(key, frame)
                ops.set_item(found, name, self.value(value, frame))
        return bounded(found)

    def _text(self, node: ast.JoinedStr, frame: Frame) -> Any:
        parts = [self.value(item, frame) for item in node.values]
        return UNKNOWN if any(part is UNKNOWN for part in parts) else bounded("".join(parts))

    def _formatted(self, node: ast.FormattedValue, frame: Frame) -> Any:
        value = self.value(node.value, frame)
        if node.conversion in (114, 97):
            value = ops.text_of(value, repr if node.conversion == 114 else ascii)
        elif node.conversion == 115:
            value = ops.text_of(value)
        spec = self.value(node.format_spec, frame) if node.format_spec else ""
        return UNKNOWN if spec is UNKNOWN else ops.formatted(value, spec)

    def _lambda(self, node: ast.Lambda, frame: Frame) -> Any:
        return self.function(node, frame, "<lambda>")

    def defaults(self, arguments: ast.arguments, frame: Frame) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The default values of a function, computed where it is defined."""
        first = tuple(self.value(item, frame) for item in arguments.defaults)
        named = {item.arg: self.value(value, frame)
                 for item, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value is not None}
        return first, named

    def function(self, node: Any, frame: Frame, name: str) -> Any:
        """The function that a `def` or `lambda` makes, without its decorators."""
        called = frame.called
        if frame.kind == "class":
            name = f"{frame.names.get('__qualname__', '?')}.{name}"
        elif called is not None and called.function is not None:
            name = f"{called.function.name}.<locals>.{name}"
        found = Function(node, name, frame, *self.defaults(node.args, frame))
        if frame.kind == "class":
            found.owner = frame.result
        elif called is not None and called.function is not None:
            found.owner = called.function.owner
        return self.hosted(found)

    def _call(self, node: ast.Call, frame: Frame) -> Any:
        function = self.value(node.func, frame)
        if function is self.super_ and not node.args:
            return self.super_of(frame)
        args = self._items(node.args, frame)
        kwargs: dict[str, Any] = {}
        for item in node.keywords:
            value = self.value(item.value, frame)
            more = {item.arg: value} if item.arg is not None else self.mapping(value)
            if not kwargs.keys().isdisjoint(more) or not all(isinstance(name, str) for name in more):
                ops.throw(TypeError("got multiple values for a keyword argument, or a keyword that is no string"))
            kwargs.update(more)
        return self.watched_call(node, function, args, kwargs, frame)

    def mapping(self, value: Any) -> dict[Any, Any]:
        """The items of what stands after two stars."""
        if value is UNKNOWN:
            undecided("arguments that are unknown")
        if isinstance(value, dict) and not is_instance(value):
            return value
        if not hasattr(type(value), "keys") or not hasattr(type(value), "__getitem__"):
            ops.throw(TypeError("argument after ** must be a mapping"))
        return {key: ops.item(value, key) for key in self.items(value.keys())}

    def watched_call(self, node: ast.Call, function: Any, args: list[Any], kwargs: dict[str, Any], frame: Frame) -> Any:
        """A call as the text has it."""
        return self.apply(function, args, kwargs, node)

    def apply(self, function: Any, args: list[Any], kwargs: dict[str, Any], node: ast.AST | None = None) -> Any:
        """Call anything."""
        kind = type(function)
        inner = inner_of(function)
        if inner is not None:
            return self.call(inner, tuple(args), kwargs)
        if kind is types.MethodType:
            inner = inner_of(function.__func__)
            if inner is not None:
                return self.call(inner, (function.__self__, *args), kwargs)
        if function is UNKNOWN:
            return self.call_unknown(args, kwargs, node)
        if kind is functools.partial:
            return self.apply(function.func, [*function.args, *args], {**function.keywords, **kwargs}, node)
        real = function.__func__ if kind is types.MethodType else function
        if isinstance(real, mock.NonCallableMock):
            weigh(*args, *kwargs.values())
            return host.kept(ops.invoke(function, args, kwargs))
        if is_interpreted(function):
            base = host.base_of(function)
            if base is not object and not issubclass(base, BaseException):
                args = host.prepared(base, base.__name__, None, args, kwargs)
            return ops.invoke(function, args, kwargs)
        if isinstance(real, _OPEN) or is_instance(real) \
                or "_own" in getattr(real, "__dict__", ()) or _is_cached(real, args, kwargs) \
                or (type(real) is types.FunctionType and "__wrapped__" in real.__dict__) \
                or (kind is types.MethodType and isinstance(function.__self__, _OPEN)):
            return ops.invoke(function, args, kwargs)
        own = self.own_functions.get(function) if not isinstance(function, CONTAINERS) and _is_hashable(function) \
            else None
        if own is not None:
            return own(*args, **kwargs)
        if kind is Module:
            undecided("a module that is called")
        return host.call(function, args, kwargs)

    def call_unknown(self, args: list[Any], kwargs: dict[str, Any], node: ast.AST | None) -> Any:
        """Call something unknown: it could change whatever it can reach."""
        if self.importing:
            self.unknowns += 1
        elif self.escaped:
            undecided("a call of something unknown, after it was given functions or objects")
        else:
            self.doubt("a call of something unknown, where its exception would be caught")
        if self.handlers and any(value is UNKNOWN for value in [*args, *kwargs.values()]):
            self.escaped = True
        nodes = [*node.args, *(item.value for item in node.keywords)] if isinstance(node, ast.Call) else []
        fresh = {at for at, item in enumerate(nodes) if isinstance(item, ast.List | ast.Dict | ast.Set | ast.Tuple)}
        for at, value in enumerate([*args, *kwargs.values()]):
            if self.importing and (callable(value) or isinstance(value, Tool)):
                self.escaped = self.leaked = True
                continue
            if not self.is_inert(value, at in fresh and len(nodes) == len(args) + len(kwargs)):
                undecided("a call of something unknown with functions or objects")
        return UNKNOWN

    def _await(self, node: ast.Await, frame: Frame) -> Any:
        undecided("an await outside a coroutine")

    def _comprehension(self, node: Any, frame: Frame) -> Any:
        if isinstance(node, ast.GeneratorExp):
            return self.generator_expression(node, frame)
        inner = Frame("comprehension", {}, frame, frame.info)
        found: Any = {} if isinstance(node, ast.DictComp) else set() if isinstance(node, ast.SetComp) else []
        for _ in self.looped(node.generators, 0, inner, frame):
            if isinstance(node, ast.DictComp):
                key = self.value(node.key, inner)
                ops.set_item(found, key, self.value(node.value, inner))
            elif isinstance(node, ast.SetComp):
                value = self.value(node.elt, inner)
                if value is UNKNOWN or weigh(value):
                    undecided()
                found.add(value)
            else:
                found.append(self.value(node.elt, inner))
        return bounded(found)

    def generator_expression(self, node: ast.GeneratorExp, frame: Frame) -> Any:
        """A generator expression: its first iterable is computed at once."""
        inner = Frame("comprehension", {}, frame, frame.info)
        first = ops.iterate(self.value(node.generators[0].iter, frame))

        def run() -> Any:
            for _ in self.looped(node.generators, 0, inner, frame, first):
                yield self.value(node.elt, inner)

        return run()

    def looped(self, generators: list[ast.comprehension], at: int, inner: Frame, frame: Frame,
               first: Any = None) -> Any:
        """Bind the names of a comprehension to each item in turn."""
        if at == len(generators):
            yield None
            return
        part = generators[at]
        if part.is_async:
            undecided("an async comprehension")
        items = first if first is not None else ops.iterate(self.value(part.iter, inner if at else frame))
        for item in items:
            self.tick()
            for name in ast.walk(part.target):
                if isinstance(name, ast.Name):
                    inner.names.setdefault(name.id, None)
            self.assign(part.target, item, inner)
            for test in part.ifs:
                holds = self.value(test, inner)
                if not ops.truth(holds):
                    break
            else:
                yield from self.looped(generators, at + 1, inner, frame)


def _is_cached(function: Any, args: list[Any], kwargs: dict[str, Any]) -> bool:
    """Whether a function is one of `lru_cache`, which hashes what it is given."""
    return hasattr(type(function), "cache_info") and not weigh(*args, *kwargs.values())


def _is_hashable(function: Any) -> bool:
    try:
        hash(function)
    except (TypeError, GaveUp):
        return False
    return True


def _is_pure(node: ast.AST) -> bool:
    return not any(isinstance(item, ast.Call | ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr)
                   for item in ast.walk(node))
