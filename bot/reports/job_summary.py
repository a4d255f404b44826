"""Cycles as the summary of a job in GitHub Actions: the view that moves along where nothing may be written."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.record import CycleRecord
from bot.domain.results import Proven, Retrieved
from bot.domain.workflow import Workflow
from bot.logs.priority import urgency_of
from bot.reports.course import checklist, next_in_words, state_in_words
from bot.reports.links import place_of, published
from bot.reports.markdown import cut, linked, neutralise, redacted
from bot.reports.mermaid import course_path
from bot.reports.proof_document import ProofView
from bot.reports.rendering import rendered
from bot.reports.run_document import run_document
from bot.reports.summary import came_to, title_of

_MOST_CHARS = 60_000
"""Of one cycle: GitHub takes a mebibyte for each step of a job, and a run has ten cycles."""


def summary_markdown(record: CycleRecord, workflow: Workflow) -> str:
    """The whole of a cycle on one page: its course as a picture and a table, what it found, what is published."""
    retrieved, proven = record.latest(Retrieved), record.latest(Proven)
    winner = None if retrieved is None else retrieved.selection.winner
    effects = record.effects()
    text = rendered("summary.md.j2", {
        "record": record,
        "state": state_in_words(record, workflow),
        "next": next_in_words(record, workflow),
        "winner": winner,
        "urgency": urgency_of(winner) if winner is not None else None,
        "checklist": checklist(record, workflow),
        "seconds": _seconds(record),
        "attempts": {step.step: step.attempt for step in record.steps},
        "workflow": workflow,
        "path": course_path(record, workflow),
        "proof": ProofView(proven.proof) if proven is not None else None,
        "published": tuple(
            (item.effect.effect.replace("_", " "), title_of(item.effect), came_to(item.receipt),
             place_of(item, effects) if item.receipt is not None and item.receipt.url.startswith("http") else "")
            for item in {str(item.effect.key): item for item in effects}.values()
        ),
    })
    return cut(linked(neutralise(redacted(text)), published(effects)), _MOST_CHARS)


def run_summary_markdown(records: Sequence[CycleRecord], workflow: Workflow) -> str:
    """A run of several cycles, the first first: its table, and what was learned, as `run.md` has them."""
    return cut(neutralise(redacted(run_document(records, workflow))), _MOST_CHARS)


def _seconds(record: CycleRecord) -> dict[str, float]:
    """How long each step took, all attempts together."""
    took: dict[str, float] = {}
    for step in record.steps:
        took[step.step] = took.get(step.step, 0.0) + (step.seconds or 0.0)
    return took
