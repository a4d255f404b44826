"""A test that asserts nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.checks import is_check
from bot.audit.definitions import last_name
from bot.audit.rule import WARNING, Context, Example, Found, Rule, per_test
from bot.audit.view import View

_SAYS = {"print", "info", "debug", "warning", "error", "log", "exception"}
_SMOKE = re.compile(
    r"no_?(t_)?(error|raise|crash|exception|fail|warn)|smoke|does_?nt?_?(not)?_(raise|crash|fail)|without_(error|rais)",
    re.IGNORECASE,
)


def _checks_elsewhere(view: View) -> bool:
    return any(
        is_check(item)
        for function in view.reach.functions
        for item in ast.walk(function.node)
        if not function.module.product
    ) or any(is_check(item) for cls in view.reach.classes for item in ast.walk(cls.node))


def _leads_somewhere(view: View) -> bool:
    """Whether the test may assert through something that is not in these files."""
    return view.reach.opaque and any(
        isinstance(node, ast.Call) and view.scope.resolve(node.func) is None for node in view.nodes
    )


def _look(context: Context, view: View) -> Iterator[Found]:
    body = [
        item for item in view.node.body if not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))
    ]
    if view.checks or any(isinstance(item, ast.Yield) for item in view.nodes):
        return
    if any(
        isinstance(node, ast.Call) and last_name(node.func) in {"skip", "xfail", "importorskip"} for node in view.nodes
    ):
        return
    planned = context.planned(view.case)
    if planned is not None and planned.expectation.failure == "exception":
        return  # the planned exception is what it asserts: it fails by it, and passes without
    if _checks_elsewhere(view):
        return
    calls = [node for node in view.nodes if isinstance(node, ast.Call)]
    talks = any(last_name(node.func) in _SAYS for node in calls)
    empty = not calls or all(isinstance(item, ast.Pass) for item in body)
    message = "no assertion, expected exception or mock assertion in this test or in anything it calls"
    if empty or (planned is not None) or (talks and not _SMOKE.search(view.node.name)):
        yield view.node, message
    elif not _leads_somewhere(view):
        yield view.node, message, WARNING


RULE = Rule(
    id="no-assert",
    defect_class="no-assert",
    title="A test that asserts nothing",
    rationale="Without an assertion a test says at most that nothing was raised. Printing a value does not check it; a "
    "call that must not raise is a warning, since people write such tests on purpose.",
    hint="Assert what the code must have done. If the point is that nothing is raised, say so in the name.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import one


def same(left, right):
    assert left == right


def test_one():
    same(one(), 1)
""",
        implementation="""\
def one():
    return 1
""",
    ),
    bad=Example(
        test="""\
from product.service import one


def test_one():
    result = one()
    print('result', result)
""",
        implementation="""\
def one():
    return 1
""",
    ),
)
