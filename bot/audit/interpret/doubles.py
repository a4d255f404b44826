"""unittest.mock as interpreted code uses it: its real doubles, and patches that find interpreted modules."""

from __future__ import annotations

import asyncio
import types
from typing import Any
from unittest import mock

from bot.audit.interpret import copying, ops
from bot.audit.interpret.builtin import Builtins
from bot.audit.interpret.frames import inner_of, shape_of
from bot.audit.interpret.values import UNKNOWN, Task, Tool, is_instance, is_interpreted, undecided


class Patcher(Tool):
    """One patch: a context manager, a decorator, or started and stopped."""

    def __init__(self, machine: Doubles, make: Any, gives: bool) -> None:
        self.machine, self.make, self.gives = machine, make, gives
        self.current: list[Any] = []

    def __enter__(self) -> Any:
        real = self.make()
        new = real.__enter__() if real is not None else mock.MagicMock()
        self.current.append(real)
        self.machine.patching.append(self)
        return new

    def __exit__(self, *error: Any) -> Any:
        if not self.current:
            return False  # the end of the run undid it; a generator that was left open is closed only now
        real = self.current.pop()
        if self in self.machine.patching:
            self.machine.patching.remove(self)
        if real is not None:
            real.__exit__(*(error or (None, None, None)))
        return False

    def start(self) -> Any:
        """Patch from now on."""
        self.machine.started.append(self)
        return self.__enter__()

    def stop(self) -> None:
        """Undo it."""
        if self in self.machine.started:
            self.machine.started.remove(self)
        if self.current:
            self.__exit__(None, None, None)

    def __call__(self, function: Any) -> Any:  # noqa: D102
        if isinstance(function, type):
            for name, value in list(vars(function).items()):
                if name.startswith("test") and callable(value):
                    setattr(function, name, self(value))
            return function
        if function is UNKNOWN:
            return UNKNOWN
        patches = getattr(function, "__dict__", {}).get("_patches")
        if patches is not None:
            patches.append(self)
            return function
        return _patched(function, self)


def _patched(function: Any, first: Patcher) -> Any:
    """The function under patches: each that makes its own double gives it as an argument, the last decorator's last."""
    patches = [first]
    inner = inner_of(function)

    def patched(*args: Any, **kwargs: Any) -> Any:
        if inner is not None and shape_of(inner.node).is_async:
            return Task(inner.name, under_async(args, kwargs))
        return under(args, kwargs)

    def under(args: Any, kwargs: Any) -> Any:
        done, extra = _begin(patches)
        try:
            return function(*args, *extra, **kwargs)
        finally:
            for patch in reversed(done):
                patch.__exit__(None, None, None)

    def under_async(args: Any, kwargs: Any) -> Any:
        done, extra = _begin(patches)
        try:
            return (yield from function(*args, *extra, **kwargs).run)
        finally:
            for patch in reversed(done):
                patch.__exit__(None, None, None)

    patched.__name__ = getattr(function, "__name__", "patched")
    patched.__dict__.update(getattr(function, "__dict__", {}))
    patched.__dict__["_own"] = True
    patched.__dict__["_patches"] = patches
    patched.__dict__["_inner"] = function
    return patched


def _bound(function: Any, owner: Any) -> Any:
    """`types.MethodType` of an interpreted function."""
    if inner_of(function) is None or owner is UNKNOWN:
        undecided("a method of something odd")
    return types.MethodType(function, owner)


def _begin(patches: list[Patcher]) -> tuple[list[Patcher], list[Any]]:
    done, extra = [], []
    for patch in patches:
        new = patch.__enter__()
        done.append(patch)
        if patch.gives:
            extra.append(new)
    return done, extra


class Patch(Tool):
    """`unittest.mock.patch`."""

    def __init__(self, machine: Doubles) -> None:
        self.machine = machine

    def __call__(self, target: Any, new: Any = mock.DEFAULT, spec: Any = None, create: Any = False,
                 spec_set: Any = None, autospec: Any = None, new_callable: Any = None, **kwargs: Any) -> Any:
        """Patch what a dotted name leads to."""
        given = {"spec": spec, "create": create, "spec_set": spec_set, "autospec": autospec,
                 "new_callable": new_callable, **kwargs}
        if target is UNKNOWN:
            undecided("a patch of something unknown")

        def make() -> Any:
            if type(target) is not str:
                undecided("a patch of something odd")
            owner, name = self.machine.found(target)
            return self.machine.patch(owner, name, new, given)

        return Patcher(self.machine, make, new is mock.DEFAULT)

    def object(self, target: Any, attribute: Any, new: Any = mock.DEFAULT, **kwargs: Any) -> Any:
        """Patch an attribute of an object."""
        if attribute is UNKNOWN or type(attribute) is not str:
            undecided("a patch of something unknown")
        return Patcher(self.machine, lambda: self.machine.patch(target, attribute, new, kwargs), new is mock.DEFAULT)

    def dict(self, in_dict: Any, values: Any = (), clear: Any = False, **kwargs: Any) -> Any:
        """Patch the items of a dict."""

        def make() -> Any:
            found = in_dict
            if isinstance(found, str):
                owner, name = self.machine.found(found)
                found = self.machine.get(owner, name)
            if found is UNKNOWN or values is UNKNOWN or not isinstance(found, dict):
                undecided("a patch of something unknown")
            return _Items(found, {**dict(values), **kwargs}, clear)

        return Patcher(self.machine, make, False)

    def multiple(self, *_: Any, **__: Any) -> Any:
        """Not followed."""
        undecided("patch.multiple")

    def stopall(self) -> None:
        """Undo all that was started."""
        for patcher in reversed(list(self.machine.started)):
            patcher.stop()


class _Items:
    """The items of a dict for a while."""

    def __init__(self, target: Any, values: Any, clear: Any) -> None:
        self.target, self.values, self.clear = target, values, clear
        self.before: Any = None
        self.cleared = getattr(target, "cleared", None)

    def __enter__(self) -> Any:
        self.before = dict(dict.items(self.target))
        if self.clear:
            dict.clear(self.target)
            if self.cleared is not None:
                self.target.cleared = True
        dict.update(self.target, self.values)
        return self.target

    def __exit__(self, *_: Any) -> None:
        dict.clear(self.target)
        dict.update(self.target, self.before)
        if self.cleared is not None:
            self.target.cleared = self.cleared


class Doubles(Builtins):
    """Gives interpreted code the patches of unittest.mock."""

    def set_up(self) -> None:
        """Make the tables; called once."""
        super().set_up()
        self.started: list[Patcher] = []
        self.patching: list[Any] = []
        self.names["unittest.mock"]["patch"] = Patch(self)
        self.names["unittest.mock"]["create_autospec"] = self._own(self._autospec)
        for name in ("Mock", "MagicMock", "AsyncMock", "NonCallableMock", "PropertyMock", "NonCallableMagicMock"):
            real = getattr(mock, name)
            self.own_functions[real] = self._double(real)
        self.names["copy"].update(copy=self._own(lambda value: copying.copied(value, deep=False)),
                                  deepcopy=self._own(lambda value, *_: copying.copied(value, deep=True)))
        self.names["functools"].update(wraps=self._own(self._wraps), update_wrapper=self._own(self._wrapped))
        self.names["types"]["MethodType"] = self._own(_bound)
        self.names.setdefault("unittest", {})["mock"] = self.library("unittest.mock")

    def _wraps(self, wrapped: Any, *more: Any, **options: Any) -> Any:
        if more or options:
            undecided("a wrapper of odd attributes")
        return self._own(lambda wrapper: self._wrapped(wrapper, wrapped))

    def _wrapped(self, wrapper: Any, wrapped: Any, *more: Any, **options: Any) -> Any:
        """What `functools.update_wrapper` does, for interpreted functions."""
        inner = inner_of(wrapper)
        if more or options or (inner is None and not is_instance(wrapper)) or is_interpreted(wrapper):
            undecided("a wrapper of odd attributes")
        if wrapped is UNKNOWN:
            undecided("a wrapper of something unknown")
        for name in ("__name__", "__qualname__", "__doc__", "__module__"):
            found = getattr(wrapped, name, None)
            if isinstance(found, str):
                setattr(wrapper, name, found)
        if inner_of(wrapped) is not None:
            wrapper.__dict__.update({name: value for name, value in wrapped.__dict__.items()
                                     if name not in {"_own", "_inner", "_patches"}})
        wrapper.__dict__["__wrapped__"] = wrapped
        return wrapper

    def _double(self, real: Any) -> Any:
        def make(*args: Any, **kwargs: Any) -> Any:
            spec = kwargs.get("spec") or kwargs.get("spec_set") or (args[0] if args else None)
            if spec is UNKNOWN or kwargs.get("wraps") is UNKNOWN:
                return UNKNOWN
            self.sign(spec)
            plain, rest = self._told(kwargs)
            return self._configured(ops.invoke(real, args, plain), rest)

        return make

    def _told(self, kwargs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What a double is made with, and what is then set on what it leads to."""
        wraps = kwargs.get("wraps")
        if wraps is not None and (isinstance(wraps, asyncio.AbstractEventLoop) or not (
                is_instance(wraps) or inner_of(getattr(wraps, "__func__", wraps)) is not None
                or isinstance(wraps, mock.NonCallableMock))):
            undecided("a double around something of a library")
        plain = {key: ops.call_back(value) if key in {"side_effect", "new_callable"} else value
                 for key, value in kwargs.items() if "." not in key}
        if any(key.startswith(("_", "method_calls", "mock_calls", "call_args")) and not key.startswith("__")
               for key in plain) or "__class__" in plain:
            undecided("the inside of a mock")
        return plain, {key: value for key, value in kwargs.items() if "." in key}

    def _configured(self, double: Any, rest: dict[str, Any]) -> Any:
        for path, value in sorted(rest.items(), key=lambda pair: pair[0].count(".")):
            *parts, last = path.split(".")
            owner = double
            for part in parts:
                owner = self.get(owner, part)
            self.set_attribute(owner, last, value)
        return double

    def _autospec(self, spec: Any, *args: Any, **kwargs: Any) -> Any:
        if spec is UNKNOWN:
            return UNKNOWN
        if not is_interpreted(spec) and inner_of(spec) is None:
            undecided("an autospec of something of a library")
        self.sign(spec)
        plain, rest = self._told(kwargs)
        return self._configured(ops.invoke(mock.create_autospec, (spec, *args), plain), rest)

    def found(self, target: str) -> tuple[Any, str]:
        """The owner and the name that a dotted target of a patch leads to."""
        path, _, name = target.rpartition(".")
        parts = path.split(".")
        owner = self.import_name(parts[0])
        for at, part in enumerate(parts[1:], start=2):
            whole = ".".join(parts[:at])
            owner = self.import_name(whole) if whole in self.program.modules else self.get(owner, part)
        if type(owner).__name__ == "Library" and owner.__dict__[" name"] != path:
            owner = self.import_name(path)
        return owner, name

    def patch(self, owner: Any, name: Any, new: Any, given: dict[str, Any]) -> Any:  # noqa: C901, PLR0912
        """The real patch of an attribute; None where the owner is unknown."""
        if owner is UNKNOWN:
            if new is mock.DEFAULT and not given.get("new_callable"):
                return None
            undecided("a patch of something unknown")
        if not is_interpreted(owner) and isinstance(owner, type):
            undecided("a patch of a class of a library")
        kwargs, rest = self._told({key: value for key, value in given.items()
                                   if value is not None and value is not False})
        if rest or name in ops.RESERVED or not name.isidentifier() or not ops.is_changeable(owner):
            undecided("a patch of something that is not the test's, or with settings of what it leads to")
        original = self.get(owner, name) if self._hasattr(owner, name) is not False else None
        if original is UNKNOWN:
            if any(kwargs.get(key) for key in ("spec", "spec_set", "autospec", "wraps")):
                undecided("a double made from something unknown")
            if new is mock.DEFAULT and "new_callable" not in kwargs:
                undecided("a double of something unknown")
            kwargs["create"] = True
        if kwargs.get("autospec"):
            if original is None or not (is_interpreted(original) or inner_of(original) is not None):
                undecided("an autospec of something of a library")
            self.sign(original)
        for key in ("spec", "spec_set"):
            if kwargs.get(key) is True:
                self.sign(original)
            elif kwargs.get(key) is not None:
                self.sign(kwargs[key])
        if isinstance(original, types.FunctionType | types.MethodType) and new is mock.DEFAULT:
            self.sign(original)
        return mock.patch.object(owner, name, new, **kwargs)
