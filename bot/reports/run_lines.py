"""The cycles of a run as plain values, one line each: what every table of a run is made from.

Texts of others are as they are: whoever prints them makes them harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.asking import Usage
from bot.domain.effects import BranchName, Effect, IssueUpsert, PullRequestUpsert, Receipt
from bot.domain.evidence import Support
from bot.domain.proof import Proof
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus
from bot.domain.results import Committed, FiveWhys, IssueFiled, Proven, Retrieved, TestsRun
from bot.domain.workflow import Workflow
from bot.logs.priority import urgency_of
from bot.logs.ranking import named
from bot.reports.titles import branch_of

NOT_VERIFIED = "not verified yet"


@dataclass(frozen=True)
class CycleLine:
    """A cycle of a run. Empty, or None, is what it did not come to, or what does not apply.

    `cause` is the model's sentence, `support` what the checks made of it. `fingerprint` is that of the issue, and
    `issue` and `pull` are what the forge made of it and of the fix. `staging` is empty where no fix was proposed.
    `worked_s` is what its steps took that were not set aside.
    """

    number: int
    state: str
    began: datetime
    ended: datetime | None
    worked_s: float
    usage: Usage
    incident: str = ""
    incident_fingerprint: str = ""
    priority: str = ""
    cause: str = ""
    support: Support | None = None
    fingerprint: str = ""
    issue: str = ""
    reproduced: bool | None = None
    proof: Proof | None = None
    branch: BranchName | None = None
    pull: str = ""
    staging: str = ""


def lines_of(records: Sequence[CycleRecord], workflow: Workflow) -> tuple[CycleLine, ...]:
    """The cycles that have a record, in their order."""
    return tuple(line_of(record, workflow) for record in records)


def line_of(record: CycleRecord, workflow: Workflow) -> CycleLine:
    """One cycle."""
    retrieved, whys = record.latest(Retrieved), record.latest(FiveWhys)
    filed, run, proven = record.latest(IssueFiled), record.latest(TestsRun), record.latest(Proven)
    winner = None if retrieved is None else retrieved.selection.winner
    cause = None if whys is None else whys.root_cause
    committed = record.latest(Committed) is not None
    over = record.status is CycleStatus.ENDED
    return CycleLine(
        record.ref.number, state_of(record, workflow), record.created_at, _last(record) if over else None,
        sum(step.seconds or 0.0 for step in record.steps), record.usage,
        incident="" if winner is None else named(winner.incident),
        incident_fingerprint="" if winner is None else winner.incident.fingerprint,
        priority="" if winner is None else urgency_of(winner).priority,
        cause="" if cause is None else cause.statement,
        support=None if cause is None else cause.support,
        fingerprint="" if filed is None else filed.key.fingerprint,
        issue=_published(record, IssueUpsert),
        reproduced=None if run is None else run.reproduced,
        proof=None if proven is None else proven.proof,
        branch=branch_of(record.ref) if committed else None,
        pull=_published(record, PullRequestUpsert),
        staging=_staging(record, committed=committed),
    )


def state_of(record: CycleRecord, workflow: Workflow) -> str:
    """In two or three words: why a cycle is paused stands elsewhere."""
    if record.status is CycleStatus.ENDED:
        return record.end.value if record.end is not None else "ended"
    current = record.current
    at = "" if current is None else f" at step {workflow.of(current.step).number}"
    return f"{'paused' if record.status is CycleStatus.PAUSED else 'running'}{at}"


def proof_in_words(proof: Proof) -> str:
    """The verdict, and how many runs hold."""
    return f"{proof.verdict.value.replace('_', ' ')}: {proof.tally}"


def _staging(record: CycleRecord, *, committed: bool) -> str:
    """What the logs said after the fix."""
    if record.fixed is not None:
        return f"{record.fixed.how} ({record.fixed.at:%Y-%m-%d %H:%M} UTC)"
    return NOT_VERIFIED if committed and record.end is CycleEnd.FIX_PROPOSED else ""


def _published(record: CycleRecord, kind: type[Effect]) -> str:
    """What became of the last effect of a kind: its number, or that it is none yet."""
    receipt = next((item.receipt for item in reversed(record.effects()) if isinstance(item.effect, kind)), None)
    return "" if receipt is None else _receipt(receipt)


def _receipt(receipt: Receipt) -> str:
    if receipt.number is not None:
        return f"#{receipt.number}"
    return {"kept for later": "to be published", "not published": "not published"}.get(receipt.did, receipt.did)


def _last(record: CycleRecord) -> datetime:
    """When the last step of a cycle ended or began."""
    return max((step.ended_at or step.started_at for step in record.steps), default=record.created_at)
