"""JUnit XML alone: cases are found among the tests, kinds are told as far as the text goes, and nothing harms."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.sandboxes import ProcessSandbox
from bot.domain.config import Limits, TargetConfig
from bot.domain.errors import UsageProblem
from bot.domain.evidence import Suspect
from bot.domain.plan import Difficulty, Expectation, Level, PlannedTest, TestPlan
from bot.domain.suite import FailureKind, Observation, Outcome
from bot.probe.launch import run_tests
from bot.standalone.results import ALONE, disagreements, outcomes_from, read_file, read_results, results_for

K = FailureKind
APP = '''
import socket
def ready(): return True
def deliver(user): raise LookupError("no subscriber for " + user)
def wrapped():
    try: raise KeyError("room")
    except KeyError as error: raise RuntimeError("room is gone") from error
def ping(): socket.create_connection(("127.0.0.1", 6399), 1)
'''
TESTS = '''
import os, unittest
import pytest
from app.core import deliver, ping, ready, wrapped

def test_passes(): pass
def test_assertion(): assert not ready(), "ready too early"
def test_predicted(): deliver("ann")
def test_chain(): wrapped()
def test_keyword(): ready(user="ann")
def test_refused(): ping()
def test_hidden():
    try: ping()
    except OSError: assert False, "race reproduced"
def test_variable(): os.environ["ROUTER_API_KEY"]
def test_name(): assert broker
def test_skip(): pytest.skip("redis is not available")
@pytest.mark.skip(reason="only on Windows")
def test_windows(): pass
@pytest.mark.xfail(reason="known")
def test_xfail(): assert not ready()
@pytest.fixture
def broken(): raise RuntimeError("fixture broke")
def test_fixture(broken): pass
@pytest.fixture
def untidy():
    yield
    raise RuntimeError("cannot tidy")
def test_teardown(untidy): pass
@pytest.mark.parametrize("user", ["ann", "a [b]::c"])
def test_users(user): deliver(user)
class TestRoom:
    class TestInner:
        def test_inside(self): deliver("bob")
class TestOld(unittest.TestCase):
    def test_old(self): self.assertEqual(ready(), 60)
'''
WANTED: dict[str, tuple[FailureKind, str]] = {
    "test_passes": (K.PASSED, "It passed"),
    "test_assertion": (K.OTHER_FAILURE, "ready too early"),
    "test_predicted": (K.AS_PREDICTED, "entered `app/core.py::deliver`"),
    "test_chain": (K.OTHER_FAILURE, "`RuntimeError: room is gone` was raised in product code at app/core.py:7"),
    "test_keyword": (K.HARNESS, "arguments that the signature does not have"),
    "test_refused": (K.ENVIRONMENT, "does not answer: `ConnectionRefusedError"),
    "test_hidden": (K.ENVIRONMENT, "behind `AssertionError: race reproduced"),
    "test_variable": (K.ENVIRONMENT, "environment variable is missing"),
    "test_name": (K.HARNESS, "unknown name"),
    "test_skip": (K.ENVIRONMENT, "skipped itself"),
    "test_windows": (K.SKIPPED, "only on Windows"),
    "test_xfail": (K.SKIPPED, "known"),
    "test_fixture": (K.HARNESS, "setup phase"),
    "test_teardown": (K.HARNESS, "teardown phase"),
    "test_users[ann]": (K.OTHER_FAILURE, "no subscriber for ann"),
    "test_users[a [b]::c]": (K.OTHER_FAILURE, "no subscriber for a [b]::c"),
    "TestRoom::TestInner::test_inside": (K.OTHER_FAILURE, "no subscriber for bob"),
    "TestOld::test_old": (K.OTHER_FAILURE, "True != 60"),
}
IDS = tuple(dict.fromkeys(f"tests/unit/test_rows.py::{name.partition('[')[0]}" for name in WANTED))


def planned(name: str, message: str, exception: str = "") -> PlannedTest:
    return PlannedTest(
        name=name, path="tests/unit/test_rows.py", level=Level.UNIT, difficulty=Difficulty.NORMAL, purpose="as named",
        expectation=Expectation(failure="exception" if exception else "assertion", exception=exception,
                                message=message, reaches=Suspect(
                                    path="app/core.py", function="deliver" if exception else "ready")))


PLAN = TestPlan(summary="as named", tests=(
    planned("test_predicted", "no subscriber", "LookupError"), planned("test_assertion", "ready too early")))


@pytest.fixture(scope="module")
def junit(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("junit")
    tree = folder / "tree"
    for name, text in {"app/__init__.py": "", "app/core.py": APP, "tests/unit/test_rows.py": TESTS,
                       "tests/unit/test_lost.py": "from app.core import Nothing\ndef test_lost(): pass\n"}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    (folder / "scratch").mkdir()
    run = run_tests(ProcessSandbox(), tree, TargetConfig(tests=("tests",)), sys.executable, ("tests",),
                    Limits(seconds=60), "junit", folder / "scratch")
    assert run.junit is not None
    return run.junit


@pytest.fixture(scope="module")
def outcomes(junit: bytes) -> dict[str, Outcome]:
    seen = read_results(junit, (*IDS, "tests/unit/test_lost.py::test_lost"))
    return {each.test: each for each in outcomes_from(seen, PLAN.tests, ("app/core.py",), ())}


@pytest.mark.parametrize("name", list(WANTED))
def test_what_pytest_writes(outcomes: dict[str, Outcome], name: str) -> None:
    kind, words = WANTED[name]
    outcome = outcomes[f"tests/unit/test_rows.py::{name}"]
    assert (outcome.kind, words in outcome.reason) == (kind, True), f"{outcome.kind}: {outcome.reason}"
    assert outcome.reason.endswith(f" {ALONE}.")


def test_what_cannot_be_told_is_said(outcomes: dict[str, Outcome]) -> None:
    assert len(outcomes) == len(WANTED) + 1
    assert "the results do not say whether the run entered `app/core.py::ready`" in \
        outcomes["tests/unit/test_rows.py::test_assertion"].reason
    lost = outcomes["tests/unit/test_lost.py"]
    assert (lost.kind, "cannot import name" in lost.reason) == (K.HARNESS, True), lost.reason


def test_results_for_an_audit(junit: bytes, tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    file.write_bytes(junit)
    tests = {"here/tests/unit/test_rows.py": TESTS}
    found, notes = results_for([file], tests, ("here/app/core.py",), None, ())
    by_test = {each.test: each for each in found}
    chain = by_test["here/tests/unit/test_rows.py::test_chain"]
    assert chain.frame is not None
    assert (chain.kind, chain.frame.path) == (K.OTHER_FAILURE, "here/app/core.py")
    assert len(found) == len(WANTED)
    assert "JUnit XML alone" in notes[0]
    assert notes[1] == "1 case of the results fit no test that was read."


def wrapped(cases: str) -> bytes:
    return f"<testsuites><testsuite name='x'>{cases}</testsuite></testsuites>".encode()


HERE = ("tests/test_a.py::test_x", "tests/test_a.py::TestA::test_x", "tests/deep/test_a.py::test_y",
        "other/test_a.py::TestA::test_z", "tests/test_b.py::test_x")


@pytest.mark.parametrize(("attributes", "test"), [
    ("classname='tests.test_a' name='test_x'", "tests/test_a.py::test_x"),
    ("classname='tests.test_a.TestA' name='test_x[1-a]'", "tests/test_a.py::TestA::test_x[1-a]"),
    ("classname='test_a.TestA' name='test_x'", "tests/test_a.py::TestA::test_x"),
    ("classname='TestA' name='test_z'", "other/test_a.py::TestA::test_z"),
    ("classname='project.tests.test_a' name='test_x'", "tests/test_a.py::test_x"),
    ("classname='deep.test_a' name='test_y'", "tests/deep/test_a.py::test_y"),
    ("file='tests/test_b.py' classname='tests.test_b' name='test_x'", "tests/test_b.py::test_x"),
    ("file='tests/test_a.py' classname='test_a.TestA' name='test_x'", "tests/test_a.py::TestA::test_x"),
    ("classname='tests.test_a.TestA' name='test_x (number=1)'", "tests/test_a.py::TestA::test_x"),
    ("classname='' name='tests.test_a.TestA.test_x'", "tests/test_a.py::TestA::test_x"),
    ("classname='nowhere.test_q' name='test_x'", "nowhere.test_q::test_x"),
    ("name='test_y'", "tests/deep/test_a.py::test_y"),
    ("name='test_x'", "test_x"),
])
def test_which_test_a_case_is(attributes: str, test: str) -> None:
    (seen,) = read_results(wrapped(f"<testcase {attributes} time='1.5'/>"), HERE)
    assert (seen.test, seen.status, seen.duration_s) == (test, "passed", 1.5)
    assert seen.path == (test.partition("::")[0] if test.partition("[")[0] in HERE else "")


KEYWORD = "connect() got an unexpected keyword argument &apos;extra_headers&apos;"
NATIVE = '''Traceback (most recent call last):
  File "/ci/tests/test_a.py", line 4, in test_x
    connect(extra_headers=1)
TypeError: connect() got an unexpected keyword argument 'extra_headers'
'''


@pytest.mark.parametrize(("inside", "kind", "words"), [
    (f"<error type='TypeError' message='connect()'>{NATIVE}</error>", K.HARNESS, "signature"),
    ("<failure type='AssertionError' message='1 != 2'/>", K.OTHER_FAILURE, "1 != 2"),
    ("<failure type='builtins.AssertionError' message='1 != 2'>no traceback</failure>", K.OTHER_FAILURE, "1 != 2"),
    ("<failure message='redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379.'/>",
     K.ENVIRONMENT, "does not answer"),
    ("<failure message='Failed: Timeout (&gt;1.0s) from pytest-timeout.'/>", K.TIMEOUT, "pytest-timeout"),
    (f"<failure message='10/10 connections failed: race reproduced: {KEYWORD}'/>", K.HARNESS, "extra_headers"),
    (f"<error type='TypeError' message='{KEYWORD}'/>", K.OTHER_FAILURE, "at a place that the results do not tell"),
    ("<skipped/>", K.SKIPPED, "no reason given"),
    ("<flakyFailure type='AssertionError' message='1 != 2'/>", K.FLAKY, "passed in 1"),
    ("<system-out>fine</system-out>", K.PASSED, "It passed"),
])
def test_what_others_write(inside: str, kind: FailureKind, words: str) -> None:
    content = wrapped(f"<testcase classname='tests.test_a' name='test_x'>{inside}</testcase>")
    (outcome,) = outcomes_from(read_results(content, HERE), (), ("app/**",), ())
    assert (outcome.kind, words in outcome.reason) == (kind, True), f"{outcome.kind}: {outcome.reason}"


def test_a_test_that_is_there_twice() -> None:
    case = "<testcase classname='tests.test_a' name='test_x'{}"
    fails = case.format("><failure message='assert 1 == 2'/></testcase>")
    content = wrapped(case.format("/>") + fails)
    (outcome,) = outcomes_from(read_results(content, HERE), (), (), ())
    assert outcome.kind is K.FLAKY
    ends = case.format("><error message='failed on teardown with \"OSError: x\"'/></testcase>")
    (outcome,) = outcomes_from(read_results(wrapped(fails + ends), HERE), (), (), ())
    assert outcome.kind is K.OTHER_FAILURE


@pytest.mark.parametrize(("content", "words"), [
    (b"", "no XML"), (b"not xml", "no XML"), (b"<testsuite>", "no XML"), (b"\x00\xff", "no XML"),
    (b"<html/>", "begin with <html>"), (b"<?xml version='1.0' encoding='nonsense'?><testsuite/>", "no XML"),
    (b"<!DOCTYPE x [<!ENTITY a 'b'>]><testsuite/>", "declare a document type"),
    ("<!DOCTYPE x><testsuite/>".encode("utf-16"), "declare a document type"),
    (b"<testsuite>" * 200, "nested"),
], ids=["empty", "text", "torn", "binary", "html", "encoding", "entities", "utf-16", "deep"])
def test_what_is_no_results(content: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageProblem) as caught:
        read_results(content, HERE)
    assert words in caught.value.what
    assert caught.value.what.endswith(".")
    assert caught.value.remedy.startswith("Give --junit")
    file = tmp_path / "r.xml"
    file.write_bytes(content)
    with pytest.raises(UsageProblem, match=r"The results .*r\.xml"):
        read_file(file, HERE)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="cannot be read"):
        read_file(tmp_path / "none.xml", HERE)


PIECES = st.sampled_from([
    "<testsuite>", "</testsuite>", "<testcase name='test_x' classname='tests.test_a'>", "</testcase>", "&amp;", "&x;",
    "<failure message='E'>", "</failure>", "<skipped/>", "E   x", "\n", "é", "tests/test_a.py:3: ValueError", "> a",
    "Traceback (most recent call last):", "<![CDATA[", "]]>",
])


@settings(max_examples=100, deadline=None)
@given(st.lists(PIECES, max_size=12))
def test_nothing_but_the_one_error(pieces: list[str]) -> None:
    for text in ("".join(pieces), f"<testsuite>{''.join(pieces)}</testsuite>"):
        with contextlib.suppress(UsageProblem):
            outcomes_from(read_results(text.encode(), HERE), (), ("app/**",), ())


def test_where_results_and_a_run_disagree() -> None:
    def seen(test: str, status: str) -> Observation:
        return Observation.model_validate({"test": test, "path": "a.py", "status": status})

    said = disagreements([seen("a", "passed"), seen("b", "failed"), seen("c", "failed"), seen("d", "passed")],
                         [seen("a", "failed"), seen("b", "error"), seen("c", "failed")])
    assert said == ("a passed in the results and failed in this run, which decides.",)
