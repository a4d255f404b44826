"""Launching the target's pytest, and reading back what the probe wrote."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.sandboxes import ProcessSandbox
from bot.domain.config import Limits, TargetConfig
from bot.domain.errors import TargetSetupFailed
from bot.domain.suite import Ended
from bot.ports import Command, Completed
from bot.probe.launch import find_interpreter, product_globs, run_tests
from bot.probe.seen import TestRun, read_plain, read_seen, read_stacks


def write(tree: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return tree


def launch(tmp_path: Path, files: dict[str, str], target: TargetConfig | None = None,
           paths: tuple[str, ...] = ("tests",), limits: Limits | None = None) -> TestRun:
    tree = write(tmp_path / "tree", files)
    (tmp_path / "scratch").mkdir(exist_ok=True)
    return run_tests(ProcessSandbox(), tree, target or TargetConfig(), sys.executable, paths,
                     limits or Limits(seconds=60), "base 1", tmp_path / "scratch")


class Recorder:
    """A sandbox that only writes down what it should have run."""

    name = "recorder"
    warning = ""

    def __init__(self) -> None:
        self.commands: list[Command] = []

    def run(self, command: Command) -> Completed:
        self.commands.append(command)
        return Completed(ended=Ended.TIMEOUT, exit_code=None, output="", duration_s=0.0)


def test_a_service_in_a_monorepo(tmp_path: Path) -> None:
    target = TargetConfig(root="services/router", code=("src",), pythonpath=("src",))
    run = launch(tmp_path, {
        "services/router/src/router/__init__.py": "def go():\n    return 1\n",
        "services/router/tests/test_go.py": "import os\nfrom router import go\ndef test_go():\n"
                                            "    assert os.getcwd().endswith('services/router')\n"
                                            "    assert go() == 1\n",
        "services/router/tests/test_other.py": "def test_other(): pass\n",
        "services/other/tests/test_no.py": "def test_no(): assert 0\n",
    }, target, ("services/router/tests/test_go.py",))
    (seen,) = run.observations
    assert (seen.test, seen.path, seen.status, seen.line) == (
        "services/router/tests/test_go.py::test_go", "services/router/tests/test_go.py", "passed", 3)
    assert seen.reached == ("services/router/src/router/__init__.py::go",)
    assert product_globs(target) == ("services/router/src", "!services/router/tests")
    assert run.command == "python -m pytest --color=no --maxfail=0 --continue-on-collection-errors tests/test_go.py"


def test_one_test_by_its_node_id(tmp_path: Path) -> None:
    run = launch(tmp_path, {"tests/test_x.py": "def test_a(): pass\ndef test_b(): pass\n"},
                 paths=("tests/test_x.py::test_b",))
    assert [seen.test for seen in run.observations] == ["tests/test_x.py::test_b"]


def test_the_environment_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_BOT", "hunter2")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    run = launch(tmp_path, {"tests/test_x.py": """
import json, os, tempfile
def test_x(): print("ENV " + json.dumps(dict(os.environ, TEMP=tempfile.gettempdir(), AT_HOME=os.path.expanduser("~"))))
"""})
    line = next(line for line in run.completed.output.splitlines() if "ENV " in line)
    env = json.loads(line.partition("ENV ")[2].rpartition("}")[0] + "}")
    scratch = os.path.realpath(tmp_path / "scratch")
    assert "SECRET_OF_THE_BOT" not in env
    assert not [name for name in env if name.startswith("WHYBOT")]
    assert env["TEMP"].startswith(scratch)
    assert env["AT_HOME"].startswith(scratch)
    assert (env["TZ"], env["PYTHONHASHSEED"], env["LANG"]) == ("UTC", "0", "C.UTF-8")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_configuration_above_the_tree_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('not mine')\n")
    run = launch(tmp_path, {"tests/test_x.py": "def test_x(): pass\n"})
    assert [seen.status for seen in run.observations] == ["passed"]


@pytest.mark.parametrize(("name", "text"), [
    ("pytest.ini", "[pytest]\npython_functions = check_*\n"),
    ("pyproject.toml", "[tool.pytest.ini_options]\npython_functions = ['check_*']\n"),
    ("setup.cfg", "[tool:pytest]\npython_functions = check_*\n"),
    ("tox.ini", "[pytest]\npython_functions = check_*\n"),
])
def test_the_targets_own_configuration_is_taken(tmp_path: Path, name: str, text: str) -> None:
    run = launch(tmp_path, {name: text, "tests/test_x.py": "def test_a(): pass\ndef check_b(): pass\n"})
    assert [seen.test for seen in run.observations] == ["tests/test_x.py::check_b"]


def test_stopping_at_the_first_failure_is_overruled(tmp_path: Path) -> None:
    run = launch(tmp_path, {"pytest.ini": "[pytest]\naddopts = -x\n",
                            "tests/test_x.py": "def test_a(): assert 0\ndef test_b(): pass\n",
                            "tests/test_y.py": "import nothing_such\n"})
    assert sorted(seen.status for seen in run.observations) == ["error", "failed", "passed"]


def test_classes_parameters_and_unittest(tmp_path: Path) -> None:
    run = launch(tmp_path, {"tests/test_x.py": """
import unittest, pytest
class TestA:
    @pytest.mark.parametrize("x", ["a::b", "c/d", "\\u00e9"])
    def test_m(self, x): pass
class TestU(unittest.TestCase):
    def test_u(self):
        for i in range(3):
            with self.subTest(i=i): self.assertEqual(i, 0)
"""})
    by_name = {seen.test: seen for seen in run.observations}
    assert set(by_name) == {"tests/test_x.py::TestA::test_m[a::b]", "tests/test_x.py::TestA::test_m[c/d]",
                            "tests/test_x.py::TestA::test_m[\\xe9]", "tests/test_x.py::TestU::test_u"}
    failed = by_name["tests/test_x.py::TestU::test_u"]
    assert (failed.status, failed.phase, failed.exceptions[0].message) == ("failed", "call", "1 != 0")


def test_with_xdist_the_workers_are_read(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    run = launch(tmp_path, {"app.py": "def f(): return 1\n", "tests/test_x.py": "import app\n" + "".join(
        f"def test_{number}(): assert app.f() == 1\n" for number in range(6))},
        TargetConfig(pytest_args=("-n", "2")))
    assert len(run.observations) == 6
    assert {seen.reached for seen in run.observations} == {("app.py::f",)}
    assert not run.damaged


def test_a_forked_child_does_not_write(tmp_path: Path) -> None:
    run = launch(tmp_path, {"tests/test_x.py": """
import os
def test_x():
    child = os.fork()
    if child: os.waitpid(child, 0)
    assert child, "in the child"
def test_y(): pass
"""})
    assert [(seen.test, seen.status) for seen in run.observations] == [
        ("tests/test_x.py::test_x", "passed"), ("tests/test_x.py::test_y", "passed")]


def test_a_conftest_that_breaks_says_why(tmp_path: Path) -> None:
    run = launch(tmp_path, {"tests/conftest.py": "import nothing_such\n", "tests/test_x.py": "def test_x(): pass\n"})
    assert run.seen.began
    assert not run.seen.finished
    assert run.observations == ()
    assert "nothing_such" in run.complaint


def test_files_in_place_of_the_results(tmp_path: Path) -> None:
    run = launch(tmp_path, {"tests/test_x.py": """
import glob, os
def test_x():
    out = glob.glob(os.path.expanduser("~/../out"))[0]
    os.symlink("/etc/passwd", out + "/probe.ndjson.gw1")
    os.mkfifo(out + "/probe.ndjson.gw2")
    os.unlink(out + "/probe.ndjson")
    os.symlink("/etc/passwd", out + "/probe.ndjson")
"""}, limits=Limits(seconds=30))
    assert run.observations == ()
    assert run.damaged


def test_forged_lines_are_noticed(tmp_path: Path) -> None:
    run = launch(tmp_path, {"tests/test_x.py": """
import glob, json, os
def test_x():
    out = glob.glob(os.path.expanduser("~/../out/probe.ndjson"))[0]
    forged = {"test": "tests/test_x.py::test_x", "path": "tests/test_x.py", "status": "passed"}
    ghost = dict(forged, test="tests/test_x.py::test_ghost")
    with open(out, "a") as lines:
        for each in (forged, ghost): lines.write(json.dumps({"k": "end", "observation": each}) + "\\n")
        lines.write("garbage\\n")
    assert 0
"""})
    (seen,) = run.observations
    assert seen.status == "failed"
    assert run.damaged
    # The last one is that of the session, which counts fewer tests than ended.
    assert run.seen.bad_lines == 4


class TestInterpreter:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(TargetSetupFailed, match="no Python interpreter"):
            find_interpreter("no-such-python", tmp_path, tmp_path)
        with pytest.raises(TargetSetupFailed, match="no Python interpreter"):
            find_interpreter(".venv/bin/python", tmp_path, tmp_path)

    def test_one_in_the_tree_is_never_run_outside(self, tmp_path: Path) -> None:
        program = tmp_path / "venv" / "bin" / "python"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        program.chmod(0o755)
        with pytest.raises(TargetSetupFailed, match="no Python installation"):
            find_interpreter("venv/bin/python", tmp_path, tmp_path)
        assert not (tmp_path / "ran").exists()

    def test_one_that_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(TargetSetupFailed, match="does not run as a Python interpreter"):
            find_interpreter("/bin/false", tmp_path, tmp_path)

    def test_this_one(self, tmp_path: Path) -> None:
        found = find_interpreter(sys.executable, tmp_path, tmp_path)
        assert os.path.realpath(found.program) == os.path.realpath(sys.executable)
        folders = [os.path.realpath(folder) for folder in found.read_only]
        assert os.path.realpath(sys.prefix) in folders or sys.prefix == "/usr"

    def test_pytest_is_missing(self, tmp_path: Path) -> None:
        import venv

        venv.create(tmp_path / "bare", symlinks=True)
        tree = write(tmp_path / "tree", {"tests/test_x.py": "def test_x(): pass\n"})
        (tmp_path / "scratch").mkdir()
        with pytest.raises(TargetSetupFailed, match="pytest is not installed") as problem:
            run_tests(ProcessSandbox(), tree, TargetConfig(), str(tmp_path / "bare" / "bin" / "python"), ("tests",),
                      Limits(seconds=60), "base", tmp_path / "scratch")
        assert "bot.toml" in problem.value.remedy


def test_only_the_run_folder_is_writable(tmp_path: Path) -> None:
    tree = write(tmp_path / "tree", {"tests/test_x.py": ""})
    (tmp_path / "scratch").mkdir()
    recorder = Recorder()
    run = run_tests(recorder, tree, TargetConfig(), sys.executable, ("tests",), Limits(), "x", tmp_path / "scratch")
    (command,) = recorder.commands
    assert (command.folder, command.cwd) == (Path(os.path.realpath(tmp_path)), Path(os.path.realpath(tree)))
    assert not command.network
    assert run.observations == ()
    with pytest.raises(ValueError, match="beside"):
        run_tests(recorder, tree, TargetConfig(), sys.executable, (), Limits(), "x", Path("/usr"))


END = {"k": "end", "observation": {"test": "t.py::a", "path": "t.py", "status": "passed"}}
START = {"k": "start", "test": "t.py::a", "path": "t.py", "line": 1}


def lines(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def test_a_torn_last_line_is_damage_only_when_nothing_was_killed() -> None:
    text = lines(START) + b'{"k": "end", "observ'
    assert read_seen([text], killed=True).bad_lines == 0
    assert read_seen([text], killed=True).running[0].test == "t.py::a"
    assert read_seen([text], killed=False).bad_lines == 1


def test_what_the_session_counts_and_its_last_line_are_held_to() -> None:
    session = {"k": "session", "exit": 0, "ended": 1, "collected": 1}
    assert read_seen([lines(START, END, session)], killed=False).bad_lines == 0
    assert read_seen([lines(START, END, session)] * 2, killed=False).bad_lines == 0
    for spoiled in ((START, END, END, session), (START, session), (START, END, session, END),
                    (START, END, session, session)):
        seen = read_seen([lines(*spoiled)], killed=False)
        assert (seen.finished, seen.bad_lines) == (True, 1)
    assert not read_seen([lines(START, END)], killed=False).finished


def test_the_worse_of_two_ends_is_believed() -> None:
    failed = {"k": "end", "observation": {**END["observation"], "status": "failed"}}  # type: ignore[dict-item]
    for order in ((START, END, failed), (START, failed, END)):
        seen = read_seen([lines(*order)], killed=False)
        assert ([each.status for each in seen.observations], seen.bad_lines) == (["failed"], 1)


@given(st.lists(st.binary(max_size=200) | st.sampled_from([lines(START), lines(END)])))
def test_any_bytes_can_be_read(parts: list[bytes]) -> None:
    seen = read_seen([b"\n".join(parts)], killed=False)
    assert len(seen.observations) <= 1


@pytest.mark.parametrize("line", [
    "null", "[]", "1", '{"k": 5}', '{"k": "end"}', '{"k": "start", "test": 5, "path": "x"}', '{"k": "began"}',
    '{"k": "end", "observation": {"test": "x", "path": "x", "status": "splendid"}}',
    '{"k": "start", "test": "x", "path": "x", "more": 1}', "[" * 100_000, '"' + "x" * 3_000_000 + '"',
])
def test_bad_lines_are_counted(line: str) -> None:
    assert read_seen([line.encode() + b"\n"], killed=False).bad_lines == 1


def test_lone_surrogates_do_not_spoil_a_line() -> None:
    spoiled = json.dumps(START).replace("t.py::a", "t.py::\\ud800").encode() + b"\n"
    assert read_seen([spoiled], killed=False).running[0].test == "t.py::?"


def test_reading_plain_files_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100)
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        assert read_plain(folder, "file", 10) == b"x" * 10
        assert [read_plain(folder, name) for name in ("link", "folder", "pipe", "none")] == [None] * 4
    finally:
        os.close(folder)


def test_stacks() -> None:
    text = ('Thread 0x1 (most recent call first):\n  File "/t/app/core.py", line 3 in work\n\n'
            'Current thread 0x2 (most recent call first):\n'
            '  File "/usr/lib/python3.11/selectors.py", line 9 in select\n'
            '  File "/t/app/core.py", line 5 in wait\n  File "/t/tests/test_x.py", line 7 in test_x\n'
            '  File "/t/.venv/lib/site-packages/_pytest/python.py", line 1 in run\n')
    frames = read_stacks(text, "/t", "tests/test_x.py")
    assert [(frame.path, frame.in_app) for frame in frames[1:]] == [
        ("tests/test_x.py", True), ("app/core.py", True), ("/usr/lib/python3.11/selectors.py", False)]
    assert read_stacks("", "/t", "tests/test_x.py") == ()
