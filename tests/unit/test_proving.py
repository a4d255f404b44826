"""The course of a proof: which trials it asks for, and what it makes of their results. A rule answers them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.base import Sha
from bot.domain.patch import GuardFinding
from bot.domain.proof import ChangedLines, Hunk, HunkCheck, MutantCheck, Proof, ProofRun, SuiteRole, TreeRole, Verdict
from bot.domain.suite import Ended, FailureKind, FileLines, Observation, Outcome, Ran, SuiteResult
from bot.proof.counterfactual import conclude
from bot.proof.hunks import MOST_HUNKS, FixChange
from bot.proof.proving import Question, prove, takes_time
from bot.proof.trials import Trial
from bot.steps.prove import proof_label

K = FailureKind
NEW, OWN = "tests/test_new.py::test_new", "tests/test_own.py::test_own"
BASE, TESTS, FIX, REVERT = (digit * 40 for digit in "1234")
RED = {"": (K.PASSED, 0), "red": (K.OTHER_FAILURE, 1), "harness": (K.HARNESS, 1), "predicted": (K.AS_PREDICTED, 1)}

Rule = Callable[[frozenset[int], SuiteRole], str]
"""What turns red with these places of the fix there: a key of RED."""


def functions(count: int, value: int) -> bytes:
    return b"".join(b"def f%d():\n    return %d\n\n\n" % (at, at * 10 + value) for at in range(count))


@dataclass
class RuleLab:
    """Answers each trial by a rule, from the places of the fix that its tree has.

    `reaching`: the own suite reaches them. `strict`: a place that is a little different is not there.
    """

    rule: Rule
    count: int
    reaching: bool = False
    strict: bool = True
    tried: list[Trial] = field(default_factory=list)
    batches: list[tuple[int, bool]] = field(default_factory=list)

    def note(self, text: str) -> None:
        assert text

    def run(self, trials: Sequence[Trial], *, alone: bool = False) -> list[Ran]:
        self.tried.extend(trials)
        if trials:
            self.batches.append((len(trials), alone))
        return [self._ran(trial) for trial in trials]

    def _ran(self, trial: Trial) -> Ran:
        there = frozenset[int]()
        if trial.commit == FIX:
            source = trial.changes.get("a.py", functions(self.count, 1)) or b""
            there = frozenset(
                at for at in range(self.count) if b"return %d\n" % (at * 10 + 1) in source or
                (not self.strict and b"return %d\n" % (at * 10) not in source))
        said = self.rule(there, trial.suite)
        if not there and trial.suite == "new":
            said = "predicted"
        test = NEW if trial.suite == "new" else OWN
        kind, code = RED[said]
        lines = FileLines(path="a.py", lines=tuple(range(2, 4 * self.count, 4)))
        seen = Observation(test=test, path=test.partition("::")[0], status="passed" if not code else "failed",
                           reached=("a.py::f0",) if self.reaching else (), lines=(lines,) if trial.watch else ())
        result = SuiteResult(
            label=trial.label, tree=trial.commit, command="pytest", ended=Ended.EXITED, exit_code=code,
            outcomes=(Outcome(test=test, kind=kind, reason="So it was."),), duration_s=1.0, seed=trial.seed,
            pressure=trial.pressure,
        )
        return Ran(result=result, observations=(seen,))


def proved(rule: Rule, count: int = 3, *, reaching: bool = False, strict: bool = True,
           **changes: object) -> tuple[Proof, RuleLab]:
    lab = RuleLab(rule, count, reaching, strict)
    own = SuiteResult(label="own-base", tree=BASE, command="pytest", ended=Ended.EXITED, exit_code=0, duration_s=1.0,
                      outcomes=(Outcome(test=OWN, kind=K.PASSED, reason="It passed."),))
    given: dict[str, object] = {
        "base": BASE, "with_tests": TESTS, "with_fix": FIX, "reverted": REVERT, "same_tree": True,
        "change": FixChange({"a.py": functions(count, 0)}, {"a.py": functions(count, 1)}),
        "tests": ("tests/test_new.py",), "suite": ("tests",), "new_files": ("tests/test_new.py",),
        "reproduced_by": (NEW,), "expected": (NEW,), "own_before": own, "reruns": 1, "mutants": 0, **changes,
    }
    return prove(Question(**given), lab, partial(proof_label, 1)), lab  # type: ignore[arg-type]


def needs(*wanted: int) -> Rule:
    return lambda there, suite: "" if suite == "own" or there >= set(wanted) else "red"


def needed(proof: Proof) -> list[bool | None]:
    return [check.needed for check in proof.hunks]


# the course

def test_rounds_seeds_pressure_and_what_is_watched() -> None:
    proof, lab = proved(needs(0, 1, 2), reruns=3, timing=True)
    assert proof.verdict is Verdict.PROVEN
    assert [trial.label for trial in lab.tried] == [
        "proof-base-1", "proof-fix-1", "proof-revert-1", "proof-base-2", "proof-fix-2", "proof-revert-2",
        "proof-base-3", "proof-fix-3", "proof-revert-3", "own-fix",
        "proof-without-1", "proof-without-2", "proof-without-3",
    ]
    assert lab.batches == [(3, False), (3, False), (3, True), (1, True), (3, False)]
    assert {trial.label for trial in lab.tried if trial.pressure} == {f"proof-{role}-3" for role in
                                                                    ("base", "fix", "revert")}
    assert [trial.seed for trial in lab.tried] == [None] * 3 + [2] * 3 + [3] * 3 + [None] * 4
    assert [trial.label for trial in lab.tried if trial.watch] == ["proof-fix-1"]
    assert {trial.role for trial in lab.tried if trial.stops} == {"without"}
    assert [run.result.label for run in proof.runs if run.suite == "own"] == ["own-base", "own-fix"]
    assert [trial.commit for trial in lab.tried[:3]] == [TESTS, FIX, REVERT]


def test_a_single_round_is_without_pressure() -> None:
    _, lab = proved(needs(0), reruns=1, timing=True)
    assert not [trial for trial in lab.tried if trial.pressure]


@pytest.mark.parametrize("rule", [
    lambda _there, _suite: "red", lambda _there, suite: "" if suite == "own" else "harness",
], ids=["red with the fix", "harness with the fix"])
def test_after_a_round_that_does_not_hold_nothing_more_is_run(rule: Rule) -> None:
    proof, lab = proved(rule, reruns=5)
    assert [trial.label for trial in lab.tried] == ["proof-base-1", "proof-fix-1", "proof-revert-1"]
    assert proof.verdict is Verdict.NOT_PROVEN
    assert proof.missing[0].startswith("proof-fix-1: ")
    assert (proof.hunks, proof.mutants, proof.lines) == ((), (), ())


def test_where_the_own_suite_breaks_no_part_is_taken_back() -> None:
    proof, lab = proved(lambda there, suite: "red" if suite == "own" and there else "", reruns=2)
    assert lab.tried[-1].label == "own-fix"
    assert proof.missing == (
        f"own-fix: 1 tests that passed before do not now: {OWN} was other_failure: So it was.",)


def test_the_own_suite_before_is_run_where_nobody_did() -> None:
    proof, lab = proved(needs(0), own_before=None)
    assert [(one.label, one.commit, one.ignored) for one in lab.tried if one.suite == "own"] == [
        ("proof-base-1-own", BASE, ("tests/test_new.py",)), ("own-fix", FIX, ("tests/test_new.py",))]
    assert proof.verdict is Verdict.NOT_PROVEN, "two of three places are not needed"
    assert not [one for one in proof.missing if "own" in one]


def test_without_a_suite_none_is_run_and_none_is_missing() -> None:
    proof, lab = proved(needs(0, 1, 2), suite=())
    assert not [one for one in lab.tried if one.suite == "own"]
    assert proof.verdict is Verdict.PROVEN


def test_what_reproduced_and_what_is_expected_come_from_the_first_round_where_nobody_knows() -> None:
    proof, _ = proved(needs(0, 1, 2), reproduced_by=None, expected=None, reruns=2)
    assert proof.verdict is Verdict.PROVEN
    assert proof.runs[0].reason == "1 test failed as predicted"


# the smallest part of a fix

def helper(there: frozenset[int], _suite: SuiteRole) -> str:
    """Place 0 is used by place 1 alone, which nothing needs; place 2 is the fix."""
    if 2 not in there:
        return "red"
    return "harness" if 1 in there and 0 not in there else ""


def chain(there: frozenset[int], _suite: SuiteRole) -> str:
    """0 is used by 1, and 1 by 2, which nothing needs; 3 is the fix."""
    if 3 not in there:
        return "red"
    return "harness" if (1 in there and 0 not in there) or (2 in there and 1 not in there) else ""


@pytest.mark.parametrize(("rule", "count", "wanted"), [
    (needs(0, 1, 2), 3, [True, True, True]),
    (needs(1), 3, [False, True, False]),
    (needs(), 3, [False, False, True]),
    (needs(), 1, [True]),
    (lambda there, _: "" if 2 in there and there & {0, 1} else "red", 3, [False, True, True]),
    (lambda there, _: "" if there & {0, 1} else "red", 2, [False, True]),
    (lambda there, _: "" if len(there) >= 2 else "red", 4, [False, False, True, True]),
    (helper, 3, [False, False, True]),
    (chain, 4, [False, False, False, True]),
    (lambda there, _: "" if 0 in there and 1 in there else "harness", 3, [True, True, False]),
    (lambda there, suite: "red" if suite == "own" and 1 not in there and 0 in there else
     "" if 0 in there or suite == "own" else "red", 2, [True, False]),
], ids=["all", "one", "none", "only one", "two for one", "either", "any two", "helper", "helper of a helper",
        "helper of the fix", "own suite unreached"])
def test_the_smallest_part_that_turns_everything_green(rule: Rule, count: int, wanted: list[bool]) -> None:
    proof, _ = proved(rule, count)
    assert needed(proof) == wanted


def test_what_only_the_own_suite_misses_is_needed() -> None:
    def rule(there: frozenset[int], suite: SuiteRole) -> str:
        return "red" if (0 not in there and suite == "new") or (suite == "own" and 0 < len(there) < 2) else ""

    proof, lab = proved(rule, 2, reaching=True)
    assert needed(proof) == [True, True]
    assert proof.hunks[1].runs == ("proof-without-2", "proof-without-3-own")
    (own,) = [trial for trial in lab.tried if trial.role == "without" and trial.suite == "own"]
    assert own.tests == (OWN,)
    assert needed(proved(rule, 2, reaching=False)[0]) == [True, False], "nobody reaches it"


def test_a_place_that_changes_nothing_is_not_tried() -> None:
    change = FixChange({"a.py": functions(3, 1), "README.md": b"one\n"},
                       {"a.py": b"# so\n" + functions(3, 1), "README.md": b"two\n"})
    proof, lab = proved(needs(0), change=change)
    assert needed(proof) == [None, None]
    assert not [trial for trial in lab.tried if trial.role == "without"]


def test_more_places_than_are_tried_are_taken_together() -> None:
    count = MOST_HUNKS + 6
    proof, lab = proved(needs(*range(count)), count)
    assert needed(proof) == [True] * MOST_HUNKS
    assert len([trial for trial in lab.tried if trial.role == "without"]) == MOST_HUNKS


def test_why_a_place_is_needed_together_with_others() -> None:
    proof, lab = proved(lambda there, _: "" if 2 in there and there & {0, 1} else "red")
    assert proof.hunks[1].reason == f"with 1 other place taken back as well, {NEW} was other_failure: So it was"
    assert proof.hunks[1].runs == ("proof-without-2", "proof-without-4")
    assert proof.hunks[0].reason == "without it every test still passes"
    assert lab.tried[-1].changes["a.py"] == functions(3, 0).replace(b"return 20", b"return 21")


@settings(max_examples=80, deadline=None)
@given(count=st.integers(2, 5), ways=st.lists(st.frozensets(st.integers(0, 4), min_size=1), min_size=1, max_size=4))
def test_no_smaller_part_would_do(count: int, ways: list[frozenset[int]]) -> None:
    """Where more of a fix never breaks what less of it mended, what is left is enough, and nothing of it can go."""
    enough = [way & frozenset(range(count)) or frozenset({0}) for way in ways]

    def rule(there: frozenset[int], suite: SuiteRole) -> str:
        return "" if suite == "own" or any(there >= way for way in enough) else "red"

    proof, _ = proved(rule, count)
    left = frozenset(at for at, check in enumerate(proof.hunks) if check.needed)
    assert rule(left, "new") == ""
    assert all(rule(left - {at}, "new") for at in left)


# lines and mutants

def test_changed_lines_and_which_of_them_ran() -> None:
    proof, _ = proved(needs(0, 1, 2))
    assert proof.lines == (ChangedLines(path="a.py", changed=(2, 6, 10), ran=(2, 6, 10)),)


def test_mutants_of_needed_lines_in_turn_and_no_more_than_allowed() -> None:
    proof, lab = proved(needs(0, 1), mutants=1)
    assert [(one.line, one.killed, one.run) for one in proof.mutants] == [
        (2, True, "proof-mutant-1"), (6, None, "")], "line 10 is not needed"
    assert [(trial.label, trial.stops) for trial in lab.tried if trial.role == "mutant"] == [("proof-mutant-1", True)]
    assert proof.mutants[0].before == "return 1"
    after = proof.mutants[0].after.encode()
    assert lab.tried[-1].changes["a.py"] == functions(3, 1).replace(b"return 1\n", after + b"\n")
    assert not [one for one in proved(needs(0, 1), mutants=0)[0].mutants if one.killed is not None]


def test_a_mutant_that_nothing_notices_survives() -> None:
    proof, _ = proved(needs(0, 1, 2), mutants=50, strict=False)
    assert [one.killed for one in proof.mutants] == [False] * 3
    assert proof.missing == ("The new tests notice 0 of 3 small changes of the fixed lines.",)
    assert proof.runs[-1].reason == "every test still passes"


@pytest.mark.parametrize(("source", "wanted"), [
    (b"await asyncio.sleep(1)", True), (b"asyncio.wait_for(x, 1)", True), (b"time.perf_counter_ns()", True),
    (b"asleep = 1", False), (b"", False),
])
def test_tests_that_take_time(source: bytes, wanted: bool) -> None:
    assert takes_time(source) is wanted


# what is missing for a proof

def _run(role: TreeRole, suite: SuiteRole = "new", number: int = 1, *, holds: bool = True) -> ProofRun:
    code = 1 if role in {"base", "revert"} and suite == "new" else 0
    return ProofRun(role=role, suite=suite, number=number, holds=holds, reason="so", result=SuiteResult(
        label=f"{role}-{suite}-{number}", tree="a" * 40, command="pytest", ended=Ended.EXITED, exit_code=code,
        outcomes=(), duration_s=1.0))


FOUR = (_run("base"), _run("fix"), _run("revert"), _run("fix", "own"))


def _hunk(needed: bool | None, lines: int) -> HunkCheck:
    return HunkCheck(hunk=Hunk(path="a.py", first=3, last=4, lines=lines, text="+x"), needed=needed, reason="so")


def _mutants(killed: int, survived: int, untried: int = 0) -> tuple[MutantCheck, ...]:
    return tuple(MutantCheck(path="a.py", line=1, change="c", before="b", after="a", killed=one, reason="so")
                 for one in [True] * killed + [False] * survived + [None] * untried)


def _concluded(runs: tuple[ProofRun, ...] = FOUR, **changes: object) -> Proof:
    sha: Sha = "a" * 40
    return conclude(sha, sha, sha, sha, same_tree=True, runs=runs, **changes)  # type: ignore[arg-type]


HARD = GuardFinding(rule="always-passes", hard=True, path="a.py", message="It returns True.")


@pytest.mark.parametrize(("changes", "missing"), [
    ({}, []),
    ({"hunks": (_hunk(True, 10), _hunk(False, 9))}, []),
    ({"hunks": (_hunk(True, 10), _hunk(False, 10))}, ["10 of the 20 lines"]),
    ({"hunks": (_hunk(True, 10), _hunk(False, 6), _hunk(False, 4))}, ["10 of the 20 lines"]),
    ({"hunks": (_hunk(True, 1), _hunk(None, 100))}, []),
    ({"hunks": (_hunk(None, 100),)}, []),
    ({"mutants": _mutants(1, 1)}, []),
    ({"mutants": _mutants(1, 2)}, ["notice 1 of 3 small changes"]),
    ({"mutants": _mutants(0, 1)}, ["notice 0 of 1 small change "]),
    ({"mutants": _mutants(1, 1, 50)}, []),
    ({"mutants": _mutants(0, 0, 50)}, []),
    ({"guard": (HARD,)}, ["The fix guard rejects a.py (always-passes): It returns True."]),
    ({"guard": (HARD.model_copy(update={"hard": False}),)}, []),
    ({"runs": FOUR[:3]}, ["the service's own suite"]),
    ({"runs": FOUR[1:]}, ["red on base"]),
    ({"runs": (*FOUR, _run("without", holds=False), _run("mutant", holds=False))}, []),
    ({"runs": (*FOUR[1:], _run("without"), _run("mutant"))}, ["red on base"]),
    ({"runs": (*FOUR, _run("fix", number=2, holds=False))}, ["fix-new-2: so."]),
], ids=["all", "less than half", "half of the lines", "half in two", "inert does not count", "all inert",
        "half of the mutants", "less than half noticed", "none noticed", "untried does not count", "none tried",
        "hard finding", "soft finding", "no own suite", "no red", "parts are no rounds", "parts are no red",
        "one run"])
def test_what_is_missing(changes: dict[str, object], missing: list[str]) -> None:
    proof = _concluded(**changes)  # type: ignore[arg-type]
    assert len(proof.missing) == len(missing), proof.missing
    assert all(words in said for words, said in zip(missing, proof.missing, strict=True)), proof.missing
    assert (proof.verdict is Verdict.PROVEN) is (not missing)


def test_what_is_worth_knowing() -> None:
    proof = _concluded(
        hunks=(_hunk(True, 9), _hunk(False, 1)), mutants=_mutants(2, 1, 4),
        guard=(HARD.model_copy(update={"hard": False}),),
        lines=(ChangedLines(path="a.py", changed=(3, 4, 7), ran=(3,)),
               ChangedLines(path="b.py", changed=(1,), ran=(1,))),
    )
    assert proof.verdict is Verdict.PROVEN
    assert proof.notes == (
        "a.py (always-passes): It returns True.", "a.py:3-4 is not needed for the proof: so.",
        "1 small change of the fixed lines would not be noticed.",
        "4 more small changes of the fixed lines were not tried.",
        "2 of 3 changed lines in a.py did not run in the new tests: 4, 7.",
    )
