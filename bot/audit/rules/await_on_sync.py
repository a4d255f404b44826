"""`await` or `asyncio.run` on something that gives no awaitable."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name, own_nodes
from bot.audit.reading.references import Instance, function_of
from bot.audit.reading.scope import Scope
from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.view import Body, View

_RUNNERS = {"asyncio.run", "asyncio.create_task", "asyncio.ensure_future", "asyncio.wait_for", "asyncio.shield"}
_LOOP_METHODS = {"run_until_complete", "create_task"}
_PLAIN_TYPES = {"int", "str", "bool", "float", "bytes", "dict", "list", "tuple", "set"} | {
    "frozenset",
    "List",
    "Dict",
}
_PLAIN_CALLS = {"len", "str", "int", "bool", "float", "dict", "list", "tuple", "set", "sorted", "sum", "round", "repr"}
_PLAIN_NODES = (
    ast.Constant | ast.Compare | ast.JoinedStr | ast.Dict | ast.List | ast.Tuple | ast.Set | ast.ListComp | ast.DictComp
)


def gives_plain_value(function: FunctionInfo) -> bool:
    """Whether a function certainly gives something that cannot be awaited."""
    if isinstance(function.node, ast.AsyncFunctionDef) or function.opaque or function.is_property:
        return False
    if function.is_generator:
        return not function.decorators
    if function.decorators & {"contextmanager", "asynccontextmanager", "abstractmethod", "overload"}:
        return False
    annotation = function.node.returns
    if annotation is not None:
        return _names_plain_type(function, annotation)
    if function.owner is not None and "Protocol" in {last_name(base) for base in function.owner.node.bases}:
        return False
    returns = [item.value for item in own_nodes(function.node) if isinstance(item, ast.Return)]
    ends = any(isinstance(item, ast.Raise) for item in function.node.body)
    return not ends and all(value is None or _is_plain(value) for value in returns)


def _names_plain_type(function: FunctionInfo, annotation: ast.expr) -> bool:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    if isinstance(annotation, ast.Constant):
        return annotation.value is None
    if isinstance(annotation, ast.BinOp):
        return _names_plain_type(function, annotation.left) and _names_plain_type(function, annotation.right)
    if isinstance(annotation, ast.Subscript) and last_name(annotation.value) == "Optional":
        return _names_plain_type(function, annotation.slice)
    if last_name(annotation) in _PLAIN_TYPES:
        return True
    found = function.module.program.lookup(function.module, annotation)
    return isinstance(found, ClassInfo) and found.closed and not _may_have(found, "__await__")


def _is_plain(value: ast.expr) -> bool:
    """Whether an expression certainly gives something that cannot be awaited."""
    if isinstance(value, ast.IfExp):
        return _is_plain(value.body) and _is_plain(value.orelse)
    if isinstance(value, ast.BoolOp):
        return all(_is_plain(item) for item in value.values)
    if isinstance(value, ast.UnaryOp):
        return isinstance(value.op, ast.Not)
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id in _PLAIN_CALLS
    return isinstance(value, _PLAIN_NODES)


def _targets(body: Body) -> Iterator[tuple[ast.AST, ast.expr]]:
    """What is awaited, or handed to something that awaits it."""
    for waiting in body.every(ast.Await):
        yield waiting, waiting.value
    for call in body.every(ast.Call):
        dotted, called = body.scope.dotted(call.func), last_name(call.func)
        if not call.args:
            continue
        if dotted in _RUNNERS or (called in _LOOP_METHODS and isinstance(call.func, ast.Attribute)):
            yield call, call.args[0]
        elif dotted == "asyncio.gather":
            for item in call.args:
                yield call, item


def _in_body(body: Body) -> Iterator[tuple[ast.AST, str]]:
    for node, target in _targets(body):
        if not isinstance(target, ast.Call) or body.under_raises(node, "TypeError", exactly=True):
            continue
        if why := _plain(body.scope, target):
            yield node, f"`{said(node)}` awaits {why}"
    taken = [("with", item.context_expr) for outer in body.every(ast.AsyncWith) for item in outer.items]
    taken += [("for", loop.iter) for loop in body.every(ast.AsyncFor)]
    taken += [("for", part.iter) for part in body.every(ast.comprehension) if part.is_async]
    for word, value in taken:
        why = _not_entered(body.scope, value, word)
        if why and not body.under_raises(value, "TypeError", "AttributeError", exactly=True):
            yield value, f"`async {word} {said(value)}` takes {why}"


def _plain(scope: Scope, target: ast.Call) -> str:
    """What a call gives that cannot be awaited, in words; empty when it may."""
    function = function_of(scope.resolve(target.func))
    if function is not None and gives_plain_value(function):
        return f"`def {function.qualname}` ({function.place}), which is not async and gives a plain value"
    made = scope.resolve(target)
    if isinstance(made, Instance) and made.call is target and made.cls.closed and not made.cls.method("__await__"):
        return f"an object of `class {made.cls.node.name}` ({_place(made.cls)}), which has no `__await__`"
    return ""


def _not_entered(scope: Scope, value: ast.expr, word: str) -> str:
    """What `async with` or `async for` cannot take, in words."""
    called = scope.resolve(value.func) if isinstance(value, ast.Call) else None
    function = function_of(called)
    needed = "__aenter__" if word == "with" else "__aiter__"
    if function is not None and isinstance(function.node, ast.FunctionDef) and not _says_it_has(function, needed):
        manager = function.decorators == {"contextmanager"} and word == "with"
        generator = function.is_generator and not function.decorators and word == "for"
        if manager or generator or gives_plain_value(function):
            return f"`def {function.qualname}` ({function.place}), which is not async"
    made = scope.resolve(value)
    if isinstance(made, Instance) and made.call is not None and made.cls.closed and not _may_have(made.cls, needed):
        return f"an object of `class {made.cls.node.name}` ({_place(made.cls)}), which has no `{needed}`"
    return ""


def _says_it_has(function: FunctionInfo, needed: str) -> bool:
    """Whether a function's annotation names a class with such a method."""
    found = Scope.of(function.module.program, function.module).annotated(function.node.returns)
    return isinstance(found, Instance) and _may_have(found.cls, needed)


def _may_have(cls: ClassInfo, name: str) -> bool:
    return any(name in item.members for item in cls.order)


def _place(cls: ClassInfo) -> str:
    return f"{cls.module.source.path}:{cls.node.lineno}"


def _look(context: Context, view: View) -> Iterator[Found]:
    if not context.predicts(view, "TypeError"):
        yield from view.found("await-on-sync", _in_body)


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
