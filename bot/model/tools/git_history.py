"""Which commits touched a file or lines of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Annotated, TypeVar

from pydantic import Field

from bot.domain.base import Sha
from bot.domain.errors import ForgeProblem
from bot.domain.moments import nanoseconds_of, rfc3339
from bot.model.tools.base import CITE_NOTHING, MOST_RESULT, Readable, ReadTool, Refused, ToolInput, listed, one_line
from bot.ports import PastCommit, Workspace

_MOST_COMMITS = 30
_MOST_LINES = 200
_MOST_SUBJECT = 140
T = TypeVar("T")


class _LogInput(ToolInput):
    path: Annotated[str, Field(description="The file, relative to the repository's root.")]
    first_line: Annotated[int, Field(ge=0, description="The first line, from 1. By default (0) the whole file.")] = 0
    last_line: Annotated[int, Field(ge=0, description="The last line. By default (0) the first line alone.")] = 0


class _BlameInput(ToolInput):
    path: Annotated[str, Field(description="The file, relative to the repository's root.")]
    first_line: Annotated[int, Field(ge=1, description="The first line, from 1.")]
    last_line: Annotated[int, Field(ge=1, description=f"The last line; at most {_MOST_LINES} at a time.")]


def _log(readable: Readable, asked: _LogInput) -> str:
    workspace, commit = _open(readable, asked.path)
    lines = None
    if asked.first_line or asked.last_line:
        lines = (asked.first_line, asked.last_line or asked.first_line)
        _check(readable, asked.path, lines)
    found = _asked(lambda: workspace.history(commit, asked.path, lines, _MOST_COMMITS + 1))
    if not found:
        return "git knows of no commit that touched this."
    shown, cut = listed([_told(readable, past) for past in found[:_MOST_COMMITS]], MOST_RESULT - 600, _MOST_COMMITS)
    said = "Commits that touched this, newest first: id, time, subject."
    if len(found) > _MOST_COMMITS or cut:
        said += " Some are left out; ask for fewer lines."
    return f"{said} {CITE_NOTHING}\n\n{shown}"


def _blame(readable: Readable, asked: _BlameInput) -> str:
    workspace, commit = _open(readable, asked.path)
    lines = (asked.first_line, asked.last_line)
    _check(readable, asked.path, lines)
    if lines[1] - lines[0] >= _MOST_LINES:
        raise Refused(f"That is more than {_MOST_LINES} lines; ask for fewer.")
    blamed = _asked(lambda: workspace.blame(commit, asked.path, lines))
    if not blamed:
        return "git does not know which commits wrote these lines."
    past = {item.commit: item for item in _asked(
        lambda: workspace.history(commit, asked.path, lines, 2 * _MOST_LINES))}
    rows = []
    for sha, members in groupby(zip(blamed, range(lines[0], lines[1] + 1), strict=True), key=lambda pair: pair[0]):
        numbers = [number for _, number in members]
        where = f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else f"{numbers[0]}"
        rows.append(f"{where}: {_told(readable, past[sha]) if sha in past else sha[:12]}")
    shown, cut = listed(rows, MOST_RESULT - 600, _MOST_LINES)
    said = "The commits that wrote these lines: lines, id, time, subject."
    return f"{said}{' Some are left out; ask for fewer lines.' if cut else ''} {CITE_NOTHING}\n\n{shown}"


def _open(readable: Readable, path: str) -> tuple[Workspace, Sha]:
    code = readable.need_code()
    if readable.workspace is None:
        raise Refused("There is no git repository here, so its history cannot be read.")
    reason = code.refusal(path)
    if reason:
        raise Refused(reason)
    return readable.workspace, code.commit


def _check(readable: Readable, path: str, lines: tuple[int, int]) -> None:
    count = readable.need_code().count_lines(path)
    if not 1 <= lines[0] <= lines[1] <= count:
        raise Refused(f"There are no such lines: the file has {count:,}, and the first must not come after the last.")


def _asked(question: Callable[[], T]) -> T:
    try:
        return question()
    except ForgeProblem:
        # What git says of its trouble may name folders of the machine.
        raise Refused("git could not answer this, or not in time.") from None


def _told(readable: Readable, past: PastCommit) -> str:
    subject = one_line(readable.redact(past.subject), _MOST_SUBJECT)
    return f"{past.commit[:12]}  {rfc3339(nanoseconds_of(past.when))}  {subject}"


LOG = ReadTool(
    "git_log", "List the commits that touched a file, or lines of it, up to the running commit, newest first.",
    _LogInput, _log,
)
BLAME = ReadTool(
    "git_blame", "Tell which commit wrote each of some lines, as they stand at the running commit.",
    _BlameInput, _blame,
)
