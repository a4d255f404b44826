"""What a run of tests is believed for, and what of it may be kept."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.sandboxes import ProcessSandbox
from bot.audit.kinds import outcomes_of
from bot.domain.audit import AuditReport, Finding, FindingSeverity, Recommendation
from bot.domain.config import Limits, TargetConfig
from bot.domain.evidence import Suspect
from bot.domain.logs import Frame
from bot.domain.plan import Difficulty, Expectation, Level, PlannedTest
from bot.domain.suite import Ended, FailureKind, Observation, Outcome, RaisedException, Ran, SeenWarning, SuiteResult
from bot.ports import Completed
from bot.probe.junit import read_junit
from bot.probe.launch import run_tests
from bot.probe.seen import Seen, SeenTest, TestRun
from bot.proof.counterfactual import EITHER, judge_green, judge_own, judge_red, why_not_believed
from bot.steps.audit import without_secrets
from bot.steps.believing import doubts_about
from bot.steps.environment import _shown
from bot.steps.run_tests import why_no_suite
from bot.steps.showing import quotes_of, redacted, redacted_outcomes

TEST = "tests/test_x.py::test_x"
TOKEN = "ghp_" + "Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0FeDcBa"


def launch(tmp_path: Path, *pytest_args: str, **files: str) -> TestRun:
    tree = tmp_path / "tree"
    (tree / "tests").mkdir(parents=True)
    for name, text in files.items():
        (tree / ("tests" if name.startswith("test_") else ".") / f"{name}.py").write_text(text)
    (tmp_path / "scratch").mkdir()
    return run_tests(ProcessSandbox(), tree, TargetConfig(pytest_args=pytest_args), sys.executable, ("tests",),
                     Limits(seconds=60), "run", tmp_path / "scratch")


def result(run: TestRun) -> SuiteResult:
    return SuiteResult(
        label="run", tree="a" * 40, command=run.command, ended=run.completed.ended, exit_code=run.completed.exit_code,
        outcomes=outcomes_of(run, (), ("**",), ()), duration_s=1.0, doubts=tuple(doubts_about(run)),
    )


# Honest runs

SUBTESTS = """import unittest


class TestU(unittest.TestCase):
    def test_u(self):
        for number in range(3):
            with self.subTest(number=number):
                assert number != {}
"""
TEARDOWN = """import pytest


@pytest.fixture
def spoiled():
    yield
    raise OSError("in teardown")


def test_a(spoiled): pass
def test_b(spoiled): assert 0
"""
RENAMED = """def test_a(record_xml_attribute): record_xml_attribute("name", "same")
def test_b(record_xml_attribute): record_xml_attribute("name", "same")
"""
MANY = """import pytest


@pytest.mark.parametrize("n", [1, 2])
def test_a(n): pass
@pytest.mark.skip
def test_b(): pass
@pytest.mark.xfail
def test_c(): assert 0
@pytest.mark.xfail
def test_d(): pass
class TestE:
    def test_a(self): pass
"""


@pytest.mark.parametrize(("text", "code", "arguments"), [
    (MANY, 0, ()), (MANY, 0, ("-n", "2")), (SUBTESTS.format(5), 0, ()), (SUBTESTS.format(1), 1, ()),
    (TEARDOWN, 1, ()), (RENAMED, 0, ()), ("import nothing_such\n", 1, ()), ("def test_a(): assert 0\n", 1, ()),
    ("import pytest\npytest.skip('no', allow_module_level=True)\n", 5, ()),
    ("import pytest\n@pytest.mark.xfail(strict=True)\ndef test_a(): pass\n", 1, ()),
], ids=["many", "xdist", "subtests", "failing subtests", "teardown", "renamed", "no import", "fails", "skips itself",
        "strict xfail"])
def test_an_honest_run_is_not_doubted(tmp_path: Path, text: str, code: int, arguments: tuple[str, ...]) -> None:
    run = launch(tmp_path, *arguments, test_x=text, test_y="def test_y(): pass\n" if code != 5 else "")
    assert run.completed.exit_code == code, run.completed.output
    assert list(doubts_about(run)) == []
    assert run.observations


# Runs that forge their record

FORGE = '''
import glob, json, os


def forged(*tests, session=False):
    """Write what the probe would have written."""
    out = glob.glob(os.path.expanduser("~/../out/probe.ndjson"))[0]
    with open(out, "a") as lines:
        for test in tests:
            each = {"test": f"tests/test_x.py::{test}", "path": "tests/test_x.py", "line": 1}
            lines.write(json.dumps(dict(each, k="start")) + "\\n")
            lines.write(json.dumps({"k": "end", "observation": dict(each, status="passed")}) + "\\n")
        if session:
            lines.write(json.dumps({"k": "session", "exit": 0, "ended": len(tests), "collected": 2}) + "\\n")
'''
FORGED_ALL = f"{FORGE}\n\ndef go():\n    forged('test_a', 'test_b', session=True)\n    os._exit(0)\n"
HOSTILE = {
    "leaves with 0": "import os\n\ndef go(): os._exit(0)\n",
    "forges one and leaves": f"{FORGE}\n\ndef go():\n    forged('test_a', 'test_b')\n    os._exit(0)\n",
    "forges all and leaves": FORGED_ALL,
    "forges while imported": f"{FORGE}\n\ndef go(): pass\n\nforged('test_a', 'test_b', session=True)\nos._exit(0)\n",
    "forges and goes on": f"{FORGE}\n\ndef go():\n    forged('test_a', 'test_b', session=True)\n    assert 0\n",
    "forges its pass": f"{FORGE}\n\ndef go():\n    forged('test_a')\n    assert 0\n",
    "leaves at the end": "import atexit, os\n\ndef go():\n    atexit.register(os._exit, 0)\n    assert 0\n",
    "writes JUnit, too": FORGED_ALL.replace("    os._exit(0)", """    out = glob.glob(os.path.expanduser("~/../out"))[0]
    with open(out + "/junit.xml", "w") as junit:
        junit.write('<testsuites><testsuite tests="1"><testcase classname="t" name="a"/></testsuite></testsuites>')
    os._exit(0)"""),
}
CALLS = "import app\n\ndef test_a(): app.go()\ndef test_b(): app.go()\n"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_forged_record_never_holds(tmp_path: Path, name: str) -> None:
    forged = result(launch(tmp_path, app=HOSTILE[name], test_x=CALLS))
    tests = tuple(f"tests/test_x.py::{each}" for each in ("test_a", "test_b"))
    green = judge_green(1, forged, tests)
    assert not green.holds
    assert why_not_believed(forged, EITHER), green.reason
    honest = forged.model_copy(update={"doubts": (), "exit_code": 0, "outcomes": tuple(
        Outcome(test=test, kind=FailureKind.PASSED, reason="It passed.") for test in tests)})
    assert not judge_own(honest, forged).holds
    assert not judge_own(forged, honest).holds
    predicted = forged.model_copy(update={"outcomes": tuple(
        Outcome(test=test, kind=FailureKind.AS_PREDICTED, reason="As predicted.") for test in tests)})
    assert not judge_red("base", 1, predicted, tests).holds


# Each doubt alone

OBSERVED = Observation(test=TEST, path="tests/test_x.py", status="passed")
FAILED = OBSERVED.model_copy(update={"status": "failed", "phase": "call"})


def junit(*inner: str, failures: int = 0, errors: int = 0) -> bytes:
    cases = "".join(f'<testcase classname="c" name="n{number}">{text}</testcase>' for number, text in enumerate(inner))
    return (f'<?xml version="1.0"?><testsuites><testsuite name="pytest" tests="{len(inner)}" failures="{failures}" '
            f'errors="{errors}">{cases}</testsuite></testsuites>').encode()


def seen_run(code: int | None = 0, observations: tuple[Observation, ...] = (OBSERVED,),
             written: bytes | None = junit(""), ended: Ended = Ended.EXITED, **seen: Any) -> TestRun:
    return TestRun(
        label="run", command="pytest", junit=written,
        completed=Completed(ended=ended, exit_code=code, output="", duration_s=1.0),
        seen=Seen.model_validate({"began": True, "finished": True, "observations": observations, **seen}),
    )


def test_accounts_that_agree() -> None:
    assert list(doubts_about(seen_run())) == []
    assert list(doubts_about(seen_run(1, (FAILED,), junit("<failure/>", failures=1)))) == []
    assert list(doubts_about(seen_run(1, (FAILED,), junit("<error/>", errors=1)))) == []


@pytest.mark.parametrize(("run", "words"), [
    (seen_run(bad_lines=2), "2 lines of the probe's record could not be believed"),
    (seen_run(ended=Ended.TIMEOUT, bad_lines=1), "1 lines of the probe's record"),
    (seen_run(finished=False), "pytest did not come to the end of its session"),
    (seen_run(running=(SeenTest(test=TEST, path="tests/test_x.py"),)), f"{TEST} began and did not end"),
    (seen_run(0, (FAILED,), junit("<failure/>", failures=1)), "exit code 0, and the probe saw 1 tests fail"),
    (seen_run(written=None), "pytest left no JUnit file"),
    (seen_run(written=b""), "JUnit file cannot be read"),
    (seen_run(written=b"<html/>"), "JUnit file cannot be read"),
    (seen_run(written=b"\xff\xfe\x00<"), "JUnit file cannot be read"),
    (seen_run(written=b'<!DOCTYPE x [<!ENTITY a "a">]>' + junit("")[21:]), "JUnit file cannot be read"),
    (seen_run(written=junit("").replace(b'failures="0"', b'failures="none"')), "JUnit file cannot be read"),
    (seen_run(written=junit("", "")), "the probe saw 1 tests, and pytest's JUnit file has 2"),
    (seen_run(written=junit()), "the probe saw 1 tests, and pytest's JUnit file has 0"),
    (seen_run(written=junit("<failure/>", failures=1)), "the probe saw 0 tests fail, and pytest's JUnit file says 1"),
    (seen_run(written=junit("", errors=3)), "the probe saw 0 tests fail, and pytest's JUnit file says 3"),
    (seen_run(1, (FAILED,)), "the probe saw 1 tests fail, and pytest's JUnit file says 0"),
])
def test_each_doubt(run: TestRun, words: str) -> None:
    (doubt,) = doubts_about(run)
    assert words in doubt


def test_a_deep_junit_file_does_no_harm() -> None:
    assert read_junit(b"<testsuites>" + b"<testsuite>" * 50_000) is None
    nested = b"<testsuites>" + b"<testsuite>" * 3_000 + b"</testsuite>" * 3_000 + b"</testsuites>"
    counts = read_junit(nested)
    assert counts is None or counts.cases == 0


# The service's own suite, before anything is compared with it

COLLECTED = OBSERVED.model_copy(update={"status": "error", "phase": "collect"})


@pytest.mark.parametrize(("run", "words"), [
    (seen_run(), ""),
    (seen_run(1, (FAILED,)), ""),
    (seen_run(ended=Ended.TIMEOUT), "time limit"),
    (seen_run(5, ()), "holds no tests (pytest ended with exit code 5)"),
    (seen_run(4, ()), "could not be run (pytest ended with exit code 4)"),
    (seen_run(2), "could not be run (pytest ended with exit code 2)"),
    (seen_run(0, ()), "ran no tests"),
    (seen_run(1, (COLLECTED,)), "ran no tests: "),
])
def test_a_suite_that_is_nothing_to_compare_with(run: TestRun, words: str) -> None:
    why = why_no_suite(Ran(result=result(run), observations=run.observations))
    assert why == "" if not words else words in why


# Secrets

def raising(message: str) -> Observation:
    frame = Frame(path="app.py", line=3, function="go", source=f"raise ValueError('{TOKEN}')")
    raised = RaisedException(type="ValueError", message=message, frames=(frame,), bases=("ValueError", "Exception"))
    return Observation(
        test=f"tests/test_x.py::TestToken::test_v2_refresh[{TOKEN}]", path="tests/test_x.py", status="failed",
        phase="call", exceptions=(raised,), skip_reason=f"since {TOKEN}", reached=("app.py::go",),
        warnings=(SeenWarning(category="UserWarning", message=f"about {TOKEN}"),),
    )


def expecting(message: str) -> PlannedTest:
    expectation = Expectation(failure="exception", exception="ValueError", message=message,
                              reaches=Suspect(path="app.py", function="go"))
    return PlannedTest(name="test_v2_refresh", path="tests/test_x.py", level=Level.UNIT, difficulty=Difficulty.NORMAL,
                       purpose="that it refreshes", expectation=expectation)


@pytest.mark.parametrize(("message", "kind"), [
    # The plan may predict a message that looks like a secret.
    (f"cannot refresh {TOKEN}", FailureKind.AS_PREDICTED),
    # A reason quotes the first 200 characters: a secret that the cut goes through is no secret to look at.
    ("refresh " + "x" * 170 + f" {TOKEN}", FailureKind.AS_PREDICTED),
    (f"nothing like it {TOKEN}", FailureKind.OTHER_FAILURE),
])
def test_outcomes_keep_their_kind_and_lose_their_secrets(message: str, kind: FailureKind) -> None:
    run = seen_run(1, (raising(message),))
    shown = redacted(run)
    planned = (expecting("refresh .*Zx9Y"),)
    true, said = (outcomes_of(each, planned, ("app.py",), ()) for each in (run, shown))
    (outcome,) = redacted_outcomes(true, said, quotes_of(run, shown))
    assert outcome.kind is kind
    everything = outcome.model_dump_json() + shown.seen.model_dump_json(exclude={"observations": {0: {"test"}}})
    assert TOKEN[:12] not in everything.replace(planned[0].expectation.message, "")
    assert outcome.test.startswith("tests/test_x.py::TestToken::test_v2_refresh[<github-token:")


def test_what_the_set_up_prints_and_was_given_is_not_kept() -> None:
    given = {"PIP_INDEX_URL": "https://ci:plain-words%21@index.example/simple", "UV_KEYRING_PROVIDER": "subprocess",
             "UV_EXTRA_INDEX_URL": "https://one.example/ https://barewordtoken@two.example/",
             "UV_INDEX_INNER_PASSWORD": "correcthorse"}
    said = _shown(f"Looking in https://ci:plain-words%21@index.example/simple with plain-words! and barewordtoken, "
                  f"correcthorse in a subprocess of one.example; {TOKEN}", given)
    for secret in ("plain-words", "barewordtoken", "correcthorse", TOKEN):
        assert secret not in said
    assert "index.example" in said
    assert "in a subprocess of one.example" in said


def test_findings_quote_no_secret() -> None:
    key = "MIIEpAIBAAKCAQEAy8Dbv8prpJ"
    text = f'def connect(token="{TOKEN}"):\n    """-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----"""\n'
    finding = Finding(
        rule="wrong-signature", defect_class="x", severity=FindingSeverity.ERROR, path="app.py", line=1, test=TEST,
        message=f"connect(token='{TOKEN}') is called wrongly", evidence=key, hint=f"Write {TOKEN}",
    )
    report = AuditReport(recommendation=Recommendation.HOLD, tests=(TEST,), defects=(TEST,), findings=(finding,),
                         outcomes=(), scores=(), reasons=(f"It holds {TOKEN}.",), depth="run")
    shown = without_secrets(report, {"app.py": text}).model_dump_json()
    assert TOKEN not in shown
    assert key not in shown
    assert "is called wrongly" in shown
