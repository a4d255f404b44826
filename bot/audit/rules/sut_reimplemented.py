"""What is asserted was computed by code of the test module that stands for the product."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.dataflow.basis import Rest, basis
from bot.audit.reading.references import is_product
from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Rule, per_test
from bot.audit.surroundings.steered import shared_tool, steered
from bot.audit.view import View


def _look(context: Context, view: View) -> Iterator[Found]:
    found = basis(view)
    if found is None or found.rest is not Rest.OWN_CODE or found.origin is None or steered(view):
        return
    name = f"`{found.origin.name}` (line {found.line})"
    yield (
        found.first.node,
        (
            f"what is asserted comes from {name}, which the tests define themselves; nothing of the implementation has "
            "a part in it"
        ),
        # Whoever writes a tool for other tests may well see to it that it works.
        WARNING if shared_tool(context, view, found.origin.node) or _within_product(view) else ERROR,
    )


def _within_product(view: View) -> bool:
    """Whether the test runs its own code inside a context of the product, and so what that changes around it."""
    return any(
        item.optional_vars is None
        and isinstance(item.context_expr, ast.Call)
        and is_product(view.bare_scope.resolve(item.context_expr.func))
        for block in view.withs
        for item in block.items
    )


RULE = Rule(
    id="sut-reimplemented",
    defect_class="sut-reimplemented",
    title="The test tests its own copy of the code",
    rationale=(
        "A copy, simulation or stand-alone version in the test file proves something about itself. The "
        "product can "
        "change in any way without this test noticing."
    ),
    hint="Import the product and build the situation with it; keep stand-ins for its collaborators only.",
    check=per_test(_look),
    good=Example(
        test="""\
from product.service import total


class Basket:
    def __init__(self, prices):
        self.prices = prices


def test_total():
    assert total(Basket([1, 2])) == 3
""",
        implementation="""\
def total(basket):
    return sum(basket.prices)
""",
    ),
    bad=Example(
        test="""\
class SimulatedService:
    def __init__(self):
        self.connected = True
        self.ready = False


def test_race():
    service = SimulatedService()
    assert service.connected and not service.ready
""",
        implementation="""\
class Service:
    pass
""",
    ),
)
