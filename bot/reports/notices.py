"""What a notice says, computed from a cycle's record."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from pydantic import JsonValue

from bot.domain.asking import Usage
from bot.domain.evidence import Support
from bot.domain.logs import Novelty, RankedIncident
from bot.domain.notices import (
    MOST_LINE,
    MOST_NAMES,
    MOST_PROSE,
    MOST_TITLE,
    IncidentSummary,
    Notice,
    NoticeCause,
    NoticeCost,
    NoticeEvent,
    NoticeIncident,
    NoticeVerdicts,
)
from bot.domain.proof import Verdict
from bot.domain.record import CycleRecord
from bot.domain.results import FiveWhys, Proven, Retrieved, TestsAudited, TestsRun
from bot.domain.visible import visible
from bot.domain.workflow import Workflow
from bot.logs.priority import urgency_of
from bot.logs.redact import redact
from bot.reports.course import next_in_words, state_in_words

_TITLES: Final[Mapping[NoticeEvent, str]] = MappingProxyType({
    "regression": "Incident is back",
    "incident-found": "Incident found",
    "issue-filed": "Issue filed",
    "reproduced": "Reproduced by tests",
    "not-reproduced": "Not reproduced",
    "tests-rejected": "Tests rejected",
    "fix-proposed": "Fix proposed",
    "fix-rejected": "Fix rejected",
    "budget-spent": "Budget spent, cycle paused",
    "cycle-paused": "Cycle paused",
    "cycle-ended": "Cycle ended",
})
_TIME = re.compile(r"[0-9TtZz:.+-]{0,40}")
_EXACT = frozenset({
    "event", "repository", "run", "fingerprint", "priority", "support", "by", "audit", "proof", "first_seen",
    "last_seen", "at", "usd",
})
"""Keys whose values are of a closed set or a form that holds no secret and no hidden character."""


def summary_of(record: CycleRecord, event: NoticeEvent, workflow: Workflow) -> IncidentSummary:
    """What there is to say of a cycle at an event."""
    settings, last = record.settings, record.current
    retrieved = record.latest(Retrieved)
    winner = None if retrieved is None else retrieved.selection.winner
    about = None if winner is None else _incident(winner)
    subject = f"{settings.focus.title} in {settings.repository}"
    if about is not None:
        # Of what is redacted, not of the log: a secret that is cut in two is known by nobody.
        subject = f"{about.type}: {about.message}" if about.message else about.type
    priority = f"{about.priority}: " if about is not None else ""
    at = record.created_at if last is None else last.ended_at or last.started_at
    return IncidentSummary(
        event=event, title=one_line(f"{priority}{_TITLES[event]}: {subject}", MOST_TITLE), at=at,
        repository=settings.repository, focus=one_line(settings.focus.name), run=record.ref.run,
        cycle=record.ref.number, cycles=settings.cycles, incident=about, cause=_cause(record),
        verdicts=_verdicts(record), state=one_line(state_in_words(record, workflow), MOST_PROSE),
        next=one_line(next_in_words(record, workflow).removeprefix("Next: "), MOST_PROSE),
        cost=_cost(record.usage, settings.scripted),
    )


def _incident(ranked: RankedIncident) -> NoticeIncident:
    incident, urgency = ranked.incident, urgency_of(ranked)
    return NoticeIncident(
        type=one_line(incident.root.type), message=one_line(incident.root.message),
        location=one_line(incident.root.location), fingerprint=incident.fingerprint, priority=urgency.priority,
        priority_reason=one_line(urgency.why), severity=incident.severity.value,
        regressed=ranked.values.novelty is Novelty.REGRESSED, entries=incident.entries,
        error_entries=incident.error_entries, instances=len(incident.instances), services=_names(incident.services),
        revisions=_names(incident.revisions), revision_count=len(incident.revisions),
        first_seen=_time(incident.first_seen), last_seen=_time(incident.last_seen),
    )


def _cause(record: CycleRecord) -> NoticeCause | None:
    whys, proven = record.latest(FiveWhys), record.latest(Proven)
    cause = None if whys is None else whys.root_cause
    if cause is None:
        return None
    holds = proven is not None and proven.proof.verdict is Verdict.PROVEN
    cited = cause.support is Support.CITED
    if holds:
        words = "The model's words. The proof holds: tests fail without the fix and pass with it."
    elif cited:
        words = "The model's words. What they cite was found in the log and the code; no proof says yet that they hold."
    else:
        words = "The model's words, unproven: the evidence does not support them."
    return NoticeCause(
        statement=one_line(cause.statement, MOST_PROSE), support="cited" if cited else "unproven", proven=holds,
        words=words,
    )


def _verdicts(record: CycleRecord) -> NoticeVerdicts:
    audited, ran, proven = record.latest(TestsAudited), record.latest(TestsRun), record.latest(Proven)
    return NoticeVerdicts(
        audit=None if audited is None else audited.report.recommendation.value,
        reproduced=None if ran is None else ran.reproduced,
        proof=None if proven is None else proven.proof.verdict.value,
        runs="" if proven is None else one_line(proven.proof.tally),
    )


def _cost(usage: Usage, scripted: bool) -> NoticeCost:
    return NoticeCost(usd=usage.cost_usd, tokens=usage.tokens, scripted=scripted)


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one_line(name) for name in names[-MOST_NAMES:])


def _time(text: str) -> str:
    return text if _TIME.fullmatch(text) else ""


def one_line(text: str, most: int = MOST_LINE) -> str:
    """Text on one line without secrets, in which everything can be seen; cut where it is longer than `most`."""
    line = " ".join(visible(redact(text)).split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def cleaned(summary: IncidentSummary) -> IncidentSummary:
    """A summary from elsewhere as `summary_of` would have made it: every text one line, redacted, nothing hidden."""
    return IncidentSummary.model_validate(_cleaned(summary.model_dump(mode="json")))


def _cleaned(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: item if key in _EXACT else _cleaned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    # What stands in for a secret may be longer than the secret was.
    return one_line(value, max(len(value), 1)) if isinstance(value, str) else value


def trial(repository: str, destination: str, at: datetime) -> Notice:
    """A notice that tells of nothing, to see whether notices arrive. Each has an id of its own."""
    digest = hashlib.sha256(f"trial {repository} {destination} {at.isoformat()}".encode()).hexdigest()
    return Notice(
        id=f"msg_{digest[:32]}", event="test", title=one_line(f"A test notice for {repository}", MOST_TITLE), at=at,
        repository=repository, focus="", run="", cycle=1, cycles=1,
        state=f"Somebody ran `bot notify --test {destination}`.", next="nothing; notices to this place arrive.",
        cost=NoticeCost(usd=Decimal(0), tokens=0, scripted=False),
    )


def notice_json(notice: Notice) -> bytes:
    """The body for whoever takes whybot's own JSON."""
    document = notice.model_dump(mode="json", by_alias=True)
    first = {name: document.pop(name) for name in ("schema", "id")}
    return json.dumps({**first, **document}, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
