"""The functions of the standard library that interpreted code may call, and how a call is bounded."""

from __future__ import annotations

import abc
import asyncio
import base64
import binascii
import bisect
import collections
import contextlib
import contextvars
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import heapq
import hmac
import html
import inspect
import io
import itertools
import json
import logging
import math
import numbers
import operator
import pathlib
import re
import statistics
import string
import textwrap
import types
import typing
import urllib.parse
import uuid
from typing import Any
from unittest import mock

from bot.audit.interpret import bounds, gates
from bot.audit.interpret.ops import UNKNOWN_OF_TYPES, Harmless, Same, listed, set_plainly
from bot.audit.interpret.values import (
    CONTAINERS,
    UNKNOWN,
    AsyncItems,
    Task,
    Tool,
    bounded,
    is_instance,
    is_interpreted,
    spend,
    undecided,
    weigh,
)


def _take(module: Any, names: str) -> dict[str, Any]:
    return {name: getattr(module, name) for name in names.split() if hasattr(module, name)}


def _unknowns(prefix: str, names: str) -> dict[str, Any]:
    return {name: Harmless(f"{prefix}.{name}") for name in names.split()}


def _nothing(*_: Any, **__: Any) -> None:
    return None


class Lock(Tool):
    """A lock: with one thread it never waits for long."""

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_: Any) -> None:
        return None

    def acquire(self, *_: Any, **__: Any) -> bool:
        """Take it."""
        return True

    def release(self) -> None:
        """Give it back."""

    def locked(self) -> Any:
        """Not followed."""
        return UNKNOWN


class FilePath(pathlib.PurePosixPath):
    """A path: its text is known, what is there is not."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return UNKNOWN


class Version(Tool):
    """The version of Python: known only as not too old."""

    def __ge__(self, other: Any) -> Any:
        return True if isinstance(other, tuple) and other[:2] <= (3, 9) else UNKNOWN

    def __lt__(self, other: Any) -> Any:
        return False if isinstance(other, tuple) and other[:2] <= (3, 9) else UNKNOWN

    def __gt__(self, other: Any) -> Any:
        return UNKNOWN

    __le__ = __gt__

    def __getitem__(self, at: Any) -> Any:
        return UNKNOWN

    def __getattr__(self, name: str) -> Any:
        return UNKNOWN


TYPING: dict[str, Any] = {
    **_take(typing, "NamedTuple Protocol Generic runtime_checkable TYPE_CHECKING Any Optional Union "
                    "Callable Dict List Set Tuple Type TypedDict ClassVar Literal Final Annotated Self NoReturn Never "
                    "Awaitable Iterator Iterable Mapping Sequence AsyncIterator Generator Coroutine AnyStr "
                    "Concatenate TypeAlias MutableMapping DefaultDict Deque AbstractSet IO TextIO BinaryIO Pattern "
                    "Match Hashable Sized AsyncIterable AsyncGenerator Collection ContextManager "
                    "AsyncContextManager Text TypeGuard LiteralString Required NotRequired Unpack"),
    "TypeVar": Harmless("TypeVar"), "ParamSpec": Harmless("ParamSpec"), "TypeVarTuple": Harmless("TypeVarTuple"),
    "override": Same("override"), "overload": Same("overload"), "final": Same("final"),
    "no_type_check": Same("no_type_check"), "cast": Same("cast"), "deprecated": UNKNOWN,
}

LEVELS = _take(logging, "DEBUG INFO WARNING WARN ERROR CRITICAL NOTSET")

TABLE: dict[str, dict[str, Any]] = {
    "math": _take(math, "ceil floor sqrt fabs isclose isnan isinf isfinite log log2 log10 exp pi e inf nan trunc hypot "
                        "gcd lcm sin cos tan atan atan2 radians degrees copysign fmod modf prod fsum pow isqrt"),
    "json": {**_take(json, "dumps loads JSONDecodeError"), "decoder": UNKNOWN},
    "base64": _take(base64, "b64encode b64decode urlsafe_b64encode urlsafe_b64decode b32encode b32decode b16encode "
                            "standard_b64encode standard_b64decode"),
    "binascii": _take(binascii, "hexlify unhexlify Error crc32"),
    "hashlib": _take(hashlib, "md5 sha1 sha224 sha256 sha384 sha512 blake2b blake2s sha3_256"),
    "hmac": _take(hmac, "compare_digest new digest"),
    "collections": _take(collections, "OrderedDict defaultdict deque Counter namedtuple ChainMap UserDict UserList"),
    "collections.abc": _take(
        collections.abc, "Mapping MutableMapping Sequence Iterable Iterator Callable Awaitable Coroutine Generator "
        "AsyncIterator AsyncIterable AsyncGenerator Hashable Sized Container Collection Set MutableSet "
        "MutableSequence KeysView ValuesView ItemsView Reversible"),
    "itertools": _take(itertools, "chain count cycle islice product permutations combinations repeat accumulate "
                                  "zip_longest pairwise starmap takewhile dropwhile groupby tee compress filterfalse"),
    "functools": _take(functools, "partial reduce lru_cache cache cached_property total_ordering cmp_to_key "
                                  "partialmethod"),
    "operator": _take(operator, "add sub eq ne lt le gt ge not_ truth neg contains itemgetter and_ or_ is_ is_not"),
    "string": _take(string, "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits punctuation printable "
                            "whitespace"),
    "textwrap": _take(textwrap, "dedent indent shorten wrap fill"),
    "copy": {},
    "dataclasses": _take(dataclasses, "dataclass field replace asdict astuple fields is_dataclass KW_ONLY "
                                      "FrozenInstanceError MISSING InitVar"),
    "heapq": _take(heapq, "heappush heappop heapify heapreplace heappushpop nlargest nsmallest"),
    "bisect": _take(bisect, "bisect bisect_left bisect_right insort insort_left insort_right"),
    "statistics": _take(statistics, "mean median stdev pstdev variance mode fmean quantiles StatisticsError"),
    "urllib.parse": _take(urllib.parse, "urlparse urlsplit urlunparse urlunsplit urljoin quote quote_plus unquote "
                                        "unquote_plus urlencode parse_qs parse_qsl"),
    "datetime": _take(datetime, "datetime date time timedelta timezone UTC tzinfo"),
    "decimal": _take(decimal, "Decimal InvalidOperation ROUND_HALF_EVEN ROUND_HALF_UP ROUND_DOWN ROUND_UP ROUND_FLOOR "
                              "ROUND_CEILING ROUND_HALF_DOWN DivisionByZero DecimalException Overflow Inexact"),
    "fractions": _take(fractions, "Fraction"),
    "numbers": _take(numbers, "Number Integral Real Rational Complex"),
    "re": _take(re, "compile match search fullmatch sub subn findall finditer split escape IGNORECASE I MULTILINE M "
                    "DOTALL S VERBOSE X ASCII A Pattern Match error"),
    "enum": _take(enum, "Enum IntEnum StrEnum Flag IntFlag auto unique"),
    "abc": _take(abc, "ABC abstractmethod ABCMeta"),
    "typing": TYPING, "typing_extensions": TYPING,
    "threading": {"Lock": Lock, "RLock": Lock},
    "types": _take(types, "SimpleNamespace MappingProxyType"),
    "contextlib": _take(contextlib, "contextmanager asynccontextmanager suppress nullcontext ExitStack AsyncExitStack "
                                    "closing AbstractContextManager AbstractAsyncContextManager aclosing"),
    "contextvars": _take(contextvars, "ContextVar"),
    "inspect": {"iscoroutinefunction": None, "isawaitable": inspect.isawaitable, "iscoroutine": None},
    "io": _take(io, "StringIO BytesIO UnsupportedOperation"),
    "pathlib": {**_take(pathlib, "PurePath PurePosixPath PureWindowsPath"), "Path": FilePath, "PosixPath": FilePath},
    "html": _take(html, "escape unescape"),
    "uuid": {"UUID": uuid.UUID, "NAMESPACE_DNS": uuid.NAMESPACE_DNS, "uuid5": uuid.uuid5, "uuid3": uuid.uuid3,
             **_unknowns("uuid", "uuid4 uuid1")},
    "asyncio": _take(asyncio, "gather wait_for wait sleep create_task ensure_future Event Lock Queue Semaphore "
                              "BoundedSemaphore Condition TimeoutError CancelledError InvalidStateError shield "
                              "as_completed Task Future current_task get_running_loop timeout TaskGroup QueueFull "
                              "QueueEmpty FIRST_COMPLETED FIRST_EXCEPTION ALL_COMPLETED AbstractEventLoop "
                              "PriorityQueue LifoQueue IncompleteReadError all_tasks Barrier"),
    "time": {**_unknowns("time", "time monotonic perf_counter time_ns monotonic_ns perf_counter_ns process_time "
                                 "localtime gmtime strftime ctime"), "sleep": _nothing},
    "random": _unknowns("random", "random randint uniform choice randrange choices sample gauss getrandbits"),
    "secrets": {**_unknowns("secrets", "token_hex token_urlsafe token_bytes choice randbelow"),
                "compare_digest": hmac.compare_digest},
    "logging": {**LEVELS},
    "os": {**_unknowns("os", "getpid urandom cpu_count getcwd")},
    "sys": {"maxsize": 2**63 - 1, "version_info": Version(), "platform": UNKNOWN},
    "unittest.mock": _take(mock, "Mock MagicMock AsyncMock call ANY sentinel PropertyMock NonCallableMock "
                                 "NonCallableMagicMock create_autospec DEFAULT seal"),
    "warnings": {"warn": _nothing, "simplefilter": _nothing, "filterwarnings": _nothing},
    "gc": {"collect": _nothing},
    "traceback": _unknowns("traceback", "format_exc format_exception print_exc"),
}
"""What interpreted code finds in a module of the standard library. All else there is unknown."""

_LAZY = {"map", "zip", "enumerate", "iter", "next", "islice", "reversed", "count", "cycle", "repeat", "type",
         "zip_longest", "takewhile", "starmap", "accumulate", "pairwise", "tee", "chain"}
"""Functions that hand on at least one item for each that they take, and take none before somebody asks."""
_SKIPPING = {"compress", "dropwhile", "filterfalse", "groupby", "from_iterable"}
"""Lazy functions that may go through many items in between: what they take is counted."""
_TAKING = {
    "list", "tuple", "set", "frozenset", "dict", "bytes", "bytearray", "deque", "Counter", "OrderedDict", "defaultdict",
    "UserDict", "UserList", "ChainMap", "sorted", "min", "max", "sum", "join", "extend", "extendleft", "update",
    "union",
    "intersection", "difference", "symmetric_difference", "difference_update", "intersection_update",
    "symmetric_difference_update", "issubset", "subtract", "fromkeys", "prod", "fsum", "mean", "median", "stdev",
    "pstdev", "variance", "mode", "fmean", "quantiles", "nlargest", "nsmallest", "reduce", "product", "permutations",
    "combinations", "_make", "namedtuple", "writelines", "wait", "as_completed", "urlencode", "Enum", "IntEnum",
    "StrEnum", "Flag", "IntFlag",
}
"""Functions that take all items of what they are given, at once."""
_HOLDS_UNKNOWN = {
    "len", "list", "tuple", "dict", "reversed", "enumerate", "zip", "append", "extend", "insert", "get", "items",
    "keys", "values", "pop", "popitem", "copy", "iter", "next", "map", "update", "setdefault", "appendleft", "popleft",
    "clear", "partial", "defaultdict", "OrderedDict", "deque", "put", "put_nowait", "get_nowait", "set_result",
    "gather", "create_task", "ensure_future", "wait_for", "SimpleNamespace", "fields", "replace", "chain", "repeat",
    "wait", "shield", "sleep", "remove", "index", "count", "sort", "reverse", "add", "Event", "Lock", "Queue",
    "set_exception", "add_done_callback", "discard", "dataclass", "field", "contextmanager", "deepcopy", "cast",
    "asynccontextmanager", "suppress", "nullcontext", "send", "throw", "with_traceback", "any", "all", "call",
    "run_until_complete", "lru_cache", "property", "staticmethod", "classmethod", "wraps", "set", "result", "cancel",
    "enter_context", "enter_async_context", "push", "callback", "push_async_callback", "reset_mock",
    "configure_mock", "attach_mock", "has_calls", "__init__", "islice", "cycle", "accumulate", "wrapper", "decorator",
    "starmap", "TypeVar", "ContextVar", "reset", "fromkeys", "__set__", "setter", "getter", "deleter",
    "MappingProxyType",
    "__setattr__", "object", "__setitem__", "__new__", "decorating_function", "wrap", "super", "Mock", "MagicMock",
    "AsyncMock", "PropertyMock", "unique", "abstractmethod", "NewType", "runtime_checkable", "call_later", "call_soon",
}
"""Functions that take values whatever they are, so that something unknown inside does not decide."""
_STORES = {"append", "insert", "appendleft", "put", "put_nowait", "setdefault", "set_result", "sleep", "partial",
           "SimpleNamespace", "field", "set", "__setattr__", "__init__", "call", "get", "pop", "replace", "nullcontext",
           "repeat", "ContextVar", "__new__", "cast", "__setitem__", "configure_mock", "Mock", "MagicMock", "AsyncMock",
           "PropertyMock", "wait_for", "timeout", "dict", "TypeVar", "defaultdict", "asyncio", "call_later"}
"""Functions that may be given something unknown itself."""
_CHANGES = {"extend", "update", "remove", "add", "discard", "pop", "clear", "popitem", "sort", "write", "send", "throw",
            "rotate", "subtract", "setstate", "writelines", "gather", "create_task", "ensure_future", "cancel", "index",
            "heappush", "heappop", "heapify", "heapreplace", "heappushpop", "insort", "insort_left", "insort_right",
            "move_to_end", "insert", "enter_context", "callback", "release", "acquire", "result", "difference_update",
            "intersection_update", "symmetric_difference_update", "set_exception", "wait", "run_until_complete"}


gates.allow(hmac.HMAC)
for _names in TABLE.values():
    for _value in _names.values():
        if _value is not UNKNOWN:
            gates.allow(_value)


def prepared(function: Any, name: str, owner: Any, args: list[Any], kwargs: dict[str, Any]) -> list[Any]:
    """The arguments of a call as the library may have them. Ends the interpretation where it could take long."""
    if any(_is_stream(value) for value in args):
        args = _streamed(name, args)
    if name == "accumulate" and len(args) == 1 and kwargs.get("func") is None:
        kwargs["func"] = gates.guarded(operator.add)  # each sum is bounded
    if name in gates.CALLERS:
        args = gates.guard_all(name, args, kwargs)
        if name in {"sub", "subn"}:
            at = 0 if isinstance(owner, re.Pattern) else 1
            if len(args) > at and callable(args[at]):
                args[at] = bounds.Growing(args[at])
    bounds.check_call(function, name, owner, args, kwargs)
    return args


def _streamed(name: str, args: list[Any]) -> list[Any]:
    """The arguments of a call, some of which give their items only once: taken as the function itself takes them."""
    if name in _LAZY or name in _SKIPPING:
        if any(_is_stream(value) and bounds.is_lazy(value) for value in args):
            spend(_NESTED)
        return [bounds.Counted(value) if _is_stream(value) else value for value in args] if name in _SKIPPING else args
    if name in _TAKING:
        return [listed(value) if _is_stream(value) else value for value in args]
    if name not in _HOLDS_STREAMS:
        undecided(f"an iterator given to {name}")
    return args


_NESTED = 100
"""Steps that an iterator over another one costs: too many in each other break Python itself."""


def call(function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:  # noqa: C901, PLR0912
    """Call a function of the standard library, or a method of a real value."""
    if isinstance(function, Harmless):
        return function(*args, **kwargs)
    if isinstance(function, Same):
        return args[-1] if args else UNKNOWN
    name = getattr(function, "__name__", type(function).__name__)
    if not isinstance(name, str):
        name = ""
    if not gates.is_allowed(function):
        undecided(f"a call of {name}")
    owner = getattr(function, "__self__", None)
    given = [*args, *kwargs.values()]
    if isinstance(function, type) and issubclass(function, tuple) and function is not tuple:
        name = "tuple"
    elif name in {"__new__", "__init__"}:
        name = _constructed(function, owner, args)
    elif name in {"__setattr__", "__delattr__"}:
        return set_plainly(name, [owner, *args] if type(function) is types.MethodWrapperType else args)
    elif owner is None and args and type(function) in (types.MethodDescriptorType, types.WrapperDescriptorType):
        if not isinstance(args[0], function.__objclass__):
            undecided("a method of another class")
        return call(function.__get__(args[0], type(args[0])), args[1:], kwargs)
    if not gates.may_be_changed(name, args):
        undecided("a change of the library")
    if any(name_of in UNKNOWN_OF_TYPES for cls in (owner if isinstance(owner, type) else type(owner)).__mro__
           if (name_of := (cls, name))):
        return UNKNOWN
    if any(value is UNKNOWN for value in given):
        if name in _STORES and not (name in {"get", "pop", "set"} and args and args[0] is UNKNOWN
                                    and isinstance(owner, dict | list)):
            pass
        elif name in _CHANGES:
            undecided("a change by something unknown")
        else:
            return UNKNOWN
    if name in _TAKING:
        args = [listed(value) if _is_stream(value) else value for value in args]
    if given and name not in {"append", "len", "isinstance"} and weigh(
            *[value for value in args if isinstance(value, CONTAINERS)], *kwargs.values()) \
            and name not in _HOLDS_UNKNOWN:
        if name in _CHANGES:
            undecided("a change by something unknown")
        return UNKNOWN
    if given and name != "append":
        args = prepared(function, name, owner, args, kwargs)
    if owner is not None and isinstance(owner, CONTAINERS) \
            and (name not in _HOLDS_UNKNOWN or name in {"sort", "index", "remove", "count"}) and weigh(owner) \
            and name not in _HOLDS_UNKNOWN:
        return undecided() if name in _CHANGES else UNKNOWN
    return bounded(kept(function(*args, **kwargs)))


def kept(found: Any) -> Any:
    """What a call gave; a coroutine of the library's own is noted, so that it is closed in the end."""
    if type(found) is types.CoroutineType:
        _made.append(found)
    return found


def _constructed(function: Any, owner: Any, args: list[Any]) -> str:
    """The name of the class that `__new__` or `__init__` fills; only interpreted objects are made so."""
    made = args[0] if args and type(function) is not types.MethodWrapperType else owner
    cls = made if isinstance(made, type) else type(made)
    if not is_interpreted(cls) and not is_instance(made) and cls not in _PLAIN_TYPES:
        undecided("an object that is made in an odd way")
    return base_of(cls).__name__


_PLAIN_TYPES = (object, int, str, float, tuple, list, dict, set, frozenset, bytes, bytearray)


def base_of(cls: type) -> type:
    """The first real class that an interpreted one derives from."""
    return next(item for item in cls.__mro__ if not is_interpreted(item))


_made: list[types.CoroutineType[Any, Any, Any]] = []


def close_coroutines() -> None:
    """Close what asyncio made and the interpreted code never awaited, so that Python does not warn of it."""
    while _made:
        _made.pop().close()


_HOLDS_STREAMS = {"isinstance", "type", "Mock", "MagicMock", "AsyncMock", "contextmanager", "callback", "gather",
                  "partial", "append", "put", "put_nowait", "create_task", "ensure_future", "wait_for", "set_result",
                  "isawaitable", "closing", "aclosing", "shield", "setdefault", "nullcontext", "id", "callable", "len",
                  "hash", "insert", "appendleft", "add", "discard", "remove", "index", "count", "push", "wrapper",
                  "enter_context", "SimpleNamespace", "set", "get", "pop", "__setattr__", "__init__", "__new__", "call",
                  "__setitem__", "field", "cast", "configure_mock", "result", "abs", "round", "ord", "chr", "int",
                  "float", "complex", "divmod", "pow", "range", "iscoroutine", "replace"}


def _is_stream(value: Any) -> bool:
    """Whether a value gives items only once, and perhaps without end."""
    return hasattr(type(value), "__next__") and not isinstance(value, Task | AsyncItems | mock.NonCallableMock) \
        and not isinstance(value, io.IOBase)
