"""Text of others as a person can see all of it: nothing hides, nothing moves a cursor."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0})


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
