"""What is asserted was computed by code of the test module that stands for the product."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.checks import raises_names
from bot.audit.definitions import ClassInfo
from bot.audit.references import Instance, function_of, is_product, module_of
from bot.audit.rule import Context, Example, Found, Rule, per_test
from bot.audit.source import FunctionNode
from bot.audit.view import View


def _runs_product(view: View) -> bool:
    """Whether anything that the test leads to may execute product code; exception types alone do not."""
    for node in view.reach.product:
        if isinstance(node, ast.Constant | ast.ClassDef):
            return True
        source = (view.program.home_of(node) or view.module).source
        parent = source.parents.get(node)
        if not isinstance(node, ast.Name | ast.Attribute) or not _is_exception(view, node, source.path):
            return True
        if isinstance(parent, ast.Attribute):
            return True
    return False


def _is_exception(view: View, node: ast.expr, path: str) -> bool:
    name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    symbol = view.program.member(view.program.by_path[path], name)
    if not isinstance(symbol, ClassInfo):
        return False
    written = [ast.unparse(base) for item in symbol.order for base in item.node.bases]
    return any(base.endswith(("Error", "Exception", "Warning")) for base in written)


def _local(view: View) -> tuple[str, int] | None:
    """A class or function of the tests whose result the test asserts on."""
    for node in view.nodes:
        if isinstance(node, ast.Call):
            called = view.bare_scope.resolve(node.func)
            owner = function_of(called)
            target = called if isinstance(called, ClassInfo) else owner
            if target is None or is_product(called) or module_of(called) is None:
                continue
            if isinstance(target, ClassInfo) and target.node in view.case.classes:
                continue
            if owner is not None and owner.owner is not None and owner.owner.node in view.case.classes:
                continue
            return target.node.name, target.node.lineno
    for function in view.reach.functions:
        if function.owner is None and isinstance(function.node, FunctionNode):
            given = view.bare_scope.resolve(ast.Name(function.node.name, ast.Load()))
            if isinstance(given, Instance) and not is_product(given):
                return given.cls.node.name, given.cls.node.lineno
    return None


def _look(context: Context, view: View) -> Iterator[Found]:
    if not context.program.product_modules or view.reach.opaque or not view.checks or _runs_product(view):
        return
    if (found := _local(view)) is None:
        return
    checks = list(view.checks)
    first = next((item for item in checks if not raises_names(item)), checks[0]) if checks else view.node  # type: ignore[arg-type]
    yield (
        first,
        (
            f"what is asserted comes from `{found[0]}` (line {found[1]}), which the tests define themselves; "
            "nothing that this "
            "test leads to runs the implementation"
        ),
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
