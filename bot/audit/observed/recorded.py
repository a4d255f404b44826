"""What a run recorded of one test, told in terms of its text: which statements ran, and whether the product did."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bot.audit.dataflow.flow import Asserted, asserted
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import WARNING, Context, Hit
from bot.audit.view import View
from bot.domain.suite import FailureKind, Observation, Outcome

_ELSEWHERE = {
    "Popen", "run", "call", "check_call", "check_output", "getoutput", "getstatusoutput", "system", "popen", "spawn",
    "create_subprocess_exec", "create_subprocess_shell", "open_process", "run_process", "Process", "Pool",
    "ProcessPoolExecutor", "fork", "run_sync", "runpytest", "runpytest_subprocess", "inline_run", "run_module",
    "run_path", "exec", "eval", "invoke", "reload", "import_module", "__import__",
}


@dataclass(frozen=True, eq=False)
class Recorded:
    """A test, and what the run saw of it under all its parameters (at least one observation)."""

    view: View
    seen: tuple[Observation, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        """Whether it passed under all its parameters."""
        return all(item.status == "passed" for item in self.seen)

    @property
    def watched(self) -> bool:
        """Whether the lines that ran are known for all of it."""
        return all(item.watched for item in self.seen)

    @cached_property
    def lines(self) -> frozenset[tuple[str, int]]:
        """The lines that ran in the call phase, with their paths."""
        return frozenset((file.path, line) for item in self.seen for file in item.lines for line in file.lines)

    def ran(self, node: ast.AST) -> bool:
        """Whether any line of a node ran, in whichever file it stands."""
        home = self.view.program.home_of(node)
        path = home.source.path if home is not None else self.view.source.path
        first = getattr(node, "lineno", 0)
        # Of a block only its head: what stands in it may run where it is not entered.
        last = first if isinstance(node, ast.With | ast.AsyncWith) else getattr(node, "end_lineno", None) or first
        return any((path, line) in self.lines for line in range(first, last + 1))

    @cached_property
    def body_ran(self) -> bool:
        """Whether any statement of its own ran."""
        node, path = self.view.node, self.view.source.path
        first = _first_statement(node)
        return any((path, line) in self.lines for line in range(first.lineno, (node.end_lineno or first.lineno) + 1))

    @cached_property
    def product_ran(self) -> bool:
        """Whether the call phase ran any product code."""
        # By its lines: a coroutine that was made and never begun counts as entered in some versions of Python.
        modules = self.view.program.by_path
        return any(path in modules and modules[path].product for path, _ in self.lines)

    @cached_property
    def asserted(self) -> tuple[Asserted, ...]:
        """Its assertions, those of its helpers included."""
        return asserted(self.view)

    @cached_property
    def asserted_something(self) -> bool:
        """Whether any of its assertions ran, a mock's included."""
        return any(self.ran(item.node) for item in self.asserted) or any(
            mock.checked for item in self.seen for mock in item.mocks)

    @cached_property
    def works_elsewhere(self) -> bool:
        """Whether it may run the product where it is not seen: in another process, or from its text."""
        parts = [self.view.node, *(item.node for item in self.view.helpers)]
        return any(last_name(call.func) in _ELSEWHERE for part in parts for call in every(part, ast.Call))

    def of_kind(self, *kinds: FailureKind) -> Outcome | None:
        """Its first outcome of one of these kinds."""
        return next((item for item in self.outcomes if item.kind in kinds), None)

    def hit(self, message: str, *, at: ast.AST | int | None = None, evidence: str = "", of_class: str = "",
            warning: bool = False) -> Hit:
        """A hit on this test, at a node or line of its file, else at its definition."""
        line = at if isinstance(at, int) else getattr(at, "lineno", self.view.node.lineno)
        if isinstance(at, ast.AST) and self.view.program.home_of(at) is not self.view.module:
            line = self.view.node.lineno
        return Hit(
            self.view.source.path, line, self.view.case.id, message, evidence or self.view.source.line(line),
            WARNING if warning else None, of_class)


def recorded(context: Context) -> Iterator[Recorded]:
    """What was recorded of each test that has a definition in the files and an observation."""
    seen: dict[str, list[Observation]] = {}
    for item in context.observations:
        seen.setdefault(item.test.partition("[")[0], []).append(item)
    outcomes: dict[str, list[Outcome]] = {}
    for outcome in context.outcomes:
        outcomes.setdefault(outcome.test.partition("[")[0], []).append(outcome)
    for view in context.views:
        if view.case.id in seen:
            yield Recorded(view, tuple(seen[view.case.id]), tuple(outcomes.get(view.case.id, ())))


def _first_statement(node: FunctionNode) -> ast.stmt:
    """A function's first statement after its docstring, which no line event tells of."""
    first = node.body[0]
    text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return node.body[1] if text and len(node.body) > 1 else first
