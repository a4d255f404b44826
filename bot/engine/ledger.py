"""The ledger: what cycles whose records are out of reach have in work, found out and spent (`bot/domain/past.py`)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bot.domain.asking import Charge
from bot.domain.earlier import EarlierFinding
from bot.domain.effects import IssueUpsert, PullRequestUpsert, RecordedEffect
from bot.domain.errors import ForgeConflict, ForgeProblem, RecordDamaged
from bot.domain.past import (
    LEDGER,
    MOST_CYCLES_KEPT,
    MOST_DAYS,
    MOST_FINDINGS_KEPT,
    MOST_NAMES,
    MOST_TOLD,
    NO_LEDGER,
    Ledger,
    PastCycle,
)
from bot.domain.record import CycleRecord, CycleRef
from bot.engine.history import ended_at, finding_of, fix_of, names_of, seen_before

if TYPE_CHECKING:
    from bot.ports import Forge, Store

MOST_BYTES = 4_000_000
MOST_REMEMBERED = 5_000
"""Cycles whose records were removed that a state remembers, the newest: a year and a half of ten every night."""

_MOST_FINDINGS_REMEMBERED = 500
_MOST_BYTES_REMEMBERED = 40_000_000
_MOST_TRIES = 8
_MOST_FINDING_CHARS = 8_000
_NUMBERS = ("issue", "pull")


def past_cycle(record: CycleRecord, charges: Iterable[Charge], *, private: bool, workflow_run: int | None) -> PastCycle:
    """What the ledger keeps of a cycle. `charges`: all that it paid. What it found out only the `private` may read."""
    spent: defaultdict[str, Decimal] = defaultdict(Decimal)
    for charge in {(charge.digest, charge.lost): charge for charge in (*record.charges, *charges)}.values():
        if charge.paid_at is not None and charge.usage.cost_usd:
            spent[charge.paid_at.date().isoformat()] += charge.usage.cost_usd
    days = sorted(spent.items())[-MOST_DAYS:]
    return with_receipts(PastCycle(
        ref=record.ref, version=record.version, repository=record.settings.repository, forge=record.settings.forge,
        created_at=record.created_at, ended_at=ended_at(record), status=record.status, end=record.end,
        step=record.current.step if record.current else "", names=names_of(record)[:MOST_NAMES], fixed=record.fixed,
        seen=seen_before(record),
        finding=short_finding(finding_of(record)) if private else None,
        issue=_aside(record, "issue"), pull=_aside(record, "pull_request"), spent_usd=dict(days),
        workflow_run=workflow_run,
    ), record.effects())


def short_finding(finding: EarlierFinding | None) -> EarlierFinding | None:
    """A finding, unless it is too long for a file that every cycle reads."""
    # Counted as it stands in the file, where a letter may be an escape of twelve.
    is_short = finding is not None and len(json.dumps(finding.model_dump(mode="json"))) <= _MOST_FINDING_CHARS
    return finding if is_short else None


def _aside(record: CycleRecord, kind: str) -> int | None:
    """The number of what a step published that was set aside since."""
    numbers = (one.receipt.number for retry in record.retries for one in retry.published if one.effect == kind)
    return next((number for number in numbers if number is not None), None)


def with_receipts(past: PastCycle, effects: Iterable[RecordedEffect]) -> PastCycle:
    """The entry with the numbers that a forge gave, and the fix if it was really pushed."""
    effects = tuple(effects)
    numbers: dict[str, object] = {}
    for item in effects:
        if item.receipt is None or item.receipt.number is None:
            continue
        if isinstance(item.effect, IssueUpsert):
            numbers["issue"] = item.receipt.number
        elif isinstance(item.effect, PullRequestUpsert):
            numbers["pull"] = item.receipt.number
    fix = fix_of(effects)
    return past.model_copy(update={**numbers, **({"fix": fix} if fix is not None else {})})


def merged(*ledgers: Ledger, most: int = MOST_CYCLES_KEPT, findings: int = MOST_FINDINGS_KEPT) -> Ledger:
    """All entries: of each cycle the newest, and of these the newest cycles, whatever order they come in.

    A number that a forge gave stays known: what publishes a cycle again may fail before it comes to the issue. What
    was paid stays paid, and who was told was told, whichever entry says so.
    """
    found: dict[CycleRef, list[PastCycle]] = defaultdict(list)
    for entry in (entry for ledger in ledgers for entry in ledger.cycles):
        found[entry.ref].append(entry)
    newest = [_joined(found[ref]) for ref in sorted(found, key=by_age)[-most:]]
    silent = max(len(newest) - findings, 0)
    return Ledger(cycles=tuple(
        entry.model_copy(update={"finding": None}) if place < silent and entry.finding is not None else entry
        for place, entry in enumerate(newest)
    ))


def _joined(entries: Sequence[PastCycle]) -> PastCycle:
    """One entry of several on one cycle."""
    newest = max(entries, key=_age)
    numbers = {
        name: max((number for entry in entries if (number := getattr(entry, name)) is not None), default=None)
        for name in _NUMBERS
    }
    days = sorted({day for entry in entries for day in entry.spent_usd})[-MOST_DAYS:]
    spent = {day: max(entry.spent_usd.get(day, Decimal(0)) for entry in entries) for day in days}
    told = sorted({one for entry in entries for one in entry.told})[:MOST_TOLD]
    return newest.model_copy(update={**numbers, "spent_usd": spent, "told": tuple(told)})


def by_age(ref: CycleRef) -> tuple[str, str, int]:
    """Sorts cycles, the oldest run first: a run's id begins with its time."""
    return ref.run, ref.focus, ref.number


def _age(entry: PastCycle) -> tuple[int, bool, str, str]:
    """Sorts entries of one cycle: by its record, then by whether a fix is out, then in any order that is always the
    same. A finding comes last, since it may have been left out of an old entry.
    """
    finding = "" if entry.finding is None else entry.finding.model_dump_json()
    rest = entry.model_dump_json(exclude={"finding", "spent_usd", "told", *_NUMBERS})
    return entry.version, entry.fix is not None, rest, finding


def read_ledger(forge: Forge, branch: str) -> Ledger:
    """The ledger on a forge's state branch. Raises RecordDamaged when it cannot be believed, ForgeProblem."""
    return _read(forge, branch)[0]


def remember(forge: Forge, branch: str, entries: Iterable[PastCycle]) -> bool:
    """Put entries into the ledger; return whether that changed it.

    What others put in meanwhile stays: it is read again, merged and written again. Raises RecordDamaged when what is
    there cannot be believed, ForgeProblem.
    """
    added = Ledger(cycles=tuple(entries))
    for _ in range(_MOST_TRIES):
        ledger, version = _read(forge, branch)
        wanted = merged(ledger, added)
        if wanted == ledger:
            return False
        try:
            forge.put_state(LEDGER, ledger_bytes(wanted), version)
        except ForgeConflict:
            continue
        return True
    raise ForgeProblem(
        f"{LEDGER} on the branch {branch} was changed by others {_MOST_TRIES} times while it was to be written.",
        "Run the same command again; nothing is published twice.",
    )


def _read(forge: Forge, branch: str) -> tuple[Ledger, str | None]:
    found = forge.state(LEDGER)
    return (NO_LEDGER, None) if found is None else (parse_ledger(found.content, f"the branch {branch}"), found.version)


def ledger_bytes(ledger: Ledger) -> bytes:
    """The file's content, one entry after another so that its history reads well."""
    body = ledger.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return (json.dumps({"schema": ledger.schema_name, **body}, indent=1) + "\n").encode()


def remembered(store: Store) -> Ledger:
    """What a state remembers of cycles whose records were removed. Raises RecordDamaged when it cannot be believed."""
    content = store.memory()
    return NO_LEDGER if content is None else parse_ledger(content, "the state", _MOST_BYTES_REMEMBERED)


def remember_here(store: Store, entries: Iterable[PastCycle]) -> None:
    """Put entries into what a state remembers. Raises RecordDamaged when what is there cannot be believed."""
    ledger = merged(remembered(store), Ledger(cycles=tuple(entries)), most=MOST_REMEMBERED,
                    findings=_MOST_FINDINGS_REMEMBERED)
    store.put_memory(ledger_bytes(ledger))


def parse_ledger(content: bytes, where: str, most: int = MOST_BYTES) -> Ledger:
    """Read the file's content, which lies in `where`. Raises RecordDamaged."""
    if len(content) > most:
        raise _damaged(where, f"it has {len(content):,} bytes, and {most:,} are read at most")
    try:
        ledger = Ledger.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        if place == "schema":
            raise RecordDamaged(
                f"{LEDGER} in {where} was written by another version of whybot.", "Install that version or a later one."
            ) from error
        raise _damaged(where, f"{place}: {first['msg']}" if place else first["msg"]) from error
    if len({entry.ref for entry in ledger.cycles}) != len(ledger.cycles):
        raise _damaged(where, "it has a cycle twice")
    return ledger


def _damaged(where: str, why: str) -> RecordDamaged:
    # Without it, an incident that is in work could be taken up a second time.
    return RecordDamaged(
        f"{LEDGER} in {where} is damaged, so it is not known what is in work: {why}.",
        "Restore an earlier version of the file, or delete it there to start afresh: open issues are found all the "
        "same, but what is in work is looked at again.",
    )
