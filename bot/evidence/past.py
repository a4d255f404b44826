"""What a pack tells of the past: commits that touched the lines of a traceback, and what earlier cycles came to."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from bot.domain.base import headline
from bot.domain.earlier import EarlierFinding
from bot.domain.evidence import Support
from bot.domain.logs import Incident
from bot.domain.moments import nanoseconds_of, parse_nanoseconds
from bot.evidence.code import CodeAt
from bot.evidence.room import Wish
from bot.ports import PastCommit

RECENT_DAYS = 7
"""A commit of so many days before the first occurrence is marked as recent."""
MOST_COMMITS = 5
_MOST_PLACES = 4
_MOST_FUNCTION_LINES = 200
_AROUND = 15
_MOST_SUBJECT = 200
_MOST_QUOTED = 400
_DAY_NS = 86_400 * 1_000_000_000

History = Callable[[str, int, int], tuple[PastCommit, ...]]
"""The commits that touched the lines (first, last) of a path, as they stand at the pack's commit, newest first."""


class Past(NamedTuple):
    """Where a pack's past comes from. `redact` takes secrets out of subjects and of an earlier model's words."""

    redact: Callable[[str], str]
    history: History | None = None
    findings: tuple[EarlierFinding, ...] = ()


def commit_wishes(incident: Incident, code: CodeAt, frames: Sequence[tuple[str, int]], past: Past) -> list[Wish]:
    """The newest commits that touched the functions in which the frames are, newest first, with which lines."""
    if past.history is None:
        return []
    touched: dict[PastCommit, list[str]] = defaultdict(list)
    for path, first, last in _places(code, frames):
        for commit in past.history(path, first, last):
            touched[commit].append(f"{path}:{first}-{last}")
    newest = sorted(touched, key=lambda one: (-nanoseconds_of(one.when), one.commit))[:MOST_COMMITS]
    return [
        Wish("commit", one.commit, headline(past.redact(one.subject), _MOST_SUBJECT) or "(no subject)",
             nanoseconds_of(one.when), f"touched {', '.join(touched[one])}{_when(one, incident)}")
        for one in newest
    ]


def _places(code: CodeAt, frames: Sequence[tuple[str, int]]) -> list[tuple[str, int, int]]:
    """The functions around the frames, as path, first and last line; where there is none or a long one, lines."""
    places: dict[tuple[str, int, int], None] = {}
    for path, line in frames:
        count = code.count_lines(path)
        if not 1 <= line <= count:
            continue
        around = code.enclosing(path, line)
        if around is not None and around.last - around.first < _MOST_FUNCTION_LINES:
            places[path, around.first, min(around.last, count)] = None
        else:
            places[path, max(1, line - _AROUND), min(count, line + _AROUND)] = None
    return list(places)[:_MOST_PLACES]


def _when(commit: PastCommit, incident: Incident) -> str:
    try:
        before = parse_nanoseconds(incident.first_seen) - nanoseconds_of(commit.when)
    except ValueError:
        return ""
    if before < 0:
        return "; after the first occurrence"
    return f"; in the {RECENT_DAYS} days before the first occurrence" if before <= RECENT_DAYS * _DAY_NS else ""


def finding_wishes(past: Past) -> list[Wish]:
    """What earlier cycles came to, newest first."""
    return [Wish("finding", one.cycle, "\n".join(_sentences(one, past.redact)), origin="an earlier cycle")
            for one in past.findings]


def _sentences(finding: EarlierFinding, redact: Callable[[str], str]) -> Iterator[str]:
    """A finding in words of code; the words of its model stand in quotes, and whether they were proven beside them."""

    def quoted(text: str) -> str:
        return json.dumps(headline(redact(text), _MOST_QUOTED), ensure_ascii=False)

    yield f"The cycle ended: {finding.ended}."
    if finding.cause and finding.proven:
        yield f"It named this root cause, and a fix proved it: {quoted(finding.cause)}"
    elif finding.cause and finding.support is Support.CITED:
        yield f"It named this root cause; its citations held, but nothing proved it: {quoted(finding.cause)}"
    elif finding.cause:
        yield f"It claimed this root cause, which is unproven: {quoted(finding.cause)}"
    for item in finding.ruled_out:
        if item.support is Support.CITED:
            yield f"It ruled this out, with citations that held: {quoted(item.hypothesis)}"
        else:
            yield f"It claimed to rule this out, which is unproven: {quoted(item.hypothesis)}"
    for sentence in finding.rejected:
        yield redact(sentence)
