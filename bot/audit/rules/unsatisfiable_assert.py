"""An assertion that fails for every implementation."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.controlflow.asserting import predicate
from bot.audit.controlflow.paths import paths_in
from bot.audit.reading.checks import is_mock
from bot.audit.reading.constants import constant
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every, parent_of
from bot.audit.reading.references import Instance
from bot.audit.reading.truths import always_false
from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.view import View


def _returns_none(view: View, test: ast.expr) -> str:
    """Whether what is asserted is the None that an assertion of a mock gives."""
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute) and test.func.attr.startswith("assert_"):
        if test.func.attr.startswith(("assert_called", "assert_awaited", "assert_any", "assert_has", "assert_not")):
            return "an assertion of a mock gives None"
        if is_mock(view.scope.resolve(test.func.value)):
            return "an assertion of a mock gives None"
    return ""


def _spelled_out(view: View, test: ast.expr) -> ast.expr:
    """A comparison in which a local that is bound once, to a text in one case, is replaced by what it is bound to."""
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1):
        return test
    return ast.Compare(_text_of(view, test.left), test.ops, [_text_of(view, test.comparators[0])])


def _text_of(view: View, node: ast.expr) -> ast.expr:
    bound = view.scope.bound(view.node).get(node.id, []) if isinstance(node, ast.Name) else []
    value = bound[0][1] if len(bound) == 1 and bound[0][0] == "value" else None
    cased = isinstance(value, ast.Call) and last_name(value.func) in {"lower", "upper", "casefold"}
    return value if cased and isinstance(value, ast.expr) else node


def _contradictions(view: View) -> Iterator[tuple[ast.Assert, ast.Assert]]:
    """Assertions that stand one after the other and want two values of one name or attribute."""
    last: dict[tuple[ast.AST | None, str], tuple[ast.Assert, object]] = {}
    for node in view.asserts:
        test = node.test
        if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
            continue
        known = constant(test.comparators[0], {})
        if known is None or any(True for _ in every(test.left, ast.Call, ast.Await)):
            continue
        key = (parent_of(node), ast.dump(test.left))
        before = last.get(key)
        differ = before is not None and before[1] != known.value and not _may_equal_both(view, before[1], known.value)
        if before is not None and differ and _adjacent(parent_of(node), before[0], node):
            yield before[0], node
        last[key] = (node, known.value)


def _decides_equality(view: View, test: ast.expr) -> bool:
    """Whether an object is compared with itself whose class says what is equal."""
    if not (isinstance(test, ast.Compare) and ast.dump(test.left) == ast.dump(test.comparators[0])):
        return False
    found = view.scope.resolve(test.left)
    return isinstance(found, Instance) and any(found.cls.method(name) for name in ("__eq__", "__ne__"))


def _may_equal_both(view: View, first: object, second: object) -> bool:
    """Whether two values may both equal one object: the product compares objects with text in its own way."""
    if not (isinstance(first, str) and isinstance(second, str)):
        return False
    key = ("decides equality",)
    if key not in view.program.memo:
        view.program.memo[key] = any(
            isinstance(item, ast.FunctionDef) and item.name == "__eq__"
            for cls in view.program.classes
            if cls.module.product
            for item in cls.node.body
        )
    known: bool = view.program.memo[key]
    return known


def _adjacent(block: ast.AST | None, first: ast.stmt, second: ast.stmt) -> bool:
    """Whether only assertions stand between two statements of one block, without calls, and attributes may call."""
    for part in ("body", "orelse", "finalbody"):
        statements = getattr(block, part, None)
        if isinstance(statements, list) and first in statements and second in statements:
            between = statements[statements.index(first) + 1 : statements.index(second)]
            return all(
                isinstance(item, ast.Assert) and not any(True for _ in every(item, ast.Call, ast.Attribute))
                for item in between
            )
    return False


def _where_it_must_raise(view: View, node: ast.AST) -> bool:
    """Whether an assertion ends a `try` whose call must raise, and be caught, for the test to pass."""
    statement = node if isinstance(node, ast.stmt) else parent_of(node)
    around = parent_of(statement) if statement is not None else None
    return (
        isinstance(around, ast.Try)
        and bool(around.handlers)
        and around.body[-1] is statement
        and any(True for item in around.body[:-1] for _ in every(item, ast.Call, ast.Await))
    )


def _look(context: Context, view: View) -> Iterator[Found]:
    if any(last_name(item) == "skip" for item in view.node.decorator_list):
        return
    for node in view.checks:
        test = predicate(node)
        if test is None or view.under_raises(node, "AssertionError"):
            continue
        if _where_it_must_raise(view, node):
            continue
        why = always_false(test) or always_false(_spelled_out(view, test)) or _returns_none(view, test)
        if why and not _decides_equality(view, test):
            yield node, f"`{said(node)}` fails for every implementation: {why}"
    for first, second in _contradictions(view):
        if not view.under_raises(second, "AssertionError"):
            yield second, f"`{said(second)}` contradicts `{said(first)}` on line {first.lineno}: no value passes both"
    paths = paths_in(view)
    if not paths.complete or paths.green or paths.skipped or not paths.dead:
        return
    outright = [raised for raised in paths.dead if raised.kind in {"assertion", "fail"}]
    if len(outright) == len(paths.dead) and not _where_it_must_raise(view, outright[0].cause):
        cause = outright[0].cause
        yield cause, f"`{said(cause)}`: every path of the test ends in a failure, whatever the code does"


RULE = Rule(
    id="unsatisfiable-assert",
    defect_class="unsatisfiable-assert",
    title="An assertion that no implementation can satisfy",
    rationale="A test that fails whatever the code does is no evidence of a defect in the code.",
    hint="Compare with a value that correct code can give.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import word


def test_word():
    assert 'ok' in word().lower()
""",
        implementation="""\
def word():
    return 'OK'
""",
    ),
    bad=Example(
        test="""\
from product.service import word


def test_word():
    assert 'OK' in word().lower()
""",
        implementation="""\
def word():
    return 'OK'
""",
    ),
)
