"""Builds the evidence pack: what a model is shown, chosen by rank within a size, before any model is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from bot.domain.evidence import EvidenceItem, EvidencePack, Suspect
from bot.domain.globs import matches_any
from bot.domain.logs import Incident, LogEntry
from bot.domain.moments import rfc3339
from bot.evidence.choosing import entries_around, in_time, own_entries
from bot.evidence.code import CodeAt
from bot.evidence.shown import numbered

MOST_LOG_ITEM = 8_000
"""Characters of one log entry that are shown; of a longer one head and tail."""
_WHOLE_FILE_LINES = 160
_AROUND = 15
_MOST_SPEAKERS = 6
_MOST_SEARCHED = 400
_FRAGMENT = re.compile(r"[^\d\"'`<>{}\[\]()=:,%\n]{14,}")


class _Wish(NamedTuple):
    """An item that wants a place. `at` is in nanoseconds since 1970, 0 for code."""

    kind: str
    ref: str
    text: str
    at: int = 0
    origin: str = ""


def build_pack(incident: Incident, entries: Sequence[LogEntry], context: Sequence[LogEntry], code: CodeAt | None,
               code_globs: tuple[str, ...], most_chars: int) -> EvidencePack:
    """Return what the whys may rest on: log items E1…, code items C1…, and sentences on what was left out.

    `entries` hold the incident's entries and `context` what else happened, both from the redacted snapshot;
    they may overlap, or be the same. An entry is the incident's own when a group names it or it reads like one
    that a group names.
    Rank: the chain of the representative entry on its instance, the functions in its traceback, one entry
    for each group not yet shown, what happened on that instance until then (nearest first), the code that
    wrote those lines, the modules that the traceback's files import within `code_globs`.
    Sizes are characters of item text. Within E and C, items stand in time order and in order of rank.
    """
    room = _Room(most_chars)
    entries = sorted({in_time(entry): entry for entry in (*entries, *context)}.values(), key=in_time)
    chain, others, rest = own_entries(incident, entries)
    around = entries_around(chain, rest)
    room.take("logs", [_log(entry, "incident") for entry in chain])
    named: list[tuple[str, int]] = []
    if code is not None:
        named, unresolved = _frames(incident, code)
        room.note(unresolved)
        room.take("code", _code_wishes(code, named, room))
    room.take("logs", [_log(entry, "incident, another group") for entry in others])
    began = min((entry.time_ns for entry in chain), default=0)
    room.take("logs", [_log(entry, "context, same instance" if entry.time_ns < began else "meanwhile, same instance")
                       for entry in around])
    if code is not None:
        speakers = _speakers(code, (*chain, *others, *around), code_globs, room)
        room.take("code", _code_wishes(code, speakers, room))
        imported = [path for path, _ in named for path in code.imports(path)]
        room.take("code", _module_wishes(code, imported, code_globs, room))
    unseen = len(entries) - len(chain) - len(others) - len(around)
    if unseen:
        room.note([f"{_entries(unseen)} of the log: like one shown, of another instance, later, or long before."])
    if code is None:
        room.note(["All code: the commit that was running is not known."])
    return room.pack(None if code is None else code.commit)


def build_code_pack(code: CodeAt, suspects: tuple[Suspect, ...], code_globs: tuple[str, ...],
                    most_chars: int) -> EvidencePack:
    """Return the code for the later steps: the suspects' files whole where they fit, then what these import."""
    room = _Room(most_chars)
    paths = list(dict.fromkeys(suspect.path for suspect in suspects))
    whole, missing = [], []
    for path in paths:
        lines = code.lines(path)
        if lines is None:
            missing.append(f"{path}: there is no such file at {code.commit[:12]}.")
        elif sum(map(len, lines)) <= most_chars // 2:
            whole.append(_span(code, path, 1, len(lines)))
        else:
            room.note([f"{path}: all but the suspects, for its size."])
            spans = [code.find(suspect) for suspect in suspects if suspect.path == path]
            whole += [_span(code, path, span.first, span.last) for span in spans if span is not None]
    room.note(missing)
    room.take("code", whole)
    imported = [found for path in paths for found in code.imports(path)]
    room.take("code", _module_wishes(code, imported, code_globs, room))
    return room.pack(code.commit)


class _Room:
    """What has been given a place so far."""

    def __init__(self, most_chars: int) -> None:
        self._left = most_chars
        self._wishes: list[_Wish] = []
        self._left_out: list[str] = []

    def take(self, what: str, wishes: Sequence[_Wish]) -> None:
        refused = []
        for wish in wishes:
            if any(wish.kind == other.kind and wish.ref == other.ref for other in self._wishes):
                continue
            if len(wish.text) <= self._left:
                self._left -= len(wish.text)
                self._wishes.append(wish)
            else:
                refused.append(wish.ref)
        if refused:
            shown = ", ".join(refused[:5]) + (f" and {len(refused) - 5} more" if len(refused) > 5 else "")
            self.note([f"For its size, {what}: {shown}."])

    def note(self, sentences: Sequence[str]) -> None:
        self._left_out += [text for text in sentences if text not in self._left_out]

    def covers(self, path: str, first: int, last: int) -> bool:
        for wish in self._wishes:
            if wish.kind == "code" and wish.ref.rpartition(":")[0] == path:
                start = int(wish.ref.rpartition(":")[2])
                if start <= first and last < start + wish.text.count("\n") + 1:
                    return True
        return False

    def pack(self, commit: str | None) -> EvidencePack:
        logs = sorted((wish for wish in self._wishes if wish.kind == "log"),
                      key=lambda wish: (wish.origin.startswith("context"), wish.at, wish.ref))
        items = [EvidenceItem(id=f"E{number}", kind="log", ref=wish.ref, time=rfc3339(wish.at),
                              origin=wish.origin, text=wish.text) for number, wish in enumerate(logs, 1)]
        codes = [wish for wish in self._wishes if wish.kind == "code"]
        items += [EvidenceItem(id=f"C{number}", kind="code", ref=wish.ref, text=wish.text)
                  for number, wish in enumerate(codes, 1)]
        return EvidencePack(commit=commit, items=tuple(items), left_out=tuple(self._left_out))


def _entries(count: int) -> str:
    return "One more entry" if count == 1 else f"{count} more entries"


def _log(entry: LogEntry, why: str) -> _Wish:
    text = entry.text
    if len(text) > MOST_LOG_ITEM:
        half = MOST_LOG_ITEM // 2
        text = f"{text[:half]}\n[… {len(text) - 2 * half} characters not shown …]\n{text[-half:]}"
    parts = [why, entry.severity.value]
    parts += [f"service {entry.service}"] if entry.service else []
    parts += [f"revision {entry.revision}"] if entry.revision else []
    parts += [f"instance {entry.instance[:12]}"] if entry.instance else []
    return _Wish("log", entry.insert_id, text, entry.time_ns, ", ".join(parts))


def _frames(incident: Incident, code: CodeAt) -> tuple[list[tuple[str, int]], list[str]]:
    """The places of the in-application frames, the cause's innermost first, and what could not be placed."""
    groups = sorted(incident.groups, key=lambda group: group.fingerprint != incident.fingerprint)
    group = next((group for group in groups if group.exceptions), None)
    places: dict[tuple[str, int], None] = {}
    lost: list[str] = []
    for exception in () if group is None else group.exceptions:
        for frame in reversed(exception.frames):
            if not frame.in_app:
                continue
            path = code.resolve(frame.path)
            if path is None:
                lost.append(f"The code of the frame {frame.path}:{frame.line}: no single file of the commit fits.")
            else:
                places[path, frame.line] = None
    return list(places), lost


def _code_wishes(code: CodeAt, places: Sequence[tuple[str, int]], room: _Room) -> list[_Wish]:
    """For each place its whole file when that is short, else the function around it, else the lines around it."""
    wishes: dict[str, _Wish] = {}
    for path, line in places:
        lines = code.lines(path)
        if lines is None or not lines:
            continue
        around = code.enclosing(path, line)
        if len(lines) <= _WHOLE_FILE_LINES:
            first, last = 1, len(lines)
        elif around is not None:
            first, last = around.first, around.last
        else:
            first, last = max(1, line - _AROUND), min(len(lines), line + _AROUND)
        if not room.covers(path, first, last):
            wish = _span(code, path, first, last)
            wishes.setdefault(wish.ref, wish)
    return list(wishes.values())


def _module_wishes(code: CodeAt, paths: Sequence[str], globs: tuple[str, ...], room: _Room) -> list[_Wish]:
    wishes, large = [], []
    for path in dict.fromkeys(paths):
        lines = code.lines(path)
        if not lines or not matches_any(path, globs) or room.covers(path, 1, len(lines)):
            continue
        if len(lines) <= 2 * _WHOLE_FILE_LINES:
            wishes.append(_span(code, path, 1, len(lines)))
        else:
            large.append(f"{path}: {len(lines)} lines, imported by a file shown.")
    room.note(large)
    return wishes


def _span(code: CodeAt, path: str, first: int, last: int) -> _Wish:
    lines = code.lines(path) or ()
    return _Wish("code", f"{path}:{first}", numbered(lines[first - 1:last], first))


def _speakers(code: CodeAt, entries: Sequence[LogEntry], globs: tuple[str, ...], room: _Room) -> list[tuple[str, int]]:
    """The places that hold the constant text of a logged line: where it was most likely written."""
    inside = [path for path in code.files if path.endswith(".py") and matches_any(path, globs)]
    if len(inside) > _MOST_SEARCHED:
        room.note([f"Where logged lines were written, sought in {_MOST_SEARCHED} of {len(inside)} files."])
        inside = inside[:_MOST_SEARCHED]
    places: dict[tuple[str, int], None] = {}
    for entry in entries:
        message = entry.text.split("\n", 1)[0]
        for fragment in sorted((text.strip() for text in _FRAGMENT.findall(message)), key=len, reverse=True)[:2]:
            found = [path for path in inside if fragment in (code.raw(path) or "")] if len(fragment) >= 12 else []
            lines = (code.raw(found[0]) or "").split("\n") if len(found) == 1 else []
            hits = [number for number, line in enumerate(lines, 1) if fragment in line]
            if len(hits) == 1:
                places[found[0], hits[0]] = None
        if len(places) >= _MOST_SPEAKERS:
            break
    return list(places)
