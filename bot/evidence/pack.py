"""Builds the evidence pack: what a model is shown, chosen by rank within a size, before any model is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bot.domain.base import counted
from bot.domain.evidence import EvidencePack, Suspect
from bot.domain.logs import Incident, LogEntry
from bot.evidence.choosing import (
    entries_around,
    entries_at_revision,
    entries_in_trace,
    in_time,
    own_entries,
)
from bot.evidence.code import CodeAt
from bot.evidence.code_items import frames_of, span, speakers, take_modules, take_places
from bot.evidence.past import Past, commit_wishes, finding_wishes
from bot.evidence.room import Room, Wish, cut

NO_PAST = Past(redact=lambda text: text)


def build_pack(incident: Incident, entries: Sequence[LogEntry], context: Sequence[LogEntry], code: CodeAt | None,
               code_globs: tuple[str, ...], most_tokens: int, *, past: Past = NO_PAST,
               tools: bool = True) -> EvidencePack:
    """Return what the whys may rest on, and sentences on what was left out.

    `entries` hold the incident's entries and `context` what else happened, both from the redacted snapshot;
    they may overlap, or be the same. An entry is the incident's own when a group names it or it reads like one
    that a group names.

    Rank: the chain of the representative entry on its instance; the functions in its traceback; earlier cycles'
    findings; the commits that touched those functions; the trace of the representative entry; one entry for each
    group not yet shown; what happened on that instance until then, nearest first; what happened at its revision; the
    code that wrote those lines; the modules that the traceback's files import within `code_globs`. The functions leave
    two fifths of the pack to what follows, context a fifth to other code; findings and commits take a tenth each at
    most.

    The pack as `show` gives it has at most `most_tokens` (not less than `room.LEAST_TOKENS`) by `estimate_tokens`.
    Items are numbered by kind: logs E1… in time order, code C1… by rank, commits H1… and findings F1… newest first.
    `tools` says that the model may look up what is left out.
    """
    room = Room(most_tokens, None if code is None else code.commit, tools)
    a_fifth, a_tenth = room.left // 5, room.left // 10
    chosen = _chosen(incident, sorted({in_time(entry): entry for entry in (*entries, *context)}.values(), key=in_time))
    room.take([_log(entry, "incident", room) for entry in chosen.chain])
    frames: list[tuple[str, int]] = []
    if code is not None:
        frames, unresolved = frames_of(incident, code)
        room.note(unresolved)
        take_places(code, frames, room, 2 * a_fifth)
    room.take(finding_wishes(past), leaving=room.left - a_tenth)
    if code is not None:
        room.take(commit_wishes(incident, code, frames, past), leaving=room.left - a_tenth)
    leaving = 0 if code is None else a_fifth
    room.take(_beside(chosen, chosen.traced, "same trace", room), leaving)
    room.take([_log(entry, "incident, another group", room) for entry in chosen.others], leaving)
    room.take(_beside(chosen, chosen.around, "same instance", room), leaving)
    room.take(_beside(chosen, chosen.revision, "same revision", room), leaving)
    if code is not None:
        take_places(code, speakers(code, chosen.shown, code_globs, room), room)
        take_modules(code, [path for path, _ in frames for path in code.imports(path)], code_globs, room)
    else:
        room.note(["All code: the commit that was running is not known."])
    room.note(_unseen(chosen, room))
    return room.pack()


def build_code_pack(code: CodeAt, suspects: tuple[Suspect, ...], code_globs: tuple[str, ...], most_tokens: int, *,
                    tools: bool = True) -> EvidencePack:
    """Return the code for the later steps: the suspects' files whole where they fit, then what these import.

    Of a file that takes more than half of the pack, the suspects alone. Size and `tools` as in `build_pack`.
    """
    room = Room(most_tokens, code.commit, tools)
    most = room.left // 2
    paths = list(dict.fromkeys(suspect.path for suspect in suspects))
    whole: list[Wish] = []
    for path in paths:
        count = code.count_lines(path)
        refusal = code.refusal(path)
        if refusal or not count:
            room.note([f"{path}: {refusal or 'This file is empty.'}"])
            continue
        file = span(code, path, 1, count)
        if room.size(file) <= most:
            whole.append(file)
            continue
        room.note([f"{path}: all but the suspects, for its size.{room.by('`read_code`')}"])
        found = [code.find(suspect) for suspect in suspects if suspect.path == path]
        whole += [span(code, path, one.first, one.last) for one in found if one is not None]
    room.take(whole)
    take_modules(code, [found for path in paths for found in code.imports(path)], code_globs, room)
    return room.pack()


class _Chosen(NamedTuple):
    """The entries that want a place, each once, and how many others there are."""

    chain: list[LogEntry]
    traced: list[LogEntry]
    others: list[LogEntry]
    around: list[LogEntry]
    revision: list[LogEntry]
    more_own: int
    more_beside: int

    @property
    def shown(self) -> tuple[LogEntry, ...]:
        """All of them, in order of rank."""
        return (*self.chain, *self.traced, *self.others, *self.around, *self.revision)

    @property
    def began(self) -> int:
        """When the representative occurrence began."""
        return min((entry.time_ns for entry in self.chain), default=0)


def _chosen(incident: Incident, entries: Sequence[LogEntry]) -> _Chosen:
    chain, others, beside = own_entries(incident, entries)
    traced = entries_in_trace(chain, entries)
    others = _without(others, traced)
    rest = _without(beside, traced)
    around = entries_around(chain, rest)
    revision = entries_at_revision(chain, _without(rest, around), (*chain, *traced, *others, *around))
    not_own = {in_time(entry) for entry in beside}
    own = sum(in_time(entry) not in not_own for entry in (*chain, *traced, *others))
    seen_beside = len(chain) + len(traced) + len(others) + len(around) + len(revision) - own
    return _Chosen(chain, traced, others, around, revision,
                   more_own=len(entries) - len(beside) - own, more_beside=len(beside) - seen_beside)


def _without(entries: Sequence[LogEntry], others: Sequence[LogEntry]) -> list[LogEntry]:
    known = {in_time(entry) for entry in others}
    return [entry for entry in entries if in_time(entry) not in known]


def _unseen(chosen: _Chosen, room: Room) -> list[str]:
    found = []
    tool = room.by("`read_entries`")
    if chosen.more_own:
        more = counted(chosen.more_own, "more entry", "more entries")
        found.append(f"{more} of the incident: like one shown, or another occurrence.{tool}")
    if chosen.more_beside:
        more = counted(chosen.more_beside, "more entry", "more entries")
        found.append(f"{more} of the log beside it: like one shown, of another instance, later, or long before.{tool}")
    return found


def _beside(chosen: _Chosen, entries: Sequence[LogEntry], where: str, room: Room) -> list[Wish]:
    return [_log(entry, f"{'context' if entry.time_ns < chosen.began else 'meanwhile'}, {where}", room)
            for entry in entries]


def _log(entry: LogEntry, why: str, room: Room) -> Wish:
    parts = [why, entry.severity.value]
    parts += [f"service {entry.service}"] if entry.service else []
    parts += [f"revision {entry.revision}"] if entry.revision else []
    parts += [f"instance {entry.instance[:12]}"] if entry.instance else []
    return Wish("log", entry.insert_id, cut(entry.text, room.most_item), entry.time_ns, ", ".join(parts))
