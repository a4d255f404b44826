"""An assertion that holds whatever the code does."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.definitions import last_name
from bot.audit.rule import WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.values import Known
from bot.audit.view import View


def _same(left: ast.expr, right: ast.expr) -> bool:
    if any(isinstance(item, ast.Call | ast.Await | ast.Constant) for item in ast.walk(left)):
        return False
    return ast.dump(left) == ast.dump(right)


def _of_comparison(node: ast.Compare) -> str:
    left, op, right = node.left, node.ops[0], node.comparators[0]
    if isinstance(op, ast.Eq | ast.Is | ast.LtE | ast.GtE) and _same(left, right) and isinstance(left, ast.Name):
        return "both sides are the same expression"
    zero = isinstance(right, ast.Constant) and right.value == 0 and not isinstance(right.value, bool)
    if isinstance(op, ast.GtE) and zero and isinstance(left, ast.Call) and last_name(left.func) == "len":
        return "a length is never negative"
    return ""


def always_true(test: ast.expr) -> str:
    """Why an expression is true for every value it can get; empty when it is not."""
    if isinstance(test, ast.Constant) and test.value:
        return "it is a constant"
    if isinstance(test, ast.Tuple) and test.elts:
        return "a tuple that is not empty is always true"
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _of_comparison(test)
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        for part in test.values:
            if why := always_true(part):
                return why
            denied = ast.dump(ast.UnaryOp(ast.Not(), part))
            if any(ast.dump(other) == denied for other in test.values):
                return "one of a value and its opposite is always true"
    if (
        isinstance(test, ast.Call)
        and last_name(test.func) == "isinstance"
        and len(test.args) == 2
        and last_name(test.args[1]) == "object"
    ):
        return "everything is an object"
    return ""


def _findings(view: View) -> dict[ast.AST, str]:
    found: dict[ast.AST, str] = {}
    for node in view.checks:
        test = node.test if isinstance(node, ast.Assert) else None
        if isinstance(node, ast.Call) and last_name(node.func) == "assertTrue" and node.args:
            test = node.args[0]
        if test is not None and (why := always_true(test)):
            found[node] = why
    for judged in view.judged:
        sides = (judged.left, judged.right)
        own = all(isinstance(side, Known) and side.origin is not None and not side.origin.product for side in sides)
        if judged.holds is True and judged.op is not None and own and not _reads_product(view, judged.sides):
            found[judged.node] = "both sides are literals of the test"
    return found


def _reads_product(view: View, sides: tuple[ast.expr, ...]) -> bool:
    return any(isinstance(item, ast.Attribute | ast.Call) for side in sides for item in ast.walk(side))


def _look(context: Context, view: View) -> Iterator[Found]:
    found = _findings(view)
    # One empty assertion among real ones is untidy; a test that has no other is a fake.
    others = [
        node
        for node in view.checks
        if node not in found and not (isinstance(node, ast.Call) and _inside(view, node, found))
    ]
    for node, why in found.items():
        message = f"`{said(node)}` holds whatever the code does: {why}"
        if others:
            yield node, message, WARNING
        else:
            yield node, message


def _inside(view: View, node: ast.AST, found: dict[ast.AST, str]) -> bool:
    return any(item in found for item in view.above(node))


RULE = Rule(
    id="tautology",
    defect_class="tautology",
    title="An assertion that cannot fail",
    rationale="A predicate that is true for every value it can get checks nothing.",
    hint="Assert on a value that the product computed, against what it must be.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import items


def test_items():
    assert len(items()) >= 1
""",
        implementation="""\
def items():
    return [1]
""",
    ),
    bad=Example(
        test="""\
from product.service import items


def test_items():
    found = items()
    assert len(found) >= 0
""",
        implementation="""\
def items():
    return [1]
""",
    ),
)
