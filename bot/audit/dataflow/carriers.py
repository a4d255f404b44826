"""What the variables of a test hold: by their bindings, and by what is done with them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bot.audit.dataflow.influences import Influences
from bot.audit.dataflow.inputs import Inputs
from bot.audit.dataflow.libraries import Kind, kind_of
from bot.audit.dataflow.origin import AMBIENT, UNKNOWN, Callers, Item, Origin, calls_in, kind_of_class
from bot.audit.dataflow.replacing import is_patch
from bot.audit.reading.bindings import fixture_name, is_static, parametrized
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name, own_nodes
from bot.audit.reading.flat import parent_of, walk
from bot.audit.reading.program import External, ModuleInfo
from bot.audit.reading.source import FunctionNode
from bot.audit.reading.variables import ScopeNode, Variable, variables

_AMBIENT_FIXTURES = {"tmp_path", "tmpdir", "capsys", "capfd", "caplog", "recwarn", "tmp_path_factory", "capsysbinary",
                     "capfdbinary", "tmpdir_factory", "unused_tcp_port"}
_TOOL_FIXTURES = {"monkeypatch", "mocker", "subtests", "record_property", "event_loop", "anyio_backend"}


@dataclass(eq=False)
class Carriers(Inputs):
    """The variables, parameters and attributes of `self` of one test."""

    def _variable(self, variable: Variable) -> Iterator[Item]:
        for binding in variable.bindings:
            yield from self._binding(variable, binding)
            if isinstance(binding, ast.ClassDef):
                yield from self._put_in(variable)
            if isinstance(binding, ast.alias | FunctionNode | ast.ClassDef):
                return  # neither is changed by being used
        for use in self._uses(variable):
            yield from Influences(self, variable.scope).of(use)

    def _put_in(self, variable: Variable) -> Iterator[Item]:
        """What is put into a class of the tests after it was written: `Sub.load = wrapped`."""
        for use in self._uses(variable):
            above = parent_of(use)
            if isinstance(above, ast.Attribute) and isinstance(above.ctx, ast.Store):
                yield from self.stored(above)

    def _binding(self, variable: Variable, node: ast.AST) -> Iterator[Item]:
        if isinstance(node, ast.alias):
            yield from self._imported(node)
        elif isinstance(node, FunctionNode | ast.ClassDef):
            yield node
        elif isinstance(node, ast.arg):
            yield from self._parameter(variable, node)
        elif isinstance(node, ast.ExceptHandler):
            attempt = next(self.source_of(node).above(node))
            for statement in attempt.body if isinstance(attempt, ast.Try) else []:
                yield from calls_in(statement)
                yield from (item for item in walk(statement) if isinstance(item, ast.Raise))
        elif isinstance(node, ast.Name):
            yield from self.stored(node)
            yield from self._beside(variable, node)
            if (inside := self.enclosing(node)) is not variable.scope and inside is not None:
                yield Callers(inside)
        else:
            yield UNKNOWN

    def _beside(self, variable: Variable, node: ast.Name) -> Iterator[Item]:
        """What else holds the value of a variable: `write = writer.write = Mock()`."""
        above = next(self.source_of(node).above(node), None)
        if isinstance(above, ast.Assign) and len(above.targets) > 1:
            yield from Influences(self, variable.scope).held([item for item in above.targets if item is not node])

    def _imported(self, alias: ast.alias) -> Iterator[Item]:
        program = self.view.program
        found = program.imported(alias)
        if isinstance(found, External):
            yield Origin(Kind.PRODUCT if self._offered(alias) else kind_of(found.name), found.name, alias)
        elif isinstance(found, ModuleInfo | ClassInfo | FunctionInfo):
            if found.product if isinstance(found, ModuleInfo) else found.module.product:
                kind = kind_of_class(found) if isinstance(found, ClassInfo) else Kind.PRODUCT
                yield Origin(kind, alias.asname or alias.name, alias)
            else:
                yield UNKNOWN if isinstance(found, ModuleInfo) else found.node
        elif program.comes_from_product(alias):
            yield Origin(Kind.PRODUCT, alias.name, alias)
        else:
            yield found if isinstance(found, ast.expr) else UNKNOWN

    def _offered(self, alias: ast.alias) -> bool:
        """Whether the product says that a name which it imports is its own to give: `import x as x`."""
        program = self.view.program
        return program.comes_from_product(alias) and any(
            isinstance(node, ast.alias) and node.asname == alias.name
            for module in program.product_modules
            for node in module.bindings.get(alias.name, [])
        )

    def _parameter(self, variable: Variable, node: ast.arg) -> Iterator[Item]:
        function = variable.scope
        if not isinstance(function, FunctionNode):
            if function is not None:
                yield Callers(function)
            return
        module = self.home_of(function)
        holder = next(module.source.above(function), None)
        first = bool(function.args.args) and function.args.args[0] is node and not is_static(function)
        if isinstance(holder, ast.ClassDef) and first:
            if not function.name.startswith("test") and holder not in [item.node for item in self._own_classes()]:
                yield from holder.bases  # an object of the tests that the product's class may have made and filled
            return
        if not (function.name.startswith("test") or fixture_name(function)):
            yield from (item for item in (*function.args.defaults, *function.args.kw_defaults) if item is not None)
            yield Callers(function)
            return
        yield from self._filled(function, node, holder)

    def _filled(self, function: FunctionNode, node: ast.arg, holder: ast.AST | None) -> Iterator[Item]:
        """What pytest or a decorator gives a test or a fixture for one of its parameters."""
        name = node.arg
        decorators = [*function.decorator_list, *(holder.decorator_list if isinstance(holder, ast.ClassDef) else [])]
        if name in parametrized(function) or (isinstance(holder, ast.ClassDef) and name in parametrized(holder)):
            for item in decorators:
                if isinstance(item, ast.Call) and last_name(item) == "parametrize":
                    yield from item.args[1:]
                    if any(word.arg == "indirect" for word in item.keywords):  # what a fixture is given
                        yield from self._of_fixture(function, name)
        elif self.scope_at(function.body[0]).fixture(name) is not None:
            yield from self._of_fixture(function, name)
        elif name in _TOOL_FIXTURES:
            return
        elif name in _AMBIENT_FIXTURES:
            yield AMBIENT
        elif any(isinstance(item, ast.Call) and is_patch(item, self.scope_at(function)) for item in decorators):
            yield Origin(Kind.MOCK, name, node)
            yield AMBIENT
        else:
            yield UNKNOWN

    def _of_fixture(self, function: FunctionNode, name: str) -> Iterator[Item]:
        """What the fixture that a function asks for gives, and all who hold it."""
        fixture = self.scope_at(function.body[0]).fixture(name)
        if fixture is None:
            yield UNKNOWN
            return
        nodes = own_nodes(fixture.node)
        given = ast.Return | ast.Yield | ast.YieldFrom
        yield from (item.value for item in nodes if isinstance(item, given) and item.value)
        yield from self._receivers(name)

    def _own_classes(self) -> tuple[ClassInfo, ...]:
        return self.view.cls.order if self.view.cls else ()

    def _callers(self, function: ScopeNode) -> Iterator[Item]:
        if isinstance(function, ast.Lambda):
            yield from Influences(self, None).of(function)
            return
        module = self.home_of(function)
        holder = next(module.source.above(function), None)
        named = holder if isinstance(holder, ast.ClassDef) else function
        if self.is_test_code(function):
            if isinstance(function, FunctionNode) and function is not self.view.node:
                yield from self._handed_on(function.name)
            return
        yield from self.decorators(function)
        if isinstance(holder, ast.ClassDef):
            yield from self.decorators(holder)
            yield from holder.bases
        if isinstance(function, FunctionNode) and (name := fixture_name(function)):
            yield from self._receivers(name)
            return
        variable = variables(module).of.get(named)
        for use in self._uses(variable) if variable is not None else []:
            yield from Influences(self, None).of(use)

    def _handed_on(self, name: str) -> Iterator[Item]:
        """What becomes of a helper method of the test's class: what it returns, or itself (`app.log = self.log`)."""
        for cls in self.view.cls.order if self.view.cls else ():
            for method, node in self._occurrences(cls).get(name, []):
                other = method.name.startswith("test") and method is not self.view.node
                if isinstance(node.ctx, ast.Load) and not other:
                    yield from Influences(self, method).of(node)

    def _receivers(self, fixture: str) -> Iterator[Variable]:
        """The parameters, of the test and of other fixtures, that hold what one fixture gives."""
        for function in (self.view.node, *(item.node for item in self.view.reach.functions)):
            found = variables(self.home_of(function)).known.get((function, fixture))
            if found is not None and (function is self.view.node or fixture_name(function)):
                yield found

    def _uses(self, variable: Variable) -> Iterator[ast.Name]:
        """Where a variable is read in code that this test can have to do with: not in other tests."""
        if variable.scope is not None and not isinstance(variable.scope, ast.ClassDef):
            yield from variable.uses
            return
        for use in variable.uses:
            around = [item for item in self.source_of(use).above(use) if isinstance(item, FunctionNode)]
            outermost = around[-1] if around else None
            own = outermost is None or outermost is self.view.node or outermost in self._reached
            if own or (outermost is not None and self._handed(outermost)):
                yield use

    def _handed(self, function: FunctionNode) -> bool:
        """Whether a decorator hands a function to something that may run it: `@app.exception_handler(...)`."""
        return any(True for _ in self.decorators(function)) and not fixture_name(function)

    @cached_property
    def _reached(self) -> frozenset[ast.AST]:
        """The functions that the test leads to, and the methods of the classes that it does."""
        methods = (item for cls in self.view.reach.classes for item in cls.node.body)
        return frozenset((*(item.node for item in self.view.reach.functions), *methods))

    def _self_attribute(self, name: str) -> Iterator[Item]:
        assert self.view.cls is not None
        found = False
        for cls in self.view.cls.order:
            if cls.module.product:
                yield Origin(Kind.PRODUCT, cls.node.name)
            member = cls.members.get(name)
            if isinstance(member, FunctionNode | ast.ClassDef):
                found = True
                yield member
            elif isinstance(member, ast.Assign | ast.AnnAssign) and member.value is not None:
                found = True
                yield member.value
            for method, node in self._occurrences(cls).get(name, []):
                if method.name.startswith("test") and method is not self.view.node:
                    continue
                if isinstance(node.ctx, ast.Load):
                    yield from Influences(self, method).of(node)
                else:
                    found = True
                    yield from self.stored(node)
        for call in self.view.calls:  # `fill(self)`: a helper or what a fixture gives may set it
            if any(self.is_own(item) for item in call.args if isinstance(item, ast.Name)):
                yield call.func
        if not found:
            yield UNKNOWN

    def _occurrences(self, cls: ClassInfo) -> dict[str, list[tuple[FunctionNode, ast.Attribute]]]:
        """Where the methods of a class read or store each attribute of `self`."""
        key = ("self", cls.node)
        if key not in self.view.program.memo:
            found: dict[str, list[tuple[FunctionNode, ast.Attribute]]] = {}
            for method in cls.node.body:
                if isinstance(method, FunctionNode) and method.args.args:
                    own = method.args.args[0].arg
                    for item in walk(method):
                        if isinstance(item, ast.Attribute) and getattr(item.value, "id", "") == own:
                            found.setdefault(item.attr, []).append((method, item))
            self.view.program.memo[key] = found
        known: dict[str, list[tuple[FunctionNode, ast.Attribute]]] = self.view.program.memo[key]
        return known
