"""The text of a Markdown report with its line numbers: headings, list items, table rows, prose and code apart.

Reports may be hostile, so this is one pass over the lines, and every pattern is bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["heading", "item", "row", "text", "code"]

_MOST_JOINED = 2_000
_FENCE = re.compile(r"\s{0,12}(`{3,}|~{3,})")
_HEADING = re.compile(r"\s{0,3}(#{1,6})\s+(.*)", re.DOTALL)
_ITEM = re.compile(r"([ \t]{0,40})(?:[-*+]|\d{1,4}[.)])[ \t]+(?:\[([ xX])\][ \t]+)?(.*)", re.DOTALL)
_DELIMITER = re.compile(r"\s*\|?[\s:|-]*-[\s:|-]*")
_LABEL = re.compile(r"\s{0,20}(?:\*\*|__)[^*_]{1,60}:?(?:\*\*|__)\s?:?")
_PLAIN_LABEL = re.compile(r"\s{0,3}[A-Z][\w/&-]{0,20}(?: [\w/&-]{1,20}){0,3}:\s")
_CODE_SPAN = re.compile(r"(`{1,3})([^`\n]{1,500})\1(?!`)")
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\]\([^()\s]{0,500}\)")
_STRUCK = re.compile(r"~~[^~\n]{1,300}~~")
_QUOTED = re.compile(r"\"[^\"\n]{1,300}\"|“[^“”\n]{1,300}”|«[^«»\n]{1,300}»")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,200}>")
_UNSEEN = {ord(character): None for character in "\u200b\u200c\u200d\u2060\ufeff\ufe0f\xad"}


@dataclass(frozen=True)
class Heading:
    """A heading; `text` without markup."""

    level: int
    text: str
    line: int


@dataclass(frozen=True)
class Unit:
    """A heading, item, row or paragraph, or one line of code.

    `text` has no markup; each code span in it is a `§`, and quoted speech a `…`. `raw` is as written. `block` is the
    line where its list, table, paragraph or block of code begins, `starts` the (offset in `text`, line) of its lines.
    """

    kind: Kind
    text: str
    raw: str
    line: int
    block: int
    depth: int = 0
    headings: tuple[Heading, ...] = ()
    checked: bool | None = None
    cells: tuple[str, ...] = ()
    starts: tuple[tuple[int, int], ...] = field(default=())

    def line_at(self, offset: int) -> int:
        """The line of the character at this offset of `text`."""
        return next((line for start, line in reversed(self.starts) if start <= offset), self.line)


def plain(text: str) -> str:
    """One line without markup."""
    text = text.translate(_UNSEEN)
    text = _CODE_SPAN.sub(" § ", text)
    text = _TAG.sub(" ", _LINK.sub(r"\1", text))
    text = _STRUCK.sub(" ", _QUOTED.sub(" … ", text))
    return text.replace("**", "").replace("__", "").replace("*", "").strip()


def units(text: str) -> tuple[Unit, ...]:
    """The parts of a report in their order."""
    return _Reader().read(text)


class _Reader:
    """Goes over the lines once."""

    def __init__(self) -> None:
        self.found: list[Unit] = []
        self.headings: tuple[Heading, ...] = ()
        self.fence = ""
        self.comment = False
        self.block = 0
        self.last: Kind | None = None
        self.blank = True
        self.bare = False
        self.lines: list[tuple[int, str]] = []
        self.open: tuple[Kind, int, bool | None] | None = None

    def read(self, text: str) -> tuple[Unit, ...]:
        for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
            self._line(number, line)
        self._close()
        return tuple(self.found)

    def _line(self, number: int, line: str) -> None:
        if self.fence:
            self._in_fence(number, line)
            return
        line = self._without_comments(line)
        line = re.sub(r"^\s{0,3}(?:>[ \t]?){1,20}", "", line)
        fence = _FENCE.match(line)
        if fence is not None and "`" not in line[fence.end():]:
            self._close()
            self.fence, self.block, self.last = fence[1], number, "code"
        elif not line.strip():
            self._close()
            self.blank = True
            return
        else:
            self._text(number, line)
        self.blank = False

    def _in_fence(self, number: int, line: str) -> None:
        stripped = line.strip()
        if stripped[:1] == self.fence[0] and len(stripped) >= len(self.fence) and not stripped.strip(self.fence[0]):
            self.fence = ""
            return
        self._add("code", number, line, line.translate(_UNSEEN))

    def _without_comments(self, line: str) -> str:
        kept: list[str] = []
        while line:
            if self.comment:
                _, end, line = line.partition("-->")
                self.comment = not end
            else:
                before, begin, line = line.partition("<!--")
                kept.append(before)
                self.comment = bool(begin)
        return "".join(kept)

    def _text(self, number: int, line: str) -> None:
        heading, item = _HEADING.match(line), _ITEM.match(line)
        stripped = line.strip()
        if heading is not None:
            self._close()
            self._heading(len(heading[1]), heading[2].rstrip("# \t"), number)
        elif set(stripped) <= {"=", "-"} and len(stripped) > 1:
            self._under(stripped, number)
        elif set(stripped) <= {"*", "_", " "}:
            self._close()
        elif stripped.startswith("|"):
            self._row(number, stripped)
        elif "|" in stripped and self.last == "row" and not self.blank and self.bare:
            self._row(number, f"|{stripped}")
        elif "|" in stripped and self._heads_a_table() and _DELIMITER.fullmatch(stripped[:400]):
            self._bare_table()
        elif item is not None and not (self.open and self.open[0] == "text" and not self.blank and stripped[0].isdigit()
                                       and not stripped.startswith("1")):
            self._close()
            if self.last != "item":
                self.block = number
            self.last = "item"
            checked = None if item[2] is None else item[2] != " "
            self.open = ("item", len(item[1].expandtabs(4)), checked)
            self.lines = [(number, item[3])]
        else:
            self._prose(number, line)

    def _under(self, stripped: str, number: int) -> None:
        """A line of = or -: the paragraph above it is a heading, or it is a rule."""
        if self.open is not None and self.open[0] == "text" and not self.blank and len(self.lines) == 1:
            line, text = self.lines[0]
            self.lines, self.open = [], None
            self._heading(1 if stripped[0] == "=" else 2, text, line)
        else:
            self._close()
            self.last = None

    def _heading(self, level: int, raw: str, number: int) -> None:
        text = plain(raw)
        above = tuple(one for one in self.headings if one.level < level)
        self.headings = (*above, Heading(level, text, number))
        self.block, self.last = number, "heading"
        self.found.append(Unit("heading", text, raw, number, number, level, self.headings, starts=((0, number),)))

    def _row(self, number: int, stripped: str) -> None:
        self._close()
        if self.last != "row" or self.blank:
            self.block = number
            self.bare = False
        self.last = "row"
        if _DELIMITER.fullmatch(stripped[:400]):
            return
        inner = stripped[1:].removesuffix("|")
        raw_cells = tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", inner)[:60])
        self.found.append(Unit(
            "row", plain(inner), stripped, number, self.block, headings=self.headings, cells=raw_cells,
            starts=((0, number),),
        ))

    def _heads_a_table(self) -> bool:
        return self.open is not None and self.open[0] == "text" and not self.blank and "|" in self.lines[-1][1]

    def _bare_table(self) -> None:
        """The line above is the first row of a table whose lines do not begin with a bar."""
        number, line = self.lines.pop()
        if self.lines:
            self._close()
        self.lines, self.open = [], None
        self._row(number, f"|{line.strip()}")
        self.bare = True

    def _prose(self, number: int, line: str) -> None:
        if self.open is not None:
            before = self.lines[-1][1]
            hard = before.endswith(("  ", "\\")) or any(label.match(line) for label in (_LABEL, _PLAIN_LABEL))
            if not hard and sum(len(text) for _, text in self.lines) + len(line) < _MOST_JOINED:
                self.lines.append((number, line))
                return
            self._close()
            if self.last == "item":
                self.open, self.lines = ("text", 0, None), [(number, line)]
                return
        # What is indented below an item belongs to it.
        if (self.blank or self.last != "text") and not (self.last == "item" and line[:1] in " \t"):
            self.block, self.last = number, "text"
        self.open, self.lines = ("text", 0, None), [(number, line)]

    def _close(self) -> None:
        if self.open is None:
            return
        kind, depth, checked = self.open
        starts: list[tuple[int, int]] = []
        text = ""
        for number, line in self.lines:
            text += " " if text else ""
            starts.append((len(text), number))
            text += plain(line)
        raw = "\n".join(line for _, line in self.lines)
        self.found.append(Unit(
            kind, text, raw, self.lines[0][0], self.block, depth, self.headings, checked, starts=tuple(starts),
        ))
        self.open, self.lines = None, []

    def _add(self, kind: Kind, number: int, raw: str, text: str) -> None:
        self.found.append(Unit(kind, text, raw, number, self.block, headings=self.headings, starts=((0, number),)))
