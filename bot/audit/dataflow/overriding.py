"""Doubles that are subclasses of product classes: what they override, and whether the product still decides."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name
from bot.audit.reading.flat import every, own_nodes, walk
from bot.audit.reading.references import Bound, Coroutine, Instance
from bot.audit.reading.source import FunctionNode
from bot.audit.view import View


@dataclass(frozen=True, eq=False)
class Override:
    """A method of a test's subclass of a product class that takes the place of real code."""

    cls: ClassInfo
    method: FunctionNode
    original: FunctionInfo

    @property
    def leads_on(self) -> bool:
        """Whether it calls the method whose place it takes, anywhere."""
        return any(self._is_super(call) for call in every(self.method, ast.Call))

    def _is_super(self, call: ast.Call) -> bool:
        return (
            isinstance(call.func, ast.Attribute)
            and call.func.attr == self.method.name
            and not (isinstance(call.func.value, ast.Name) and call.func.value.id in {"self", "cls"})
        )

    @property
    def only_once(self) -> str:
        """The flag by which it leads on at the first call only, and answers by itself from then on; "" for none."""
        own = self.method.args.args[0].arg if self.method.args.args else ""
        for branch in (item for item in self.method.body if isinstance(item, ast.If)):
            test = branch.test
            flag = test.attr if isinstance(test, ast.Attribute) else ""
            holder = last_name(test.value) if isinstance(test, ast.Attribute) else ""
            if not flag or holder not in {own, self.cls.node.name} or not self._ends(branch.body):
                continue
            rest = self.method.body[self.method.body.index(branch) + 1 :]
            stores = [
                assign
                for statement in rest
                for assign in every(statement, ast.Assign)
                if any(isinstance(one, ast.Attribute) and one.attr == flag for one in assign.targets)
                and isinstance(assign.value, ast.Constant)
                and assign.value.value is True
            ]
            if stores and any(self._is_super(call) for statement in rest for call in every(statement, ast.Call)):
                return flag
        return ""

    def _ends(self, body: list[ast.stmt]) -> bool:
        """Whether a branch ends with an answer of its own: a constant, or an exception of the product."""
        last = body[-1]
        if isinstance(last, ast.Return):
            value = last.value
            return (
                value is None
                or isinstance(value, ast.Constant)
                or (isinstance(value, ast.List | ast.Tuple | ast.Dict) and not list(ast.iter_child_nodes(value))[1:])
            )
        if isinstance(last, ast.Raise) and last.exc is not None:
            names = {item.node.name for item in self.original.module.program.classes if item.module.product}
            return last_name(last.exc) in names
        return False


def overrides(view: View) -> Iterator[Override]:
    """What the classes that a test uses override of the product's own code."""
    for cls in view.reach.classes:
        if cls.module.product or cls.node.decorator_list or cls.node.keywords:
            continue
        bases = [item for item in cls.order if item.module.product]
        if not bases or any(item.node.decorator_list or item.node.keywords for item in bases):
            continue
        for method in cls.node.body:
            if not isinstance(method, FunctionNode) or method.name.startswith("__") or method.decorator_list:
                continue
            original = next((found for item in bases if (found := item.method(method.name)) is not None), None)
            if original is not None and original.module.product and _does_something(original.node):
                yield Override(cls, method, original)


def called_directly(view: View, override: Override) -> tuple[ast.Call, ...]:
    """Where the test itself calls the overriding method."""
    return tuple(
        call
        for call in view.calls
        if last_name(call.func) == override.method.name and _enters(view, call) is override.method
    )


def _enters(view: View, call: ast.Call) -> FunctionNode | None:
    found = view.bare_scope.resolve(call.func)
    if isinstance(found, Bound | Coroutine):
        return found.function.node
    if isinstance(call.func, ast.Attribute):
        owner = view.bare_scope.resolve(call.func.value)
        method = owner.cls.method(call.func.attr) if isinstance(owner, Instance) else None
        return method.node if method is not None else None
    return None


def _does_something(node: FunctionNode) -> bool:
    """Whether a method is more than a place for subclasses to fill."""
    body = [item for item in node.body if not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))]
    if not body or any(last_name(item) == "abstractmethod" for item in node.decorator_list):
        return False
    if len(body) == 1 and isinstance(body[0], ast.Pass | ast.Raise):
        return False
    if len(body) == 1 and isinstance(body[0], ast.Return):
        return not (body[0].value is None or isinstance(body[0].value, ast.Constant))
    return True


def serialises(cls: ClassInfo) -> str:
    """The method of a double that holds a lock of its own around what it measures; "" when none does.

    It counts up, waits and counts down under the lock, so that no more than one is ever inside.
    """
    locks = {
        name
        for name, values in cls.set_by_methods.items()
        if any(isinstance(value, ast.Call) and last_name(value.func) in {"Lock", "RLock"} for value in values)
    }
    for method in (item for item in cls.node.body if isinstance(item, FunctionNode)):
        for block in (item for item in own_nodes(method) if isinstance(item, ast.With | ast.AsyncWith)):
            if not any(last_name(item.context_expr) in locks for item in block.items):
                continue
            steps = [item for item in every(block, ast.AugAssign) if isinstance(item.target, ast.Attribute)]
            up = {last_name(item.target) for item in steps if isinstance(item.op, ast.Add)}
            down = {last_name(item.target) for item in steps if isinstance(item.op, ast.Sub)}
            waits = any(isinstance(item, ast.Await) for item in walk(block)) or any(
                last_name(item.func) == "sleep" for item in every(block, ast.Call)
            )
            if up & down and waits:
                return method.name
    return ""
