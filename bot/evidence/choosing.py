"""Which log entries of an incident are worth showing: its chain, its trace, its groups, and what happened around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.domain.logs import Incident, LogEntry
from bot.evidence.words import fold_digits

_CHAIN_NS = 2_000_000_000
_MOST_CONTEXT = 40
_MOST_AT_REVISION = 20


def in_time(entry: LogEntry) -> tuple[int, str]:
    """The order of entries."""
    return (entry.time_ns, entry.insert_id)


def _folded(entry: LogEntry) -> str:
    return fold_digits(entry.text)


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


def trace_of(chain: Sequence[LogEntry]) -> str:
    """Return the trace of the representative, or the only one that its chain names; empty where there is none."""
    named = {entry.trace for entry in chain if entry.trace}
    own = chain[0].trace if chain else ""
    return own or (named.pop() if len(named) == 1 else "")


def entries_in_trace(chain: Sequence[LogEntry], entries: Sequence[LogEntry]) -> list[LogEntry]:
    """Return what of `entries` is of the chain's trace, nearest first, of one service each wording once.

    The chain itself is left out; what else failed in the trace is not.
    """
    trace = trace_of(chain)
    if not trace:
        return []
    shown = {in_time(entry) for entry in chain}
    there = [entry for entry in entries if entry.trace == trace and in_time(entry) not in shown and entry.text.strip()]
    found: dict[tuple[str, str], LogEntry] = {}
    for entry in sorted(there, key=lambda entry: (abs(entry.time_ns - chain[0].time_ns), in_time(entry))):
        found.setdefault((entry.service, _folded(entry)), entry)
    return list(found.values())[:_MOST_CONTEXT]


def entries_around(chain: Sequence[LogEntry], rest: Sequence[LogEntry]) -> list[LogEntry]:
    """Return what of `rest` happened on the chain's instance until it had failed: nearest first, each wording once."""
    if not chain or not chain[0].instance:
        return []
    until = _until(chain)
    return _latest(rest, lambda entry: entry.time_ns <= until and entry.instance == chain[0].instance)


def entries_at_revision(chain: Sequence[LogEntry], rest: Sequence[LogEntry],
                        shown: Sequence[LogEntry]) -> list[LogEntry]:
    """Return what of `rest` happened at the chain's revision, elsewhere, before it failed: each wording once.

    What no instance of the service logged (deployments) comes first, nearest first; then what the revision's other
    instances said, earliest first. Of neither what reads like something in `shown`.
    """
    if not chain:
        return []
    own, until = chain[0], _until(chain)
    began = min(entry.time_ns for entry in chain)
    known = {_folded(entry) for entry in shown}
    there = [entry for entry in rest if entry.project == own.project and entry.service == own.service
             and _folded(entry) not in known]
    told = _latest(there, lambda entry: entry.time_ns <= until and not entry.instance)
    started: dict[str, LogEntry] = {}
    for entry in there:
        at_revision = own.revision and entry.revision == own.revision and entry.instance not in ("", own.instance)
        if at_revision and entry.time_ns < began and entry.text.strip():
            started.setdefault(_folded(entry), entry)
    return [*told, *started.values()][:_MOST_AT_REVISION]


def _until(chain: Sequence[LogEntry]) -> int:
    """When the chain was over: parts that have no severity may follow its last error within microseconds."""
    return max(entry.time_ns for entry in chain) + _CHAIN_NS


def _latest(entries: Sequence[LogEntry], fits: Callable[[LogEntry], bool]) -> list[LogEntry]:
    found: dict[str, LogEntry] = {}
    for entry in reversed(entries):
        if fits(entry) and entry.text.strip():
            found.setdefault(_folded(entry), entry)
    return list(found.values())[:_MOST_CONTEXT]
