"""`await` or `asyncio.run` on something that gives no awaitable."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.definitions import FunctionInfo, last_name, own_nodes
from bot.audit.references import Instance, function_of
from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.view import View

_RUNNERS = {"asyncio.run", "asyncio.create_task", "asyncio.ensure_future"}
_PLAIN_TYPES = {"int", "str", "bool", "float", "bytes", "dict", "list", "tuple", "set", "frozenset", "None"}


def gives_plain_value(function: FunctionInfo) -> bool:
    """Whether a function certainly gives something that cannot be awaited."""
    if (
        isinstance(function.node, ast.AsyncFunctionDef)
        or function.opaque
        or function.is_generator
        or function.is_property
    ):
        return False
    if function.decorators & {"contextmanager", "asynccontextmanager", "abstractmethod", "overload"}:
        return False
    annotation = function.node.returns
    if annotation is not None:
        named = "None" if isinstance(annotation, ast.Constant) and annotation.value is None else last_name(annotation)
        return named in _PLAIN_TYPES
    returns = [item.value for item in own_nodes(function.node) if isinstance(item, ast.Return)]
    plain = (
        ast.Constant
        | ast.Compare
        | ast.JoinedStr
        | ast.Dict
        | ast.List
        | ast.Tuple
        | ast.Set
        | ast.ListComp
        | ast.DictComp
    )
    ends = any(isinstance(item, ast.Raise) for item in function.node.body)
    return not ends and all(value is None or isinstance(value, plain) for value in returns)


def _look(context: Context, view: View) -> Iterator[Found]:
    for node in view.nodes:
        target: ast.expr | None = None
        if isinstance(node, ast.Await):
            target = node.value
        elif isinstance(node, ast.Call) and node.args and view.scope.dotted(node.func) in _RUNNERS:
            target = node.args[0]
        if (
            not isinstance(target, ast.Call)
            or view.under_raises(node, "TypeError")
            or context.predicts(view, "TypeError")
        ):
            continue
        function = function_of(view.scope.resolve(target.func))
        if function is not None and gives_plain_value(function):
            where = f"{function.module.source.path}:{function.node.lineno}"
            yield (
                node,
                (
                    f"`{said(node)}` awaits `def {function.qualname}` ({where}), which is not async and gives a "
                    "plain value"
                ),
            )
            continue
        made = view.scope.resolve(target)
        if (
            isinstance(made, Instance)
            and made.call is target
            and made.cls.closed
            and made.cls.method("__await__") is None
        ):
            where = f"{made.cls.module.source.path}:{made.cls.node.lineno}"
            yield (
                node,
                f"`{said(node)}` awaits an object of `class {made.cls.node.name}` ({where}), which has no `__await__`",
            )


RULE = Rule(
    id="await-on-sync",
    defect_class="await-on-sync",
    title="Something that is not async is awaited",
    rationale="Awaiting a plain value raises TypeError in the test itself. Such a failure says nothing about the code.",
    hint="Call it without `await`; make the test a plain function if nothing else in it is async.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import ready


def test_ready():
    assert ready() is True
""",
        implementation="""\
def ready():
    return True
""",
    ),
    bad=Example(
        test="""\
import pytest
from product.service import ready


@pytest.mark.asyncio
async def test_ready():
    assert await ready() is True
""",
        implementation="""\
def ready():
    return True
""",
    ),
)
