"""Which code is worth showing for an incident: where its frames are, who wrote its log lines, what these import."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.domain.globs import matches_any
from bot.domain.logs import Incident, LogEntry
from bot.evidence.code import CodeAt
from bot.evidence.room import Room, Wish
from bot.evidence.shown import numbered

_WHOLE_FILE_LINES = 160
_AROUND = 15
_CLOSE = 5
_MOST_SPEAKERS = 6
_MOST_SEARCHED = 400
_FRAGMENT = re.compile(r"[^\d\"'`<>{}\[\]()=:,%\n]{14,}")


def frames_of(incident: Incident, code: CodeAt) -> tuple[list[tuple[str, int]], list[str]]:
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
                lost.append(f"The code of the frame {frame.path}:{frame.line}: no single file of the commit, of those "
                            "that are shown, fits.")
            else:
                places[path, frame.line] = None
    return list(places), lost


def take_places(code: CodeAt, places: Sequence[tuple[str, int]], room: Room, leaving: int = 0) -> None:
    """Show for each place its whole file when that is short, else the function around it, else the lines around it."""
    for path, line in places:
        count = code.count_lines(path)
        around = code.enclosing(path, line)
        spans = [(1, count)] if count <= _WHOLE_FILE_LINES else []
        spans += [(around.first, min(around.last, count))] if around is not None else []
        spans += [(max(1, line - far), min(count, line + far)) for far in (_AROUND, _CLOSE)]
        spans = [(first, last) for first, last in spans if first <= last]
        if not any(room.covers(path, first, last) for first, last in spans):
            room.take_first([span(code, path, first, last) for first, last in spans], leaving)


def take_modules(code: CodeAt, paths: Sequence[str], globs: tuple[str, ...], room: Room) -> None:
    """Show whole files within `globs`; of a large one the room is told."""
    for path in dict.fromkeys(paths):
        count = code.count_lines(path)
        if not count or not matches_any(path, globs) or room.covers(path, 1, count):
            continue
        if count <= 2 * _WHOLE_FILE_LINES:
            room.take([span(code, path, 1, count)])
        else:
            room.note([f"{path}: {count} lines, imported by a file shown.{room.by('`read_code`')}"])


def span(code: CodeAt, path: str, first: int, last: int) -> Wish:
    """Lines of a file, from 1, both included."""
    lines = code.lines(path) or ()
    return Wish("code", f"{path}:{first}", numbered(lines[first - 1:last], first))


def speakers(code: CodeAt, entries: Sequence[LogEntry], globs: tuple[str, ...], room: Room) -> list[tuple[str, int]]:
    """The places that hold the constant text of a logged line: where it was most likely written."""
    inside = [path for path in code.files if path.endswith(".py") and matches_any(path, globs)]
    if len(inside) > _MOST_SEARCHED:
        tool = room.by("`search_code`")
        room.note([f"Where logged lines were written: {_MOST_SEARCHED} of {len(inside)} files were searched.{tool}"])
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
