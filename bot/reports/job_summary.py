"""A cycle as the summary of a job in GitHub Actions: the view that moves along where nothing may be written."""

from __future__ import annotations

import re

from bot.domain.record import CycleRecord, Decision, StepStatus
from bot.domain.results import Proven, Retrieved
from bot.domain.workflow import Workflow
from bot.logs.priority import urgency_of
from bot.logs.redact import redact
from bot.reports.course import checklist, next_in_words, state_in_words
from bot.reports.links import place_of, published
from bot.reports.markdown import cut, linked, neutralise
from bot.reports.proof_document import ProofView
from bot.reports.rendering import rendered
from bot.reports.summary import came_to, title_of

_MOST_CHARS = 60_000
"""Of one cycle: GitHub takes a mebibyte for each step of a job, and a run has ten cycles."""
_COLOURS = {"done": "#2da44e", "held": "#bf8700", "failed": "#cf222e", "running": "#0969da"}


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
        "proof": ProofView(proven.proof) if proven is not None else None,
        "published": tuple(
            (item.effect.effect.replace("_", " "), title_of(item.effect), came_to(item.receipt),
             place_of(item, effects) if item.receipt is not None and item.receipt.url.startswith("http") else "")
            for item in {str(item.effect.key): item for item in effects}.values()
        ),
    })
    head, found, rest = linked(neutralise(redact(text)), published(effects)).partition(_PICTURE)
    return cut(head + _course(record, workflow).join(found.split(_PICTURE.strip())) + rest, _MOST_CHARS)


_PICTURE = "\n(the course of the cycle)\n"
"""Where the picture comes, after all else was neutralised: it has no word in it that is not of the workflow."""


def _course(record: CycleRecord, workflow: Workflow) -> str:
    """The steps as a flow chart, with how often each was tried, and where a HOLD led back."""
    lines = ["```mermaid", "flowchart LR"]
    for at, place in enumerate(workflow.steps):
        tries = [step for step in record.steps if step.step == place.name]
        name = re.sub(r"[^A-Za-z0-9 ]", " ", place.name)
        count = f", {len(tries)} times" if len(tries) > 1 else ""
        lines.append(f'  s{at}["{place.number} {name}{count}"]')
        if at:
            lines.append(f"  s{at - 1} --> s{at}")
        if tries:
            last = tries[-1]
            looks = ("running" if last.status is StepStatus.RUNNING else
                     "failed" if last.status is StepStatus.FAILED else
                     "held" if last.decision is Decision.HOLD else "done")
            lines.append(f"  style s{at} stroke:{_COLOURS[looks]},stroke-width:3px")
    for at, place in enumerate(workflow.steps):
        held = sum(step.step == place.name and step.decision is Decision.HOLD for step in record.steps)
        if held and place.hold is not None:
            back = [one.name for one in workflow.steps].index(place.hold.back_to)
            lines.append(f'  s{at} -. "HOLD{f", {held} times" if held > 1 else ""}" .-> s{back}')
    return "\n".join((*lines, "```"))


def _seconds(record: CycleRecord) -> dict[str, float]:
    """How long each step took, all attempts together."""
    took: dict[str, float] = {}
    for step in record.steps:
        took[step.step] = took.get(step.step, 0.0) + (step.seconds or 0.0)
    return took
