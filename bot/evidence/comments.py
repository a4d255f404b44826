"""Which part of a quoted line of code runs, and which is a comment or a docstring."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePosixPath

_HASH = frozenset({".sh", ".bash", ".yaml", ".yml", ".toml", ".rb", ".tf", ".cfg", ".conf", ".ini", ".dockerfile"})
_SLASHES = frozenset({".js", ".jsx", ".ts", ".tsx", ".mjs", ".go", ".java", ".kt", ".rs", ".c", ".h", ".cc", ".cpp",
                      ".cs", ".scala", ".swift", ".php", ".proto"})
_SLASH_LINE = re.compile(r"\s*(?://|/\*|\*(?:\s|/|$))")
_LAYOUT = frozenset({tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT, tokenize.ENCODING})
_MOST_PLACES = 200
"""Places of a quote on its line that are looked at: a hostile line may repeat it without end."""
Spans = dict[int, list[tuple[int, int]]]


def running_part(quote: str, line: int, path: str, lines: tuple[str, ...]) -> str:
    """Return what of a quote, which stands on that line (from 1), runs: its text without comments and docstrings.

    Where the quote stands several times on the line, the place that says most counts. Python is read by its tokens,
    as far as they can be read; of other languages only lines that are a comment as a whole are known.
    """
    text = lines[line - 1]
    if not path.endswith((".py", ".pyi")):
        return "" if _is_comment(path, text) else quote
    spans = _spoken(lines).get(line, [])
    found = ""
    at = text.find(quote)
    for _ in range(_MOST_PLACES):
        if at < 0:
            break
        over = [(first, last) for first, last in spans if first < at + len(quote) and at < last]
        if not over:
            return quote if _size(quote) else ""
        running = "".join(character for place, character in enumerate(quote, at)
                          if not any(first <= place < last for first, last in over))
        found = max(found, running, key=_size)
        at = text.find(quote, at + 1)
    return found if _size(found) else ""


def running_lines(first: int, last: int, path: str, lines: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """The lines from `first` to `last` (from 1, both included), with their numbers, as far as they run."""
    spans = _spoken(lines) if path.endswith((".py", ".pyi")) else {}
    for number, text in enumerate(lines[first - 1:last], first):
        running, reached = "", 0
        for begin, end in spans.get(number, []):
            running, reached = running + text[reached:begin], end
        running += text[reached:]
        if running.strip() and not _is_comment(path, text):
            yield number, running


def _size(text: str) -> int:
    return sum(character.isalnum() for character in text)


def _is_comment(path: str, text: str) -> bool:
    file = PurePosixPath(path)
    if file.suffix.lower() in _SLASHES:
        return _SLASH_LINE.match(text) is not None
    hashed = file.suffix.lower() in _HASH or not file.suffix or file.name.startswith(("Dockerfile", "requirements"))
    return hashed and text.lstrip().startswith("#")


@lru_cache(maxsize=64)
def _spoken(lines: tuple[str, ...]) -> Spans:
    """Where comments and strings that are a statement of their own stand: line -> (first, after the last) columns."""
    spans: Spans = {}
    reached = 0
    try:
        for token in _spoken_tokens(lines):
            (first, column), (last, end) = token.start, token.end
            for number in range(first, last + 1):
                begins = column if number == first else 0
                spans.setdefault(number, []).append((begins, end if number == last else len(lines[number - 1])))
            reached = last
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        # What cannot be read as Python: at least the lines that are a comment as a whole.
        for number, text in enumerate(lines[reached:], reached + 1):
            if text.lstrip().startswith("#"):
                spans.setdefault(number, []).append((0, len(text)))
    return spans


def _spoken_tokens(lines: tuple[str, ...]) -> Iterator[tokenize.TokenInfo]:
    alone: tokenize.TokenInfo | None = None
    fresh = True
    for token in tokenize.generate_tokens(io.StringIO("\n".join(lines) + "\n").readline):
        if token.type == tokenize.COMMENT:
            yield token
        if alone is not None and token.type in {tokenize.NEWLINE, tokenize.ENDMARKER}:
            yield alone
        if token.type not in _LAYOUT:
            alone = token if fresh and token.type == tokenize.STRING else None
            fresh = token.type == tokenize.NEWLINE
