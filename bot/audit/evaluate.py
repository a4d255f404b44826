"""Static evaluation of a test: what product attributes and constants are in the state that the test builds.

It follows constructors, defaults, dataclass fields, conditionals and simple functions, and gives up
(`UNKNOWN`) wherever the text alone does not decide. A value it gives is one that the run must have too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from bot.audit.bindings import parametrized
from bot.audit.definitions import FunctionInfo, last_name
from bot.audit.expressions import Expressions, Frame, GaveUp, Returned
from bot.audit.source import FunctionNode, TestCase
from bot.audit.values import UNKNOWN, Known, Several, Thing, Value, compare, truth


@dataclass(frozen=True, eq=False)
class Judged:
    """An assertion that was reached with certainty. `holds` is None where its truth is unknown.

    `left`, `op` and `right` are given where it is one comparison; `entered` are product functions that
    evaluation went through before, as `path::qualname`.
    """

    node: ast.AST
    test: ast.expr
    holds: bool | None
    left: Value = UNKNOWN
    right: Value = UNKNOWN
    op: ast.cmpop | None = None
    sides: tuple[ast.expr, ...] = ()
    entered: frozenset[str] = frozenset()
    reasons: tuple[str, ...] = ()


@dataclass(eq=False, kw_only=True)
class Evaluation(Expressions):
    """One test's evaluation. `judged` fills as `run` goes."""

    case: TestCase
    judged: list[Judged] = field(default_factory=list)

    def run(self) -> tuple[Judged, ...]:
        """Evaluate the test from its first statement as far as its flow is certain."""
        inner = [
            item for item in ast.walk(self.case.node) if isinstance(item, FunctionNode | ast.Lambda | ast.ClassDef)
        ]
        for item in (part for function in inner if function is not self.case.node for part in ast.walk(function)):
            if isinstance(item, ast.Nonlocal | ast.Global):
                self._nonlocal.update(item.names)
            elif isinstance(item, ast.Name):
                self._captured.add(item.id)
        arguments = self.case.node.args
        parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        frame = Frame(self.scope, {item.arg: UNKNOWN for item in parameters})
        if not parametrized(self.case.node):
            for item in parameters:
                if (fixture := self.scope.fixture(item.arg)) is not None and not self._is_generator(fixture):
                    frame.names[item.arg] = (
                        self._call_function(fixture, None, {}, frame) if not fixture.node.args.args else UNKNOWN
                    )
        with suppress(GaveUp, Returned):
            self._block(self.case.node.body, frame)
        return tuple(self.judged)

    @staticmethod
    def _is_generator(fixture: FunctionInfo) -> bool:
        return fixture.is_generator or isinstance(fixture.node, ast.AsyncFunctionDef)

    # statements

    def _block(self, body: Iterable[ast.stmt], frame: Frame) -> None:
        for statement in body:
            self._step()
            self._statement(statement, frame)

    def _statement(self, node: ast.stmt, frame: Frame) -> None:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            self._assign(node, frame)
        elif isinstance(node, ast.Expr):
            self._expression_statement(node.value, frame)
        elif isinstance(node, ast.Assert):
            self._judge(node, node.test, frame)
        elif isinstance(node, ast.If):
            self._if(node, frame)
        elif isinstance(node, ast.With | ast.AsyncWith):
            self._with(node, frame)
        elif isinstance(node, ast.Return):
            raise Returned(self._value(node.value, frame) if node.value else Known(None))
        elif isinstance(node, ast.Raise | ast.Break | ast.Continue):
            raise GaveUp
        elif isinstance(node, FunctionNode | ast.ClassDef):
            frame.names[node.name] = UNKNOWN
        elif not isinstance(node, ast.Pass | ast.Import | ast.ImportFrom):
            self._forget(node, frame)

    def _assign(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign, frame: Frame) -> None:
        if isinstance(node, ast.AugAssign):
            self._store(node.target, UNKNOWN, frame)
        elif node.value is not None:
            value = self._value(node.value, frame)
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                self._store(target, value, frame)

    def _expression_statement(self, node: ast.expr, frame: Frame) -> None:
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
        ):
            name = node.func.attr
            if node.func.value.id == "self" and name in _UNITTEST and len(node.args) >= 2:
                test = ast.Compare(left=node.args[0], ops=[_UNITTEST[name]()], comparators=[node.args[1]])
                self._judge(node, ast.copy_location(test, node), frame)
                return
            if name == "setenv" and len(node.args) >= 2 and isinstance(key := node.args[0], ast.Constant):
                self._environment[str(key.value)] = self._value(node.args[1], frame)
                return
        self._value(node, frame)

    def _if(self, node: ast.If, frame: Frame) -> None:
        decided = truth(self._value(node.test, frame))
        if decided is None:
            if _leaves(node):
                raise GaveUp
            self._forget(node, frame)
            return
        self._block(node.body if decided else node.orelse, frame)

    def _with(self, node: ast.With | ast.AsyncWith, frame: Frame) -> None:
        quiet = False
        for item in node.items:
            dotted = self._external(item.context_expr, frame)
            quiet = (
                quiet
                or dotted.endswith((".raises", ".suppress", ".warns"))
                or last_name(item.context_expr)
                in {
                    "assertRaises",
                    "assertRaisesRegex",
                    "subTest",
                    "suppress",
                    "raises",
                }
            )
            self._patched_environment(item.context_expr, frame)
            self._value(item.context_expr, frame)
            if item.optional_vars is not None:
                self._store(item.optional_vars, UNKNOWN, frame)
        if quiet:
            for statement in node.body:
                self._forget(statement, frame)
        else:
            self._block(node.body, frame)

    def _patched_environment(self, node: ast.expr, frame: Frame) -> None:
        if isinstance(node, ast.Call) and self._external(node, frame).endswith("patch.dict") and len(node.args) >= 2:
            given = node.args[1]
            if isinstance(given, ast.Dict) and self._external(node.args[0], frame) == "os.environ":
                for key, value in zip(given.keys, given.values, strict=True):
                    if isinstance(key, ast.Constant):
                        self._environment[str(key.value)] = self._value(value, frame)

    def _external(self, node: ast.expr, frame: Frame) -> str:
        return frame.scope.dotted(node.func if isinstance(node, ast.Call) else node)

    def _store(self, target: ast.expr, value: Value, frame: Frame) -> None:
        if isinstance(target, ast.Name):
            if target.id in self._captured:
                self._escape(value)
            frame.names[target.id] = UNKNOWN if target.id in self._nonlocal else value
        elif isinstance(target, ast.Attribute):
            self._store_attribute(target, value, frame)
        elif isinstance(target, ast.Subscript):
            self._store_item(target, value, frame)
        elif isinstance(target, ast.Tuple | ast.List):
            known = isinstance(value, Several) and len(value.items) == len(target.elts)
            for at, item in enumerate(target.elts):
                inner = item.value if isinstance(item, ast.Starred) else item
                part = value.items[at] if known and isinstance(value, Several) and inner is item else UNKNOWN
                self._store(inner, part, frame)

    def _store_attribute(self, target: ast.Attribute, value: Value, frame: Frame) -> None:
        owner = self._value(target.value, frame)
        if isinstance(owner, Thing):
            owner.attributes[target.attr] = value
        else:
            self._escape(value)
            self._forget_attribute(target.attr)

    def _store_item(self, target: ast.Subscript, value: Value, frame: Frame) -> None:
        if self._external(target.value, frame) == "os.environ" and isinstance(target.slice, ast.Constant):
            self._environment[str(target.slice.value)] = value
            return
        self._escape(value)
        for item in ast.walk(target.value):
            if isinstance(item, ast.Name):
                frame.names[item.id] = UNKNOWN
            elif isinstance(item, ast.Attribute):
                self._store(item, UNKNOWN, frame)

    def _forget_attribute(self, name: str) -> None:
        """An attribute of some object was assigned: it may be any of those that have it."""
        for thing in self._things:
            if name in thing.attributes:
                thing.attributes[name] = UNKNOWN

    def _forget(self, node: ast.AST, frame: Frame) -> None:
        """Take everything that a statement may change as unknown: it may run once, often or not at all."""
        for item in ast.walk(node):
            self._step()
            if isinstance(item, ast.Name):
                if isinstance(item.ctx, ast.Load):
                    self._escape(frame.names.get(item.id, UNKNOWN))
                else:
                    frame.names[item.id] = UNKNOWN
            elif isinstance(item, ast.Attribute) and not isinstance(item.ctx, ast.Load):
                self._forget_attribute(item.attr)

    # assertions

    def _judge(self, node: ast.AST, test: ast.expr, frame: Frame) -> None:
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            for part in test.values:
                self._judge(node, part, frame)
            return
        entered, conditions = frozenset(self._entered), tuple(self._conditions)
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            left, right = self._value(test.left, frame), self._value(test.comparators[0], frame)
            holds = compare(test.ops[0], left, right)
            entered, conditions = frozenset(self._entered), tuple(self._conditions)
            self.judged.append(
                Judged(
                    node,
                    test,
                    holds,
                    left,
                    right,
                    test.ops[0],
                    (test.left, test.comparators[0]),
                    entered,
                    conditions,
                )
            )
        else:
            self.judged.append(Judged(node, test, truth(self._value(test, frame)), entered=entered, reasons=conditions))


_UNITTEST: dict[str, type[ast.cmpop]] = {
    "assertEqual": ast.Eq,
    "assertNotEqual": ast.NotEq,
    "assertIs": ast.Is,
    "assertIsNot": ast.IsNot,
    "assertGreater": ast.Gt,
    "assertGreaterEqual": ast.GtE,
    "assertLess": ast.Lt,
    "assertLessEqual": ast.LtE,
    "assertIn": ast.In,
    "assertNotIn": ast.NotIn,
}


def _leaves(node: ast.AST) -> bool:
    return any(isinstance(item, ast.Return | ast.Raise | ast.Break | ast.Continue) for item in ast.walk(node))
