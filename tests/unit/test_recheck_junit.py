"""Outcomes held against JUnit files: what agrees, what does not, and what a hostile file can do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.evidence import Suspect
from bot.domain.plan import Difficulty, Expectation, Level, PlannedTest, TestPlan
from bot.domain.suite import FailureKind, Outcome
from bot.recheck.junit import account, read_cases
from bot.recheck.statement import Found

TEST = "tests/unit/test_door.py::test_it_opens"
REASON = (
    "As the plan predicted, `AssertionError: the door stays shut` was raised, its message matches /stays shut/, "
    "and the run entered `door.py::Door.open`."
)
PLAN = TestPlan(summary="It opens.", tests=(PlannedTest(
    name="test_it_opens", path="tests/unit/test_door.py", level=Level.UNIT, difficulty=Difficulty.NORMAL, purpose="It.",
    expectation=Expectation(failure="assertion", message="stays shut",
                            reaches=Suspect(path="door.py", function="Door.open")),
),))


def case(inner: str = "", where: str = "tests.unit.test_door", name: str = "test_it_opens", time: str = "0.010") -> str:
    return f'<testcase classname="{where}" name="{name}" time="{time}">{inner}</testcase>'


def junit(*cases: str, time: str = "0.100", **totals: int) -> bytes:
    text = "".join(cases)
    said = {"tests": len(cases), "failures": text.count("<failure"), "errors": text.count("<error"),
            "skipped": text.count("<skipped"), **totals}
    given = " ".join(f'{key}="{value}"' for key, value in said.items())
    return f'<testsuites><testsuite name="pytest" time="{time}" {given}>{text}</testsuite></testsuites>'.encode()


def outcome(kind: FailureKind = FailureKind.PASSED, test: str = TEST, seconds: float = 0.0101,
            reason: str = "It passed.") -> Outcome:
    return Outcome(test=test, kind=kind, reason=reason, duration_s=seconds)


def problems(file: bytes, *outcomes: Outcome, plan: TestPlan | None = None, took: float | None = 1.0) -> list[str]:
    said = account({"junit/x.xml": file}, "run", "junit/x.xml", outcomes, plan, took)
    return [one.why for one in said if one.found is Found.FAILS]


SHUT = '<failure message="AssertionError: the door stays shut">printed</failure>'
OTHER = '<failure message="AssertionError: 1 == 2">the door stays shut</failure>'
ERROR = '<error message="failed on setup">printed</error>'
SKIPPED = '<skipped type="pytest.skip" message="no door"/>'
RED = outcome(FailureKind.AS_PREDICTED, reason=REASON)


@pytest.mark.parametrize(("file", "outcomes"), [
    (junit(case()), (outcome(),)),
    (junit(case(SHUT)), (RED,)),
    (junit(case(OTHER)), (outcome(FailureKind.OTHER_FAILURE),)),
    (junit(case(ERROR)), (outcome(FailureKind.HARNESS),)),
    (junit(case(SKIPPED)), (outcome(FailureKind.SKIPPED),)),
    (junit(case(SKIPPED)), (outcome(FailureKind.ENVIRONMENT),)),
    (junit(case(SHUT), case(ERROR), tests=1), (outcome(FailureKind.OTHER_FAILURE, seconds=0.02),)),
    (junit(), (outcome(FailureKind.NOT_RUN),)),
    (junit(case(where="unit.test_door")), (outcome(),)),
    (junit(case(where="tests.unit.test_door.TestFront.TestInner")),
     (outcome(test="tests/unit/test_door.py::TestFront::TestInner::test_it_opens"),)),
    (junit(case(name="test_it_opens[a-1]"), case(name="test_it_opens[b::2]")),
     (outcome(test=f"{TEST}[a-1]"), outcome(test=f"{TEST}[b::2]"))),
    (junit(case(name="test_it_opens[key=abc]")), (outcome(test=f"{TEST}[key=<token:0a1b>]"),)),
    (junit('<testcase classname="" name="tests.unit.test_door" time="0.000"><error message="x"/></testcase>'),
     (outcome(FailureKind.HARNESS, test="tests/unit/test_door.py", seconds=0.0),)),
], ids=["passed", "predicted", "failed", "error", "skipped", "hidden environment", "two cases", "not run",
        "other root", "classes", "parameters", "redacted parameter", "not collected"])
def test_accounts_that_agree(file: bytes, outcomes: tuple[Outcome, ...]) -> None:
    assert problems(file, *outcomes, plan=PLAN) == []


@pytest.mark.parametrize(("file", "outcomes", "why"), [
    (junit(case(SHUT)), (outcome(),), "it is passed, and failed in"),
    (junit(case()), (RED,), "it is as_predicted, and passed in"),
    (junit(case(ERROR)), (RED,), "it is as_predicted, and error in"),
    (junit(case(OTHER)), (RED,), "does not match /stays shut/"),
    (junit(case(SHUT)), (outcome(FailureKind.AS_PREDICTED),), "its reason is not the plan's prediction"),
    (junit(case(SHUT, name="test_b")), (outcome(FailureKind.AS_PREDICTED, test=f"{TEST[:-13]}test_b", reason=REASON),),
     "the plan does not know it"),
    (junit(case()), (outcome(seconds=0.5),), "it took 0.500 s, and 0.010 s in"),
    (junit(), (outcome(),), "does not have it"),
    (junit(case(), case(name="test_more")), (outcome(),), "which the record does not have"),
    (junit(case(SHUT), failures=0), (RED,), "it says 0, and has 1"),
    (junit(case(), tests=7), (outcome(),), "it says 7, and has 1"),
    (junit(case(), time="2.5"), (outcome(),), "it took 1.000 s, and pytest alone 2.500 s"),
    (b"<testsuites>", (outcome(),), "cannot be read as a JUnit file"),
    (b'<!DOCTYPE x [<!ENTITY a "b">]>' + junit(case()), (outcome(),), "cannot be read as a JUnit file"),
], ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "")
def test_accounts_that_do_not(file: bytes, outcomes: tuple[Outcome, ...], why: str) -> None:
    found = problems(file, *outcomes, plan=PLAN)
    assert any(why in one for one in found), found


def test_a_file_that_is_not_there_is_named() -> None:
    (said,) = account({}, "run", "junit/x.xml", (outcome(),), None, None)
    assert (said.found, said.why) == (Found.FAILS, "junit/x.xml is not there")


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: junit(case(), time=text))
       | st.text("<>/ab\"='&;#x0", max_size=60).map(lambda text: junit(case(text))))
def test_nothing_in_a_file_raises(file: bytes) -> None:
    read_cases(file)
    problems(file, outcome(), plan=PLAN)
