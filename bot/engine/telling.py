"""What a cycle tells of its course beside its steps' own effects: its one comment, and its run's tracking issue."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.config import PolicyConfig
from bot.domain.effects import CommentUpsert, RunKey, TrackingUpsert
from bot.domain.record import CycleRecord, CycleStatus
from bot.domain.results import IssueFiled
from bot.domain.workflow import Workflow
from bot.engine.moves import End, move_after
from bot.engine.runs import wants_another
from bot.reports.documents import status_comment
from bot.reports.tracking import tracking_body, tracking_title


def as_it_will_stand(record: CycleRecord, workflow: Workflow) -> CycleRecord:
    """A record whose last step is done, as it stands once that step's effects are published."""
    following = move_after(record, record.steps[-1], workflow)
    if not isinstance(following, End):
        return record
    return record.model_copy(update={"status": CycleStatus.ENDED, "end": following.end})


def status_effect(record: CycleRecord, workflow: Workflow) -> CommentUpsert | None:
    """Once there is an issue, each step moves the cycle's one comment on it along."""
    filed = record.latest(IssueFiled)
    if filed is None:
        return None
    return CommentUpsert(
        key=record.key("comment", filed.key, name="status"), on=filed.key, body=status_comment(record, workflow),
    )


def paused_effect(record: CycleRecord, workflow: Workflow) -> CommentUpsert | None:
    """The cycle's one comment once it is paused: the last that was recorded says that it runs.

    It is no step's effect: whoever goes on tells of it anew.
    """
    return status_effect(record, workflow) if record.status is CycleStatus.PAUSED else None


def tracking_effect(
    record: CycleRecord, earlier: Sequence[CycleRecord], workflow: Workflow, policy: PolicyConfig
) -> TrackingUpsert | None:
    """The tracking issue of a run of several cycles, when the cycle has filed its issue, and when it has ended.

    `earlier` are the run's cycles before this one. A run that has filed no issue needs none to find them by.
    """
    settings = record.settings
    if settings.cycles == 1 or policy.tracking_issue == "never" or not is_told(record):
        return None
    records = (*earlier, record)
    if not any(one.latest(IssueFiled) for one in records):
        return None
    over = record.status is CycleStatus.ENDED and not wants_another(record)
    return TrackingUpsert(
        key=RunKey(repository=settings.repository, run=record.ref.run), title=tracking_title(record),
        body=tracking_body(records, workflow, over=over), labels=policy.labels[:1], open=not over,
    )


def is_told(record: CycleRecord) -> bool:
    """Whether a cycle's last step is one after which its run's tracking issue changes."""
    last = record.current
    return record.status is CycleStatus.ENDED or (last is not None and isinstance(last.result, IssueFiled))
