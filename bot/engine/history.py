"""How incidents stand, as mutes and earlier records say. Pure: records in, standings out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from bot.domain.base import Fingerprint, Sha
from bot.domain.config import MuteConfig
from bot.domain.effects import BranchPush, IssueUpsert
from bot.domain.logs import Novelty, Standing
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus
from bot.domain.results import Retrieved


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
    retrieved = record.latest(Retrieved)
    if retrieved is None or retrieved.selection.winner is None:
        return ()
    incident = retrieved.selection.winner.incident
    return (incident.fingerprint, *incident.aliases)


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
