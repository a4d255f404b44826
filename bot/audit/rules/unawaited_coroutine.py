"""A coroutine of the code under test that is made and never awaited."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.checks import loads_of
from bot.audit.definitions import last_name
from bot.audit.references import Coroutine
from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.source import FunctionNode
from bot.audit.view import View

_LOOKING = {
    "bool",
    "len",
    "str",
    "repr",
    "print",
    "int",
    "float",
    "sorted",
    "any",
    "all",
    "assertTrue",
    "assertFalse",
    "assertEqual",
    "assertNotEqual",
    "assertIsNone",
    "assertIsNotNone",
    "assertIs",
    "assertIsNot",
    "assertIn",
    "assertNotIn",
    "assertGreater",
    "assertLess",
    "assertGreaterEqual",
    "assertLessEqual",
}
_COROUTINE_METHODS = {
    "close",
    "send",
    "throw",
    "cr_frame",
    "cr_running",
    "cr_await",
    "cr_code",
    "__await__",
    "__name__",
}


def _use(view: View, node: ast.AST) -> str:
    """How a coroutine's expression is used: `looked at` and `dropped` are wrong, empty is right or unknown."""
    parent = view.source.parents.get(node)
    if isinstance(parent, ast.Expr):
        return "dropped"
    if isinstance(parent, ast.Assert | ast.If | ast.While | ast.IfExp) and parent.test is node:
        return "looked at"
    if isinstance(parent, ast.UnaryOp | ast.BoolOp | ast.BinOp | ast.Compare | ast.FormattedValue):
        return "looked at"
    if isinstance(parent, ast.Subscript) and parent.value is node:
        return "looked at"
    if isinstance(parent, ast.Attribute) and parent.attr not in _COROUTINE_METHODS:
        return "looked at"
    if isinstance(parent, ast.For | ast.comprehension) and parent.iter is node:
        return "looked at"
    if isinstance(parent, ast.Call) and node in parent.args and last_name(parent.func) in _LOOKING:
        return "looked at"
    return ""


def _name_use(view: View, node: ast.AST, function: FunctionNode) -> str:
    parent = view.source.parents.get(node)
    if not (isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name)):
        return _use(view, node)
    loads = loads_of(function, parent.targets[0].id)
    after = [item for item in loads if item.lineno > parent.lineno]
    if not after:
        return "dropped" if not loads else ""
    return "looked at" if all(_use(view, item) for item in after) and len(after) == len(loads) else ""


def _look(context: Context, view: View) -> Iterator[Found]:
    for node in view.nodes:
        if not isinstance(node, ast.Call):
            continue
        made = view.scope.resolve(node)
        if not isinstance(made, Coroutine):
            continue
        if any(isinstance(item, ast.Lambda) for item in view.above(node)):
            continue
        inside = next((item for item in view.above(node) if isinstance(item, FunctionNode)), view.node)
        if any(
            last_name(manager.context_expr) in {"warns", "catch_warnings"}
            for item in view.above(node)
            if isinstance(item, ast.With)
            for manager in item.items
        ):
            continue
        use = _name_use(view, node, inside)
        if use:
            where = f"{made.function.module.source.path}:{made.function.node.lineno}"
            yield (
                node,
                (
                    f"`{said(node)}` calls `async def {made.function.qualname}` ({where}) and its coroutine is {use}, "
                    "never awaited: the code does not run"
                ),
            )


RULE = Rule(
    id="unawaited-coroutine",
    defect_class="unawaited-coroutine",
    title="A coroutine of the code under test is never awaited",
    rationale="Calling an `async def` runs nothing. A coroutine object is true, is not None, and fails every other "
    "comparison, so what the test says has nothing to do with the code.",
    hint="Make the test `async def` with the project's async marker and await the call, or run it with `asyncio.run`.",
    check=per_test(_look),
    good=Example(
        test="""\
import pytest
from product.service import Service


@pytest.mark.asyncio
async def test_ready():
    assert await Service().ready()
""",
        implementation="""\
class Service:
    async def ready(self):
        return True
""",
    ),
    bad=Example(
        test="""\
from product.service import Service


def test_ready():
    report = Service().ready()
    assert report
""",
        implementation="""\
class Service:
    async def ready(self):
        return True
""",
    ),
)
