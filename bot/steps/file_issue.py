"""Step 2.1: one issue for the incident's fingerprint, as an effect."""

from __future__ import annotations

from bot.domain.effects import IssueKey, IssueUpsert
from bot.domain.record import CycleRecord
from bot.domain.results import FiveWhys, IssueFiled, Planned, Retrieved
from bot.domain.workflow import Workflow
from bot.logs.priority import urgency_of
from bot.logs.related import related_of
from bot.reports.documents import issue_body
from bot.reports.regression import news_of
from bot.reports.titles import issue_title
from bot.steps.context import Step, StepContext, StepOutcome


def run(ctx: StepContext) -> StepOutcome:
    """Say what the issue is to hold; the publisher creates, updates or reopens it."""
    return concluded(ctx.record, ctx.workflow, ctx.config.policy.labels[:1])


def concluded(record: CycleRecord, workflow: Workflow, labels: tuple[str, ...]) -> StepOutcome:
    """The issue of a record up to its plan: how urgent it is and what else belongs to it is decided here, by code."""
    retrieved = record.latest(Retrieved)
    winner = None if retrieved is None else retrieved.selection.winner
    if retrieved is None or winner is None:
        raise LookupError("an issue needs an incident")
    incident, repository = winner.incident, record.settings.repository
    key = IssueKey(repository=repository, fingerprint=incident.fingerprint)
    title = issue_title(record.settings.focus.title, incident)
    related = related_of(retrieved.selection)
    urgency = urgency_of(winner)
    effect = IssueUpsert(
        key=key,
        aliases=tuple(IssueKey(repository=repository, fingerprint=alias) for alias in incident.aliases),
        title=title,
        body=issue_body(record, workflow),
        labels=labels,
        priority=urgency.priority,
        related=tuple(IssueKey(repository=repository, fingerprint=one.incident.fingerprint) for one in related),
        news=news_of(retrieved),
    )
    said = f"issue for `{incident.fingerprint}`, {urgency.priority}: {urgency.why}"
    return StepOutcome(IssueFiled(key=key, title=title), said, effects=(effect,))


STEP = Step("file_issue", takes=(Retrieved, FiveWhys, Planned), gives=IssueFiled, run=run)
