"""Text in a Mermaid diagram: no text can end its label, begin another statement or be read as Markdown or HTML.

Characters that Mermaid, or the Markdown and HTML that it makes of labels, could read as more than themselves stand as
others that look like them: a picture shows what was said, and the words beside it have it to the letter. Mermaid's own
escape (`#34;`) is none: where labels are drawn without HTML, a flowchart of Mermaid 11 shows the escape itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.domain.visible import visible
from bot.logs.redact import redact

MOST_LABEL = 160
"""Characters of a text in a label."""
MOST_TEXT = 30_000
"""Characters of a picture, which those that draw stay below. Of more than 50,000 Mermaid draws none (`maxTextSize`)."""
_MOST_WORD = 36
"""Letters of a word in one piece: lines are broken between words only, and a box is about as wide as this."""

_LOOK_ALIKES = str.maketrans({
    '"': "”", "#": "＃", "$": "＄", "&": "＆", "'": "’", "*": "∗", ":": "∶", ";": "；", "<": "‹", ">": "›", "@": "＠",
    "[": "［", "\\": "＼", "]": "］", "`": "ˋ", "{": "｛", "|": "∣", "}": "｝", "~": "∼",
    # Mermaid keeps escapes as `ﬂ°34¶ß` while it reads, and takes those that it finds for its own.
    "ﬂ": "fl", "¶": "⁋",
})
# `%%` begins a comment or a directive, `__init__` would be bold, `www.` a link, and `-`, `+` or `1.` at the beginning
# a list.
_PERCENT = re.compile(r"%(?=%)|(?<=%)%")
_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_LINK = re.compile(r"(?<=www)\.", re.IGNORECASE)
_LIST = re.compile(r"^(?:([-+=])|(\d{1,9})([.)]))")
_AT_BEGINNING = {"-": "−", "+": "＋", "=": "＝", ".": "․", ")": "）"}


def label(text: str, most: int = MOST_LABEL, *, tail: bool = False) -> str:
    """Text of others as what stands between the quotes of a label: one line of at most `most` characters, no secrets.

    Of a longer one the beginning is kept, or with `tail` the end. Words that are too long for a line are broken.
    """
    line = " ".join(visible(redact(text)).split())
    if len(line) > most:
        line = "…" + line[1 - most :].lstrip() if tail else line[: most - 1].rstrip() + "…"
    harmless = " ".join(piece for word in line.translate(_LOOK_ALIKES).split(" ") for piece in _pieces(word))
    for pattern, mark in ((_PERCENT, "％"), (_UNDERSCORE, "＿"), (_LINK, "․")):
        harmless = pattern.sub(mark, harmless)
    return _LIST.sub(lambda found: (found[2] or "") + _AT_BEGINNING[found[1] or found[3]], harmless) or "–"


def block(lines: Iterable[str]) -> str:
    """The lines of a diagram as a fenced block; nothing where they are too many to be drawn."""
    made = "\n".join(("```mermaid", *lines, "```"))
    return made if len(made) <= MOST_TEXT else ""


def _pieces(word: str) -> list[str]:
    """A word in pieces, where it can be after a mark that joins its parts."""
    pieces: list[str] = []
    while len(word) > _MOST_WORD:
        cut = max(word.rfind(mark, _MOST_WORD // 2, _MOST_WORD) for mark in "/._-∶") + 1 or _MOST_WORD
        pieces.append(word[:cut])
        word = word[cut:]
    return [*pieces, word]
