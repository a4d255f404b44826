"""Failure kinds where something is hidden: outages, threads, attempts, skips; on observations, without a run."""

from __future__ import annotations

import pytest

from bot.audit.kinds import classify, outcomes_of
from bot.audit.outcomes.hidden import bases_of, foretells_outage, missed
from bot.audit.outcomes.signals import mentioned_mistake, skip_hides_environment
from bot.audit.outcomes.wording import why_not_begun
from bot.domain.evidence import Suspect
from bot.domain.logs import Frame
from bot.domain.plan import Expectation, PlannedTest, ServiceNeed, TestPlan
from bot.domain.suite import (
    Connection,
    Ended,
    FailureKind,
    Observation,
    Outcome,
    RaisedException,
    RawStatus,
    SeenWarning,
)
from bot.ports import Completed
from bot.probe.seen import Seen, SeenTest, TestRun
from bot.steps.bench import declared_services
from bot.steps.plan import unprovided

K = FailureKind
PRODUCT = ("app/**", "!tests")
SERVICES = (ServiceNeed(name="cache", address="127.0.0.1:7001"), ServiceNeed(name="db", address="db.corp.net:7002"))
TEST = "tests/test_x.py::test_x"


def expecting(message: str, exception: str = "") -> Expectation:
    return Expectation(failure="exception" if exception else "assertion", exception=exception, message=message,
                       reaches=Suspect(path="app/core.py", function="go"))


def seen(status: RawStatus, *raised: RaisedException, connections: tuple[Connection, ...] = (), reason: str = "",
         warnings: tuple[SeenWarning, ...] = ()) -> Observation:
    return Observation(test=TEST, path="tests/test_x.py", status=status, phase=None if status == "passed" else "call",
                       exceptions=raised, connections=connections, skip_reason=reason, warnings=warnings,
                       reached=("app/core.py::go",))


def raised(kind: str, message: str, *places: str) -> RaisedException:
    frames = tuple(Frame(path=path, line=3, function=function, in_app=not path.startswith("lib/"))
                   for path, _, function in (place.partition("::") for place in places))
    return RaisedException(type=kind, message=message, bases=bases_of(kind), frames=frames)


FAILED = raised("AssertionError", "10/10 failed", "tests/test_x.py::test_x")
REDIS = Connection(address="localhost:6379", error="refused")


# Outages

@pytest.mark.parametrize(("connection", "words"), [
    (REDIS, "redis at localhost:6379 refused the connection"),
    (Connection(address="[::1]:5432", error="refused"), "PostgreSQL at [::1]:5432 refused"),
    (Connection(address="127.0.0.1:27017", error="timed out"), "did not answer in time"),
    (Connection(address="localhost:7001", error="refused"), "cache at localhost:7001"),
    (Connection(address="db.corp.net", error="unknown host"), "db at db.corp.net is not known"),
    (Connection(address="api.corp.net:443", error="unreachable"), "the address api.corp.net:443 cannot be reached"),
    (Connection(address="api.corp.net", error="unknown host"), "the address api.corp.net is not known"),
    (Connection(address="/var/run/docker.sock", error="FileNotFoundError"), "docker.sock does not exist"),
    (Connection(address="localhost:6379"), ""),
    (Connection(address="localhost:6379", error="refused", own=True), ""),
    (Connection(address="127.0.0.1:45123", error="refused"), ""),
    (Connection(address="no-such.invalid", error="unknown host"), ""),
    (Connection(address="192.0.2.1:80", error="timed out"), ""),
    (Connection(address="169.254.169.254:80", error="unreachable"), ""),
    (Connection(address="metadata.google.internal", error="unknown host"), ""),
    (Connection(address="/tmp/mine.sock", error="refused"), ""),
    (Connection(address="localhost:6379", error="ConnectionResetError"), ""),
    (Connection(address=":::x", error="refused"), ""),
], ids=lambda value: value.address if isinstance(value, Connection) else None)
def test_which_address_tells_of_a_missing_service(connection: Connection, words: str) -> None:
    outage = missed((connection,), SERVICES)
    assert (outage is not None and words in outage.words) if words else outage is None


def test_what_a_plan_that_speaks_of_no_outage_may_not_hide() -> None:
    made_up = Connection(address="no-such.invalid", error="unknown host")
    outcome = classify(seen("failed", FAILED, connections=(made_up,)), expecting("10/10 failed"), PRODUCT, ())
    assert (outcome.kind, "no-such.invalid" in outcome.reason) == (K.OTHER_FAILURE, True)


@pytest.mark.parametrize(("expectation", "kind"), [
    (None, K.ENVIRONMENT),
    (expecting("10/10 failed"), K.ENVIRONMENT),
    (expecting("ready while redis is down"), K.PASSED),
    (expecting("x is gone", "ConnectionRefusedError"), K.PASSED),
])
def test_it_passed_without_its_service(expectation: Expectation | None, kind: FailureKind) -> None:
    outcome = classify(seen("passed", connections=(REDIS,)), expectation, PRODUCT, ())
    assert outcome.kind is kind
    if kind is K.ENVIRONMENT:
        assert outcome.reason == ("It passed, but redis at localhost:6379 refused the connection and the test hid it.")


@pytest.mark.parametrize(("status", "kind"), [
    ("skipped", K.ENVIRONMENT), ("xfailed", K.ENVIRONMENT), ("xpassed", K.ENVIRONMENT), ("failed", K.ENVIRONMENT)])
def test_whatever_it_came_to(status: RawStatus, kind: FailureKind) -> None:
    exceptions = (FAILED,) if status in {"failed", "xfailed"} else ()
    assert classify(seen(status, *exceptions, connections=(REDIS,)), None, PRODUCT, ()).kind is kind


def test_a_mistake_of_the_test_goes_before_an_outage_that_is_beside_it() -> None:
    mistake = raised("TypeError", "go() got an unexpected keyword argument 'x'", "tests/test_x.py::test_x")
    assert classify(seen("failed", mistake, connections=(REDIS,)), None, PRODUCT, ()).kind is K.HARNESS
    ours = raised("AttributeError", "'NoneType' object has no attribute 'get'", "tests/test_x.py::test_x",
                  "app/core.py::go")
    assert classify(seen("failed", ours, connections=(REDIS,)), None, PRODUCT, ()).kind is K.ENVIRONMENT
    assert classify(seen("failed", ours), None, PRODUCT, ()).kind is K.OTHER_FAILURE


@pytest.mark.parametrize(("text", "speaks"), [
    ("ready while the cache is unreachable", True), ("connection refused", True), ("though redis is down", True),
    ("10/10 connections failed", False), ("ready before subscribed", False), ("countdown stopped", False),
])
def test_what_foretells_an_outage(text: str, speaks: bool) -> None:
    assert foretells_outage(expecting(text)) is speaks


# Time limits, access, helpers

@pytest.mark.parametrize(("exceptions", "kind", "words"), [
    ((raised("Failed", "Timeout (>1.0s) from pytest-timeout.", "tests/test_x.py::test_x", "lib/time.py::sleep"),),
     K.TIMEOUT, "pytest-timeout ended it"),
    ((raised("Failed", "Timeout >1.0s", "tests/test_x.py::test_x"),), K.TIMEOUT, "pytest-timeout"),
    ((raised("TimeoutError", "", "tests/test_x.py::test_x", "lib/asyncio/tasks.py::wait_for"),
      raised("CancelledError", "", "app/core.py::go")), K.TIMEOUT, "while product code was at app/core.py:3"),
    ((raised("TimeoutError", "", "tests/test_x.py::test_x", "app/core.py::go", "lib/asyncio/tasks.py::wait_for"),),
     K.OTHER_FAILURE, "raised in product code"),
    ((raised("subprocess.TimeoutExpired", "timed out", "tests/test_x.py::test_x", "lib/subprocess.py::run"),),
     K.TIMEOUT, "gave up waiting"),
    ((raised("AssertionError", "assert 401 == 200", "tests/test_x.py::test_x", "tests/helpers.py::login"),),
     K.HARNESS, "way to get access"),
    ((raised("AssertionError", "assert 401 == 200", "tests/test_x.py::test_x"),), K.OTHER_FAILURE, "assertion"),
    ((raised("httpx.HTTPStatusError", "401 Unauthorized", "tests/conftest.py::token", "lib/httpx/_models.py::raise_"),),
     K.HARNESS, "way to get access"),
    ((raised("app.Refused", "401 no token", "tests/test_x.py::test_x", "app/core.py::login"),),
     K.OTHER_FAILURE, "product code"),
    ((raised("google.auth.exceptions.DefaultCredentialsError", "none", "tests/test_x.py::test_x"),),
     K.ENVIRONMENT, "Credentials"),
    ((raised("ValueError", "Unable to locate credentials", "tests/helpers.py::login", "lib/boto/x.py::get"),),
     K.ENVIRONMENT, "Credentials are missing"),
    ((raised("ValueError", "no credentials", "tests/test_x.py::test_x", "app/core.py::go"),),
     K.OTHER_FAILURE, "product"),
    ((FAILED, raised("RuntimeError", "no", "tests/test_x.py::test_x", "tests/helpers.py::make")),
     K.HARNESS, "A helper of the test failed"),
    ((FAILED, raised("TimeoutError", "no", "tests/test_x.py::test_x", "tests/helpers.py::wait_until")),
     K.OTHER_FAILURE, "assertion"),
], ids=str)
def test_what_stands_behind(exceptions: tuple[RaisedException, ...], kind: FailureKind, words: str) -> None:
    outcome = classify(seen("failed", *exceptions), None, PRODUCT, ())
    assert (outcome.kind, words in outcome.reason) == (kind, True), f"{outcome.kind}: {outcome.reason}"


def test_a_time_limit_is_no_prediction() -> None:
    limit = raised("Failed", "Timeout (>1.0s) from pytest-timeout.", "tests/test_x.py::test_x", "app/core.py::go")
    assert classify(seen("failed", limit), expecting("Timeout"), PRODUCT, ()).kind is K.TIMEOUT


THREAD = '''Exception in thread Thread-1 (work)

Traceback (most recent call last):
  File "/usr/lib/python3.11/threading.py", line 1045, in _bootstrap_inner
    self.run()
  File "/tmp/w/tree/{path}", line 7, in work
    go(extra_headers={{}})
TypeError: go() got an unexpected keyword argument 'extra_headers'
'''


@pytest.mark.parametrize(("path", "kind"), [("tests/test_x.py", K.HARNESS), ("app/core.py", K.OTHER_FAILURE)])
def test_what_died_in_a_thread(path: str, kind: FailureKind) -> None:
    warning = SeenWarning(category="pytest.PytestUnhandledThreadExceptionWarning", message=THREAD.format(path=path))
    outcome = classify(seen("failed", FAILED, warnings=(warning,)), None, PRODUCT, ())
    assert outcome.kind is kind, outcome.reason
    green = classify(seen("passed", warnings=(warning,)), None, PRODUCT, ())
    assert (green.kind, f"died of `TypeError: go() got an unexpected keyword argument 'extra_headers'` at {path}:7"
            in green.reason) == (K.PASSED, True), green.reason


@pytest.mark.parametrize(("message", "found"), [
    ("10/10\nassert 10 == 0\n + where 10 = len([TypeError(\"c() got an unexpected keyword argument 'x'\")])", True),
    ("c() missing 1 required positional argument: 'x'", True),
    ("object int can't be used in 'await' expression", True),
    ("assert 'takes 2 positional' in ''", False),
    ("assert TypeError == ValueError", False),
    ("[AttributeError(\"'NoneType' object has no attribute 'x'\")]", False),
])
def test_a_wrong_call_that_is_counted(message: str, found: bool) -> None:
    assert bool(mentioned_mistake(message)) is found


# Skips

@pytest.mark.parametrize(("reason", "hides"), [
    ("requires redis", True), ("needs a running server", True), ("set ROUTER_API_KEY to run", True),
    ("no GOOGLE_APPLICATION_CREDENTIALS", True), ("Requires network access", True), ("cache is not reachable", True),
    ("needs docker", True), ("cannot connect to the database", True), ("no token", True),
    ("requires Python 4", False), ("only on Windows", False), ("needs a newer redis version", False),
    ("requires redis>=5", False), ("no need", False), ("slow", False), ("set of letters", False), ("flaky", False),
])
def test_which_skip_hides_the_environment(reason: str, hides: bool) -> None:
    assert bool(skip_hides_environment(reason, SERVICES)) is hides


# Attempts within one run, and services

def run_of(*attempts: Observation) -> TestRun:
    waiting = SeenTest(test=TEST, path="tests/test_x.py")
    completed = Completed(ended=Ended.EXITED, exit_code=0, output="", duration_s=0.1)
    return TestRun(label="base", command="pytest", completed=completed, seen=Seen(
        began=True, finished=True, collected=(waiting,), attempts=attempts[:-1], observations=attempts[-1:]))


def test_attempts_that_disagree_are_flaky() -> None:
    (outcome,) = outcomes_of(run_of(seen("failed", FAILED), seen("passed")), (), PRODUCT, ())
    assert (outcome.kind, "other_failure in 1, passed in 1" in outcome.reason) == (K.FLAKY, True)
    (outcome,) = outcomes_of(run_of(seen("failed", FAILED), seen("failed", FAILED)), (), PRODUCT, ())
    assert outcome.kind is K.OTHER_FAILURE


@pytest.mark.parametrize(("output", "kind"), [
    ("+++++++++++++++ Timeout +++++++++++++++\n~~~ Stack", K.TIMEOUT), ("Timeout (0:00:01)!\nThread 0x1", K.TIMEOUT),
    ("worker 'gw0' crashed while running 'tests/test_x.py::test_x'", K.HARNESS), ("", K.HARNESS),
])
def test_a_process_that_was_ended_from_within(output: str, kind: FailureKind) -> None:
    waiting = SeenTest(test=TEST, path="tests/test_x.py")
    completed = Completed(ended=Ended.EXITED, exit_code=1, output=output, duration_s=0.1)
    run = TestRun(label="base", command="pytest", completed=completed,
                  seen=Seen(began=True, collected=(waiting,), running=(waiting,)))
    (outcome,) = outcomes_of(run, (), PRODUCT, ())
    assert outcome.kind is kind


def test_what_was_not_begun_says_why() -> None:
    outcome = classify(seen("not_run", reason="cache does not answer at 127.0.0.1:7001"), None, PRODUCT, ())
    assert outcome.reason == "It was not begun: cache does not answer at 127.0.0.1:7001."
    other = Outcome(test="b", kind=K.NOT_RUN, reason="It was collected and never ran.")
    assert why_not_begun([outcome, other, outcome]) == ("cache does not answer at 127.0.0.1:7001",)


def test_services_that_nobody_provides() -> None:
    test = PlannedTest.model_validate({
        "name": "test_planned", "path": "tests/test_x.py", "level": "unit", "difficulty": "normal", "purpose": "x",
        "expectation": expecting("10/10 failed"), "services": ("cache", "queue")})
    assert unprovided(test, ("cache", "queue")) == ""
    assert "needs queue, which neither the plan nor bot.toml declares" in unprovided(test, ("cache",))
    plan = TestPlan(summary="x", tests=(test,), services=(ServiceNeed(name="queue", address="q:1"),))
    assert declared_services({}, plan) == plan.services
