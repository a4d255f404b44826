"""Fixtures: which there are for a test, their parameters, and setting them up."""

from __future__ import annotations

import itertools
from pathlib import PurePosixPath
from typing import Any

from bot.audit.interpret import loop, ops
from bot.audit.interpret.frames import inner_of, shape_of
from bot.audit.interpret.pytests import Fixture, MonkeyPatch, Pytests, Row
from bot.audit.interpret.values import UNKNOWN, AsyncItems, Task, Tool, is_interpreted, undecided
from bot.audit.reading.program import ModuleInfo

MOST_ROWS = 12
_SCOPES = {"session": 0, "package": 1, "module": 2, "class": 3, "function": 4}


class Request(Tool):
    """The fixture `request`."""

    def __init__(self, setting: Setting, param: Any) -> None:
        self.setting, self.param = setting, param

    def getfixturevalue(self, name: Any) -> Any:
        """A fixture by its name."""
        return self.setting.get(name) if type(name) is str else UNKNOWN

    def addfinalizer(self, function: Any) -> None:
        """Call it after the test."""
        self.setting.ends.append(lambda: self.setting.machine.apply(function, [], {}))

    def __getattr__(self, name: str) -> Any:
        return UNKNOWN


class Setting:
    """What one run of a test gets."""

    def __init__(self, machine: Pytests, layers: list[dict[str, Fixture]], instance: Any,
                 given: dict[str, Any]) -> None:
        self.machine, self.layers, self.instance = machine, layers, instance
        self.params = {name[1:]: value for name, value in given.items() if name.startswith("\0")}
        self.made: dict[Any, Any] = {name: value for name, value in given.items() if not name.startswith("\0")}
        self.ends: list[Any] = []

    def get(self, name: str, below: int = 0) -> Any:
        """The value of a fixture."""
        if below == 0 and name in self.made:
            return self.made[name]
        for at, layer in enumerate(self.layers[below:], start=below):
            if name in layer:
                if (name, at) not in self.made:
                    self.made[name, at] = self._set_up(layer[name], name, at)
                return self.made[name, at]
        if name == "monkeypatch":
            patch = self.made["monkeypatch"] = MonkeyPatch(self.machine)
            self.ends.append(patch.undo)
            return patch
        return UNKNOWN

    def _set_up(self, fixture: Fixture, name: str, at: int) -> Any:
        function = fixture.function
        if function is UNKNOWN:
            return UNKNOWN
        inner = inner_of(getattr(function, "__func__", function))
        if inner is None:
            undecided("a fixture that is no plain function")
        kwargs: dict[str, Any] = {}
        args: list[Any] = []
        wanted = list(needed(inner))
        if inner.frame.kind == "class" and wanted and not isinstance(function, staticmethod):
            args.append(self.instance)
            wanted = wanted[1:]
        for item in wanted:
            if item == "request":
                kwargs[item] = Request(self, self.params.get(name, UNKNOWN))
            else:
                kwargs[item] = self.get(item, at + 1 if item == name else 0)
        made = self.machine.apply(function, args, kwargs)
        if isinstance(made, Task):
            return loop.run(self.machine.current_loop(), made)
        if isinstance(made, AsyncItems):
            value = loop.run(self.machine.current_loop(), made.__anext__())
            self.ends.append(lambda: self._end_async(made))
            return value
        if shape_of(inner.node).yields:
            value = next(made)
            self.ends.append(lambda: next(made, None))
            return value
        return made

    def _end_async(self, made: AsyncItems) -> None:
        try:
            loop.run(self.machine.current_loop(), made.__anext__())
        except StopAsyncIteration:
            return

    def end(self) -> None:
        """Tear all down, the last first."""
        while self.ends:
            self.ends.pop()()


def needed(inner: Any) -> tuple[str, ...]:
    """The arguments of a function that have no default."""
    shape = shape_of(inner.node)
    last = len(shape.positional) - len(inner.defaults)
    return (*shape.positional[:last], *(name for name in shape.keyword_only if name not in inner.keyword_defaults))


def layers_of(machine: Pytests, info: ModuleInfo, cls: Any) -> list[dict[str, Fixture]]:
    """The fixtures that a test can ask for, nearest first: of its class, its module, and each conftest above."""
    found = []
    if isinstance(cls, type):
        names: dict[str, Any] = {}
        for item in reversed(cls.__mro__):
            names.update(vars(item) if is_interpreted(item) else {})
        found.append(_fixtures(names))
    found.append(_fixtures(machine.module(info).__dict__))
    folder = PurePosixPath(info.source.path).parent
    near = [item for item in machine.program.conftests if folder.is_relative_to(PurePosixPath(item.source.path).parent)]
    near.sort(key=lambda item: -len(PurePosixPath(item.source.path).parts))
    found += [_fixtures(machine.module(conftest).__dict__) for conftest in near]
    return found


def _fixtures(names: Any) -> dict[str, Fixture]:
    return {(value.name if value.name != "?" else name): value for name, value in names.items()
            if isinstance(value, Fixture) and type(value.name) is str}


def autouse(layers: list[dict[str, Fixture]]) -> list[str]:
    """The fixtures that every test gets, those of a wider scope first."""
    found = [(name, item) for layer in reversed(layers) for name, item in layer.items() if item.autouse]
    scopes = {id(item): _SCOPES.get(item.scope, 4) if type(item.scope) is str else 4 for _, item in found}
    return [name for name, item in sorted(found, key=lambda pair: scopes[id(pair[1])])]


def rows_of(marks: list[Any], names: list[str], layers: list[dict[str, Fixture]]) -> list[dict[str, Any]]:
    """The parameter sets of a test, those of its fixtures included (under the name with a zero byte before it)."""
    axes: list[list[dict[str, Any]]] = []
    for mark in marks:
        if mark.name == "parametrize":
            axes.append(_axis(mark))  # noqa: PERF401
    given = {name for axis in axes for row in axis for name in row}
    waiting, seen = list(names), set(given)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        fixture = next((layer[name] for layer in layers if name in layer), None)
        if fixture is None:
            continue
        if fixture.params is not None:
            if fixture.params is UNKNOWN:
                undecided()
            axes.append([{f"\0{name}": item.values[0] if isinstance(item, Row) else item}
                         for item in ops.listed(fixture.params)])
        inner = inner_of(fixture.function)
        waiting += needed(inner) if inner is not None else ()
    rows = []
    for combination in itertools.islice(itertools.product(*axes), MOST_ROWS + 1):
        rows.append({name: value for part in combination for name, value in part.items()})  # noqa: PERF401
    return rows


def _axis(mark: Any) -> list[dict[str, Any]]:
    names, values = (*mark.args, None, None)[:2]
    names = mark.kwargs.get("argnames", names)
    values = mark.kwargs.get("argvalues", values)
    if names is UNKNOWN or values is UNKNOWN or mark.kwargs.get("indirect"):
        undecided("parameters that are unknown")
    split = [part.strip() for part in names.split(",") if part.strip()] if isinstance(names, str) else ops.listed(names)
    if any(type(name) is not str for name in split):
        undecided("parameters that have no names")
    found = []
    for value in ops.listed(values):
        if isinstance(value, Row):
            if value.marks:
                undecided("parameters with marks")
            items: Any = value.values
        elif isinstance(names, str) and len(split) == 1 and "," not in names:
            items = (value,)
        else:
            items = [UNKNOWN] * len(split) if value is UNKNOWN else tuple(ops.listed(value))
        if len(items) != len(split):
            undecided("parameters that do not fit")
        found.append(dict(zip(split, items, strict=True)))
    return found
