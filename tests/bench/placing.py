"""Where each entry of a made log ends, by the project's own analysis, against the truth beside the log.

Which entries a group holds is read from the scan's own columns. They name the entries of severe groups only; under
the focus `everything` those are all groups.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from bot.adapters.file_logs import FileLogs
from bot.domain.logs import GroupKind, LogGroup, LogQuery
from bot.logs.analysis import Analysis, analyse
from bot.logs.grouping import Group
from bot.logs.refs import PAGE_BITS
from bot.logs.tracebacks import HEADER
from bot.ports import LogReading
from tests.bench.grouping import MESSAGES, Accuracy, accuracy
from tests.bench.logs import FOCUSES

BUGS = 12
"""Bugs of the made log."""
LEAST_ACCURACY = 0.9
FORMS = ("text", "exc_info", "message and text", "line-split")


class _ResourceLabels(msgspec.Struct):
    service_name: str = ""
    revision_name: str = ""


class _Resource(msgspec.Struct):
    labels: _ResourceLabels


class _Payload(msgspec.Struct):
    exc_info: str = ""


class _ErrorGroup(msgspec.Struct):
    id: str


class Raw(msgspec.Struct, rename="camel"):
    """Of an entry, what the truth is told by. Decoded here and not by the project, which is what is measured."""

    insert_id: str
    resource: _Resource
    severity: str = ""
    text_payload: str = ""
    json_payload: _Payload | None = None
    error_groups: tuple[_ErrorGroup, ...] = ()


decode = msgspec.json.Decoder(Raw).decode


class _Bug(NamedTuple):
    """An entry of a bug, by the truth. `starts` says that a traceback begins in it."""

    name: str
    form: str
    revision: str
    group: int
    starts: bool


class _Placed(NamedTuple):
    """Where all entries of a made log ended. `met` counts by (index of the group, what the truth says).

    `bugs` is by ref. `twice` counts entries that are in groups twice, `lost` those in none, `again` the lines
    that are in none because they repeat an entry.
    """

    met: Counter[tuple[int, tuple[str, str]]]
    bugs: dict[int, _Bug]
    twice: int
    lost: int
    again: int


def refs_of(group: Group) -> Iterator[int]:
    """All entries of a severe group."""
    if group.severe is not None:
        yield from group.severe.refs
        for further in group.severe.further.values():
            yield from further


def _form(raw: Raw, label: str) -> str:
    if label.endswith(":line"):
        return "line-split"
    if raw.text_payload:
        return "text"
    return "exc_info" if raw.json_payload is not None and raw.json_payload.exc_info else "message and text"


def _placed(analysis: Analysis, reading: LogReading, truth: dict[str, str]) -> _Placed:
    """Look up what the truth says of each entry in a group. Takes the entries that it finds out of the truth."""
    group_of: dict[int, int] = {}
    twice = 0
    for group in analysis._scan.groups.all:
        for ref in refs_of(group):
            twice += ref in group_of
            group_of[ref] = group.index
    met: Counter[tuple[int, tuple[str, str]]] = Counter()
    bugs: dict[int, _Bug] = {}
    again = 0
    for number in range(len(analysis._scan.pages)):
        for index, line in enumerate(reading.page(number)):
            ref = number << PAGE_BITS | index
            place = group_of.get(ref)
            if place is None:
                again += 1
                continue
            raw = decode(line)
            label = truth.pop(raw.insert_id, "")
            if not label:
                twice += 1
                continue
            labels = raw.resource.labels
            kind, _, rest = label.partition(":")
            is_bug = kind == "bug"
            name = f"bug:{rest.partition(':')[0]}" if is_bug else label
            met[place, (sys.intern(labels.service_name), sys.intern(name))] += 1
            if is_bug:
                starts = label[-5:] != ":line" or raw.text_payload == HEADER
                bugs[ref] = _Bug(name, _form(raw, label), sys.intern(labels.revision_name), place, starts)
    return _Placed(met, bugs, twice, len(truth), again)


def row(what: str, found: str, wanted: str, good: bool) -> str:
    return f"| {what} | {found} | {wanted} | {'yes' if good else '**NO**'} |"


def all_of(what: str, count: int, whole: int) -> str:
    return row(what, f"{count:,} of {whole:,}", "all", 0 < count == whole)


def none_of(what: str, count: int) -> str:
    return row(what, f"{count:,}", "0", count == 0)


def placing_rows(log: Path) -> Iterator[str]:
    truth = dict(line.split("\t") for line in Path(f"{log}.truth").read_text().splitlines())
    query = LogQuery(focus=FOCUSES["everything"])
    with closing(FileLogs(log).read(query)) as reading:
        analysis = analyse(reading, query)
        placed = _placed(analysis, reading, truth)
    report, groups = analysis.report, analysis._scan.groups.all
    yield f"| made log, {report.entries_read:,} entries, each in a group | found | wanted | met |"
    yield "|---|---:|---:|---|"
    yield none_of("entries in no group", placed.lost)
    yield none_of("entries in two groups or twice in one", placed.twice)
    yield row("lines that repeat an entry, in no group", f"{placed.again:,}", f"{report.duplicates:,}",
               placed.again == report.duplicates)
    yield row("damaged lines", f"{report.entries_damaged}", "0", not report.entries_damaged)
    yield from _bug_rows(placed, groups, {group.fingerprint: group for group in analysis.groups})
    yield from _accuracy_rows(placed.met, groups)
    yield ""
    yield from _form_rows(placed)


def _bug_rows(placed: _Placed, groups: list[Group], values: Mapping[str, LogGroup]) -> Iterator[str]:
    """Whether each bug is one group, whole and unmixed."""
    held: dict[int, Counter[str]] = defaultdict(Counter)
    for (place, (_, name)), count in placed.met.items():
        held[place][name] += count
    homes = {bug.group for bug in placed.bugs.values()}
    names = {bug.name for bug in placed.bugs.values()}
    pairs = {(bug.name, bug.group) for bug in placed.bugs.values()}
    mixed = sum(held[place].total() - held[place].most_common(1)[0][1] for place in homes)
    one = len(pairs) == len(homes) == len(names) == BUGS
    yield row("groups that hold entries of bugs", f"{len(homes)} of {len(names)} bugs", f"{BUGS} of {BUGS}", one)
    yield none_of("entries in these groups that are of anything else", mixed)
    yield row("tracebacks among these groups", f"{sum(groups[place].is_traceback for place in homes)}", f"{BUGS}",
               sum(groups[place].is_traceback for place in homes) == BUGS)
    others = sum(group.kind is GroupKind.TRACEBACK for group in groups if group.count and group.index not in homes)
    yield none_of("other groups that are tracebacks", others)
    revisions: dict[str, set[str]] = defaultdict(set)
    homes_of: dict[str, set[int]] = defaultdict(set)
    for bug in placed.bugs.values():
        revisions[bug.name].add(bug.revision)
        homes_of[bug.name].add(bug.group)
    moved = [name for name, found in revisions.items() if len(found) > 1]
    kept = sum(
        len(homes_of[name]) == 1
        and set(values[groups[min(homes_of[name])].fingerprint].revisions) == revisions[name] for name in moved
    )
    yield all_of("bugs of two revisions, lines shifted between them: one group", kept, len(moved))
    yield from _split_rows(placed, groups)


def _split_rows(placed: _Placed, groups: list[Group]) -> Iterator[str]:
    """Whether each line-split traceback became one occurrence: from its first line to the one before the next."""
    split = [(ref, bug) for ref, bug in placed.bugs.items() if bug.form == "line-split"]
    joined = {
        frozenset((ref, *further))
        for group in groups if group.severe is not None for ref, further in group.severe.further.items()
    }
    starts = [place for place, (_, bug) in enumerate(split) if bug.starts]
    printed = [frozenset(ref for ref, _ in split[low:high]) for low, high in pairwise([*starts, len(split)])]
    yield all_of("line-split tracebacks that are one occurrence, with exactly their lines",
                  sum(lines in joined for lines in printed), len(printed))
    yield none_of("other joined occurrences", len(joined - set(printed)))


def _accuracy_rows(met: Mapping[tuple[int, tuple[str, str]], int], groups: list[Group]) -> Iterator[str]:
    messages = {pair: count for pair, count in met.items() if pair[1][1].startswith(MESSAGES)}
    homes = {place for place, _ in messages}
    strangers = sum(count for (place, (_, name)), count in met.items()
                    if place in homes and not name.startswith(MESSAGES))
    yield none_of("entries beside messages in a group that are none", strangers)
    for title, chosen in (("messages", messages), ("all entries", met)):
        score = _accuracy(chosen)
        good = min(score.ga, score.fga) >= LEAST_ACCURACY
        what = f"{title}, {sum(chosen.values()):,}, GA / FGA by (service, label)"
        yield row(what, str(score), f"{LEAST_ACCURACY:.2f} / {LEAST_ACCURACY:.2f}", good)
    by_label: Counter[tuple[int, tuple[str, str]]] = Counter()
    templates: dict[str, int] = {}
    for (place, (_, name)), count in messages.items():
        by_label[templates.setdefault(groups[place].template, len(templates)), ("", name)] += count
    score = _accuracy(by_label)
    yield row("messages, GA / FGA of the groups' templates by label", str(score),
               f"{LEAST_ACCURACY:.2f} / {LEAST_ACCURACY:.2f}", min(score.ga, score.fga) >= LEAST_ACCURACY)


def _accuracy(met: Mapping[tuple[int, tuple[str, str]], int]) -> Accuracy:
    return accuracy(pair for pair, count in met.items() for _ in range(count))


def _form_rows(placed: _Placed) -> Iterator[str]:
    """Each form in which the made log prints a bug, and each revision."""
    revisions = sorted({bug.revision for bug in placed.bugs.values()})
    home = Counter((bug.name, bug.group) for bug in placed.bugs.values())
    main = {name: max((count, group) for (other, group), count in home.items() if other == name)[1]
            for name in {name for name, _ in home}}
    yield "| bugs of the made log, as | tracebacks | entries | bugs | groups | entries in their bug's group | met |"
    yield "|---|---:|---:|---:|---:|---:|---|"
    for title in (*FORMS, *revisions):
        chosen = [bug for bug in placed.bugs.values() if title in {bug.form, bug.revision}]
        right = sum(main[bug.name] == bug.group for bug in chosen)
        bugs, groups = len({bug.name for bug in chosen}), len({bug.group for bug in chosen})
        good = 0 < right == len(chosen) and bugs == groups and (bugs == BUGS or title in revisions)
        yield (f"| {title} | {sum(bug.starts for bug in chosen):,} | {len(chosen):,} | {bugs} | {groups} | {right:,} "
               f"| {'yes' if good else '**NO**'} |")
