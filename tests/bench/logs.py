"""Speed of step 0: from a log file to ranked incidents, with what is kept of the first redacted as it is stored.

Each figure comes from a process of its own, on one core: `python -m tests.bench.logs WORK FILE [FOCUS]` measures one.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from bot.adapters.file_logs import FileLogs
from bot.config import PRESETS
from bot.domain.logs import Focus, LogQuery, Severity
from bot.logs.analysis import analyse
from bot.logs.ranking import rank
from bot.logs.snapshot import snapshot_lines
from tests.bench.grouping import drain3

FOCUSES = {
    **PRESETS,
    "everything": Focus(name="everything", title="All", impact="", least_severity=Severity.DEFAULT),
}
"""`everything` groups each entry, as no cycle does: a cycle passes over what is below its focus's severity."""
ROUNDS = 3
_CHUNK = 1 << 20


class Measured(msgspec.Struct):
    """CPU seconds, entries, and the peak memory of the process in MB."""

    seconds: float
    entries: int
    peak_mb: int = 0

    @property
    def rate(self) -> float:
        """Entries a second."""
        return self.entries / self.seconds


def ours(path: Path, focus: Focus) -> Measured:
    """Read, group, rank; keep and redact the first incident's entries and context, as step 0 does."""
    start = time.process_time()
    query = LogQuery(focus=focus)
    reading = FileLogs(path).read(query)
    try:
        analysis = analyse(reading, query)
        winner = rank(analysis.incidents, {}).winner
        if winner is not None:
            members = analysis.entries_of(winner.incident)
            snapshot_lines(members + analysis.context_of(members, 400))
        return Measured(time.process_time() - start, analysis.report.entries_read)
    finally:
        reading.close()


def floor(path: Path) -> Measured:
    """Merely decode the lines, which are in memory: reading the file is not part of the floor."""
    decode = msgspec.json.Decoder().decode
    count, seconds = 0, 0.0
    with path.open("rb") as stream:
        while lines := stream.readlines(_CHUNK):
            start = time.process_time()
            for line in lines:
                decode(line)
            seconds += time.process_time() - start
            count += len(lines)
    return Measured(seconds, count)


def peer(path: Path) -> Measured:
    """Decode with orjson and cluster all messages with Drain3 and its usual masks."""
    import orjson

    def texts() -> Iterator[str]:
        with path.open("rb") as stream:
            for line in stream:
                entry = orjson.loads(line)
                request = entry.get("httpRequest")
                if request is not None:
                    yield f"{request['requestMethod']} {request['requestUrl']} -> {request['status']}"
                elif "textPayload" in entry:
                    yield entry["textPayload"]
                else:
                    payload = entry.get("jsonPayload", {})
                    yield f"{payload.get('message', '')}\n{payload.get('exc_info', '')}"

    start = time.process_time()
    count = sum(1 for _ in drain3(texts()))
    return Measured(time.process_time() - start, count)


def measured(work: str, path: Path, focus: str = "") -> Measured:
    """The fastest of some rounds, each in a process of its own; of the peer, one."""
    command = [sys.executable, "-m", "tests.bench.logs", work, str(path), focus]
    outputs = [
        subprocess.run(command, capture_output=True, check=True).stdout for _ in range(1 if work == "peer" else ROUNDS)
    ]
    return min((msgspec.json.decode(output, type=Measured) for output in outputs), key=lambda one: one.seconds)


def rows(name: str, path: Path) -> Iterator[tuple[str, str, str, float, str]]:
    """What, ours, against, ratio and how to read it, for one log."""
    decoded, clustered = measured("floor", path), measured("peer", path)
    for focus in ("errors", "startup", "everything"):
        found = measured("ours", path, focus)
        mine = f"{found.rate:,.0f} entries/s, peak {found.peak_mb} MB"
        what = f"{name}, {found.entries:,} entries, focus {focus}"
        yield what, mine, f"msgspec decoding, {decoded.rate:,.0f}/s", found.rate / decoded.rate, "share of the floor"
        yield what, mine, f"orjson + Drain3, {clustered.rate:,.0f}/s", found.rate / clustered.rate, "times the peer"


def repeated(source: Path, path: Path, count: int) -> None:
    """Write a real export again and again, each time two minutes later and with new ids, up to `count` entries."""
    entries = [json.loads(line) for line in source.read_text().splitlines()]
    with path.open("w") as stream:
        for number in range(count):
            entry, round_ = entries[number % len(entries)], number // len(entries)
            stamp = entry["timestamp"]
            later = (datetime.fromisoformat(stamp[:19]) + timedelta(minutes=2 * round_)).isoformat() + stamp[19:]
            new = {**entry, "insertId": f"{entry['insertId']}{round_:x}", "timestamp": later}
            stream.write(json.dumps(new, separators=(",", ":"), ensure_ascii=False) + "\n")


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


def main() -> None:
    """Measure one thing and print it as JSON."""
    work, path, focus = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    runs: dict[str, Callable[[], Measured]] = {
        "ours": lambda: ours(path, FOCUSES[focus]), "floor": lambda: floor(path), "peer": lambda: peer(path),
    }
    found = runs[work]()
    found.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
