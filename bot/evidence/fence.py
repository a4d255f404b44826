"""Fences for text that others wrote: it cannot close its fence, and nothing invisible stays in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from bot.domain.visible import visible

_OPEN = re.compile(r"^<<<data ([0-9a-f]{16})$")


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
