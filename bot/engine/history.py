"""How incidents stand and what was found out before, as mutes and earlier cycles say. Pure: records in, values out.

A cycle is known by its record, or where that is out of reach by its entry in the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from bot.domain.audit import FindingSeverity, Recommendation
from bot.domain.base import Fingerprint, Sha, counted, headline
from bot.domain.config import MuteConfig
from bot.domain.earlier import EarlierFinding, EarlierRuledOut
from bot.domain.effects import BranchPush, IssueUpsert, Receipt, RecordedEffect, RepositoryName
from bot.domain.logs import Novelty, SeenBefore, Standing
from bot.domain.past import PastCycle
from bot.domain.proof import Verdict
from bot.domain.record import CycleEnd, CycleRecord, CycleRef, CycleStatus, FixedMark
from bot.domain.results import FiveWhys, Fixed, Proven, StepResult, TestsAudited, TestsRun

MOST_FINDINGS = 5
"""Earlier cycles that are told of, the newest."""
_MOST_REJECTED = 6
_MOST_RULED_OUT = 6
_MOST_QUOTED = 240
_MOST_REVISIONS = 50
_MOST_NAME = 200


Known = CycleRecord | PastCycle
"""What a cycle is known by."""


@dataclass(frozen=True)
class _Seen:
    """What a standing rests on. `filed`: it has an issue on the forge, or one is about to be published."""

    ref: CycleRef
    names: tuple[Fingerprint, ...]
    filed: bool
    status: CycleStatus
    end: CycleEnd | None
    fixed: FixedMark | None
    fix: Sha | None
    before: SeenBefore | None


def standings(
    cycles: Iterable[Known], forge: str, mutes: Sequence[MuteConfig], today: date, run: str = ""
) -> Mapping[Fingerprint, Standing]:
    """Return how each fingerprint stands that a cycle or a mute names, aliases included.

    `cycles` come oldest first. `run` is the run that asks: what it took up before, it does not take up again.
    Of another run, only what has an issue on `forge` counts; what was merely looked at is new. A mute comes
    before what cycles say, until its last day is over (UTC); then it is none.
    """
    found: dict[Fingerprint, Standing] = {}
    for known in cycles:
        seen = _seen(known, forge)
        standing = _standing(seen, run)
        if standing is None:
            continue
        for name in seen.names:
            before = found.get(name)
            # Work that has not ended well or badly goes on, whatever a later record found out on the side.
            if standing.novelty is Novelty.KNOWN and before is not None and before.novelty is Novelty.IN_WORK:
                continue
            found[name] = standing
    for mute in mutes:
        if mute.until >= today:
            found[mute.fingerprint] = Standing(novelty=Novelty.MUTED, why=f"until {mute.until}: {mute.why}")
    return found


def _seen(known: Known, forge: str) -> _Seen:
    if isinstance(known, PastCycle):
        filed = known.forge == forge and known.issue is not None
        return _Seen(known.ref, known.names, filed, known.status, known.end, known.fixed, known.fix, known.seen)
    filed = known.settings.forge == forge and _filed(known)
    return _Seen(
        known.ref, names_of(known), filed, known.status, known.end, known.fixed, fix_of(known.effects()),
        seen_before(known),
    )


def _standing(seen: _Seen, run: str) -> Standing | None:
    """What a cycle says of its incident.

    Being fixed is a mark that is set when the logs have had the last word; a proposed fix is work until then.
    """
    if seen.ref.run == run:
        return Standing(novelty=Novelty.IN_WORK, why=f"taken up by this run in cycle {seen.ref.number}")
    if not seen.filed:
        return None
    if seen.fixed is not None:
        why = f"as of {seen.fixed.at:%Y-%m-%d %H:%M} UTC: {seen.fixed.how}, {seen.ref}"
        before = seen.before and seen.before.model_copy(update={"fixed_at": seen.fixed.at})
        return Standing(novelty=Novelty.FIXED, why=why, fixed_at=seen.fixed.at, seen=before)
    if seen.end is CycleEnd.FIX_PROPOSED:
        why = f"a fix is proposed: {seen.ref}"
        return Standing(novelty=Novelty.IN_WORK, why=why, fix=seen.fix, seen=seen.before)
    if seen.status is not CycleStatus.ENDED:
        return Standing(novelty=Novelty.IN_WORK, why=f"its cycle has not ended: {seen.ref}")
    ended = seen.end.value if seen.end is not None else "ended"
    return Standing(novelty=Novelty.KNOWN, why=f"{seen.ref} ended: {ended}")


def seen_before(record: CycleRecord) -> SeenBefore | None:
    """How a cycle saw its incident, for a later one on which it is back."""
    incident = record.incident
    if incident is None:
        return None
    return SeenBefore(
        cycle=str(record.ref), entries=incident.entries, instances=len(incident.instances),
        revisions=tuple(name for name in incident.revisions if len(name) <= _MOST_NAME)[-_MOST_REVISIONS:],
        first_seen=incident.first_seen, last_seen=incident.last_seen,
    )


def names_of(known: Known) -> tuple[Fingerprint, ...]:
    """The fingerprint of a cycle's incident, and its aliases."""
    if isinstance(known, PastCycle):
        return known.names
    incident = known.incident
    return () if incident is None else (incident.fingerprint, *incident.aliases)


def repository_of(known: Known) -> RepositoryName:
    """The repository that a cycle works on."""
    return known.repository if isinstance(known, PastCycle) else known.settings.repository


def fix_of(effects: Iterable[RecordedEffect]) -> Sha | None:
    """The commit of the fix that was really pushed."""
    pushed = (item.effect for item in effects if _is_out(item.receipt))
    return next((effect.head for effect in pushed if isinstance(effect, BranchPush)), None)


def _is_out(receipt: Receipt | None) -> bool:
    return receipt is not None and receipt.did not in {"kept for later", "not published"}


def _filed(record: CycleRecord) -> bool:
    """Whether the cycle has an issue, or one that another job is about to publish."""
    receipts = (
        *(item.receipt for item in record.effects() if isinstance(item.effect, IssueUpsert)),
        *(one.receipt for retry in record.retries for one in retry.published if one.effect == "issue"),
    )
    return any(receipt is not None and (receipt.number is not None or receipt.did == "kept for later")
               for receipt in receipts)


def findings(cycles: Iterable[Known], names: Iterable[Fingerprint], before: datetime) -> tuple[EarlierFinding, ...]:
    """Return what earlier cycles on an incident of one of these fingerprints or aliases came to, newest first.

    `cycles` come oldest first. Only those count that had ended by `before` and got as far as the whys: what a cycle
    is told of is then the same whenever it is resumed, but for one that had done its last step by then and was ended
    later. At most `MOST_FINDINGS`.
    """
    wanted = frozenset(names)
    found = [
        finding for known in cycles
        if not wanted.isdisjoint(names_of(known)) and (ended := ended_at(known)) is not None and ended <= before
        and (finding := finding_of(known)) is not None
    ]
    return tuple(reversed(found))[:MOST_FINDINGS]


def ended_at(known: Known) -> datetime | None:
    """When a cycle did its last step, if it has ended."""
    if isinstance(known, PastCycle):
        return known.ended_at
    last = known.current
    return None if known.status is not CycleStatus.ENDED or last is None else last.ended_at or last.started_at


def finding_of(known: Known) -> EarlierFinding | None:
    """What a cycle came to that has ended and got as far as the whys."""
    if isinstance(known, PastCycle):
        return known.finding
    record, whys = known, known.latest(FiveWhys)
    if record.status is not CycleStatus.ENDED or record.end is None or whys is None:
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
