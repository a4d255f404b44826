"""What interpreted code computes with: real values of allow-listed types, and one value for all that is not known."""

from __future__ import annotations

import decimal
import fractions
import functools
import sys
import types
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Coroutine, Iterator
from typing import Any, NoReturn

MOST_STEPS = 40_000
"""Nodes of syntax that one run of a test may evaluate."""
MOST_DEPTH = 60
"""Calls that may be open at once."""
MOST_TEXT = 100_000
"""Characters or bytes of one string."""
MOST_ITEMS = 10_000
"""Items of one container, and parts that one operation may go through."""
MOST_BITS = 4_000
"""Bits of a whole number."""


class GaveUp(SystemExit):
    """The interpretation ends here: what comes next is not certain. No interpreted handler sees it.

    It is a SystemExit since an event loop hands those on at once; it never leaves the interpreter.
    """


class Undecided(GaveUp):
    """An operation needed the truth, size or text of something unknown."""


class Bounded(GaveUp):
    """A bound was reached."""


class Seat:
    """Who pays for work that is done outside the interpreter: the machine that runs now, in steps."""

    machine: Any = None


def spend(steps: int) -> None:
    """Count work as steps of the machine that runs now."""
    machine = Seat.machine
    if machine is not None and steps > 0:
        machine.steps -= steps
        if machine.steps < 0:
            raise Bounded("too much work")


def undecided(why: str = "a decision on something unknown") -> NoReturn:
    """End the interpretation at something that is not known."""
    raise Undecided(why)


def _itself(self: Unknown, *_: object) -> Unknown:
    return self


def _decides(self: Unknown, *_: object) -> NoReturn:
    undecided()


class Unknown:
    """Any value. Computing with it gives it again; deciding by it ends the interpretation."""

    __slots__ = ()
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _itself
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __and__ = __rand__ = _itself
    __or__ = __ror__ = __xor__ = __rxor__ = __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _itself
    __neg__ = __pos__ = __invert__ = __abs__ = __getitem__ = _itself
    __bool__ = __len__ = __iter__ = __contains__ = __int__ = __float__ = __index__ = __next__ = _decides
    __lt__ = __le__ = __gt__ = __ge__ = __call__ = __enter__ = __exit__ = __await__ = _decides
    __str__ = __repr__ = __format__ = __hash__ = _decides
    __eq__ = __ne__ = _decides


UNKNOWN = Unknown()


class Tool:
    """Base of the interpreter's own objects that tests handle: their public attributes may be used."""

    __slots__ = ("__dict__", "__weakref__")
    closed: frozenset[str] = frozenset({
        "machine", "make", "current", "patches", "gives", "setting", "function", "done", "closed", "is_changeable",
    })
    """Public names that are the interpreter's own business all the same."""
    is_changeable = False


class Module:
    """An interpreted module: its attributes are its global names."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") and name != "__version__":
            raise AttributeError(f"module has no attribute {name!r}")
        if self.__dict__.get(" open"):
            return UNKNOWN
        raise AttributeError(f"module {self.__dict__.get('__name__')!r} has no attribute {name!r}")


def open_up(module: Module) -> None:
    """Let a module's unknown names be unknown values from now on."""
    module.__dict__[" open"] = True


CONTAINERS = (list, tuple, dict, set, frozenset, deque)
_VIEWS: tuple[Any, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_HOLDERS = (BaseException, types.SimpleNamespace, types.MappingProxyType, functools.partial, slice, ChainMap, UserDict,
            UserList, *_VIEWS)
"""Types besides the containers whose comparison, hash or text goes into what they hold."""


def size_of(value: Any) -> int:
    """The number of items of a real container or string, whatever an interpreted class says of itself."""
    kind: Any
    for kind in (str, bytes, bytearray, *CONTAINERS):
        if isinstance(value, kind):
            return int(kind.__len__(value))
    return len(value)


def items_of(value: Any) -> Iterator[Any]:
    """The real items of a container, whatever an interpreted class says of itself."""
    kind: Any
    for kind in CONTAINERS:
        if isinstance(value, kind):
            return iter(kind.__iter__(value))
    return iter(value)


def parts_of(value: Any) -> Iterator[object]:
    """What a value holds directly: items, keys and values, attributes of interpreted instances. Runs nothing of it."""
    if isinstance(value, dict):
        yield from dict.keys(value)
        yield from dict.values(value)
    elif isinstance(value, CONTAINERS):
        yield from items_of(value)
    elif isinstance(value, _HOLDERS):
        yield from _held_by(value)
    if is_instance(value):
        names = _own_names(value)
        yield from dict.values(names) if names is not None else ()
        for cls in type(value).__mro__:
            for member in vars(cls).values():
                if type(member) is types.MemberDescriptorType:
                    try:
                        yield member.__get__(value)
                    except AttributeError:
                        continue


def _own_names(value: object) -> dict[str, Any] | None:
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return found if isinstance(found, dict) else None


def _held_by(value: Any) -> Iterator[object]:
    if isinstance(value, BaseException):
        yield BaseException.args.__get__(value)  # type: ignore[attr-defined]
    elif isinstance(value, types.SimpleNamespace | UserDict | UserList | ChainMap):
        yield _own_names(value)
    elif isinstance(value, functools.partial):
        yield from (value.func, value.args, value.keywords)
    elif isinstance(value, slice):
        yield from (value.start, value.stop, value.step)
    elif isinstance(value, types.MappingProxyType):
        yield value | {}
    else:
        yield value.mapping | {}


class Made:
    """The mark of a class that an interpreted class statement made: its text and its module."""

    __slots__ = ("info", "node")

    def __init__(self, node: Any, info: Any) -> None:
        self.node, self.info = node, info


OURS = Made(None, None)
"""The mark of a class of the interpreter's own whose instances are used like those of interpreted classes."""


def is_interpreted(cls: object) -> bool:
    """Whether a class comes from an interpreted class statement."""
    if not isinstance(cls, type):
        return False
    mark = type.__getattribute__(cls, "__dict__").get("_interpreted")
    return type(mark) is Made and mark is not OURS


def is_instance(value: object) -> bool:
    """Whether a value is an instance of an interpreted class, or of one below it."""
    return type(getattr(type(value), "_interpreted", None)) is Made


def weigh(*values: object, most: int = MOST_ITEMS) -> bool:
    """Whether something unknown is in the values; raises Bounded when they have more parts than an operation may see.

    Shared parts count each time that they are met, as an operation over them would meet them.
    """
    unknown = False
    stack = list(values)
    left, more = most, 0
    while stack:
        value = stack.pop()
        left -= 1
        if left < 0:
            raise Bounded("a value of too many parts")
        kind = type(value)
        if value is UNKNOWN:
            unknown = True
        elif kind in _PLAIN:
            continue
        elif kind in (str, bytes):
            left -= len(value) >> 6  # type: ignore[arg-type]
        elif isinstance(value, CONTAINERS):
            size = size_of(value)
            if size > left:
                raise Bounded("a value of too many parts")
            if size > _CROWDED and isinstance(value, dict | set | frozenset):
                more += size * (size >> 6)  # its keys may all have one hash
            stack.extend(parts_of(value))
        elif isinstance(value, _HOLDERS) or is_instance(value):
            stack.extend(parts_of(value))
    if more or left < most - _CROWDED:
        spend((most - left + more) >> 6)
    return unknown


_PLAIN = {int, float, bool, type(None), type, complex}
_CROWDED = 64


def bounded(value: Any) -> Any:
    """The value, unless it is larger than interpreted code may make."""
    kind = type(value)
    if kind is bool or value is None or kind is float:
        return value
    if isinstance(value, str | bytes | bytearray):
        size, most, steps = size_of(value), MOST_TEXT, size_of(value) >> 10
    elif isinstance(value, CONTAINERS):
        size, most = size_of(value), MOST_ITEMS
        steps = size >> 6
    else:
        size, most, steps = _digits(value), MOST_BITS, 0
    if size > most:
        raise Bounded("a value that is too large")
    if steps:
        spend(steps)
    return value


def _digits(value: Any) -> int:
    """The bits that a number takes."""
    if isinstance(value, int):
        return int.bit_length(value)
    if isinstance(value, fractions.Fraction):
        return max(value.numerator.bit_length(), value.denominator.bit_length())
    if isinstance(value, decimal.Decimal) and decimal.Decimal.is_finite(value):
        return 4 * abs(decimal.Decimal.adjusted(value))
    return 0


class Task(Coroutine[Any, Any, Any]):
    """A coroutine of an interpreted `async def`: nothing of it runs before it is sent to."""

    def __init__(self, name: str, run: Any) -> None:
        self.__name__ = self.__qualname__ = name
        self.run = run

    def send(self, value: Any) -> Any:
        """Go on until the next suspension."""
        return self.run.send(value)

    def throw(self, *error: Any) -> Any:
        """Go on with an exception."""
        return self.run.throw(error[1] if len(error) > 1 and error[1] is not None else error[0])

    def close(self) -> None:
        """End it."""
        self.run.close()

    def __await__(self) -> Any:
        return self.run


class Yielded:
    """What an interpreted async generator yields, told apart from what it waits for."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class AsyncItems:
    """An interpreted async generator."""

    def __init__(self, run: Any) -> None:
        self.run = run

    def __aiter__(self) -> AsyncItems:
        return self

    def __anext__(self) -> Task:
        return Task("anext", self._step("send", None))

    def asend(self, value: Any) -> Task:
        """Go on with a value."""
        return Task("asend", self._step("send", value))

    def athrow(self, *error: Any) -> Task:
        """Go on with an exception."""
        return Task("athrow", self._step("throw", error[1] if len(error) > 1 else error[0]))

    def aclose(self) -> Task:
        """End it."""
        return Task("aclose", self._end())

    def _end(self) -> Any:
        try:
            yield from self._step("throw", GeneratorExit())
        except (GeneratorExit, StopAsyncIteration):
            return
        raise RuntimeError("async generator ignored GeneratorExit")

    def _step(self, how: str, value: Any) -> Any:
        while True:
            try:
                item = getattr(self.run, how)(value)
            except StopIteration:
                raise StopAsyncIteration from None
            if isinstance(item, Yielded):
                return item.value
            try:
                how, value = "send", (yield item)
            except GaveUp:
                raise
            except BaseException as error:  # noqa: BLE001
                how, value = "throw", error


PYTHON = sys.version_info
