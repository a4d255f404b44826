"""Everything that a test's code leads to: helpers, fixtures, local classes, the product."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass

from bot.audit.bindings import fixture_name, parametrized
from bot.audit.definitions import ClassInfo, FunctionInfo, last_name
from bot.audit.program import External, Missing, Program
from bot.audit.references import Bound, Coroutine, Instance, Reference, is_product
from bot.audit.scope import Scope
from bot.audit.source import FunctionNode, TestCase

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
            for statement in item.node.body:
                if isinstance(statement, FunctionNode) and (statement.name in SETUPS or _autouse(statement)):
                    self._enter(FunctionInfo(item.module, statement, item))
            self.opaque = self.opaque or (
                None in item.bases
                and not any(last_name(base) in {"TestCase", "IsolatedAsyncioTestCase"} for base in item.node.bases)
            )
        for around in [module, *self.program.conftests]:
            for statement in around.source.tree.body:
                if isinstance(statement, FunctionNode) and (_autouse(statement) or statement.name in SETUPS):
                    self._enter(FunctionInfo(around, statement))
        steps = 0
        while self.waiting and steps < _MOST_NODES:
            node, scope = self.waiting.pop()
            steps += 1
            self._look(node, scope)
        return Reach(
            tuple(self.functions.values()),
            tuple(self.classes.values()),
            tuple(self.product),
            frozenset(self.external),
            self.opaque or steps >= _MOST_NODES,
        )

    def _enter(self, function: FunctionInfo) -> None:
        if function.node not in self.functions:
            scope = Scope.of(self.program, function.module, (*function.outer, function.node), function.owner)
            self._function(function, scope)

    def _function(self, function: FunctionInfo, scope: Scope) -> None:
        self.functions[function.node] = function
        takes_fixtures = function.node is self.case.node or bool(fixture_name(function.node))
        filled = _filled(function)
        for argument in [*function.node.args.args, *function.node.args.kwonlyargs] if takes_fixtures else []:
            if argument.arg in {"self", "cls"} or argument.arg in filled or argument.arg in _BUILT_IN_FIXTURES:
                continue
            fixture = scope.fixture(argument.arg)
            if fixture is None:
                self.opaque = self.opaque or not function.node.decorator_list
            else:
                self._enter(fixture)
        for item in ast.walk(function.node):
            self.waiting.append((item, scope))

    def _look(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.Call) and last_name(node.func) in {"usefixtures", "getfixturevalue", "import_module"}:
            self.opaque = True
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            self._look_text(node)
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            if isinstance(node, ast.Name):
                self._imported(node, scope)
            self._follow(node, scope.resolve(node))

    def _imported(self, name: ast.Name, scope: Scope) -> None:
        """Note a name that is imported from the product, also where it leads to a plain value, or from nowhere."""
        program = self.program
        bindings = [node for function in scope.functions for _, node in scope.bound(function).get(name.id, [])]
        for node in bindings or scope.module.bindings.get(name.id, []):
            if isinstance(node, ast.alias):
                if program.comes_from_product(node):
                    self.product.append(name)
                elif program.imported(node) is None:
                    self.opaque = True

    def _look_text(self, node: ast.Constant) -> None:
        name = str(node.value)
        if len(name) < 200 and any(name.startswith(f"{module.name}.") for module in self.program.product_modules):
            self.product.append(node)

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
            self._enter(found if isinstance(found, FunctionInfo) else found.function)
        elif isinstance(found, ClassInfo | Instance):
            cls = found if isinstance(found, ClassInfo) else found.cls
            if cls.node not in self.classes and cls.node not in self.case.classes:
                self._class(cls)
        elif isinstance(found, Coroutine):
            self._enter(found.function)

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
                        scope = Scope.of(self.program, item.module)
                        self.waiting.extend((part, scope) for part in ast.walk(node))
        if any(
            base is None and last_name(written) not in {"Exception", "RuntimeError", "ValueError", "Enum"}
            for item in cls.order
            for base, written in zip(item.bases, item.node.bases, strict=False)
        ):
            self.opaque = True


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
