"""The ranked incidents as a table that a person can check: what was found, and in what each came behind.

Rows are plain strings with text of others in them: whoever prints them makes them harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from bot.domain.base import Frozen
from bot.domain.logs import Focus, Followed, Lost, RankBy, RankedIncident, Selection
from bot.domain.moments import parse_nanoseconds
from bot.logs.query import threshold
from bot.logs.ranking import NOT_CHOSEN, named
from bot.logs.severity import RANK
from bot.reports.markdown import cell

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII = "_.:-=+*#"
"""For terminals that cannot show blocks."""
_MOST_REVISIONS = 2


def sparkline(counts: Sequence[int], levels: str = BLOCKS) -> str:
    """Draw counts as one character each, in proportion to the largest. The lowest level means none at all."""
    most = max(counts, default=0)
    steps = len(levels) - 1
    return "".join(levels[-(-count * steps // most)] if count > 0 else levels[0] for count in counts)


def levels_for(encoding: str | None) -> str:
    """Return the levels that a stream of that encoding can show."""
    try:
        BLOCKS.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BLOCKS


class IncidentRow(Frozen):
    """An incident as a line of the table. `standing` is its novelty, `ground` what that rests on, if anything.

    `behind` is empty for the winner and says for every other one in what it came behind.
    """

    place: int
    fingerprint: str
    incident: str
    location: str
    severity: str
    standing: str
    ground: str
    instances: int
    entries: int
    first_seen: str
    last_seen: str
    services: str
    revisions: str
    occurrences: str
    behind: str


def incident_rows(selection: Selection, levels: str = BLOCKS) -> tuple[IncidentRow, ...]:
    """All ranked incidents in their order."""
    winner = (selection.winner,) if selection.winner else ()
    return tuple(_row(one, levels) for one in sorted((*winner, *selection.runners_up), key=lambda one: one.place))


def _row(one: RankedIncident, levels: str) -> IncidentRow:
    incident = one.incident
    return IncidentRow(
        place=one.place,
        fingerprint=incident.fingerprint,
        incident=named(incident),
        location=incident.root.location,
        severity=incident.severity.value,
        standing=one.values.novelty.value,
        ground=one.why,
        instances=one.values.instances,
        entries=one.values.entries,
        first_seen=incident.first_seen,
        last_seen=incident.last_seen,
        services=some_of(incident.services, _MOST_REVISIONS),
        revisions=some_of(incident.revisions, _MOST_REVISIONS),
        occurrences=sparkline(incident.timeline, levels),
        behind=lost_in_words(one.lost),
    )


def some_of(names: Sequence[str], most: int) -> str:
    """`y, z and 3 more`: the last ones by name, which of Cloud Run's numbered revisions are the newest."""
    shown = ", ".join(names[-most:])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def lost_in_words(lost: Lost | None) -> str:
    """Say in what an incident came behind the winner: `entries: 5 against 1,234`."""
    if lost is None:
        return ""
    if lost.value in NOT_CHOSEN:
        return "not to be chosen"
    if lost.by is RankBy.FINGERPRINT:
        return "order of fingerprints, for all else is equal"
    if lost.by is RankBy.LAST_SEEN:
        value, against = moment(lost.value), moment(lost.against)
        exact = (lost.value, lost.against) if value == against else (value, against)
        return f"last seen: {exact[0]} against {exact[1]}"
    return f"{lost.by.value}: {lost.value} against {lost.against}"


def moment(rfc3339: str) -> str:
    """A time as people read it, in UTC: `20 Nov 2026 14:03:11`. What is no time is given as it is."""
    at = _time(rfc3339)
    return f"{_day(at)} {at.year} {at:%H:%M:%S}" if at else rfc3339


def period(first: str, last: str) -> str:
    """Two times on one short line: `20 Nov 14:03:11 to 14:09:12`."""
    begin, end = _time(first), _time(last)
    if begin is None or end is None:
        return f"{first} to {last}"
    if begin.year != end.year:
        return f"{_day(begin)} {begin.year} to {_day(end)} {end.year}"
    if begin.date() != end.date():
        return f"{_day(begin)} {begin:%H:%M} to {_day(end)} {end:%H:%M}"
    return f"{_day(begin)} {begin:%H:%M:%S}" + (f" to {end:%H:%M:%S}" if begin != end else "")


def _time(rfc3339: str) -> datetime | None:
    """To the second; None for what is no time."""
    try:
        return datetime.fromtimestamp(parse_nanoseconds(rfc3339) // 1_000_000_000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b}"


def incident_table(selection: Selection, ranked: int = 0, most: int = 10) -> str:
    """The table in Markdown, text of others in code spans; a line below says how many are not shown.

    `ranked` is how many incidents there were, where the selection holds only the first of them.
    """
    rows = incident_rows(selection)
    total = max(ranked, len(rows))
    headings = ("", "incident", "severity", "standing", "instances", "entries", "first seen", "last seen",
                "services", "revisions", "occurrences", "fingerprint", "behind in")
    right = {"", "instances", "entries"}
    lines = [_line(headings), _line([("--:" if heading in right else "---") for heading in headings])]
    lines += [
        _line([
            str(row.place), cell(row.incident), row.severity, _standing(row), f"{row.instances:,}",
            f"{row.entries:,}", row.first_seen, row.last_seen,
            cell(row.services) if row.services else "", cell(row.revisions) if row.revisions else "",
            row.occurrences, cell(row.fingerprint), row.behind,
        ])
        for row in rows[:most]
    ]
    if total > most:
        lines += ["", f"{total - most:,} more not shown."]
    return "\n".join(lines)


def _standing(row: IncidentRow) -> str:
    return f"{row.standing}: {cell(row.ground)}" if row.ground else row.standing


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def followed_in_words(followed: Followed) -> str:
    """When a group came: `120 ms after`, `3.2 s before`, `same trace`."""
    if followed.lag_ms is None:
        return "same trace"
    size = abs(followed.lag_ms)
    if size < 0.5:
        return "at once"
    amount = f"{size:,.0f} ms" if size < 1_000 else f"{size / 1_000:,.1f} s"
    return f"{amount} {'after' if followed.lag_ms > 0 else 'before'}"


def focus_in_words(focus: Focus) -> tuple[str, ...]:
    """What a focus reads and what it seeks, in sentences: the predicate of `bot/logs/query.py` for people."""
    least = next(name for name, rank in RANK.items() if rank == threshold(focus))
    part = (f"what says {least.value} or above, what says no severity but reads like it, and requests that ended "
            "with 500 or above")
    said = [
        f"Read: every entry of {_either('the service', focus.services) if focus.services else 'any service'}.",
        f"Part of an incident: {part}.",
    ]
    if focus.exclude:
        said.append(f"Not part of one: what holds {_either('the text', focus.exclude)}.")
    seeks = []
    if focus.least_http_status:
        seeks.append(f"a request that ended with {focus.least_http_status} or above")
    if focus.loggers:
        seeks.append(f"an entry of {_either('the logger', focus.loggers)}")
    if focus.terms:
        seeks.append(f"an entry with {_either('the term', focus.terms)}")
    said.append(f"Sought: an incident with {', or '.join(seeks)}." if seeks else "Sought: every incident.")
    return tuple(said)


def _either(kind: str, names: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return f"{kind} {quoted[0]}" if len(quoted) == 1 else f"{kind}s {', '.join(quoted[:-1])} or {quoted[-1]}"
