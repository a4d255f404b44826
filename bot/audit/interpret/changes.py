"""Small changes of a function's syntax tree, to see whether a test notices them."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any

from bot.audit.interpret.frames import Code, shape_of

MOST_CHANGES = 101
"""Changes of one function that are made at most; whoever needs all of them takes fewer."""
_FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}
_OWN = {"_shape", "_suspends", "_flat", "_place"}


def hollows(node: Code) -> Iterator[Code]:
    """The function without its behaviour: it gives None, and it gives a value that nobody expects."""
    if isinstance(node, ast.Lambda):
        return
    for value in (None, "changed"):
        made = copied(node)
        last: list[ast.stmt] = [ast.Return(ast.Constant(value))]
        if shape_of(node).yields:
            if value is not None:
                continue
            last = [ast.Return(None), ast.Expr(ast.Yield(None))]
        made.body = last
        yield ast.fix_missing_locations(made)


def raising(node: Code) -> Iterator[Code]:
    """The function as one that raises."""
    if not isinstance(node, ast.Lambda):
        made = copied(node)
        error = ast.Call(ast.Name("RuntimeError", ast.Load()), [ast.Constant("changed")], [])
        made.body = [ast.Raise(error, None), *([ast.Expr(ast.Yield(None))] if shape_of(node).yields else [])]
        yield ast.fix_missing_locations(made)


def small_changes(node: Code) -> Iterator[Code]:
    """The function with one comparison, constant, condition, statement or result changed, in the order of the text."""
    if isinstance(node, ast.Lambda):
        return
    count = len(list(_places(node)))
    for at in range(min(count, MOST_CHANGES)):
        made = copied(node)
        change = list(_places(made))[at]
        change()
        yield ast.fix_missing_locations(made)


def copied(node: Any) -> Any:
    """A deep copy of a tree without what other parts noted on the nodes."""
    made = copy.copy(node)
    for name in _OWN:
        made.__dict__.pop(name, None)
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            setattr(made, name, copied(value))
        elif isinstance(value, list):
            setattr(made, name, [copied(item) if isinstance(item, ast.AST) else item for item in value])
    return made


def _places(node: Any) -> Iterator[Callable[[], None]]:
    """What can be changed in a function, each as the step that does it."""
    stack: list[Any] = list(reversed(node.body))
    while stack:
        item = stack.pop()
        if isinstance(item, ast.Compare) and type(item.ops[0]) in _FLIPPED:
            yield lambda item=item: item.ops.__setitem__(0, _FLIPPED[type(item.ops[0])]())  # type: ignore[misc]
        elif isinstance(item, ast.Constant) and not isinstance(item.value, bytes) and item.value not in (None, ...):
            yield lambda item=item: setattr(item, "value", _other(item.value))  # type: ignore[misc]
        elif isinstance(item, ast.If | ast.While):
            yield lambda item=item: setattr(item, "test", ast.UnaryOp(ast.Not(), item.test))  # type: ignore[misc]
        elif isinstance(item, ast.Return) and item.value is not None:
            yield lambda item=item: setattr(item, "value", ast.Constant(None))  # type: ignore[misc]
        for name in ("body", "orelse", "finalbody"):
            block = getattr(item, name, None)
            for at, statement in enumerate(block if isinstance(block, list) else []):
                if isinstance(statement, ast.Assign | ast.AugAssign | ast.Expr | ast.Raise):
                    yield lambda block=block, at=at: block.__setitem__(at, ast.Pass())  # type: ignore[misc]
        if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.JoinedStr):
            stack.extend(reversed(list(ast.iter_child_nodes(item))))


def _other(value: object) -> object:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else f"{value}x" if isinstance(value, str) else value
