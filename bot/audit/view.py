"""What rules look at: one test with its scope, its assertions, and everything its code leads to."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from bot.audit.evaluating.evaluate import Evaluation, Judged, Refuted
from bot.audit.evaluating.values import Value
from bot.audit.reading.bindings import fixture_name
from bot.audit.reading.checks import handler_names, is_check, raises_names, replaced_in
from bot.audit.reading.definitions import ClassInfo
from bot.audit.reading.flat import Node, every, every_in, walk
from bot.audit.reading.program import ModuleInfo, Program
from bot.audit.reading.reach import SETUPS, Reach, Reaching
from bot.audit.reading.references import Instance
from bot.audit.reading.scope import Scope
from bot.audit.reading.source import FunctionNode, Source, TestCase


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
class Body:
    """A function of the test files that runs with a test: the test itself, a helper, a fixture, a set-up."""

    source: Source
    node: FunctionNode
    scope: Scope

    def every(self, *kinds: type[Node]) -> tuple[Node, ...]:
        """The nodes of some concrete kinds in it, functions inside it included."""
        return tuple(every_in(self.node.body, *kinds))

    @property
    def replaced(self) -> frozenset[str]:
        """The attribute names that it patches, or assigns to anything but one known object."""
        found = {name for call in every(self.node, ast.Call) for name in replaced_in(call)}
        for item in every(self.node, ast.Attribute):
            if not isinstance(item.ctx, ast.Load) and not isinstance(self.scope.resolve(item.value), Instance):
                found.add(item.attr)
        return frozenset(found)

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """A node's ancestors up to the function."""
        for item in self.source.above(node):
            if item is self.node:
                return
            yield item

    def under_raises(self, node: ast.AST, *names: str, exactly: bool = False) -> bool:
        """Whether a node stands where one of these exceptions is expected or caught (or any, for Exception).

        `exactly`: what catches everything does not count.
        """
        wanted = set(names) if exactly else {*names, "Exception", "BaseException"}
        child: ast.AST = node
        for item in self.above(node):
            if isinstance(item, ast.With | ast.AsyncWith):
                for manager in item.items:
                    if raises_names(manager.context_expr) & wanted:
                        return True
            if (
                isinstance(item, ast.Try)
                and not isinstance(child, ast.ExceptHandler)
                and any(handler_names(handler) & wanted for handler in item.handlers)
            ):
                return True
            child = item
        return False


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
        if not self.case.classes:
            return None
        home = self.program.home_of(self.case.classes[-1]) or self.module
        return self.program.class_info(home, self.case.classes[-1])

    @cached_property
    def replaced(self) -> frozenset[str]:
        """Attribute names replaced by the test, its decorators, its class's set-up or any fixture nearby."""
        return replaced_in(self.node) | self.replaced_around

    @cached_property
    def replaced_around(self) -> frozenset[str]:
        """Attribute names replaced by its class's set-up or any fixture nearby."""
        found: set[str] = set()
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
        return tuple(item for statement in self.node.body for item in walk(statement))

    def every(self, *kinds: type[Node]) -> tuple[Node, ...]:
        """Its nodes of some concrete kinds (`ast.Call`), functions inside it included, without a walk; kind by kind."""
        return tuple(every_in(self.node.body, *kinds))

    @cached_property
    def calls(self) -> tuple[ast.Call, ...]:
        """Its calls in the order of the text."""
        return self.every(ast.Call)

    @cached_property
    def awaits(self) -> tuple[ast.Await, ...]:
        """Its `await` expressions."""
        return self.every(ast.Await)

    @cached_property
    def withs(self) -> tuple[ast.With | ast.AsyncWith, ...]:
        """Its `with` and `async with` statements."""
        return (*self.every(ast.With), *self.every(ast.AsyncWith))

    @cached_property
    def trys(self) -> tuple[ast.Try | ast.TryStar, ...]:
        """Its `try` statements."""
        return (*self.every(ast.Try), *self.every(ast.TryStar))

    @cached_property
    def names(self) -> tuple[ast.Name, ...]:
        """Its names, read and bound."""
        return self.every(ast.Name)

    @cached_property
    def attributes(self) -> tuple[ast.Attribute, ...]:
        """Its attribute accesses, read and bound."""
        return self.every(ast.Attribute)

    @cached_property
    def checks(self) -> tuple[ast.AST, ...]:
        """Its own assertions of all styles."""
        return tuple(item for item in self.nodes if is_check(item))

    @cached_property
    def asserts(self) -> tuple[ast.Assert, ...]:
        """Its own `assert` statements."""
        return self.every(ast.Assert)

    @cached_property
    def judged(self) -> tuple[Judged, ...]:
        """Its assertions, evaluated as far as the text decides."""
        return self.evaluation.run()

    @cached_property
    def refuted(self) -> tuple[Refuted, ...]:
        """Its expected exceptions that certainly do not come."""
        assert self.judged is not None  # filled by the same evaluation
        return tuple(self.evaluation.refuted)

    @cached_property
    def evaluation(self) -> Evaluation:
        """Its evaluation, not yet run."""
        return self.evaluation_with({})

    def evaluation_with(self, given: dict[str, Value]) -> Evaluation:
        """An evaluation of it with values for some of its arguments, not yet run."""
        found = Evaluation(program=self.program, scope=self.scope, case=self.case, given=given)
        found.keep_out(self.kept_out)
        return found

    @cached_property
    def kept_out(self) -> frozenset[str]:
        """The names that its evaluation must not know: patched, or assigned by other code to more than one object."""
        found = {name for call in every(self.node, ast.Call) for name in replaced_in(call)}
        for item in (self.node, *(cls.node for cls in (self.cls.order if self.cls else ()))):
            found |= {name for decorator in item.decorator_list for name in replaced_in(decorator)}
        for module in [self.module, *self.program.conftests]:
            key = ("replaced at the top", module.source.path)
            if key not in self.program.memo:
                body = [item for item in module.source.tree.body if not isinstance(item, FunctionNode | ast.ClassDef)]
                self.program.memo[key] = frozenset(name for item in body for name in replaced_in(item))
            found |= self.program.memo[key]
        for helper in self.helpers:
            by = ("replaced by", helper.node, helper.scope)
            if by not in self.program.memo:
                self.program.memo[by] = helper.replaced
            found |= self.program.memo[by]
        return frozenset(found)

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """A node's ancestors up to the test."""
        return self.body.above(node)

    def under_raises(self, node: ast.AST, *names: str) -> bool:
        """Whether a node stands where one of these exceptions is expected or caught (or any, for Exception)."""
        return self.body.under_raises(node, *names)

    @cached_property
    def body(self) -> Body:
        """Its own code."""
        return Body(self.source, self.node, self.scope)

    @cached_property
    def helpers(self) -> tuple[Body, ...]:
        """The functions of the test files that its code enters: helpers, fixtures, set-ups. No other tests."""
        return tuple(
            Body(
                item.module.source,
                item.node,
                Scope.of(
                    self.program,
                    item.module,
                    (*item.outer, item.node),
                    self.cls if self.cls is not None and item.owner in self.cls.order else item.owner,
                    self.replaced,
                ),
            )
            for item in self.reach.functions
            if not item.module.product and not item.outer and not item.node.name.startswith("test")
        )

    def found(self, name: str, look: Callable[[Body], Iterable[tuple[ast.AST, str]]]) -> Iterator[tuple[ast.AST, str]]:
        """What a look at its code finds, helpers included; a helper is looked at once for all tests.

        What is found in another file is told at the test's own line. `name` tells different looks apart.
        """
        yield from look(self.body)
        for helper in self.helpers:
            key = (name, helper.node, helper.scope)
            if key not in self.program.memo:
                self.program.memo[key] = tuple(look(helper))
            for node, message in self.program.memo[key]:
                if helper.source is self.source:
                    yield node, message
                else:
                    yield self.node, f"{message}, in {helper.source.path}:{getattr(node, 'lineno', 1)}"

    @cached_property
    def reach(self) -> Reach:
        """What its code leads to, through helpers, fixtures and local classes."""
        return Reaching(self.program, self.case, self.bare_scope).run()
