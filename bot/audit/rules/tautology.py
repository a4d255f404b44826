"""An assertion that holds whatever the code does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.reading.definitions import ClassInfo
from bot.audit.reading.flat import every
from bot.audit.reading.references import is_product
from bot.audit.rule import WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.vacuity.objects import mock_claims, object_claims
from bot.audit.vacuity.vacuous import decides, vacuous
from bot.audit.view import View

_ACCEPTS = re.compile(r"(^|_)(accepts?|accepted|allow(s|ed)?|permit(s|ted)?)(_|$)")


def _look(context: Context, view: View) -> Iterator[Found]:
    found = vacuous(view)
    if not found:
        return
    # Those have rules of their own, which say what was meant.
    elsewhere = object_claims(view).keys() | mock_claims(view).keys()
    # One empty assertion among real ones is untidy; a test that has no other is a fake.
    others = decides(view)
    for node, why in found.items():
        if node in elsewhere:
            continue
        message = f"`{said(node)}` holds whatever the code does: {why}"
        if others or _is_about_decorator(view) or _is_about_refusing(view):
            yield node, message, WARNING
        else:
            yield node, message


def _is_about_refusing(view: View) -> bool:
    """Whether the title says that a value is accepted, and the product object that is given it may refuse one."""
    if not _ACCEPTS.search(view.node.name):
        return False
    made = [found for call in view.calls if isinstance(found := view.bare_scope.resolve(call.func), ClassInfo)]
    inits = [cls.method("__init__") for cls in made if cls.module.product]
    return any(init is not None and any(True for _ in every(init.node, ast.Raise)) for init in inits)


def _is_about_decorator(view: View) -> bool:
    """Whether the product wraps the test: that its body is run at all is then what it shows."""
    decorators = [item.func if isinstance(item, ast.Call) else item for item in view.node.decorator_list]
    names = [item.id for item in decorators if isinstance(item, ast.Name)]
    imported = [node for name in names for node in view.module.bindings.get(name, []) if isinstance(node, ast.alias)]
    return any(is_product(view.bare_scope.resolve(item)) for item in decorators) or any(
        view.program.comes_from_product(node) for node in imported
    )


RULE = Rule(
    id="tautology",
    defect_class="tautology",
    title="An assertion that cannot fail",
    rationale="A predicate that is true for every value it can get checks nothing.",
    hint="Assert on a value that the product computed, against what it must be.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import items


def test_items():
    assert len(items()) >= 1
""",
        implementation="""\
def items():
    return [1]
""",
    ),
    bad=Example(
        test="""\
from product.service import items


def test_items():
    found = items()
    assert len(found) >= 0
""",
        implementation="""\
def items():
    return [1]
""",
    ),
)
