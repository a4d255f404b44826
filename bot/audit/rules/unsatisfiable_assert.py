"""An assertion that fails for every implementation."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.definitions import last_name
from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.view import View


def _case_of(node: ast.expr) -> str:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        return node.func.attr if node.func.attr in {"lower", "upper", "casefold"} else ""
    return ""


def _wrong_case(text: ast.expr, cased: ast.expr) -> bool:
    if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
        return False
    how = _case_of(cased)
    return (
        (how == "lower" and text.value != text.value.lower())
        or (how == "upper" and text.value != text.value.upper())
        or (how == "casefold" and text.value != text.value.casefold())
    )


def _bounds(node: ast.BoolOp) -> bool:
    """Whether joined comparisons of one expression with numbers leave no value."""
    exact: dict[str, set[object]] = {}
    least: dict[str, float] = {}
    most: dict[str, float] = {}
    for part in node.values:
        if not (isinstance(part, ast.Compare) and len(part.ops) == 1 and isinstance(part.comparators[0], ast.Constant)):
            continue
        if any(isinstance(item, ast.Call | ast.Await) for item in ast.walk(part.left)):
            continue
        key, op, value = ast.dump(part.left), part.ops[0], part.comparators[0].value
        if isinstance(op, ast.Eq):
            exact.setdefault(key, set()).add(value)
        elif isinstance(value, int | float):
            if isinstance(op, ast.Gt | ast.GtE):
                least[key] = max(value, least.get(key, value))
            elif isinstance(op, ast.Lt | ast.LtE):
                most[key] = min(value, most.get(key, value))
    return any(len(values) > 1 for values in exact.values()) or any(
        key in most and most[key] < least[key] for key in least
    )


def always_false(test: ast.expr) -> str:
    """Why an expression is false for every value it can get; empty when it is not."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return (
            "its parts exclude each other" if _bounds(test) else next(filter(None, map(always_false, test.values)), "")
        )
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return ""
    left, op, right = test.left, test.ops[0], test.comparators[0]
    if isinstance(op, ast.In) and _wrong_case(left, right):
        return f"text after .{_case_of(right)}() never contains it"
    if isinstance(op, ast.Eq) and (_wrong_case(left, right) or _wrong_case(right, left)):
        return "the other side never has these letters' case"
    if (
        isinstance(op, ast.Lt)
        and isinstance(right, ast.Constant)
        and right.value == 0
        and last_name(left) == "len"
        and isinstance(left, ast.Call)
    ):
        return "a length is never negative"
    if isinstance(op, ast.NotEq | ast.IsNot) and isinstance(left, ast.Name) and ast.dump(left) == ast.dump(right):
        return "both sides are the same expression"
    return ""


def _gives_up(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assert):
        return isinstance(statement.test, ast.Constant) and not statement.test.value
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and last_name(call.func) == "fail"


def _look(context: Context, view: View) -> Iterator[Found]:
    for node in view.asserts:
        if (why := always_false(node.test)) and not view.under_raises(node, "AssertionError"):
            yield node, f"`{said(node)}` fails for every implementation: {why}"
    for statement in view.node.body:
        if any(isinstance(item, ast.Return) for item in ast.walk(statement)):
            return
        if _gives_up(statement):
            yield statement, f"`{said(statement)}` stands on every path: the test fails for every implementation"
            return


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
