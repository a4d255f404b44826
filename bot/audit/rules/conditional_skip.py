"""What is missing leads to a skip or an early end instead of a failure."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.checks import handler_names
from bot.audit.definitions import last_name
from bot.audit.references import is_product
from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.view import View

_MISSING = {"ImportError", "ModuleNotFoundError", "AttributeError", "NameError"}


def _leaves_quietly(body: list[ast.stmt]) -> bool:
    for statement in body:
        if isinstance(statement, ast.Return) and (statement.value is None or isinstance(statement.value, ast.Constant)):
            return True
        if (
            isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Call)
            and last_name(statement.value.func) in {"skip", "skipTest"}
        ):
            return True
    return False


def _asks_for(view: View, test: ast.expr) -> ast.Call | None:
    for item in ast.walk(test):
        if (
            isinstance(item, ast.Call)
            and last_name(item.func) == "hasattr"
            and item.args
            and is_product(view.bare_scope.resolve(item.args[0]))
        ):
            return item
    return None


def _imports_product(view: View, body: list[ast.stmt]) -> ast.stmt | None:
    for statement in body:
        for item in ast.walk(statement):
            if isinstance(item, ast.ImportFrom | ast.Import):
                names = [alias.name for alias in item.names] if isinstance(item, ast.Import) else [item.module or ""]
                roots = {name.split(".")[0] for name in names}
                if roots & {module.name.split(".")[0] for module in view.program.product_modules}:
                    return item
    return None


def _look(context: Context, view: View) -> Iterator[Found]:
    for node in view.nodes:
        if (
            isinstance(node, ast.If)
            and _leaves_quietly(node.body)
            and (asked := _asks_for(view, node.test)) is not None
        ):
            yield (
                node,
                (
                    f"when `{said(asked)}` is false the test ends without failing: a missing part of the product "
                    "looks fine"
                ),
            )
        elif isinstance(node, ast.Try) and (product := _imports_product(view, node.body)) is not None:
            for handler in node.handlers:
                if handler_names(handler) & _MISSING and _leaves_quietly(handler.body):
                    yield (
                        handler,
                        f"when `{said(product)}` fails the test ends without failing: a missing product looks fine",
                    )


RULE = Rule(
    id="conditional-skip",
    defect_class="conditional-skip",
    title="A missing part of the product skips the test",
    rationale="The product is what the test is about. If part of it is missing, the test must say so, not step aside.",
    hint="Import and use the product without a guard.",
    check=per_test(_look),
    good=Example(
        test="""\
import sys
import pytest
from product.service import one


def test_one():
    if sys.platform == 'win32':
        pytest.skip('no signals there')
    assert one() == 1
""",
        implementation="""\
def one():
    return 1
""",
    ),
    bad=Example(
        test="""\
import pytest
from product import service


def test_one():
    if not hasattr(service, 'one'):
        pytest.skip('not there')
    assert service.one() == 1
""",
        implementation="""\
def one():
    return 1
""",
    ),
)
