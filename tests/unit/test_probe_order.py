"""The order of tests and the state of chance by a seed, and busy processors, with real pytest."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.adapters.sandboxes import ProcessSandbox
from bot.domain.config import Limits, TargetConfig
from bot.probe.launch import run_tests
from bot.probe.whybot_order import Pressure

FILE = """import os
import random

import pytest


def told(*words):
    with open({told!r}, "a") as out:
        print(*words, file=out)


@pytest.fixture(scope="module", autouse=True)
def module():
    told("module", __name__)


@pytest.fixture
def drawn():
    return random.random()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_plain(n, drawn, request):
    told("test", request.node.nodeid, drawn, random.random())


class TestA:
    @pytest.fixture(scope="class", autouse=True)
    def group(self):
        told("class", __name__, "A")

    def test_one(self, request): told("test", request.node.nodeid, 0, random.random())
    def test_two(self, request): told("test", request.node.nodeid, 0, random.random())


class TestB:
    def test_one(self, request): told("test", request.node.nodeid, 0, random.random())
    def test_two(self, request): told("test", request.node.nodeid, 0, random.random())
"""
BUSY = """import os, pathlib


def parent(pid):
    return int(pathlib.Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[1])


def test_busy():
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if parent(name) == os.getpid() and b"getppid" in pathlib.Path("/proc", name, "cmdline").read_bytes():
                found.append(name)
        except OSError:
            pass
    with open({told!r}, "a") as out:
        print("busy", *found, file=out)
"""


class Told(NamedTuple):
    """What the tests of a run told: their order, the chance of each, and what was set up."""

    tests: list[str]
    chance: dict[str, tuple[str, ...]]
    set_up: list[str]
    busy: list[str]


def told(tmp_path: Path, name: str, *arguments: str, seed: int | None = None, pressure: bool = False) -> Told:
    place, out = tmp_path / name, tmp_path / name / "told"
    tree = place / "tree"
    (tree / "tests").mkdir(parents=True)
    (place / "scratch").mkdir()
    text = BUSY if pressure else FILE
    for number in range(1 if pressure else 3):
        (tree / "tests" / f"test_{number}.py").write_text(text.replace("{told!r}", repr(str(out))))
    run = run_tests(ProcessSandbox(), tree, TargetConfig(pytest_args=arguments), sys.executable, ("tests",),
                    Limits(seconds=100), name, place / "scratch", seed=seed, pressure=pressure)
    assert run.completed.exit_code == 0, run.completed.output
    lines = [line.split() for line in out.read_text().splitlines()]
    tests = [line for line in lines if line[0] == "test"]
    return Told([line[1] for line in tests], {line[1]: tuple(line[2:]) for line in tests},
                [" ".join(line) for line in lines if line[0] in {"module", "class"}],
                [pid for line in lines if line[0] == "busy" for pid in line[1:]])


def groups(tests: list[str]) -> list[str]:
    """The class or the file of each test, one after the other, each run of the same once."""
    return [key for key, _ in groupby(test.partition("[")[0].rpartition("::")[0] for test in tests)]


@pytest.mark.slow
def test_a_seed_draws_order_and_chance(tmp_path: Path) -> None:
    first, again, other, spread = (
        told(tmp_path, "first", seed=7), told(tmp_path, "again", seed=7), told(tmp_path, "other", seed=8),
        told(tmp_path, "spread", "-n", "2", seed=7),
    )
    assert (first.tests, first.chance) == (again.tests, again.chance)
    assert first.tests != other.tests
    assert first.chance != other.chance
    for run in (first, other, spread):
        assert set(run.tests) == set(first.tests)
        assert len(run.tests) == len(set(run.tests)) == 21
    assert spread.chance == first.chance, "chance is a test's own, wherever it is run"
    for run in (first, other):
        assert len(groups(run.tests)) == len(set(groups(run.tests))), "a class is not torn apart"
        files = [key for key, _ in groupby(test.partition("::")[0] for test in run.tests)]
        assert len(files) == len(set(files)) == 3, "a file is not torn apart"
        assert len(run.set_up) == len(set(run.set_up)) == 6, "what is shared is set up once"
        assert any(list(members) != sorted(members) for members in (
            [test for test in run.tests if test.startswith(file)] for file in files)), "within a file, too"


@pytest.mark.slow
def test_processors_are_busy_while_tests_run_and_no_longer(tmp_path: Path) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("there is no /proc")
    busy = told(tmp_path, "busy", pressure=True).busy
    assert len(busy) == (os.cpu_count() or 1)
    assert not [pid for pid in busy if Path("/proc", pid).exists()]


def test_pressure_ends() -> None:
    pressure = Pressure(2)
    assert [process.poll() for process in pressure._busy] == [None, None]
    pressure.end()
    assert all(process.returncode is not None for process in pressure._busy)


def test_pressure_does_not_outlive_the_process_that_made_it() -> None:
    code = ("import os, sys\nfrom bot.probe.whybot_order import Pressure\n"
            "print(Pressure(1)._busy[0].pid, flush=True)\nos._exit(0)\n")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[2])
    pid = int(said.stdout)
    for _ in range(600):
        if not alive(pid):
            break
        time.sleep(0.05)
    assert not alive(pid)


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody waited for does not."""
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
