"""Where trials are run: several at a time, each once, whatever killed the process in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.sandboxes import ProcessSandbox
from bot.domain.config import Limits, TargetConfig
from bot.domain.suite import FailureKind
from bot.proof.counterfactual import turned_red
from bot.proof.trials import Trial
from bot.steps.bench import Bench
from tests.fakes.repositories import make_repository

ROOT = Path(__file__).parents[2]
COUNTS = """import os, pathlib, time
import shop

SHARED = pathlib.Path({shared!r})


def test_open():
    with (SHARED / "runs").open("a") as out:
        print(shop.NAME, file=out)
    if shop.NAME == "waits" and not (SHARED / "killed").exists():
        (SHARED / "killed").touch()
        while True:
            time.sleep(0.05)
    if shop.NAME.startswith("meets"):
        (SHARED / shop.NAME).touch()
        for _ in range(1200):
            if len(list(SHARED.glob("meets*"))) == 2:
                return
            time.sleep(0.05)
        assert 0, "nobody came"
    if shop.NAME == "alone":
        (SHARED / "busy").mkdir()
        time.sleep(0.1)
        (SHARED / "busy").rmdir()
    assert shop.NAME != "red"
"""
DRIVER = """import os, pathlib, signal, sys, threading, time
from tests.steps.test_bench import bench, trial

shared, commit, where = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]


def die_during():
    while not (shared / "killed").exists():
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGKILL)


threading.Thread(target=die_during, daemon=True).start()
made = bench(shared, dies_after=where)
made.run([trial(commit, "first"), trial(commit, "waits")])
"""


def repository(tmp_path: Path) -> tuple[Path, str]:
    """A service whose one test tells its name to a folder beside it."""
    commit = make_repository(tmp_path / "repository", {
        "shop.py": b'NAME = "base"\n',
        "tests/test_shop.py": COUNTS.replace("{shared!r}", repr(str(tmp_path))).encode(),
    })
    return tmp_path, commit


def bench(shared: Path, workers: int = 1, dies_after: str = "", seconds: float = 100) -> Bench:
    kept = shared / "kept"

    def keep(name: str, content: bytes) -> None:
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        (kept / name).write_bytes(content)
        if name == dies_after:
            os.kill(os.getpid(), signal.SIGKILL)

    return Bench(
        repository=GitWorkspace(shared / "repository"), sandbox=ProcessSandbox(), target=TargetConfig(),
        interpreter=sys.executable, limits=Limits(seconds=seconds), scratch=shared / "scratch", keep=keep,
        kept=lambda name: (kept / name).read_bytes() if (kept / name).is_file() else None,
        tell=lambda _: None, workers=workers,
    )


def trial(commit: str, name: str, **changes: object) -> Trial:
    given: dict[str, object] = {
        "label": f"trial-{name}", "role": "fix", "suite": "new", "number": 1, "commit": commit,
        "tests": ("tests/test_shop.py",), "changes": {"shop.py": f'NAME = "{name}"\n'.encode()}, **changes,
    }
    return Trial.model_validate(given)


def runs(shared: Path) -> list[str]:
    path = shared / "runs"
    return path.read_text().split() if path.exists() else []


@pytest.mark.slow
def test_two_trials_are_run_at_a_time_and_given_in_their_order(tmp_path: Path) -> None:
    shared, commit = repository(tmp_path)
    made = bench(shared, workers=2)
    ran = made.run([trial(commit, "meets-1"), trial(commit, "meets-2")])
    assert [one.result.label for one in ran] == ["trial-meets-1", "trial-meets-2"]
    assert [one.result.passed for one in ran] == [1, 1]
    alone = made.run([trial(commit, "alone", label=f"alone-{number}") for number in range(2)], alone=True)
    assert [one.result.passed for one in alone] == [1, 1]
    assert not any((shared / "scratch").iterdir())


@pytest.mark.slow
def test_a_trial_that_was_kept_is_run_again_only_when_it_is_another(tmp_path: Path) -> None:
    shared, commit = repository(tmp_path)
    (first,) = bench(shared).run([trial(commit, "first")])
    assert bench(shared).run([trial(commit, "first")]) == [first]
    assert runs(shared) == ["first"]
    (again,) = bench(shared).run([trial(commit, "other", label="trial-first")])
    assert runs(shared) == ["first", "other"], "another tree is another trial, under whatever name"
    other = trial(commit, "other", label="trial-first")
    assert bench(shared)._known(other) == again
    changed = ({"seed": 3}, {"pressure": True}, {"watch": True}, {"stops": True}, {"suite": "own"}, {"number": 2},
               {"tests": ("tests",)}, {"ignored": ("tests/x.py",)})
    assert not [one for one in changed if bench(shared)._known(trial(commit, "other", label="trial-first", **one))]
    assert bench(shared, seconds=99)._known(other) is None


@pytest.mark.slow
def test_a_kept_trial_that_is_not_whole_is_not_taken_up(tmp_path: Path) -> None:
    shared, commit = repository(tmp_path)
    one = trial(commit, "first")
    bench(shared).run([one])
    for name in ("junit/trial-first.xml", "logs/trial-first.txt", "runs/trial-first.json"):
        content = (shared / "kept" / name).read_bytes()
        (shared / "kept" / name).unlink()
        assert bench(shared)._known(one) is None
        (shared / "kept" / name).write_bytes(content)
    assert bench(shared)._known(one) is not None
    for damaged in (b"", b"{", b'{"digest": "", "ran": {}}', content.replace(b'"exit_code":0', b'"exit_code":"0x"')):
        (shared / "kept/runs/trial-first.json").write_bytes(damaged)
        assert bench(shared)._known(one) is None


@pytest.mark.slow
@pytest.mark.parametrize(("where", "before", "after"), [
    ("runs/trial-first.json", ["first"], ["waits"]),
    ("logs/trial-first.txt", ["first"], ["first", "waits"]),
    ("", ["first", "waits"], ["waits"]),
], ids=["between two", "before it is whole", "during one"])
def test_killed_and_gone_on_with(tmp_path: Path, where: str, before: list[str], after: list[str]) -> None:
    shared, commit = repository(tmp_path)
    killed = subprocess.run([sys.executable, "-c", DRIVER, str(shared), commit, where], cwd=ROOT,
                            capture_output=True, timeout=200, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert runs(shared) == before
    (shared / "killed").touch()
    ran = bench(shared).run([trial(commit, name) for name in ("first", "waits")])
    assert [one.result.passed for one in ran] == [1, 1]
    assert runs(shared) == [*before, *after]


@pytest.mark.slow
def test_a_tree_that_is_broken_is_red(tmp_path: Path) -> None:
    shared, commit = repository(tmp_path)
    broken: dict[str, bytes | None] = {"pytest.ini": b"[pytest]\naddopts = --no-such-option\n"}
    ran = bench(shared, workers=2).run([
        trial(commit, "part", role="without", changes=broken, stops=True),
        trial(commit, "import", role="mutant", changes={"shop.py": b"def (:\n"}, stops=True),
        trial(commit, "red", role="without", stops=True),
    ])
    assert all(turned_red(one.result) for one in ran)
    assert (ran[0].result.total, ran[0].result.exit_code, ran[0].result.junit) == (0, 4, "")
    assert ran[2].result.outcomes[0].kind is FailureKind.OTHER_FAILURE
    assert not any(one.result.doubts for one in ran)


def test_nothing_to_run_is_not_run(tmp_path: Path) -> None:
    shared, commit = repository(tmp_path)
    with pytest.raises(ValueError, match="nothing to run"):
        bench(shared).run([trial(commit, "first", tests=())])
