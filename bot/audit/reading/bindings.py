"""How the local names of a function are bound, and what fixtures and parametrisation give."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every, own_nodes
from bot.audit.reading.source import FunctionNode

_OUTSIDE = (ast.Global, ast.Nonlocal)
_BINDING = frozenset({
    ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.AugAssign, ast.For, ast.AsyncFor, ast.comprehension, ast.withitem,
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.alias, ast.ExceptHandler, ast.MatchAs, ast.MatchStar,
})
"""All kinds of nodes that `_bound_by` knows."""


def fixture_name(node: FunctionNode) -> str:
    """The name under which a function is a fixture; empty when it is none."""
    for decorator in node.decorator_list:
        if last_name(decorator) == "fixture":
            for keyword in decorator.keywords if isinstance(decorator, ast.Call) else []:
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    return str(keyword.value.value)
            return node.name
    return ""


def is_static(node: FunctionNode) -> bool:
    """Whether a function in a class is given no object of it."""
    return any(last_name(item) == "staticmethod" for item in node.decorator_list)


def parametrized(node: FunctionNode | ast.ClassDef) -> frozenset[str]:
    """The argument names that `pytest.mark.parametrize` fills."""
    names: set[str] = set()
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and last_name(decorator) == "parametrize" and decorator.args:
            for item in every(decorator.args[0], ast.Constant):
                if isinstance(item.value, str):
                    names.update(part.strip() for part in item.value.split(","))
    return frozenset(names)


def bindings_of(function: FunctionNode) -> dict[str, list[tuple[str, ast.AST]]]:
    """For each local name, how it is bound and by which node.

    How: parameter, value, with, def, import, unknown; `part` is one element of what is unpacked, as `value[at]`.
    """
    found: dict[str, list[tuple[str, ast.AST]]] = {}
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [item for item in (arguments.vararg, arguments.kwarg) if item]
    for argument in every:
        found.setdefault(argument.arg, []).append(("parameter", argument))
    outside: set[str] = set()
    for node in own_nodes(function):
        if isinstance(node, _OUTSIDE):
            outside.update(node.names)
        elif type(node) in _BINDING:
            for name, kind, value in _bound_by(node):
                found.setdefault(name, []).append((kind, value))
    for name in outside:
        found[name] = [("unknown", function)]
    return found


def _bound_by(node: ast.AST) -> Iterator[tuple[str, str, ast.AST]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _target(target, node.value)
    elif (isinstance(node, ast.AnnAssign) and node.value is not None) or isinstance(node, ast.NamedExpr):
        yield from _target(node.target, node.value)
    elif isinstance(node, ast.AugAssign | ast.For | ast.AsyncFor | ast.comprehension):
        for item in every(node.target, ast.Name):
            if not isinstance(item.ctx, ast.Load):  # `basket.count += 1` does not bind `basket`
                yield item.id, "unknown", node
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        if isinstance(node.optional_vars, ast.Name):
            yield node.optional_vars.id, "with", node.context_expr
        else:
            yield from _target(node.optional_vars, None)
    elif isinstance(node, FunctionNode | ast.ClassDef):
        yield node.name, "def", node
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.split(".")[0], "import", node
    elif (isinstance(node, ast.ExceptHandler) and node.name) or (
        isinstance(node, ast.MatchAs | ast.MatchStar) and node.name
    ):
        yield node.name, "unknown", node


def _starred(target: ast.Tuple | ast.List) -> bool:
    return any(isinstance(item, ast.Starred) for item in target.elts)


def _target(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[str, str, ast.AST]]:
    if isinstance(target, ast.Name):
        yield (target.id, "value", value) if value is not None else (target.id, "unknown", target)
    elif isinstance(target, ast.Tuple | ast.List):
        values: list[ast.expr | None] = [None] * len(target.elts)
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            values = list(value.elts)
        for at, (item, part) in enumerate(zip(target.elts, values, strict=True)):
            if part is None and value is not None and isinstance(item, ast.Name) and not _starred(target):
                yield item.id, "part", ast.copy_location(ast.Subscript(value, ast.Constant(at), ast.Load()), value)
                continue
            yield from _target(item, part if not isinstance(item, ast.Starred) else None)
    elif isinstance(target, ast.Starred):
        yield from _target(target.value, None)
