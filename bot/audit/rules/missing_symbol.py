"""An import, attribute, patch target or name that does not exist."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from bot.audit.checks import handler_names
from bot.audit.definitions import ClassInfo, last_name
from bot.audit.program import Missing, ModuleInfo
from bot.audit.references import Instance, is_product
from bot.audit.rule import Context, Example, Hit, Rule, said
from bot.audit.source import FunctionNode, Source
from bot.audit.view import View

_ABSENT = ("AttributeError", "ImportError", "ModuleNotFoundError", "NameError")
_IMPLICIT = {
    "__file__",
    "__name__",
    "__doc__",
    "__spec__",
    "__path__",
    "__package__",
    "__loader__",
    "__builtins__",
    "__class__",
    "__qualname__",
    "__module__",
    "__annotations__",
    "__debug__",
    "WindowsError",
}


def _guarded(source: Source, node: ast.AST) -> bool:
    return any(
        isinstance(item, ast.If)
        or (
            isinstance(item, ast.Try)
            and any(handler_names(handler) & {*_ABSENT, "Exception", "BaseException"} for handler in item.handlers)
        )
        for item in source.above(node)
    )


def _imports(context: Context, module: ModuleInfo) -> Iterator[Hit]:
    for node in ast.walk(module.source.tree):
        if not isinstance(node, ast.ImportFrom | ast.Import) or _guarded(module.source, node):
            continue
        for alias in node.names:
            found = (
                context.program.find(alias.name)
                if isinstance(node, ast.Import)
                else context.program.imported(alias)
                if alias.name != "*"
                else None
            )
            if isinstance(found, Missing):
                test = context.test_at(module.source.path, node.lineno)
                yield Hit(
                    module.source.path,
                    node.lineno,
                    test,
                    f"`{said(node)}` fails: {found.what}",
                    module.source.line(node.lineno),
                )


def _patched(view: View, node: ast.Call) -> str:
    """What a patch target names that is not there."""
    name, first = last_name(node.func), node.args[0] if node.args else None
    if any(word.arg in {"create", "raising"} for word in node.keywords):
        return ""
    if name in {"patch", "setattr"} and isinstance(first, ast.Constant) and isinstance(first.value, str):
        parts = first.value.split(".")
        for at in range(len(parts) - 1, 0, -1):
            owner: object = view.program.modules.get(".".join(parts[:at]))
            if isinstance(owner, ModuleInfo) and owner.product:
                for part in parts[at:]:
                    found = view.program.member(owner, part) if isinstance(owner, ModuleInfo | ClassInfo) else None
                    if isinstance(found, Missing):
                        return f"the patch target {first.value!r} does not exist: {found.what}"
                    owner = found
                return ""
        return ""
    attribute = node.args[1] if len(node.args) > 1 else None
    is_patch = (name == "object" and "patch" in ast.dump(node.func)) or (
        name == "setattr" and isinstance(node.func, ast.Attribute)
    )
    if is_patch and first is not None and isinstance(attribute, ast.Constant) and isinstance(attribute.value, str):
        member = view.bare_scope.member(view.bare_scope.resolve(first), attribute.value)
        if isinstance(member, Missing):
            return f"the patched attribute does not exist: {member.what}"
    return ""


def _in_test(context: Context, view: View) -> Iterator[Hit]:
    nodes = [item for decorator in view.node.decorator_list for item in ast.walk(decorator)]
    for node in (*nodes, *view.nodes):
        why = ""
        if isinstance(node, ast.Call):
            why = _patched(view, node)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            owner = view.scope.resolve(node.value)
            product = is_product(owner) and isinstance(owner, Instance | ClassInfo | ModuleInfo)
            if product and isinstance(found := view.scope.resolve(node), Missing):
                why = f"`{said(node)}` fails: {found.what}"
                if node.attr in view.replaced or _stored(context, node.attr):
                    why = ""
        line = getattr(node, "lineno", view.node.lineno)
        if why and not view.under_raises(node, *_ABSENT) and not _guarded(view.source, node):
            yield Hit(view.source.path, line, view.case.id, why, view.source.line(line))


def _stored(context: Context, name: str) -> bool:
    return any(
        isinstance(item, ast.Attribute) and item.attr == name and not isinstance(item.ctx, ast.Load)
        for module in context.modules
        if name in module.source.text
        for item in ast.walk(module.source.tree)
    )


def _bound_names(source: Source) -> set[str] | None:
    """Every name bound anywhere in a file; None where a star import may bind more."""
    names = set(dir(builtins)) | _IMPLICIT
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, FunctionNode | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.alias):
            if node.name == "*":
                return None
            names.add(node.asname or node.name.split(".")[0])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            names.update(node.names)
        elif type(node).__name__ in {"TypeVar", "ParamSpec", "TypeVarTuple"} or type(node).__name__ == "TypeAlias":
            return None
    return names


def _undefined(context: Context, module: ModuleInfo) -> Iterator[Hit]:
    names = _bound_names(module.source)
    if names is None:
        return
    reported: set[str] = set()
    for node in ast.walk(module.source.tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in names | reported:
            if _guarded(module.source, node) or _in_annotation(module.source, node):
                continue
            reported.add(node.id)
            test = context.test_at(module.source.path, node.lineno)
            yield Hit(
                module.source.path,
                node.lineno,
                test,
                f"the name `{node.id}` is defined nowhere in this file",
                module.source.line(node.lineno),
            )


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
