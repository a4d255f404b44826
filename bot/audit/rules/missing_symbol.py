"""An import, attribute, patch target or name that does not exist."""

from __future__ import annotations

import ast
import builtins
import re
import unittest
from collections.abc import Iterator
from pathlib import PurePosixPath
from unittest.mock import MagicMock

from bot.audit.reading.checks import MOCKS, handler_names, raises_names
from bot.audit.reading.definitions import ClassInfo, is_name, last_name
from bot.audit.reading.flat import ancestors, every, imports_in, parent_of
from bot.audit.reading.names import undefined_names
from bot.audit.reading.program import Missing, ModuleInfo, Program
from bot.audit.reading.references import Instance, Made, is_product
from bot.audit.reading.scope import Scope
from bot.audit.reading.source import FunctionNode, Source
from bot.audit.rule import Context, Example, Hit, Rule, said
from bot.audit.view import Body, View

_ABSENT = ("AttributeError", "ImportError", "ModuleNotFoundError", "NameError")
_PATCHES = {"patch", "setattr", "delattr"}
_MEANT = re.compile(r"#\s*noqa(?::[^#]*\bF821\b|\s*$|\s+[^:])")
"""The comment of one who knows that nothing defines the name: its NameError is what the test is about."""
_CASES = {"unittest.TestCase", "unittest.IsolatedAsyncioTestCase"}
_CASE_NAMES = frozenset(dir(unittest.IsolatedAsyncioTestCase))
_MOCK_NAMES = frozenset(dir(MagicMock())) | {"assert_any_await", "await_args", "await_count", "await_args_list"}


def _guarded(source: Source, node: ast.AST, *, broadly: bool = True) -> bool:
    wanted = {*_ABSENT, *(("Exception", "BaseException") if broadly else ())}
    child = node
    for item in source.above(node):
        if isinstance(item, ast.If | ast.IfExp) and child is not item.test:
            return True
        if (
            isinstance(item, ast.Try)
            and not isinstance(child, ast.ExceptHandler)
            and any(handler_names(handler) & wanted for handler in item.handlers)
        ):
            return True
        child = item
    return False


def _affected(context: Context, module: ModuleInfo, node: ast.AST) -> tuple[str, ...]:
    """The tests that a mistake at a node breaks: the test it stands in, those that run its helper, or all."""
    outer = [item for item in module.source.above(node) if isinstance(item, FunctionNode)]
    if not outer:
        return tuple(case.id for case in context.cases if case.source is module.source) or (module.source.path,)
    if (test := context.test_at(module.source.path, getattr(node, "lineno", 0))) != module.source.path:
        return (test,)
    reached = tuple(
        view.case.id for view in context.views if any(item.node is outer[-1] for item in view.reach.functions)
    )
    return reached or (module.source.path,)


def _hits(context: Context, module: ModuleInfo, node: ast.stmt | ast.expr, why: str) -> Iterator[Hit]:
    line = module.source.line(node.lineno)
    tests = _affected(context, module, node)
    if tests == (module.source.path,) and _is_sample(context, module):
        return
    for test in tests:
        path = test.partition("::")[0]
        if path == module.source.path:
            yield Hit(path, node.lineno, test, why, line)
        else:
            yield Hit(path, context.line_of(test), test, f"{why}, at {module.source.path}:{node.lineno}", line)


def _imports(context: Context, module: ModuleInfo) -> Iterator[Hit]:
    for node in imports_in(module.source.tree):
        if _guarded(module.source, node):
            continue
        for alias in node.names:
            found = (
                context.program.find(alias.name)
                if isinstance(node, ast.Import)
                else context.program.imported(alias)
                if alias.name != "*"
                else None
            )
            if isinstance(found, Missing) and not _expected(module.source, node) and not _made(context, node, alias):
                yield from _hits(context, module, node, f"`{said(node)}` fails: {found.what}")


def _made(context: Context, node: ast.stmt, alias: ast.alias) -> bool:
    """Whether the package that is imported from makes modules at run time, by a finder or in `sys.modules`."""
    base = alias.name if isinstance(node, ast.Import) else getattr(node, "module", None) or ""
    return _is_built(context.program, base)


def _is_built(program: Program, name: str) -> bool:
    """Whether any module of the package that a dotted name begins with makes modules at run time."""
    root = name.partition(".")[0]
    key = ("makes modules", root)
    if key not in program.memo:
        program.memo[key] = any(
            _makes_modules(module) for module in program.product_modules if root and root in module.name.split(".")
        )
    return bool(program.memo[key])


def _makes_modules(module: ModuleInfo) -> bool:
    for item in every(module.source.tree, ast.Attribute):
        if not is_name(item.value, "sys"):
            continue
        above = parent_of(item)
        if item.attr == "meta_path" or (
            item.attr == "modules" and isinstance(above, ast.Subscript) and isinstance(above.ctx, ast.Store)
        ):
            return True
    return False


def _is_sample(context: Context, module: ModuleInfo) -> bool:
    """Whether a file beside the tests is none and is imported by none: a sample that something reads or runs."""
    stem = PurePosixPath(module.source.path).stem
    if stem.startswith("test") or stem.endswith(("_test", "_tests")) or module.source.is_conftest:
        return False
    memo = context.program.memo
    if "imported by tests" not in memo:
        memo["imported by tests"] = frozenset(
            part
            for other in context.modules
            for node in imports_in(other.source.tree)
            for name in (getattr(node, "module", None), *(alias.name for alias in node.names))
            for part in (name or "").split(".")
        )
    return stem not in memo["imported by tests"]


def _expected(source: Source, node: ast.AST) -> bool:
    """Whether a node stands where its failing is asked for."""
    return _in_expected_function(source, node) or any(
        raises_names(manager.context_expr) & {*_ABSENT, "Exception", "BaseException"}
        for item in source.above(node)
        if isinstance(item, ast.With | ast.AsyncWith)
        for manager in item.items
    )


def _in_expected_function(source: Source, node: ast.AST) -> bool:
    """Whether a node stands in a function that is handed to `assertRaises(ImportError, function)`."""
    functions = [item for item in source.above(node) if isinstance(item, FunctionNode)]
    return len(functions) > 1 and any(
        raises_names(call) & {*_ABSENT, "Exception", "BaseException"}
        and any(is_name(item, functions[0].name) for item in call.args)
        for call in every(functions[1], ast.Call)
    )


def _target(view: View, parts: list[str]) -> tuple[object, list[str]]:
    """The product module that a dotted target begins with, and the rest."""
    for at in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:at])
        owner = view.program.modules.get(name) or view.program.by_tail(name, (parts[at],))
        if owner is not None:
            return owner, parts[at:]
    return None, []


def _patched(view: View, body: Body, node: ast.Call) -> str:
    """What a patch target names that is not there."""
    name, first = last_name(node.func), node.args[0] if node.args else None
    if any(word.arg in {"create", "raising"} for word in node.keywords):
        return ""
    if name in _PATCHES and isinstance(first, ast.Constant) and isinstance(first.value, str):
        owner, rest = _target(view, first.value.split("."))
        if not isinstance(owner, ModuleInfo) or not owner.product:
            return ""
        for part in rest:
            found = view.program.member(owner, part) if isinstance(owner, ModuleInfo | ClassInfo) else None
            if name == "patch" and isinstance(owner, ModuleInfo) and part == rest[-1] and hasattr(builtins, part):
                return ""  # what every module has from the language, `mock.patch` puts into the module
            if isinstance(found, Missing):
                return f"the patch target {first.value!r} does not exist: {found.what}"
            owner = found
        return ""
    attribute = node.args[1] if len(node.args) > 1 else None
    above = any(node is call for item in body.node.decorator_list for call in every(item, ast.Call))
    is_patch = (name == "object" and "patch" in ast.dump(node.func)) or (
        name in {"setattr", "delattr"} and isinstance(node.func, ast.Attribute)
    )
    if is_patch and first is not None and isinstance(attribute, ast.Constant) and isinstance(attribute.value, str):
        scope = view.bare_scope if body.node is view.node else body.scope
        if above:  # decorators are looked up around the function, whose own names they do not know
            scope = Scope.of(view.program, body.scope.module, body.scope.functions[:-1], body.scope.cls)
        owner = scope.resolve(first)
        member = scope.member(owner, attribute.value)
        if isinstance(member, Missing) and is_product(owner) and not _kept(view.program, attribute.value):
            return f"the patched attribute does not exist: {member.what}"
    return ""


def _kept(program: Program, name: str) -> bool:
    """Whether any code, of the tests or the product, gives an object an attribute of this name from outside."""
    return program.assigned_outside(name)


def _absent(view: View, body: Body, node: ast.Attribute) -> str:
    """Why an attribute that is read is not there."""
    scope = body.scope
    owner = scope.resolve(node.value)
    if isinstance(owner, Made):
        return _beyond_spec(scope, owner, node)
    if isinstance(owner, Instance) and not is_product(owner):
        return _own_attribute(view, owner, node)
    if not isinstance(owner, Instance | ClassInfo | ModuleInfo) or not is_product(owner):
        return ""
    if isinstance(node.value, ast.Attribute) and _by_descriptor(owner):
        return ""
    found = scope.resolve(node)
    if isinstance(found, Missing) and isinstance(owner, ModuleInfo) and _is_built(view.program, owner.name):
        return ""
    if isinstance(found, Missing):
        return f"`{said(node)}` fails: {found.what}"
    protocol = isinstance(owner, Instance) and any("Protocol" in item.base_names for item in owner.cls.order)
    if isinstance(owner, Instance) and found is None and owner.call is None and owner.cls.closed and not protocol:
        family = [item for item in view.program.classes if owner.cls in item.order]
        if not any(item.has(node.attr) or not item.closed for item in family):
            return f"`{said(node)}` fails: {owner.cls.node.name} has no attribute {node.attr}"
    return ""


def _by_descriptor(owner: Instance | ClassInfo | ModuleInfo) -> bool:
    """Whether asking an object for an attribute may give something else than what the class keeps under its name."""
    return isinstance(owner, Instance) and owner.cls.method("__get__") is not None


def _asked_for(view: View, name: str) -> bool:
    """Whether a mark on the test or its class asks first whether there is such a name."""
    decorators = (item for owner in (view.node, *view.case.classes) for item in owner.decorator_list)
    return any(
        last_name(call.func) == "hasattr" and len(call.args) == 2 and getattr(call.args[1], "value", "") == name
        for decorator in decorators
        for call in every(decorator, ast.Call)
    )


def _own_attribute(view: View, owner: Instance, node: ast.Attribute) -> str:
    """A helper or attribute that a test class calls on itself and does not have."""
    cls = owner.cls
    if not isinstance(node.value, ast.Name) or node.value.id not in {"self", "cls"}:
        return _of_helper(view, owner, node)
    if cls.has(node.attr):
        return ""
    unknown = [
        getattr(view.program.lookup(item.module, written), "name", "")
        for item in cls.order
        for base, written in zip(item.bases, item.node.bases, strict=False)
        if base is None
    ]
    if unknown and (not set(unknown) <= _CASES or node.attr in _CASE_NAMES):
        return ""
    dynamic = any(item.is_dynamic or item.node.decorator_list or item.node.keywords for item in cls.order)
    special = any({"__getattr__", "__getattribute__"} & set(item.members) for item in cls.order)
    heirs = any(cls in item.order and item is not cls for item in view.program.classes)
    heirs = heirs or any(
        is_name(base, cls.node.name) for item in every(cls.module.source.tree, ast.ClassDef) for base in item.bases
    )
    if dynamic or special or heirs:
        return ""
    return f"`{said(node)}` fails: neither `{cls.node.name}` nor its bases define it"


def _of_helper(view: View, owner: Instance, node: ast.Attribute) -> str:
    """A method that a test calls on a helper object of the tests' own, whose class does not have it."""
    cls = owner.cls
    called = isinstance(parent := parent_of(node), ast.Call) and parent.func is node
    if owner.call is None or not called or not cls.closed or cls.has(node.attr) or cls.node.decorator_list:
        return ""
    if any(item.is_dynamic or item.node.keywords for item in cls.order):
        return ""
    if any({"__getattr__", "__getattribute__", "__slots__"} & set(item.members) for item in cls.order):
        return ""
    return f"`{said(node)}` fails: {cls.node.name}, which the tests define, has no attribute {node.attr}"


def _beyond_spec(scope: Scope, owner: Made, node: ast.Attribute) -> str:
    """An attribute that a mock with a spec refuses."""
    if owner.call is None or owner.by.rpartition(".")[2] not in MOCKS or node.attr in _MOCK_NAMES:
        return ""
    given = [word.value for word in owner.call.keywords if word.arg in {"spec", "spec_set"}]
    if owner.by.endswith("create_autospec"):
        given = owner.call.args[:1]
    for item in given:
        cls = scope.resolve(item)
        if isinstance(cls, ClassInfo) and cls.module.product and cls.closed and not cls.has(node.attr):
            return f"`{said(node)}` fails: the mock follows `{cls.node.name}`, which has no attribute {node.attr}"
    return ""


def _in_body(view: View, body: Body) -> Iterator[tuple[ast.AST, str]]:
    nodes: list[ast.Call | ast.Attribute] = []
    # What a helper's decorators name is looked up where the helper stands, and not in it.
    decorators = body.node.decorator_list if body.node is view.node else []
    for place in (*decorators, *body.node.body):
        nodes += every(place, ast.Call)
        nodes += every(place, ast.Attribute)
    for node in nodes:
        if isinstance(node, ast.Call):
            why = _patched(view, body, node)
        elif isinstance(node.ctx, ast.Load) and (why := _absent(view, body, node)):
            if node.attr in view.replaced or _kept(view.program, node.attr) or _asked_for(view, node.attr):
                why = ""
        else:
            continue
        if (
            why
            and not body.under_raises(node, *_ABSENT, exactly=True)
            and not _guarded(body.source, node, broadly=False)
        ):
            yield node, why


def _never_entered(view: View, node: ast.AST) -> bool:
    """Whether a node stands in a method of a class of the tests that no code of this test names."""
    around = next((item for item in ancestors(node) if isinstance(item, FunctionNode)), None)
    holder = parent_of(around) if around is not None else None
    own = [*view.case.classes, *(item.node for item in (view.cls.order if view.cls else ()))]
    if around is None or not isinstance(holder, ast.ClassDef) or holder in own or around.name.startswith("__"):
        return False
    inside = any(isinstance(item, FunctionNode) for item in ancestors(holder))
    if inside and holder.bases and any(is_name(item, "property") for item in around.decorator_list):
        return True  # a property that a helper gives an heir of the product's class is for that class to ask
    bodies = (view.body, *view.helpers)
    return not any(item.attr == around.name for body in bodies for item in body.every(ast.Attribute))


def _only_kept(view: View, node: ast.AST) -> bool:
    """Whether a node stands in a method of the tests that is only put away somewhere, for others to call or not."""
    around = next((item for item in ancestors(node) if isinstance(item, FunctionNode)), None)
    if around is None or around.decorator_list or not isinstance(parent_of(around), ast.ClassDef):
        return False
    uses = [
        item
        for body in (view.body, *view.helpers)
        for item in body.every(ast.Attribute)
        if item.attr == around.name and isinstance(item.ctx, ast.Load)
    ]
    kept = ast.Dict | ast.List | ast.Tuple | ast.Assign
    return bool(uses) and all(isinstance(parent_of(item), kept) for item in uses)


def _speaks_of(view: View, name: str) -> bool:
    """Whether the test expects Python's words for the missing name: that it is missing is then what it is about."""
    told = re.compile(rf"no attribute\W+{re.escape(name)}\b")
    return any(
        isinstance(item.value, str) and told.search(item.value)
        for item in view.every(ast.Constant)
        if not isinstance(parent_of(item), ast.Expr)
    )


def _never_comes(node: ast.AST) -> bool:
    """Whether a statement before it, in the same block, certainly leaves the function."""
    below = node
    for item in ancestors(node):
        for block in (getattr(item, "body", None), getattr(item, "orelse", None)):
            if isinstance(block, list) and below in block and any(map(_leaves, block[: block.index(below)])):
                return True
        if isinstance(item, FunctionNode):
            return False
        below = item
    return False


def _leaves(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.If) and isinstance(statement.test, ast.Constant) and statement.test.value:
        return any(map(_leaves, statement.body))
    return isinstance(statement, ast.Return | ast.Raise)


def _in_test(context: Context, view: View) -> Iterator[Hit]:
    own = set(view.nodes)
    wanted = any(raises_names(call) & set(_ABSENT) for call in view.calls)
    for node, why in view.found("missing-symbol", lambda body: _in_body(view, body)):
        if node not in own and (wanted or _never_entered(view, node) or _only_kept(view, node)):
            continue  # a helper that lacks something on purpose, or that only the product may call
        if isinstance(node, ast.Attribute) and (_speaks_of(view, node.attr) or _never_comes(node)):
            continue
        line = getattr(node, "lineno", view.node.lineno)
        yield Hit(view.source.path, line, view.case.id, why, view.source.line(line))
    for cls in view.case.classes:
        for decorator in cls.decorator_list:
            for call in every(decorator, ast.Call):
                if why := _patched(view, view.body, call):
                    yield Hit(view.source.path, call.lineno, view.case.id, why, view.source.line(call.lineno))


def _undefined(context: Context, module: ModuleInfo) -> Iterator[Hit]:
    reported: set[tuple[str, ast.AST | None]] = set()
    for node in undefined_names(module.source):
        if _guarded(module.source, node) or _in_annotation(module.source, node):
            continue
        if _MEANT.search(module.source.line(node.lineno)):
            continue
        outer = [item for item in module.source.above(node) if isinstance(item, FunctionNode)]
        place = (node.id, outer[-1] if outer else None)
        if place not in reported and not _expected(module.source, node):
            reported.add(place)
            yield from _hits(context, module, node, f"nothing defines the name `{node.id}` here")


def _in_annotation(source: Source, node: ast.AST) -> bool:
    child = node
    for item in source.above(node):
        if isinstance(item, ast.arg) or (isinstance(item, ast.AnnAssign) and item.annotation is child):
            return True
        if isinstance(item, FunctionNode) and item.returns is child:
            return True
        child = item
    return False


def _check(context: Context) -> Iterator[Hit]:
    for module in context.modules:
        yield from _imports(context, module)
        yield from _undefined(context, module)
    for view in context.views:
        if not context.predicts(view, *_ABSENT):
            yield from _in_test(context, view)


RULE = Rule(
    id="missing-symbol",
    defect_class="missing-symbol",
    title="A name that does not exist",
    rationale="The test fails on the missing name, before or instead of showing anything about the code.",
    hint="Use a name that the implementation has; read it again before guessing.",
    check=_check,
    good=Example(
        test="""\
from product.service import Service


def test_ready():
    assert Service().ready() is True
""",
        implementation="""\
class Service:
    def ready(self):
        return True
""",
    ),
    bad=Example(
        test="""\
from product.service import Service


def test_ready():
    assert Service().is_fully_ready() is True
""",
        implementation="""\
class Service:
    def ready(self):
        return True
""",
    ),
)
