"""Assertions of a test that hold whatever the code does, with the reason: found by what their names stand for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.controlflow.asserting import predicate
from bot.audit.controlflow.paths import Path, paths_in
from bot.audit.evaluating.values import Known
from bot.audit.reading.checks import is_mock
from bot.audit.reading.constants import constant
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name
from bot.audit.reading.flat import every, parent_of
from bot.audit.reading.program import ModuleInfo
from bot.audit.reading.references import Bound, Instance, is_product
from bot.audit.reading.source import FunctionNode
from bot.audit.reading.truths import always_true
from bot.audit.vacuity.echoes import echoes, gives_back, set_before
from bot.audit.vacuity.given import only_given, set_to_true
from bot.audit.vacuity.limits import bounds_nothing
from bot.audit.vacuity.literals import only_literals
from bot.audit.vacuity.objects import mock_claims, object_claims
from bot.audit.vacuity.sizes import same_size
from bot.audit.view import View

LONG_S = 300
"""An upper bound of a duration at or above this many seconds bounds nothing that a test waits for."""

_CLOCKS = {"time", "monotonic", "perf_counter", "now", "utcnow", "process_time", "perf_counter_ns"}


def vacuous(view: View) -> dict[ast.AST, str]:
    """The test's own assertions that cannot fail, each with the reason; found once."""
    key = ("vacuous", view.node)
    if key not in view.program.memo:
        view.program.memo[key] = dict(_found(view))
    known: dict[ast.AST, str] = view.program.memo[key]
    return known


def _found(view: View) -> Iterator[tuple[ast.AST, str]]:
    paths = paths_in(view)
    objects = object_claims(view) | mock_claims(view)
    passed = {check for path in paths.green for check in path.checks}
    settled = passed - paths.fallible if paths.complete else set()
    for node in view.checks:
        if node in objects:
            yield node, objects[node]
            continue
        test = predicate(node)
        if test is None:
            continue
        if why := _why(view, test) or only_literals(view, test):
            yield node, why
        elif only_given(view, test):
            yield node, "it gives back what the test put there"
        elif reason := bounds_nothing(view, test):
            yield node, reason
        elif node in settled or set_before(view, node, test) or set_to_true(view, node, test):
            yield node, "the test itself sets what it asserts"
    for judged in view.judged:
        if judged.holds is not True or judged.op is None:
            continue
        own = all(
            isinstance(side, Known) and side.origin is not None and not side.origin.product
            for side in (judged.left, judged.right)
        )
        if own and echoes(view, judged.sides):
            yield judged.node, "it gives back what the test put there"


def _why(view: View, test: ast.expr) -> str:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        reasons = [_why(view, part) for part in test.values]
        return reasons[0] if all(reasons) else ""
    if isinstance(test, ast.BoolOp):
        return always_true(test) or next(filter(None, (_why(view, part) for part in test.values)), "")
    if (why := always_true(test)) and not _compares_itself(view, test):
        return why
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _of_comparison(view, test)
    if isinstance(test, ast.Call):
        return _of_call(view, test)
    if isinstance(test, ast.Name) and isinstance(view.scope.resolve(test), FunctionInfo | ModuleInfo | ClassInfo):
        return "it exists as the files stand, and is not called"
    return "" if not isinstance(test, ast.Name) else _just_made(view, test, truth=True)


_ABOUT_EQUALITY = re.compile(r"identical|equal|(?<![a-z])eq(?![a-z])|hash|comparison|reflexive", re.IGNORECASE)


def _compares_itself(view: View, test: ast.expr) -> bool:
    """Whether `x == x` runs a comparison that the product defines."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test = test.operand
    if not (isinstance(test, ast.Compare) and isinstance(test.left, ast.Name)):
        return False
    if not isinstance(test.ops[0], ast.Is) and _ABOUT_EQUALITY.search(view.node.name):
        return True
    found = view.scope.resolve(test.left)
    return (
        not isinstance(test.ops[0], ast.Is)
        and (not isinstance(found, Instance) or not found.cls.closed or found.cls.method("__eq__") is not None)
        and is_product_like(view, test.left)
    )


def is_product_like(view: View, name: ast.Name) -> bool:
    """Whether a local name may be an object of the product: what a call of a class gave."""
    found = view.scope.resolve(name)
    if found is not None:
        return is_product(found)
    values = [value for kind, value in view.scope.bound(view.node).get(name.id, []) if kind == "value"]
    return any(isinstance(value, ast.Call) and last_name(value.func)[:1].isupper() for value in values)


def _of_comparison(view: View, test: ast.Compare) -> str:
    left, op, right = test.left, test.ops[0], test.comparators[0]
    none = isinstance(right, ast.Constant) and right.value is None
    if isinstance(op, ast.IsNot | ast.NotEq) and none:
        if isinstance(view.scope.resolve(left), FunctionInfo | ModuleInfo | ClassInfo):
            return "it exists as the files stand"
        return _just_made(view, left, truth=False)
    if isinstance(op, ast.Eq | ast.Is) and (why := _of_attribute(view, left, right)):
        return why
    if isinstance(op, ast.Eq) and same_size(view, left, right):
        return "the text alone says how many there are"
    limit = constant(right, {})
    number = limit.value if limit is not None and type(limit.value) in {int, float} else None
    if number is not None and _is_duration(view, left):
        if isinstance(op, ast.Lt | ast.LtE) and number >= LONG_S:
            return f"no test waits {number:g} seconds"
        if isinstance(op, ast.GtE | ast.Gt) and number <= 0:
            return "no duration is negative"
    if number is not None and number <= 0 and isinstance(op, ast.GtE) and _is_absolute(view, left):
        return "an absolute value is never negative"
    if number is not None and isinstance(op, ast.Lt | ast.LtE) and (why := _wide(left, number)):
        return why
    if isinstance(op, ast.Eq):
        return _wide_approx(right) or _wide_approx(left)
    return ""


def _of_attribute(view: View, left: ast.expr, right: ast.expr) -> str:
    """Why an equation with an attribute of a plain object always holds."""
    if isinstance(left, ast.Attribute) and ast.dump(left) == ast.dump(right) and _holds_still(view, left):
        return "both sides are the same expression"
    given = gives_back(view, left, right) or gives_back(view, right, left)
    return "it gives back what the test put there" if given else ""


def _holds_still(view: View, node: ast.Attribute) -> bool:
    """Whether reading an attribute twice gives the same object: it is set by methods, and no property."""
    found = view.scope.resolve(node.value)
    if not isinstance(found, Instance) or not found.cls.closed or found.cls.method(node.attr) is not None:
        return False
    return isinstance(node.value, ast.Name) and any(node.attr in item.set_by_methods for item in found.cls.order)


def _wide(left: ast.expr, margin: float) -> str:
    """Whether `abs(x - expected) <= margin` accepts zero and twice the expected value."""
    if not (isinstance(left, ast.Call) and last_name(left.func) == "abs" and len(left.args) == 1):
        return ""
    inner = left.args[0]
    if not (isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Sub)):
        return ""
    for side in (inner.left, inner.right):
        known = constant(side, {})
        if known is not None and type(known.value) in {int, float} and 0 < abs(known.value) <= margin:
            return "the margin is as large as the value"
    return ""


def _wide_approx(node: ast.expr) -> str:
    if not (isinstance(node, ast.Call) and last_name(node.func) == "approx" and node.args):
        return ""
    expected = constant(node.args[0], {})
    if expected is None or type(expected.value) not in {int, float} or not expected.value:
        return ""
    for word in node.keywords:
        given = constant(word.value, {})
        if given is None or type(given.value) not in {int, float}:
            continue
        whole = abs(expected.value) if word.arg == "abs" else 1.0
        if word.arg in {"abs", "rel"} and given.value >= whole:
            return "the margin is as large as the value"
    return ""


def _is_duration(view: View, node: ast.expr) -> bool:
    """Whether an expression is the difference of two readings of a clock."""
    if isinstance(node, ast.Name):
        values = view.scope.bound(view.node).get(node.id, [])
        return len(values) == 1 and isinstance(values[0][1], ast.BinOp) and _is_duration(view, values[0][1])
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and any(last_name(call.func) in _CLOCKS for call in every(node.left, ast.Call))
    )


def _is_absolute(view: View, node: ast.expr) -> bool:
    """Whether an expression is what `abs` or `len` gave."""
    if isinstance(node, ast.Name):
        bound = view.scope.bound(view.node).get(node.id, [])
        if len(bound) != 1 or bound[0][0] != "value" or not isinstance(bound[0][1], ast.expr):
            return False
        node = bound[0][1]
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"abs", "len"}


def _of_call(view: View, test: ast.Call) -> str:
    name = last_name(test.func)
    if not isinstance(test.func, ast.Name) or not test.args:
        return ""
    found = view.scope.resolve(test.args[0])
    if name == "callable" and isinstance(found, FunctionInfo | ClassInfo | Bound):
        return "it exists as the files stand, and is not called"
    if name == "hasattr" and len(test.args) == 2 and isinstance(test.args[1], ast.Constant):
        return _has(view, test.args[0], str(test.args[1].value))
    if name == "isinstance" and len(test.args) == 2 and isinstance(found, Instance) and found.call is not None:
        wanted = test.args[1]
        home = view.program.home_of(found.call)
        if home is None or home.product:
            return ""  # which class a function of the product takes is its own decision
        for item in wanted.elts if isinstance(wanted, ast.Tuple) else [wanted]:
            cls = view.scope.resolve(item)
            # That one class is built on another is the product's to decide.
            if isinstance(cls, ClassInfo) and cls.node is found.cls.node and _plainly_made(found):
                return f"calling {found.cls.node.name} gives nothing else"
    if name == "bool" and len(test.args) == 1:
        return _why(view, test.args[0])
    return ""


def _has(view: View, owner: ast.expr, name: str) -> str:
    """Whether an attribute is there by the text: a function or class of a module, a method of a class."""
    found = view.scope.resolve(owner)
    if isinstance(found, ModuleInfo):
        there = isinstance(view.program.member(found, name), FunctionInfo | ClassInfo)
        return "the file defines it" if there else ""
    cls = found.cls if isinstance(found, Instance) and found.call is not None else found
    if not isinstance(cls, ClassInfo):
        return ""
    set_once = isinstance(found, Instance) and any(
        name in item.set_by_methods and _in_init(item, name) for item in cls.order
    )
    return "its class defines it" if cls.method(name) is not None or set_once else ""


def _in_init(cls: ClassInfo, name: str) -> bool:
    init = cls.members.get("__init__")
    return isinstance(init, FunctionNode) and any(
        isinstance(target, ast.Attribute) and target.attr == name
        for statement in init.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
    )


def _plainly_made(found: Instance) -> bool:
    """Whether the class cannot give something else than an object of it."""
    return (
        all(
            ("__new__" not in item.members and not item.node.keywords and not item.node.decorator_list)
            or item.is_dataclass
            for item in found.cls.order
        )
        and found.cls.closed
    )


def _just_made(view: View, node: ast.expr, *, truth: bool) -> str:
    """Whether an expression is an object that a constructor or a mock just gave."""
    found = view.scope.resolve(node)
    if is_mock(found):
        return "a mock is never None" if not truth else "a mock is always true"
    if not isinstance(found, Instance) or found.call is None or not isinstance(node, ast.Name):
        return ""
    compared = parent_of(node)
    equal = isinstance(compared, ast.Compare) and isinstance(compared.ops[0], ast.Eq | ast.NotEq)
    equal = equal or (isinstance(compared, ast.Call) and last_name(compared.func) in {"assertNotEqual", "assertEqual"})
    if equal and any(map(found.cls.method, ("__eq__", "__ne__"))):
        return ""
    if truth and not (found.cls.closed and not any(map(found.cls.method, ("__bool__", "__len__")))):
        return ""
    return f"calling {found.cls.node.name} never gives None" if not truth else "such an object is always true"


def deciding(view: View, path: Path) -> tuple[ast.AST, ...]:
    """The assertions of a path that can fail; those that only guard its set-up count where the test has no other."""
    return _deciding(view, path, set(vacuous(view)))


def deciding_here(view: View, path: Path) -> tuple[ast.AST, ...]:
    """The assertions of a path that could still fail on it."""
    return _deciding(view, path, {*vacuous(view), *path.settled})


def _deciding(view: View, path: Path, without: set[ast.AST]) -> tuple[ast.AST, ...]:
    real = tuple(check for check in path.checks if check not in without)
    arranging = paths_in(view).arranging
    if not arranging or not _has_others(view):
        return real
    return tuple(check for check in real if check not in arranging)


def _has_others(view: View) -> bool:
    key = ("decided by the test", view.node)
    if key not in view.program.memo:
        paths = paths_in(view)
        view.program.memo[key] = any(
            check not in paths.arranging and check not in vacuous(view) for path in paths.green for check in path.checks
        )
    return bool(view.program.memo[key])


def silent(view: View, path: Path) -> bool:
    """Whether a path ends without an assertion that can fail."""
    return not deciding(view, path)


def decides(view: View) -> bool:
    """Whether any assertion of the test can fail, as far as the text tells."""
    paths = paths_in(view)
    if not paths.complete:
        return any(node not in vacuous(view) for node in view.checks)
    return any(not silent(view, path) for path in paths.green)


def is_weak(check: ast.AST) -> bool:
    """Whether an assertion only wants something to be there, or to be of some class."""
    test = predicate(check)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        right = test.comparators[0]
        return isinstance(test.ops[0], ast.IsNot) and isinstance(right, ast.Constant) and right.value is None
    return isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.func.id in {"isinstance", "hasattr"}
