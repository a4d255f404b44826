"""The page of a cycle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.base import counted, headline
from bot.domain.record import CycleRecord, CycleRef
from bot.domain.results import FiveWhys, Fixed, Planned, Proven, Retrieved, TestsAudited
from bot.domain.workflow import Workflow
from bot.logs.priority import urgency_of
from bot.reports.course import next_in_words
from bot.reports.documents import documents_of
from bot.reports.links import published
from bot.reports.markdown import linked
from bot.reports.proof_document import ProofView
from bot.reports.rendering import scripted_in_words
from bot.reports.site.charts import Chart, occurrences
from bot.reports.site.claims import claims_of
from bot.reports.site.costs import costs_of
from bot.reports.site.course import cycle_path, links_of, stops_of
from bot.reports.site.html import Page, rendered
from bot.reports.site.material import Material
from bot.reports.site.matrix import matrix_of, own_suites
from bot.reports.site.patch import lines_of
from bot.reports.site.words import Badge, cost, state_of, verdict_of

_MOST_FACT = 300


@dataclass(frozen=True)
class Sibling:
    """Another cycle of the run, or None for the end of the row."""

    number: int
    path: str


def cycle_pages(material: Material, workflow: Workflow, held: bool, numbers: tuple[int, ...] = ()) -> Iterator[Page]:
    """The page of a cycle and its documents. `numbers` are those of the run's cycles, `held` as in `state_of`."""
    record = material.record
    folder = f"{record.ref.focus}/{record.ref.run}/cycle-{record.ref.number:02d}"
    documents = []
    for name, text in documents_of(record, workflow):
        whole = linked(text, published(record.effects()))
        documents.append(name)
        yield Page(f"{folder}/{name}", whole.encode("utf-8", "replace"))
    text = cycle_html(material, workflow, held, numbers, tuple(documents))
    yield Page(cycle_path(record.ref), text.encode("utf-8", "replace"))


def cycle_html(
    material: Material, workflow: Workflow, held: bool, numbers: tuple[int, ...], documents: tuple[str, ...]
) -> str:
    """The page itself."""
    record = material.record
    whys, fixed, proven = record.latest(FiveWhys), record.latest(Fixed), record.latest(Proven)
    costs = costs_of(record, material.models, workflow)
    when = occurrences(record)
    charts: list[Chart] = [one for one in (when, costs.chart if costs is not None else None) if one is not None]
    return rendered("cycle.html.j2", {
        "record": record, "up": "../../", "folder": f"cycle-{record.ref.number:02d}",
        "state": state_of(record, workflow, held), "verdict": verdict_of(record),
        "next": next_in_words(record, workflow).removeprefix("Next: "),
        "facts": tuple((name, headline(value, _MOST_FACT)) for name, value in _facts(record)),
        "incident": record.incident, "links": links_of(record),
        "claims": claims_of(material, whys) if whys is not None else None,
        "planned": record.latest(Planned), "audits": _audits(record), "matrix": matrix_of(record),
        "own": own_suites(record), "fixed": fixed,
        "diff": lines_of(fixed.patch.diff) if fixed is not None and fixed.patch is not None else (),
        "proof": ProofView(proven.proof) if proven is not None else None,
        "costs": costs, "course": stops_of(record, workflow, held), "documents": documents,
        "problems": material.problems, "siblings": _siblings(record.ref, numbers), "when": when,
        "scripted": scripted_in_words(record.settings.model) if record.settings.scripted else "",
    }, charts)


def _facts(record: CycleRecord) -> Iterator[tuple[str, str]]:
    retrieved, incident = record.latest(Retrieved), record.incident
    if incident is not None and retrieved is not None and retrieved.selection.winner is not None:
        winner = retrieved.selection.winner
        urgency = urgency_of(winner)
        if incident.root.location:
            yield "Where", incident.root.location
        yield "Priority", f"{urgency.priority}: {urgency.why}"
        of_them = f"{incident.error_entries:,} at ERROR or above"
        yield "Entries", f"{counted(incident.entries, 'entry', 'entries')}, {of_them}"
        yield "Instances", f"{len(incident.instances):,}"
        yield "Services", ", ".join(incident.services) or "not named"
        yield "Revisions", ", ".join(incident.revisions) or "not named"
        yield "Standing", f"{winner.values.novelty.value}: {winner.why}" if winner.why else winner.values.novelty.value
        if retrieved.commit is not None:
            known = "" if retrieved.commit.known else ", which stands in for the one that ran"
            yield "Code at", f"{retrieved.commit.sha[:12]}{known} ({retrieved.commit.how})"
        yield "Fingerprint", incident.fingerprint
    if retrieved is not None:
        read = f"{counted(retrieved.report.entries_read, 'entry', 'entries')} of {retrieved.report.source}"
        yield "Log", f"{read}, {counted(retrieved.incidents, 'incident')}"
    yield "Repository", record.settings.repository
    yield "Model", record.settings.model
    if record.charges:
        yield "Cost", f"{cost(record.usage)}, {counted(record.usage.tokens, 'token')}"


@dataclass(frozen=True)
class AuditOf:
    """The audit of one attempt."""

    attempt: int
    said: str
    state: Badge
    result: TestsAudited
    newest: bool


def _audits(record: CycleRecord) -> tuple[AuditOf, ...]:
    steps = [(step, step.result) for step in record.steps if isinstance(step.result, TestsAudited)]
    return tuple(
        AuditOf(step.attempt, step.said, Badge(result.report.recommendation.value,
                "good" if result.report.recommendation.value == "GO" else "bad"), result, at == len(steps))
        for at, (step, result) in enumerate(steps, 1)
    )


def _siblings(ref: CycleRef, numbers: tuple[int, ...]) -> tuple[Sibling | None, Sibling | None]:
    def named(found: list[int], at: int) -> Sibling | None:
        return Sibling(found[at], f"cycle-{found[at]:02d}.html") if found else None

    return (named(sorted(one for one in numbers if one < ref.number), -1),
            named(sorted(one for one in numbers if one > ref.number), 0))
