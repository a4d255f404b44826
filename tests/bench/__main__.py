"""Speed as ratios to a named floor or peer in the same run: python -m tests.bench [--data FOLDER].

Absolute times differ from machine to machine; how far a part is from the least that the job can cost does not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot.adapters.file_logs import FileLogs
from bot.adapters.sandboxes import diagnose
from bot.config import PRESETS
from bot.demo.repository import build_repository
from bot.domain.logs import LogQuery
from bot.logs.analysis import analyse
from bot.logs.ranking import rank

ENTRIES = 50_000
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


def made_log(path: Path, count: int) -> None:
    """Write a log of our own: routine lines, requests, and two failing code paths. Seeded."""
    dice = random.Random(7)

    def clock(number: int) -> str:
        return f"2025-11-07T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}"

    trace = (
        'Traceback (most recent call last):\n  File "/app/shop/till.py", line {}, in charge\n    pay(order)\n'
        "shop.till.PaymentRefused: order {} was refused"
    )
    with path.open("w") as stream:
        for number in range(count):
            kind = dice.random()
            entry: dict[str, object] = {
                "insertId": f"{number:012x}",
                "timestamp": f"{clock(number)}.{dice.randrange(10**6):06d}Z",
                "logName": "projects/acme-staging/logs/run.googleapis.com%2Fstdout",
                "labels": {"instanceId": f"instance-{dice.randrange(20):02d}"},
                "resource": {"type": "cloud_run_revision", "labels": {
                    "service_name": "shop", "revision_name": "shop-00001-abc", "project_id": "acme-staging"}},
            }
            if kind < 0.01:
                text = trace.format(dice.choice((40, 41)), dice.randrange(10**6))
                entry |= {"severity": "ERROR", "textPayload": text}
            elif kind < 0.4:
                url = f"https://shop.example/orders/{dice.randrange(10**5)}"
                entry["httpRequest"] = {"requestMethod": "GET", "requestUrl": url, "status": 200}
            else:
                text = f"order {dice.randrange(10**6)} took {dice.randrange(900)} ms"
                entry |= {"severity": "INFO", "jsonPayload": {"message": text}}
            stream.write(json.dumps(entry) + "\n")


def repeated(source: Path, path: Path, count: int) -> None:
    """Write a real export again and again, with new ids, until there are `count` entries."""
    lines = [json.loads(line) for line in source.read_text().splitlines()]
    with path.open("w") as stream:
        for number in range(count):
            entry = lines[number % len(lines)]
            stream.write(json.dumps({**entry, "insertId": f"{entry['insertId']}-{number // len(lines)}"}) + "\n")


def log_row(name: str, path: Path, focus: str) -> Row:
    """From a file to ranked incidents, against merely decoding its lines."""
    lines = path.read_bytes().splitlines()
    decoder = msgspec.json.Decoder()

    def decode() -> None:
        for line in lines:
            decoder.decode(line)

    def whole() -> None:
        reading = FileLogs(path).read(LogQuery(focus=PRESETS[focus]))
        rank(analyse(reading, PRESETS[focus], "commit-sha").incidents, {})

    floor, ours = best(decode), best(whole)
    return Row(
        f"file to ranked incidents, {name}", f"{len(lines) / ours:,.0f} entries/s",
        f"msgspec decoding the same lines, {len(lines) / floor:,.0f} entries/s", floor / ours,
        "share of the floor's speed",
    )


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
        made_log(folder / "made.ndjson", ENTRIES)
        rows = [start_row(), log_row("made here", folder / "made.ndjson", "errors")]
        if data is not None:
            repeated(data / "cloudrun" / "crash-loop.ndjson", folder / "real.ndjson", ENTRIES)
            rows.append(log_row("a real export, repeated", folder / "real.ndjson", "startup"))
        rows.append(cycle_row(folder))
    sys.stdout.write("| what | ours | against | ratio | reads as |\n|---|---|---|---:|---|\n")
    for row in rows:
        sys.stdout.write(f"| {row.what} | {row.ours} | {row.against} | {row.ratio:.2f} | {row.reads} |\n")


if __name__ == "__main__":
    main()
