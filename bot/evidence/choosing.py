"""Which log entries of an incident are worth showing: its chain, one for each group, and what happened around it."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.logs import Incident, LogEntry

_CHAIN_NS = 2_000_000_000
_MOST_CONTEXT = 40
_DIGITS = str.maketrans("123456789", "000000000")


def in_time(entry: LogEntry) -> tuple[int, str]:
    """The order of entries."""
    return (entry.time_ns, entry.insert_id)


def _folded(entry: LogEntry) -> str:
    return entry.text.translate(_DIGITS)


def own_entries(incident: Incident, entries: Sequence[LogEntry],
                      ) -> tuple[list[LogEntry], list[LogEntry], list[LogEntry]]:
    """Return the representative's chain, one entry for each other group, and all that are not the incident's.

    `entries` are in time order. The chain holds what failed within two seconds on one instance, each wording
    once, digits aside; without an entry that a group names there is none.
    """
    by_id: dict[str, LogEntry] = {}
    for entry in entries:
        by_id.setdefault(entry.insert_id, entry)
    groups = sorted(incident.groups, key=lambda group: group.fingerprint != incident.fingerprint)
    found = [[by_id[name] for name in group.insert_ids if name in by_id] for group in groups]
    named = [entry for members in found for entry in members]
    if not named:
        return [], [], list(entries)
    first, wordings = named[0], {_folded(entry) for entry in named}
    own = [entry for entry in entries if _folded(entry) in wordings]
    chain: list[LogEntry] = []
    seen: set[str] = set()
    for entry in (first, *own):
        near = abs(entry.time_ns - first.time_ns) <= _CHAIN_NS and entry.instance == first.instance
        if near and _folded(entry) not in seen:
            chain.append(entry)
            seen.add(_folded(entry))
    others = []
    for members in found:
        if members and not any(_folded(member) in seen for member in members):
            others.append(members[0])
            seen.add(_folded(members[0]))
    return chain, others, [entry for entry in entries if _folded(entry) not in wordings]


def entries_around(chain: Sequence[LogEntry], rest: Sequence[LogEntry]) -> list[LogEntry]:
    """Return what of `rest` happened on the chain's instance until it had failed: nearest first, each wording once."""
    if not chain:
        return []
    # Parts of a chain that have no severity may follow its last error within microseconds.
    until = max(entry.time_ns for entry in chain) + _CHAIN_NS
    found: dict[str, LogEntry] = {}
    for entry in reversed(rest):
        if entry.time_ns <= until and entry.instance == chain[0].instance and entry.text.strip():
            found.setdefault(_folded(entry), entry)
    return list(found.values())[:_MOST_CONTEXT]
