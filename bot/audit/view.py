"""What rules look at: one test with its scope, its assertions, and everything its code leads to."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bot.audit.bindings import fixture_name
from bot.audit.checks import handler_names, is_check, raises_names, replaced_in
from bot.audit.definitions import ClassInfo
from bot.audit.evaluate import Evaluation, Judged
from bot.audit.program import ModuleInfo, Program
from bot.audit.reach import SETUPS, Reach, Reaching
from bot.audit.scope import Scope
from bot.audit.source import FunctionNode, Source, TestCase


def _replaced_around(program: Program, key: object, body: list[ast.stmt], *, functions_only: bool) -> frozenset[str]:
    """What the fixtures and set-ups in a body replace, and what its plain statements do."""
    if ("replaced", key) not in program.memo:
        found: set[str] = set()
        for node in body:
            if isinstance(node, FunctionNode):
                if fixture_name(node) or node.name in SETUPS:
                    found |= replaced_in(node)
            elif not functions_only and not isinstance(node, ast.ClassDef):
                found |= replaced_in(node)
        program.memo["replaced", key] = frozenset(found)
    known: frozenset[str] = program.memo["replaced", key]
    return known


@dataclass(frozen=True, eq=False)
class View:
    """A test as rules see it."""

    program: Program
    case: TestCase
    module: ModuleInfo

    @property
    def source(self) -> Source:
        """Its file."""
        return self.case.source

    @property
    def node(self) -> FunctionNode:
        """Its definition."""
        return self.case.node

    @cached_property
    def cls(self) -> ClassInfo | None:
        """Its class."""
        return self.program.class_info(self.module, self.case.classes[-1]) if self.case.classes else None

    @cached_property
    def replaced(self) -> frozenset[str]:
        """Attribute names replaced by the test, its decorators, its class's set-up or any fixture nearby."""
        found = set(replaced_in(self.node))
        for module in [self.module, *self.program.conftests]:
            found |= _replaced_around(self.program, module.source.path, module.source.tree.body, functions_only=False)
        for item in self.cls.order if self.cls else ():
            found |= _replaced_around(self.program, item.node, item.node.body, functions_only=True)
            for decorator in item.node.decorator_list:
                found |= replaced_in(decorator)
        return frozenset(found)

    @cached_property
    def scope(self) -> Scope:
        """Resolves its names, knowing nothing about what is replaced."""
        return Scope.of(self.program, self.module, (self.node,), self.cls, self.replaced)

    @cached_property
    def bare_scope(self) -> Scope:
        """Resolves its names as if nothing were replaced."""
        return Scope.of(self.program, self.module, (self.node,), self.cls)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Its nodes in the order of the text, those of functions inside it included."""
        found = [item for statement in self.node.body for item in ast.walk(statement)]
        return tuple(sorted(found, key=lambda item: (getattr(item, "lineno", 0), getattr(item, "col_offset", 0))))

    @cached_property
    def checks(self) -> tuple[ast.AST, ...]:
        """Its own assertions of all styles."""
        return tuple(item for item in self.nodes if is_check(item))

    @cached_property
    def asserts(self) -> tuple[ast.Assert, ...]:
        """Its own `assert` statements."""
        return tuple(item for item in self.nodes if isinstance(item, ast.Assert))

    @cached_property
    def judged(self) -> tuple[Judged, ...]:
        """Its assertions, evaluated as far as the text decides."""
        return Evaluation(program=self.program, scope=self.scope, case=self.case).run()

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """A node's ancestors up to the test."""
        for item in self.source.above(node):
            if item is self.node:
                return
            yield item

    def under_raises(self, node: ast.AST, *names: str) -> bool:
        """Whether a node stands where one of these exceptions is expected or caught (or any, for Exception)."""
        wanted = {*names, "Exception", "BaseException"}
        for item in self.above(node):
            if isinstance(item, ast.With | ast.AsyncWith):
                for manager in item.items:
                    if raises_names(manager.context_expr) & wanted:
                        return True
            if (
                isinstance(item, ast.Try)
                and node not in {inner for part in item.handlers for inner in ast.walk(part)}
                and any(handler_names(handler) & wanted for handler in item.handlers)
            ):
                return True
        return False

    @cached_property
    def reach(self) -> Reach:
        """What its code leads to, through helpers, fixtures and local classes."""
        return Reaching(self.program, self.case, self.bare_scope).run()
