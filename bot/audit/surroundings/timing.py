"""Where a test reads the wall clock, and which of its values are moments or measured times."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every
from bot.audit.reading.source import FunctionNode
from bot.audit.view import View

__all__ = ["SLEEPS", "Measured", "fakes_time", "inner_functions", "is_clock"]

_CLOCKS = frozenset(
    {
        "time.time",
        "time.monotonic",
        "time.perf_counter",
        "time.time_ns",
        "time.monotonic_ns",
        "time.perf_counter_ns",
        "timeit.default_timer",
        "anyio.current_time",
        "trio.current_time",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
    }
)
SLEEPS = frozenset({"time.sleep", "asyncio.sleep", "anyio.sleep", "trio.sleep", "gevent.sleep", "eventlet.sleep"})
_KEEP = {
    "max",
    "min",
    "sum",
    "abs",
    "round",
    "float",
    "int",
    "sorted",
    "list",
    "tuple",
    "total_seconds",
    "mean",
    "median",
    "stdev",
    "fmean",
    "pop",
    "popleft",
    "append",
    "get",
    "zip",
    "reversed",
    "enumerate",
    "diff",
}
_FAKED = {"time", "monotonic", "perf_counter", "sleep", "now", "utcnow", "datetime"}
_FAKERS = ("freezegun", "time_machine", "pytest_freezer", "looptime", "aiotools")
_FAKE_ARGUMENTS = {"freezer", "time_machine", "autojump_clock", "mock_clock", "looptime", "frozen_time"}


def is_clock(view: View, call: ast.Call) -> bool:
    """Whether a call reads the real clock."""
    if view.bare_scope.dotted(call.func) in _CLOCKS:
        return True
    return isinstance(call.func, ast.Attribute) and call.func.attr == "time" and "loop" in last_name(call.func.value)


def fakes_time(view: View) -> bool:
    """Whether a test replaces the clock or the sleep that it reads."""
    if view.replaced & _FAKED or any(name.startswith(_FAKERS) for name in view.reach.external):
        return True
    return any(item.arg in _FAKE_ARGUMENTS for item in view.node.args.args)


@dataclass(eq=False)
class Measured:
    """The names of a test that hold moments of the wall clock (`start`) and measured times (`elapsed`)."""

    view: View
    moments: set[str] = field(default_factory=set)
    times: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if not any(is_clock(self.view, call) for call in self.view.calls):
            return
        bound = list(self._bound())
        for _ in range(4):
            for name, value in bound:
                if self.is_time(value):
                    self.times.add(name)
                elif self._is_moment(value):
                    self.moments.add(name)

    def __bool__(self) -> bool:
        return bool(self.moments or self.times)

    def _bound(self) -> Iterator[tuple[str, ast.expr]]:
        """What gives names their values: assignments, loops, lists that are filled, functions inside the test."""
        view = self.view
        for assign in view.every(ast.Assign):
            for target in assign.targets:
                yield from _pairs(target, assign.value)
        for added in view.every(ast.AugAssign):
            yield from _pairs(added.target, added.value)
        for loop in view.every(ast.For):
            yield from _pairs(loop.target, loop.iter)
        for part in view.every(ast.comprehension):
            yield from _pairs(part.target, part.iter)
        for call in view.calls:
            fills = isinstance(call.func, ast.Attribute) and call.func.attr in {"append", "add", "put"} and call.args
            if fills and isinstance(call.func, ast.Attribute) and (root := _root(call.func.value)):
                yield root, call.args[0]
        for inner in inner_functions(view):
            for item in every(inner, ast.Return):
                if item.value is not None:
                    yield inner.name, item.value

    def is_time(self, node: ast.expr) -> bool:
        """Whether a value is a measured time, or made of some."""
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, ast.Sub) and self._is_moment(node.left) and self._is_moment(node.right):
                return True
            return self.is_time(node.left) or self.is_time(node.right)
        return self._made_of(node, self.times, self.is_time)

    def _is_moment(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Call) and is_clock(self.view, node):
            return True
        if isinstance(node, ast.BinOp):
            return self._is_moment(node.left) and not self._is_moment(node.right)
        return self._made_of(node, self.moments, self._is_moment)

    def _made_of(self, node: ast.expr, names: set[str], same: Callable[[ast.expr], bool]) -> bool:
        if isinstance(node, ast.Name):
            return node.id in names
        if isinstance(node, ast.Await | ast.Starred | ast.NamedExpr | ast.Subscript):
            return same(node.value)
        if isinstance(node, ast.UnaryOp):
            return same(node.operand)
        if isinstance(node, ast.List | ast.Tuple):
            return any(same(item) for item in node.elts)
        if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
            return same(node.elt)
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in names:
                return True
            if last_name(node.func) in _KEEP:
                owner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
                return any(same(item) for item in (*node.args, *owner))
        return False


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """The names in a target, each with its part of the value where both are written as tuples."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for one, part in zip(target.elts, value.elts, strict=True):
            yield from _pairs(one, part)
    else:
        for name in every(target, ast.Name):
            yield name.id, value


def inner_functions(view: View) -> tuple[FunctionNode, ...]:
    """The functions defined inside a test."""
    return (*view.every(ast.FunctionDef), *view.every(ast.AsyncFunctionDef))
