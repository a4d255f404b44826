"""Step 2.1: one issue for the incident's fingerprint, as an effect."""

from __future__ import annotations

from bot.domain.base import headline
from bot.domain.effects import IssueKey, IssueUpsert
from bot.domain.record import CycleRecord
from bot.domain.results import FiveWhys, IssueFiled, Planned, Retrieved
from bot.domain.workflow import Workflow
from bot.reports.documents import issue_body
from bot.steps.context import Step, StepContext, StepOutcome


def run(ctx: StepContext) -> StepOutcome:
    """Say what the issue is to hold; the publisher creates, updates or reopens it."""
    return concluded(ctx.record, ctx.workflow, ctx.config.policy.labels[:1])


def concluded(record: CycleRecord, workflow: Workflow, labels: tuple[str, ...]) -> StepOutcome:
    """The issue of a record up to its plan."""
    incident = record.incident
    if incident is None:
        raise LookupError("an issue needs an incident")
    repository = record.settings.repository
    key = IssueKey(repository=repository, fingerprint=incident.fingerprint)
    focus = record.settings.focus.title
    title = headline(f"{focus}: {incident.root.type}: {incident.root.message}", 160)
    effect = IssueUpsert(
        key=key,
        aliases=tuple(IssueKey(repository=repository, fingerprint=alias) for alias in incident.aliases),
        title=title,
        body=issue_body(record, workflow),
        labels=labels,
    )
    return StepOutcome(IssueFiled(key=key, title=title), f"issue for {incident.fingerprint}", effects=(effect,))


STEP = Step("file_issue", takes=(Retrieved, FiveWhys, Planned), gives=IssueFiled, run=run)
