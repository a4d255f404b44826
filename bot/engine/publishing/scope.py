"""What the effects of a record belong to."""

from __future__ import annotations

from bot.domain.publication import Scope
from bot.domain.record import CycleRecord
from bot.domain.results import Retrieved


def scope_of(record: CycleRecord) -> Scope:
    """All that policy asks about a record's effects."""
    retrieved = record.latest(Retrieved)
    commit = None if retrieved is None else retrieved.commit
    return Scope(
        repository=record.settings.repository, fingerprint=record.fingerprint, run=record.ref.run,
        cycle=record.ref.number, base=None if commit is None else commit.sha,
        target="" if retrieved is None else retrieved.target,
    )
