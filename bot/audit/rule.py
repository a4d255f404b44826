"""What a rule is, what it is given, and the helpers that most rules are written with."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from bot.audit.reading.program import ModuleInfo, Program
from bot.audit.reading.source import FunctionNode, TestCase, collected_classes, has_own_init, is_test, tests_in
from bot.audit.view import View
from bot.domain.audit import Finding, FindingSeverity, Tried
from bot.domain.config import NO_CONVENTIONS, AuditConfig
from bot.domain.evidence import Suspect
from bot.domain.plan import Difficulty, Expectation, Level, PlannedTest, ServiceNeed, TestPlan
from bot.domain.suite import Observation, Outcome

ERROR = FindingSeverity.ERROR
WARNING = FindingSeverity.WARNING
MOST_EVIDENCE = 300
"""Characters of a source line that a finding quotes."""


def without_parameters(test: str) -> str:
    """A node id without the parameters of one instance: `a.py::test_x[1]` gives `a.py::test_x`."""
    return test.partition("[")[0]


_Seen = TypeVar("_Seen", Outcome, Observation)


def _by_test(items: Iterable[_Seen]) -> dict[str, tuple[_Seen, ...]]:
    found: dict[str, list[_Seen]] = {}
    for item in items:
        found.setdefault(without_parameters(item.test), []).append(item)
    return {test: tuple(each) for test, each in found.items()}


@dataclass(frozen=True, eq=False)
class Context:
    """All that a rule may look at. `config` is text of the project's pytest configuration, as far as given.

    `services` are declared, by the plan or in bot.toml; `tried` are changes of the product that tests were run with.
    """

    program: Program
    files: Mapping[str, str]
    plan: TestPlan | None = None
    observations: tuple[Observation, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    config: str = ""
    conventions: AuditConfig = NO_CONVENTIONS
    services: tuple[ServiceNeed, ...] = ()
    tried: tuple[Tried, ...] = ()

    @cached_property
    def modules(self) -> tuple[ModuleInfo, ...]:
        """The test files, by path."""
        return tuple(module for module in self.program.by_path.values() if not module.product)

    @cached_property
    def cases(self) -> tuple[TestCase, ...]:
        """All tests, by path and line."""
        return tuple(
            sorted(
                (
                    case
                    for module in self.modules
                    for case in (*tests_in(module.source), *self._inherited(module))
                ),
                key=lambda case: (case.source.path, case.node.lineno, case.home is not None, case.id),
            )
        )

    def _inherited(self, module: ModuleInfo) -> Iterator[TestCase]:
        """The tests that a collected class has from the classes of the tests above it, under its own node id."""
        for classes in collected_classes(module.source):
            cls = self.program.class_info(module, classes[-1])
            unit = any("TestCase" in name for item in cls.order for name in item.base_names)
            if len(cls.order) == 1 or (not unit and any(has_own_init(item.node) for item in cls.order)):
                continue
            seen = set(cls.members)
            for base in cls.order[1:]:
                for name, node in base.members.items() if not base.module.product else ():
                    if name not in seen and isinstance(node, FunctionNode) and is_test(node):
                        yield TestCase(base.module.source, node, classes, module.source)
                seen |= set(base.members)

    @cached_property
    def by_id(self) -> dict[str, list[TestCase]]:
        """The tests of each node id: more than one where a name is defined again."""
        found: dict[str, list[TestCase]] = {}
        for case in self.cases:
            found.setdefault(case.id, []).append(case)
        return found

    @cached_property
    def _spans(self) -> dict[str, list[tuple[int, int, str]]]:
        found: dict[str, list[tuple[int, int, str]]] = {}
        for case in self.cases:
            first = min([case.node.lineno, *(item.lineno for item in case.node.decorator_list)])
            found.setdefault(case.source.path, []).append((first, case.node.end_lineno or case.node.lineno, case.id))
        return found

    @cached_property
    def views(self) -> tuple[View, ...]:
        """All tests, as rules see them."""
        return tuple(View(self.program, case, self.program.by_path[case.source.path]) for case in self.cases)

    def planned(self, case: TestCase) -> PlannedTest | None:
        """The planned test that a test is."""
        for test in self.plan.tests if self.plan else ():
            if test.name == case.node.name and test.path == case.path:
                return test
        return None

    def predicts(self, view: View, *exceptions: str) -> bool:
        """Whether the plan says that this test fails with one of these exceptions."""
        planned = self.planned(view.case)
        return planned is not None and planned.expectation.exception.rpartition(".")[2] in exceptions

    def node_id(self, planned: PlannedTest) -> str:
        """The node id of a planned test, in its class when it was found in one."""
        for case in self.cases:
            if case.node.name == planned.name and case.path == planned.path:
                return case.id
        return f"{planned.path}::{planned.name}"

    def line_of(self, test: str) -> int:
        """The line where a test is defined; 1 when it is in none of the files."""
        found = self.by_id.get(without_parameters(test))
        return found[0].node.lineno if found else 1

    @cached_property
    def _outcomes(self) -> dict[str, tuple[Outcome, ...]]:
        return _by_test(self.outcomes)

    @cached_property
    def _observations(self) -> dict[str, tuple[Observation, ...]]:
        return _by_test(self.observations)

    def outcomes_of(self, test: str) -> tuple[Outcome, ...]:
        """The outcomes of a test under all its parameters."""
        return self._outcomes.get(test, ())

    def observations_of(self, test: str) -> tuple[Observation, ...]:
        """The observations of a test under all its parameters."""
        return self._observations.get(test, ())

    def test_at(self, path: str, line: int) -> str:
        """The node id of the test that a line of a file belongs to; the path when it belongs to none."""
        for first, last, test in self._spans.get(path, ()):
            if first <= line <= last:
                return test
        return path


@dataclass(frozen=True)
class Hit:
    """What a check found, before the rule's own facts are added.

    `severity` None and `defect_class` empty mean the rule's.
    """

    path: str
    line: int
    test: str
    message: str
    evidence: str = ""
    severity: FindingSeverity | None = None
    defect_class: str = ""


Check = Callable[[Context], Iterable[Hit]]


@dataclass(frozen=True)
class Example:
    """Files that show a rule at work. `test` goes to `path`, `implementation` to `product/service.py`."""

    test: str
    implementation: str = ""
    path: str = "tests/unit/test_example.py"
    plan: TestPlan | None = None
    observations: tuple[Observation, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    tried: tuple[Tried, ...] = ()
    conventions: AuditConfig = NO_CONVENTIONS
    services: tuple[ServiceNeed, ...] = ()

    @property
    def implementation_files(self) -> dict[str, str]:
        """The implementation, as `examine` takes it."""
        return {"product/__init__.py": "", "product/service.py": self.implementation}


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong with a test. `needs_run` rules are asked only when there are observations.

    `defect_class` is the name of a class of defects; `bad` must give a finding of this rule, `good` none.
    """

    id: str
    defect_class: str
    title: str
    rationale: str
    hint: str
    check: Check
    good: Example
    bad: Example
    severity: FindingSeverity = ERROR
    needs_run: bool = False

    def findings(self, context: Context) -> Iterator[Finding]:
        """The findings in a context, each complete."""
        for hit in self.check(context):
            yield Finding(
                rule=self.id,
                defect_class=hit.defect_class or self.defect_class,
                severity=hit.severity or self.severity,
                path=hit.path,
                line=hit.line,
                test=hit.test,
                message=hit.message,
                evidence=hit.evidence[:MOST_EVIDENCE],
                hint=self.hint,
            )


Found = tuple[ast.AST, str] | tuple[ast.AST, str, FindingSeverity]


def per_test(look: Callable[[Context, View], Iterable[Found]]) -> Check:
    """Make a check of a function that looks at one test and yields nodes with messages."""

    def check(context: Context) -> Iterator[Hit]:
        for view in context.views:
            for found in look(context, view):
                line = getattr(found[0], "lineno", view.node.lineno)
                yield Hit(
                    view.source.path,
                    line,
                    view.case.id,
                    found[1],
                    view.source.line(line),
                    found[2] if len(found) == 3 else None,
                )

    return check


def said(node: ast.AST, most: int = 70) -> str:
    """A node's source as one line for a message."""
    try:
        text = re.sub(r"\s+", " ", ast.unparse(node))
    except RecursionError:
        return "an expression too deep to print"
    return text if len(text) <= most else f"{text[: most - 3]}..."


def example_plan(path: str) -> TestPlan:
    """A plan of one test, `test_one`, that must reach `one` of `product/service.py`; for examples."""
    expectation = Expectation(
        failure="assertion", message="1", reaches=Suspect(path="product/service.py", function="one")
    )
    test = PlannedTest(
        name="test_one",
        path=path,
        level=Level.UNIT,
        difficulty=Difficulty.NORMAL,
        purpose="One is one.",
        expectation=expectation,
    )
    return TestPlan(summary="One.", tests=(test,))


PLANNED_ID = "tests/unit/test_example.py::test_one"
"""The test of `planned_example`."""


def planned_example(
    returns: int, outcomes: tuple[Outcome, ...] = (), observations: tuple[Observation, ...] = ()
) -> Example:
    """A planned test that wants 1 of a product that returns `returns`, and what a run of it is said to have shown."""
    return Example(
        "from product.service import one\n\n\ndef test_one():\n    assert one() == 1\n",
        f"def one():\n    return {returns}\n",
        plan=example_plan("tests/unit/test_example.py"),
        outcomes=outcomes,
        observations=observations,
    )
