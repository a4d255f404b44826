"""Every asserted value comes from mocks that the test built."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.checks import MOCKS
from bot.audit.definitions import last_name
from bot.audit.references import is_product
from bot.audit.rule import Context, Example, Found, Rule, per_test
from bot.audit.view import View

_SPECS = MOCKS | {"patch", "object", "isinstance", "cast"}


def _only_as_spec(view: View) -> bool:
    """Whether the product appears only as the model of a mock."""
    for node in view.reach.product:
        if isinstance(node, ast.Constant | ast.ClassDef):
            return False
        source = (view.program.home_of(node) or view.module).source
        parent = source.parents.get(node)
        if isinstance(parent, ast.keyword):
            parent = source.parents.get(parent)
        if isinstance(parent, ast.Attribute | ast.arg):
            return False
        if not (isinstance(parent, ast.Call) and parent.func is not node and last_name(parent.func) in _SPECS):
            return False
    return True


def _look(context: Context, view: View) -> Iterator[Found]:
    reach = view.reach
    if reach.opaque or not view.checks or not context.program.product_modules or not _only_as_spec(view):
        return
    if reach.classes or any(item.owner is None and not _is_factory(item.node) for item in reach.functions):
        return
    made = [name for name in reach.external if name.rpartition(".")[2] in MOCKS and "mock" in name]
    called = any(isinstance(node, ast.Call) and is_product(view.bare_scope.resolve(node.func)) for node in view.nodes)
    if made and not called:
        yield (
            view.checks[0],
            ("everything asserted here comes from mocks that the test itself made and called; no product code runs"),
        )


def _is_factory(node: ast.AST) -> bool:
    return any(isinstance(item, ast.Call) and last_name(item.func) in MOCKS for item in ast.walk(node))


RULE = Rule(
    id="mock-only",
    defect_class="mock-only",
    title="Only mocks are exercised",
    rationale="A mock answers what it was told to. A test in which nothing else answers checks unittest.mock.",
    hint="Give the mock to the product code and assert on what that code does with it.",
    check=per_test(_look),
    good=Example(
        test="""\
from unittest.mock import Mock
from product.service import greet


def test_greet():
    out = Mock()
    greet(out)
    out.write.assert_called_once_with('hello')
""",
        implementation="""\
def greet(out):
    out.write('hello')
""",
    ),
    bad=Example(
        test="""\
from unittest.mock import Mock


def test_greet():
    out = Mock()
    out.greet.return_value = 'hello'
    assert out.greet() == 'hello'
""",
        implementation="""\
def greet(out):
    out.write('hello')
""",
    ),
)
