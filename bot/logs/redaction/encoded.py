"""Percent-encoded text: what it holds once it is decoded, as whoever reads a URL would."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote

from bot.logs.redaction.places import PLACEHOLDER

_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_RUN = re.compile(r"[^\s\"'<>&?=;,]++")


def is_encoded(text: str) -> bool:
    """Whether something in a text is percent-encoded."""
    return "%" in text and _ESCAPE.search(text) is not None


def decoded(text: str) -> str:
    """The text with everything decoded; what is no UTF-8 becomes replacement characters."""
    return unquote(text)


def in_encoded(text: str, redact: Callable[[str], str]) -> str:
    """The text with `redact` applied to each encoded piece of it; what stays of a changed one is encoded again."""
    if not is_encoded(text):
        return text
    return _RUN.sub(lambda match: _encoded_again(match.group(), redact), text)


def _encoded_again(piece: str, redact: Callable[[str], str]) -> str:
    if not is_encoded(piece):
        return piece
    before = unquote(piece)
    after = redact(before)
    if after == before:
        return piece
    as_they_are = "".join(set(_ESCAPE.sub("", piece)) - {"%"})
    parts: list[str] = []
    done = 0
    for match in PLACEHOLDER.finditer(after):
        parts += (_quoted(after[done : match.start()], as_they_are), match.group())
        done = match.end()
    return "".join((*parts, _quoted(after[done:], as_they_are)))


def _quoted(text: str, as_they_are: str) -> str:
    return quote(text, safe=as_they_are, errors="surrogatepass")
