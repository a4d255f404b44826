"""An assertion of a mock that the mock does not have, or that is never called."""

from __future__ import annotations

from collections.abc import Iterator

from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.vacuity.objects import mock_claims
from bot.audit.view import View


def _look(context: Context, view: View) -> Iterator[Found]:
    for node, why in mock_claims(view).items():
        yield node, f"`{said(node)}` asserts nothing: {why}"


RULE = Rule(
    id="mock-assertion-asserts-nothing",
    defect_class="tautology",
    title="A mock assertion that asserts nothing",
    rationale="A mock answers to every name. `called_once` and `has_calls` give another mock, which is true; newer "
    "versions of Python refuse them. `assert_called_once` without parentheses is a method that nobody calls.",
    hint="Call `assert_called_once_with(...)` or another of the mock's own assertions.",
    check=per_test(_look),
    good=Example(
        test="""\
from unittest.mock import Mock
from product.service import announce


def test_announce():
    out = Mock()
    announce(out)
    out.send.assert_called_once_with('hello')
""",
        implementation="""\
def announce(out):
    out.send('hello')
""",
    ),
    bad=Example(
        test="""\
from unittest.mock import Mock
from product.service import announce


def test_announce():
    out = Mock()
    announce(out)
    assert out.send.called_once_with('hello')
""",
        implementation="""\
def announce(out):
    out.send('hello')
""",
    ),
)
