"""Every asserted value comes from mocks that the test built."""

from __future__ import annotations

from collections.abc import Iterator

from bot.audit.dataflow.basis import Rest, basis
from bot.audit.rule import Context, Example, Found, Rule, per_test
from bot.audit.rules.sut_replaced import own_replacements
from bot.audit.surroundings.steered import told_of_spec
from bot.audit.view import View


def _look(context: Context, view: View) -> Iterator[Found]:
    found = basis(view)
    if found is None or found.rest is not Rest.MOCKS or any(own_replacements(view)) or told_of_spec(view):
        return
    yield (
        found.first.node,
        (
            f"everything asserted here comes from mocks that the test made (line {found.line}) and called itself; no "
            "product code has a part in it"
        ),
    )


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
