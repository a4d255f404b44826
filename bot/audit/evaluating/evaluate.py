"""Static evaluation of a test: what product attributes and constants are in the state that the test builds.

It follows constructors, defaults, dataclass fields, conditionals and simple functions, and gives up
(`UNKNOWN`) wherever the text alone does not decide. A value it gives is one that the run must have too.
"""

from __future__ import annotations

import ast
from contextlib import suppress
from dataclasses import dataclass, field

from bot.audit.evaluating.expecting import Refuted, refuted
from bot.audit.evaluating.expressions import Frame, GaveUp, Raised, Returned
from bot.audit.evaluating.statements import Statements, free_names
from bot.audit.evaluating.values import UNKNOWN, Box, Thing, Value
from bot.audit.reading.bindings import parametrized
from bot.audit.reading.definitions import FunctionInfo, last_name
from bot.audit.reading.flat import every, walk
from bot.audit.reading.reach import SETUPS
from bot.audit.reading.source import FunctionNode, TestCase

_MOST_CASES = 12


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
    value: Value = UNKNOWN


@dataclass(eq=False, kw_only=True)
class Evaluation(Statements):
    """One test's evaluation. `judged` and `refuted` fill as `run` goes."""

    case: TestCase
    given: dict[str, Value] = field(default_factory=dict)
    judged: list[Judged] = field(default_factory=list)
    refuted: list[Refuted] = field(default_factory=list)

    def keep_out(self, names: frozenset[str]) -> None:
        """Take attributes and names that something replaces as unknown."""
        self._patched |= names

    def give(self, values: dict[str, Value]) -> None:
        """Set values for arguments of the test."""
        self.given.update(values)

    def literal(self, node: ast.expr, frame: Frame) -> Value:
        """What an expression outside the test's body gives."""
        try:
            return self._value(node, frame)
        except (GaveUp, Raised):
            return UNKNOWN

    def run(self) -> tuple[Judged, ...]:
        """Evaluate the test from its first statement as far as its flow is certain."""
        node = self.case.node
        self._nonlocal.update(free_names(node))
        for inner in every(node, ast.ClassDef):
            self._captured.update(item.id for item in every(inner, ast.Name))
        arguments = node.args
        parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        frame = Frame(self.scope, {item.arg: UNKNOWN for item in parameters})
        with suppress(GaveUp, Returned, Raised):
            around = [item for cls in self.case.classes for item in cls.decorator_list]
            for decorator in (*around, *node.decorator_list):
                self._patched_environment(decorator, frame)
            self._prepare(frame)
            frame.names.update(self.given)
            self._block(node.body, frame)
        return tuple(self.judged)

    def _prepare(self, frame: Frame) -> None:
        """Run the set-up of the test's class and its fixtures, as far as they are certain."""
        node, cls = self.case.node, self.scope.cls
        filled = parametrized(node) | (parametrized(cls.node) if cls else frozenset())
        names = [item.arg for item in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        static = any(last_name(item) in {"staticmethod", "classmethod"} for item in node.decorator_list)
        if cls is not None and names and not static:
            thing = Thing(cls)
            self._things.append(thing)
            frame.names[names[0]] = thing
            for owner in reversed(cls.order):
                for name in sorted(SETUPS & set(owner.members)):
                    setup = owner.members[name]
                    if isinstance(setup, FunctionNode) and cls.method(name) is not None:
                        self._set_up(FunctionInfo(owner.module, setup, owner), thing, frame)
            if any(_is_fixture(item) for item in _decorators(cls.node)):
                self._escape(thing)
            names = names[1:]
        made: dict[str, Value] = {}
        for name in names:
            if name not in filled:
                frame.names[name] = self._fixture(name, frame, made, 0)

    def _set_up(self, function: FunctionInfo, thing: Thing, frame: Frame) -> None:
        if function.is_generator or "classmethod" in function.decorators or function.opaque:
            return
        takes = function.parameters.without_first()
        self._call_function(function, thing, {item.name: UNKNOWN for item in takes.all}, frame)

    def _fixture(self, name: str, frame: Frame, made: dict[str, Value], depth: int) -> Value:
        if name not in made:
            made[name] = UNKNOWN
            fixture = self.scope.fixture(name)
            if fixture is not None and depth < 6 and fixture.owner is None:
                made[name] = self._given_by(fixture, frame, made, depth)
        return made[name]

    def _given_by(self, fixture: FunctionInfo, frame: Frame, made: dict[str, Value], depth: int) -> Value:
        wanted = [item.name for item in fixture.parameters.all]
        options = [word for item in fixture.node.decorator_list if isinstance(item, ast.Call) for word in item.keywords]
        if len(fixture.node.decorator_list) != 1 or any(word.arg == "params" for word in options):
            return UNKNOWN
        bound = {name: self._fixture(name, frame, made, depth + 1) for name in wanted}
        value = self._fixture_value(fixture, bound, frame)
        if any(word.arg == "scope" for word in options):
            self._escape(value)  # other tests had it before
        return value

    # assertions

    def _judge(self, node: ast.AST, test: ast.expr, frame: Frame) -> None:
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            for part in test.values:
                self._judge(node, part, frame)
            return
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            left, right = self._value(test.left, frame), self._value(test.comparators[0], frame)
            holds = self._compared(test.ops[0], left, right, frame)
            entered, conditions = frozenset(self._entered), tuple(self._conditions)
            sides = (test.left, test.comparators[0])
            self.judged.append(Judged(node, test, holds, left, right, test.ops[0], sides, entered, conditions))
        else:
            value = self._value(test, frame)
            entered, conditions = frozenset(self._entered), tuple(self._conditions)
            holds = self._truth(value, frame)
            self.judged.append(Judged(node, test, holds, entered=entered, reasons=conditions, value=value))

    def _expected(self, node: ast.With | ast.AsyncWith, item: ast.withitem, frame: Frame) -> None:
        """A `with` that expects an exception: what its body does for certain against what is expected."""
        before, raised = self._unsure, None
        kept = len(self.judged)
        try:
            self._block(node.body, frame)
        except Raised as error:
            raised = error.problem
        certain = self._unsure == before
        if certain and (found := refuted(node, item.context_expr, raised, frame, frozenset(self._entered))):
            self.refuted.append(found)
            raise GaveUp
        if raised is None or not certain:
            del self.judged[kept:]
            self._forget_all(node.body, frame)
        if item.optional_vars is not None:
            caught = Box("caught", [raised]) if raised is not None and certain else UNKNOWN
            self._store(item.optional_vars, caught, frame)


def _is_fixture(function: FunctionNode) -> bool:
    return any(last_name(part) == "fixture" for item in function.decorator_list for part in walk(item))


def _decorators(node: ast.ClassDef) -> list[FunctionNode]:
    return [item for item in node.body if isinstance(item, FunctionNode) and item.decorator_list]


def parameter_sets(case: TestCase) -> tuple[dict[str, ast.expr], ...]:
    """The literal arguments of each instance of a test under one `parametrize`; empty where that cannot be told."""
    marks = [
        item
        for item in case.node.decorator_list
        if isinstance(item, ast.Call) and last_name(item) == "parametrize" and len(item.args) >= 2
    ]
    if len(marks) != 1 or any(word.arg == "indirect" for word in marks[0].keywords):
        return ()
    names_node, rows = marks[0].args[:2]
    if isinstance(names_node, ast.Constant) and isinstance(names_node.value, str):
        names = [part.strip() for part in names_node.value.split(",")]
    elif isinstance(names_node, ast.Tuple | ast.List):
        names = [str(item.value) for item in names_node.elts if isinstance(item, ast.Constant)]
    else:
        return ()
    found: list[dict[str, ast.expr]] = []
    for row in rows.elts[:_MOST_CASES] if isinstance(rows, ast.List | ast.Tuple) else ():
        if isinstance(row, ast.Call) and last_name(row) == "param":
            if row.keywords and any(word.arg == "marks" for word in row.keywords):
                continue
            values: list[ast.expr] = list(row.args)
        elif len(names) == 1:
            values = [row]
        else:
            values = list(row.elts) if isinstance(row, ast.Tuple | ast.List) else []
        if len(values) == len(names):
            found.append(dict(zip(names, values, strict=True)))
    return tuple(found)


__all__ = ["Evaluation", "Judged", "Refuted", "parameter_sets"]
