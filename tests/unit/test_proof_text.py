"""A proof as it is shown on a terminal and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from bot.domain.proof import Hunk, HunkCheck, MutantCheck, Proof, ProofRun, SuiteRole, TreeRole, Verdict
from bot.domain.suite import Ended, FailureKind, Outcome, SuiteResult
from bot.progress import json_text
from bot.reports.json.proof import proof_document
from bot.reports.proof_text import proof_lines

BASE, FIX, TESTS, BACK = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)


def run(role: TreeRole, number: int, kind: FailureKind, *, holds: bool, suite: SuiteRole = "new",
        pressure: bool = False) -> ProofRun:
    label = f"{role}-{number}"
    result = SuiteResult(
        label=label, tree="e" * 40, command="python -m pytest tests/test_a.py", ended=Ended.EXITED,
        exit_code=0 if kind is FailureKind.PASSED else 1, duration_s=0.5, junit=f"junit/{label}.xml",
        log=f"logs/{label}.txt", seed=None if number == 1 else number, pressure=pressure,
        outcomes=(Outcome(test="tests/test_a.py::test_it", kind=kind, reason="So it is."),))
    return ProofRun(role=role, suite=suite, number=number, holds=holds, reason="so it is", result=result)


RED, OTHER, GREEN = FailureKind.AS_PREDICTED, FailureKind.OTHER_FAILURE, FailureKind.PASSED
PROOF = Proof(
    verdict=Verdict.NOT_PROVEN, base=BASE, with_tests=TESTS, with_fix=FIX, reverted=BACK, same_tree=True,
    runs=(run("base", 1, RED, holds=True), run("fix", 1, GREEN, holds=True), run("revert", 1, OTHER, holds=False),
          run("base", 2, GREEN, holds=False, pressure=True), run("fix", 2, GREEN, holds=True, pressure=True),
          run("revert", 2, RED, holds=True, pressure=True), run("mutant", 1, GREEN, holds=False),
          run("base", 1, GREEN, holds=True, suite="own"), run("fix", 1, GREEN, holds=True, suite="own")),
    missing=("revert-1: something else.",),
    hunks=(HunkCheck(hunk=Hunk(path="a.py", first=3, last=4, lines=3, text="-x\n+y\n+z"), needed=True, reason="red"),
           HunkCheck(hunk=Hunk(path="a.py", first=9, last=8, lines=1, text="-gone"), needed=False, reason="green"),
           HunkCheck(hunk=Hunk(path="b.md", first=1, last=1, lines=1, text="+b", inert=True), needed=None,
                     reason="no")),
    mutants=(MutantCheck(path="a.py", line=3, change="`<` is `<=`", before="if x < y:", after="if x <= y:",
                         killed=False, reason="green"),
             MutantCheck(path="a.py", line=4, change="c", before="b", after="a", killed=True, reason="red"),
             MutantCheck(path="a.py", line=5, change="c", before="b", after="a", killed=None, reason="not tried")),
    notes=("a.py:9 is not needed for the proof: green.", "Mind this."))


def shown(proof: Proof) -> list[str]:
    return ["".join(part.text for part in line).rstrip()
            for line in proof_lines(proof, ("tests/test_a.py",), Path("/state"), "svc", ("And that.",))]


def test_every_part_is_there() -> None:
    lines = shown(PROOF)
    assert lines[:5] == [
        "round           1       2",
        "without the fix red     green",
        "with the fix    green   green",
        "fix taken back  other   red",
        "order           files   seed 2",
    ]
    assert "processors              busy" in lines
    assert "Own suite       holds: so it is (0.5 s before, 0.5 s now)" in lines
    at = lines.index("Places of the fix: 1 of 2 places needed")
    assert lines[at + 1:at + 9] == ["  needed a.py:3-4: red", "      -x", "      +y", "      +z",
                                    "  not needed a.py:9: green", "      -gone", "  aside b.md:1: no", "      +b"]
    at = lines.index("Small changes of the fixed lines: 1 of 2 noticed; these would not be")
    assert lines[at + 1:at + 4] == ["  a.py:3: `<` is `<=`", "      -if x < y:", "      +if x <= y:"]
    assert any(f"archive {TESTS} | tar" in line for line in lines)
    assert "  (cd base/svc && python -m pytest tests/test_a.py)" in lines
    # What stands above is not told again.
    assert [line for line in lines if line in {"  Mind this.", "  And that."}] == ["  Mind this.", "  And that."]
    assert not any("is not needed for the proof" in line for line in lines)
    assert "  - revert-1: something else." in lines
    assert lines[-1].startswith("NOT PROVEN: ")


def test_the_last_line_is_the_verdict() -> None:
    proven = PROOF.model_copy(update={"verdict": Verdict.PROVEN, "missing": ()})
    assert shown(proven)[-1].startswith("PROVEN: tests/test_a.py show the fix from aaaaaaaaaaaa to bbbbbbbbbbbb")


def test_the_document_has_each_run_and_where_its_files_are() -> None:
    document = json.loads(json_text(proof_document(PROOF, ("tests/test_a.py",), Path("/state"), "bubblewrap", ("N",))))
    assert {"schema", "verdict", "missing", "runs", "notes", "hunks", "mutants", "lines", "guard", "base",
            "fix"} <= document.keys()
    assert (document["schema"], document["verdict"]) == ("whybot/proof/1", "not_proven")
    assert document["notes"][-1] == "N"
    first, second = document["runs"][0], document["runs"][3]
    assert (first["junit"], first["log"]) == ("/state/junit/base-1.xml", "/state/logs/base-1.txt")
    assert first["commit"] == TESTS
    assert (first["seed"], first["counts"], second["seed"], second["pressure"]) == (None, {"as_predicted": 1}, 2, True)
    assert document["runs"][2]["commit"] == BACK
    assert document["runs"][7]["commit"] == BASE
