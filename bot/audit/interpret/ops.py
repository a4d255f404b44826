"""The operations that interpreted code may do on real values, each bounded before it is done.

This is the only module of the package in which an exception of the interpreted code's own making arises.
"""

from __future__ import annotations

import ast
import asyncio
import contextvars
import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import hmac
import inspect
import io
import operator
import pathlib
import re
import types
import unittest
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from bot.audit.interpret.frames import inner_of
from bot.audit.interpret.values import (
    CONTAINERS,
    MOST_BITS,
    MOST_ITEMS,
    MOST_TEXT,
    UNKNOWN,
    AsyncItems,
    Bounded,
    Module,
    Seat,
    Task,
    Tool,
    Undecided,
    bounded,
    is_instance,
    is_interpreted,
    parts_of,
    size_of,
    spend,
    undecided,
    weigh,
)

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow, ast.LShift: operator.lshift,
    ast.RShift: operator.rshift, ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
    ast.MatMult: operator.matmul,
}
_INPLACE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.iadd, ast.Sub: operator.isub, ast.Mult: operator.imul, ast.BitAnd: operator.iand,
    ast.BitOr: operator.ior, ast.BitXor: operator.ixor,
}
_COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_WIDE = re.compile(r"\d{4,}|\*")
_LARGE = 16
_SCALARS = (int, float, bool, str, bytes, type(None), complex)


def binary(op: type[ast.operator], left: Any, right: Any, *, inplace: bool = False) -> Any:  # noqa: C901, PLR0912
    """What an operator gives."""
    if left is UNKNOWN or right is UNKNOWN:
        if inplace and isinstance(left, CONTAINERS):
            undecided()
        return UNKNOWN
    if op is ast.Mult:
        for text, times in ((left, right), (right, left)):
            if isinstance(text, str | bytes | list | tuple | bytearray | deque):
                number = int.__index__(times) if isinstance(times, int) else \
                    operator.index(times) if hasattr(type(times), "__index__") else 0
                most = MOST_TEXT if isinstance(text, str | bytes | bytearray) else MOST_ITEMS
                if size_of(text) * max(number, 0) > most:
                    raise Bounded("a repetition that is too large")
    elif op is ast.Pow and isinstance(left, int | fractions.Fraction) and isinstance(right, int):
        bits = int.bit_length(left) if isinstance(left, int) else max(
            left.numerator.bit_length(), left.denominator.bit_length())
        if abs(int.__index__(right)) * max(bits, 1) > MOST_BITS:
            raise Bounded("a power that is too large")
    elif op is ast.LShift and isinstance(right, int) and int.__index__(right) > MOST_BITS:
        raise Bounded("a shift that is too large")
    elif op is ast.Mod and isinstance(left, str | bytes | bytearray):
        if _WIDE.search(str.__str__(left) if isinstance(left, str) else bytes(left).decode("latin-1")):
            raise Bounded("a width that is too large")
        if weigh(right) or is_addressed(right):
            return UNKNOWN
    if type(left) not in _SCALARS or type(right) not in _SCALARS:
        weigh(left, right)
    if inplace and op in _INPLACE:
        if isinstance(left, (*CONTAINERS, bytearray)) and not isinstance(right, (*CONTAINERS, int, bytes, bytearray)):
            right = listed(right)
        return bounded(_INPLACE[op](left, right))
    return bounded(_BINARY[op](left, right))


def unary(op: type[ast.unaryop], value: Any) -> Any:
    """What an operator on one value gives."""
    if value is UNKNOWN:
        return UNKNOWN
    if op is ast.Not:
        return not value
    return -value if op is ast.USub else +value if op is ast.UAdd else ~value


def compare(op: type[ast.cmpop], left: Any, right: Any) -> Any:
    """What one comparison gives."""
    if op is ast.Is or op is ast.IsNot:
        if left is UNKNOWN or right is UNKNOWN:
            return UNKNOWN
        if type(left) in (str, int, float, bytes, tuple) and type(left) is type(right) and left is not right \
                and not weigh(left, right) and left == right:
            return UNKNOWN  # a matter of the implementation of Python
        return (left is right) is (op is ast.Is)
    if op is ast.In or op is ast.NotIn:
        if right is UNKNOWN:
            return UNKNOWN
        if left is UNKNOWN:
            return (op is ast.NotIn) if isinstance(right, CONTAINERS) and not right else UNKNOWN
        weigh(left, right)
        try:
            found = left in right if hasattr(type(right), "__contains__") else _met(left, right)
        except Undecided:
            return UNKNOWN
        return found is (op is ast.In)
    if left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    if type(left) in _SCALARS and type(right) in _SCALARS:
        return _COMPARED[op](left, right)
    weigh(left, right)
    try:
        return _COMPARED[op](left, right)
    except Undecided:
        return UNKNOWN


def _met(wanted: Any, items: Any) -> bool:
    """Whether a value comes among items that are given only once: what comes after it is left."""
    for item in iterate(items):
        spend(1)
        if item is UNKNOWN:
            undecided()
        if item is wanted or compare(ast.Eq, item, wanted):
            return True
    return False


def truth(value: Any) -> bool:
    """Whether a value counts as true."""
    return bool(value)


def iterate(value: Any) -> Iterator[Any]:
    """The items of a value, one by one."""
    if value is UNKNOWN:
        undecided("a loop over something unknown")
    if isinstance(value, Module | types.FunctionType):
        return iter(value)  # type: ignore[arg-type]
    return iter(value)


def listed(value: Any) -> list[Any]:
    """The items of a value, as far as they are not too many."""
    if isinstance(value, CONTAINERS) and type(value) in (list, tuple, dict, set, frozenset, deque):
        return list(value)
    if isinstance(value, range) and len(value) > MOST_ITEMS:
        raise Bounded("too many items")
    items: list[Any] = []
    for item in iterate(value):
        items.append(item)
        if isinstance(item, CONTAINERS) and size_of(item) > _LARGE:
            spend(size_of(item) >> 4)
        if len(items) > MOST_ITEMS:
            raise Bounded("too many items")
    return items


def item(value: Any, key: Any) -> Any:
    """What a subscript gives."""
    if value is UNKNOWN or key is UNKNOWN:
        if isinstance(value, dict) and hasattr(type(value), "__missing__"):
            undecided()
        return UNKNOWN
    if isinstance(key, slice) and UNKNOWN in [part for part in (key.start, key.stop, key.step) if part is UNKNOWN]:
        return UNKNOWN
    if isinstance(value, type) and is_interpreted(value) and not isinstance(value, enum.EnumMeta) \
            and not hasattr(value, "__class_getitem__"):
        return value
    if isinstance(value, types.ModuleType | types.FunctionType):
        undecided("a subscript of something odd")
    if isinstance(value, type) and not is_interpreted(value):
        return value if value.__module__ == "builtins" or hasattr(value, "__class_getitem__") else UNKNOWN
    if type(key) not in _SCALARS:
        weigh(key)
    return value[key]


def set_item(value: Any, key: Any, new: Any) -> None:
    """Store under a subscript."""
    if value is UNKNOWN:
        return
    if key is UNKNOWN:
        undecided()
    weigh(key)
    if isinstance(key, slice):
        new = listed(new)
    value[key] = new
    bounded(value)


def del_item(value: Any, key: Any) -> None:
    """Delete a subscript."""
    if value is UNKNOWN:
        return
    if key is UNKNOWN:
        undecided()
    weigh(key)
    del value[key]


_SHOWN = {"__name__", "__qualname__", "__doc__", "__module__", "__class__", "__cause__", "__context__", "__notes__",
          "__suppress_context__", "__members__", "__init__", "__wrapped__", "__version__", "__self__", "__func__",
          "__file__", "__enter__", "__exit__", "__aenter__", "__aexit__", "__await__", "__aiter__", "__anext__",
          "__iter__", "__next__", "__eq__", "__ne__", "__hash__", "__str__", "__repr__", "__len__", "__contains__",
          "__getitem__", "__setitem__", "__delitem__", "__call__", "__post_init__", "__bool__", "__new__",
          "__setattr__", "__dict__", "__delattr__", "__lt__", "__gt__", "__le__", "__ge__", "__add__", "__sub__",
          "__init_subclass__", "__set_name__", "__missing__", "__dataclass_fields__"}
_HIDDEN = {"gi_frame", "gi_code", "gi_yieldfrom", "cr_frame", "ag_frame", "tb_frame", "tb_next", "f_globals", "obj",
           "mro", "cr_code",
           "cr_await", "ag_code", "ag_await", "get_coro", "get_stack", "print_stack", "get_loop",
           "run_in_executor", "get_context"}
OPEN_TYPES: tuple[Any, ...] = (
    *_SCALARS, bytearray, list, tuple, dict, set, frozenset, range, slice, deque, decimal.Decimal, fractions.Fraction,
    datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, re.Pattern, re.Match, BaseException,
    functools.partial, functools.cached_property, mock.NonCallableMock, property, types.GeneratorType,
    types.SimpleNamespace, types.MappingProxyType, io.StringIO, io.BytesIO, pathlib.PurePath, uuid.UUID, enum.Enum,
    asyncio.Event, asyncio.Lock, asyncio.Condition, asyncio.Semaphore, asyncio.Queue, asyncio.Future,
    asyncio.AbstractEventLoop, type({}.keys()), type({}.values()), type({}.items()), contextvars.ContextVar, Task,
    AsyncItems, inspect.Signature, asyncio.TaskGroup, asyncio.Timeout, staticmethod, classmethod, type(mock.call),
    type(hashlib.sha256()), type(hashlib.sha3_256()), hmac.HMAC, decimal.Context, asyncio.Barrier, type(mock.ANY),
)
RESERVED = {"_interpreted", "_own", "_inner", "_patches", "_marks", "_left_out", "_is_coroutine",
            "_is_coroutine_mark"}
"""Names by which the interpreter marks functions and classes."""
_LOOP = {"run_until_complete", "time", "create_task", "create_future", "call_soon", "call_later", "call_at",
         "is_running", "is_closed", "close", "stop", "run_forever", "__class__"}
_COROUTINE = {"send", "throw", "close", "__await__", "__name__", "__qualname__", "__class__"}
_ASYNC_ITEMS = {"asend", "athrow", "aclose", "__aiter__", "__anext__", "__class__"}
_UNDERSCORED = {"_replace", "_asdict", "_fields", "_make", "_field_defaults", "_value_", "_name_"}
UNKNOWN_OF_TYPES = {
    (datetime.datetime, "now"), (datetime.datetime, "utcnow"), (datetime.datetime, "today"), (datetime.date, "today"),
    (datetime.datetime, "astimezone"),
}
"""Methods of classes whose answer depends on the clock or the machine."""
_CODE = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.MethodWrapperType,
         types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType)


def attribute(value: Any, name: str) -> Any:
    """What an attribute is. Whatever leads out of the interpreted world ends the interpretation."""
    if value is UNKNOWN:
        return UNKNOWN
    if type(value) is Module:
        return getattr(value, name)
    if name in RESERVED or not name.isidentifier():
        undecided(f"the attribute {name}")
    found = _attribute(value, name)
    if isinstance(found, types.ModuleType):
        undecided(f"the attribute {name}")
    return types.MappingProxyType(dict(found)) if name == "__dataclass_fields__" else found


def _attribute(value: Any, name: str) -> Any:  # noqa: C901, PLR0912, RET503
    kind = type(value)
    if name in _HIDDEN or (name.startswith("__") and name not in _SHOWN):
        if kind is super or not (is_instance(value) or is_interpreted(value)) or not _own(value, name):
            undecided(f"the attribute {name}")
    elif name == "__dict__" and kind is not super \
            and not (is_instance(value) or isinstance(value, types.SimpleNamespace)):
        undecided("a class's __dict__")
    if kind is super:
        return getattr(value, name) if name != "__dict__" else undecided()
    if isinstance(value, mock.NonCallableMock):
        if name.startswith(("_mock", "_spec")) or (name.startswith("_") and not name.startswith("__")
                                                   and hasattr(mock.MagicMock, name)):
            undecided("the inside of a mock")
        return getattr(value, name)
    if isinstance(value, asyncio.AbstractEventLoop):
        return getattr(value, name) if name in _LOOP or _own(value, name) else undecided("the inside of a loop")
    if isinstance(value, Tool):
        if name.startswith("_") or name in value.closed:
            undecided("the inside of a tool")
        return getattr(value, name)
    if isinstance(value, unittest.TestCase) and name in _CLOSED_CASE and not _own(value, name):
        undecided("the inside of a test case")
    if is_interpreted(value) or is_instance(value):
        return getattr(value, name)
    if isinstance(value, type):
        if any((cls, name) in UNKNOWN_OF_TYPES for cls in value.__mro__):
            return Clock(value, name)
        if issubclass(value, type | asyncio.AbstractEventLoop | Tool | unittest.TestCase):
            undecided(f"an attribute of the class {value.__name__}")
        if issubclass(value, pathlib.PurePath) and not hasattr(value, name):
            return UNKNOWN
        if issubclass(value, OPEN_TYPES) and (not name.startswith("_") or name in _UNDERSCORED):
            return getattr(value, name)
        if name in {"__name__", "__qualname__", "__doc__", "__module__", "__init__", "__new__", "__setattr__"}:
            return getattr(value, name)
        undecided(f"an attribute of the class {value.__name__}")
    if isinstance(value, _CODE):
        if name in {"__name__", "__qualname__", "__doc__", "__module__", "__wrapped__", "__func__"} \
                or not name.startswith("_") \
                or (name == "__self__" and not isinstance(value, types.BuiltinFunctionType)):
            return getattr(value, name)
        return getattr(value, name) if inner_of(value) is not None and name != "__dict__" else undecided()
    if hasattr(kind, "cache_info") and name in {"cache_info", "cache_clear", "__name__", "__wrapped__"}:
        return getattr(value, name)
    if isinstance(value, Task | AsyncItems):
        if name not in (_COROUTINE if isinstance(value, Task) else _ASYNC_ITEMS):
            undecided("the inside of a coroutine")
        return getattr(value, name)
    if isinstance(value, OPEN_TYPES):
        if any((cls, name) in UNKNOWN_OF_TYPES for cls in kind.__mro__):
            return CLOCK
        if name.startswith("_") and not name.startswith("__") and name not in _UNDERSCORED \
                and not isinstance(value, types.SimpleNamespace | BaseException):
            undecided(f"the attribute {name}")
        return getattr(value, name)
    undecided(f"the attribute {name} of a {kind.__name__}")


_CLOSED_CASE = {"machine", "run", "debug", "defaultTestResult", "__call__", "_outcome"}


def _own(value: Any, name: str) -> bool:
    """Whether interpreted code itself defines a name of an object or class."""
    order = value.__mro__ if isinstance(value, type) else type(value).__mro__
    return any(name in vars(cls) and "_interpreted" in vars(cls) for cls in order)


def is_changeable(value: Any) -> bool:
    """Whether interpreted code may change the attributes of a value: those of the library's own it may not."""
    if isinstance(value, type):
        return is_interpreted(value)
    if isinstance(value, Tool):
        return value.is_changeable
    if isinstance(value, mock.NonCallableMock | Module | types.SimpleNamespace):
        return True
    if isinstance(value, BaseException):
        return True
    if isinstance(value, types.FunctionType):
        return inner_of(value) is not None
    return is_instance(value) and not isinstance(value, asyncio.AbstractEventLoop) and not hasattr(value, "cleared")


def set_plainly(name: str, args: Any) -> None:
    """What `object.__setattr__` and `object.__delattr__` do, for interpreted objects."""
    target, attribute_name, *new = args
    if not is_instance(target) or isinstance(target, type) or not is_changeable(target) \
            or type(attribute_name) is not str or attribute_name.startswith("__") or attribute_name in RESERVED:
        undecided("an attribute that is set past its class")
    (object.__setattr__ if name == "__setattr__" else object.__delattr__)(target, attribute_name, *new)


def set_attribute(value: Any, name: str, new: Any) -> None:
    """Set an attribute."""
    if value is UNKNOWN:
        return
    if name in RESERVED or not name.isidentifier() or not is_changeable(value):
        undecided("a change of something that is not the test's")
    if isinstance(value, type) and name.startswith("__") and name.endswith("__") \
            and new is not None and inner_of(new) is None and not isinstance(new, str):
        undecided("a special method that is no plain function")
    if isinstance(value, mock.NonCallableMock) and name == "side_effect":
        new = call_back(new)
    if name.startswith("__") and name not in {"__name__", "__doc__", "__cause__", "__notes__", "__wrapped__",
                                              "__version__", "__aenter__", "__aexit__", "__enter__", "__exit__",
                                              "__len__", "__iter__", "__getitem__", "__str__", "__bool__", "__eq__",
                                              "__contains__", "__call__", "__file__"}:
        undecided("a special attribute that is set")
    if name.startswith(("_mock", "_spec")):
        undecided("the inside of a mock")
    if isinstance(value, type) and not is_interpreted(value):
        undecided("a class of a library that is changed")
    setattr(value, name, new)


def call_back(value: Any) -> Any:
    """Something that a double calls, so that the call comes through the interpreter."""
    if value is UNKNOWN or not callable(value) or isinstance(value, mock.NonCallableMock | Tool) or is_instance(value) \
            or (isinstance(value, type) and issubclass(value, BaseException)) or inner_of(value) is not None:
        return value

    def through(*args: Any, **kwargs: Any) -> Any:
        return Seat.machine.apply(value, list(args), kwargs)

    through.__dict__["_own"] = True
    return through


def del_attribute(value: Any, name: str) -> None:
    """Delete an attribute."""
    if value is UNKNOWN:
        return
    if (name.startswith("_") and not is_instance(value)) or not is_changeable(value) or name in RESERVED:
        undecided()
    delattr(value, name)


class Harmless:
    """A function of a library whose answer is unknown, and that changes nothing the interpreted code can see."""

    def __init__(self, name: str, answer: Any = UNKNOWN) -> None:
        self.__name__ = self.__qualname__ = name
        self.answer = answer

    def __call__(self, *_: Any, **__: Any) -> Any:  # noqa: D102
        return self.answer


class Same:
    """A function of a library that gives its last argument back."""

    def __init__(self, name: str) -> None:
        self.__name__ = self.__qualname__ = name


class Clock(Harmless):
    """A method of a class of the library that asks for the time."""

    def __init__(self, cls: type, name: str) -> None:
        super().__init__(name)
        self.cls = cls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102
        return Seat.machine.moment(self.cls, self.__name__, args, kwargs)


CLOCK = Harmless("now")


_TEXTED = (*_SCALARS, bytearray, range, decimal.Decimal, fractions.Fraction, datetime.date, datetime.time,
           datetime.timedelta, datetime.tzinfo, pathlib.PurePath, uuid.UUID, type(NotImplemented), type(...))
"""Types besides the containers whose text is short, quick to make, and free of addresses."""
_NAMELESS = (Module, Tool, mock.NonCallableMock, Task, AsyncItems, type, types.GenericAlias)


def formatted(value: Any, spec: str) -> Any:
    """What `format` gives."""
    if value is UNKNOWN or _WIDE.search(spec):
        if value is not UNKNOWN:
            raise Bounded("a width that is too large")
        return UNKNOWN
    if type(value) not in _SCALARS and (weigh(value) or is_addressed(value)):
        return UNKNOWN
    if isinstance(value, decimal.Decimal):
        bounded(value)
    return bounded(format(value, spec))


def text_of(value: Any, how: Callable[[Any], Any] = str) -> Any:
    """What `str` or `repr` gives; unknown where it would show an address."""
    if value is UNKNOWN or (type(value) not in _SCALARS and (weigh(value) or is_addressed(value))):
        return UNKNOWN
    return bounded(how(value))


def is_addressed(value: Any) -> bool:
    """Whether the text of a value may hold the address of an object, or names the interpreter's own types."""
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, CONTAINERS) and not is_instance(part):
            stack.extend(part.items() if isinstance(part, dict) else part)
        elif isinstance(part, enum.Enum):
            continue
        elif isinstance(part, BaseException):
            stack.extend(BaseException.args.__get__(part))  # type: ignore[attr-defined]
        elif isinstance(part, types.SimpleNamespace | types.MappingProxyType | slice):
            stack.extend(parts_of(part))
        elif is_instance(part):
            own = vars(object)
            if getattr(type(part), "__str__", None) is own["__str__"] \
                    and getattr(type(part), "__repr__", None) is own["__repr__"]:
                return True
            if "__dataclass_fields__" in vars(type(part)):
                stack.extend(vars(part).values() if hasattr(part, "__dict__") else [])
        elif not isinstance(part, _TEXTED) or isinstance(part, (*_CODE, *_NAMELESS)):
            return True
    return False


def throw(error: BaseException, cause: Any = ...) -> None:
    """Raise an exception of interpreted code."""
    if cause is ...:
        raise error
    raise error from cause


def invoke(function: Any, args: Any, kwargs: Any) -> Any:
    """Call what is itself interpreted, or a tool, or a double."""
    return function(*args, **kwargs)


def enter(manager: Any) -> Any:
    """Enter a context manager."""
    return type(manager).__enter__(manager)


def leave(manager: Any, error: BaseException | None) -> Any:
    """Leave a context manager; whether it swallowed the exception."""
    if error is None:
        return type(manager).__exit__(manager, None, None, None)
    return type(manager).__exit__(manager, type(error), error, error.__traceback__)
