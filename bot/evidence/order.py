"""Whether the times of the log contradict a chain that goes from effect to cause: a cause comes first.

Times of logs are coarse witnesses. What logs an effect may run before what logs its cause (a traceback is printed
after the message about it), an incident recurs on many instances, and a snapshot holds samples. So a chain is refused
when no cited entry can have come before what it explains, or one came later and elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from bot.domain.logs import Incident, LogEntry, LogGroup
from bot.domain.moments import parse_nanoseconds, rfc3339
from bot.evidence.times import CAUSE_AFTER, LATENESS
from bot.evidence.words import statement_terms, terms

TOLERANCE_NS = 1_000_000_000
ABSENCE_NS = 600_000_000_000
"""How much later an entry may be that shows what had not happened yet: ten minutes, on an instance of the effect."""

_VARIES = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|\b\w*\d\w*\b")
_LATENCY = re.compile(rb'"latency":\s*"(\d{1,5}(?:\.\d{1,9})?)s"')
_HEAD = 300


class Judged(NamedTuple):
    """What the order of cited entries comes to.

    `problem` is a sentence, empty when nothing speaks against it. `shown`: an entry that can have come first is cited,
    or the effect itself. `excused`: a later entry stands for something that had not happened yet.
    """

    problem: str = ""
    shown: bool = False
    excused: bool = False


class Timeline:
    """When each wording was first logged, on each instance and at all; and the incident, as the first effect."""

    def __init__(self, incident: Incident, entries: Sequence[LogEntry]) -> None:
        self._groups = incident.groups
        self._entries = entries
        self._worded: dict[LogEntry, str] = {}
        self._first: dict[tuple[str, str], int] | None = None
        named = {name for group in incident.groups for name in group.insert_ids}
        root = next((group for group in incident.groups if group.fingerprint == incident.fingerprint), None)
        self._incident = tuple(entry for entry in entries if entry.insert_id in named)
        self._began = _time(root.first_seen if root is not None else "") or _time(incident.first_seen)
        self._own = frozenset(map(self._wording, self._incident))
        roots = root.insert_ids if root is not None else ()
        self._root = frozenset(self._wording(entry) for entry in self._incident if entry.insert_id in roots)

    def judge(self, statement: str, cited: Sequence[LogEntry], effect: Sequence[LogEntry], *,
              with_code: bool = False) -> Judged:
        """Judge the cited entries of one why. `effect` are those of the nearest earlier why that cites entries.

        Without such a why the effect is the incident itself, which no cause at any depth may come after. `with_code`:
        the why rests on code as well; entries alone cannot explain by the incident what came before it.
        """
        if not cited:
            return Judged()
        if not with_code and (turned := self._turned(cited, effect)):
            return Judged(turned)
        found = [self._against(statement, cited, effects)
                 for effects in (effect, self._incident) if effects or effects is self._incident]
        problem = next((judged.problem for judged in found if judged.problem), "")
        return Judged(problem, not problem and all(judged.shown for judged in found),
                      any(judged.excused for judged in found))

    def _turned(self, cited: Sequence[LogEntry], effect: Sequence[LogEntry]) -> str:
        """Why the incident's own entries cannot have caused an effect that is no part of it, and older."""
        if not effect or not all(self._wording(entry) in self._own for entry in cited) \
                or any(self._wording(entry) in self._own for entry in effect):
            return ""
        own = frozenset(map(self._wording, effect))
        first, entry = min((self._earliest(entry, own), entry.insert_id) for entry in cited)
        last = max(entry.time_ns + _latency(entry) for entry in effect)
        if first <= last + TOLERANCE_NS:
            return ""
        return (f"It gives the incident as the cause of what came before it: {entry} first at {rfc3339(first)}, the "
                f"effect at {rfc3339(last)}. A cause comes first.")

    def _against(self, statement: str, cited: Sequence[LogEntry], effects: Sequence[LogEntry]) -> Judged:
        own = self._own if effects is self._incident else frozenset(map(self._wording, effects))
        # The incident's own entries are what is to be explained, in whatever order they were printed.
        causes = [entry for entry in cited if self._wording(entry) not in own | self._own]
        if not causes:
            return Judged(shown=True)
        explaining = _explaining(statement, causes)
        shown = excused = False
        problem = ""
        for entry in causes:
            limit, at = self._limit(entry, effects, own), self._earliest(entry, own)
            if limit is None or at <= limit + TOLERANCE_NS:
                shown = shown or entry in explaining
                continue
            said = (f"What it cites was logged after what it explains: {entry.insert_id} first at {rfc3339(at)}, the "
                    f"effect at {rfc3339(limit)}. A cause comes first.")
            if not self._is_near(entry, limit, own):
                return Judged(said)
            if self._is_absence(statement, entry):
                excused = True
            elif entry in explaining:
                problem = problem or said
        return Judged("" if shown or excused else problem, shown, excused)

    def _limit(self, cause: LogEntry, effects: Sequence[LogEntry], own: frozenset[str]) -> int | None:
        """The moment after which a cause is too late; None when nothing is known."""
        limit = self._first_effect(cause, effects, own)
        # The time of a request is its start, and it fails at its end.
        ends = [entry.time_ns + _latency(entry) for entry in effects if entry.request is not None]
        return limit if limit is None else max(limit, *ends) if ends else limit

    def _first_effect(self, cause: LogEntry, effects: Sequence[LogEntry], own: frozenset[str]) -> int | None:
        times = self._times()
        if cause.instance:
            for wordings in (self._root, own) if effects is self._incident else (own,):
                here = [times[cause.instance, wording] for wording in wordings if (cause.instance, wording) in times]
                if here:
                    return max(here)
            return max((entry.time_ns for entry in effects), default=self._began)
        if effects is self._incident:
            return self._began
        first = [self._first_seen(entry) for entry in effects]
        return max(first, default=self._began)

    def _earliest(self, cause: LogEntry, own: frozenset[str]) -> int:
        """When a cause's wording was first logged: on its instance, if the effect is there, too; else at all."""
        times, wording = self._times(), self._wording(cause)
        if not cause.instance:
            return cause.time_ns
        here = any((cause.instance, name) in times for name in own)
        return times.get((cause.instance if here else "", wording), cause.time_ns)

    def _first_seen(self, entry: LogEntry) -> int:
        """When an effect was first seen: as its group knows it, over all entries that were read."""
        group = self._group(entry)
        known = _time(group.first_seen) if group is not None else None
        seen = self._times().get(("", self._wording(entry)), entry.time_ns)
        return seen if known is None else min(known, seen)

    def _group(self, entry: LogEntry) -> LogGroup | None:
        return next((group for group in self._groups if entry.insert_id in group.insert_ids), None)

    def _is_near(self, entry: LogEntry, limit: int, own: frozenset[str]) -> bool:
        """Whether a later entry may still tell of the effect: soon after it, on an instance that has it."""
        here = entry.instance and any((entry.instance, wording) in self._times() for wording in own)
        return bool(here) and entry.time_ns <= limit + ABSENCE_NS

    def _is_absence(self, statement: str, entry: LogEntry) -> bool:
        """Whether a sentence speaks of what a later entry says as of something that had not happened yet."""
        for word in LATENESS.finditer(statement):
            # Before "before" stands what came first: that must not be the later entry.
            part = statement[word.end():] if word.group(0).lower() in {"before", "ahead of"} else statement
            if terms(part) & terms(entry.text[:_HEAD]):
                return True
        return False

    def _times(self) -> dict[tuple[str, str], int]:
        if self._first is None:
            self._first = {}
            for entry in self._entries:
                for instance in {entry.instance, ""}:
                    key = (instance, self._wording(entry))
                    self._first[key] = min(entry.time_ns, self._first.get(key, entry.time_ns))
        return self._first

    def _wording(self, entry: LogEntry) -> str:
        """What an entry says without what varies: quoted values, and words with digits. Head and end of a long one."""
        found = self._worded.get(entry)
        if found is None:
            text = entry.text if len(entry.text) <= 2 * _HEAD else f"{entry.text[:_HEAD]}\n{entry.text[-_HEAD:]}"
            # How a request ended is what it says, though it is a number.
            status = entry.request.status if entry.request is not None else ""
            found = self._worded[entry] = f"{_VARIES.sub('#', text)} {status}"
        return found


def _explaining(statement: str, causes: Sequence[LogEntry]) -> Sequence[LogEntry]:
    """The entries that a sentence speaks of after its "because"; all of them, where it has none or speaks of none."""
    word = CAUSE_AFTER.search(statement)
    said = statement_terms(statement[word.end():]) if word else frozenset[str]()
    found = [entry for entry in causes if said & terms(entry.text[:_HEAD])]
    return found or causes


def _latency(entry: LogEntry) -> int:
    match = _LATENCY.search(entry.raw)
    return int(float(match.group(1)) * 1e9) if match is not None else 0


def _time(text: str) -> int | None:
    try:
        return parse_nanoseconds(text)
    except ValueError:
        return None
