"""What an expression inside a test stands for: followed through locals, fixtures, `self` and imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from bot.audit.bindings import bindings_of, fixture_name, parametrized
from bot.audit.definitions import ClassInfo, FunctionInfo, last_name, own_nodes
from bot.audit.program import External, Missing, ModuleInfo, Program, Symbol
from bot.audit.references import Bound, Coroutine, Instance, Made, Reference, function_of
from bot.audit.source import FunctionNode

_MOST_STEPS = 25


_MOST_BINDINGS = 6


@dataclass(eq=False)
class Scope:
    """The names of a function, of the functions around it, and of its module.

    `replaced` are attribute names that the test patches or assigns: nothing is known about those.
    """

    program: Program
    module: ModuleInfo
    functions: tuple[FunctionNode, ...] = ()
    cls: ClassInfo | None = None
    replaced: frozenset[str] = frozenset()
    _seen: dict[ast.expr, Reference] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        program: Program,
        module: ModuleInfo,
        functions: tuple[FunctionNode, ...] = (),
        owner: ClassInfo | None = None,
        replaced: frozenset[str] = frozenset(),
    ) -> Scope:
        """The one scope of these functions, so that what is found once is found for all tests."""
        key = (module.source.path, functions, owner, replaced)
        if key not in program.scopes:
            program.scopes[key] = cls(program, module, functions, owner, replaced)
        found: Scope = program.scopes[key]
        return found

    def resolve(self, node: ast.expr | None) -> Reference:
        """What an expression stands for; None when that cannot be told."""
        if node is None or self.program.depth > _MOST_STEPS:
            return None
        if node in self._seen:
            return self._seen[node]
        self._seen[node] = None  # what an expression that leads back to itself stands for is unknown
        self.program.depth += 1
        try:
            self._seen[node] = self._resolve(node)
        finally:
            self.program.depth -= 1
        return self._seen[node]

    def dotted(self, node: ast.expr) -> str:
        """The dotted name of something external (`pytest.raises`, `builtins.len`); empty for all else."""
        found = self.resolve(node)
        return found.name if isinstance(found, External) else ""

    def _resolve(self, node: ast.expr) -> Reference:
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Await):
            inner = self.resolve(node.value)
            return inner.inner if isinstance(inner, Coroutine) else None
        if isinstance(node, ast.NamedExpr):
            return self.resolve(node.value)
        return self._call(node) if isinstance(node, ast.Call) else None

    def _attribute(self, node: ast.Attribute) -> Reference:
        owner = self.resolve(node.value)
        if node.attr in self.replaced and not isinstance(owner, External):
            return None
        return self.member(owner, node.attr)

    def member(self, owner: Reference, name: str) -> Reference:
        """An attribute of what a reference leads to."""
        if isinstance(owner, Instance):
            return self._instance_member(owner, name)
        if isinstance(owner, ModuleInfo | External):
            return self._from_symbol(self.program.member(owner, name), owner if isinstance(owner, ModuleInfo) else None)
        if isinstance(owner, ClassInfo):
            found = self.program.member(owner, name)
            if isinstance(found, FunctionInfo):
                if found.is_property:
                    return None
                return Bound(found) if "classmethod" in found.decorators else found
            return self._from_symbol(found, owner.module)
        return None

    def _instance_member(self, owner: Instance, name: str) -> Reference:
        method = owner.cls.method(name)
        if method is not None:
            return None if method.is_property else method if method.is_static else Bound(method)
        values = [(item, value) for item in owner.cls.order for value in item.set_by_methods.get(name, [])]
        if values:
            found = [self._in_class(item, value) for item, value in values]
            return found[0] if len(found) == 1 else _agreed(found)
        if owner.call is not None and owner.cls.closed and not owner.cls.has(name):
            return Missing(f"{owner.cls.node.name} has no attribute {name}")
        return None

    def _in_class(self, cls: ClassInfo, value: ast.expr | None) -> Reference:
        inner = value.value if isinstance(value, ast.Await) else value
        if not isinstance(inner, ast.Call):
            return None
        method = next((item for item in cls.module.source.above(inner) if isinstance(item, FunctionNode)), None)
        if method is None:
            return None
        return self._inside(FunctionInfo(cls.module, method, cls)).resolve(value)

    def _inside(self, function: FunctionInfo) -> Scope:
        return Scope.of(self.program, function.module, (*function.outer, function.node), function.owner, self.replaced)

    def _call(self, node: ast.Call) -> Reference:
        called = self.resolve(node.func)
        if isinstance(called, ClassInfo):
            return Instance(called, node)
        if isinstance(called, External):
            return Made(called.name)
        function = function_of(called)
        if function is None or function.opaque or function.is_property:
            return None
        inner = None if function.is_generator else self._returned(function)
        return Coroutine(function, inner) if function.gives_coroutine else inner

    def _returned(self, function: FunctionInfo) -> Reference:
        scope = self._inside(function)
        returns = [item.value for item in own_nodes(function.node) if isinstance(item, ast.Return) and item.value]
        if len(returns) == 1 and (found := scope.resolve(returns[0])) is not None:
            return found
        return scope.annotated(function.node.returns)

    def annotated(self, node: ast.expr | None) -> Reference:
        """An object of the class that an annotation names, also as a string."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                node = ast.parse(node.value, mode="eval").body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return None
        if not isinstance(node, ast.Name | ast.Attribute):
            return None
        if self.cls is not None and last_name(node) == "Self":
            return Instance(self.cls)
        found = self.resolve(node)
        return Instance(found) if isinstance(found, ClassInfo) else None

    def _name(self, name: str) -> Reference:
        for at, function in enumerate(reversed(self.functions)):
            found = self.bound(function).get(name)
            if found is not None:
                return self._local(function, name, found, len(self.functions) - at)
        if name in self.replaced:
            return None
        if name in self.module.bindings:
            return self._from_symbol(self.program.member(self.module, name), self.module)
        return External(f"builtins.{name}") if "*" not in self.module.bindings else None

    def _from_symbol(self, symbol: Symbol, module: ModuleInfo | None) -> Reference:
        if isinstance(symbol, ast.expr):
            return Scope.of(self.program, module, replaced=self.replaced).resolve(symbol) if module else None
        return symbol

    def _local(self, function: FunctionNode, name: str, found: list[tuple[str, ast.AST]], depth: int) -> Reference:
        if len(found) == 1:
            kind, node = found[0]
            if kind == "parameter":
                return self._parameter(function, name, depth)
            return self._bound_value(kind, node, depth)
        if len(found) > _MOST_BINDINGS:
            return None
        return _agreed([self._bound_value(kind, node, depth) for kind, node in found])

    def _bound_value(self, kind: str, node: ast.AST, depth: int) -> Reference:
        inner = self
        if depth != len(self.functions):
            inner = Scope.of(self.program, self.module, self.functions[:depth], self.cls, self.replaced)
        if kind == "value" and isinstance(node, ast.expr):
            return inner.resolve(node)
        if kind == "import" and isinstance(node, ast.alias):
            return self._from_symbol(self.program.imported(node), None)
        if kind == "def" and isinstance(node, FunctionNode):
            return FunctionInfo(self.module, node, None, self.functions[:depth])
        if kind == "def" and isinstance(node, ast.ClassDef):
            return self.program.class_info(self.module, node)
        if kind == "with" and isinstance(node, ast.expr):
            return _entered(inner.resolve(node))
        return None

    def _parameter(self, function: FunctionNode, name: str, depth: int) -> Reference:
        both = [*function.args.posonlyargs, *function.args.args]
        is_method = self.cls is not None and depth == 1
        if (
            is_method
            and both
            and both[0].arg == name
            and not any(last_name(d) == "staticmethod" for d in function.decorator_list)
        ):
            assert self.cls is not None
            return (
                self.cls if any(last_name(d) == "classmethod" for d in function.decorator_list) else Instance(self.cls)
            )
        if name in parametrized(function) or (self.cls and name in parametrized(self.cls.node)):
            return None
        argument = next((item for item in (*both, *function.args.kwonlyargs) if item.arg == name), None)
        fixture = self.fixture(name)
        if fixture is not None:
            return self._given(fixture)
        if function.name.startswith("test"):
            return None  # given by a fixture or decorator from elsewhere: may be anything
        return self.annotated(argument.annotation) if argument else None

    def _given(self, fixture: FunctionInfo) -> Reference:
        scope = self._inside(fixture)
        values = [
            item.value for item in own_nodes(fixture.node) if isinstance(item, ast.Return | ast.Yield) and item.value
        ]
        return scope.resolve(values[0]) if len(values) == 1 else None

    def fixture(self, name: str) -> FunctionInfo | None:
        """The fixture of that name that a test here gets: of its class, its module or a conftest above."""
        for item in self.cls.order if self.cls else ():
            for node in item.node.body:
                if isinstance(node, FunctionNode) and fixture_name(node) == name:
                    return FunctionInfo(item.module, node, item)
        for module in self._fixture_modules():
            for node in module.source.tree.body:
                if isinstance(node, FunctionNode) and fixture_name(node) == name:
                    return FunctionInfo(module, node)
        imported = self.program.member(self.module, name) if name in self.module.bindings else None
        return imported if isinstance(imported, FunctionInfo) and fixture_name(imported.node) == name else None

    def _fixture_modules(self) -> Iterator[ModuleInfo]:
        yield self.module
        for folder in PurePosixPath(self.module.source.path).parents:
            module = self.program.by_path.get(str(folder / "conftest.py"))
            if module is not None and module is not self.module:
                yield module

    def bound(self, function: FunctionNode) -> dict[str, list[tuple[str, ast.AST]]]:
        """For each local name of a function, how and by what it is bound."""
        known = self.program.bound
        if function not in known:
            known[function] = bindings_of(function)
        return known[function]


def _agreed(found: list[Reference]) -> Reference:
    classes = {item.cls.node if isinstance(item, Instance) else None for item in found}
    first = found[0] if found else None
    return Instance(first.cls) if isinstance(first, Instance) and len(classes) == 1 else None


def _entered(manager: Reference) -> Reference:
    if isinstance(manager, Instance):
        method = manager.cls.method("__enter__") or manager.cls.method("__aenter__")
        if method is not None:
            returns = [item for item in own_nodes(method.node) if isinstance(item, ast.Return)]
            if len(returns) == 1 and isinstance(returns[0].value, ast.Name) and returns[0].value.id == "self":
                return manager
        return None
    return manager if isinstance(manager, Made) else None
