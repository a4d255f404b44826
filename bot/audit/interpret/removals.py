"""The places of a function that carry a behaviour of their own, each with the way to take just that away."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.audit.interpret.changes import copied
from bot.audit.interpret.features import Kind, Removable, features
from bot.audit.interpret.frames import Code
from bot.audit.reading.definitions import last_name

_NESTED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_HEAPS = {"heappush": "append", "heappop": "pop"}
_MOST_GUARDED = 4


@dataclass(frozen=True, eq=False)
class Place:
    """One place: where, what it is for, and the nodes whose names tell what it is about. `at` counts them.

    `part`: it is one of several conditions of `node`, which is a place of its own.
    """

    function: Code
    at: int
    kind: Kind
    node: ast.AST
    about: tuple[ast.AST, ...]
    part: bool = False


def places(function: Code) -> list[Place]:
    """The places of a function, in the order of the text; none in functions inside it."""
    if isinstance(function, ast.Lambda):
        return []
    return [Place(function, at, item[0], item[1], item[2], item[4]) for at, item in enumerate(_all(function))]


def without(taken: Sequence[Place]) -> Mapping[ast.AST, Code]:
    """The functions of some places, each with all of its own ones taken away."""
    made: dict[ast.AST, Code] = {}
    for function in {place.function: None for place in taken}:
        copy = copied(function)
        found = list(_all(copy))
        for place in taken:
            if place.function is function:
                found[place.at][3]()
        made[function] = ast.fix_missing_locations(copy)
    return made


def reaching(place: Place) -> Mapping[ast.AST, Code]:
    """The function of a place, which raises where the place is: a test that reaches it then fails."""
    copy = copied(place.function)
    node = list(_all(copy))[place.at][1]
    stop = ast.Raise(ast.Call(ast.Name("BaseException", ast.Load()), [], []), None)  # few handlers take it
    for item in ast.walk(copy):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(item, name, None)
            if not isinstance(block, list):
                continue
            for at, statement in enumerate(block):
                if any(inner is node for inner in _own(statement)):
                    block[at] = stop
                    return {place.function: ast.fix_missing_locations(copy)}
    return {place.function: ast.fix_missing_locations(copy)}


def _own(statement: ast.AST) -> Iterator[ast.AST]:
    """A statement and its expressions, without the statements in it."""
    yield statement
    for item in ast.iter_child_nodes(statement):
        if not isinstance(item, ast.stmt | ast.excepthandler):
            yield from _own(item)


def _all(function: Any) -> Iterator[Removable]:
    yield from ((*item, False) for item in _removable(function))
    yield from features(function)


_Found = tuple[Kind, ast.AST, tuple[ast.AST, ...], Callable[[], None]]


def _removable(function: Any) -> Iterator[_Found]:
    stack: list[Any] = list(reversed(function.body))
    while stack:
        item = stack.pop()
        if isinstance(item, _NESTED):
            continue
        if isinstance(item, _COMPREHENSIONS):
            yield from _filters(item)
        elif isinstance(item, ast.Try):
            for handler in item.handlers:
                if not isinstance(handler.body[-1], ast.Raise):
                    yield "survives", handler, (handler,), _setter(handler, "body", [ast.Raise(None, None)])
        elif isinstance(item, ast.Return) and isinstance(item.value, ast.Compare | ast.BoolOp):
            yield "decides", item, (item.value,), _setter(item, "value", ast.Constant(True))
        elif isinstance(item, ast.IfExp):
            yield "does", item, (item.test, item.body), _setter(item, "test", ast.Constant(False))
        elif isinstance(item, ast.Call):
            yield from _calls(item)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(item, name, None)
            yield from _block(block if isinstance(block, list) else [])
        stack.extend(reversed(list(ast.iter_child_nodes(item))))
    yield from _block(function.body)


def _setter(item: Any, name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(item, name, value)


def _block(block: list[ast.stmt]) -> Iterator[_Found]:
    for at, statement in enumerate(block):
        if isinstance(statement, ast.If):
            yield from _branch(statement, block[at + 1 :])
        yield from _statement(block, at, statement)


def _branch(item: ast.If, after: list[ast.stmt]) -> Iterator[_Found]:
    about, otherwise = (item.test, *item.body[:_MOST_GUARDED]), item.orelse or after
    if _gives(item.body, True) and (_gives(otherwise, False) or (otherwise and _kind(otherwise[:1]) == "rejects")):
        yield "decides", item, about, _setter(item, "test", ast.Constant(True))
        return  # what it says yes to is not what it turns away
    yield _kind(item.body), item, about, _setter(item, "test", ast.Constant(False))
    if item.orelse and _kind(item.orelse) != "does":
        orelse = tuple(item.orelse[:_MOST_GUARDED])
        yield _kind(item.orelse), item, (item.test, *orelse), _setter(item, "test", ast.Constant(True))


def _gives(body: list[ast.stmt], value: bool) -> bool:
    last = body[-1] if body else None
    return isinstance(last, ast.Return) and isinstance(last.value, ast.Constant) and last.value.value is value


def _kind(body: list[ast.stmt]) -> Kind:
    last = body[-1]
    return "rejects" if isinstance(last, ast.Raise) else "skips" if isinstance(last, ast.Continue | ast.Break) else \
        "answers" if isinstance(last, ast.Return) else "does"


def _filters(item: Any) -> Iterator[_Found]:
    for part in item.generators:
        if part.ifs:
            yield "skips", item, tuple(part.ifs), _setter(part, "ifs", [])


def _calls(item: ast.Call) -> Iterator[_Found]:
    name = last_name(item.func)
    if name == "filter" and isinstance(item.func, ast.Name) and len(item.args) == 2:
        yield "skips", item, (item.args[0],), _becomes(item, "list", item.args[1])
    elif name == "sorted" and isinstance(item.func, ast.Name) and item.args:
        yield "orders", item, (item,), _becomes(item, "list", item.args[0])
    elif name in {"min", "max"} and isinstance(item.func, ast.Name) and len(item.args) == 2 and not item.keywords:
        for one, other in ((0, 1), (1, 0)):
            if isinstance(item.args[one], ast.Attribute | ast.Name | ast.Constant):
                yield "limits", item, (item.args[one],), _setter(item, "args", [item.args[other], item.args[other]])
    elif name in _HEAPS and item.args:
        rest: list[ast.expr] = item.args[1:] or [ast.Constant(0)]
        yield "orders", item, (item,), _as_method(item, item.args[0], _HEAPS[name], rest)


def _becomes(item: ast.Call, name: str, value: ast.expr) -> Callable[[], None]:
    def change() -> None:
        item.func, item.args, item.keywords = ast.Name(name, ast.Load()), [value], []

    return change


def _as_method(item: ast.Call, owner: ast.expr, name: str, args: list[ast.expr]) -> Callable[[], None]:
    def change() -> None:
        item.func, item.args, item.keywords = ast.Attribute(owner, name, ast.Load()), args, []

    return change


def _statement(block: list[ast.stmt], at: int, statement: ast.stmt) -> Iterator[_Found]:
    value = statement.value if isinstance(statement, ast.Expr) else None
    call = value.value if isinstance(value, ast.Await) else value
    if isinstance(call, ast.Call):
        kind: Kind = "orders" if last_name(call.func) in {"sort", "reverse"} else "does"
        if last_name(call.func) not in _HEAPS:
            yield kind, statement, (statement,), lambda: block.__setitem__(at, ast.Pass())
