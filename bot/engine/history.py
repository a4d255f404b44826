"""How incidents stand and what was found out before, as mutes and earlier records say. Pure: records in, values out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime

from bot.domain.audit import FindingSeverity, Recommendation
from bot.domain.base import Fingerprint, Sha, counted, headline
from bot.domain.config import MuteConfig
from bot.domain.earlier import EarlierFinding, EarlierRuledOut
from bot.domain.effects import BranchPush, IssueUpsert
from bot.domain.logs import Novelty, Standing
from bot.domain.proof import Verdict
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus
from bot.domain.results import FiveWhys, Fixed, Proven, StepResult, TestsAudited, TestsRun

MOST_FINDINGS = 5
"""Earlier cycles that are told of, the newest."""
_MOST_REJECTED = 6
_MOST_RULED_OUT = 6
_MOST_QUOTED = 240


def standings(
    records: Iterable[CycleRecord], forge: str, mutes: Sequence[MuteConfig], today: date, run: str = ""
) -> Mapping[Fingerprint, Standing]:
    """Return how each fingerprint stands that a record or a mute names, aliases included.

    `records` come oldest first. `run` is the run that asks: what it took up before, it does not take up again.
    Of another run, only what has an issue on `forge` counts; what was merely looked at is new. A mute comes
    before what records say, until its last day is over (UTC); then it is none.
    """
    found: dict[Fingerprint, Standing] = {}
    for record in records:
        standing = _standing(record, forge, run)
        if standing is None:
            continue
        for name in _names(record):
            before = found.get(name)
            # Work that has not ended well or badly goes on, whatever a later record found out on the side.
            if standing.novelty is Novelty.KNOWN and before is not None and before.novelty is Novelty.IN_WORK:
                continue
            found[name] = standing
    for mute in mutes:
        if mute.until >= today:
            found[mute.fingerprint] = Standing(novelty=Novelty.MUTED, why=f"until {mute.until}: {mute.why}")
    return found


def _standing(record: CycleRecord, forge: str, run: str) -> Standing | None:
    """What a record says of its incident.

    Being fixed is a mark that is set when the logs have had the last word; a proposed fix is work until then.
    """
    if record.ref.run == run:
        return Standing(novelty=Novelty.IN_WORK, why=f"taken up by this run in cycle {record.ref.number}")
    if not _filed(record, forge):
        return None
    if record.fixed is not None:
        why = f"as of {record.fixed.at:%Y-%m-%d %H:%M} UTC: {record.fixed.how}, {record.ref}"
        return Standing(novelty=Novelty.FIXED, why=why, fixed_at=record.fixed.at)
    if record.end is CycleEnd.FIX_PROPOSED:
        return Standing(novelty=Novelty.IN_WORK, why=f"a fix is proposed: {record.ref}", fix=_fix(record))
    if record.status is not CycleStatus.ENDED:
        return Standing(novelty=Novelty.IN_WORK, why=f"its cycle has not ended: {record.ref}")
    ended = record.end.value if record.end is not None else "ended"
    return Standing(novelty=Novelty.KNOWN, why=f"{record.ref} ended: {ended}")


def _names(record: CycleRecord) -> tuple[Fingerprint, ...]:
    incident = record.incident
    return () if incident is None else (incident.fingerprint, *incident.aliases)


def _fix(record: CycleRecord) -> Sha | None:
    """The commit of the fix that was really pushed."""
    pushed = (item.effect for item in record.effects() if item.receipt is not None)
    return next((effect.head for effect in pushed if isinstance(effect, BranchPush)), None)


def _filed(record: CycleRecord, forge: str) -> bool:
    """Whether the cycle really has an issue on that forge."""
    return record.settings.forge == forge and any(
        isinstance(item.effect, IssueUpsert) and item.receipt is not None and item.receipt.number is not None
        for item in record.effects()
    )


def findings(
    records: Iterable[CycleRecord], names: Iterable[Fingerprint], before: datetime
) -> tuple[EarlierFinding, ...]:
    """Return what earlier cycles on an incident of one of these fingerprints or aliases came to, newest first.

    `records` come oldest first. Only cycles count that had ended by `before` and got as far as the whys: what a cycle
    is told of is then the same whenever it is resumed, but for one that had done its last step by then and was ended
    later. At most `MOST_FINDINGS`.
    """
    wanted = frozenset(names)
    found = [
        finding for record in records
        if not wanted.isdisjoint(_names(record)) and (finding := _finding(record, before)) is not None
    ]
    return tuple(reversed(found))[:MOST_FINDINGS]


def _finding(record: CycleRecord, before: datetime) -> EarlierFinding | None:
    whys, last = record.latest(FiveWhys), record.current
    if record.status is not CycleStatus.ENDED or record.end is None or whys is None or last is None:
        return None
    if (last.ended_at or last.started_at) > before:
        return None
    proven = record.latest(Proven)
    ruled_out = (*whys.ruled_out, *(item for why in whys.whys for item in why.ruled_out))
    rejected = (text for step in record.steps if step.result is not None for text in _rejected(step.result))
    cause = whys.root_cause
    told = EarlierFinding(
        cycle=str(record.ref), ended=record.end.value,
        ruled_out=tuple(EarlierRuledOut(hypothesis=item.hypothesis, support=item.support)
                        for item in ruled_out[:_MOST_RULED_OUT]),
        rejected=tuple(dict.fromkeys(rejected))[-_MOST_REJECTED:],
    )
    if cause is None:
        return told
    return told.model_copy(update={
        "cause": cause.statement, "support": cause.support,
        "proven": proven is not None and proven.proof.verdict is Verdict.PROVEN,
    })


def _rejected(result: StepResult) -> Iterator[str]:
    """Why tests or a fix did not pass, in words of code; what may hold a model's words stands in quotes."""
    if isinstance(result, TestsAudited) and result.report.recommendation is Recommendation.HOLD:
        errors = [finding for finding in result.report.findings if finding.severity is FindingSeverity.ERROR]
        rules = ", ".join(dict.fromkeys(finding.rule for finding in errors))
        if rules:
            yield f"The audit held its tests back for {counted(len(errors), 'error')}: {rules}."
        else:
            yield f"The audit held its tests back: {_quoted(' '.join(result.report.reasons))}"
    elif isinstance(result, TestsRun) and not result.reproduced:
        yield f"Its tests did not reproduce the incident: {_quoted(result.reason)}"
    elif isinstance(result, Fixed) and result.patch is None:
        rules = ", ".join(dict.fromkeys(finding.rule for finding in result.findings if finding.hard))
        yield f"The fix guard rejected a fix: {rules or 'no rule is recorded'}."
    elif isinstance(result, Proven) and result.proof.verdict is not Verdict.PROVEN:
        first = next(iter(result.proof.missing), "")
        yield f"A fix was not proven ({counted(len(result.proof.missing), 'reason')}): {_quoted(first)}"


def _quoted(text: str) -> str:
    return json.dumps(headline(text, _MOST_QUOTED), ensure_ascii=False)
