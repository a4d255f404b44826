"""The method under test is replaced, and then the replacement is tested."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.dataflow.flow import Asserted, Kind, asserted, kinds, kinds_without, replaced, replacements, resolve
from bot.audit.dataflow.origin import kind_of_class
from bot.audit.dataflow.overriding import called_directly, overrides
from bot.audit.dataflow.replacing import Replacement
from bot.audit.reading.checks import MOCKS
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name
from bot.audit.reading.flat import every, walk
from bot.audit.reading.references import Instance, is_product
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import Context, Example, Found, Rule, per_test, said
from bot.audit.view import View

_ON_PRODUCT = {Kind.PRODUCT, Kind.UNKNOWN}


def own_replacements(view: View) -> Iterator[tuple[Replacement, ast.Call]]:
    """The product methods that a test replaces by something of its own, and where it then calls them itself."""
    for item in replacements(view):
        if not _is_product_method(view, item) or _leads_back(view, item):
            continue
        for node in view.nodes:
            if isinstance(node, ast.Call) and replaced(view, node.func) is item and not _of_heir(view, item, node):
                yield item, node
                break


def _of_heir(view: View, item: Replacement, call: ast.Call) -> bool:
    """Whether what is called may be an heir's own method, beside which that of the ancestor is replaced."""
    home = item.original.owner if item.original is not None else None
    if home is None or not isinstance(call.func, ast.Attribute):
        return False
    owner = resolve(view, call.func.value)
    cls = owner.cls if isinstance(owner, Instance) else owner if isinstance(owner, ClassInfo) else None
    if cls is not None:
        found = cls.method(item.attribute)
        return found is not None and item.original is not None and found.node is not item.original.node
    heirs = (each for each in view.program.classes if each is not home and home in each.order)
    return any(item.attribute in heir.members for heir in heirs if heir.module.product)


def _is_product_method(view: View, item: Replacement) -> bool:
    if item.original is not None:
        return item.original.module.product
    if item.target is not None or item.owner is None or not kinds(view, item.owner) & {Kind.PRODUCT}:
        return False
    return item.attribute in _methods(view)  # an object of some product class, and only such classes have it


def _methods(view: View) -> frozenset[str]:
    if "product methods" not in view.program.memo:
        view.program.memo["product methods"] = frozenset(
            inner.name
            for module in view.program.product_modules
            for node in walk(module.source.tree)
            if isinstance(node, ast.ClassDef)
            for inner in node.body
            if isinstance(inner, FunctionNode)
        )
    known: frozenset[str] = view.program.memo["product methods"]
    return known


def _leads_back(view: View, item: Replacement) -> bool:
    """Whether what takes the method's place calls product code, as a wrapper or a spy does."""
    if any(word.arg == "wraps" for word in item.options):
        return True
    if isinstance(item.by, ast.Call) and any(word.arg == "wraps" for word in item.by.keywords):
        return True
    told = item.by is None or (isinstance(item.by, ast.Call) and last_name(item.by.func) in MOCKS)
    if told:
        return False
    function = resolve(view, item.by) if isinstance(item.by, ast.Name) else None
    if isinstance(function, FunctionInfo) and not function.module.product:
        return _calls_product(view, function)
    return any(kinds(view, value) & _ON_PRODUCT for value in item.written_values())


def _calls_product(view: View, function: FunctionInfo) -> bool:
    """Whether a function of the tests calls code of the product, or something that cannot be told."""
    for call in every(function.node, ast.Call):
        found = resolve(view, call.func)
        if isinstance(found, ClassInfo) and kind_of_class(found) is Kind.CONSTANT:
            continue
        if isinstance(call.func, ast.Name) and found is None:
            return True  # a parameter, or what a closure holds
        if isinstance(call.func, ast.Attribute) and kinds(view, call.func.value) & _ON_PRODUCT:
            return True
        if found is not None and is_product(found):
            return True
    return False


def rests_on(view: View, item: Asserted, replacement: Replacement) -> bool:
    """Whether an assertion is on what the replacement answered or raised, or on the record of its being called."""
    if not any(origin.node is replacement.node for origin in item.origins):
        return False
    found = kinds_without(view, item, replacement)
    return not found & _ON_PRODUCT and (Kind.AMBIENT not in found or not _called_by_product(view, replacement))


def _called_by_product(view: View, replacement: Replacement) -> bool:
    """Whether product code that the test runs may call the replaced method, so that its record tells of the product."""
    name = replacement.attribute
    running = _functions_with(view, name) - {name}
    called = [node for node in view.nodes if isinstance(node, ast.Call) and last_name(node.func) in running]
    return any(replaced(view, node.func) is not replacement for node in called)


def _functions_with(view: View, attribute: str) -> frozenset[str]:
    """The names of product functions in which an attribute of this name is read."""
    key = ("functions with", attribute)
    if key not in view.program.memo:
        found: set[str] = set()
        for module in view.program.product_modules:
            if attribute not in module.source.text:
                continue
            for node in walk(module.source.tree):
                if isinstance(node, ast.Attribute | ast.Name) and last_name(node) == attribute:
                    above = list(module.source.above(node))
                    found.update(item.name for item in above if isinstance(item, FunctionNode))
                    if "__init__" in found:  # calling the class runs it
                        found.update(item.name for item in above if isinstance(item, ast.ClassDef))
        view.program.memo[key] = frozenset(found - {""})
    known: frozenset[str] = view.program.memo[key]
    return known


def _look(context: Context, view: View) -> Iterator[Found]:
    for replacement, call in own_replacements(view):
        if any(item.own and item.style != "raises" and rests_on(view, item, replacement) for item in asserted(view)):
            what = said(replacement.owner) if replacement.owner is not None else replacement.text.rpartition(".")[0]
            place = replacement.node if view.program.home_of(replacement.node) is view.module else call
            yield (
                place,
                (
                    f"`{what}.{replacement.attribute}` is replaced here and then called by the test itself (line "
                    f"{call.lineno}): what is asserted comes from the replacement, and the code under test never runs"
                ),
            )
    yield from _by_subclass(view)


def _by_subclass(view: View) -> Iterator[Found]:
    """A subclass of the test that overrides the very method whose result the test asserts."""
    calls = [
        (override, call)
        for override in overrides(view)
        if not override.leads_on
        for call in called_directly(view, override)
    ]
    own = [item for item in asserted(view) if item.own]
    if not calls or any(item.style == "raises" for item in own):
        return
    held: set[str] = set()
    for _, call in calls:
        statement = next((item for item in view.above(call) if isinstance(item, ast.stmt)), call)
        held |= {item.id for item in every(statement, ast.Name) if isinstance(item.ctx, ast.Store)}
    made = {call for _, call in calls}
    for item in own:
        inside = {part for operand in item.operands for part in walk(operand)}
        if not made & inside and not any(isinstance(part, ast.Name) and part.id in held for part in inside):
            return
    if own:
        override, call = calls[0]
        yield call, (
            f"`{said(call)}` calls `{override.cls.node.name}.{override.method.name}`, which the tests wrote in place "
            "of the real one: the code under test never runs"
        )


RULE = Rule(
    id="sut-replaced",
    defect_class="sut-replaced",
    title="The method under test is replaced before it is tested",
    rationale="The test asserts what it told its own stand-in to answer. It passes whatever the code does.",
    hint="Replace collaborators that the code under test calls, never the thing whose result is asserted.",
    check=per_test(_look),
    good=Example(
        test="""\
from unittest.mock import Mock
from product.service import Service


def test_ready():
    service = Service()
    service.ping = Mock(return_value=False)
    assert service.ready() is False
    service.ping.assert_called_once()
""",
        implementation="""\
class Service:
    def ping(self):
        return True

    def ready(self):
        return self.ping()
""",
    ),
    bad=Example(
        test="""\
from unittest.mock import Mock
from product.service import Service


def test_ready():
    service = Service()
    service.ready = Mock(return_value=False)
    assert service.ready() is False
""",
        implementation="""\
class Service:
    def ready(self):
        return True
""",
    ),
)
