"""Which real functions interpreted code may call, and how library code calls back without passing the bounds by."""

from __future__ import annotations

import abc
import asyncio
import builtins
import functools
import types
from typing import Any
from unittest import mock

from bot.audit.interpret.frames import inner_of
from bot.audit.interpret.ops import OPEN_TYPES
from bot.audit.interpret.values import Seat, Task, Tool, is_instance, is_interpreted

_ALLOWED: dict[int, Any] = {}
_TOPS: set[tuple[str, str]] = set()
"""Modules and outermost names of the Python functions and classes of the library that may be called."""
_BASES = ("BaseEventLoop", "AbstractEventLoop", "TestCase", "NonCallableMock", "CallableMixin", "Mapping",
          "MutableMapping", "Sequence", "MutableSequence", "Set", "Awaitable", "Coroutine", "Case", "AsyncCase")
_METHODS = (types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType,
            types.GetSetDescriptorType)
_ROOTS = {"asyncio", "unittest", "collections", "_collections_abc", "contextlib", "functools", "dataclasses", "enum"}
CALLERS = {
    "map", "sorted", "min", "max", "sort", "reduce", "starmap", "accumulate", "takewhile", "dropwhile", "groupby",
    "filterfalse", "lru_cache", "cache", "decorating_function", "property", "setter", "getter", "deleter",
    "cached_property", "partialmethod", "staticmethod", "classmethod", "cmp_to_key", "sub", "subn", "callback", "push",
    "push_async_callback", "push_async_exit", "call_soon", "call_later", "call_at", "call_soon_threadsafe",
    "add_done_callback", "dumps", "loads", "asdict", "astuple", "contextmanager", "asynccontextmanager", "urlencode",
    "new", "defaultdict", "field", "addCleanup", "addAsyncCleanup", "subgroup", "split", "PropertyMock",
    "NonCallableMagicMock", "doModuleCleanups", "wrap", "nlargest", "nsmallest", "bisect", "bisect_left",
    "bisect_right", "insort", "insort_left", "insort_right", "abstractmethod", "set_exception_handler",
    "set_task_factory",
}
"""Functions of the library that call what they are given."""
_TYPES_STAY = {"defaultdict", "field", "dumps", "loads", "new", "wrap", "sub", "abstractmethod", "push"}
_CHANGERS = {"total_ordering", "abstractmethod", "final", "no_type_check", "runtime_checkable", "dataclass", "wrap",
             "unique", "update_wrapper", "overload"}
"""Functions that change what they are given: real classes and functions may not be."""


def allow(value: Any) -> None:
    """Let a function or class of the library be called."""
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType) or callable(value):
        _ALLOWED[id(value)] = value
        code = getattr(value, "__code__", None)
        if isinstance(value, type):
            _TOPS.add((value.__module__, value.__qualname__.partition(".")[0]))
        elif isinstance(code, types.CodeType):
            _TOPS.add((value.__globals__["__name__"], code.co_name))


def is_allowed(function: Any) -> bool:
    """Whether a real function is one that interpreted code was given on purpose."""
    if _ALLOWED.get(id(function)) is function:
        return not (isinstance(function, type) and issubclass(function, type))
    kind = type(function)
    if isinstance(function, type):
        return not issubclass(function, type | asyncio.AbstractEventLoop | Tool | types.FunctionType) \
            and issubclass(function, (*OPEN_TYPES, BaseException))
    if kind is types.MethodType:
        return isinstance(function.__self__, Tool) or is_allowed(function.__func__)
    if kind is types.FunctionType:
        code = function.__code__
        module, top = function.__globals__.get("__name__"), code.co_qualname.partition(".")[0]
        return (module, top) in _TOPS or (str(module).partition(".")[0] in _ROOTS and top in _BASES) \
            or module in {"bot.audit.interpret.builtin", "bot.audit.interpret.pytests"}
    if kind is types.BuiltinFunctionType:
        owner = function.__self__
        if owner is None or isinstance(owner, types.ModuleType):
            return False
        if isinstance(owner, type):
            return is_interpreted(owner) or issubclass(owner, OPEN_TYPES)
        return isinstance(owner, OPEN_TYPES) or is_instance(owner)
    if kind is types.MethodWrapperType:
        return True
    if isinstance(function, _METHODS):
        owner = function.__objclass__
        return owner is object or issubclass(owner, (*OPEN_TYPES, BaseException))
    return not isinstance(function, types.ModuleType)


def is_raw(value: Any) -> bool:
    """Whether a value is a real function, which library code would call without the bounds."""
    kind = type(value)
    if kind is types.FunctionType:
        return inner_of(value) is None and "_own" not in value.__dict__
    if kind is types.MethodType:
        return inner_of(value.__func__) is None and not isinstance(value.__self__, Tool | mock.NonCallableMock)
    return kind in (types.BuiltinFunctionType, types.MethodWrapperType, functools.partial, *_METHODS)


def guarded(function: Any) -> Any:
    """A function that enters the interpreter before a real one is called."""

    def through(*args: Any, **kwargs: Any) -> Any:
        return Seat.machine.apply(function, list(args), kwargs)

    through.__dict__["_own"] = True
    through.__name__ = getattr(function, "__name__", "function")
    return through


_KEYED = {"sorted", "min", "max", "sort", "nlargest", "nsmallest", "bisect", "bisect_left", "bisect_right", "insort",
          "insort_left", "insort_right"}
_FIRST = {"map", "reduce", "starmap", "takewhile", "dropwhile", "filterfalse", "call_soon", "callback", "addCleanup",
          "addAsyncCleanup", "push_async_callback", "call_soon_threadsafe", "lru_cache"}


def guard_all(name: str, args: list[Any], kwargs: dict[str, Any]) -> list[Any]:
    """The arguments of a library function that calls some of them, so that the calls come through the interpreter."""
    for key, value in kwargs.items():
        if key != "default":
            kwargs[key] = guard(name, value)
    if name in _KEYED:
        return args
    if name in _FIRST:
        return [*(guard(name, value) for value in args[:1]), *args[1:]]
    return [guard(name, value) for value in args]


def guard(name: str, value: Any) -> Any:
    """An argument that a library function calls."""
    if is_raw(value):
        return guarded(value)
    if isinstance(value, type) and name not in _TYPES_STAY and not issubclass(value, BaseException):
        return guarded(value)
    return value


def may_be_changed(name: str, args: list[Any]) -> bool:
    """Whether a function that changes its argument is not given a real class or function."""
    if name not in _CHANGERS:
        return True
    return all(not (isinstance(item, type) and not is_interpreted(item)) and not is_raw(item) for item in args[:1])


def is_slot_fit(name: str, value: Any) -> bool:
    """Whether Python itself may call a special method of an interpreted class."""
    if not (name.startswith("_") and name.endswith("_")):
        return True
    if name in _DATA:
        return True
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    if type(value) is types.WrapperDescriptorType:
        return value.__name__ == name
    return not is_raw(value) and not isinstance(value, type)


_DATA = {"__annotations__", "__doc__", "__module__", "__qualname__", "__slots__", "__match_args__", "__orig_bases__"}
for _name in ("len", "abs", "min", "max", "sum", "sorted", "round", "pow", "divmod", "ord", "chr", "hex", "oct", "bin",
              "hash", "ascii", "reversed", "iter", "next"):
    allow(getattr(builtins, _name))
for _type in (int, float, bool, bytes, bytearray, list, tuple, dict, set, frozenset, complex, object, property, str,
              staticmethod, classmethod, range, slice, enumerate, zip, map, BaseExceptionGroup, ExceptionGroup, Task,
              types.SimpleNamespace, types.MappingProxyType, abc.ABC, asyncio.Future):
    allow(_type)
