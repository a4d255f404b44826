"""An assertion on an object that is always true."""

from __future__ import annotations

from collections.abc import Iterator

from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.vacuity.objects import awaits_nothing, mock_claims, object_claims
from bot.audit.view import View


def _look(context: Context, view: View) -> Iterator[Found]:
    mocks = mock_claims(view)
    for node, why in object_claims(view).items():
        if node not in mocks and not awaits_nothing(view, node):
            yield node, f"`{said(node)}` holds whatever the code does: {why}"


RULE = Rule(
    id="assert-on-object",
    defect_class="tautology",
    title="An assertion on an object instead of a value",
    rationale="A coroutine, a generator, a function and a tuple are true whatever they hold or would give.",
    hint="Await the coroutine, call the function, use all() or any(), and take the parentheses off the message.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import numbers


def test_numbers():
    assert all(number > 0 for number in numbers()), "a number is not positive"
""",
        implementation="""\
def numbers():
    return [1, 2]
""",
    ),
    bad=Example(
        test="""\
from product.service import numbers


def test_numbers():
    assert (numbers() == [1], "wrong numbers")
""",
        implementation="""\
def numbers():
    return [1, 2]
""",
    ),
)
