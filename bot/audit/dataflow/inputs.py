"""What is handed on: the arguments that carry values, and the values that are mere input."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from bot.audit.dataflow.libraries import Kind, is_mock_name, kind_of, takes_only
from bot.audit.dataflow.origin import UNKNOWN, Item, calls_in
from bot.audit.dataflow.replacing import is_patch
from bot.audit.dataflow.standing import Standing
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name, own_nodes
from bot.audit.reading.program import External, Missing, ModuleInfo
from bot.audit.reading.references import Instance, Made, Reference
from bot.audit.reading.source import FunctionNode
from bot.audit.reading.variables import variables

_SPECS = {"spec", "spec_set", "autospec", "name"}
_AS_MODEL = {"issubclass", "create_autospec", "cast", "assertIsInstance"}


@dataclass(eq=False)
class Inputs(Standing):
    """What goes into variables and calls of one test."""

    def stored(self, target: ast.expr) -> Iterator[Item]:
        """What a target is assigned, and what decides whether it is."""
        source = self.source_of(target)
        below: ast.AST = target
        for item in source.above(target):
            if isinstance(item, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
                yield self._part(below, target, item.value) or UNKNOWN
                yield from self.deciding(item)
            elif isinstance(item, ast.For | ast.AsyncFor | ast.comprehension):
                yield item.iter
            elif isinstance(item, ast.withitem):
                yield item.context_expr
                block = next(source.above(item))
                if isinstance(block, ast.With | ast.AsyncWith) and self._watches(block):
                    yield from (call for statement in block.body for call in calls_in(statement))
            elif isinstance(item, ast.Tuple | ast.List | ast.Starred):
                below = item
                continue
            return

    @staticmethod
    def _part(pattern: ast.AST, target: ast.expr, value: ast.expr | None) -> ast.expr | None:
        """The element of a tuple that goes to one of several targets; the whole value where that is not plain."""
        same = isinstance(pattern, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List)
        if same and isinstance(pattern, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
            for one, two in zip(pattern.elts, value.elts, strict=False):
                if one is target and len(pattern.elts) == len(value.elts):
                    return two
        return value

    def given(self, node: ast.Call, found: Reference) -> tuple[ast.expr, ...]:
        """The arguments of a call that carry values: not those that a mock takes as its model."""
        name = last_name(node.func)
        if name == "create_autospec":
            return ()
        mocking = (isinstance(found, External) and is_mock_name(found.name)) or is_patch(node, self.scope_at(node))
        positional = node.args[1:] if name in _AS_MODEL and name != "isinstance" else node.args
        if name in {"isinstance", "issubclass"}:
            # A class is only what is asked for; an object in its place answers the question itself.
            asked = [part for item in node.args[1:] for part in (item.elts if isinstance(item, ast.Tuple) else [item])]
            positional = [*node.args[:1], *(item for item in asked if isinstance(self.resolve(item), Instance | Made))]
        if mocking:
            positional = node.args[2:] if name in {"object", "setattr"} else node.args[1:]
        return (*positional, *(word.value for word in node.keywords if not (mocking and word.arg in _SPECS)))

    def used(
        self, call: ast.Call, function: FunctionInfo, given: tuple[ast.expr, ...]
    ) -> tuple[ast.expr, ...]:
        """The arguments of a call that the called function of the tests looks at."""
        arguments = function.node.args
        if function.node.decorator_list:
            return given  # a decorator may look at what the function does not: `@singledispatch`
        if arguments.vararg or arguments.kwarg or any(isinstance(item, ast.Starred) for item in call.args):
            return given
        names = [item.arg for item in (*arguments.posonlyargs, *arguments.args)]
        if function.owner is not None and not function.is_static:
            names = names[1:]
        by_name = {word.value: word.arg or "" for word in call.keywords}
        by_name.update(zip(call.args, names, strict=False))
        table = variables(function.module)
        read = {name for name in by_name.values() if (known := table.known.get((function.node, name))) and known.uses}
        return tuple(item for item in given if by_name.get(item, "") in read or by_name.get(item) in {None, ""})

    def by_mocker(self, func: ast.expr) -> bool:
        """Whether a function is one of the fixture `mocker`."""
        return isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and func.value.id == "mocker"

    def on_mock(self, node: ast.expr) -> bool:
        """Whether an expression is a mock of the test, or an attribute or answer of one."""
        while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
            node = node.func if isinstance(node, ast.Call) else node.value
        variable = variables(self.home_of(node)).of.get(node) if isinstance(node, ast.Name) else None
        if variable is None or not variable.bindings:
            return False
        for binding in variable.bindings:
            value = next((item for item in self.stored(binding)), None) if isinstance(binding, ast.Name) else None
            made = self.resolve(value.func) if isinstance(value, ast.Call) else None
            if not (isinstance(made, External) and is_mock_name(made.name)):
                return False
        return True

    def _only_read(self, cls: ClassInfo) -> bool:
        """Whether the test uses no method or property of a class: its objects are then nothing but their fields."""
        used = {item.attr for item in self.view.attributes}
        methods = {name for item in cls.order for name, node in item.members.items() if isinstance(node, FunctionNode)}
        special = {"__post_init__", "__getattr__", "__new__"} & methods
        return not used & methods and not special

    def is_plain(self, node: ast.AST, depth: int = 5) -> bool:
        """Whether a value is mere input: literals, constants, and objects of the product made of such."""
        if isinstance(node, ast.Constant):
            return True
        if depth == 0:
            return False
        if isinstance(node, ast.Tuple | ast.List | ast.Dict | ast.Set | ast.keyword | ast.Starred | ast.UnaryOp):
            parts = [item for item in ast.iter_child_nodes(node) if isinstance(item, ast.expr)]
            return all(self.is_plain(item, depth - 1) for item in parts)
        if isinstance(node, ast.Attribute):
            owner = self.resolve(node.value)
            return isinstance(owner, ClassInfo) and owner.is_enum
        if isinstance(node, ast.Name):
            variable = variables(self.home_of(node)).of.get(node)
            if variable is None or len(variable.bindings) != 1:
                return False
            binding = variable.bindings[0]
            if isinstance(binding, ast.alias):
                return not isinstance(self.view.program.imported(binding), ModuleInfo | External | Missing)
            values = list(self.stored(binding)) if isinstance(binding, ast.Name) else []
            return len(values) == 1 and isinstance(values[0], ast.AST) and self.is_plain(values[0], depth - 1)
        if isinstance(node, ast.Call):
            found = self.resolve(node.func)
            given = self.given(node, found)
            if not all(self.is_plain(item, depth - 1) for item in given):
                return False
            if isinstance(found, ClassInfo):
                return not found.module.product or self._only_read(found)
            if isinstance(found, External):
                return is_mock_name(found.name) or takes_only(found.name) or kind_of(found.name) is Kind.LITERAL
            return isinstance(found, FunctionInfo) and not found.module.product and self._only_makes(found)
        return False

    def _only_makes(self, function: FunctionInfo) -> bool:
        """Whether a helper of the tests gives an object that it makes."""
        returned = [item.value for item in own_nodes(function.node) if isinstance(item, ast.Return)]
        made = [item for item in returned if item is not None]
        called = made[0] if len(made) == 1 else None
        return isinstance(called, ast.Call) and isinstance(self.resolve(called.func), ClassInfo)
