"""How many tokens a text has at most, known without asking anybody."""

from __future__ import annotations


def estimate_tokens(text: str) -> int:
    """Return an upper estimate of a text's tokens: one for three ASCII characters, one for each other UTF-8 byte."""
    size = len(text.encode("utf-8", "surrogatepass"))
    plain = len(text.encode("ascii", "ignore"))
    return -(-plain // 3) + (size - plain)
