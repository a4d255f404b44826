"""What an expression inside a test stands for: followed through locals, fixtures, `self` and imports."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from bot.audit.reading.bindings import bindings_of, fixture_name, parametrized
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name, own_nodes
from bot.audit.reading.flat import every, parent_of
from bot.audit.reading.program import External, Missing, ModuleInfo, Program, Symbol
from bot.audit.reading.references import Bound, Coroutine, Instance, Made, Reference, function_of
from bot.audit.reading.source import FunctionNode

_MOST_STEPS = 25
_BUILTINS = frozenset(dir(builtins))


_MOST_BINDINGS = 6
_MOST_DEPTH = 6
_IMPORTING = {"pytest.importorskip", "importlib.import_module"}
_MANAGERS = {"contextmanager", "asynccontextmanager"}
_RESOLVED = frozenset({ast.Name, ast.Attribute, ast.Await, ast.NamedExpr, ast.Call})
_NOT_YET = object()


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
        found = self._seen.get(node, _NOT_YET)
        if found is not _NOT_YET:
            return found  # type: ignore[return-value]
        self._seen[node] = None  # what an expression that leads back to itself stands for is unknown
        if type(node) not in _RESOLVED:
            return None
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
            return self._place_of(node)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Await):
            inner = self.resolve(node.value)
            return inner.inner if isinstance(inner, Coroutine) else None
        if isinstance(node, ast.NamedExpr):
            return self.resolve(node.value)
        return self._call(node) if isinstance(node, ast.Call) else None

    def _place_of(self, node: ast.Name) -> Reference:
        """A name, which may stand in a function inside this one, where other names hold."""
        if not self.functions or not self._has_inner():
            return self.named(node.id)
        inner: list[FunctionNode] = []
        item = parent_of(node)
        while item is not None and item is not self.functions[-1]:
            if isinstance(item, ast.Lambda) and any(part.arg == node.id for part in every(item.args, ast.arg)):
                return None
            if isinstance(item, FunctionNode) and not _outside_body(item, node):
                inner.append(item)
            item = parent_of(item)
        if not inner or item is None:
            return self.named(node.id)
        functions = (*self.functions, *reversed(inner))
        return Scope.of(self.program, self.module, functions, self.cls, self.replaced).named(node.id)

    def _has_inner(self) -> bool:
        """Whether the function has functions or lambdas in it."""
        key = ("inner", self.functions[-1])
        if key not in self.program.memo:
            kinds = every(self.functions[-1], ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef)
            self.program.memo[key] = any(item is not self.functions[-1] for item in kinds)
        known: bool = self.program.memo[key]
        return known

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
        if isinstance(inner, ast.Name):
            return self._handed_in(cls, inner)
        if not isinstance(inner, ast.Call):
            return None
        method = next((item for item in cls.module.source.above(inner) if isinstance(item, FunctionNode)), None)
        if method is None:
            return None
        return self._inside(FunctionInfo(cls.module, method, cls)).resolve(value)

    def _handed_in(self, cls: ClassInfo, value: ast.Name) -> Reference:
        """What an attribute set from a constructor's argument is: as annotated, or as every call in the tests says."""
        init = cls.method("__init__")
        method = next((item for item in cls.module.source.above(value) if isinstance(item, FunctionNode)), None)
        if init is None or init.node is not method:
            return None
        names = [item.name for item in init.parameters.without_first().positional]
        annotation = next((item.annotation for item in every(init.node.args, ast.arg) if item.arg == value.id), None)
        if annotation is not None or cls.module.product or value.id not in names:
            return self._inside(init).annotated(annotation)
        found: list[Reference] = []
        for call in every(cls.module.source.tree, ast.Call):
            if isinstance(call.func, ast.Name) and call.func.id == cls.node.name:
                at = names.index(value.id)
                given = [word.value for word in call.keywords if word.arg == value.id] + call.args[at : at + 1]
                found.append(self._at_call(cls, call).resolve(given[0]) if given else None)
        return _agreed(found[:_MOST_BINDINGS])

    def _at_call(self, cls: ClassInfo, call: ast.Call) -> Scope:
        """The names where a call in a class's module stands."""
        above = list(cls.module.source.above(call))
        functions = [item for item in above if isinstance(item, FunctionNode)]
        around = parent_of(functions[-1]) if functions else None
        owner = self.program.class_info(cls.module, around) if isinstance(around, ast.ClassDef) else None
        return Scope.of(self.program, cls.module, tuple(reversed(functions)), owner, self.replaced)

    def _inside(self, function: FunctionInfo) -> Scope:
        return Scope.of(self.program, function.module, (*function.outer, function.node), function.owner, self.replaced)

    def _call(self, node: ast.Call) -> Reference:
        called = self.resolve(node.func)
        if isinstance(called, ClassInfo):
            return Instance(called, node)
        if isinstance(called, External):
            return self._module(node) if called.name in _IMPORTING else Made(called.name, node)
        function = function_of(called)
        if function is None or function.opaque or function.is_property:
            return None
        inner = None if function.is_generator else self._returned(function)
        return Coroutine(function, inner) if function.gives_coroutine else inner

    def _module(self, node: ast.Call) -> Reference:
        """The module that a call imports by its name."""
        name = node.args[0].value if len(node.args) == 1 and isinstance(node.args[0], ast.Constant) else None
        return self.program.modules.get(name) if isinstance(name, str) else None

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

    def named(self, name: str) -> Reference:
        """What a name stands for in the function itself."""
        for at, function in enumerate(reversed(self.functions)):
            found = self.bound(function).get(name)
            if found is not None:
                return self._local(function, name, found, len(self.functions) - at)
        if name in self.replaced:
            return None
        if name in self.module.bindings:
            return self._from_symbol(self.program.member(self.module, name), self.module)
        if not (name in _BUILTINS or name.startswith("__")) or "*" in self.module.bindings:
            return None  # a name of a class body, or one that nothing defines
        return External(f"builtins.{name}")

    def _from_symbol(self, symbol: Symbol, module: ModuleInfo | None) -> Reference:
        if isinstance(symbol, ast.expr):
            # After imports have been followed, it stands in another module, where its names mean something else.
            home = self.program.home_of(symbol) or module
            return Scope.of(self.program, home, replaced=self.replaced).resolve(symbol) if home else None
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
            return inner.yielded(node) or _entered(inner.resolve(node))
        if kind == "part" and isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            return inner.element(node.value, node.slice.value)
        if isinstance(node, ast.For | ast.comprehension) and isinstance(node.target, ast.Name):
            found = [scope.resolve(item) for scope, item in inner.items(node.iter)]
            return found[0] if len(found) == 1 else _agreed(found)
        return None

    def items(self, node: ast.expr, depth: int = 0) -> list[tuple[Scope, ast.expr]]:
        """What a loop over an expression goes through: what a display lists, or the element of a comprehension."""
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            return [(self, item) for item in node.elts[:_MOST_BINDINGS]]
        if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
            return [(self, node.elt)]
        if isinstance(node, ast.Name) and self.functions and depth < _MOST_DEPTH:
            bound = self.bound(self.functions[-1]).get(node.id, [])
            kind, value = bound[0] if len(bound) == 1 else ("", node)
            if kind == "value" and isinstance(value, ast.expr):
                return self.items(value, depth + 1)
        return []

    def element(self, node: ast.expr, at: object) -> Reference:
        """One element of a tuple that an expression gives, wherever the tuple is written."""
        if self.program.depth > _MOST_STEPS or not isinstance(at, int):
            return None
        self.program.depth += 1
        try:
            found = [
                scope.resolve(written.elts[at]) if at < len(written.elts) and not _has_star(written) else None
                for scope, written in self.tuples(node)
            ]
        finally:
            self.program.depth -= 1
        return found[0] if len(found) == 1 else _agreed(found)

    def tuples(self, node: ast.expr, depth: int = 0) -> list[tuple[Scope, ast.Tuple | ast.List]]:
        """Where the tuples that an expression may give are written; none where one of them cannot be told."""
        if isinstance(node, ast.Await):
            node = node.value
        if isinstance(node, ast.Tuple | ast.List):
            return [(self, node)]
        if depth > _MOST_DEPTH:
            return []
        if isinstance(node, ast.Call):
            function = function_of(self.resolve(node.func))
            if function is None or function.opaque or function.is_property or function.is_generator:
                return []
            scope = self._inside(function)
            returns = [item.value for item in own_nodes(function.node) if isinstance(item, ast.Return)]
            return scope.every_tuple([item for item in returns if item is not None], depth)
        if isinstance(node, ast.Name) and self.functions:
            bound = self.bound(self.functions[-1]).get(node.id, [])
            kind, value = bound[0] if len(bound) == 1 else ("", node)
            if kind == "value" and isinstance(value, ast.expr):
                return self.tuples(value, depth + 1)
            if kind == "parameter" and (fixture := self._fixture_for(node.id)) is not None:
                given = [item.value for item in own_nodes(fixture.node) if isinstance(item, ast.Return | ast.Yield)]
                return self._inside(fixture).every_tuple([item for item in given if item is not None], depth)
        return []

    def every_tuple(self, values: list[ast.expr], depth: int) -> list[tuple[Scope, ast.Tuple | ast.List]]:
        """The tuples of several expressions; none where one of them gives none that is known."""
        each = [self.tuples(value, depth + 1) for value in values]
        return [item for found in each for item in found] if all(each) else []

    def _fixture_for(self, name: str) -> FunctionInfo | None:
        """The fixture that fills a parameter of the innermost function, which is a test or a fixture itself."""
        function = self.functions[-1]
        given = function.name.startswith("test") or bool(fixture_name(function))
        filled = parametrized(function) | (parametrized(self.cls.node) if self.cls else frozenset())
        return self.fixture(name) if given and name not in filled else None

    def yielded(self, node: ast.expr) -> Reference:
        """What a `with` over a generator function of `contextlib` gives."""
        function = function_of(self.resolve(node.func)) if isinstance(node, ast.Call) else None
        if function is None or not _MANAGERS & {name.rpartition(".")[2] for name in function.decorators}:
            return None
        values = [item.value for item in own_nodes(function.node) if isinstance(item, ast.Yield) and item.value]
        return self._inside(function).resolve(values[0]) if len(values) == 1 else None

    def _parameter(self, function: FunctionNode, name: str, depth: int) -> Reference:
        both = [*function.args.posonlyargs, *function.args.args]
        if depth > 1 or (self.cls is None and isinstance(parent_of(function), ast.ClassDef)):
            return self._inner_parameter(function, name, both)
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

    def _inner_parameter(self, function: FunctionNode, name: str, both: list[ast.arg]) -> Reference:
        """A parameter of a function inside another: no fixture; `self` is of the class that stands around it."""
        around = parent_of(function)
        if isinstance(around, ast.ClassDef) and both and both[0].arg == name:
            decorators = {last_name(item) for item in function.decorator_list}
            cls = self.program.class_info(self.module, around)
            return None if "staticmethod" in decorators else cls if "classmethod" in decorators else Instance(cls)
        argument = next((item for item in (*both, *function.args.kwonlyargs) if item.arg == name), None)
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
            if (node := self._fixtures(item.node).get(name)) is not None:
                return FunctionInfo(item.module, node, item)
        for module in self._fixture_modules():
            if (node := self._fixtures(module.source.tree).get(name)) is not None:
                return FunctionInfo(module, node)
        imported = self.program.member(self.module, name) if name in self.module.bindings else None
        return imported if isinstance(imported, FunctionInfo) and fixture_name(imported.node) == name else None

    def _fixtures(self, owner: ast.Module | ast.ClassDef) -> dict[str, FunctionNode]:
        """The fixtures that a module or class body defines, by name; the first of a name counts."""
        known: dict[str, FunctionNode] | None = self.program.memo.get(("fixtures", owner))
        if known is None:
            known = {}
            for node in owner.body:
                if isinstance(node, FunctionNode) and (name := fixture_name(node)):
                    known.setdefault(name, node)
            self.program.memo["fixtures", owner] = known
        return known

    def _fixture_modules(self) -> list[ModuleInfo]:
        path = self.module.source.path
        known: list[ModuleInfo] | None = self.program.memo.get(("fixture modules", path))
        if known is None:
            above = (self.program.by_path.get(str(folder / "conftest.py")) for folder in PurePosixPath(path).parents)
            known = [self.module, *(item for item in above if item is not None and item is not self.module)]
            self.program.memo["fixture modules", path] = known
        return known

    def bound(self, function: FunctionNode) -> dict[str, list[tuple[str, ast.AST]]]:
        """For each local name of a function, how and by what it is bound."""
        known = self.program.bound
        if function not in known:
            known[function] = bindings_of(function)
        return known[function]


def _outside_body(function: FunctionNode, node: ast.AST) -> bool:
    """Whether a node stands in a function's decorators, defaults or annotations."""
    first = function.body[0]
    return (getattr(node, "lineno", 0), getattr(node, "col_offset", 0)) < (first.lineno, first.col_offset)


def _has_star(node: ast.Tuple | ast.List) -> bool:
    return any(isinstance(item, ast.Starred) for item in node.elts)


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
