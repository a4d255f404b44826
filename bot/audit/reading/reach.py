"""Everything that a test's code leads to: helpers, fixtures, local classes, the product."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass

from bot.audit.reading.bindings import fixture_name, parametrized
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name
from bot.audit.reading.flat import every, walk
from bot.audit.reading.program import External, Missing, ModuleInfo, Program
from bot.audit.reading.references import Bound, Coroutine, Instance, Reference, is_product
from bot.audit.reading.scope import Scope
from bot.audit.reading.source import FunctionNode, TestCase

SETUPS = {
    "setUp",
    "asyncSetUp",
    "setUpClass",
    "setup_method",
    "setup_class",
    "setup",
    "setUpModule",
    "setup_module",
    "setup_function",
}


_MOST_NODES = 20_000
_TOOLS = {
    "pytest",
    "unittest",
    "mock",
    "hypothesis",
    "freezegun",
    "faker",
    "pytest_asyncio",
    "pytest_mock",
    "anyio",
    "time_machine",
    "builtins",
    "__future__",
}


_BUILT_IN_FIXTURES = {
    "monkeypatch",
    "tmp_path",
    "tmpdir",
    "capsys",
    "capfd",
    "caplog",
    "request",
    "recwarn",
    "tmp_path_factory",
    "event_loop",
    "subtests",
    "mocker",
    "record_property",
    "capsysbinary",
    "capfdbinary",
    "tmpdir_factory",
    "anyio_backend",
    "unused_tcp_port",
}


@dataclass(frozen=True, eq=False)
class Reach:
    """Everything a test's code leads to. `opaque` says that part of it could not be followed."""

    functions: tuple[FunctionInfo, ...]
    classes: tuple[ClassInfo, ...]
    product: tuple[ast.AST, ...]
    external: frozenset[str]
    opaque: bool


class Reaching:
    """Follows a test's code to its end, at most `_MOST_NODES` nodes."""

    def __init__(self, program: Program, case: TestCase, scope: Scope) -> None:
        self.program = program
        self.case = case
        self.scope = scope
        self.functions: dict[ast.AST, FunctionInfo] = {}
        self.classes: dict[ast.AST, ClassInfo] = {}
        self.product: list[ast.AST] = []
        self.external: set[str] = set()
        self.opaque = False
        self.waiting: list[tuple[ast.AST, Scope]] = []

    def run(self) -> Reach:
        """Follow it."""
        module, cls = self.scope.module, self.scope.cls
        self._function(FunctionInfo(module, self.case.node, cls), self.scope)
        del self.functions[self.case.node]
        for item in cls.order if cls else ():
            for function in self._around(item.node, item.module, item):
                self._enter(function)
            self.opaque = self.opaque or (
                None in item.bases
                and not any(last_name(base) in {"TestCase", "IsolatedAsyncioTestCase"} for base in item.node.bases)
            )
        for around in [module, *self.program.conftests]:
            for function in self._around(around.source.tree, around, None):
                self._enter(function)
        steps = 0
        while self.waiting and steps < _MOST_NODES:
            node, scope = self.waiting.pop()
            part = self._part(node, scope)
            steps += part.size
            self.product.extend(part.product)
            self.external |= part.external
            self.opaque = self.opaque or part.opaque
            for function in part.functions:
                self._enter(function)
            for met in part.classes:
                if met.node not in self.classes and met.node not in self.case.classes:
                    self._class(met)
        return Reach(
            tuple(self.functions.values()),
            tuple(self.classes.values()),
            tuple(self.product),
            frozenset(self.external),
            self.opaque or steps >= _MOST_NODES,
        )

    def _around(
        self, owner: ast.Module | ast.ClassDef, module: ModuleInfo, cls: ClassInfo | None
    ) -> tuple[FunctionInfo, ...]:
        """The set-ups and automatic fixtures in a body."""
        key = ("around", owner)
        if key not in self.program.memo:
            self.program.memo[key] = tuple(
                FunctionInfo(module, item, cls)
                for item in owner.body
                if isinstance(item, FunctionNode) and (item.name in SETUPS or _autouse(item))
            )
        known: tuple[FunctionInfo, ...] = self.program.memo[key]
        return known

    def _enter(self, function: FunctionInfo) -> None:
        if function.node not in self.functions:
            cls = self.scope.cls
            owner = cls if cls is not None and function.owner in cls.order else function.owner
            scope = Scope.of(self.program, function.module, (*function.outer, function.node), owner)
            self._function(function, scope)

    def _function(self, function: FunctionInfo, scope: Scope) -> None:
        self.functions[function.node] = function
        takes_fixtures = function.node is self.case.node or bool(fixture_name(function.node))
        arguments = [*function.node.args.args, *function.node.args.kwonlyargs] if takes_fixtures else []
        filled = _filled(function) if arguments else frozenset()
        for argument in arguments:
            if argument.arg in {"self", "cls"} or argument.arg in filled or argument.arg in _BUILT_IN_FIXTURES:
                continue
            fixture = scope.fixture(argument.arg)
            if fixture is None:
                self.opaque = self.opaque or not function.node.decorator_list
            else:
                self._enter(fixture)
        self.waiting.append((function.node, scope))

    def _part(self, root: ast.AST, scope: Scope) -> _Part:
        """What one function or statement leads to, found once for all tests that come to it."""
        key = ("leads to", root, scope)
        if key not in self.program.memo:
            self.program.memo[key] = _Looking(self.program, scope).at(root)
        known: _Part = self.program.memo[key]
        return known

    def _class(self, cls: ClassInfo) -> None:
        for item in cls.order:
            if item.module.product:
                self.product.append(cls.node)
            elif item.node not in self.classes:
                self.classes[item.node] = item
                for node in item.node.body:
                    if isinstance(node, FunctionNode):
                        self._enter(FunctionInfo(item.module, node, item))
                    else:
                        self.waiting.append((node, Scope.of(self.program, item.module)))
        if any(
            base is None and last_name(written) not in {"Exception", "RuntimeError", "ValueError", "Enum"}
            for item in cls.order
            for base, written in zip(item.bases, item.node.bases, strict=False)
        ):
            self.opaque = True


@dataclass(frozen=True, eq=False)
class _Part:
    """What the text of one function or statement leads to, one step far; `size` in nodes."""

    size: int
    product: tuple[ast.AST, ...]
    external: frozenset[str]
    functions: tuple[FunctionInfo, ...]
    classes: tuple[ClassInfo, ...]
    opaque: bool


class _Looking:
    """Looks at the nodes of one function or statement."""

    def __init__(self, program: Program, scope: Scope) -> None:
        self.program = program
        self.scope = scope
        self.product: list[ast.AST] = []
        self.external: set[str] = set()
        self.functions: dict[ast.AST, FunctionInfo] = {}
        self.classes: dict[ast.AST, ClassInfo] = {}
        self.opaque = False

    def at(self, root: ast.AST) -> _Part:
        for call in every(root, ast.Call):
            if last_name(call.func) in {"usefixtures", "getfixturevalue", "import_module"}:
                self.opaque = True
        for text in every(root, ast.Constant):
            if isinstance(text.value, str) and "." in text.value and len(text.value) < 200:
                names = self.program.product_names
                if any(text.value.startswith(f"{name}.") for name in names):
                    self.product.append(text)
        for name in every(root, ast.Name):
            if isinstance(name.ctx, ast.Load):
                self._imported(name)
                self._follow(name, self.scope.resolve(name))
        for attribute in every(root, ast.Attribute):
            if isinstance(attribute.ctx, ast.Load):
                self._follow(attribute, self.scope.resolve(attribute))
        return _Part(
            len(walk(root)),
            tuple(self.product),
            frozenset(self.external),
            tuple(self.functions.values()),
            tuple(self.classes.values()),
            self.opaque,
        )

    def _imported(self, name: ast.Name) -> None:
        """Note a name that is imported from the product, also where it leads to a plain value, or from nowhere."""
        scope = self.scope
        bindings = [node for function in scope.functions for _, node in scope.bound(function).get(name.id, [])]
        for node in bindings or scope.module.bindings.get(name.id, []):
            if isinstance(node, ast.alias):
                if self.program.comes_from_product(node):
                    self.product.append(name)
                elif self.program.imported(node) is None:
                    self.opaque = True

    def _follow(self, node: ast.AST, found: Reference) -> None:
        if isinstance(found, Missing):
            self.opaque = True
        elif found is not None and is_product(found):
            self.product.append(node)
        elif isinstance(found, External):
            root = found.name.partition(".")[0]
            self.external.add(found.name)
            if root not in _TOOLS and root not in sys.stdlib_module_names:
                self.opaque = True
        elif isinstance(found, FunctionInfo | Bound):
            function = found if isinstance(found, FunctionInfo) else found.function
            self.functions.setdefault(function.node, function)
        elif isinstance(found, ClassInfo | Instance):
            cls = found if isinstance(found, ClassInfo) else found.cls
            self.classes.setdefault(cls.node, cls)
        elif isinstance(found, Coroutine):
            self.functions.setdefault(found.function.node, found.function)


def _filled(function: FunctionInfo) -> frozenset[str]:
    names = set(parametrized(function.node))
    if function.owner:
        names |= parametrized(function.owner.node)
    for decorator in function.node.decorator_list:
        if isinstance(decorator, ast.Call) and last_name(decorator) == "given":
            names.update(word.arg for word in decorator.keywords if word.arg)
            if decorator.args:
                names.update(item.arg for item in function.node.args.args)
        if isinstance(decorator, ast.Call) and last_name(decorator) in {"patch", "object"}:
            names.update(item.arg for item in function.node.args.args)
    return frozenset(names)


def _autouse(node: FunctionNode) -> bool:
    return bool(fixture_name(node)) and any(
        word.arg == "autouse"
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call)
        for word in decorator.keywords
    )
