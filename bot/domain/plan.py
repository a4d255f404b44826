"""The test plan: what each test must show and, before it is written, how it must fail."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from bot.domain.base import Frozen, RepoPath
from bot.domain.evidence import Suspect
from bot.domain.message_pattern import message_pattern


class Level(StrEnum):
    """Where in the pyramid a test stands."""

    UNIT = "unit"
    INTEGRATION = "integration"
    E2E = "e2e"


class Difficulty(StrEnum):
    """What a test puts the code through."""

    NORMAL = "normal"
    STRESS = "stress"
    CHAOS = "chaos"
    TIMING = "timing"


def _pattern(text: str) -> str:
    message_pattern(text)
    return text


class Expectation(Frozen):
    """How a test must fail on the present code, fixed before the test exists.

    `failure` says whether an assertion of the test fails or the product raises `exception`. `message`
    is a pattern (MessagePattern) searched in the failure's message. `reaches` is a function the run must enter.
    """

    failure: Literal["assertion", "exception"]
    exception: str = ""
    message: Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_pattern)]
    reaches: Suspect

    @model_validator(mode="after")
    def _exception_named(self) -> Expectation:
        if self.failure == "exception" and not self.exception:
            raise ValueError("an expected exception needs its type in `exception`")
        return self

    def matches(self, message: str) -> bool:
        """Whether a failure's message is the predicted one."""
        return message_pattern(self.message).search(message)


class PlannedTest(Frozen):
    """One test to be written. `services`, `auth` and `data` say what it needs besides the code."""

    name: Annotated[str, StringConstraints(pattern=r"^test_[a-z0-9_]{3,120}$")]
    path: RepoPath
    level: Level
    difficulty: Difficulty
    purpose: str
    expectation: Expectation
    services: tuple[str, ...] = ()
    auth: str = "none"
    data: str = "none"


class ServiceNeed(Frozen):
    """A service that tests need, and where it answers (`host:port`), as declared."""

    name: str
    address: str


class TestPlan(Frozen):
    """The plan that the tests are held to."""

    __test__ = False

    summary: str
    tests: Annotated[tuple[PlannedTest, ...], Field(min_length=1, max_length=40)]
    services: tuple[ServiceNeed, ...] = ()
    pass_criteria: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_once(self) -> TestPlan:
        keys = [(test.path, test.name) for test in self.tests]
        if len(set(keys)) != len(keys):
            raise ValueError("two planned tests have the same path and name")
        return self
