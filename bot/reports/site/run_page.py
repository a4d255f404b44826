"""The page of a run, and the overview of all runs: what is left of a cycle there is a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.asking import Usage
from bot.domain.evidence import Support
from bot.domain.record import CycleRecord, CycleRef
from bot.domain.results import FiveWhys, Proven
from bot.domain.workflow import Workflow
from bot.logs.ranking import named
from bot.reports.proof_document import ProofView
from bot.reports.run_document import RUN_DOCUMENT, run_document
from bot.reports.run_lessons import lessons_of
from bot.reports.site.charts import Chart, spent
from bot.reports.site.course import Link, Stop, cycle_path, links_of, run_path, stops_of
from bot.reports.site.html import Page, rendered
from bot.reports.site.recurring import Recurring, Traits, recurring, traits_of
from bot.reports.site.words import Badge, day, state_of, usd, verdict_of, when


@dataclass(frozen=True)
class Row:
    """A cycle in a table. `cause` is the model's sentence, `cause_support` what the checks say of it."""

    ref: CycleRef
    path: str
    began: str
    title: str
    state: Badge
    incident: str
    location: str
    cause: str
    cause_support: Badge | None
    verdict: Badge | None
    rests_on: str
    staging: str
    links: tuple[Link, ...]
    usage: Usage
    stops: tuple[Stop, ...]
    traits: Traits
    scripted: bool


def row_of(record: CycleRecord, workflow: Workflow, held: bool) -> Row:
    """What the tables need of a cycle."""
    whys, proven, incident = record.latest(FiveWhys), record.latest(Proven), record.incident
    cause = whys.root_cause if whys is not None else None
    support = None
    if cause is not None:
        cited = cause.support is Support.CITED
        support = Badge("cited" if cited else "unproven", "good" if cited else "bad")
    return Row(
        ref=record.ref, path=cycle_path(record.ref), began=record.created_at.isoformat(),
        title=record.settings.focus.title, state=state_of(record, workflow, held),
        incident=named(incident) if incident is not None else "", location=incident.root.location if incident else "",
        cause=cause.statement if cause is not None else "", cause_support=support, verdict=verdict_of(record),
        rests_on=ProofView(proven.proof).rests_on if proven is not None else "",
        staging=record.fixed.how if record.fixed is not None else "not looked at",
        links=links_of(record), usage=record.usage, stops=stops_of(record, workflow, held),
        traits=traits_of(record), scripted=record.settings.scripted,
    )


def run_pages(records: Sequence[CycleRecord], workflow: Workflow, held: bool, damaged: Sequence[str]) -> Iterator[Page]:
    """The page of a run and its document, from the records of its cycles by number, one at least.

    `damaged` says which of its records cannot be read; then there is no document, which is of whole runs.
    """
    rows = [row_of(record, workflow, held) for record in records]
    if not damaged:
        folder = run_path(rows[0].ref).rpartition("/")[0]
        yield Page(f"{folder}/{RUN_DOCUMENT}", run_document(records, workflow).encode("utf-8", "replace"))
    names = [f"cycle {row.ref.number}" for row in rows]
    chart = _chart(rows, names, names)
    text = rendered("run.html.j2", {
        "up": "../../", "ref": rows[0].ref, "title": rows[0].title, "rows": rows, "began": rows[0].began,
        "repeated": _repeated(rows), "total": _total(rows), "chart": chart, "damaged": damaged,
        "learned": tuple(one for row, record in zip(rows, records, strict=True) if (one := _learned(row, record)).any),
        "document": "" if damaged else RUN_DOCUMENT,
    }, [chart] if chart is not None else [])
    yield Page(run_path(rows[0].ref), text.encode("utf-8", "replace"))


@dataclass(frozen=True)
class Learned:
    """What a cycle found out: its row, and sentences on what did not lead on, each with its kind."""

    row: Row
    notes: tuple[tuple[str, str], ...]

    @property
    def any(self) -> bool:
        """Whether there is anything."""
        return bool(self.row.cause or self.row.rests_on or self.notes)


def _learned(row: Row, record: CycleRecord) -> Learned:
    lessons = lessons_of(record)
    notes = [("Ruled out", one.hypothesis) for one in lessons.ruled_out]
    notes += [("The whys stopped", lessons.stopped)] if lessons.stopped else []
    notes += [(f"Tests rejected, {_attempts(one.attempts)}", " ".join(one.reasons)) for one in lessons.tests]
    notes += [("Not reproduced", lessons.not_reproduced)] if lessons.not_reproduced else []
    notes += [(f"Fix rejected, {_attempts(one.attempts)}",
               "; ".join((*one.missing, *(finding.message for finding in one.findings)))) for one in lessons.fixes]
    notes += [(f"Step {one.step} failed", one.what) for one in lessons.failed]
    return Learned(row, tuple(notes))


def _attempts(numbers: Sequence[int]) -> str:
    return f"attempt{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


@dataclass(frozen=True)
class RunRows:
    """A run in the overview."""

    ref: CycleRef
    path: str
    title: str
    rows: tuple[Row, ...]


def overview(rows: Sequence[Row], damaged: Sequence[str]) -> Page:
    """The first page; `rows` are all cycles, oldest first."""
    runs: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        runs.setdefault((row.ref.run, row.ref.focus), []).append(row)
    grouped = tuple(
        RunRows(found[0].ref, run_path(found[0].ref), found[0].title, tuple(found))
        for _, found in sorted(runs.items(), reverse=True)
    )
    names = [f"{when(row.began)}, {row.title}, cycle {row.ref.number}" for row in rows]
    chart = _chart(rows, names, [f"{day(row.began)[:-5]}, {row.ref.number}" for row in rows])
    text = rendered("index.html.j2", {
        "up": "", "runs": grouped, "rows": rows, "damaged": damaged, "repeated": _repeated(rows),
        "total": _total(rows), "chart": chart, "tally": _tally(rows),
    }, [chart] if chart is not None else [])
    return Page("index.html", text.encode("utf-8", "replace"))


def _chart(rows: Sequence[Row], names: Sequence[str], ticks: Sequence[str]) -> Chart | None:
    bars = [(name, row.usage.cost_usd, row.usage.tokens) for name, row in zip(names, rows, strict=True)]
    return spent("chart-cost", bars, "cycle", tuple(ticks), running=True)


def _total(rows: Sequence[Row]) -> str:
    known = [row.usage.cost_usd for row in rows if row.usage.cost_usd is not None]
    unknown = len(rows) - len(known)
    return usd(sum(known, Decimal(0))) + (f", and {unknown} at an unknown price" if unknown else "")


def _tally(rows: Sequence[Row]) -> tuple[tuple[Badge, int], ...]:
    """How many cycles ended how; what is paused or running counts as one."""
    counts: dict[Badge, int] = {}
    for row in rows:
        words = row.state.words.partition(":")[0] if row.state.tone == "held" else row.state.words
        badge = Badge(words, row.state.tone)
        counts[badge] = counts.get(badge, 0) + 1
    return tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0].words)))


@dataclass(frozen=True)
class Repeated:
    """Something that came again, with the pages of its cycles."""

    what: Recurring
    pages: tuple[tuple[str, str], ...]


def _repeated(rows: Sequence[Row]) -> tuple[Repeated, ...]:
    one_run = len({(row.ref.run, row.ref.focus) for row in rows}) == 1
    return tuple(
        Repeated(found, tuple(
            (f"cycle {ref.number}" if one_run else str(ref), cycle_path(ref)) for ref in found.refs
        ))
        for found in recurring(row.traits for row in rows)
    )
