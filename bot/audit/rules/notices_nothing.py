"""A test that certainly passes, and would do so whatever became of the product code that it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.dataflow.flow import Kind, kinds, on_product
from bot.audit.interpret.changes import hollows, raising, small_changes
from bot.audit.interpret.interpretation import interpreted
from bot.audit.rule import WARNING, Context, Example, Hit, Rule
from bot.audit.rules.fails_as_written import awaits_by_itself
from bot.audit.view import View

_FEWEST = 4
_PREPARES = {"__init__", "__post_init__", "__new__", "__repr__", "__str__"}
_MOST = 100


def _check(context: Context) -> Iterator[Hit]:
    auto = awaits_by_itself(context)
    for view in context.views:
        if context.planned(view.case) is None:
            yield from _judged(view, auto)


def _judged(view: View, auto: bool) -> Iterator[Hit]:  # noqa: C901
    found = interpreted(view, auto=auto)
    if found.outcome != "passed" or not any(run.met for run in found.runs):
        return
    machine = view.program.memo["interpreter"]
    called = {node: function for run in found.runs for node, function in run.called.items()}
    functions = {node: function for node, function in called.items()
                 if function.name.rpartition(".")[2] not in _PREPARES}
    if not functions or any(node in machine.at_import for node in called):
        return
    if any(_compares_product(item.node, view) for run in found.runs for item in run.met):
        return  # that two answers agree is worth a test, and empty functions agree, too
    tried = 0
    for node, function in functions.items():
        for other in raising(function.node):
            if any(isinstance(run.error, AssertionError) for run in interpreted(view, {node: other}, auto=auto).runs):
                return  # that nothing is raised is what it asserts
    for kind in (hollows, small_changes):
        # Without its constructor no object can be used, so that a test notices that in any case; not each detail of it.
        for node, function in (functions if kind is hollows else called).items():
            for other in kind(function.node):
                if interpreted(view, {node: other}, auto=auto).outcome != "passed":
                    return
                tried += 1
                if tried > _MOST:
                    return  # what was not tried may be noticed
    if tried < _FEWEST:
        return
    names = ", ".join(f"`{function.name}`" for function in list(functions.values())[:3])
    kind_of = "double-decides" if view.replaced else "" if on_product(view) else "tautology"
    line = getattr(_last(found.runs[0].met[-1].node, view), "lineno", view.node.lineno)
    yield Hit(view.source.path, line, view.case.id,
              f"it passes just so with each of {tried} changes of the product code that it runs ({names}), the bodies "
              "taken away included", view.source.line(line), None, kind_of)


def _compares_product(node: ast.AST, view: View) -> bool:
    test = node.test if isinstance(node, ast.Assert) else node
    sides = [test.left, *test.comparators] if isinstance(test, ast.Compare) else \
        test.args[:2] if isinstance(test, ast.Call) else []
    return sum(Kind.PRODUCT in kinds(view, side) for side in sides) > 1


def _last(node: ast.AST, view: View) -> ast.AST:
    return node if view.program.home_of(node) is view.module else view.node


RULE = Rule(
    id="notices-nothing",
    defect_class="non-discriminating",
    title="No change of the product makes the test fail",
    rationale="Followed step by step, the test passes with the functions that it runs made empty and with every small "
    "change of them: it cannot tell working code from broken code.",
    hint="Assert what the code is to do, so that the test fails when it does not.",
    check=_check,
    severity=WARNING,  # until tests by others have shown how often it is wrong
    good=Example(
        test="""\
from product.service import Basket


def test_total_counts_all():
    basket = Basket()
    for price in (4, 6):
        basket.add(price)
    assert basket.total() == 10
""",
        implementation="""\
class Basket:
    prices = ()

    def add(self, price):
        self.prices = (*self.prices, price)

    def total(self):
        return sum(self.prices) if self.prices else 0
""",
    ),
    bad=Example(
        test="""\
from product.service import Basket


def test_total_counts_all():
    basket = Basket()
    seen = [basket.add(price) for price in (4, 6)]
    seen.append(basket.total())
    assert len(seen) == 3
""",
        implementation="""\
class Basket:
    prices = ()

    def add(self, price):
        self.prices = (*self.prices, price)

    def total(self):
        return sum(self.prices) if self.prices else 0
""",
    ),
)
