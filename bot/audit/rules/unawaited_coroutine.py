"""A coroutine of the code under test that is made and never awaited."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.reading.bindings import fixture_name
from bot.audit.reading.checks import raises_names
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every, parent_of
from bot.audit.reading.references import Coroutine, Instance, function_of
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.view import Body, View

_LOOKING = {
    *("bool", "len", "str", "repr", "print", "int", "float", "sorted", "any", "all", "max", "min", "sum", "json.dumps"),
    *("assertTrue", "assertFalse", "assertEqual", "assertNotEqual", "assertIsNone", "assertIsNotNone", "assertIs"),
    *("assertIsNot", "assertIn", "assertNotIn", "assertGreater", "assertLess", "assertGreaterEqual", "assertLessEqual"),
    *("assertAlmostEqual", "assertDictEqual", "assertListEqual", "hasattr", "isinstance", "assertIsInstance", "approx"),
}
_WRAPPERS = {"asyncio.wait_for"}
"""Coroutine functions of the library that run nothing until they are awaited themselves."""
_COLLECTING = {"list", "tuple", "set", "dict", "reversed", "enumerate", "zip"}
_COROUTINE_TYPES = {"Coroutine", "Awaitable", "CoroutineType"}
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
    "__class__",
}
_MOST_STEPS = 60


class _Uses:
    """Where a coroutine's value goes: `looked at` and `dropped` are wrong, empty is right or unknown."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.seen: set[tuple[str, int]] = set()
        self.steps = 0

    def of(self, node: ast.AST, inside: bool = False) -> str:
        """How a value is used; `inside` for one that holds the coroutine, a list say, and is not it."""
        self.steps += 1
        parent = parent_of(node)
        if parent is None or self.steps > _MOST_STEPS:
            return ""
        if isinstance(parent, ast.Expr):
            return "dropped"
        if isinstance(parent, ast.Assert | ast.If | ast.While | ast.IfExp) and parent.test is node:
            return "looked at"
        if isinstance(parent, ast.BoolOp | ast.IfExp):
            return self.of(parent, inside)
        if isinstance(parent, ast.BinOp):
            return self.of(parent, inside) if inside else "looked at"
        if isinstance(parent, ast.UnaryOp | ast.Compare | ast.FormattedValue):
            return "looked at"
        if isinstance(parent, ast.Tuple | ast.List | ast.Set | ast.Dict):
            if isinstance(parent, ast.Tuple) and (name := _unpacked(parent, node)):
                return self.name(name, node, inside)
            return self.of(parent, True)
        if isinstance(parent, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            return self.of(parent, True)
        if isinstance(parent, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            return self._assigned(parent, node, inside)
        if isinstance(parent, ast.Call):
            return self._argument(parent, node, inside)
        return self._other(parent, node, inside)

    def _other(self, parent: ast.AST, node: ast.AST, inside: bool) -> str:
        if isinstance(parent, ast.Subscript) and parent.value is node:
            return self.of(parent) if inside else "looked at"
        if isinstance(parent, ast.Attribute):
            return "looked at" if not inside and parent.attr not in _COROUTINE_METHODS else ""
        if isinstance(parent, ast.For | ast.comprehension) and parent.iter is node:
            if not inside:
                return "looked at"
            return self.name(parent.target.id, node, False) if isinstance(parent.target, ast.Name) else ""
        if isinstance(parent, ast.withitem) and parent.context_expr is node and not inside:
            return "looked at"
        return ""

    def _assigned(self, parent: ast.Assign | ast.AnnAssign | ast.NamedExpr, node: ast.AST, inside: bool) -> str:
        target = parent.targets[0] if isinstance(parent, ast.Assign) else parent.target
        if parent.value is not node or (isinstance(parent, ast.Assign) and len(parent.targets) != 1):
            return ""
        if isinstance(parent, ast.NamedExpr):
            return self.of(parent, inside) and self.name(parent.target.id, parent, inside)
        if isinstance(target, ast.Tuple | ast.List) and not inside:
            return "looked at"
        return self.name(target.id, node, inside) if isinstance(target, ast.Name) else ""

    def _argument(self, call: ast.Call, node: ast.AST, inside: bool) -> str:
        called = last_name(call.func)
        if node not in call.args:
            return ""
        if called in {"isinstance", "assertIsInstance"} and len(call.args) > 1:
            kinds = call.args[1].elts if isinstance(call.args[1], ast.Tuple) else [call.args[1]]
            return "" if any(last_name(kind) in _COROUTINE_TYPES for kind in kinds) else "looked at"
        if called in _LOOKING:
            return "looked at"
        if called in _COLLECTING and inside:
            return self.of(call, True)
        if called == "append" and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            return self.name(call.func.value.id, node, True, anywhere=True)
        return self.of(call) if self.body.scope.dotted(call.func) in _WRAPPERS else ""

    def name(self, name: str, node: ast.AST, inside: bool, *, anywhere: bool = False) -> str:
        """How the name that a value was bound to at a node is used until it is bound anew."""
        function = next((item for item in self.body.source.above(node) if isinstance(item, FunctionNode)), None)
        if function is None or (name, id(node)) in self.seen:
            return ""
        self.seen.add((name, id(node)))
        outside = [item.names for item in every(function, ast.Global)]
        outside += [item.names for item in every(function, ast.Nonlocal)]
        if any(name in names for names in outside):
            return ""
        uses = [item for item in every(function, ast.Name) if item.id == name]
        loads = [item for item in uses if isinstance(item.ctx, ast.Load)]
        line = getattr(node, "lineno", 0)
        if not anywhere and not self._repeated(node, function):
            later = [item.lineno for item in uses if item.lineno > line and not isinstance(item.ctx, ast.Load)]
            last = min(later, default=10**9)
            loads = [item for item in loads if line < item.lineno <= last]
        if anywhere:
            loads = [item for item in loads if not _appends(item)]
        found = [self.of(item, inside) for item in loads]
        if not found:
            return "dropped" if not anywhere else ""
        return "looked at" if all(found) else ""

    def _repeated(self, node: ast.AST, function: FunctionNode) -> bool:
        for item in self.body.source.above(node):
            if item is function:
                return False
            if isinstance(item, ast.For | ast.AsyncFor | ast.While | ast.comprehension | ast.ListComp | ast.Try):
                return True
        return False


def _appends(load: ast.Name) -> bool:
    parent = parent_of(load)
    return isinstance(parent, ast.Attribute) and parent.attr in {"append", "extend", "clear"}


def _unpacked(values: ast.Tuple, node: ast.AST) -> str:
    """The name that one part of `a, b = x(), y()` is bound to."""
    parent = parent_of(values)
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Tuple):
        targets = parent.targets[0].elts
        if len(targets) == len(values.elts):
            for target, value in zip(targets, values.elts, strict=True):
                if value is node and isinstance(target, ast.Name):
                    return target.id
    return ""


def _handed_over(body: Body, node: ast.Call) -> ast.expr | None:
    """The function that a call hands to something that calls it and throws away what it gives."""
    called = last_name(node.func)
    if called in {"raises", "assertRaises"} and len(node.args) >= 2:
        return node.args[1]
    if called == "assertRaisesRegex" and len(node.args) >= 3:
        return node.args[2]
    if body.scope.dotted(node.func) == "threading.Thread":
        return next((word.value for word in node.keywords if word.arg == "target"), None)
    return None


def _warned_about(body: Body, node: ast.AST) -> bool:
    return any(
        last_name(manager.context_expr) in {"warns", "catch_warnings"}
        for item in body.above(node)
        if isinstance(item, ast.With)
        for manager in item.items
    )


def _raises_first(body: Body, node: ast.Call) -> bool:
    """Whether the call is of a plain function that gives a coroutine at its end, and is expected to raise before."""
    function = function_of(body.scope.resolve(node.func))
    plain = function is not None and isinstance(function.node, ast.FunctionDef)
    if function is None or not plain or not any(True for _ in every(function.node, ast.Raise)):
        return False
    return any(
        raises_names(manager.context_expr)
        for item in body.above(node)
        if isinstance(item, ast.With | ast.AsyncWith)
        for manager in item.items
    )


def _may_be_of_heir(body: Body, node: ast.Call, made: Coroutine) -> bool:
    """Whether the object, of which only an annotation tells the class, may be of an heir with a plain method there.

    Such an heir is one that the tests define: they hand it to the product, which makes the object.
    """
    owner = body.scope.resolve(node.func.value) if isinstance(node.func, ast.Attribute) else None
    home = made.function.owner
    if not isinstance(owner, Instance) or owner.call is not None or home is None:
        return False
    heirs = (each for each in body.scope.program.classes if not each.module.product and home in each.order)
    return any(isinstance(heir.members.get(made.function.node.name), ast.FunctionDef) for heir in heirs)


def _in_body(body: Body) -> Iterator[tuple[ast.AST, str]]:
    scope = body.scope
    for node in body.every(ast.Call):
        if (given := _handed_over(body, node)) is not None:
            function = function_of(scope.resolve(given))
            if function is not None and function.gives_coroutine:
                called = f"`async def {function.qualname}` ({function.place})"
                yield node, f"`{said(node)}` has {called} called without an await: its code does not run"
        made = scope.resolve(node)
        if not isinstance(made, Coroutine) or any(isinstance(item, ast.Lambda) for item in body.above(node)):
            continue
        if _warned_about(body, node) or _raises_first(body, node) or _may_be_of_heir(body, node, made):
            continue
        use = _Uses(body).of(node)
        if use:
            called = f"`async def {made.function.qualname}` ({made.function.place})"
            yield (
                node,
                f"`{said(node)}` calls {called} and its coroutine is {use}, never awaited: the code does not run",
            )
    yield from _entered_plainly(body)


def _entered_plainly(body: Body) -> Iterator[tuple[ast.AST, str]]:
    """A plain `with` or `for` over something that only `async with` or `async for` takes."""
    places = [(item.context_expr, "with") for node in body.every(ast.With) for item in node.items]
    places += [(node.iter, "for") for node in body.every(ast.For)]
    places += [(node.iter, "for") for node in body.every(ast.comprehension) if not node.is_async]
    for value, word in places:
        called = body.scope.resolve(value.func) if isinstance(value, ast.Call) else None
        function = function_of(called)
        if function is None or not isinstance(function.node, ast.AsyncFunctionDef) or fixture_name(function.node):
            continue
        is_manager = function.decorators == {"asynccontextmanager"}
        is_generator = function.is_generator and not function.decorators
        wrong = (word == "with" and is_manager) or (word == "for" and (is_generator or is_manager))
        if wrong and not body.under_raises(value, "TypeError", "AttributeError", exactly=True):
            taken = f"`async def {function.qualname}` ({function.place})"
            yield value, f"`{word} {said(value)}` takes {taken}, which only `async {word}` can: the code does not run"


def _look(context: Context, view: View) -> Iterator[Found]:
    yield from view.found("unawaited-coroutine", _in_body)


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
