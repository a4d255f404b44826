"""The built-in names as interpreted code sees them."""

from __future__ import annotations

import ast
import asyncio
import builtins
import enum
import inspect
import logging
from abc import ABCMeta
from typing import Any
from unittest import mock

from bot.audit.interpret import host, loop, ops
from bot.audit.interpret.frames import inner_of
from bot.audit.interpret.modules import Library, Modules
from bot.audit.interpret.ops import Harmless
from bot.audit.interpret.values import (
    OURS,
    UNKNOWN,
    AsyncItems,
    Module,
    Task,
    Tool,
    Undecided,
    is_instance,
    is_interpreted,
    undecided,
    weigh,
)

_SAME = (  # noqa: SIM905
    "int float bool bytes bytearray list tuple dict set frozenset complex object property staticmethod "
    "classmethod range slice enumerate zip map len abs min max sum all any sorted reversed round pow "
    "divmod ord chr hex oct bin hash ascii True False None NotImplemented Ellipsis BaseException "
    "BaseExceptionGroup ExceptionGroup"
).split()
_HOST_VARIABLES = frozenset((  # noqa: SIM905
    "PATH HOME USER PWD SHELL LANG TERM TMPDIR HOSTNAME CI GITHUB_ACTIONS VIRTUAL_ENV TZ LOGNAME "
    "PYTHONPATH PYTEST_CURRENT_TEST TEMP TMP COLUMNS LINES NO_COLOR FORCE_COLOR PYTEST_XDIST_WORKER "
    "PYTHONHASHSEED EDITOR PAGER DEBUG"
).split())


class Environment(dict[str, Any]):
    """The environment: what nothing sets is unset, but for the variables of a host."""

    _interpreted = OURS
    cleared: bool = False

    def __getitem__(self, key: Any) -> Any:
        return self.get(key, ...) if self._knows(key) else UNKNOWN

    def _knows(self, key: Any) -> bool:
        return not isinstance(key, str) or dict.__contains__(self, key) or key not in _HOST_VARIABLES \
            or self.cleared

    def get(self, key: Any, default: Any = None) -> Any:
        """A variable, or the default."""
        if not self._knows(key):
            return UNKNOWN
        if default is ... and not dict.__contains__(self, key):
            raise KeyError(key)
        return dict.get(self, key, default)

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key) if self._knows(key) else undecided("a variable of the host")

    def clear(self) -> None:
        """No variable is set from now on."""
        dict.clear(self)
        self.cleared = True

    def update(self, other: Any = (), /, **more: Any) -> None:
        """Set variables."""
        dict.update(self, dict(dict.items(other)) if isinstance(other, Environment) else other, **more)
        if isinstance(other, Environment) and not other.cleared:
            self.cleared = False

    def pop(self, key: Any, *default: Any) -> Any:
        """Take a variable away."""
        if not self._knows(key):
            undecided("a variable of the host")
        return dict.pop(self, key, *default)

    def copy(self) -> Any:
        """Its variables, as far as something set them."""
        found = Environment(dict.items(self))
        found.cleared = self.cleared
        return found


class Quiet(Tool):
    """A logger: whatever is told to it changes nothing."""

    is_changeable = True

    def __init__(self, name: Any = "root") -> None:
        self.name, self.level, self.propagate, self.disabled = name, 0, True, False
        self.handlers: list[Any] = []

    def _nothing(self, *_: Any, **__: Any) -> None:
        return None

    debug = info = warning = error = exception = critical = log = warn = setLevel = addHandler = _nothing  # noqa: N815
    removeHandler = addFilter = removeFilter = _nothing  # noqa: N815

    def getChild(self, name: Any) -> Quiet:  # noqa: N802 - the name of a logger's method
        """A logger below it."""
        return Quiet(name)

    def isEnabledFor(self, *_: Any) -> Any:  # noqa: N802
        """Not known."""
        return UNKNOWN

    def __getattr__(self, name: str) -> Any:
        return UNKNOWN

    getEffectiveLevel = hasHandlers = isEnabledFor  # noqa: N815


class Builtins(Modules):
    """Gives interpreted code its built-in names."""

    def set_up(self) -> None:
        """Make the tables; called once."""
        super().set_up()
        names: dict[str, Any] = {name: getattr(builtins, name) for name in _SAME}
        for name, value in vars(builtins).items():
            if isinstance(value, type) and issubclass(value, BaseException):
                names[name] = value  # noqa: PERF403
        names["__debug__"] = True
        self.super_ = super
        self.metaclasses = frozenset({ABCMeta, enum.EnumMeta})
        names["super"], names["type"], names["str"] = super, type, str
        own = {
            "isinstance": self._isinstance, "issubclass": self._issubclass, "getattr": self._getattr,
            "hasattr": self._hasattr, "setattr": self._setattr, "delattr": self._delattr, "print": self._print,
            "repr": self._repr, "callable": self._callable, "iter": self._iter, "next": self._next, "vars": self._vars,
            "format": self._format, "id": self._id, "filter": self._filter, "aiter": self._iter,
        }
        for name, function in own.items():
            names[name] = _named(name, function)
        for name in ("open", "input", "globals", "locals", "exec", "eval", "compile", "__import__", "dir",
                     "breakpoint"):
            names[name] = UNKNOWN
        names["Environment"] = UNKNOWN
        for name in vars(builtins):
            if not name.startswith("_"):
                names.setdefault(name, UNKNOWN)
        self.builtins = names
        self.own_functions = {type: self._type, dict: self._dict_of, str: self._str, names["any"]: self._any,
                              names["all"]: self._all,
                              super: self._super, object: object}
        for name in own:  # noqa: PLC0206
            self.own_functions[names[name]] = own[name]
        self.environment = Environment()
        self.loops: list[loop.VirtualLoop] = []
        self.names["os"].update(environ=self.environment, getenv=self._own(self._getenv))
        self.names["logging"].update(getLogger=self._own(Quiet), Logger=Quiet, NullHandler=Quiet,
                                     basicConfig=Harmless("basicConfig", None))
        for name in ("debug", "info", "warning", "error", "exception", "critical", "log"):
            self.names["logging"][name] = Harmless(name, None)
        assert logging.DEBUG == 10
        self.names["asyncio"].update(
            run=self._own(self.run_coroutine), iscoroutinefunction=self._own(_is_async),
            iscoroutine=self._own(_is_coroutine), new_event_loop=self._own(self.new_loop),
            get_event_loop=self._own(self.current_loop), set_event_loop=self._own(lambda *_: None), isfuture=None)
        self.names["inspect"].update(iscoroutinefunction=self._own(_is_async), iscoroutine=self._own(_is_coroutine),
                                     isawaitable=self._own(_is_awaitable))
        del self.names["asyncio"]["isfuture"]

    def _own(self, function: Any) -> Any:
        """Let a function of ours be called by interpreted code as it is."""
        made = _named(getattr(function, "__name__", "function"), function)
        self.own_functions[made] = function
        return made

    # event loops

    def new_loop(self) -> loop.VirtualLoop:
        """A loop of its own."""
        self.loops.append(loop.VirtualLoop())
        return self.loops[-1]

    def current_loop(self) -> Any:
        """The loop that runs, or that coroutines of this test run on."""
        running = asyncio._get_running_loop()  # noqa: SLF001
        if running is not None:
            return running
        return self.loops[0] if self.loops else self.new_loop()

    def run_coroutine(self, coroutine: Any, **_: Any) -> Any:
        """Run a coroutine to its end."""
        if coroutine is UNKNOWN:
            return UNKNOWN
        if not hasattr(type(coroutine), "__await__"):
            ops.throw(ValueError(f"a coroutine was expected, got {type(coroutine).__name__}"))
        return loop.run(self.new_loop(), coroutine)

    def close_loops(self) -> None:
        """End all loops of a run."""
        for each in self.loops:
            each.drain()
        self.loops.clear()

    # functions

    def _isinstance(self, value: Any, kinds: Any) -> Any:
        flat = _kinds(kinds)
        if value is UNKNOWN:
            return UNKNOWN
        known = [kind for kind in flat if isinstance(kind, type)]
        if any(isinstance(value, kind) for kind in known):
            return True
        return False if len(known) == len(flat) and not _is_stand_in(value) else UNKNOWN

    def _issubclass(self, value: Any, kinds: Any) -> Any:
        flat = _kinds(kinds)
        if value is UNKNOWN or not all(isinstance(kind, type) for kind in flat):
            return UNKNOWN
        return issubclass(value, tuple(flat))

    def _getattr(self, value: Any, name: Any, *default: Any) -> Any:
        if name is UNKNOWN or value is UNKNOWN:
            return UNKNOWN
        try:
            return self.get(value, _name(name))
        except AttributeError:
            if default:
                return default[0]
            raise

    def _hasattr(self, value: Any, name: Any) -> Any:
        if name is UNKNOWN or value is UNKNOWN:
            return UNKNOWN
        try:
            found = self.get(value, _name(name))
        except AttributeError:
            return False
        return UNKNOWN if found is UNKNOWN and isinstance(value, Library | Module) else True

    def _setattr(self, value: Any, name: Any, new: Any) -> None:
        if name is UNKNOWN:
            undecided()
        self.set_attribute(value, _name(name), new)

    def _delattr(self, value: Any, name: Any) -> None:
        self.changed_object(value, _name(name))
        ops.del_attribute(value, _name(name))

    def _print(self, *_: Any, **__: Any) -> None:
        return None

    def _repr(self, value: Any) -> Any:
        return ops.text_of(value, repr)

    def _str(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs:
            return ops.text_of(args[0])
        return UNKNOWN if any(item is UNKNOWN for item in args) else host.call(str, list(args), kwargs)

    def _format(self, value: Any, spec: Any = "") -> Any:
        return UNKNOWN if spec is UNKNOWN else ops.formatted(value, spec)

    def _callable(self, value: Any) -> Any:
        return UNKNOWN if value is UNKNOWN else callable(value)

    def _iter(self, value: Any, *stop: Any) -> Any:
        if stop:
            undecided()
        return ops.iterate(value) if not hasattr(type(value), "__aiter__") else type(value).__aiter__(value)

    def _next(self, value: Any, *default: Any) -> Any:
        if value is UNKNOWN:
            return UNKNOWN
        return ops.invoke(next, [value, *default], {})

    def _filter(self, test: Any, value: Any) -> Any:
        items = ops.iterate(value)

        def run() -> Any:
            for item in items:
                self.tick()
                if ops.truth(item if test is None else self.apply(test, [item], {})):
                    yield item

        return run()

    def _any(self, value: Any) -> Any:
        unknown = False
        for item in ops.iterate(value):
            self.tick()
            if item is UNKNOWN:
                unknown = True
            elif ops.truth(item):
                return True
        return UNKNOWN if unknown else False

    def _all(self, value: Any) -> Any:
        unknown = False
        for item in ops.iterate(value):
            self.tick()
            if item is UNKNOWN:
                unknown = True
            elif not ops.truth(item):
                return False
        return UNKNOWN if unknown else True

    def _dict_of(self, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], Environment):
            return args[0].copy()
        return host.call(dict, list(args), kwargs)

    def _vars(self, *value: Any) -> Any:
        if not value or not is_instance(value[0]):
            undecided()
        return vars(value[0])

    def _type(self, *args: Any) -> Any:
        if len(args) != 1:
            undecided("a class made by a call")
        return UNKNOWN if args[0] is UNKNOWN or _is_stand_in(args[0]) else type(args[0])

    def _id(self, value: Any) -> Any:
        return UNKNOWN if value is UNKNOWN else id(value) + 0

    def _super(self, cls: Any, value: Any) -> Any:
        if not is_interpreted(cls):
            undecided()
        return super(cls, value)

    def _getenv(self, name: Any, default: Any = None) -> Any:
        return UNKNOWN if name is UNKNOWN else self.environment.get(_name(name), default)


def _name(name: Any) -> str:
    """The name of an attribute, as plain text."""
    if not isinstance(name, str):
        ops.throw(TypeError("attribute name must be string"))
    return str.__str__(name)


class _Named:
    """A function of ours, told by its identity."""

    def __init__(self, name: str, function: Any) -> None:
        self.__name__ = self.__qualname__ = name
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


def _named(name: str, function: Any) -> _Named:
    return _Named(name, function)


def _kinds(kinds: Any) -> list[Any]:
    if isinstance(kinds, tuple):
        return [item for part in kinds for item in _kinds(part)]
    if hasattr(kinds, "__args__") and type(kinds).__name__ in {"UnionType", "_UnionGenericAlias"}:
        return list(kinds.__args__)
    return [kinds]


def _is_stand_in(value: Any) -> bool:
    """Whether a value stands for one of another type."""
    return isinstance(value, Tool | Module | Task | AsyncItems | Environment | _Named)


def _is_async(value: Any) -> Any:
    if value is UNKNOWN:
        return UNKNOWN
    inner = inner_of(getattr(value, "__func__", value))
    if inner is not None:
        return isinstance(inner.node, ast.AsyncFunctionDef)
    return inspect.iscoroutinefunction(value) or isinstance(value, mock.AsyncMock) \
        or asyncio.iscoroutinefunction(value)


def _is_coroutine(value: Any) -> Any:
    return UNKNOWN if value is UNKNOWN else isinstance(value, Task) or inspect.iscoroutine(value)


def _is_awaitable(value: Any) -> Any:
    return UNKNOWN if value is UNKNOWN else hasattr(type(value), "__await__")


__all__ = ["Builtins", "Environment", "Quiet", "Undecided", "weigh"]
