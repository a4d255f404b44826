"""An expected literal that is not the one that the implementation says, in the state the test builds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.evaluate import Judged
from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.values import Known, Place
from bot.audit.view import View

_PROSE = re.compile(r'""".*?"""|\'\'\'.*?\'\'\'|#[^\n]*', re.DOTALL)


def _sides(judged: Judged) -> tuple[ast.expr, Place, Known, Known] | None:
    """The product's expression, where its literal stands, its value, and the expected value."""
    left, right = judged.left, judged.right
    if not (isinstance(left, Known) and isinstance(right, Known)):
        return None
    for mine, other, expression in ((left, right, judged.sides[0]), (right, left, judged.sides[1])):
        stated = mine.origin is not None and mine.origin.product and not isinstance(expression, ast.Constant)
        if stated and mine.origin is not None and not (other.origin is not None and other.origin.product):
            return expression, mine.origin, mine, other
    return None


def _documented(context: Context, place: Place, expected: object) -> bool:
    """Whether a docstring or comment of the product file speaks of the expected value."""
    text = context.program.by_path[place.path].source.text
    prose = _PROSE.findall(text)
    number = str(int(expected)) if isinstance(expected, float) and expected.is_integer() else str(expected)
    return any(re.search(rf"(?<![\w.]){re.escape(number)}(?:\.0+)?(?![\w])", part) for part in prose)


def _predicted(context: Context, view: View, judged: Judged) -> bool:
    planned = context.planned(view.case)
    if planned is None or planned.expectation.failure != "assertion":
        return False
    return planned.expectation.reaches.key in judged.entered


def _look(context: Context, view: View) -> Iterator[Found]:
    for judged in view.judged:
        if judged.holds is not False or (found := _sides(judged)) is None:
            continue
        expression, place, actual, expected = found
        if isinstance(actual.value, bool) or actual.value is None or _documented(context, place, expected.value):
            continue
        if _predicted(context, view, judged):
            continue
        yield (
            judged.node,
            (
                f"`{said(judged.test)}` expects {expected.value!r}, but in the state that the test builds "
                f"`{said(expression)}` is "
                f"{actual.value!r} ({place.path}:{place.line}: "
                f"{context.program.by_path[place.path].source.line(place.line)})"
            ),
        )


RULE = Rule(
    id="expectation-contradicts-impl",
    defect_class="expectation-contradicts-impl",
    title="The expected value is not the one in the code",
    rationale="The implementation states a constant, default or setting, nothing in its documentation speaks for the "
    "expected one, and the test does not reproduce the incident by it: the expectation was made up.",
    hint="Read the value from the implementation in the state that the test builds, or build the state that you mean.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import Service


def test_timeout():
    assert Service(cloud=True).timeout == 60.0
""",
        implementation="""\
LOCAL = 10.0


class Service:
    def __init__(self, cloud=False):
        self.timeout = 60.0 if cloud else LOCAL
""",
    ),
    bad=Example(
        test="""\
from product.service import Service


def test_timeout():
    assert Service().timeout == 60.0
""",
        implementation="""\
LOCAL = 10.0


class Service:
    def __init__(self, cloud=False):
        self.timeout = 60.0 if cloud else LOCAL
""",
    ),
)
