"""Calls of interpreted functions, and the classes that interpreted class statements make."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import enum
import fractions
import types
import typing
from typing import Any
from unittest import mock

from bot.audit.interpret import gates, ops
from bot.audit.interpret.frames import (
    Code,
    Frame,
    Function,
    bind,
    docstring_of,
    forget_changed,
    inner_of,
    make_host,
    mark_async,
    shape_of,
    signature_of,
)
from bot.audit.interpret.suspending import Suspending
from bot.audit.interpret.values import (
    MOST_ITEMS,
    UNKNOWN,
    AsyncItems,
    Bounded,
    GaveUp,
    Made,
    Module,
    Task,
    Tool,
    is_interpreted,
    undecided,
)

_CLASS_STEPS = 30
_MOST_BASES = 40
_FORBIDDEN = {"__del__", "__length_hint__", "__annotate__", "__annotate_func__", "__getattribute__", "__class__",
              "__prepare__", "__instancecheck__", "__subclasscheck__", "__mro_entries__", "__subclasshook__",
              "__dict__", "__mro__", "__dataclass_fields__", "__signature__"}
_LEFT_OUT = {"__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__copy__", "__deepcopy__", "__sizeof__",
             "__getnewargs__", "__getnewargs_ex__", "__dir__", "__weakref__"}
"""What only copies and the like use: instances of such a class are not copied."""
_DECIDED = {"__repr__", "__str__", "__len__", "__bool__", "__hash__", "__format__", "__int__", "__float__", "__index__",
            "__iter__", "__aiter__", "__init__", "__bytes__", "__fspath__", "__length_hint__", "__complex__"}


_PLAIN_LAZY = (map, zip, enumerate)


class Calls(Suspending):
    """Calls functions and makes classes."""

    def call(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call an interpreted function: run it, or give its generator or coroutine."""
        self.tick()
        node: Code = self.changed.get(function.node, function.node)
        shape = shape_of(node)
        frame = Frame("function", bind(function, shape, args, kwargs), function.frame, function.info, function, shape)
        if shape.yields or shape.is_async:
            run = self._drive(frame, node)
            if not shape.is_async:
                return run
            return AsyncItems(run) if shape.yields else Task(function.name, run)
        if function.info.product:
            self.entered.setdefault(function.node, function)
        self.go_down()
        try:
            if isinstance(node, ast.Lambda):
                return self.value(node.body, frame)
            self.block(node.body, frame)
            return frame.result  # noqa: TRY300
        except GaveUp:
            raise
        except BaseException as error:
            self.places.append((error, frame, frame.node))
            raise
        finally:
            self.depth -= 1

    def _drive(self, frame: Frame, node: Any) -> Any:
        """The steps of a generator or coroutine."""
        assert frame.function is not None
        if frame.info.product:
            self.entered.setdefault(frame.function.node, frame.function)
        try:
            if isinstance(node, ast.Lambda):
                return (yield from self.slow_value(node.body, frame))
            yield from self.slow_block(node.body, frame)
            return frame.result  # noqa: TRY300
        except GaveUp as gave_up:
            if isinstance(gave_up.__context__, GeneratorExit):
                self.doubtful, self.steps = True, -1  # the collector ends it: nobody would see this
                return None
            raise
        except BaseException as error:
            self.places.append((error, frame, frame.node))
            raise

    def hosted(self, function: Function) -> Any:
        """A real function that enters the interpreter, so that classes and libraries can hold and call it."""
        name = function.name.rpartition(".")[2]
        call = make_host(self._decided if name in _DECIDED else self.call, function)
        call.__name__, call.__qualname__, call.__module__ = name, function.name, "interpreted"
        body = function.node.body
        call.__doc__ = docstring_of(function.node) if isinstance(body, list) else None
        if isinstance(function.node, ast.AsyncFunctionDef) and not shape_of(function.node).yields:
            mark_async(call)
        return call

    def _decided(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A special method, called by Python itself, which has no use for something unknown."""
        found = self.call(function, args, kwargs)
        if found is UNKNOWN:
            undecided("a special method that gives something unknown")
        if isinstance(found, int) and function.name.endswith(("__len__", "__index__")) \
                and abs(int.__index__(found)) > MOST_ITEMS:
            raise Bounded("a size that is too large")
        if function.name.endswith("__iter__") and (type(found).__module__ == "itertools" or type(found) in _PLAIN_LAZY):
            return self._counted(found)
        return found

    def _counted(self, items: Any) -> Any:
        """The items of an iterator that may have no end, each a step."""
        for item in items:
            self.tick()
            yield item

    def super_of(self, frame: Frame) -> Any:
        """What `super()` gives."""
        at = frame.called
        if at is None or at.function is None or not at.function.owner or at.shape is None or not at.shape.positional:
            undecided("super() in an odd place")
        return super(at.function.owner[0], at.names[at.shape.positional[0]])

    def make_class(self, node: ast.ClassDef, frame: Frame) -> Any:  # noqa: C901
        """The class that a class statement makes; unknown when it derives from something unknown."""
        bases = [self.value(item, frame) for item in node.bases]
        keywords = {item.arg: self.value(item.value, frame) for item in node.keywords}
        meta = keywords.pop("metaclass", None)
        if any(base is typing.TypedDict for base in bases):
            return dict
        if any(base is UNKNOWN or base is type for base in bases) or not all(map(_is_base, bases)) \
                or (meta is not None and not any(meta is item for item in self.metaclasses)) \
                or any(name is None or value is UNKNOWN for name, value in keywords.items()):
            self._unfollowed(node, frame, bases)
            if all(isinstance(item, ast.Name | ast.Attribute) and ast.unparse(item).endswith("RequestHandler")
                   for item in node.bases):
                self.handlers = True  # it runs only where it is given to a server
            elif any(isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) for item in node.body):
                self.escaped = True
                self.leaked |= bool(self.importing)
            return UNKNOWN
        bases = [base for base in bases if base is not typing.Generic]
        if meta is not None:
            keywords["metaclass"] = meta
        resolved = types.resolve_bases(tuple(bases))
        real_meta, names, rest = types.prepare_class(node.name, resolved, keywords)  # type: ignore[arg-type]
        called = frame.called
        outer = f"{called.function.name}.<locals>." if called is not None and called.function is not None else ""
        if frame.kind == "class":
            outer = f"{frame.names.get('__qualname__', '?')}."
        names["__module__"] = "interpreted"
        names["__qualname__"] = f"{outer}{node.name}"
        inner = Frame("class", names, frame, frame.info)
        owner: list[type] = []
        inner.result = owner
        doc = docstring_of(node)
        if doc is not None:
            names["__doc__"] = doc
        self.go_down()
        for item in node.body:
            try:
                self.block([item], inner)
            except GaveUp:
                if not self.importing or isinstance(resolved[0] if resolved else None, enum.EnumMeta):
                    raise
                self.spare()
                self.forget(item, inner)
        self.depth -= 1
        for name in _LEFT_OUT & set(names):
            del names[name]
            inner.names["_left_out"] = True
        self._check_names(names, resolved)
        if len(resolved) != len(bases):
            names["__orig_bases__"] = tuple(bases)
        made = ops.invoke(real_meta, (node.name, resolved, names), rest)
        type.__setattr__(made, "_interpreted", Made(node, frame.info))
        owner.append(made)
        return made

    def _unfollowed(self, node: ast.ClassDef, frame: Frame, bases: list[Any]) -> None:
        """Note that a class is made by code of the program's own that is not followed, and what that may change."""
        is_meta = any(isinstance(base, type) and issubclass(base, type) for base in bases)
        names = {getattr(item, "id", getattr(item, "attr", "")) for item in node.bases}
        names |= {getattr(item.value, "id", getattr(item.value, "attr", "")) for item in node.keywords}
        if names & self.makers and not self.importing:
            undecided("a class that is made in a way that is not followed")
        making = [item for item in node.body if isinstance(item, ast.FunctionDef)
                  and item.name in ({"__new__", "__init__", "__call__"} if is_meta else {"__init_subclass__"})]
        if making or is_meta or names & self.makers:
            self.makers.add(node.name)
        for item in making:
            forget_changed(item, frame.root, set())

    def _check_names(self, names: dict[str, Any], bases: tuple[Any, ...]) -> None:
        """End the interpretation at a class that Python would use in ways that are not followed."""
        self.steps -= _CLASS_STEPS
        notes = names.get("__annotations__", {})
        if _FORBIDDEN & set(names) or ops.RESERVED & set(names) - {"_left_out"} or not all(
                gates.is_slot_fit(name, value) or any(getattr(base, name, None) is value for base in bases)
                for name, value in names.items()):
            undecided("a class with special methods that are not followed")
        if type(notes) is not dict or not all(type(name) is str and name.isidentifier() for name in notes):
            undecided("a class with odd annotations")
        if "__annotations__" in names:
            names["__annotations__"] = dict(notes)  # dataclasses make code of its names: nobody else may hold it
        if max((len(base.__mro__) for base in bases), default=0) > _MOST_BASES:
            raise Bounded("a class of too many bases")

    metaclasses: frozenset[Any] = frozenset()
    makers: set[str]

    def annotate(self, name: str, annotation: ast.expr, frame: Frame) -> None:
        """Note a field of a class: what dataclasses ask of the annotation, and nothing else."""
        inner = annotation.value if isinstance(annotation, ast.Subscript) else annotation
        said = inner.attr if isinstance(inner, ast.Attribute) else inner.id if isinstance(inner, ast.Name) else ""
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            said = inner.value.partition("[")[0].rpartition(".")[2]
        kind: Any = {"ClassVar": typing.ClassVar, "InitVar": dataclasses.InitVar, "KW_ONLY": dataclasses.KW_ONLY}.get(
            said, object)
        if said == "InitVar":
            kind = dataclasses.InitVar[object]
        frame.names.setdefault("__annotations__", {})[name] = kind

    def sign(self, value: Any) -> None:
        """Give interpreted functions the signature that doubles made from them are to have."""
        for item in [value, *(vars(value).values() if is_interpreted(value) else ())]:
            real = getattr(item, "__func__", item)
            inner = inner_of(real)
            if inner is not None:
                real.__dict__.setdefault("__signature__", signature_of(inner))


_CLOSED = (fractions.Fraction, type, Tool, Module, Task, AsyncItems, asyncio.AbstractEventLoop, types.ModuleType)


def _is_base(value: Any) -> bool:
    if isinstance(value, mock.NonCallableMock):
        return False
    typed = (typing.NamedTuple, typing.Protocol, typing.Generic)
    return (isinstance(value, type) and not issubclass(value, _CLOSED)) or any(value is item for item in typed)
