"""Chance has a part in the verdict."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.controlflow.asserting import predicate
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every, walk
from bot.audit.rule import ERROR, WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.view import Body, View

_DRAWS = re.compile(
    r"^(random\.(random|randint|randrange|choice|choices|shuffle|sample|uniform|gauss|betavariate|expovariate|"
    r"normalvariate|triangular|getrandbits|randbytes)|numpy\.random\.\w+|secrets\.(randbelow|choice|randbits))$"
)
_SEEDS = {"seed", "Random", "default_rng", "RandomState", "SeedSequence", "set_seed", "manual_seed", "given", "example"}


def _seeded(view: View) -> bool:
    """Whether the test, what it runs of the tests' own code, or its module's top sets the seed or replaces chance."""
    if view.replaced & {"random", "randint", "choice", "uniform", "shuffle", "sample", "randrange"}:
        return True
    key = ("seeds", view.source.path)
    if key not in view.program.memo:
        tops = [item for item in view.source.tree.body if not isinstance(item, ast.FunctionDef | ast.ClassDef)]
        view.program.memo[key] = any(last_name(call.func) in _SEEDS for item in tops for call in every(item, ast.Call))
    if view.program.memo[key]:
        return True
    calls = [call for body in (view.body, *view.helpers) for call in body.every(ast.Call)]
    return any(last_name(call.func) in _SEEDS for call in calls) or any(
        last_name(item) in _SEEDS for item in view.node.decorator_list
    )


def _draws(body: Body) -> list[ast.Call]:
    return [call for call in body.every(ast.Call) if _DRAWS.match(body.scope.dotted(call.func))]


def _decides(view: View, drawn: list[ast.Call]) -> tuple[set[str], set[str]]:
    """Names that hold drawn values, and names that are set or counted up under a condition on one."""
    names: set[str] = set()
    for _ in range(3):
        for assign in view.every(ast.Assign):
            if _has(assign.value, drawn, names) and not any(
                last_name(call.func) not in {"int", "float", "round", "list", "str", "range", "len", "sum", "sorted"}
                and call not in drawn
                for call in every(assign.value, ast.Call)
            ):
                names.update(item.id for target in assign.targets for item in every(target, ast.Name))
    counted: set[str] = set()
    for branch in view.every(ast.If):
        if _has(branch.test, drawn, names):
            for part in (*branch.body, *branch.orelse):
                counted.update(last_name(item.target) for item in every(part, ast.AugAssign))
                counted.update(last_name(target) for item in every(part, ast.Assign) for target in item.targets)
                counted.update(
                    last_name(call.func.value)
                    for call in every(part, ast.Call)
                    if isinstance(call.func, ast.Attribute) and call.func.attr in {"append", "add"}
                )
                if any(True for _ in every(part, ast.Raise)):
                    counted.add("a raised error")
    return names, counted - {""}


def _has(node: ast.AST, drawn: list[ast.Call], names: set[str]) -> bool:
    return any(item in drawn or (isinstance(item, ast.Name) and item.id in names) for item in walk(node))


def _look(context: Context, view: View) -> Iterator[Found]:
    drawn = _draws(view.body)
    if not drawn or _seeded(view):
        return
    names, counted = _decides(view, drawn)
    for check in view.checks:
        test = predicate(check)
        if test is None:
            continue
        inside = list(ast.walk(test))
        if isinstance(test, ast.Compare) and _by_chance(test, drawn, names):
            yield drawn[0], f"`{said(test)}` fails or passes by chance: `{said(drawn[0])}` has no seed", ERROR
            return
        if any(isinstance(item, ast.Name) and item.id in counted for item in inside):
            yield drawn[0], f"`{said(test)}` is decided by `{said(drawn[0])}`, which has no seed", ERROR
            return
    if any(_mentions(check, names) for check in view.checks):
        yield drawn[0], f"a value of `{said(drawn[0])}`, which has no seed, takes part in an assertion", WARNING


def _mentions(check: ast.AST, names: set[str]) -> bool:
    return any(isinstance(item, ast.Name) and item.id in names for item in walk(check))


def _by_chance(test: ast.Compare, drawn: list[ast.Call], names: set[str]) -> bool:
    """Whether a drawn value itself is compared with a number that it may miss."""
    sides = [test.left, *test.comparators]
    alone = any(side in drawn or (isinstance(side, ast.Name) and side.id in names) for side in sides)
    numbers = [side.value for side in sides if isinstance(side, ast.Constant) and isinstance(side.value, int | float)]
    ordered = all(isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for op in test.ops)
    return alone and bool(numbers) and ordered and not all(number in (0, 1) for number in numbers)


RULE = Rule(
    id="unseeded-random",
    defect_class="unseeded-random",
    title="Chance has a part in the verdict",
    rationale="A test that draws anew at each run fails now and then, and the failure cannot be repeated.",
    hint="Seed the generator in the test, or write the values out.",
    check=per_test(_look),
    severity=ERROR,
    good=Example(
        test="""\
import random
from product.service import total


def test_total():
    draw = random.Random(7)
    values = [draw.randint(1, 9) for _ in range(5)]
    assert total(values) == sum(values)
""",
        implementation="""\
def total(values):
    return sum(values)
""",
    ),
    bad=Example(
        test="""\
import random
from product.service import total


def test_some_are_lost():
    lost = 0
    for _ in range(20):
        if random.random() < 0.2:
            lost += 1
        total([1])
    assert lost >= 2
""",
        implementation="""\
def total(values):
    return sum(values)
""",
    ),
)
