"""What the value of each expression of a test depends on, one step at a time."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.audit.dataflow.carriers import Carriers
from bot.audit.dataflow.libraries import Kind, is_mock_name, kind_of, kind_of_call, takes_only
from bot.audit.dataflow.origin import AMBIENT, UNKNOWN, Callers, Item, Origin, SelfAttribute, kind_of_class
from bot.audit.dataflow.replacing import is_patch
from bot.audit.reading.bindings import fixture_name
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name
from bot.audit.reading.program import External, Missing, ModuleInfo
from bot.audit.reading.reach import SETUPS
from bot.audit.reading.references import Bound, Instance, Made, Reference, function_of, is_product, module_of
from bot.audit.reading.source import FunctionNode
from bot.audit.reading.variables import Variable, variables


@dataclass(eq=False)
class Dependencies(Carriers):
    """What things of one test depend on. `of` gives one step; an `Origin` is where a path ends."""

    def of(self, item: object) -> Iterable[Item]:
        """What an expression, a variable, a definition or an attribute of `self` depends on directly."""
        if isinstance(item, Variable):
            return self._variable(item)
        if isinstance(item, SelfAttribute):
            return self._self_attribute(item.name)
        if isinstance(item, Callers):
            return self._callers(item.function)
        if isinstance(item, FunctionNode | ast.ClassDef):
            return self._definition(item)
        if isinstance(item, ast.expr):
            return self._expression(item)
        if isinstance(item, ast.AnnAssign):
            return [item.target, *([item.value] if item.value else [])]
        return ast.iter_child_nodes(item) if isinstance(item, ast.AST) else ()

    def roots(self) -> Iterator[Item]:
        """All that the test, its fixtures and set-ups compute."""
        yield from self.view.node.body
        yield from self.decorators(self.view.node)
        for function in self.view.reach.functions:
            if not function.module.product and (fixture_name(function.node) or function.node.name in SETUPS):
                yield from function.node.body

    def _expression(self, node: ast.expr) -> Iterable[Item]:
        if isinstance(node, ast.Constant):
            return (Origin(Kind.LITERAL, node=node),)
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Lambda):
            return (node.body,)
        if isinstance(node, ast.Tuple | ast.List | ast.Dict | ast.Set):
            return (Origin(Kind.LITERAL, node=node), *ast.iter_child_nodes(node))
        return ast.iter_child_nodes(node)

    def _name(self, node: ast.Name) -> Iterable[Item]:
        if not isinstance(node.ctx, ast.Load):
            return ()
        module = self.home_of(node)
        variable = variables(module).of.get(node)
        if variable is not None:
            return (variable,)
        return (UNKNOWN,) if "*" in module.bindings else (Origin(kind_of(f"builtins.{node.id}"), node.id, node),)

    def _attribute(self, node: ast.Attribute) -> Iterable[Item]:
        if not isinstance(node.ctx, ast.Load):
            return (node.value,)
        if (replaced := self.replaced(node)) is not None:
            parent = next(self.source_of(node).above(node), None)
            called = isinstance(parent, ast.Call) and parent.func is node
            record = () if called else (AMBIENT,)  # what the product called of it shows in the record
            does = () if replaced.node in self.cut else replaced.written_values()
            return (Origin(Kind.MOCK, replaced.attribute, replaced.node), *does, *record)
        if self.is_own(node.value):
            return (SelfAttribute(node.attr),)
        found, owner = self.resolve(node), self.resolve(node.value)
        local = isinstance(owner, ClassInfo | Instance) and not is_product(owner)
        if found is not None and not (local and isinstance(found, External | Made)):
            return self._symbol(found, node)
        if isinstance(owner, ClassInfo) and owner.module.product:
            return (Origin(kind_of_class(owner), owner.node.name, node),)
        if isinstance(owner, ModuleInfo):
            symbol = self.view.program.member(owner, node.attr)
            if owner.product:
                return (Origin(Kind.PRODUCT, node.attr, node),)
            return (symbol,) if isinstance(symbol, ast.expr) else (UNKNOWN,)
        return (node.value,)

    def _symbol(self, found: Reference, node: ast.expr) -> Iterable[Item]:
        """What something named, and not called, stands for."""
        if isinstance(found, External):
            return (Origin(kind_of(found.name), found.name, node),)
        if isinstance(found, Missing):
            return (UNKNOWN,)
        if is_product(found):
            kind = kind_of_class(found) if isinstance(found, ClassInfo) else Kind.PRODUCT
            return (Origin(kind, ast.unparse(node)[:80], node),)
        receiver = (node.value,) if isinstance(node, ast.Attribute) else ()
        if isinstance(found, ClassInfo | FunctionInfo):
            return (found.node, *receiver)
        if isinstance(found, Bound):
            return (found.function.node, *receiver)
        return receiver or (UNKNOWN,)

    def _call(self, node: ast.Call) -> Iterable[Item]:
        func = node.func
        found = self.resolve(func)
        given = self.given(node, found)
        if isinstance(func, ast.Attribute) and (replaced := self.replaced(func)) is not None:
            return (*self._attribute(func), *(given if replaced.node not in self.cut else ()))
        name = last_name(func)
        is_mock = isinstance(found, External) and is_mock_name(found.name)
        if is_mock or (name in {"Mock", "MagicMock", "AsyncMock", "stub"} and self.by_mocker(func)):
            return (Origin(Kind.MOCK, name, node), *(item for item in given if not self.is_plain(item)))
        if is_patch(node, self.scope_at(node)):
            return (Origin(Kind.MOCK, name, node), AMBIENT, *given)
        if isinstance(found, External):
            if takes_only(found.name):
                looked = (Origin(Kind.LIBRARY, found.name, node),) if not found.name.startswith("builtins.") else ()
                return (*looked, *given) or (Origin(Kind.LITERAL, node=node),)
            return (Origin(kind_of_call(found.name, node), found.name, node), *given)
        if isinstance(found, Missing | ModuleInfo):
            return (UNKNOWN,)
        if is_product(found):
            if isinstance(found, ClassInfo) and kind_of_class(found) is Kind.CONSTANT:
                return (Origin(Kind.CONSTANT, found.node.name, node), *given)
            return (Origin(Kind.PRODUCT, ast.unparse(func)[:80], node),)
        if module_of(found) is not None:
            target = found.cls if isinstance(found, Instance) else found
            inner = target if isinstance(target, ClassInfo) else function_of(target)
            if isinstance(found, FunctionInfo | Bound):
                given = self.used(node, found.function if isinstance(found, Bound) else found, given)
            receiver = [func.value] if isinstance(func, ast.Attribute) and not self.is_own(func.value) else []
            return (inner.node if inner else UNKNOWN, *receiver, *given)
        if self.on_mock(func):
            given = tuple(item for item in given if not self.is_plain(item))
        return (func, *given)

    def _definition(self, node: FunctionNode | ast.ClassDef) -> Iterator[Item]:
        if self.home_of(node).product:
            yield Origin(Kind.PRODUCT, node.name, node)
            return
        if isinstance(node, FunctionNode) and _is_open(node):
            yield UNKNOWN  # a subclass that is not seen says what it does
            return
        yield Origin(Kind.LOCAL, node.name, node)
        yield from self.decorators(node)
        yield from node.body
        if isinstance(node, ast.ClassDef):
            yield from (base for base in node.bases if "TestCase" not in last_name(base))
            yield from (word.value for word in node.keywords)  # a metaclass makes the class, and its objects


def _is_open(node: FunctionNode) -> bool:
    """Whether a method is only there to be defined by subclasses."""
    last = node.body[-1]
    raised = last_name(last.exc) if isinstance(last, ast.Raise) and last.exc is not None else ""
    return raised == "NotImplementedError" or any(last_name(item) == "abstractmethod" for item in node.decorator_list)
