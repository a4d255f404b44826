"""Where the nodes of a test and of its helpers stand, what their names mean there, and what is replaced."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bot.audit.dataflow.libraries import is_mock_name
from bot.audit.dataflow.origin import calls_in
from bot.audit.dataflow.replacing import Replacement, is_patch, replacements_in
from bot.audit.reading.bindings import fixture_name, is_static
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every
from bot.audit.reading.program import External, ModuleInfo
from bot.audit.reading.reach import SETUPS
from bot.audit.reading.references import Reference
from bot.audit.reading.scope import Scope
from bot.audit.reading.source import FunctionNode, Source
from bot.audit.reading.variables import ScopeNode, variables
from bot.audit.view import View

_HELD = {"open", "dict", "Lock", "RLock", "TemporaryDirectory", "NamedTemporaryFile", "ThreadPoolExecutor",
         "ProcessPoolExecutor", "subTest"}
"""Managers that let every error through and tell nothing of what their block did."""
_HARNESS = {"fixture", "parametrize", "asyncio", "anyio", "usefixtures", "skip", "skipif", "xfail", "slow",
            "integration", "unit", "staticmethod", "classmethod", "property", "contextmanager", "asynccontextmanager"}


def _left_before(block: ast.AST, below: ast.AST) -> Iterator[ast.expr]:
    """The conditions on which a block may be left before a statement in it is come to, or come to again."""
    for part in ("body", "orelse", "finalbody"):
        statements = getattr(block, part, None)
        if not isinstance(statements, list) or below not in statements:
            continue
        again = isinstance(block, ast.For | ast.AsyncFor | ast.While)
        for statement in statements if again else statements[: statements.index(below)]:
            for test in every(statement, ast.If) if not isinstance(statement, FunctionNode | ast.ClassDef) else ():
                if next(every(test, ast.Continue, ast.Break, ast.Return), None) is not None:
                    yield test.test


@dataclass(eq=False)
class Standing:
    """One test's code by place. What the replacements in `cut` do is left out, and so is what they are called with."""

    view: View
    cut: frozenset[ast.AST] = frozenset()

    def home_of(self, node: ast.AST) -> ModuleInfo:
        """The module that a node stands in."""
        return self.view.program.home_of(node) or self.view.module

    def source_of(self, node: ast.AST) -> Source:
        """The file that a node stands in."""
        return self.home_of(node).source

    def enclosing(self, node: ast.AST) -> ScopeNode | None:
        """The innermost function or lambda around a node."""
        for item in self.source_of(node).above(node):
            if isinstance(item, FunctionNode | ast.Lambda):
                return item
        return None

    def scope_at(self, node: ast.AST) -> Scope:
        """What resolves the names where a node stands."""
        if node not in self._scopes:
            module = self.view.program.home_of(node) or self.view.module
            functions = [item for item in module.source.above(node) if isinstance(item, FunctionNode)]
            holder = next(module.source.above(functions[-1]), None) if functions else None
            owner = self.view.program.class_info(module, holder) if isinstance(holder, ast.ClassDef) else None
            if self.view.cls is not None and owner in self.view.cls.order:
                owner = self.view.cls  # `self` is of the class that is collected, which may define anew what it calls
            self._scopes[node] = Scope.of(self.view.program, module, tuple(reversed(functions)), owner)
        return self._scopes[node]

    @cached_property
    def _scopes(self) -> dict[ast.AST, Scope]:
        known: dict[ast.AST, Scope] = self.view.program.memo.setdefault(("scopes of nodes", self.view.cls), {})
        return known

    def resolve(self, node: ast.expr) -> Reference:
        """What an expression stands for, wherever it is; None also where a parameter hides the name."""
        root: ast.expr = node
        while isinstance(root, ast.Attribute | ast.Call | ast.Subscript | ast.Await):
            root = root.func if isinstance(root, ast.Call) else root.value
        if isinstance(root, ast.Name):
            variable = variables(self.home_of(root)).of.get(root)
            if variable is not None and isinstance(variable.scope, ast.Lambda):
                return None
        return self.scope_at(node).resolve(node)

    def is_own(self, node: ast.expr) -> bool:
        """Whether an expression is `self` or `cls` of the test's class."""
        if not isinstance(node, ast.Name) or self.view.cls is None:
            return False
        variable = variables(self.home_of(node)).of.get(node)
        function = variable.scope if variable else None
        if not isinstance(function, FunctionNode) or not function.args.args or function.args.args[0].arg != node.id:
            return False
        if is_static(function):
            return False
        return any(function in item.node.body for item in self.view.cls.order)

    def is_test_code(self, function: ScopeNode) -> bool:
        """Whether a function is a test, or a method of the test's own class that pytest or the test calls."""
        if isinstance(function, FunctionNode) and fixture_name(function):
            return False
        own = self.view.cls.order if self.view.cls else ()
        return function is self.view.node or any(function in item.node.body for item in own)

    @cached_property
    def replacements(self) -> tuple[Replacement, ...]:
        """Which methods and functions the test, its fixtures and set-ups replace by something of the test's own."""
        found = list(replacements_in(self.view.node, self.view.bare_scope))
        for function in self.view.reach.functions:
            if not function.module.product and (fixture_name(function.node) or function.node.name in SETUPS):
                found += replacements_in(function.node, self.scope_at(function.node.body[0]))
        return tuple(item for item in found if self._stands_in(item))

    def _stands_in(self, item: Replacement) -> bool:
        """Whether a mock or function takes the place of a method: plain values may be given to any attribute."""
        if item.owner is not None and self.is_own(item.owner):
            return False  # an attribute of the test's own object
        original = item.original
        if original is not None:
            return not original.is_property
        if item.by is None or isinstance(item.by, ast.Lambda):
            return True
        made = self.resolve(item.by.func) if isinstance(item.by, ast.Call) else None
        return isinstance(made, External) and is_mock_name(made.name)

    def replaced(self, node: ast.expr) -> Replacement | None:
        """The replacement that an attribute leads to, as far as the text tells."""
        if not isinstance(node, ast.Attribute):
            return None
        for item in self.replacements:
            if item.attribute != node.attr or not item.reached_by(node, self.scope_at(node)):
                continue
            source = self.source_of(item.node)
            if any(part is item.node for part in source.above(node)):
                continue  # it is where it is replaced
            same = self._outermost(item.node) is self._outermost(node)
            if not same or item.holds_at(node, source):
                return item
        return None

    def _outermost(self, node: ast.AST) -> ast.AST | None:
        functions = [item for item in self.source_of(node).above(node) if isinstance(item, FunctionNode)]
        return functions[-1] if functions else None

    def deciding(self, node: ast.AST) -> tuple[ast.expr, ...]:
        """The conditions and the tried calls that a statement stands under."""
        found: list[ast.expr] = []
        below = node
        for item in self.source_of(node).above(node):
            found += _left_before(item, below)
            below = item
            if isinstance(item, FunctionNode | ast.Lambda):
                break
            if isinstance(item, ast.If | ast.While | ast.IfExp):
                found.append(item.test)
            elif isinstance(item, ast.For | ast.AsyncFor):
                found.append(item.iter)
            elif isinstance(item, ast.Match):
                found.append(item.subject)
            elif isinstance(item, ast.Try) or (isinstance(item, ast.With | ast.AsyncWith) and self._watches(item)):
                found += [call for statement in item.body for call in calls_in(statement)]
        return tuple(found)

    def _watches(self, block: ast.With | ast.AsyncWith) -> bool:
        """Whether a block may end early without the test's end (expected error, time limit, cancelled scope)."""
        calls = [item.context_expr for item in block.items if isinstance(item.context_expr, ast.Call)]
        return len(calls) < len(block.items) or not all(
            is_patch(call, self.scope_at(call)) or last_name(call.func) in _HELD for call in calls
        )

    def decorators(self, node: FunctionNode | ast.ClassDef) -> Iterator[ast.expr]:
        """The decorators of a definition that may run it or hand it on: not those of pytest, of mock and the like."""
        for item in node.decorator_list:
            call = item if isinstance(item, ast.Call) else None
            if last_name(item) not in _HARNESS and not (call and is_patch(call, self.scope_at(node))):
                yield item
