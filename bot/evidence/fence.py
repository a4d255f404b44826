"""Fences for text that others wrote: it cannot close its fence, and nothing invisible stays in it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator

_HIDDEN = frozenset({0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0})
_OPEN = re.compile(r"^<<<data ([0-9a-f]{16})$")


def _is_shown(code: int) -> bool:
    """Whether a character may stand as it is: what a reader sees, plus space, tab and line feed."""
    if code in (0x09, 0x0A):
        return True
    if code in _HIDDEN or 0xFE00 <= code <= 0xFE0F or 0xE0000 <= code <= 0xE0FFF:
        return False
    return unicodedata.category(chr(code)) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


class _Shown(dict[int, str]):
    """A table for str.translate that fills itself."""

    def __missing__(self, code: int) -> str:
        text = chr(code) if _is_shown(code) else f"\\u{{{code:x}}}"
        self[code] = text
        return text


_TABLE = _Shown({code: chr(code) for code in range(0x20, 0x7F)})


def visible(text: str) -> str:
    r"""Return `text` with control, zero-width, bidirectional and other unseen characters as `\u{hex}`.

    Line feeds and tabs stay; all other line ends become escapes, so a line is what ends in a line feed.
    """
    return text.translate(_TABLE)


def fence(text: str) -> str:
    """Return `text`, made visible, between two lines that carry a token which does not occur in it.

    The token is a hash of the content, so the same content always gives the same prompt.
    """
    shown = visible(text)
    token = hashlib.sha256(shown.encode()).hexdigest()[:16]
    while token in shown:
        token = hashlib.sha256(f"{token}\n{shown}".encode()).hexdigest()[:16]
    return f"<<<data {token}\n{shown}\ndata {token}>>>"


def fenced(prompt: str) -> Iterator[tuple[str, str]]:
    """Yield (the line before the fence, the fenced text) for every fence of a prompt, in order.

    What looks like a fence inside a fence is text. A fence that is never closed ends the search.
    """
    lines = prompt.split("\n")
    at = 0
    while at < len(lines):
        opened = _OPEN.match(lines[at])
        if opened is None:
            at += 1
            continue
        closing = f"data {opened.group(1)}>>>"
        try:
            end = lines.index(closing, at + 1)
        except ValueError:
            return
        yield (lines[at - 1] if at else "", "\n".join(lines[at + 1:end]))
        at = end + 1
