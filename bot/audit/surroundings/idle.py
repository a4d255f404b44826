"""Fixtures that prepare a failure and that a test asks for and hands to nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.reading.bindings import fixture_name
from bot.audit.reading.checks import MOCKS
from bot.audit.reading.definitions import last_name
from bot.audit.reading.source import FunctionNode
from bot.audit.surroundings.happening import is_error, root_of
from bot.audit.view import View


def unused_fixtures(view: View) -> Iterator[tuple[ast.AST, str]]:
    """The fixtures that a test asks for, that only make a mock which raises, and that it hands to nothing."""
    loaded = {item.id for item in view.names if isinstance(item.ctx, ast.Load)}
    wanted = [item for item in (*view.node.args.args, *view.node.args.kwonlyargs) if item.arg not in loaded]
    for argument in wanted:
        for body in view.helpers:
            asked = fixture_name(body.node) == argument.arg and not _wanted_beside(view, argument.arg)
            if asked and _only_makes(body.node):
                yield argument, (f"the fixture `{argument.arg}` gives a double that raises, and the test hands it to "
                                 "nothing: the code under test never meets it")
                break


def _wanted_beside(view: View, name: str) -> bool:
    """Whether another fixture of the test asks for that fixture."""
    return any(name in {item.arg for item in body.node.args.args} for body in view.helpers)


def _only_makes(function: FunctionNode) -> bool:
    """Whether a fixture makes a mock, tells it to raise and gives it, and does nothing else."""
    body = [item for item in function.body if not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))]
    if not body or function.args.args:
        return False
    first, given = body[0], _given_back(body[-1])
    if isinstance(given, ast.Call) and len(body) == 1:
        return last_name(given.func) in MOCKS and any(
            word.arg == "side_effect" and is_error(word.value) for word in given.keywords
        )
    made = first.value if isinstance(first, ast.Assign) else None
    if not (isinstance(first, ast.Assign) and isinstance(made, ast.Call) and last_name(made.func) in MOCKS):
        return False
    name = first.targets[0]
    if not (isinstance(name, ast.Name) and isinstance(given, ast.Name) and given.id == name.id):
        return False
    tells = [item for item in body[1:-1] if isinstance(item, ast.Assign) and root_of(item.targets[0]) == name.id]
    return len(tells) == len(body) - 2 and any(
        isinstance(target := item.targets[0], ast.Attribute) and target.attr == "side_effect" and is_error(item.value)
        for item in tells
    )


def _given_back(statement: ast.stmt) -> ast.expr | None:
    if isinstance(statement, ast.Return):
        return statement.value
    inner = statement.value if isinstance(statement, ast.Expr) else None
    return inner.value if isinstance(inner, ast.Yield) else None
