"""What `bot logs --json` says: one document, `whybot/logs/1`. The README lists its keys."""

from __future__ import annotations

from bot.domain.logs import Incident, LogGroup, LogQuery, RankedIncident, Selection
from bot.logs.analysis import Analysis
from bot.logs.query import gcp_filter


def logs_document(query: LogQuery, analysis: Analysis, selection: Selection) -> dict[str, object]:
    """Put together what was read, the ranked incidents and the selected one."""
    report = analysis.report
    winner = selection.winner
    ranked = sorted((*((winner,) if winner else ()), *selection.runners_up), key=lambda one: one.place)
    return {
        "schema": "whybot/logs/1",
        "focus": query.focus.name,
        "source": report.source,
        "since": None if query.since is None else query.since.isoformat(),
        "span": None if analysis.span is None else list(analysis.span),
        "entries_read": report.entries_read,
        "entries_damaged": report.entries_damaged,
        "duplicates": report.duplicates,
        "passed_over": report.passed_over,
        "damaged": [sample.model_dump() for sample in report.damaged_samples],
        "unread": list(report.unread),
        "filter": gcp_filter(query),
        "groups": [_group(group) for group in analysis.groups],
        "incidents": [_incident(one) for one in ranked],
        "selected": None if winner is None else _selected(winner.incident, selection),
        "reasons": list(selection.reasons),
    }


def _group(group: LogGroup) -> dict[str, object]:
    return {
        "fingerprint": group.fingerprint, "kind": group.kind.value, "severity": group.severity.value,
        "count": group.count, "sample": group.title, "first_seen": group.first_seen, "last_seen": group.last_seen,
        "services": list(group.services), "revisions": list(group.revisions), "instances": len(group.instances),
        "insert_ids": list(group.insert_ids), "shown_with": group.shown_with or None,
    }


def _incident(one: RankedIncident) -> dict[str, object]:
    incident = one.incident
    return {
        "place": one.place, "fingerprint": incident.fingerprint, "root": incident.root.model_dump(),
        "severity": incident.severity.value, "tier": one.values.tier, "novelty": one.values.novelty.value,
        "why": one.why or None, "lost": one.lost.model_dump(mode="json") if one.lost else None,
        "instances": len(incident.instances), "entries": incident.entries, "error_entries": incident.error_entries,
        "inferred_errors": incident.inferred_errors, "first_seen": incident.first_seen,
        "last_seen": incident.last_seen, "services": list(incident.services),
        "revisions": list(incident.revisions), "commits": list(incident.commits),
        "timeline": list(incident.timeline), "members": [group.fingerprint for group in incident.groups],
    }


def _selected(incident: Incident, selection: Selection) -> dict[str, object]:
    return {
        "fingerprint": incident.fingerprint,
        "root": incident.root.model_dump(),
        "members": [
            {"fingerprint": group.fingerprint, "severity": group.severity.value, "count": group.count,
             "sample": group.title}
            for group in incident.groups
        ],
        "entries": incident.entries,
        "error_entries": incident.error_entries,
        "inferred_errors": incident.inferred_errors,
        "instances": len(incident.instances),
        "instance_ids": list(incident.instances),
        "revisions": list(incident.revisions),
        "commits": list(incident.commits),
        "followed": [followed.model_dump() for followed in incident.followed],
        "reasons": list(selection.reasons),
    }
