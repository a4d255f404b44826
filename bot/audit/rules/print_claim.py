"""Success or a reproduction is printed instead of asserted."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.checks import is_check
from bot.audit.definitions import last_name
from bot.audit.rule import WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.rules.tautology import always_true
from bot.audit.view import View

_CLAIM = re.compile(
    r"[\u2705\u2714\u2713\U0001F389]|\b(PASS(?:ED)?|SUCCESS(?:FUL(?:LY)?)?|REPRODUCED|CONFIRMED|VALIDATED|VERIFIED|PROVEN)\b"
)
_SAYS = {"print", "info", "debug", "warning", "error", "critical", "log", "write"}


def _real(node: ast.AST) -> bool:
    return is_check(node) and not (isinstance(node, ast.Assert) and always_true(node.test))


def _claim(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and last_name(node.func) in _SAYS):
        return False
    return any(
        isinstance(item, ast.Constant) and isinstance(item.value, str) and _CLAIM.search(item.value)
        for argument in node.args
        for item in ast.walk(argument)
    )


def _dominated(view: View, node: ast.AST) -> bool:
    """Whether an assertion stands before it on its way: earlier in its block or in a block around it."""
    child = node
    for item in (*view.above(node), view.node):
        for part in ("body", "orelse", "finalbody"):
            block = getattr(item, part, None)
            before = block[: block.index(child)] if isinstance(block, list) and child in block else []
            if any(_real(inner) for statement in before for inner in _certain(statement)):
                return True
        child = item
    return False


def _certain(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement that run whenever it runs; conditional parts are left out."""
    if isinstance(statement, ast.If | ast.Try | ast.While):
        return
    yield statement
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.stmt):
            yield from _certain(child)
        else:
            yield from ast.walk(child)


def _look(context: Context, view: View) -> Iterator[Found]:
    always = any(_real(item) for statement in view.node.body for item in _certain(statement))
    for node in view.nodes:
        if _claim(node) and not _dominated(view, node):
            message = f"`{said(node)}` claims a result that no assertion before it establishes"
            if always:
                yield node, message, WARNING
            else:
                yield node, message


RULE = Rule(
    id="print-claim",
    defect_class="print-claim",
    title="A claim is printed, not asserted",
    rationale="Whoever reads the output believes the line. It is printed whatever the code did.",
    hint="Assert what the line claims, or delete the line.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import one


def test_one():
    assert one() == 1
    print('PASSED: one is one')
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
    if one() == 2:
        print('REPRODUCED')
""",
        implementation="""\
def one():
    return 1
""",
    ),
)
