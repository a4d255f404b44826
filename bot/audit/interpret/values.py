"""What interpreted code computes with: real values of allow-listed types, and one value for all that is not known."""

from __future__ import annotations

import sys
from collections import deque
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


def parts_of(value: object) -> Iterator[object]:
    """What a value holds directly: items, keys and values, attributes of interpreted instances."""
    if isinstance(value, dict):
        yield from dict.keys(value)
        yield from dict.values(value)
    elif isinstance(value, list | tuple | set | frozenset | deque):
        yield from value
    if is_instance(value):
        yield from getattr(value, "__dict__", {}).values()
        for cls in type(value).__mro__:
            slots = cls.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                try:
                    yield object.__getattribute__(value, name)
                except AttributeError:
                    continue


def is_interpreted(cls: object) -> bool:
    """Whether a class comes from an interpreted class statement."""
    return isinstance(cls, type) and "_interpreted" in vars(cls)


def is_instance(value: object) -> bool:
    """Whether a value is an instance of an interpreted class, or of one below it."""
    return any("_interpreted" in vars(cls) for cls in type(value).__mro__)


def weigh(*values: object, most: int = MOST_ITEMS) -> bool:
    """Whether something unknown is in the values; raises Bounded when they have more parts than an operation may see.

    Shared parts count each time that they are met, as an operation over them would meet them.
    """
    unknown = False
    stack = list(values)
    left = most
    while stack:
        value = stack.pop()
        left -= 1
        if left < 0:
            raise Bounded("a value of too many parts")
        if value is UNKNOWN:
            unknown = True
        elif type(value) in (str, bytes):
            left -= len(value) >> 6  # type: ignore[arg-type]
        elif isinstance(value, CONTAINERS):
            if len(value) > left:
                raise Bounded("a value of too many parts")
            stack.extend(parts_of(value))
        elif type(value) not in _PLAIN and is_instance(value):
            stack.extend(parts_of(value))
    return unknown


_PLAIN = {int, float, bool, type(None), type, complex}


def bounded(value: Any) -> Any:
    """The value, unless it is larger than interpreted code may make."""
    kind = type(value)
    if kind is int:
        if value.bit_length() > MOST_BITS:
            raise Bounded("a whole number of too many digits")
    elif kind in (str, bytes, bytearray):
        if len(value) > MOST_TEXT:
            raise Bounded("a string that is too long")
    elif isinstance(value, CONTAINERS) and len(value) > MOST_ITEMS:
        raise Bounded("a container of too many items")
    return value


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
