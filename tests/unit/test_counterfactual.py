"""Every way in which a proof must not hold, and the one in which it does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.proof import Proof, ProofRun, Verdict
from bot.domain.suite import ENDED_IN_WORDS, Ended, FailureKind, Outcome, SuiteResult
from bot.proof.counterfactual import ALL_PASSED, EITHER, conclude, judge_green, judge_own, judge_red, why_not_believed

K = FailureKind
SHA = "a" * 40
A, B = "tests/test_x.py::test_a", "tests/test_x.py::test_b"
LIMITS = [ended for ended in Ended if ended is not Ended.EXITED]


def result(label: str = "run", code: int | None = 0, ended: Ended = Ended.EXITED, doubts: tuple[str, ...] = (),
           ran: bool = True, note: str = "", **kinds: FailureKind) -> SuiteResult:
    """A run; `a=K.PASSED` is the outcome of the test A."""
    outcomes = tuple(
        Outcome(test={"a": A, "b": B}.get(name, name), kind=kind, reason=f"It was {kind}.")
        for name, kind in kinds.items()
    )
    return SuiteResult(label=label, tree=SHA, command="pytest", ended=ended, exit_code=code, outcomes=outcomes,
                       duration_s=1.0, doubts=doubts, ran=ran, note=note)


NO_SUITE = result("own", None, ran=False, note="the service has no suite of its own")

# Not believed, whatever the tests did

NOT_BELIEVED = [
    *(({"ended": ended, "code": None}, ENDED_IN_WORDS[ended]) for ended in LIMITS),
    ({"doubts": ("pytest left no JUnit file",)}, "pytest left no JUnit file"),
    ({"ran": False, "note": "nothing to run"}, "nothing to run"),
    ({"ran": False}, "nothing was run"),
    *(({"code": code}, f"pytest ended with exit code {code}") for code in (2, 3, 4, 5, 139, -9, None)),
]


@pytest.mark.parametrize(("how", "words"), NOT_BELIEVED)
def test_a_run_that_is_not_believed_holds_nowhere(how: dict[str, object], words: str) -> None:
    red = judge_red("base", 1, result(a=K.AS_PREDICTED, **{"code": 1, **how}), (A,))  # type: ignore[arg-type]
    green = judge_green(1, result(a=K.PASSED, **how), (A,))  # type: ignore[arg-type]
    after = judge_own(result(a=K.PASSED), result(a=K.PASSED, **how))  # type: ignore[arg-type]
    before = judge_own(result(a=K.PASSED, **how), result(a=K.PASSED))  # type: ignore[arg-type]
    for run in (red, green, after, before):
        assert not run.holds
        assert words in run.reason


@pytest.mark.parametrize(("code", "believed"), [(0, True), (1, True), (2, False)])
def test_exit_codes_of_a_suite_that_could_be_run(code: int, believed: bool) -> None:
    assert (why_not_believed(result(code=code), EITHER) == "") is believed
    assert why_not_believed(result(code=1), ALL_PASSED) == "pytest ended with exit code 1, not 0"


# Red

def test_red_holds() -> None:
    run = judge_red("revert", 3, result(code=1, a=K.AS_PREDICTED, b=K.PASSED), (A,))
    assert (run.holds, run.role, run.suite, run.number) == (True, "revert", "new", 3)
    assert run.reason == "1 test failed as predicted"


@pytest.mark.parametrize("kind", [kind for kind in K if kind is not K.AS_PREDICTED])
def test_red_for_any_other_reason_does_not_hold(kind: FailureKind) -> None:
    run = judge_red("base", 1, result(code=1, a=K.AS_PREDICTED, b=kind), (A, B))
    assert not run.holds
    assert run.reason == f"{B} was {kind}: It was {kind}"


@pytest.mark.parametrize(("given", "by", "words"), [
    (result(code=1, a=K.AS_PREDICTED), (A, B), f"{B} did not run"),
    (result(code=1), (A,), f"{A} did not run"),
    (result(code=1, a=K.AS_PREDICTED), (), "no test reproduced the incident"),
    (result(code=0, a=K.AS_PREDICTED), (A,), "pytest ended with exit code 0, not 1"),
])
def test_red_that_does_not_hold(given: SuiteResult, by: tuple[str, ...], words: str) -> None:
    run = judge_red("base", 1, given, by)
    assert (run.holds, run.reason) == (False, words)


# Green

def test_green_holds() -> None:
    run = judge_green(2, result(a=K.PASSED, b=K.PASSED), (A, B))
    assert (run.holds, run.role, run.suite, run.reason) == (True, "fix", "new", "2 tests passed")


@pytest.mark.parametrize("kind", [kind for kind in K if kind is not K.PASSED])
def test_green_with_anything_but_passes_does_not_hold(kind: FailureKind) -> None:
    # Whichever it is: one that ran on base, or one that nobody expected.
    for expected in ((A, B), (A,)):
        run = judge_green(1, result(a=K.PASSED, b=kind), expected)
        assert not run.holds
        assert run.reason == f"{B} was {kind}: It was {kind}"


@pytest.mark.parametrize(("given", "expected", "words"), [
    (result(a=K.PASSED), (A, B), f"{B} did not run"),
    (result(), (), "no test ran"),
    (result(), (A,), "no test ran"),
    (result(code=1, a=K.PASSED), (A,), "pytest ended with exit code 1, not 0"),
    (result(code=5), (), "pytest ended with exit code 5, not 0"),
])
def test_green_that_does_not_hold(given: SuiteResult, expected: tuple[str, ...], words: str) -> None:
    run = judge_green(1, given, expected)
    assert (run.holds, run.reason) == (False, words)


# The service's own suite

@pytest.mark.parametrize(("before", "after"), [
    (result(a=K.PASSED), result(a=K.PASSED)),
    (result(code=1, a=K.PASSED, b=K.OTHER_FAILURE), result(a=K.PASSED, b=K.PASSED)),
    (result(code=1, a=K.PASSED, b=K.OTHER_FAILURE), result(code=1, a=K.PASSED, b=K.HARNESS)),
    (result(a=K.PASSED, b=K.SKIPPED), result(a=K.PASSED)),
])
def test_own_holds(before: SuiteResult, after: SuiteResult) -> None:
    run = judge_own(before, after)
    assert (run.holds, run.suite, run.reason) == (True, "own", "1 test passed before and now")


@pytest.mark.parametrize("kind", [kind for kind in K if kind is not K.PASSED])
def test_own_with_a_test_that_is_worse_does_not_hold(kind: FailureKind) -> None:
    run = judge_own(result(a=K.PASSED, b=K.PASSED), result(code=1, a=K.PASSED, b=kind))
    assert not run.holds
    assert run.reason == f"1 tests that passed before do not now: {B} was {kind}: It was {kind}"


@pytest.mark.parametrize(("before", "after", "words"), [
    (result(a=K.PASSED, b=K.PASSED), result(a=K.PASSED), f"1 tests that passed before do not now: {B} did not run"),
    (result(code=1, a=K.HARNESS), result(code=1, a=K.HARNESS),
     "none of its 1 tests passed before, so it shows nothing"),
    (result(), result(), "none of its 0 tests passed before, so it shows nothing"),
    (result(code=4), result(code=4), "before the fix: pytest ended with exit code 4, not 0 or 1"),
    (result(code=5), result(code=5), "before the fix: pytest ended with exit code 5, not 0 or 1"),
    (result(a=K.PASSED), result(code=4), "pytest ended with exit code 4, not 0 or 1"),
    (NO_SUITE, result(a=K.PASSED), "before the fix: the service has no suite of its own"),
])
def test_own_that_does_not_hold(before: SuiteResult, after: SuiteResult, words: str) -> None:
    run = judge_own(before, after)
    assert (run.holds, run.reason) == (False, words)


# The whole

RED = judge_red("base", 1, result("base", 1, a=K.AS_PREDICTED), (A,))
GREEN = judge_green(1, result("fix", a=K.PASSED), (A,))
REVERTED = judge_red("revert", 1, result("revert", 1, a=K.AS_PREDICTED), (A,))
OWN = judge_own(result("own-base", b=K.PASSED), result("own-fix", b=K.PASSED))
WHOLE = (RED, GREEN, REVERTED, OWN)


def proof(*runs: ProofRun) -> Proof:
    return conclude(SHA, "b" * 40, "c" * 40, "d" * 40, same_tree=True, runs=runs)


def test_a_proof_holds() -> None:
    found = proof(*WHOLE)
    assert (found.verdict, found.missing, found.runs) == (Verdict.PROVEN, (), WHOLE)


@pytest.mark.parametrize(("left_out", "words"), [
    (RED, "red on base"), (GREEN, "green with the fix"), (REVERTED, "red with the fix reverted"),
    (OWN, "the service's own suite with the fix"),
])
def test_no_kind_of_run_may_be_missing(left_out: ProofRun, words: str) -> None:
    found = proof(*(run for run in WHOLE if run is not left_out))
    assert (found.verdict, found.missing) == (Verdict.NOT_PROVEN, (f"No run shows {words}.",))
    # And three of the others do not make up for it.
    assert proof(*[run for run in WHOLE if run is not left_out] * 3).verdict is Verdict.NOT_PROVEN


def test_no_run_at_all_proves_nothing() -> None:
    assert len(proof().missing) == 4


@pytest.mark.parametrize("at", range(4))
def test_one_run_that_does_not_hold_is_enough(at: int) -> None:
    broken = WHOLE[at].model_copy(update={"holds": False, "reason": "it flickered"})
    found = proof(*WHOLE, broken)
    assert (found.verdict, found.missing) == (Verdict.NOT_PROVEN, (f"{broken.result.label}: it flickered.",))


def test_a_service_without_a_suite_is_said_and_does_not_count_as_holding() -> None:
    own = judge_own(NO_SUITE, NO_SUITE)
    assert not own.holds
    assert own.reason == "the service has no suite of its own, so nothing shows that what worked before still works"
    found = proof(RED, GREEN, REVERTED, own)
    assert (found.verdict, found.missing) == (Verdict.PROVEN, ())
    assert own in found.runs


@pytest.mark.parametrize("at", range(3))
def test_only_the_own_suite_may_not_have_run(at: int) -> None:
    idle = WHOLE[at].model_copy(update={"holds": False, "result": NO_SUITE})
    assert proof(*WHOLE[:at], idle, *WHOLE[at + 1:]).verdict is Verdict.NOT_PROVEN


@given(st.lists(st.tuples(st.sampled_from(WHOLE), st.booleans()), max_size=12))
def test_a_proof_holds_only_when_all_runs_do_and_none_is_missing(picked: list[tuple[ProofRun, bool]]) -> None:
    runs = [run.model_copy(update={"holds": holds}) for run, holds in picked]
    whole = {(run.role, run.suite) for run in runs} == {(run.role, run.suite) for run in WHOLE}
    found = proof(*runs)
    assert (found.verdict is Verdict.PROVEN) == (whole and all(run.holds for run in runs))
    assert (found.verdict is Verdict.PROVEN) == (not found.missing)
