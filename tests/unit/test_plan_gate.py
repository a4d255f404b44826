from __future__ import annotations

import re
import time
import warnings
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.domain.config import PolicyConfig
from bot.domain.evidence import RootCause, Support, Suspect
from bot.domain.globs import matches_any
from bot.domain.message_pattern import MessagePattern
from bot.domain.patch import Edit, Patch
from bot.domain.plan import Difficulty, Expectation, Level, PlannedTest, TestPlan
from bot.domain.proof import Proof
from bot.domain.proposals import ProposedFile
from bot.domain.record import CycleRecord
from bot.domain.results import Fixed, Proven
from bot.steps.fix import missing_now, summary_problems
from bot.steps.plan import untelling
from bot.steps.write_tests import unplanned
from tests.unit.records import record, step

SHA = "a" * 40
SUSPECT = Suspect(path="router/broker.py", function="Broker.connect")


def expectation(message: str, exception: str = "") -> Expectation:
    return Expectation(failure="exception" if exception else "assertion", exception=exception, message=message,
                       reaches=SUSPECT)


# Patterns: what is allowed

PIECES = st.sampled_from([
    *"aab^$.*+?|()[]-0{}1,2 ", "(?:", "(?i)", "[a-b]", "[^a]", r"\d", r"\w", r"\s", r"\D", r"\n", r"\.", "{1,2}",
    "{2}", "{0,}", ".*", ".*?", "a*", "(a|b)", "(?:ab|c)", "\\", "[\\d.]",
])
PATTERNS = st.lists(PIECES, max_size=14).map("".join)


def parsed(text: str) -> MessagePattern | None:
    try:
        return MessagePattern(text)
    except ValueError:
        return None


@settings(max_examples=300, deadline=None)
@given(PATTERNS, st.lists(st.text("abAB0 \n.-{}", max_size=9), min_size=6, max_size=6))
@example("a$", ["a\n", "a\n\n", "a", "ba", "a\nb", ""])
@example("^(a|ab)(c|bcd)$", ["abcd", "abc", "acd", "ac", "abbcd", "a"])
@example("(?i)[^a]B", ["AB", "bb", "BB", "ab", "0b", ""])
def test_an_accepted_pattern_means_what_it_means_in_python(text: str, messages: list[str]) -> None:
    pattern = parsed(text)
    if pattern is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = re.compile(text)
    for message in messages:
        assert pattern.search(message) == (known.search(message) is not None), message


HOSTILE = {
    "long": "aaaaaaaaab" * 400, "same": "a" * 4_000, "by turns": "ab" * 2_000, "lines": "\n" * 4_000,
    "different": "".join(map(chr, range(300, 4_300))),
}


@settings(max_examples=100, deadline=None)
@given(st.lists(PIECES, max_size=250).map("".join).map(lambda text: text[:500]), st.sampled_from(sorted(HOSTILE)))
@example(".*" * 240 + "x", "same")
@example("a?" * 160 + "a" * 160, "same")
@example("a{0,400}" + "a{400}x", "same")
@example("a.*a.*a.*a.*a.*a.*x", "same")
@example("(?i)" + "".join(f"[^{a}]?.*" for a in "abcdefg") + "xyz", "different")
@example("(?i)[a-c][d-f][g-i][j-l][0-2][3-5]?" + "[^a-cd-fg-ij-lm-o]*.*" + r"[\d\w\s]*x", "different")
@example("(a|b)(a|b)(a|b)(a|b)(a|b)c", "long")
@example("(||||||||)" * 49, "long")
def test_no_accepted_pattern_takes_long(text: str, message: str) -> None:
    def seconds() -> float:
        started = time.process_time()
        pattern = parsed(text)
        if pattern is not None:
            pattern.search(HOSTILE[message])
        return time.process_time() - started

    # A collection of garbage may fall into one of them.
    assert min(seconds() for _ in range(2)) < 0.1


@pytest.mark.parametrize("text", [
    "(a+)+$", "(a*)*b", "(a|aa)+$", "((a|b)|c)", "a**", "a*+", "a++", "(?=x)", "(?P<n>x)", r"(x)\1", r"\bnever",
    r"\x41", "x{,3}", "x{9999}", "[z-a]", "[a", "(a", "a)", "a$b", "a^", "(^a)", "*a", "\\", "(" * 400, "(?s)a",
])
def test_other_patterns_are_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValidationError, match=r"in the pattern at character \d+: .*Allowed are plain text"):
        expectation(text)


# Patterns: which tell one failure from another

@pytest.mark.parametrize("message", [
    ".", ".*", "", "^", "x?", ".+", r"\w+", "(?i)ERROR", r"assert \d+ == \d+", "assert", "assert False", "10", "....",
    r"[a-z ]+reported[a-z]*|.", "TimeoutError", "(.|subscriber is not running)", "room [a-z]+",
    r"\[Errno 111\] Connection refused", "DID NOT RAISE", r"(a|reported ready too early)", "a?b?c?d?e?f?g?h?",
])
def test_a_message_of_any_failure_is_no_prediction(message: str) -> None:
    try:
        found = expectation(message)
    except ValidationError:
        assert not message
        return
    assert found.message in untelling(found)


@pytest.mark.parametrize(("message", "exception"), [
    ("reported ready although the broker has not acknowledged", ""),
    (r"expected \[60\.0\], got .* timeout", ""),
    ("client [0-9]+ was closed with 1011|subscriber is not running", ""),
    ("DID NOT RAISE <class 'SubscriberNotRunning'>", ""),
    ("^'room'$", "KeyError"),
])
def test_a_telling_message_is_a_prediction(message: str, exception: str) -> None:
    assert untelling(expectation(message, exception)) == ""


def test_an_assertion_s_message_is_never_too_short_to_be_more_telling() -> None:
    assert "too little plain text" in untelling(expectation("^'room'$"))


# Files that are no planned test

PLAN = TestPlan(summary="s", tests=(PlannedTest(
    name="test_order", path="tests/unit/test_order.py", level=Level.UNIT, difficulty=Difficulty.NORMAL, purpose="p",
    expectation=expectation("not subscribed")),))


@pytest.mark.parametrize(("path", "content", "words"), [
    ("tests/pytest.ini", "[pytest]", "is not in the plan"),
    ("tests/run.sh", "exit 0", "is not in the plan"),
    ("tests/conftest.py", "", "is not in the plan"),
    ("tests/unit/test_other.py", "", "is not in the plan"),
    ("tests/e2e/__init__.py", "", "is not in the plan"),
    ("tests/unit/helpers.py", "", "is not in the plan"),
    ("tests/unit/__init__.py", "import pytest\n", "must be empty"),
])
def test_what_the_plan_does_not_name_is_not_written(path: str, content: str, words: str) -> None:
    good = ProposedFile(path="tests/unit/test_order.py", content="def test_order(): ...")
    (found,) = unplanned(PLAN, (good, ProposedFile(path=path, content=content)))
    assert found.startswith(path)
    assert words in found


def test_planned_files_and_empty_packages_are_written() -> None:
    files = [("tests/unit/test_order.py", "x = 1"), ("tests/unit/__init__.py", ""), ("tests/__init__.py", "# tests\n")]
    assert unplanned(PLAN, tuple(ProposedFile(path=path, content=content) for path, content in files)) == ()


@pytest.mark.parametrize("name", ["pytest.ini", ".pytest.ini", "pytest.toml", "tox.ini", "setup.cfg", "pyproject.toml",
                                  "conftest.py"])
@pytest.mark.parametrize("folder", ["", "tests", "services/shop/tests"])
def test_what_configures_pytest_is_forbidden_by_default(folder: str, name: str) -> None:
    assert matches_any(str(PurePosixPath(folder) / name), PolicyConfig().forbidden_paths)


# What a fix may say of itself

CAUSE = RootCause(statement="Connected is set before the subscriber runs, at 10 s.", mechanism="The flag comes first.",
                  trigger="An early client.", suspects=(SUSPECT,), support=Support.CITED)
BEFORE = {"router/broker.py": "def connect(self):\n    self.connected.set()\n\n\ndef route(self):\n    limit = 77\n"
                              + "\n" * 8}
AFTER = {"router/broker.py": BEFORE["router/broker.py"].replace("connected.set()", "subscribed.set()")}


@pytest.mark.parametrize("summary", [
    "The race is proven and gone.", "Verified: connected is set later.", "All tests pass with it.", "100 % fixed.",
    "The tests now pass.", "It no longer fails.", "This guarantees the order.", "Proof that the order was wrong.",
    "It cures 42 clients.", "`nowhere_at_all` is set later.", "Three callers wait now.", "Set after 30 s.",
])
def test_a_summary_that_states_a_verdict_or_what_it_cannot_know(summary: str) -> None:
    assert summary_problems(summary, BEFORE, AFTER, CAUSE)


@pytest.mark.parametrize("summary", [
    "Connected was reported too early; `connect` now sets subscribed, within the 10 s that it had.",
    "The flag that only route looked at is set by the subscriber in router/broker.py.",
    "Broker.connect waits until the subscription is confirmed.",
])
def test_a_summary_of_what_changes(summary: str) -> None:
    assert summary_problems(summary, BEFORE, AFTER, CAUSE) == ()


def history(*results: Fixed | Proven) -> CycleRecord:
    return record(*(step("fix" if isinstance(result, Fixed) else "prove", result=result) for result in results))


def test_what_was_missing_belongs_to_the_patch_that_was_tried() -> None:
    edit = Edit(path="a.py", find="a", replace="b")
    tried = Fixed(patch=Patch(summary="s", edits=(edit,), files=(), diff="", added=1, removed=1), findings=())
    refused = Fixed(patch=None, findings=())
    proven = Proven(proof=Proof.model_validate({
        "verdict": "not_proven", "base": SHA, "with_tests": SHA, "with_fix": SHA, "reverted": SHA, "same_tree": True,
        "runs": (), "missing": ("not green with the fix",)}))
    assert missing_now(history()) == ()
    assert missing_now(history(tried)) == ()
    assert missing_now(history(tried, proven)) == ("not green with the fix",)
    assert missing_now(history(tried, proven, refused)) == ()
