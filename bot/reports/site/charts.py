"""What the charts show, as data: bars over time or over cycles, and marks on them. Each has its words and its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.base import counted
from bot.domain.logs import Incident, RevisionLife, RevisionSeen
from bot.domain.moments import rfc3339
from bot.domain.record import CycleRecord
from bot.domain.results import Committed, Retrieved
from bot.reports.site.html import shown
from bot.reports.site.words import seconds_of, when

MOST_SERIES = 6
"""Revisions that are told apart; the rest are one series, `others`."""


@dataclass(frozen=True)
class Series:
    """A series of bars that are stacked on those before it, or a line with an axis of its own."""

    label: str
    values: tuple[float, ...]
    line: bool = False


@dataclass(frozen=True)
class Mark:
    """A moment: `letter` stands on the chart, `words` in the list below; `inside`: it lies in the time shown."""

    letter: str
    kind: str
    at: float
    words: str
    time: str
    inside: bool


@dataclass(frozen=True)
class Chart:
    """A chart. `ticks` name the bars where x is no time; `rows` is the table, its first column heading the row."""

    name: str
    title: str
    words: str
    unit: str
    x: tuple[float, ...]
    span: tuple[float, float]
    series: tuple[Series, ...]
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    ticks: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()

    @property
    def data(self) -> dict[str, object]:
        """What the script on the page draws from."""
        return {
            "unit": self.unit, "x": self.x, "span": self.span, "ticks": [shown(tick) for tick in self.ticks],
            "series": [{"label": shown(one.label), "values": one.values, "line": one.line} for one in self.series],
            "marks": [{"letter": mark.letter, "kind": mark.kind, "at": mark.at, "inside": mark.inside}
                      for mark in self.marks],
        }


def occurrences(record: CycleRecord) -> Chart | None:
    """When the incident occurred, by revision, with deployments and fixes; None where no times are known."""
    retrieved, incident = record.latest(Retrieved), record.incident
    if retrieved is None or incident is None or not any(incident.timeline):
        return None
    parts = len(incident.timeline)
    begin, end = seconds_of(retrieved.read_from), seconds_of(retrieved.read_until)
    series = _by_revision(incident)
    total = f"{counted(sum(incident.timeline), 'occurrence')} in {parts} equal parts of the time that was read"
    if begin is None or end is None or end <= begin:
        ticks = tuple(str(part) for part in range(1, parts + 1))
        return Chart(
            "chart-when", "Occurrences", f"{total}, whose beginning and end this older record does not say.",
            "occurrences", tuple(map(float, range(parts))), (-0.5, parts - 0.5), series,
            ("part", *(one.label for one in series)), _rows(ticks, series), ticks,
        )
    part = (end - begin) / parts
    marks = _marks(record, retrieved, incident, begin, end)
    starts = tuple(_clock(begin + part * at, part) for at in range(parts))
    return Chart(
        "chart-when", "Occurrences by revision", f"{total}, from {when(retrieved.read_from)} to "
        f"{when(retrieved.read_until)} UTC. {_most(series)}",
        "occurrences", tuple(begin + part * (at + 0.5) for at in range(parts)), (begin, end), series,
        ("from (UTC)", *(one.label for one in series)), _rows(starts, series), marks=marks,
    )


def _by_revision(incident: Incident) -> tuple[Series, ...]:
    seen = incident.by_revision
    if not seen:
        return (Series("occurrences", tuple(map(float, incident.timeline))),)
    services = {one.service for one in seen}
    kept = seen if len(seen) <= MOST_SERIES else seen[-(MOST_SERIES - 1):]
    rest = seen[:len(seen) - len(kept)]
    made = [Series(_named(one, len(services) > 1), tuple(map(float, one.timeline))) for one in kept]
    if rest:
        summed = tuple(float(sum(column)) for column in zip(*(one.timeline for one in rest), strict=True))
        made.insert(0, Series(f"{len(rest)} earlier revisions", summed))
    return tuple(made)


def _named(one: RevisionSeen | RevisionLife, several: bool) -> str:
    name = one.revision or "no revision"
    return f"{one.service} {name}" if several and not name.startswith(one.service) else name


def _marks(
    record: CycleRecord, retrieved: Retrieved, incident: Incident, begin: float, end: float
) -> tuple[Mark, ...]:
    """Deployments of the incident's services as far as the log shows them, and what this cycle did about it."""
    found: list[tuple[str, str, float, str]] = []
    lives = [one for one in retrieved.revisions if one.service in incident.services]
    several = len({one.service for one in lives}) > 1
    for life in lives:
        at = seconds_of(life.first_seen)
        if at is not None and life.first_seen != retrieved.read_from:
            found.append(("deploy", f"first entry of {_named(life, several)}", at, life.first_seen))
    found += [("fix", "fix committed", step.ended_at.timestamp(), step.ended_at.isoformat())
              for step in record.steps if isinstance(step.result, Committed) and step.ended_at is not None]
    if record.fixed is not None:
        found.append(("fix", record.fixed.how, record.fixed.at.timestamp(), record.fixed.at.isoformat()))
    found.sort(key=lambda one: one[2])
    letters = {"deploy": "D", "fix": "F"}
    counts: dict[str, int] = {}
    marks: list[Mark] = []
    for kind, words, at, time in found:
        counts[kind] = counts.get(kind, 0) + 1
        inside = begin <= at <= end
        marks.append(Mark(
            f"{letters[kind]}{counts[kind]}", kind, at,
            words if inside else f"{words}, {'after' if at > end else 'before'} the time that was read", time, inside,
        ))
    return tuple(marks)


def _most(series: Sequence[Series]) -> str:
    parts = (f"{one.label}: {sum(one.values):,.0f}" for one in series)
    return f"{'; '.join(parts)}."


def _rows(first: Sequence[str], series: Sequence[Series]) -> tuple[tuple[str, ...], ...]:
    columns = zip(*(one.values for one in series), strict=True)
    return tuple((name, *(f"{value:,.0f}" for value in values)) for name, values in zip(first, columns, strict=True))


def _clock(seconds: float, part: float) -> str:
    text = when(rfc3339(int(seconds) * 1_000_000_000))
    return text if part >= 1 else f"{text}.{int(seconds % 1 * 1_000):03d}"


def spent(
    name: str, bars: Sequence[tuple[str, Decimal | None, int]], over: str, ticks: tuple[str, ...], running: bool = False
) -> Chart | None:
    """What each of a row of steps or cycles spent: USD, or tokens where nothing cost anything. `over` names the row.

    `bars` are name, price (None: not known) and tokens; `ticks` are short names. With `running`, a line sums them up.
    """
    priced = any(cost for _, cost, _ in bars)
    values = tuple(float(cost or 0) if priced else float(tokens) for _, cost, tokens in bars)
    if not any(values):
        return None
    unit = "USD" if priced else "tokens"
    series = [Series(f"{unit} by {over}", values)]
    if running and len(bars) > 1:
        sums, so_far = list[float](), Decimal(0)
        for value in values:
            so_far += Decimal(str(value))
            sums.append(float(so_far))
        series.append(Series(f"{unit} in all", tuple(sums), line=True))
    shape = ",.4f" if priced else ",.0f"
    total = sum(Decimal(str(value)) for value in values)
    unknown = sum(1 for _, cost, _ in bars if cost is None)
    words = f"{format(total, shape)} {unit} in {counted(len(bars), over)}"
    if not priced:
        words += "; none of it had a price"
    if unknown:
        words += f"; the price of {unknown} is not known, and counts as nothing here"
    names = tuple(label for label, _, _ in bars)
    return Chart(
        name, f"Cost by {over}", f"{words}.", unit, tuple(map(float, range(len(bars)))), (-0.5, len(bars) - 0.5),
        tuple(series), (over, *(one.label for one in series)),
        tuple((label, *(format(one.values[at], shape) for one in series)) for at, label in enumerate(names)), ticks,
    )
