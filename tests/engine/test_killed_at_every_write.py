"""Kill the process at every durable write of a whole cycle, one after another: nothing twice, nothing lost."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARDS = 2

VOLATILE = {
    "version": "counts saves, and an interrupted step is begun again",
    "duration_s": "measured",
    "sha256": "of JUnit files and logs, which hold measured times",
    "size": "of the same",
    "did": "what was made just before the kill is found again, and unchanged",
}
"""The keys of a record that may differ from those of an undisturbed run, and why."""

_TIMES = re.compile(r"\d+\.\d+ ?s\b|\d+\.\d+ seconds")


def drive(state: Path, ledger: Path, shard: int, of: int) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.kill_driver", str(state), str(ledger), str(shard), str(of)],
        cwd=ROOT, capture_output=True, text=True, timeout=900, check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return ledger.read_text().splitlines()


def steady(text: str, state: Path) -> str:
    """Text without measured times and without the folder that the run happened in."""
    return _TIMES.sub("TIME", text.replace(str(state), "STATE"))


def flat(value: object, state: Path, place: str = "") -> dict[str, object]:
    """Every value of a record under its place, the volatile ones left out."""
    if isinstance(value, dict):
        items: list[tuple[str, object]] = [(str(key), item) for key, item in value.items() if key not in VOLATILE]
    elif isinstance(value, list):
        items = [(str(index), item) for index, item in enumerate(value)]
    else:
        return {place: steady(value, state) if isinstance(value, str) else value}
    found: dict[str, object] = {place: len(items)}
    for key, item in items:
        found |= flat(item, state, f"{place}/{key}")
    return found


def published(state: Path) -> dict[str, object]:
    forge = state / "forge"
    return {str(path.relative_to(forge)): steady(path.read_text(), state) for path in sorted(forge.rglob("*.md"))}


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
    folder = tmp_path_factory.mktemp("undisturbed")
    lines = drive(folder / "state", folder / "ledger", 0, 0)
    assert not [line for line in lines if line.startswith("kill")]
    return folder / "state"


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_at_every_write(undisturbed: Path, tmp_path: Path, shard: int) -> None:
    state = tmp_path / "state"
    lines = drive(state, tmp_path / "ledger", shard, SHARDS)
    kills = [line for line in lines if line.startswith("kill")]
    assert len(kills) > 20

    record = only_record(state)
    assert record["status"] == "ended"
    assert record["end"] == "fix proposed"
    assert differences(flat(record, state), flat(only_record(undisturbed), undisturbed)) == []
    assert differences(published(state), published(undisturbed)) == []

    stored: set[str] = set()
    for line in lines:
        what, _, digest = line.partition(" ")
        assert not (what == "asked" and digest in stored), "a stored reply was asked for again"
        if what == "stored":
            stored.add(digest)
    assert len(stored) == 5

    assert not [*state.rglob("*.writing"), *(state / "scratch").glob("*")]
