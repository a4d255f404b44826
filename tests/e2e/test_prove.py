"""`bot prove` as a person runs it, on real little repositories."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.e2e.command import BOT, bot, environment

CORE = "def page(items, number, size):\n    start = number * size\n    return items[start:start + size]\n"
FIXED = CORE.replace("number * size", "(number - 1) * size")
OLD = "from shop.core import page\n\ndef test_nothing():\n    assert page([], 1, 2) == []\n"
NEW = "from shop.core import page\n\ndef test_first():\n    assert page([1, 2, 3], 1, 2) == [1, 2]\n"
QUICK = ("--reruns", "1", "--mutants", "1")
BASE_FILES = {"shop/__init__.py": "", "shop/core.py": CORE, "tests/test_old.py": OLD}


def git(folder: Path, *arguments: str) -> str:
    env = environment(HOME=str(folder), GIT_CONFIG_GLOBAL=os.devnull)
    return subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=folder, env=env,
                          check=True, capture_output=True, text=True).stdout.strip()


def repository(folder: Path, *commits: Mapping[str, str | None]) -> Path:
    """A repository with these commits, each given by what it changes."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for number, files in enumerate(commits):
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", str(number))
    return folder


def all_of(folder: Path) -> dict[str, bytes]:
    """Every file of a repository, git's own included, but for the state."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and ".bot" not in path.parts}


def test_a_fix_is_proven_and_the_repository_stays_as_it_was(tmp_path: Path) -> None:
    clone = repository(tmp_path / "clone", BASE_FILES,
                       {"shop/core.py": FIXED, "tests/test_new.py": NEW, "CHANGES.md": "Pages begin at one.\n"})
    # A working tree in the middle of other work, from which nothing is taken.
    (clone / "shop/core.py").write_text("syntax error(")
    (clone / "tests/test_new.py").unlink()
    before = all_of(clone)
    said = bot("prove", "--base", "HEAD~1", "--fix", "HEAD", "--tests", "../tests/test_new.py", "--json", *QUICK,
               "--state", "../.bot", cwd=clone / "shop")
    assert said.code == 0, said.everything
    document = said.json()
    assert (document["schema"], document["verdict"], document["missing"]) == ("whybot/proof/1", "proven", [])
    runs = document["runs"]
    assert isinstance(runs, list)
    shown = {(run["role"], run["suite"]): run for run in runs}
    assert {key: run["counts"] for key, run in shown.items() if key[0] != "mutant"} == {
        ("base", "new"): {"as_predicted": 1}, ("fix", "new"): {"passed": 1}, ("revert", "new"): {"as_predicted": 1},
        ("base", "own"): {"passed": 1}, ("fix", "own"): {"passed": 1},
    }
    assert all("<testsuite" in Path(run["junit"]).read_text() for run in runs)
    assert "which the fix changes" in Path(str(document["folder"]), "runs/base-1.json").read_text()
    assert all_of(clone) == before
    assert (clone / ".bot/.gitignore").is_file()
    # The commits of the proof are in its own repository, and a reader can have them.
    trees = document["trees"]
    assert isinstance(trees, dict)
    kept = Path(str(document["folder"]), "repository.git")
    assert git(kept, "show", f"{trees['with_tests']}:shop/core.py") == CORE.strip()
    assert git(clone, "rev-parse", "HEAD") == document["fix"] == trees["with_fix"]


@pytest.mark.parametrize(("files", "missing"), [
    ({"tests/test_new.py": NEW.replace("[1, 2]\n", "[3]\n")}, "No code differs between the two commits"),
    ({"shop/core.py": FIXED, "tests/test_new.py": NEW.replace("import page", "import pagee")}, "no test reproduced"),
    ({"shop/core.py": FIXED, "tests/test_new.py": NEW, "tests/test_old.py": OLD.replace(
        "def test", "import pytest\n\n@pytest.mark.skip\ndef test")}, "1 tests that passed before do not now"),
], ids=["only the test", "red for another reason", "an old test skipped"])
def test_what_is_no_proof_is_not_proven(tmp_path: Path, files: dict[str, str], missing: str) -> None:
    clone = repository(tmp_path / "clone", BASE_FILES, files)
    said = bot("prove", "--base", "HEAD~1", "--fix", "HEAD", "--tests", "tests/test_new.py", *QUICK, cwd=clone)
    assert said.code == 1
    assert missing in said.everything
    assert said.out.rstrip().split("\n")[-1].startswith("NOT PROVEN: ")


def test_a_plan_decides_how_the_tests_must_fail(tmp_path: Path) -> None:
    clone = repository(tmp_path / "clone", BASE_FILES, {"shop/core.py": FIXED, "tests/test_new.py": NEW})
    planned = {"name": "test_first", "path": "tests/test_new.py", "level": "unit", "difficulty": "normal",
               "purpose": "The first page begins at the first item.", "expectation": {
                   "failure": "exception", "exception": "IndexError", "message": "out of range",
                   "reaches": {"path": "shop/core.py", "function": "page"}}}
    # Of another test, which this proof is not about.
    other = {**planned, "name": "test_other", "path": "tests/test_other.py"}
    (tmp_path / "plan.json").write_text(json.dumps({"summary": "Pages", "tests": [planned, other]}))
    said = bot("prove", "--base", "HEAD~1", "--fix", "HEAD", "--tests", "tests/test_new.py", *QUICK, "--json",
               "--plan", str(tmp_path / "plan.json"), cwd=clone)
    assert said.code == 1, said.everything
    runs = said.json()["runs"]
    assert isinstance(runs, list)
    # It failed, and the fix changes what it ran; but not as the plan says.
    assert [run["counts"] for run in runs] == [{"other_failure": 1}, {"passed": 1}, {"other_failure": 1}]


def test_what_does_not_fit_is_told_before_anything_runs(tmp_path: Path) -> None:
    clone = repository(tmp_path / "clone", BASE_FILES, {"shop/core.py": FIXED})
    for arguments, said in (
        (("--base", "nowhere", "--fix", "HEAD", "--tests", "tests"), "There is no revision 'nowhere'"),
        (("--base", "HEAD", "--fix", "main", "--tests", "tests"), "are the same commit"),
        (("--base", "HEAD~1", "--fix", "HEAD", "--tests", "tests/test_new.py"), "There is no tests/test_new.py in"),
        (("--base", "HEAD~1", "--fix", "HEAD", "--tests", "shop"), "There are no tests in shop"),
        (("--base", "HEAD~1", "--fix", "HEAD", "--tests", "../other"), "is not in the repository"),
        (("--base", "HEAD~1", "--fix", "HEAD"), "Missing option '--tests'"),
    ):
        done = bot("prove", *arguments, cwd=clone)
        assert (done.code, done.out) == (2, ""), done.everything
        assert said in done.everything
    assert not (clone / ".bot").exists()


SLOW = """import os, time
def page(items, number, size):
    while os.path.exists({flag!r}):
        time.sleep(0.05)
    start = (number - 1) * size
    return items[start:start + size]
"""
COUNTED = """from shop.core import page

def test_first():
    with open({tally!r}, "a") as file:
        file.write("x")
    assert page([1, 2, 3], 1, 2) == [1, 2]
"""


def test_interrupted_it_ends_at_once_and_goes_on_where_it_was(tmp_path: Path) -> None:
    flag, tally = tmp_path / "flag", tmp_path / "tally"
    flag.touch()
    clone = repository(tmp_path / "clone", BASE_FILES, {
        "shop/core.py": SLOW.format(flag=str(flag)), "tests/test_new.py": COUNTED.format(tally=str(tally))})
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    # Only a run without walls sees the flag.
    arguments = ("prove", "--base", "HEAD~1", "--fix", "HEAD", "--tests", "tests/test_new.py", "--reruns", "1",
                 "--mutants", "0", "--no-suite", "--json", "--sandbox", "process", "--workers", "2")
    env = environment(TMPDIR=str(temporary))
    running = subprocess.Popen([*BOT, *arguments], cwd=clone, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True)
    runs = {f"{role}-1.json" for role in ("base", "revert")}
    _wait(lambda: {path.name for path in clone.glob(".bot/prove/*/runs/*.json")} >= runs
          and tally.read_text() == "xxx")
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, json.loads(out)["family"]) == (130, "interrupted")
    assert b"The same command goes on where it was." in err
    assert flag.exists()
    _wait(lambda: not _running_in(temporary))
    flag.unlink()
    said = bot(*arguments, cwd=clone, env=env)
    assert said.code == 0, said.everything
    assert "2 of 3 runs were complete before" in said.everything
    # One more with the fix, and one without each of its two places.
    assert tally.read_text() == "xxx" + "xxx"
    # All of it is known now, and nothing is left.
    again = bot(*arguments, cwd=clone, env=env)
    assert (again.json(), tally.read_text(), list(temporary.iterdir())) == (said.json(), "xxxxxx", [])


def _wait(until: Callable[[], bool]) -> None:
    for _ in range(1200):
        if until():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def _running_in(folder: Path) -> list[str]:
    """The processes whose command line names a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found
