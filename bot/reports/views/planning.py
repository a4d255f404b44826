"""The test plan for people: its suites and phases, what the tests need, and what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.audit.kinds import function_name
from bot.domain.base import counted
from bot.domain.evidence import RootCause, Suspect
from bot.domain.plan import Difficulty, Level, PlannedTest, TestPlan
from bot.domain.results import FiveWhys, Planned

NO = frozenset({"", "no", "none", "nothing", "n/a", "-", "–"})
"""What a plan says where a test needs no authentication or no data."""

LEVEL_WORDS: dict[Level, str] = {
    Level.UNIT: "one part of the code alone",
    Level.INTEGRATION: "several parts together",
    Level.E2E: "the service from outside",
}
DIFFICULTY_WORDS: dict[Difficulty, str] = {
    Difficulty.NORMAL: "nothing out of the ordinary",
    Difficulty.STRESS: "much at once",
    Difficulty.CHAOS: "something that it depends on fails",
    Difficulty.TIMING: "a certain order of events",
}


def level_of(node_id: str, planned: Planned) -> Level | None:
    """The planned level of a test, None when the plan does not know it."""
    found = planned_test(node_id, planned.plan.tests)
    return None if found is None else found.level


def planned_test(node_id: str, tests: Sequence[PlannedTest]) -> PlannedTest | None:
    """The planned test that a node id belongs to, whatever class it stands in and parameters it has."""
    path, name = node_id.partition("::")[0], function_name(node_id)
    return next((test for test in tests if test.name == name and test.path == path), None)


@dataclass(frozen=True)
class Suite:
    """The planned tests of one level, or all of them (`level` is None)."""

    level: Level | None
    tests: tuple[PlannedTest, ...]

    @property
    def about(self) -> str:
        """What takes part in such a test."""
        return "" if self.level is None else LEVEL_WORDS[self.level]

    @property
    def files(self) -> tuple[tuple[str, tuple[PlannedTest, ...]], ...]:
        """Each file with its tests, in the order of the plan."""
        paths = dict.fromkeys(test.path for test in self.tests)
        return tuple((path, tuple(test for test in self.tests if test.path == path)) for path in paths)

    @property
    def difficulties(self) -> str:
        """`2 timing, 1 stress`."""
        counts = {one: sum(test.difficulty is one for test in self.tests) for one in Difficulty}
        return ", ".join(f"{count} {one.value}" for one, count in counts.items() if count)

    @property
    def serviced(self) -> int:
        """How many need a service."""
        return sum(bool(test.services) for test in self.tests)

    @property
    def authenticated(self) -> tuple[PlannedTest, ...]:
        """Those that need authentication."""
        return tuple(test for test in self.tests if asks(test.auth))

    @property
    def raising(self) -> int:
        """How many must end in an exception of the product; the others in an assertion of their own."""
        return sum(test.expectation.failure == "exception" for test in self.tests)


@dataclass(frozen=True)
class Phase:
    """Tests of one level that need the same services. `needs` is what has to answer first, `why` why they come here."""

    number: int
    level: Level
    tests: tuple[PlannedTest, ...]
    needs: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Service:
    """A service that the plan declares or a test names. `address` is empty where it is not declared."""

    name: str
    address: str
    tests: tuple[PlannedTest, ...]


@dataclass(frozen=True)
class Reached:
    """A function of the product and the tests that must reach it. `named`: the root cause names it."""

    suspect: Suspect
    named: bool
    tests: tuple[PlannedTest, ...]


@dataclass(frozen=True)
class PlanView:
    """A plan as the templates take it."""

    plan: TestPlan
    cause: RootCause | None

    @property
    def suites(self) -> tuple[Suite, ...]:
        """All levels, also those without a test."""
        return tuple(
            Suite(level, tuple(test for test in self.plan.tests if test.level is level)) for level in Level
        )

    @property
    def rows(self) -> tuple[Suite, ...]:
        """The levels, and all of them together."""
        return (*self.suites, self.all)

    @property
    def all(self) -> Suite:
        """All levels together."""
        return Suite(None, self.plan.tests)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The order in which it is cheapest to find out: from few parts to many, from no services to some."""
        found: list[Phase] = []
        for level in Level:
            here = [test for test in self.plan.tests if test.level is level]
            for names in sorted({test.services for test in here}, key=lambda names: (len(names), names)):
                tests = tuple(test for test in here if test.services == names)
                found.append(Phase(len(found) + 1, level, tests, names, _why(found, level, names)))
        return tuple(found)

    @property
    def services(self) -> tuple[Service, ...]:
        """The declared services, then those that tests name although they are not declared."""
        declared = {service.name: service.address for service in self.plan.services}
        names = dict.fromkeys((*declared, *(name for test in self.plan.tests for name in test.services)))
        return tuple(
            Service(name, declared.get(name, ""), tuple(test for test in self.plan.tests if name in test.services))
            for name in names
        )

    @property
    def reached(self) -> tuple[Reached, ...]:
        """The functions that the root cause names, then what else tests must reach."""
        named = {suspect.key: suspect for suspect in (self.cause.suspects if self.cause else ())}
        others = {test.expectation.reaches.key: test.expectation.reaches for test in self.plan.tests}
        return tuple(
            Reached(suspect, key in named, tuple(
                test for test in self.plan.tests if test.expectation.reaches.key == key))
            for key, suspect in {**named, **others}.items()
        )

    @property
    def left_out(self) -> tuple[str, ...]:
        """What the plan does not cover, in sentences with what others wrote between backticks."""
        return tuple(self._left_out())

    def _left_out(self) -> Iterator[str]:
        for level in Level:
            if not any(test.level is level for test in self.plan.tests):
                yield f"No {level.value} test: {LEVEL_WORDS[level]} is not looked at."
        for one in self.reached:
            if one.named and not one.tests:
                yield (f"No test has to reach `{_bare(one.suspect.key)}`, which the root cause names.")
        for service in self.services:
            if not service.tests:
                yield f"The service `{_bare(service.name)}` is declared, and no test needs it."
        used = {test.difficulty for test in self.plan.tests}
        without = [one for one in Difficulty if one is not Difficulty.NORMAL and one not in used]
        if without:
            said = "; ".join(f"{one.value} ({DIFFICULTY_WORDS[one]})" for one in without)
            yield f"No test of the difficulty {said}."


def plan_view(planned: Planned | None, whys: FiveWhys | None) -> PlanView | None:
    """The plan with the cause that it is for; None where there is no plan."""
    return None if planned is None else PlanView(planned.plan, whys.root_cause if whys is not None else None)


def asks(need: str) -> bool:
    """Whether what a plan says of authentication or data asks for any."""
    return need.strip().rstrip(".").lower() not in NO


def _why(before: Sequence[Phase], level: Level, needs: Sequence[str]) -> str:
    if not before:
        start = "it takes the least"
    elif before[-1].level is level:
        start = "the same parts as before, with services beside them"
    else:
        start = f"{LEVEL_WORDS[level]}: what fails before explains what fails here"
    if not needs:
        return f"{start}; nothing has to run beside it"
    return f"{start}; {counted(len(needs), 'service')} must answer first"


def _bare(text: str) -> str:
    """Text for a sentence that quotes it between backticks."""
    return text.replace("`", "'")
