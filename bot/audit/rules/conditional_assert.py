"""Every assertion stands under a condition that the run may not meet."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.checks import is_check
from bot.audit.definitions import last_name
from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.view import View


def _run_time(view: View, test: ast.expr) -> bool:
    """Whether a condition looks at a result of the run: a local that a call gave, or a call itself."""
    for item in ast.walk(test):
        if isinstance(item, ast.Name):
            for kind, value in view.scope.bound(view.node).get(item.id, []):
                if kind == "value" and any(isinstance(part, ast.Call | ast.Await) for part in ast.walk(value)):
                    return True
                if kind == "unknown" and isinstance(value, ast.ExceptHandler):
                    return True
    return False


def _silent_if(view: View, check: ast.AST) -> ast.If | None:
    """The innermost `if` over an assertion whose other side says nothing."""
    child = check
    for item in view.above(check):
        if isinstance(item, ast.If):
            other = item.orelse if child in item.body else item.body
            speaks = any(
                is_check(inner) or isinstance(inner, ast.Raise | ast.Continue)
                for part in other
                for inner in ast.walk(part)
            )
            if not speaks and child is not item.test and _run_time(view, item.test):
                return item
        child = item
    return None


def _fails_outright(check: ast.AST) -> bool:
    if isinstance(check, ast.Assert):
        return isinstance(check.test, ast.Constant) and not check.test.value
    return isinstance(check, ast.Raise) or (isinstance(check, ast.Call) and last_name(check.func) == "fail")


def _look(context: Context, view: View) -> Iterator[Found]:
    if any(_fails_outright(check) for check in view.checks):
        return  # failing under a condition is asserting it
    held = [(check, _silent_if(view, check)) for check in view.checks]
    if held and all(item is not None for _, item in held):
        condition = held[0][1]
        assert condition is not None
        yield (
            condition,
            (
                f"every assertion stands under `if {said(condition.test)}`, which depends on the run; otherwise "
                "the test passes "
                "without checking anything"
            ),
        )


RULE = Rule(
    id="conditional-assert",
    defect_class="conditional-assert",
    title="The assertions may never be reached",
    rationale="If the result is not as the condition wants it, the test is silent and green.",
    hint="Assert the condition itself, then what follows from it.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import find


def test_find():
    found = find()
    assert found is not None
    if found.extra:
        assert found.extra == 1
""",
        implementation="""\
def find():
    return None
""",
    ),
    bad=Example(
        test="""\
from product.service import find


def test_find():
    found = find()
    if found:
        assert found.name == 'x'
""",
        implementation="""\
def find():
    return None
""",
    ),
)
