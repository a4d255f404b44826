"""The grammar of the bot's own pictures, of which every line they have is one; of any other text it is not certain.

By it a finished body is known to hold a picture of the bot's own, and nothing that does more than draw: no link, call,
style, setting or comment. Tests hold all that is drawn against it. Imports nothing, so that everybody can ask.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

MOST_LINES = 500

# A colon of our own comes before a space or a digit, so that it makes no link and no style.
_TEXT = r"""(?:[^\s"#$%&'*:;<>@\[\\\]`{|}~¶ﬂ]| (?! )|%(?!%)|:(?=[ \d])){1,400}"""
_NAME = r"[a-z][a-z0-9_]{0,40}"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}"
_TITLE = r"accTitle: [A-Z][A-Za-z ,]{1,80}"

_FLOWCHART = (
    rf"""{_TITLE}|{_NAME}(?:\["{_TEXT}"\]|\(\["{_TEXT}"\]\)|\[/"{_TEXT}"/\])"""
    rf"""|{_NAME} (?:-->|==>|-\.->|-\.-|---)(?:\|"{_TEXT}"\|)? {_NAME}"""
    rf"|classDef {_NAME} stroke-(?:dasharray: 6 4|width: 3px)|class {_NAME}(?:,{_NAME})* {_NAME}"
)
_LINES: Mapping[str, str] = {
    "flowchart TD": _FLOWCHART,
    "flowchart LR": _FLOWCHART,
    "gantt": (
        rf"{_TITLE}|title {_TEXT}|dateFormat YYYY-MM-DDTHH:mm:ss\.SSS|axisFormat (?:%H:%M(?::%S)?|%m-%d)"
        rf"|todayMarker off|section [A-Z][a-z]+"
        rf"|(?:(?:the most, )?[\d,]+ entr(?:y|ies)|revision {_TEXT}|cycle began|fix proposed)"
        rf" :(?:(?:crit, |active, )?{_TIME}, {_TIME}|milestone, {_TIME}, 0ms)"
    ),
    "xychart-beta horizontal": (
        rf"""{_TITLE}|x-axis \["{_TEXT}"(?:, "{_TEXT}")*\]|y-axis "[a-z]+" 0 --> \d+|bar \[\d+(?:, \d+)*\]"""
    ),
}
_KINDS = {kind: re.compile(rf" +(?:{lines})") for kind, lines in _LINES.items()}


def is_drawing(lines: Sequence[str]) -> bool:
    """Whether the lines between two fences are a picture as this bot draws them."""
    if not 1 < len(lines) <= MOST_LINES:
        return False
    known = _KINDS.get(lines[0])
    return known is not None and all(known.fullmatch(line) for line in lines[1:])


def begins_drawing(lines: Sequence[str], at: int) -> bool:
    """Whether the line at `at` opens the block of such a picture, and another closes it."""
    if lines[at] != "```mermaid":
        return False
    try:
        end = lines.index("```", at + 1, at + 2 + MOST_LINES)
    except ValueError:
        return False
    return is_drawing(lines[at + 1:end])
