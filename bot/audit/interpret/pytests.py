"""What interpreted tests get from pytest and unittest."""

from __future__ import annotations

import ast
import math
import re
import types
import unittest
from collections.abc import Mapping
from typing import Any

from bot.audit.interpret import ops
from bot.audit.interpret.doubles import Doubles, Patcher
from bot.audit.interpret.modules import Library
from bot.audit.interpret.ops import Harmless
from bot.audit.interpret.patterns import is_safe
from bot.audit.interpret.state import Met
from bot.audit.interpret.values import OURS, UNKNOWN, Bounded, Tool, is_interpreted, undecided


class Skipped(Exception):
    """The test skips itself."""


class Failed(AssertionError):
    """`pytest.fail`, or an expected exception that did not come."""


class Info(Tool):
    """What `pytest.raises` gives: the exception, once it came."""

    value: Any = UNKNOWN

    @property
    def type(self) -> Any:
        """The exception's class."""
        return UNKNOWN if self.value is UNKNOWN else type(self.value)

    @property
    def typename(self) -> Any:
        """Its class's name."""
        return UNKNOWN if self.value is UNKNOWN else type(self.value).__name__

    def __getattr__(self, name: str) -> Any:
        return UNKNOWN

    def match(self, pattern: Any) -> Any:
        """Check its text."""
        _check_text(pattern, self.value)
        return True


def _check_text(pattern: Any, error: Any) -> None:
    text = ops.text_of(error)
    if pattern is UNKNOWN or text is UNKNOWN:
        undecided("the text of an exception")
    if not is_safe(pattern, len(text)):
        raise Bounded("a pattern that may take long")
    if type(error).__module__ != "interpreted" and not _is_own_text(error):
        undecided("the wording of Python itself")
    if re.search(pattern, text) is None:
        raise Failed(f"Regex pattern did not match: {pattern!r}")


def _is_own_text(error: Any) -> bool:
    """Whether interpreted code wrote an exception's text, so that it does not depend on the version of Python."""
    tail = error.__traceback__
    while tail is not None and tail.tb_next is not None:
        tail = tail.tb_next
    return tail is None or tail.tb_frame.f_code.co_name == "throw"


class Raises(Tool):
    """`pytest.raises`, and `assertRaises` of unittest."""

    catches = True
    node: Any = None
    unknowns = 0

    def __init__(self, machine: Pytests, wanted: Any, match: Any, info: Any) -> None:
        self.machine, self.wanted, self.match, self.info = machine, wanted, match, info

    def __enter__(self) -> Any:
        self.unknowns = self.machine.unknowns
        return self.info

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
        if error is None and self.unknowns != self.machine.unknowns:
            undecided("something unknown, where an exception is expected")
        wanted = self.wanted if isinstance(self.wanted, tuple) else (self.wanted,)
        if any(not isinstance(item, type) for item in wanted):
            undecided("an unknown exception that is expected")
        if self.node is not None:
            self.machine.met.append(Met(self.node, error is not None and isinstance(error, wanted)))
        if error is None:
            raise Failed(f"DID NOT RAISE {' or '.join(item.__name__ for item in wanted)}")
        if not isinstance(error, wanted):
            return False
        self.machine.places = [place for place in self.machine.places if place[0] is not error]
        for holder in (self.info,):
            holder.value = holder.exception = error
        if self.match is not None:
            _check_text(self.match, error)
        return True


class Near(Tool):
    """`pytest.approx`."""

    def __init__(self, expected: Any, rel: Any = None, abs: Any = None, nan_ok: Any = False) -> None:  # noqa: A002
        self.expected, self.rel, self.abs, self.nan_ok = expected, rel, abs, nan_ok

    def __eq__(self, other: object) -> bool:
        return self._near(self.expected, other)

    def __ne__(self, other: object) -> bool:
        return not self._near(self.expected, other)

    __hash__ = None  # type: ignore[assignment]

    def _near(self, expected: Any, actual: Any) -> bool:
        if expected is UNKNOWN or actual is UNKNOWN:
            undecided()
        if isinstance(expected, Mapping):
            return isinstance(actual, Mapping) and set(expected) == set(actual) and all(
                self._near(value, actual[key]) for key, value in expected.items())
        if isinstance(expected, list | tuple):
            return isinstance(actual, list | tuple) and len(expected) == len(actual) and all(
                map(self._near, expected, actual))
        if isinstance(expected, bool) or not hasattr(expected, "__sub__") or not hasattr(actual, "__sub__"):
            return bool(expected == actual)
        if not isinstance(expected, int | float) or not isinstance(actual, int | float):
            undecided("an approximation of other numbers")
        if expected == actual:
            return True
        if math.isinf(expected) or math.isinf(actual) or math.isnan(expected) or math.isnan(actual):
            return bool(self.nan_ok and math.isnan(expected) and math.isnan(actual))
        absolute = 1e-12 if self.abs is None else self.abs
        relative = (1e-6 if self.rel is None else self.rel) * abs(expected)
        return bool(abs(expected - actual) <= (absolute if self.abs is not None and self.rel is None
                                               else max(absolute, relative)))


class Fixture(Tool):
    """A fixture as its decorator leaves it."""

    def __init__(self, function: Any, name: str, scope: Any, params: Any, autouse: Any) -> None:
        self.function, self.name, self.scope, self.params, self.autouse = function, name, scope, params, autouse


class Mark(Tool):
    """One mark: as a decorator, and as what it says."""

    def __init__(self, name: str, args: tuple[Any, ...] = (), kwargs: Any = None) -> None:
        self.name, self.args, self.kwargs = name, args, kwargs or {}


class Marks(Tool):
    """`pytest.mark`."""

    def __getattr__(self, name: str) -> Any:
        return MarkMaker(name)


class MarkMaker(Tool):
    """A mark by its name, before it is given arguments."""

    args: tuple[Any, ...] = ()
    kwargs: Any = types.MappingProxyType({})

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and self.name != "parametrize" and callable(args[0]) \
                and not isinstance(args[0], Mark):
            return _Applied(self.name, (), {})(args[0])
        return _Applied(self.name, args, kwargs)

    @property
    def mark(self) -> Any:
        """Itself."""
        return _Applied(self.name, (), {})


class _Applied(Mark):
    def __call__(self, function: Any, *_: Any, **__: Any) -> Any:
        if is_interpreted(function):
            type.__setattr__(function, "_marks", [*vars(function).get("_marks", ()), self])
        elif isinstance(getattr(function, "__dict__", None), dict) and not isinstance(function, Fixture):
            function.__dict__["_marks"] = [*function.__dict__.get("_marks", ()), self]
        return function


class Row(Tool):
    """`pytest.param`."""

    def __init__(self, *values: Any, marks: Any = (), id: Any = None) -> None:  # noqa: A002
        self.values, self.marks = values, marks


class MonkeyPatch(Tool):
    """The fixture `monkeypatch`."""

    def __init__(self, machine: Pytests) -> None:
        self.machine = machine
        self.done: list[Any] = []
        machine.patching.append(self)

    def setattr(self, target: Any, name: Any, value: Any = ..., raising: Any = True) -> None:
        """Set an attribute for the test."""
        if isinstance(target, str):
            value = name
            target, name = self.machine.found(target)
        if target is UNKNOWN or name is UNKNOWN:
            undecided("a patch of something unknown")
        if type(name) is not str or not ops.is_changeable(target):
            undecided("a patch of something that is not the test's")
        if raising is True and self.machine._hasattr(target, name) is False:  # noqa: SLF001
            ops.throw(AttributeError(f"{target!r} has no attribute {name!r}"))
        own = vars(target) if hasattr(target, "__dict__") else {}
        old, had = own.get(name), name in own
        ops.set_attribute(target, name, value)
        if isinstance(target, type):
            self.done.append(lambda: type.__setattr__(target, name, old) if had else type.__delattr__(target, name))
        else:
            self.done.append(lambda: vars(target).__setitem__(name, old) if had else vars(target).pop(name, None))

    def delattr(self, target: Any, name: Any = ..., raising: Any = True) -> None:
        """Not followed."""
        undecided("monkeypatch.delattr")

    def setitem(self, target: Any, name: Any, value: Any) -> None:
        """Set an item for the test."""
        if not isinstance(target, dict):
            undecided()
        had, old = dict.__contains__(target, name), dict.get(target, name)
        dict.__setitem__(target, name, value)
        self.done.append(lambda: dict.__setitem__(target, name, old) if had else dict.pop(target, name, None))

    def delitem(self, target: Any, name: Any, raising: Any = True) -> None:
        """Delete an item for the test."""
        if not isinstance(target, dict):
            undecided()
        if dict.__contains__(target, name):
            old = dict.pop(target, name)
            self.done.append(lambda: dict.__setitem__(target, name, old))
        elif raising is True:
            ops.throw(KeyError(name))

    def setenv(self, name: Any, value: Any, prepend: Any = None) -> None:
        """Set a variable of the environment for the test."""
        if prepend is not None or name is UNKNOWN:
            undecided()
        self.setitem(self.machine.environment, name, value if value is UNKNOWN else str(value))

    def delenv(self, name: Any, raising: Any = True) -> None:
        """Delete a variable of the environment for the test."""
        if name in self.machine.environment:
            self.delitem(self.machine.environment, name)
        elif raising is True:
            ops.throw(KeyError(name))

    def chdir(self, path: Any) -> None:
        """Changes nothing that is known."""

    def syspath_prepend(self, path: Any) -> None:
        """Not followed."""
        undecided()

    def undo(self) -> None:
        """Put all back."""
        for step in reversed(self.done):
            step()
        self.done.clear()

    def context(self) -> Any:
        """Not followed."""
        undecided("monkeypatch.context")


class Case(unittest.TestCase):
    """`unittest.TestCase`, with messages that cost little."""

    _interpreted = OURS
    _diffThreshold = 0  # noqa: N815
    maxDiff = 0

    def runTest(self) -> None:  # noqa: N802 - the name of unittest's method
        """Nothing."""

    machine: Any = None

    def assertRaises(self, wanted: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override] # noqa: N802
        """Expect an exception."""
        kwargs.pop("msg", None)
        raises = Raises(self.machine, wanted, None, Info())
        if args:
            with raises:
                self.machine.apply(args[0], list(args[1:]), kwargs)
        return raises if not args else None

    def assertRaisesRegex(self, wanted: Any, match: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override] # noqa: N802
        """Expect an exception with a text."""
        raises = Raises(self.machine, wanted, match, Info())
        if args:
            with raises:
                self.machine.apply(args[0], list(args[1:]), kwargs)
        return raises if not args else None

    def assertLogs(self, *_: Any, **__: Any) -> Any:  # noqa: N802
        """Not followed."""
        undecided("assertLogs")

    assertNoLogs = assertWarns = assertWarnsRegex = assertLogs  # noqa: N815

    def assertMultiLineEqual(self, first: Any, second: Any, msg: Any = None) -> None:  # noqa: N802
        """Compare without a diff."""
        if first != second:
            raise self.failureException("texts differ")

    def assertSequenceEqual(self, first: Any, second: Any, msg: Any = None, seq_type: Any = None) -> None:  # noqa: N802
        """Compare without a diff."""
        if first != second:
            raise self.failureException("sequences differ")

    def assertDictEqual(self, first: Any, second: Any, msg: Any = None) -> None:  # noqa: N802
        """Compare without a diff."""
        if first != second:
            raise self.failureException("dicts differ")


class AsyncCase(Case):
    """`unittest.IsolatedAsyncioTestCase`."""


class Pytests(Doubles):
    """Gives interpreted code pytest and unittest."""

    def set_up(self) -> None:
        """Make the tables; called once."""
        super().set_up()
        self.names["pytest"] = {
            "raises": self._own(self._raises), "approx": self._own(Near), "fixture": self._own(self._fixture),
            "mark": Marks(), "param": self._own(Row), "fail": self._own(self._fail), "skip": self._own(self._skip),
            "MonkeyPatch": UNKNOWN, "importorskip": self._own(lambda *_, **__: UNKNOWN), "warns": UNKNOWN,
        }
        self.names["pytest_asyncio"] = {"fixture": self.names["pytest"]["fixture"]}
        self.names["unittest"].update(
            TestCase=type("TestCase", (Case,), {"machine": self}),
            IsolatedAsyncioTestCase=type("AsyncCase", (AsyncCase,), {"machine": self}),
            SkipTest=unittest.SkipTest, main=Harmless("main", None),
            skip=self._own(lambda *_: _Applied("skip", (), {})),
            skipIf=self._own(lambda test, *_: _Applied("skipif", (test,), {})),
            skipUnless=self._own(lambda test, *_: _Applied("skipif", (ops.unary(ast.Not, test),), {})),
            expectedFailure=self._own(_Applied("xfail", (), {})))

    def _raises(self, wanted: Any, *args: Any, match: Any = None, check: Any = None, **kwargs: Any) -> Any:
        if check is not None:
            undecided()
        raises = Raises(self, wanted, match, Info())
        if args:
            with raises:
                self.apply(args[0], list(args[1:]), kwargs)
        return raises if not args else raises.info

    def _fixture(self, function: Any = None, *, scope: Any = "function", params: Any = None, autouse: Any = False,
                 name: Any = None, ids: Any = None, **_: Any) -> Any:
        def make(made: Any) -> Any:
            return Fixture(made, name or getattr(made, "__name__", "?"), scope, params, autouse)

        if isinstance(function, str):
            undecided()
        return make(function) if function is not None else self._own(make)

    def _fail(self, reason: Any = "", *_: Any, **__: Any) -> None:
        raise Failed("pytest.fail")

    def _skip(self, *_: Any, **__: Any) -> None:
        raise Skipped("pytest.skip")


__all__ = ["AsyncCase", "Case", "Failed", "Fixture", "Library", "Mark", "MonkeyPatch", "Patcher", "Pytests", "Row",
           "Skipped"]
