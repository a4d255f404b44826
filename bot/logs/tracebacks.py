"""Reads Python tracebacks out of text: chains, exception groups, values of many lines, recursion."""

from __future__ import annotations

import re
from functools import lru_cache

from bot.domain.logs import Frame, LoggedException

HEADER = "Traceback (most recent call last):"
GROUP_HEADER = "Exception Group Traceback (most recent call last):"
CONNECTORS = frozenset({
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
})
CUT_OFF = "Traceback"
"""The type of an exception whose own line is missing."""

_MOST_LINES = 5_000
_MOST_VALUE_LINES = 60
_FRAME = re.compile(r"^\s*File \"([^\"\n]{1,1000})\", line (\d{1,9})(?:, in (.{1,300}?))?\s*$")
_EXCEPTION = re.compile(r"^([^\W\d][\w.<>]{0,200})(?::\s?(.*))?$")
_NUMBER = re.compile(r"\", line \d+")
_NESTED = re.compile(r"^( *)([|+])(.*)$")
_MARKERS = frozenset("^~ ")
_PACKAGE = re.compile(r"(?:^|/)(?:site-packages|dist-packages)/(.*)$")
_STANDARD = re.compile(r"(?:^|/)lib(?:64|32)?/python\d(?:\.\d+)?/(.*)$|(?:^|/)python\d\.?\d*(?:\.zip)?/(.*)$")
_ROOTS = re.compile(r"^/(?:app|workspace|usr/src/app|code|srv)/")


def place(path: str) -> tuple[str, bool]:
    """A printed path without what differs between images, and whether it is the application's own code.

    `/app/` and `/workspace/` (where images and buildpacks put an application) and the Python version go.
    """
    path = path.replace("\\", "/")
    if path.startswith("<"):
        return path, False
    library = _PACKAGE.search(path) or _STANDARD.search(path)
    if library is not None:
        return next((part for part in library.groups() if part), path), False
    return _ROOTS.sub("", path).removeprefix("./"), True


def is_exception_line(line: str) -> bool:
    """Whether a line could be the one that names an exception at the end of its traceback."""
    return _EXCEPTION.match(line.strip()) is not None


class _Draft:
    """An exception while its lines are read.

    `depth` is how deep in exception groups it stands, `group` whether members of its own follow.
    """

    def __init__(self, depth: int, base: int) -> None:
        self.depth = depth
        self.base = base
        self.group = False
        self.type = CUT_OFF
        self.value: list[str] = []
        self.frames: list[tuple[str, int, str, bool]] = []
        self.sources: dict[int, str] = {}

    def finished(self) -> LoggedException:
        frames = tuple(
            Frame(path=path, line=line, function=function, in_app=in_app, source=self.sources.get(index, ""))
            for index, (path, line, function, in_app) in enumerate(self.frames)
        )
        return LoggedException(type=self.type, message="\n".join(self.value).strip(), frames=frames)


class _Reader:
    """Takes lines, gives exceptions in the order in which they were printed."""

    def __init__(self) -> None:
        self.done: list[_Draft] = []
        self.draft: _Draft | None = None
        self.in_value = False
        self.after_separator = False

    def finish(self) -> None:
        if self.draft is not None:
            self.done.append(self.draft)
        self.draft = None
        self.in_value = False

    def feed(self, line: str, depth: int) -> None:
        words = line.strip()
        if words.endswith(HEADER):
            self.finish()
            base = len(line) - len(line.lstrip()) if words in {HEADER, GROUP_HEADER} else 0
            self.draft = _Draft(depth, base)
        elif words in CONNECTORS:
            self.finish()
        elif self.draft is not None and self.in_value:
            if len(self.draft.value) < _MOST_VALUE_LINES:
                self.draft.value.append(line)
        elif self.draft is not None:
            self.in_frames(self.draft, line, words)
        elif self.after_separator and words and (match := _EXCEPTION.match(words)):
            self.draft = _Draft(depth, 0)
            self.name(self.draft, match)
        if words:
            self.after_separator = False

    def in_frames(self, draft: _Draft, line: str, words: str) -> None:
        frame = _FRAME.match(line)
        if frame is not None:
            path, in_app = place(frame[1])
            draft.frames.append((path, int(frame[2]), frame[3] or "", in_app))
        elif words and len(line) - len(line.lstrip()) > draft.base:
            last = len(draft.frames) - 1
            if last >= 0 and last not in draft.sources and not _MARKERS.issuperset(words):
                draft.sources[last] = words[:300]
        elif words:
            match = _EXCEPTION.match(words)
            if match is not None:
                self.name(draft, match)
            else:
                self.finish()

    def name(self, draft: _Draft, match: re.Match[str]) -> None:
        draft.type = match[1]
        draft.value.append(match[2] or "")
        self.in_value = True

    def separator(self, line: str) -> None:
        """A line between members. The first one hangs on the line of the group it opens: `+-+---- 1 ----`."""
        self.finish()
        if line.startswith("-+") and self.done:
            self.done[-1].group = True
        self.after_separator = True


def parse_tracebacks(text: str) -> tuple[LoggedException, ...]:
    """The exceptions that a text prints, the cause first; empty when it holds no traceback.

    Python prints the cause of a chain first. The members of an exception group are printed after it but
    are what caused it, so they come before it here. Never raises, whatever the text.
    """
    return _parse(text) if HEADER in text else ()


@lru_cache(maxsize=2_048)
def _parse(text: str) -> tuple[LoggedException, ...]:
    reader = _Reader()
    grouped = GROUP_HEADER in text
    for line in text.split("\n", _MOST_LINES)[:_MOST_LINES]:
        nested = _NESTED.match(line) if grouped else None
        if nested is None:
            reader.feed(line, 0)
        elif nested[2] == "|":
            reader.feed(nested[3].removeprefix(" "), len(nested[1]))
        elif nested[3].strip() == GROUP_HEADER:
            reader.feed(nested[3].strip(), len(nested[1]))
        else:
            reader.separator(nested[3])
    reader.finish()
    return tuple(draft.finished() for draft in _members_first(reader.done))


def _members_first(drafts: list[_Draft]) -> list[_Draft]:
    ordered: list[_Draft] = []
    groups: list[_Draft] = []
    for draft in drafts:
        while groups and groups[-1].depth >= draft.depth:
            ordered.append(groups.pop())
        (groups if draft.group else ordered).append(draft)
    return ordered + groups[::-1]


def telling_text(text: str) -> str:
    """The text without the frames of libraries and without line numbers.

    `starlette/routing.py` in it says nothing about routing, nor line 503 about a status.
    """
    if HEADER not in text:
        return text
    kept: list[str] = []
    skipping = -1
    for line in text.split("\n", _MOST_LINES):
        indent = len(line) - len(line.lstrip(" |+"))
        if skipping >= 0 and indent > skipping:
            continue
        skipping = -1
        frame = _FRAME.match(line.lstrip(" |+"))
        if frame is not None and not place(frame[1])[1]:
            skipping = indent
            continue
        kept.append(line if frame is None else _NUMBER.sub("", line, count=1))
    return "\n".join(kept)
