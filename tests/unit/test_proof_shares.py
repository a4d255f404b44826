"""How much of a fix has to be needed and run: what is counted, what is not, and where half is."""

from __future__ import annotations

import pytest

from bot.domain.proof import ChangedLines, HunkCheck, Proof
from bot.domain.suite import Ended, FailureKind, Outcome, SuiteResult
from bot.proof.counterfactual import conclude, judge_green, judge_red
from bot.proof.hunks import FixChange

SHA = "a" * 40
OLD = b"def run(queue):\n    queue.start()\n    queue.register()\n    return queue\n"
NEW = b"def run(queue):\n    queue.register()\n    queue.start()\n    return queue\n"
CLEANED = (b"MOST = 10\n\n\ndef allowed(count):\n    return count <= MOST\n",
           b"def allowed(count):\n    return count <= 20\n")


def concluded(hunks: tuple[HunkCheck, ...] = (), lines: tuple[ChangedLines, ...] = ()) -> Proof:
    return conclude(SHA, SHA, SHA, SHA, same_tree=True, runs=(), hunks=hunks, lines=lines)


def against(proof: Proof) -> list[str]:
    """What is missing besides the runs."""
    return [text for text in proof.missing if not text.startswith("No run shows")]


def test_a_line_that_is_moved_is_one_place_since_half_of_a_move_is_no_change() -> None:
    change = FixChange({"a.py": OLD}, {"a.py": NEW})
    assert len(change.hunks) == 1
    assert change.hunks[0].lines == 2
    assert change.without([0]) == {"a.py": OLD}


@pytest.mark.parametrize("new", [
    NEW.replace(b"    queue.register()\n", b"    queue.register(1)\n"),
    b"def run(queue):\n    queue.register()\n    return queue\n    queue.begin()\n",
], ids=["the line between changes too", "another line comes"])
def test_what_goes_and_comes_as_something_else_is_no_move(new: bytes) -> None:
    change = FixChange({"a.py": OLD}, {"a.py": new})
    assert change.without(range(len(change.hunks))) == {"a.py": OLD}
    assert all(len(change.without([number])) == 1 for number in range(len(change.hunks)))


def test_a_move_takes_nothing_along_that_stands_elsewhere() -> None:
    old, new = OLD + b"\n\nx = 1\ny = 2\n", NEW + b"\n\nx = 2\ny = 2\n"
    change = FixChange({"a.py": old}, {"a.py": new})
    assert [hunk.lines for hunk in change.hunks] == [2, 2]
    assert change.without([1]) == {"a.py": NEW + b"\n\nx = 1\ny = 2\n"}


def test_empty_lines_count_neither_for_nor_against_a_fix() -> None:
    change = FixChange({"a.py": CLEANED[0]}, {"a.py": CLEANED[1]})
    clean, cure = change.hunks
    assert (clean.lines, cure.lines) == (3, 2)
    checks = (HunkCheck(hunk=clean, needed=False, reason="green"), HunkCheck(hunk=cure, needed=True, reason="red"))
    assert against(concluded(checks)) == []
    idle = checks[0].model_copy(update={"hunk": clean.model_copy(update={"lines": 4, "text": "-a\n-b\n-\n-"})})
    assert against(concluded((idle, checks[1]))) == [
        "2 of the 4 lines that the fix changes are not needed: without a.py:1 every test still passes."]


@pytest.mark.parametrize(("ran", "words"), [
    ((1, 2), []), ((1,), ["3 of 4 changed lines in a.py did not run in the new tests."]), ((), []), ((1, 2, 3, 4), []),
], ids=["half", "less", "none: it runs out of sight", "all"])
def test_half_of_the_changed_lines_has_to_run(ran: tuple[int, ...], words: list[str]) -> None:
    assert against(concluded(lines=(ChangedLines(path="a.py", changed=(1, 2, 3, 4), ran=ran),))) == words


def run(code: int, kind: FailureKind) -> SuiteResult:
    outcome = Outcome(test="test_x.py::test_a", kind=kind, reason="Why.")
    return SuiteResult(label="run", tree=SHA, command="pytest", ended=Ended.EXITED, exit_code=code, outcomes=(outcome,),
                       duration_s=1.0)


def test_what_a_test_did_is_told_before_how_pytest_ended() -> None:
    test = "test_x.py::test_a"
    assert judge_red("base", 1, run(0, FailureKind.PASSED), (test,)).reason == f"{test} was passed: Why"
    assert judge_red("base", 1, run(0, FailureKind.PASSED), ()).reason == (
        f"no test reproduced the incident ({test} was passed: Why)")
    assert judge_green(1, run(1, FailureKind.HARNESS), (test,)).reason == f"{test} was harness: Why"
    assert judge_green(1, run(3, FailureKind.HARNESS), (test,)).reason == "pytest ended with exit code 3, not 0"
