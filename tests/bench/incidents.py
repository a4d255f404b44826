"""Step 0 against what is known of a log: python -m tests.bench.incidents --data FOLDER.

FOLDER holds `gen_cloudrun_logs.py` and `cloudrun/crash-loop.ndjson`.
"""

from __future__ import annotations

import argparse
import mmap
import random
import subprocess
import sys
import tempfile
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from bot.adapters.file_logs import FileLogs
from bot.domain.logs import Focus, Incident, LogEntry, LogGroup, LogQuery, ReadReport, Selection
from bot.logs.analysis import analyse
from bot.logs.ranking import rank
from bot.logs.refs import INDEX, PAGE_BITS
from bot.ports import LogReading
from tests.bench.logs import FOCUSES
from tests.bench.placing import Raw, all_of, decode, placing_rows, refs_of, row

SHUFFLED = ("everything", "errors", "startup")
"""Focuses under which a log is analysed in its own order and in another."""
GOOGLES_IDS = 3
"""Ids of Google's own groups in each chain of the real export."""
_SEED = 20_251_107
_CONTEXT = 400


def made_rows(log: Path) -> Iterator[str]:
    """Markdown tables: where the entries of a made log end, its truth beside it; and the same log shuffled."""
    yield from placing_rows(log)
    yield ""
    yield from shuffled_rows("made log", log)


class _Result(NamedTuple):
    """All that an analysis says, as values."""

    groups: tuple[LogGroup, ...]
    incidents: tuple[Incident, ...]
    selection: Selection
    report: ReadReport
    span: tuple[str, str] | None
    commits: Mapping[str, str]
    kept: tuple[LogEntry, ...]
    context: tuple[LogEntry, ...]


def _result(log: Path, focus: Focus) -> _Result:
    query = LogQuery(focus=focus)
    with closing(FileLogs(log, name="log").read(query)) as reading:
        analysis = analyse(reading, query)
        selection = rank(analysis.incidents, {})
        kept = analysis.entries_of(selection.winner.incident) if selection.winner is not None else ()
        return _Result(analysis.groups, analysis.incidents, selection, analysis.report, analysis.span,
                       dict(analysis.stood), kept, analysis.context_of(kept, _CONTEXT))


def shuffled(log: Path, path: Path, seed: int = _SEED) -> None:
    """Write the lines of a log in another order. In memory are 8 bytes a line; the rest is the system's to cache."""
    with log.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        starts = array("q")
        at = 0
        while at < len(content):
            starts.append(at)
            end = content.find(b"\n", at)
            at = end + 1 if end >= 0 else len(content)
        random.Random(seed).shuffle(starts)
        with path.open("wb") as out:
            for start in starts:
                end = content.find(b"\n", start)
                out.write(content[start : end if end >= 0 else len(content)] + b"\n")


def shuffled_rows(title: str, log: Path) -> Iterator[str]:
    """A Markdown table: whether a log and the same lines in another order come to the same values."""
    names = _Result._fields
    yield f"| {title}, as it is and with its lines shuffled (seed {_SEED}) | {' | '.join(names)} | met |"
    yield f"|---|{'---:|' * len(names)}---|"
    with tempfile.TemporaryDirectory(prefix="whybot-bench-") as folder:
        other = Path(folder) / "shuffled.ndjson"
        shuffled(log, other)
        for name in SHUFFLED:
            first, second = _result(log, FOCUSES[name]), _result(other, FOCUSES[name])
            same = [mine == theirs for mine, theirs in zip(first, second, strict=True)]
            cells = (f"{_size(value)}{'same' if good else '**DIFFERENT**'}"
                     for value, good in zip(first, same, strict=True))
            yield f"| focus {name} | {' | '.join(cells)} | {'yes' if all(same) else '**NO**'} |"


def _size(value: object) -> str:
    return f"{len(value):,}, " if isinstance(value, tuple) else ""


def _line(reading: LogReading, ref: int) -> bytes:
    return reading.page(ref >> PAGE_BITS)[ref & INDEX]


def crash_loop_rows(log: Path) -> Iterator[str]:
    """Markdown tables: the real export of a crash loop under the focus `startup`; and the same log shuffled."""
    yield from _crash_loop(log)
    yield ""
    yield from shuffled_rows("crash loop", log)


def _crash_loop(log: Path) -> Iterator[str]:
    query = LogQuery(focus=FOCUSES["startup"])
    with closing(FileLogs(log).read(query)) as reading:
        analysis = analyse(reading, query)
        winner = rank(analysis.incidents, {}).winner
        raws = [decode(line) for page in reading for line in page.lines]
        errors = {raw.insert_id for raw in raws if raw.severity == "ERROR"}
        googles = {raw.insert_id for raw in raws if raw.error_groups}
        yield f"| crash loop, {analysis.report.entries_read:,} entries, focus startup | found | wanted | met |"
        yield "|---|---:|---:|---|"
        yield row("incidents", f"{len(analysis.incidents)}", "1", len(analysis.incidents) == 1)
        if winner is None:
            return
        incident = winner.incident
        members = analysis._members[incident.fingerprint][1]
        refs = [ref for group in members for ref in refs_of(group)]
        held = Counter(decode(_line(reading, ref)).insert_id for ref in refs)
        kept = {entry.insert_id for entry in analysis.entries_of(incident)}
        chains = [
            [decode(_line(reading, ref)) for ref in (first, *further)]
            for group in members if group.severe is not None for first, further in group.severe.further.items()
        ]
    kind = incident.root.type
    yield row("type of its root", kind, "ModuleNotFoundError", kind == "ModuleNotFoundError")
    yield all_of("ERROR entries in it, by insertId", len(errors & held.keys()), len(errors))
    yield all_of("ERROR entries that are kept", len(errors & kept), len(errors))
    yield row("its own count of ERROR entries", f"{incident.error_entries}", f"{len(errors)}",
               incident.error_entries == len(errors))
    yield row("its own count of entries", f"{incident.entries}", f"{len(held)}",
               incident.entries == len(held) == held.total())
    yield from _chain_rows(chains, googles)


def _chain_rows(chains: Iterable[list[Raw]], googles: set[str]) -> Iterator[str]:
    """Whether joining agrees with Google's groups: each chain has one entry of each of the three."""
    ids = [sorted(one.id for raw in chain for one in raw.error_groups) for chain in chains]
    inside = [raw.insert_id for chain in chains for raw in chain if raw.error_groups]
    exact = sum(len(chain) == len(set(chain)) == GOOGLES_IDS for chain in ids)
    yield all_of(f"joined chains with exactly {GOOGLES_IDS} of Google's ids, each once", exact, len(ids))
    yield row("different sets of ids among the chains", f"{len(set(map(tuple, ids)))}", "1",
               len(set(map(tuple, ids))) == 1)
    yield all_of("entries with such an id that are in exactly one chain",
                  sum(count == 1 for count in Counter(inside).values()), len(googles))


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--entries", type=int, default=200_000,
                        help="how long a log to make; in a short one not each bug is there in each form")
    parser.add_argument("--log", type=Path, help="a made log that is there already, its .truth beside it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="whybot-bench-") as folder:
        log: Path | None = given.log
        if log is None:
            log = Path(folder) / "made.ndjson"
            maker = given.data / "gen_cloudrun_logs.py"
            subprocess.run([sys.executable, str(maker), str(given.entries), str(log)], check=True)
        for part in (crash_loop_rows(given.data / "cloudrun" / "crash-loop.ndjson"), made_rows(log)):
            sys.stdout.write("\n".join(part) + "\n\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
