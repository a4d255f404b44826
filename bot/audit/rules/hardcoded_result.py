"""What is asserted are values that the test itself wrote."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.dataflow.basis import Rest, basis
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import Context, Example, Found, Rule, per_test
from bot.audit.surroundings.steered import steered
from bot.audit.view import View


def _look(context: Context, view: View) -> Iterator[Found]:
    found = basis(view)
    if found is None or found.rest is not Rest.OWN_VALUES or steered(view) or _imports_inside(view):
        return
    where = f", handed on by `{found.origin.name}` (line {found.line})" if found.origin else ""
    yield found.first.node, f"what is asserted are values that the test wrote itself{where}; nothing computed them"


def _imports_inside(view: View) -> bool:
    """Whether a function or block of the test does nothing but import: that, or that it fails, is what is asserted."""
    functions: list[FunctionNode] = [*view.every(ast.FunctionDef), *view.every(ast.AsyncFunctionDef)]
    return any(
        all(isinstance(part, ast.Import | ast.ImportFrom) for part in item.body) for item in (*functions, *view.withs)
    )


RULE = Rule(
    id="hardcoded-result",
    defect_class="hardcoded-result",
    title="The test asserts what it wrote down itself",
    rationale="A literal that the test puts into a variable, a list or a local function comes out as it went in.",
    hint="Let the product compute the value, and assert on that.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import health


def test_health():
    expected = {"status": "ok", "checks": ["redis", "database"]}
    assert health() == expected
""",
        implementation="""\
def health():
    return {"status": "ok", "checks": ["redis", "database"]}
""",
    ),
    bad=Example(
        test="""\
def test_health():
    response = {"status": "ok", "checks": ["redis", "database"]}
    assert response["status"] == "ok"
    assert len(response["checks"]) == 2
""",
        implementation="""\
def health():
    return {"status": "ok", "checks": ["redis", "database"]}
""",
    ),
)
