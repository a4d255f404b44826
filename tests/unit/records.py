"""Records to test with, made the short way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.domain.effects import IssueKey, IssueUpsert, Receipt, RecordedEffect
from bot.domain.logs import (
    Focus,
    Incident,
    Novelty,
    RankedIncident,
    RankValues,
    ReadReport,
    RootSignature,
    RunningCommit,
    Selection,
    Severity,
)
from bot.domain.record import CycleEnd, CycleRecord, CycleRef, Decision, Failure, Settings, StepRecord, StepStatus
from bot.domain.results import Retrieved, StepResult

START = datetime(2025, 11, 7, 8, 15, tzinfo=UTC)
FINGERPRINT = "v1-0123456789abcdef"
FOCUS = Focus(name="startup", title="Startup", impact="Nothing starts.")


def settings(**changes: object) -> Settings:
    given: dict[str, object] = {
        "demo": False, "logs": "file:x", "model": "script:x", "scripted": True, "forge": "local",
        "sandbox": "process", "repository": "acme/shop", "publish": "now", "until": None, "focus": FOCUS, "cycles": 1,
    }
    return Settings.model_validate({**given, **changes})


def record(*steps: StepRecord, **changes: object) -> CycleRecord:
    ref = CycleRef(focus="startup", run="20251107T081500Z-0a1b2c", number=1)
    return CycleRecord(ref=ref, settings=settings(**changes), created_at=START, steps=steps)


def step(
    name: str, decision: Decision | None = Decision.GO, attempt: int = 1, status: StepStatus = StepStatus.DONE,
    end: CycleEnd | None = None, result: StepResult | None = None, effects: tuple[RecordedEffect, ...] = (),
    failure: Failure | None = None,
) -> StepRecord:
    return StepRecord(
        step=name, attempt=attempt, status=status, started_at=START, ended_at=START + timedelta(seconds=2),
        decision=decision if status is StepStatus.DONE else None, end=end, result=result, effects=effects,
        failure=failure, said=f"{name} said so",
    )


def incident(**changes: object) -> Incident:
    given: dict[str, object] = {
        "fingerprint": FINGERPRINT,
        "root": RootSignature(type="ModuleNotFoundError", message="No module named 'shop.till'", location="app.py"),
        "groups": (), "severity": Severity.ERROR, "entries": 12, "error_entries": 9,
        "first_seen": "2025-11-07T08:00:00Z", "last_seen": "2025-11-07T08:10:00Z", "services": ("shop",),
        "revisions": ("shop-00001",), "instances": ("i1", "i2"),
    }
    return Incident.model_validate({**given, **changes})


def retrieved(winner: Incident | None = None, commit: str = "") -> Retrieved:
    ranked = None
    if winner is not None:
        values = RankValues(tier=0, novelty=Novelty.NEW, instances=2, entries=12, last_seen=winner.last_seen)
        ranked = RankedIncident(place=1, incident=winner, values=values)
    return Retrieved(
        report=ReadReport(source="x.ndjson", entries_read=100), groups=3, incidents=1,
        selection=Selection(winner=ranked, reasons=("It is the only one.",)), target="shop",
        commit=RunningCommit(sha=commit, known=True, how="a label") if commit else None,
        snapshot="logs.ndjson",
    )


def issue_effect(receipt: Receipt | None = None) -> RecordedEffect:
    key = IssueKey(repository="acme/shop", fingerprint=FINGERPRINT)
    return RecordedEffect(
        effect=IssueUpsert(key=key, title="Startup fails", body="It does.", labels=("whybot",)), receipt=receipt
    )
