"""Long bodies are cut where a reader would stop: before a heading, after a paragraph, at worst after a line."""

from __future__ import annotations

import re
from typing import NamedTuple

from bot.reports.markdown import FOLD, UNFOLD

# Only a fence at the start of a line is one: `neutralise` has escaped all others.
_FENCE = re.compile(r"(`{3,})[^`]*$|(~{3,})")
_CLOSING = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*$")
_HEADING = re.compile(r"#{1,6}(?:[ \t]|$)")
_TABLE_HEAD = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t:|-]*)?$")


class _Cut(NamedTuple):
    """A text that ends here, with what closes it."""

    length: int
    closing: str

    @property
    def whole(self) -> int:
        return self.length + len(self.closing)


def shortened(text: str, most: int, note: str) -> str:
    """A neutralised body of at most `most` characters; where it is cut, a paragraph with `note` follows.

    Never within a line, so within no table row and no code span; a fenced block or a fold that is open is closed.
    A heading is worth up to a third of the text, a paragraph's end up to half of it.
    """
    if len(text) <= most:
        return text
    room = most - len(note) - 2
    headings, paragraphs, lines = _cuts(text, room)
    for cuts, least in ((headings, room * 2 // 3), (paragraphs, room // 2), (lines, 0)):
        if cuts and cuts[-1].length >= least:
            kept = text[: cuts[-1].length].rstrip("\n") + cuts[-1].closing
            return f"{kept}\n\n{note}" if kept else note
    return note


def _cuts(text: str, room: int) -> tuple[list[_Cut], list[_Cut], list[_Cut]]:
    """Where a text may end within `room` characters: before headings, after paragraphs, after lines."""
    headings: list[_Cut] = []
    paragraphs: list[_Cut] = []
    lines: list[_Cut] = []
    fence, folded, blank, length = "", False, False, 0
    for line in text.split("\n"):
        here = _Cut(length, (f"\n{fence}" if fence else "") + (f"\n\n{UNFOLD}" if folded else ""))
        if here.whole > room:
            break
        # The head of a table is none without the row of dashes below it.
        if "|" not in line or _TABLE_HEAD.match(line) is None:
            lines.append(here)
        if blank and not fence:
            paragraphs.append(here)
            if _HEADING.match(line):
                headings.append(here)
        blank = not line.strip()
        length += len(line) + 1
        fence = _fence_after(fence, line)
        if not fence:
            folded = line == FOLD or (folded and line != UNFOLD)
    return headings, paragraphs, lines


def _fence_after(fence: str, line: str) -> str:
    """The fence that is open after a line."""
    if not fence:
        opened = _FENCE.match(line)
        return "" if opened is None else opened[1] or opened[2]
    closed = _CLOSING.match(line)
    return "" if closed is not None and closed[1][0] == fence[0] and len(closed[1]) >= len(fence) else fence
