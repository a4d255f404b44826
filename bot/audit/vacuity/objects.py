"""Assertions that look at an object where a value was meant: a coroutine, a tuple, a method of a mock."""

from __future__ import annotations

import ast
import re

from bot.audit.controlflow.asserting import predicate
from bot.audit.reading.checks import is_mock
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name
from bot.audit.reading.flat import parent_of
from bot.audit.reading.references import Bound, Coroutine, Instance, is_product
from bot.audit.view import View

_METHODS = re.compile(
    r"^(not_)?(called|awaited)_?(once|with|once_with|any|not)?$|^(has|any)_(calls?|awaits?)$|^(never|not)_(called|awaited)$"
)
_REAL = {"called", "awaited"}
_ASSERTS = re.compile(r"^assert_(not_|any_|has_)?(called|awaited|calls?|awaits?)")


def awaits_nothing(view: View, check: ast.AST) -> bool:
    """Whether an assertion is on a coroutine of the product: that it is not awaited is a rule of its own."""
    test = predicate(check)
    if isinstance(test, ast.Compare):
        test = test.left
    found = view.scope.resolve(test) if test is not None else None
    return isinstance(found, Coroutine) and is_product(found)


def object_claims(view: View) -> dict[ast.AST, str]:
    """The assertions of a test on an object that is always true, each with the reason."""
    found: dict[ast.AST, str] = {}
    for node in view.checks:
        test = predicate(node)
        if test is not None and (why := _of(view, test)):
            found[node] = why
    return found


def _of(view: View, test: ast.expr) -> str:
    none = isinstance(test, ast.Compare)
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.IsNot):
        if not (isinstance(test.comparators[0], ast.Constant) and test.comparators[0].value is None):
            return ""
        test = test.left
        if not isinstance(test, ast.Call | ast.Name):
            return ""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        reasons = [_of(view, part) for part in test.values]
        return reasons[0] if all(reasons) else ""
    if isinstance(test, ast.Tuple) and test.elts:
        return "a tuple that is not empty is always true"
    if isinstance(test, ast.GeneratorExp):
        return "a generator is always true, whatever it would give"
    if isinstance(test, ast.Lambda):
        return "a function is always true: it is not called"
    found = view.scope.resolve(test)
    if isinstance(test, ast.Call) and isinstance(found, Coroutine):
        return "a coroutine is always true: it is not awaited"
    if isinstance(test, ast.Name) and view.scope.bound(view.node).get(test.id) and isinstance(found, Coroutine):
        return "a coroutine is always true: it is not awaited"
    if isinstance(test, ast.Attribute) and isinstance(found, Bound):
        plain = all(last_name(item) in {"staticmethod", "classmethod"} for item in found.function.node.decorator_list)
        return "a method is always true: it is not called" if plain and not found.function.is_property else ""
    if isinstance(test, ast.Name) and isinstance(found, FunctionInfo) and found.module.product and not none:
        return "a function is always true: it is not called"
    return ""


def mock_claims(view: View) -> dict[ast.AST, str]:
    """The expressions of a test that look like assertions of a mock and check nothing, each with the reason."""
    found: dict[ast.AST, str] = {}
    for node in view.attributes:
        if not isinstance(node.ctx, ast.Load) or not (_METHODS.match(node.attr) or _ASSERTS.match(node.attr)):
            continue
        parent = parent_of(node)
        called = isinstance(parent, ast.Call) and parent.func is node
        if _has_it(view, node) or (node.attr in _REAL and not called):
            if node.attr in _REAL and isinstance(parent, ast.Expr) and not _has_it(view, node):
                found[parent] = f"`{node.attr}` is read, and nothing is asserted of it"
            continue
        if _ASSERTS.match(node.attr):
            if not called and (place := _place(node)) is not None:
                found[place] = f"`{node.attr}` is not called: without () it checks nothing"
        elif (place := _place(parent if called and parent is not None else node)) is not None:
            found[place] = f"a mock has no assertion `{node.attr}`: it gives another mock, which is always true"
    return found


def _place(node: ast.AST) -> ast.AST | None:
    """The assertion or statement that consists of an expression; None when the expression goes elsewhere."""
    parent = parent_of(node)
    if isinstance(parent, ast.Expr) or (isinstance(parent, ast.Assert) and parent.test is node):
        return parent
    if isinstance(parent, ast.Call) and last_name(parent.func) == "assertTrue":
        return parent
    if isinstance(parent, ast.BoolOp):
        return _place(parent)
    return None


def _has_it(view: View, node: ast.Attribute) -> bool:
    """Whether the object is of a class that defines this name by itself."""
    owner = view.bare_scope.resolve(node.value)
    cls = owner.cls if isinstance(owner, Instance) else owner if isinstance(owner, ClassInfo) else None
    if cls is not None:
        return cls.has(node.attr) or not cls.closed
    key = ("product has", node.attr)
    if key not in view.program.memo:
        has = any(item.module.product and item.has_own(node.attr) for item in view.program.classes)
        view.program.memo[key] = has
    return bool(view.program.memo[key]) and not is_mock(owner)
