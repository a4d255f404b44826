"""Which Mermaid blocks of a finished body are the bot's own pictures: by their grammar alone. No other is drawn.

In a picture of `bot/reports/mermaid/`, characters that could act stand as others that look like them. What holds one of
these, or a statement that does anything but draw (a link, a call, a style sheet, settings), is not ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_OPENING = "```mermaid"
_CLOSING = "```"
MOST_LINES = 500
"""Of one picture. Who draws keeps it far shorter."""

_KIND = re.compile(r"flowchart (?:TD|LR)|gantt|timeline|xychart-beta(?: horizontal)?")
# No HTML, entity, comment, setting, second statement, and no shape with a picture in it.
_STATEMENT = re.compile(
    r"(?![ \t]*(?:click|href|call|callback|links?|linkStyle|style|details|init)\b)(?:[^<&@`{}$\\#;'*~%]|%(?!%))*",
    re.IGNORECASE,
)


def is_drawing(lines: Sequence[str], at: int) -> bool:
    """Whether a picture of the bot's own begins at a line, and is closed."""
    if lines[at] != _OPENING:
        return False
    inside: list[str] = []
    for line in lines[at + 1:at + 2 + MOST_LINES]:
        if line == _CLOSING:
            return bool(inside) and _KIND.fullmatch(inside[0]) is not None and all(map(_draws, inside[1:]))
        inside.append(line)
    return False


def _draws(line: str) -> bool:
    return "://" not in line and _STATEMENT.fullmatch(line) is not None
