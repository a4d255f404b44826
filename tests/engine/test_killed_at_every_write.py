"""Kill the process at every durable write of a whole cycle, one after another: nothing twice, nothing lost."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.kill_driver import shard_of
from tests.once import once

ROOT = Path(__file__).parents[2]
SHARDS = 1

VOLATILE = {
    "version": "counts saves, and an interrupted step is begun again",
    "duration_s": "measured",
    "did": "what was made just before the kill is found again, and unchanged",
}
"""The keys of a record that may differ from those of an undisturbed run, and why."""

RUN_FILES = ("junit/", "logs/", "runs/")
"""Files of runs: they hold measured times, so their hashes and sizes differ too."""

_TIMES = re.compile(r"\d+\.\d+ ?s\b|\d+\.\d+ seconds|\d+ ms\b")
_BY_TIME = re.compile(r"^The slowest tests\b.*?(?=^## )", re.MULTILINE | re.DOTALL)
"""A table in the order of measured times."""
_DID = re.compile(r"\| (?:created|updated|unchanged) \|")


def drive(state: Path, ledger: Path, shard: int, of: int) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.kill_driver", str(state), str(ledger), str(shard), str(of)],
        cwd=ROOT, capture_output=True, text=True, timeout=900, check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return ledger.read_text().splitlines()


def steady(text: str, state: Path) -> str:
    """Text without measured times, what was made just before a kill, and the folder that the run happened in."""
    return _DID.sub("| DID |", _TIMES.sub("TIME", _BY_TIME.sub("", text.replace(str(state), "STATE"))))


def flat(value: object, state: Path, place: str = "") -> dict[str, object]:
    """Every value of a record under its place, the volatile ones left out."""
    if isinstance(value, dict):
        run_file = str(value.get("name", "")).startswith(RUN_FILES)
        volatile = {*VOLATILE, "sha256", "size"} if run_file else set(VOLATILE)
        items: list[tuple[str, object]] = [(str(key), item) for key, item in value.items() if key not in volatile]
    elif isinstance(value, list):
        items = [(str(index), item) for index, item in enumerate(value)]
    else:
        return {place: steady(value, state) if isinstance(value, str) else value}
    found: dict[str, object] = {place: len(items)}
    for key, item in items:
        found |= flat(item, state, f"{place}/{key}")
    return found


def files(state: Path) -> dict[str, object]:
    """Every file of the forge and of the run but its record; of what pytest wrote, that it is there."""
    found: dict[str, object] = {}
    for folder in (state / "forge", *state.glob("message-routing/*")):
        for path in folder.rglob("*"):
            name = str(path.relative_to(state))
            if path.is_file() and path.name not in {"record.json", "lock"}:
                run_file = any(f"/{folder}" in name for folder in RUN_FILES)
                found[name] = "there" if run_file else steady(path.read_text(), state)
    return found


def differences(one: dict[str, object], other: dict[str, object]) -> list[str]:
    return [
        f"{key}: {one.get(key)!r} and {other.get(key)!r}"
        for key in sorted({*one, *other}) if one.get(key) != other.get(key)
    ]


def only_record(state: Path) -> dict[str, object]:
    (path,) = state.glob("message-routing/*/cycle-*/record.json")
    record: dict[str, object] = json.loads(path.read_text())["record"]
    return record


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "undisturbed", run_undisturbed) / "state"


def run_undisturbed(folder: Path) -> None:
    lines = drive(folder / "state", folder / "ledger", 0, 0)
    assert not [line for line in lines if line.startswith("kill")]
    (folder / "points").write_text("\n".join(sorted(line for line in lines if line.startswith("point "))))


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_at_every_write(undisturbed: Path, tmp_path: Path, shard: int) -> None:
    state = tmp_path / "state"
    lines = drive(state, tmp_path / "ledger", shard, SHARDS)
    points = [line.removeprefix("point ") for line in (undisturbed.parent / "points").read_text().splitlines()]
    assert len([point for point in points if "record.json" in point and "not in place" in point]) > 30
    killed = {line.removeprefix("kill ") for line in lines if line.startswith("kill ")}
    assert {point for point in points if shard_of(point, SHARDS) == shard} <= killed

    record = only_record(state)
    assert record["status"] == "ended"
    assert record["end"] == "fix proposed"
    assert differences(flat(record, state), flat(only_record(undisturbed), undisturbed)) == []
    assert differences(files(state), files(undisturbed)) == []

    stored: set[str] = set()
    for line in lines:
        what, _, digest = line.partition(" ")
        assert not (what == "asked" and digest in stored), "a stored reply was asked for again"
        if what == "stored":
            stored.add(digest)
    assert len(stored) == 6

    assert not [*state.rglob("*.writing"), *(state / "scratch").glob("*")]
