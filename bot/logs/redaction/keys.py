"""Private keys in PEM: whole or cut off, with real or escaped line ends, or a single line of one."""

from __future__ import annotations

import re

from bot.logs.redaction.places import placeholder

_SPACE = r"[ +]"
_DASHES = r"-{4,5}"
_KIND = rf"{_SPACE}(?:[A-Z0-9]{{2,12}}{_SPACE}){{0,3}}PRIVATE{_SPACE}KEY(?:{_SPACE}BLOCK)?{_SPACE}?{_DASHES}"
_BEGIN = re.compile(rf"{_DASHES}{_SPACE}?BEGIN{_KIND}")
_END = re.compile(rf"{_DASHES}{_SPACE}?END{_KIND}")
_BETWEEN = re.compile(r"\\+[nrt]|[\s\\\"',|]")
_MOST_KEY_CHARS = 20_000
_LINES = re.compile(r"(?:(?:\s|\\+[nrt]|[\"',|])*+[A-Za-z0-9+/=]{16,}+)*+")
_ONE_LINE = re.compile(
    r"\s*(?P<line>(?=[0-9A-Z+/]{0,63}[a-z])(?=[0-9a-z+/]{0,63}[A-Z])(?=[A-Za-z+/]{0,63}[0-9])[A-Za-z0-9+/]{64})\s*"
)
"""A line of a PEM file by itself, as a log holds it that makes an entry of each line. A hash has no capitals."""


def is_line_of_key(text: str) -> bool:
    """Whether a text is nothing but a line of a private key."""
    return 64 <= len(text) <= 70 and _ONE_LINE.fullmatch(text) is not None


def without_private_keys(text: str) -> str:
    """The text with a stand-in for each private key."""
    if 64 <= len(text) <= 70 and (alone := _ONE_LINE.fullmatch(text)):
        return text.replace(alone["line"], placeholder("private-key", alone["line"]))
    if "PRIVATE" not in text:
        return text
    pieces: list[str] = []
    position = 0
    end = _END.search(text)
    while (begin := _BEGIN.search(text, position)) is not None:
        while end is not None and end.start() < begin.end():
            end = _END.search(text, end.end())
        lines = _LINES.match(text, begin.end())
        stop = lines.end() if lines else begin.end()
        if end is not None and end.end() - begin.end() <= _MOST_KEY_CHARS:
            stop = end.end()
        if stop == begin.end():
            pieces.append(text[position:stop])
        else:
            # However its lines end: a key in JSON is the same key.
            pieces += [text[position : begin.start()],
                       placeholder("private-key", _BETWEEN.sub("", text[begin.start() : stop]))]
        position = stop
    return "".join([*pieces, text[position:]]) if pieces else text
