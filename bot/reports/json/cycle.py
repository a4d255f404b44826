"""`whybot/cycle/1`: what a cycle came to. The summary of a cycle in it is that of `whybot/status/1`, too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from bot.domain.asking import Usage
from bot.domain.base import Fingerprint, Frozen
from bot.domain.effects import Receipt
from bot.domain.logs import RootSignature
from bot.domain.record import CycleRecord, CycleStatus, Failure, Publishing
from bot.domain.results import Proven, Retrieved, TestsAudited, TestsRun
from bot.reports.json.base import Document, FromOutside
from bot.reports.summary import plan_of


class EffectSummary(Frozen):
    """Something on the forge that a step wants, and what became of it."""

    effect: str = Field(description="issue, comment, branch, pull_request, check, tracking or reply")
    key: str = Field(description="What tells it from all others, on every forge and after every restart.")
    receipt: Receipt | None = Field(description="What applying it came to; null before that.")


class PlannedPublication(Frozen):
    """One thing that is not published yet, in its last state."""

    what: str
    key: str
    title: str
    size: int = Field(description="In characters; of a branch, in files.")


class CycleSummary(Frozen):
    """Where a cycle stands and what it came to."""

    cycle: str = Field(description="FOCUS/RUN/cycle-NN")
    status: CycleStatus
    end: str | None = Field(description="How it ended; null while it has not.")
    paused_because: str | None
    failure: Failure | None = Field(description="The error that paused it, if one did.")
    scripted_model: bool = Field(description="Whether the answers came from files and not from a language model.")
    dry_run: bool
    publish: Publishing
    fingerprint: Fingerprint | None = Field(description="Of the incident that it works on.")
    root: RootSignature | None = Field(description="What that incident is.")
    entries: int | None = Field(description="Of the incident, before parts of one traceback were joined.")
    error_entries: int | None = Field(description="Those among them that say that they are errors.")
    inferred_errors: int | None = Field(description="Those that are errors by what they say.")
    reasons: tuple[str, ...] = Field(description="Why this incident, or why none.")
    audits: tuple[str, ...] = Field(description="GO or HOLD, one for each attempt at the tests.")
    reproduced: bool | None = Field(description="Whether a test failed as predicted; null before tests ran.")
    verdict: str | None = Field(description="Of the proof: proven or not_proven; null before that.")
    effects: tuple[EffectSummary, ...]
    plan: tuple[PlannedPublication, ...] = Field(description="What would be published, or is to be.")
    tokens: int = Field(description="All that were paid for, cached ones included.")
    cost_usd: str | None = Field(description="A decimal number; null where a price is not known.")
    folder: FromOutside = Field(description="Where the record lies, and its documents beside it.")


class CycleDocument(CycleSummary, Document):
    """A cycle, and those of the same run before it."""

    schema_name: Literal["whybot/cycle/1"] = Field(default="whybot/cycle/1", alias="schema")
    earlier: tuple[CycleSummary, ...] = Field(description="The first first.")


def cycle_summary(record: CycleRecord, usage: Usage, folder: str) -> CycleSummary:
    """Put together what a record says. `usage` has what no step has recorded yet, too."""
    incident, retrieved, proven = record.incident, record.latest(Retrieved), record.latest(Proven)
    paused = record.current is not None and record.status is CycleStatus.PAUSED
    run = record.latest(TestsRun)
    return CycleSummary(
        cycle=str(record.ref), status=record.status, end=record.end.value if record.end else None,
        paused_because=record.paused_because or None,
        failure=record.current.failure if paused and record.current else None,
        scripted_model=record.settings.scripted, dry_run=record.settings.dry_run, publish=record.settings.publish,
        fingerprint=record.fingerprint, root=incident.root if incident else None,
        entries=incident.entries if incident else None, error_entries=incident.error_entries if incident else None,
        inferred_errors=incident.inferred_errors if incident else None,
        reasons=retrieved.selection.reasons if retrieved else (),
        audits=tuple(audit.report.recommendation.value for audit in record.results(TestsAudited)),
        reproduced=run.reproduced if run else None, verdict=proven.proof.verdict.value if proven else None,
        effects=tuple(
            EffectSummary(effect=item.effect.effect, key=str(item.effect.key), receipt=item.receipt)
            for item in record.effects()
        ),
        plan=tuple(
            PlannedPublication(what=one.what, key=one.key, title=one.title, size=one.size)
            for one in (() if record.settings.publish == "now" else plan_of(item.effect for item in record.effects()))
        ),
        tokens=usage.tokens, cost_usd=None if usage.cost_usd is None else str(usage.cost_usd), folder=folder,
    )


def cycle_document(last: CycleSummary, earlier: Iterable[CycleSummary]) -> CycleDocument:
    """A run: its last cycle in full view, the others beside it."""
    return CycleDocument(**dict(last), earlier=tuple(earlier))
