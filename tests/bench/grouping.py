"""Accuracy of grouping, ours and Drain3's in one run: python -m tests.bench.grouping --data FOLDER.

FOLDER holds `loghub-2k/NAME.csv` (columns Content, EventId, EventTemplate) and `gen_cloudrun_logs.py`. One
configuration serves all sets. The rules were tuned by looking at the sets in TUNED; the others are reported apart.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.domain.logs import GroupKind, Severity
from bot.logs.alias import Template, aliases
from bot.logs.entries import entry_from_json
from bot.logs.fingerprint import of_message
from bot.logs.masking import fold, mask, template, without_cache

TUNED = ("HDFS", "BGL", "OpenSSH", "Zookeeper")
HELD_OUT = ("Apache", "Hadoop", "Linux", "Thunderbird")
MESSAGES = ("tpl:", "ltx:", "txt:", "sys:")
"""Labels of the made log that name a message; the others name requests, tracebacks and audit records."""

_ALONE = "(?<![A-Za-z0-9])(?:{})(?![A-Za-z0-9])"
_USUAL_MASKS = (
    (_ALONE.format(r"[0-9a-f]{2,}(?::[0-9a-f]{2,}){3,}"), "ID"),
    (_ALONE.format(r"\d{1,3}(?:\.\d{1,3}){3}"), "IP"),
    (_ALONE.format(r"(?:[0-9a-f]{6,} ?){3,}"), "SEQ"),
    (_ALONE.format(r"(?:[0-9A-F]{4} ?){4,}"), "SEQ"),
    (_ALONE.format(r"0x[0-9A-Fa-f]+"), "HEX"),
    (_ALONE.format(r"[-+]?\d+"), "NUM"),
    (r"(?<=executed cmd )\".+?\"", "CMD"),
)
"""What the masks of the example configuration in Drain3's repository match, in their order."""


@dataclass(frozen=True)
class Accuracy:
    """Grouping accuracy (share of messages whose group is exactly a true one) and F1 over groups, 0 to 1."""

    ga: float
    fga: float

    def __str__(self) -> str:
        return f"{self.ga:.3f} / {self.fga:.3f}"


def accuracy(pairs: Iterable[tuple[Hashable, Hashable]]) -> Accuracy:
    """Compare predicted with true groups, given as (predicted, true) of each message; as Loghub-2.0 does."""
    met = Counter(pairs)
    predicted: Counter[Hashable] = Counter()
    true: Counter[Hashable] = Counter()
    for (ours, theirs), count in met.items():
        predicted[ours] += count
        true[theirs] += count
    right = {pair: count for pair, count in met.items() if predicted[pair[0]] == count == true[pair[1]]}
    if not right:
        return Accuracy(0.0, 0.0)
    precision, recall = len(right) / len(predicted), len(right) / len(true)
    return Accuracy(sum(right.values()) / met.total(), 2 * precision * recall / (precision + recall))


def mean(values: Sequence[Accuracy]) -> Accuracy:
    """The mean of each figure."""
    return Accuracy(sum(one.ga for one in values) / len(values), sum(one.fga for one in values) / len(values))


def drain3(texts: Iterable[str]) -> Iterator[int]:
    """The cluster of each text by Drain3 with its usual masks; all else as it comes (sim_th 0.4, depth 4)."""
    from drain3 import TemplateMiner
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig

    config = TemplateMinerConfig()
    config.masking_instructions = [MaskingInstruction(pattern, name) for pattern, name in _USUAL_MASKS]
    config.mask_prefix, config.mask_suffix = "<:", ":>"
    miner = TemplateMiner(config=config)
    for text in texts:
        yield miner.add_log_message(text)["cluster_id"]


def aliased(services: Sequence[str], templates: Sequence[str], severities: Sequence[Severity]) -> list[str]:
    """The fingerprint that each message is shown with: of its own group, or of the one that its group stands under."""
    prints = [of_message(service, text) for service, text in zip(services, templates, strict=True)]
    highest: dict[str, Severity] = {}
    for one, severity in zip(prints, severities, strict=True):
        highest[one] = max(highest.get(one, severity), severity, key=lambda level: level.rank)
    places = {one: place for place, one in enumerate(prints)}
    counts = Counter(prints)
    shown = aliases(
        Template(one, services[place], templates[place], highest[one], GroupKind.MESSAGE, counts[one])
        for one, place in places.items()
    )
    return [shown.get(one, one) for one in prints]


def loghub_set(path: Path) -> tuple[Accuracy, Accuracy, Accuracy]:
    """Drain3's accuracy on a labelled set, ours, and ours with the display alias. All lines count as INFO."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    texts, truth = [row["Content"] for row in rows], [row["EventId"] for row in rows]
    templates = [mask(text) for text in texts]
    shown = aliased([""] * len(rows), templates, [Severity.INFO] * len(rows))
    return (
        accuracy(zip(drain3(texts), truth, strict=True)),
        accuracy(zip(templates, truth, strict=True)),
        accuracy(zip(shown, truth, strict=True)),
    )


def loghub_table(folder: Path) -> Iterator[str]:
    """A Markdown table: each set, then the means of the tuned, the held-out and all."""
    found = {name: loghub_set(folder / f"{name}.csv") for name in (*TUNED, *HELD_OUT)}
    yield "| set, GA / FGA | Drain3, usual masks | ours | ours with alias |"
    yield "|---|---:|---:|---:|"
    for name, row in found.items():
        yield f"| {name}{'' if name in TUNED else ' (held out)'} | {' | '.join(map(str, row))} |"
    for title, names in (("tuned on", TUNED), ("held out", HELD_OUT), ("all", (*TUNED, *HELD_OUT))):
        means = [mean([found[name][place] for name in names]) for place in range(3)]
        yield f"| **mean, {title}** | {' | '.join(map(str, means))} |"


def made_rows(log: Path) -> Iterator[str]:
    """Message accuracy on a made log with its truth beside it: by text alone, by fingerprint, with the alias."""
    truth = dict(line.split("\t") for line in Path(f"{log}.truth").read_text().splitlines())
    seen: set[str] = set()
    services: list[str] = []
    templates: list[str] = []
    labels: list[str] = []
    severities: list[Severity] = []
    with log.open("rb") as stream:
        for line in stream:
            entry = entry_from_json(line.rstrip())
            label = truth[entry.insert_id]
            if entry.insert_id in seen or not label.startswith(MESSAGES):
                continue
            seen.add(entry.insert_id)
            services.append(sys.intern(entry.service))
            templates.append(sys.intern(mask(entry.text.strip())))
            labels.append(sys.intern(label))
            severities.append(entry.severity)
    of_service = list(zip(services, labels, strict=True))
    prints = [of_message(service, text) for service, text in zip(services, templates, strict=True)]
    shown = aliased(services, templates, severities)
    yield f"| made log, {len(labels):,} messages, GA / FGA | groups | true | accuracy |"
    yield "|---|---:|---:|---:|"
    for title, ours, true in (
        ("mask(text) against the label", templates, labels),
        ("fingerprint against (service, label)", prints, of_service),
        ("with the alias against (service, label)", shown, of_service),
    ):
        score = accuracy(zip(ours, true, strict=True))
        yield f"| {title} | {len(set(ours)):,} | {len(set(true)):,} | {score} |"


def microseconds(work: Callable[[str], object], texts: Sequence[str], rounds: int = 5) -> float:
    """The least mean time of one call, in microseconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for text in texts:
            work(text)
        times.append(time.perf_counter() - start)
    return min(times) / len(texts) * 1e6


def speed_rows() -> Iterator[str]:
    """Time of one call for texts of 80 characters that were never seen and differ in an id only, or in words."""
    ids = [f"{number * 0x9E3779B97F4A7C15 & (1 << 96) - 1:024x}" for number in range(1, 20_001)]
    alike = [fold(f"Job {one} picked up by worker-17 (queue=email, attempt 2) waited 35 s.") for one in ids]
    assert len(alike[0]) in range(78, 90)
    template(alike[0])
    yield "| one call, about 80 characters | µs |"
    yield "|---|---:|"
    yield f"| fold | {microseconds(fold, alike):.2f} |"
    yield f"| template, another hex id (level 2) | {microseconds(template, alike, 1):.2f} |"
    yield f"| the whole masking | {microseconds(without_cache, alike[:2_000]):.2f} |"


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--entries", type=int, default=200_000, help="how long a log to make; 0: none")
    parser.add_argument("--log", type=Path, help="a made log that is there already, its .truth beside it")
    given = parser.parse_args()
    parts = [loghub_table(given.data / "loghub-2k"), speed_rows()]
    with tempfile.TemporaryDirectory(prefix="whybot-bench-") as folder:
        log: Path | None = given.log
        if log is None and given.entries:
            log = Path(folder) / "made.ndjson"
            maker = given.data / "gen_cloudrun_logs.py"
            subprocess.run([sys.executable, str(maker), str(given.entries), str(log)], check=True)
        if log is not None:
            parts.append(made_rows(log))
        for part in parts:
            sys.stdout.write("\n".join(part) + "\n\n")


if __name__ == "__main__":
    main()
