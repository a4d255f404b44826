"""Where an asserted value comes from: the product, a mock, a literal, code of the tests, a library.

Every expression has the variables, calls and definitions that its value may depend on; the origins of an expression
are the leaves that these lead to. Order is not regarded, and whatever may have changed a value counts: a list that
was handed to the product comes from the product, and so does what a callback of the test put into it. So an origin
too many is possible and one too few is not, as far as the text shows; what it does not show is `UNKNOWN`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bot.audit.dataflow.dependencies import Dependencies
from bot.audit.dataflow.libraries import Kind
from bot.audit.dataflow.origin import Origin, is_expectation
from bot.audit.dataflow.replacing import Replacement
from bot.audit.reading.checks import is_check
from bot.audit.reading.definitions import is_name, last_name
from bot.audit.reading.flat import walk
from bot.audit.reading.references import Reference
from bot.audit.reading.source import FunctionNode
from bot.audit.reading.variables import variables
from bot.audit.view import View

__all__ = ["Asserted", "Kind", "Origin", "asserted", "decisive", "everything", "is_weak", "kinds", "kinds_of_variable",
           "kinds_without", "on_mock", "on_product", "origins", "replaced", "replacements", "resolve", "runs_product"]

_MOST_ITEMS = 3_000
_MOCK_CHECKS = ("assert_called", "assert_any_call", "assert_has_calls", "assert_not_called", "assert_await",
                "assert_any_await", "assert_has_awaits", "assert_not_awaited")
_WEAK = {"isinstance", "hasattr", "callable", "assertIsNotNone", "assertIsInstance", "assertHasAttr"}


@dataclass(frozen=True, eq=False)
class Asserted:
    """One assertion, in the test or in code of the tests that it leads to.

    `style`: `assert`, `call` (self.assertEqual and other checking functions), `mock` (assert_called_with and the
    like), `raises` (a block in which an exception is expected) or `fail` (pytest.fail, raise AssertionError).
    `operands` are the expressions whose values decide; of a block its statements, of a `fail` what it stands under.
    """

    view: View
    node: ast.AST
    style: str
    operands: tuple[ast.AST, ...]
    own: bool = True

    @cached_property
    def origins(self) -> frozenset[Origin]:
        """Where its operands come from, without the literals of the expected side when there are others."""
        return frozenset(item for operand in self.operands for item in origins(self.view, operand))

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of its origins."""
        return frozenset(item.kind for item in self.origins)


def origins(view: View, expression: ast.AST) -> frozenset[Origin]:
    """All origins of an expression in a test (or in a helper, fixture or class of the tests)."""
    known: dict[ast.AST, frozenset[Origin]] = view.program.memo.setdefault(("origins", view.case.id), {})
    if expression not in known:
        known[expression] = frozenset(_leaves(_dependencies(view), expression))
    return known[expression]


def kinds_without(view: View, item: Asserted, replacement: Replacement) -> frozenset[Kind]:
    """The kinds of an assertion's origins when it is left out what a replacement was told to do."""
    dependencies = Dependencies(view, frozenset({replacement.node}))
    return frozenset(origin.kind for origin in _leaves(dependencies, *item.operands))


def kinds(view: View, expression: ast.AST) -> frozenset[Kind]:
    """The kinds of an expression's origins."""
    return frozenset(item.kind for item in origins(view, expression))


def on_product(view: View) -> bool:
    """Whether any assertion of a test may depend on the product: by the text, or since that does not tell."""
    key = ("on product", view.case.id)
    if key not in view.program.memo:
        view.program.memo[key] = _on_product(view)
    known: bool = view.program.memo[key]
    return known


def decisive(view: View) -> tuple[Asserted, ...]:
    """The assertions that say more than that there is a value; all of them where none does."""
    found = asserted(view)
    return tuple(item for item in found if not is_weak(item)) or found


def _on_product(view: View) -> bool:
    shared = False
    operands = [operand for item in decisive(view) for operand in item.operands]
    for found in _leaves(_dependencies(view), *operands):
        if found.kind in {Kind.PRODUCT, Kind.UNKNOWN}:
            return True
        shared = shared or found.kind is Kind.AMBIENT
    return shared and runs_product(view)


def runs_product(view: View) -> bool:
    """Whether a test, its fixtures and set-ups run product code at all, or may."""
    dependencies = _dependencies(view)
    kinds_found = (item.kind for item in _leaves(dependencies, *dependencies.roots()))
    return any(kind in {Kind.PRODUCT, Kind.UNKNOWN} for kind in kinds_found)


def kinds_of_variable(view: View, function: FunctionNode, name: str) -> frozenset[Kind] | None:
    """The kinds of all that a local variable comes from and meets; None when the function has no such variable."""
    found = variables(view.module).known.get((function, name))
    return None if found is None else frozenset(item.kind for item in _leaves(_dependencies(view), found))


def everything(view: View) -> frozenset[Origin]:
    """The origins of all that a test's own statements, its fixtures and set-ups compute, asserted or not."""
    key = ("everything", view.case.id)
    if key not in view.program.memo:
        dependencies = _dependencies(view)
        view.program.memo[key] = frozenset(_leaves(dependencies, *dependencies.roots()))
    known: frozenset[Origin] = view.program.memo[key]
    return known


def asserted(view: View) -> tuple[Asserted, ...]:
    """The assertions of a test, then those in functions of the tests that it leads to."""
    key = ("asserted", view.case.id)
    if key not in view.program.memo:
        found = [item for node in _candidates(view, view.node) for item in _assertion(view, node, own=True)]
        for function in view.reach.functions:
            if not function.module.product and function.node is not view.node:
                found += [
                    item
                    for node in _candidates(view, function.node)
                    for item in _assertion(view, node, own=False)
                ]
        view.program.memo[key] = tuple({item.node: item for item in reversed(found)}.values())[::-1]
    known: tuple[Asserted, ...] = view.program.memo[key]
    return known


def _candidates(view: View, function: FunctionNode) -> tuple[ast.AST, ...]:
    """The nodes of a function that may be assertions, in the order of the text."""
    key = ("candidates", function)
    if key not in view.program.memo:
        view.program.memo[key] = tuple(
            item
            for statement in function.body
            for item in walk(statement)
            if isinstance(item, ast.With | ast.AsyncWith) or is_check(item)
        )
    known: tuple[ast.AST, ...] = view.program.memo[key]
    return known


def replacements(view: View) -> tuple[Replacement, ...]:
    """Which methods and functions a test, its fixtures and set-ups replace by something of the test's own."""
    return _dependencies(view).replacements


def replaced(view: View, node: ast.expr) -> Replacement | None:
    """The replacement that an attribute leads to where it is read, as far as the text tells."""
    return _dependencies(view).replaced(node)


def resolve(view: View, node: ast.expr) -> Reference:
    """What an expression stands for, in the test or anywhere in code of the tests."""
    return _dependencies(view).resolve(node)


def on_mock(view: View, node: ast.expr) -> bool:
    """Whether an expression is a mock that the test made, or an attribute or answer of one."""
    return _dependencies(view).on_mock(node)


def is_weak(item: Asserted) -> bool:
    """Whether an assertion only says that there is a value, or of what type it is."""
    test = item.node.test if isinstance(item.node, ast.Assert) else item.node
    if isinstance(test, ast.Compare):
        absent = isinstance(last := test.comparators[0], ast.Constant) and last.value is None
        return (isinstance(test.ops[0], ast.IsNot) and absent) or _counts_own_list(item.view, test.left)
    return isinstance(test, ast.Call) and last_name(test.func) in _WEAK


def _counts_own_list(view: View, node: ast.expr) -> bool:
    """Whether an expression is the length of a list that the test writes out and never touches again."""
    if not (isinstance(node, ast.Call) and last_name(node.func) == "len" and len(node.args) == 1):
        return False
    listed = node.args[0]
    bindings = view.bare_scope.bound(view.node).get(listed.id, []) if isinstance(listed, ast.Name) else []
    if len(bindings) != 1 or not isinstance(bindings[0][1], ast.List | ast.Tuple):
        return False
    uses = [item for item in view.nodes if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Load)]
    return sum(item.id == listed.id for item in uses if isinstance(listed, ast.Name)) == 1


def _dependencies(view: View) -> Dependencies:
    key = ("dependencies", view.case.id)
    if key not in view.program.memo:
        view.program.memo[key] = Dependencies(view)
    known: Dependencies = view.program.memo[key]
    return known


def _leaves(dependencies: Dependencies, *start: object) -> Iterator[Origin]:
    seen: set[object] = set(start)
    waiting: list[object] = list(reversed(start))
    steps = 0
    while waiting:
        steps += 1
        if steps > _MOST_ITEMS:
            yield Origin(Kind.UNKNOWN, "more than is followed")
            return
        for item in dependencies.of(waiting.pop()):
            if isinstance(item, Origin):
                yield item
            elif item not in seen:
                seen.add(item)
                waiting.append(item)


def _assertion(view: View, node: ast.AST, *, own: bool) -> Iterator[Asserted]:
    if isinstance(node, ast.Assert):
        never = isinstance(node.test, ast.Constant) and not node.test.value
        leading = _leading_to(view, node) if never else ()
        yield Asserted(view, node, "fail" if leading else "assert", leading or (node.test,), own)
    elif isinstance(node, ast.With | ast.AsyncWith):
        for manager in node.items:
            if is_expectation(manager.context_expr) and last_name(manager.context_expr) != "suppress":
                yield Asserted(view, node, "raises", _block(node), own)
    elif isinstance(node, ast.Raise) and is_check(node):
        yield Asserted(view, node, "fail", _leading_to(view, node), own)
    elif isinstance(node, ast.Call) and is_check(node):
        yield from _call(view, node, own=own)


def _call(view: View, node: ast.Call, *, own: bool) -> Iterator[Asserted]:
    above = next(view.source.above(node), None)
    if isinstance(above, ast.withitem):
        return  # the block is the assertion
    name = last_name(node.func)
    arguments = (*node.args, *(word.value for word in node.keywords if word.arg != "msg"))
    if name == "fail":
        yield Asserted(view, node, "fail", _leading_to(view, node), own)
    elif name in {"raises", "assertRaises", "assertRaisesRegex", "warns", "deprecated_call"}:
        if len(node.args) > 1 and name != "deprecated_call":
            yield Asserted(view, node, "raises", tuple(node.args[1:]), own)
    elif name.startswith(_MOCK_CHECKS) and isinstance(node.func, ast.Attribute):
        yield Asserted(view, node, "mock", (node.func.value, *arguments), own)
    elif isinstance(node.func, ast.Attribute) and is_name(node.func.value, "self", "cls") and name.startswith("assert"):
        yield Asserted(view, node, "call", arguments or (node,), own)
    else:
        yield Asserted(view, node, "call", (node,), own)


def _leading_to(view: View, node: ast.AST) -> tuple[ast.AST, ...]:
    """What decides whether a failure that the test calls itself is come to; all of the function where that is open."""
    deciding = _dependencies(view).deciding(node)
    functions = [item for item in view.source.above(node) if isinstance(item, FunctionNode)]
    if deciding and len(functions) == 1:
        return deciding
    return tuple(functions[-1].body) if functions else ()


def _block(node: ast.With | ast.AsyncWith) -> tuple[ast.AST, ...]:
    """What may raise in a block: all that is in it, and managers beside the one that expects."""
    return (*(item.context_expr for item in node.items if not is_expectation(item.context_expr)), *node.body)
