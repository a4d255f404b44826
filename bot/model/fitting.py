"""Cutting a tool's result to the tokens that are left, so that its fences stay whole."""

from __future__ import annotations

import re

from bot.domain.tokens import estimate_tokens
from bot.evidence.fence import fence

_FENCED = re.compile(r"^<<<data ([0-9a-f]{16})\n(.*?)\ndata \1>>>$", re.DOTALL | re.MULTILINE)
_FENCE_TOKENS = 20
_NOTE_TOKENS = 40
_LEAST_TOKENS = 40


def fitted(text: str, most_tokens: int) -> str:
    """Return `text` if it has at most so many tokens, else its first blocks, the next as head and tail, and a note.

    A block is a fenced text with the lines before it. Fences are made anew around what is cut. Empty when
    nothing worth showing fits.
    """
    whole = estimate_tokens(text)
    if whole <= most_tokens:
        return text
    note = f"[Cut here: the whole result has some {whole} tokens, and there is room for {most_tokens}.]"
    left = most_tokens - _NOTE_TOKENS
    kept: list[str] = []
    at = 0
    for match in _FENCED.finditer(text):
        block = text[at:match.end()]
        cost = estimate_tokens(block)
        if cost > left:
            before = text[at:match.start()]
            room = left - estimate_tokens(before) - _FENCE_TOKENS
            if room >= _LEAST_TOKENS:
                kept.append(before + fence(_ends(match.group(2), room)))
            break
        kept.append(block)
        left -= cost
        at = match.end()
    else:
        if left >= _LEAST_TOKENS:
            kept.append(_ends(text[at:], left))
    cut = "".join(kept).rstrip()
    found = f"{cut}\n\n{note}" if cut else ""
    return found if estimate_tokens(found) <= most_tokens else ""


def _ends(text: str, most_tokens: int) -> str:
    """The first lines of a text and half as many of its last, with a line that says how many are missing."""
    lines = text.split("\n")
    room = most_tokens - 15
    head: list[str] = []
    tail: list[str] = []
    for line in lines:
        cost = estimate_tokens(line) + 1
        if cost > room - most_tokens // 3:
            break
        head.append(line)
        room -= cost
    if not head:
        return _first(lines[0], most_tokens - 15) + " [cut]"
    for line in reversed(lines[len(head):]):
        cost = estimate_tokens(line) + 1
        if cost > room:
            break
        tail.append(line)
        room -= cost
    return "\n".join([*head, f"[{len(lines) - len(head) - len(tail)} lines left out]", *reversed(tail)])


def _first(line: str, most_tokens: int) -> str:
    size = most_tokens * 3
    while estimate_tokens(line[:size]) > most_tokens:
        size = size * 3 // 4
    return line[:size]
