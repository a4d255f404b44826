"""What is missing leads to a skip or an early end instead of a failure."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from bot.audit.reading.checks import handler_names
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name
from bot.audit.reading.flat import every, walk
from bot.audit.reading.program import External, Missing, ModuleInfo
from bot.audit.reading.references import Instance, is_product
from bot.audit.reading.source import block_statements
from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.view import View

_MISSING = {"ImportError", "ModuleNotFoundError", "AttributeError", "NameError", "Exception", "BaseException"}
_MISSING_ATTRIBUTE = {"AttributeError", "NameError", "TypeError", "NotImplementedError", "Exception", "BaseException"}
_OPTIONAL = {"ssl", "_ssl", "sqlite3", "curses", "readline", "tkinter", "lzma", "bz2", "zlib", "ctypes", "dbm"}
_OPTIONAL |= {"fcntl", "resource", "termios", "pwd", "grp", "pty", "tty", "winreg", "msvcrt", "_winapi", "syslog"}
"""Modules of the standard library that a Python may be built without, or that one system only has."""
_SKIPS = {"skip", "skipTest", "SkipTest"}
_SKIP_MARKS = {"skipif", "skipIf", "skipUnless"}


def _skips(body: list[ast.stmt]) -> bool:
    for statement in body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            if last_name(statement.value) in _SKIPS:
                return True
        elif isinstance(statement, ast.Raise) and statement.exc is not None and last_name(statement.exc) in _SKIPS:
            return True
    return False


def _leaves_quietly(body: list[ast.stmt]) -> bool:
    for statement in body:
        if isinstance(statement, ast.Return) and (statement.value is None or isinstance(statement.value, ast.Constant)):
            return True
        if isinstance(statement, ast.Assert) and isinstance(statement.test, ast.Constant) and statement.test.value:
            return True
    return _skips(body)


def _asks_for(view: View, test: ast.expr) -> ast.Call | None:
    """The question in a condition whether the product has a name."""
    for call in every(test, ast.Call):
        if _is_optional(view, call):
            continue
        if last_name(call.func) in {"hasattr", "getattr"} and call.args and _of_product(view, call):
            return call
        if last_name(call.func) == "find_spec" and _is_of_product(view, call):
            return call
    return None


def _is_optional(view: View, call: ast.Call) -> bool:
    """Whether a call asks for a name that the product itself imports where it can: a compiled part of it."""
    name = call.args[1] if len(call.args) > 1 else None
    text = str(name.value) if isinstance(name, ast.Constant) else ""
    owner = view.bare_scope.resolve(call.args[0]) if text else None
    if isinstance(owner, ModuleInfo) and owner.product and _only_under_condition(owner, text):
        return True
    return bool(text) and any(item.rpartition(".")[2] == text for item in _optional(view))


def _only_under_condition(module: ModuleInfo, name: str) -> bool:
    """Whether a module defines a name only under an `if` or in a `try`: some systems have it, some have not."""
    bound = module.bindings.get(name, [])
    top = set(module.source.tree.body)
    return bool(bound) and not any(node in top or next(module.source.above(node), None) in top - _blocks(top)
                                   for node in bound)


def _blocks(statements: set[ast.stmt]) -> set[ast.stmt]:
    return {item for item in statements if isinstance(item, ast.If | ast.Try)}


def _is_of_product(view: View, call: ast.Call) -> bool:
    """Whether the first argument of a call is the name of a product module."""
    first = call.args[0] if call.args else None
    return isinstance(first, ast.Constant) and _names_product(view, str(first.value))


def _of_product(view: View, call: ast.Call) -> bool:
    name = call.args[1] if len(call.args) > 1 else None
    if isinstance(name, ast.Constant) and str(name.value).startswith("__"):
        return False
    return is_product(view.bare_scope.resolve(call.args[0]))


def _names_product(view: View, name: str) -> bool:
    """Whether a module is one of the implementation that needs nothing that may not be installed."""
    roots = {module.name.split(".")[0] for module in view.program.product_modules}
    if name.split(".", maxsplit=1)[0] not in roots:
        return False
    found = view.program.find(name)
    return found is None or isinstance(found, Missing) or (isinstance(found, ModuleInfo) and _needs_nothing(found))


def _needs_nothing(module: ModuleInfo) -> bool:
    """Whether a product module imports only the standard library and the product."""
    roots = {item.name.split(".")[0] for item in module.program.product_modules}
    for node in block_statements(module.source.tree.body):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        if any(name.split(".")[0] not in sys.stdlib_module_names | roots | {"__future__"} for name in names):
            return False
    return True


def _imports_product(view: View, body: list[ast.stmt]) -> ast.Import | ast.ImportFrom | None:
    for statement in body:
        imports: list[ast.Import | ast.ImportFrom] = [*every(statement, ast.Import), *every(statement, ast.ImportFrom)]
        for item in imports:
            if isinstance(item, ast.ImportFrom):
                names = [name for name in _imported(item)[1:] if isinstance(view.program.find(name), ModuleInfo)]
                if names and not any(_names_product(view, name) for name in names):
                    continue  # the modules that it names need what may not be installed
            names = [alias.name for alias in item.names] if isinstance(item, ast.Import) else [item.module or ""]
            if any(_names_product(view, name) for name in names):
                return item
    return None


def _may_lack(view: View, body: list[ast.stmt]) -> bool:
    """Whether what is imported is optional: a part of Python built without it, or what the product does without."""
    optional = _optional(view)
    for statement in body:
        imports: list[ast.Import | ast.ImportFrom] = [*every(statement, ast.Import), *every(statement, ast.ImportFrom)]
        for item in imports:
            names = _imported(item)
            if any(name.partition(".")[0] in _OPTIONAL or name in optional for name in names):
                return True
    return False


def _imported(item: ast.Import | ast.ImportFrom) -> list[str]:
    """The dotted names that an import may be of: `from a import b` of `a` and of `a.b`."""
    if isinstance(item, ast.Import):
        return [alias.name for alias in item.names]
    base = item.module or ""
    return [base, *(f"{base}.{alias.name}" for alias in item.names)]


def _optional(view: View) -> frozenset[str]:
    """The modules that the product goes on without when they cannot be imported: compiled parts of it, mostly."""
    key = ("optional imports",)
    if key not in view.program.memo:
        found: set[str] = set()
        for module in view.program.product_modules:
            for node in every(module.source.tree, ast.Try):
                caught = frozenset().union(*map(handler_names, node.handlers))
                if caught & {"ImportError", "ModuleNotFoundError"}:
                    for statement in node.body:
                        found.update(name for item in every(statement, ast.Import) for name in _imported(item))
                        found.update(name for item in every(statement, ast.ImportFrom) for name in _imported(item))
        own = {module.name for module in view.program.product_modules}
        view.program.memo[key] = frozenset(found - own)
    known: frozenset[str] = view.program.memo[key]
    return known


def _flags(view: View, node: ast.Try) -> frozenset[str]:
    """The names by which a module says whether an import of the product worked."""
    found: set[str] = set()
    for handler in node.handlers:
        if handler_names(handler) & _MISSING:
            for statement in handler.body:
                value = statement.value if isinstance(statement, ast.Assign) else None
                if isinstance(statement, ast.Assign) and isinstance(value, ast.Constant) and not value.value:
                    found.update(item.id for target in statement.targets for item in every(target, ast.Name))
    return frozenset(found)


def _guarded_imports(view: View) -> tuple[tuple[ast.AST, frozenset[str], bool], ...]:
    """Imports of the product at the top that may fail quietly: which, the flags they set, whether all is skipped."""
    key = ("guarded imports", view.source.path)
    if key not in view.program.memo:
        found: list[tuple[ast.AST, frozenset[str], bool]] = []
        for node in block_statements(view.source.tree.body):
            if isinstance(node, ast.Try) and (product := _imports_product(view, node.body)) is not None:
                if _may_lack(view, node.body):
                    continue
                skips = any(_skips(handler.body) for handler in node.handlers if handler_names(handler) & _MISSING)
                found.append((product, _flags(view, node), skips))
        for call in every(view.source.tree, ast.Call):
            if last_name(call.func) == "importorskip" and call.args and isinstance(call.args[0], ast.Constant):
                inside = any(
                    isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) for item in view.source.above(call)
                )
                if not inside and _names_product(view, str(call.args[0].value)):
                    found.append((call, frozenset(), True))
        view.program.memo[key] = tuple(found)
    known: tuple[tuple[ast.AST, frozenset[str], bool], ...] = view.program.memo[key]
    return known


def _marks(view: View) -> Iterator[ast.Call]:
    decorators = [*view.node.decorator_list, *(item for cls in view.case.classes for item in cls.decorator_list)]
    for node in view.source.tree.body:
        if isinstance(node, ast.Assign) and any(last_name(target) == "pytestmark" for target in node.targets):
            decorators += list(every(node.value, ast.Call))
    for item in decorators:
        if isinstance(item, ast.Call) and last_name(item.func) in _SKIP_MARKS:
            yield item


def _by_flag(view: View) -> Iterator[Found]:
    for product, flags, skips in _guarded_imports(view):
        message = f"when `{said(product)}` fails the test is skipped: a missing product looks fine"
        if skips:
            yield product, message
            continue
        for mark in _marks(view):
            if any(name.id in flags for argument in mark.args[:1] for name in every(argument, ast.Name)):
                yield mark, message
        for branch in view.every(ast.If):
            asked = any(name.id in flags for name in every(branch.test, ast.Name))
            if asked and (_leaves_quietly(branch.body) or _leaves_quietly(branch.orelse)):
                yield branch, message


def _look(context: Context, view: View) -> Iterator[Found]:
    yield from _by_flag(view)
    branches: list[ast.If | ast.Try] = [*view.every(ast.If), *view.every(ast.Try)]
    for node in branches:
        if isinstance(node, ast.If):
            asked = _asks_for(view, node.test)
            if asked is not None and (_leaves_quietly(node.body) or _leaves_quietly(node.orelse) or _only(view, node)):
                yield (
                    node,
                    (
                        f"when `{said(asked)}` is false the test ends without failing: a missing part of the product "
                        "looks fine"
                    ),
                )
        else:
            yield from _of_try(view, node)
    for call in view.calls:
        if last_name(call.func) == "importorskip" and _is_of_product(view, call):
            yield call, f"`{said(call)}` skips the test when the product cannot be imported"
    for mark in _marks(view):
        if mark.args and (asked := _asks_for(view, mark.args[0])) is not None:
            yield mark, f"the test is skipped by `{said(asked)}`: a missing part of the product looks fine"


def _only(view: View, node: ast.If) -> bool:
    """Whether all assertions of the test stand in a branch and the other one is empty."""
    inside = {item for statement in node.body for item in walk(statement)}
    return bool(view.checks) and not node.orelse and all(check in inside for check in view.checks)


def _of_try(view: View, node: ast.Try) -> Iterator[Found]:
    product = _imports_product(view, node.body)
    for handler in node.handlers:
        if product is not None and handler_names(handler) & _MISSING and _leaves_quietly(handler.body):
            yield handler, f"when `{said(product)}` fails the test ends without failing: a missing product looks fine"
        elif product is None and handler_names(handler) & _MISSING_ATTRIBUTE and _skips(handler.body):
            called = next(
                (call for part in node.body for call in every(part, ast.Call) if _calls_product(view, call)), None
            )
            if called is not None:
                message = f"when `{said(called)}` fails the test is skipped: a failing product looks fine"
                # By this error code says itself that it does not offer something.
                yield handler, message, WARNING if handler_names(handler) == {"NotImplementedError"} else ERROR


def _calls_product(view: View, call: ast.Call) -> bool:
    found = view.bare_scope.resolve(call.func)
    if isinstance(found, External):
        return False
    return (is_product(found) and not isinstance(found, ClassInfo | Instance)) or (
        isinstance(found, FunctionInfo) and found.module.product
    )


RULE = Rule(
    id="conditional-skip",
    defect_class="conditional-skip",
    title="A missing part of the product skips the test",
    rationale="The product is what the test is about. If part of it is missing, the test must say so, not step aside.",
    hint="Import and use the product without a guard.",
    check=per_test(_look),
    good=Example(
        test="""\
import sys
import pytest
from product.service import one


def test_one():
    if sys.platform == 'win32':
        pytest.skip('no signals there')
    assert one() == 1
""",
        implementation="""\
def one():
    return 1
""",
    ),
    bad=Example(
        test="""\
import pytest
from product import service


def test_one():
    if not hasattr(service, 'one'):
        pytest.skip('not there')
    assert service.one() == 1
""",
        implementation="""\
def one():
    return 1
""",
    ),
)
