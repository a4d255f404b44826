"""Only the language or its library is exercised."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.checks import MOCKS
from bot.audit.rule import Context, Example, Found, Rule, per_test
from bot.audit.view import View


def _look(context: Context, view: View) -> Iterator[Found]:
    reach = view.reach
    if not context.program.product_modules or reach.opaque or reach.product or not view.checks:
        return
    if reach.classes or any(item.owner is None for item in reach.functions):
        return  # its own code is exercised: sut-reimplemented
    if any(name.rpartition(".")[2] in MOCKS for name in reach.external):
        return  # mock-only
    if any(isinstance(node, ast.Call) for node in view.nodes if not _is_tool(view, node)):
        yield (
            view.checks[0],
            "nothing of the implementation appears in this test: it checks only Python and its library",
        )


def _is_tool(view: View, node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and view.bare_scope.dotted(node.func).startswith(("pytest.", "builtins.print"))


RULE = Rule(
    id="tests-dependency",
    defect_class="tests-dependency",
    title="Only the language or its library is tested",
    rationale="asyncio, json and dict work. A test that exercises nothing else cannot fail because of the product.",
    hint="Call the product code whose behaviour the test's name speaks of.",
    check=per_test(_look),
    good=Example(
        test="""\
import json
from product.service import encode


def test_encode():
    assert json.loads(encode(1)) == 1
""",
        implementation="""\
import json


def encode(value):
    return json.dumps(value)
""",
    ),
    bad=Example(
        test="""\
import asyncio


def test_event():
    event = asyncio.Event()
    assert not event.is_set()
    event.set()
    assert event.is_set()
""",
        implementation="""\
def encode(value):
    return str(value)
""",
    ),
)
