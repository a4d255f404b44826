"""Speed as ratios to a named floor or peer in the same run: python -m tests.bench [--data FOLDER].

Absolute times differ from machine to machine; how far a part is from the least that the job can cost does not.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.sandboxes import diagnose
from bot.demo.repository import build_repository
from tests.bench import grouping, incidents, logs, prompts, site

ENTRIES = 200_000
ENTRIES_OF_DATA = 1_000_000
ROUNDS = 3


@dataclass(frozen=True)
class Row:
    """One comparison. `ratio` is the floor's time by ours, or ours by the peer's, as `reads` says."""

    what: str
    ours: str
    against: str
    ratio: float
    reads: str


def best(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The least wall time of some rounds, in seconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def cpu(argv: list[str]) -> float:
    """The least CPU time of a command, in seconds."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(argv, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def start_row() -> Row:
    """`bot --help` against an empty Python and the command-line library alone."""
    peer = cpu([sys.executable, "-c", "import typer"])
    ours = cpu([sys.executable, "-m", "bot.cli", "--help"])
    against = f"python -c 'import typer', {peer * 1000:.0f} ms"
    return Row("bot --help", f"{ours * 1000:.0f} ms CPU", against, ours / peer, "times the peer")


def cycle_row(folder: Path) -> Row:
    """A whole demo cycle against running the same suites with plain pytest, as often."""
    build_repository(folder / "service")
    suite = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    plain = best(lambda: subprocess.run(suite, cwd=folder / "service", capture_output=True, check=True))
    start = time.perf_counter()
    command = [sys.executable, "-m", "bot.cli", "cycle", "--focus", "message-routing", "--demo"]
    subprocess.run([*command, "--state", str(folder / "state")], capture_output=True, check=True)
    ours = time.perf_counter() - start
    (path,) = (folder / "state").glob("message-routing/*/cycle-01/junit")
    runs = len(list(path.iterdir()))
    walled = next(item for item in diagnose(os.environ) if item.name == "bubblewrap").works
    name = f"a demo cycle with {runs} test runs ({'bubblewrap' if walled else 'plain process'})"
    return Row(name, f"{ours:.1f} s", f"plain pytest as often, {plain * runs:.1f} s", ours / (plain * runs),
               "times the peer")


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    data: Path | None = parser.parse_args().data
    with tempfile.TemporaryDirectory(prefix="whybot-bench-") as name:
        folder = Path(name)
        _say("| what | ours | against | ratio | reads as |\n|---|---|---|---:|---|")
        for row in _rows(folder, data):
            _say(f"| {row.what} | {row.ours} | {row.against} | {row.ratio:.2f} | {row.reads} |")
        _say("")
        for line in prompts.rows(folder / "state"):
            _say(line)
        if data is not None:
            for table in (grouping.loghub_table(data / "loghub-2k"), grouping.made_rows(folder / "made.ndjson"),
                          grouping.speed_rows(), incidents.crash_loop_rows(data / "cloudrun" / "crash-loop.ndjson"),
                          incidents.made_rows(folder / "made.ndjson")):
                _say("")
                for line in table:
                    _say(line)


def _rows(folder: Path, data: Path | None) -> Iterator[Row]:
    yield start_row()
    made, real = folder / "made.ndjson", folder / "real.ndjson"
    if data is None:
        logs.made_log(made, ENTRIES)
        yield from (Row(*row) for row in logs.rows("made here", made))
    else:
        maker = str(data / "gen_cloudrun_logs.py")
        subprocess.run([sys.executable, maker, str(ENTRIES_OF_DATA), str(made)], check=True)
        yield from (Row(*row) for row in logs.rows("synthetic", made))
        logs.repeated(data / "cloudrun" / "crash-loop.ndjson", real, ENTRIES_OF_DATA)
        yield from (Row(*row) for row in logs.rows("a real export, repeated", real))
        real.unlink()
    yield cycle_row(folder)
    (cycle,) = (folder / "state").glob("message-routing/*/cycle-01")
    (folder / "site").mkdir()
    yield from (Row(*row) for row in site.rows(cycle, folder / "site"))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
