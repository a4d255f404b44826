"""Untrusted text in Markdown: shown as it is, with no power to do anything."""

from __future__ import annotations

import re

from bot.domain.visible import visible

_SPECIAL = re.compile(r"([\\`*_\[\]<#|~$&])|!(?=\[)")
_LEADING = re.compile(r"^([-+=>])|^(\d{1,9})(?=[.)])")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_MENTION = re.compile(r"(?<![\w`])@(?=[A-Za-z0-9])")
_REFERENCE = re.compile(r"(?<![\w&])#(?=\d)|\bGH-(?=\d)")
_COMMAND = re.compile(r"(?m)^(\s*)/(?=[a-z])")
_JOINER = "\u2060"


def inline(text: str, most: int = 600) -> str:
    """Text as one line of prose: every character with a meaning in Markdown or HTML loses it."""
    one_line = " ".join(visible(text).split())
    if len(one_line) > most:
        one_line = one_line[: most - 1].rstrip() + "…"
    escaped = _SPECIAL.sub(r"\\\g<0>", one_line)
    # At the start of a line these would make a list or a heading.
    return _LEADING.sub(lambda match: f"\\{match[1]}" if match[1] else f"{match[2]}\\", escaped)


def prose(text: str, most: int = 1_200) -> str:
    """A sentence of our own that quotes untrusted text between backticks: the quotes become code spans."""
    one_line = " ".join(visible(text).split())
    if len(one_line) > most or one_line.count("`") % 2 or "``" in one_line:
        return inline(one_line, most)
    parts = one_line.split("`")
    return "".join(span(part) if index % 2 else inline(f"x{part}", most + 1)[1:] if index else inline(part, most)
                   for index, part in enumerate(parts))


def span(text: str, most: int = 300) -> str:
    """Text as a code span, whatever backticks are in it."""
    one_line = " ".join(visible(text).split()) or " "
    if len(one_line) > most:
        one_line = one_line[: most - 1].rstrip() + "…"
    # GitHub splits table cells at a pipe even within a code span, unless it is escaped.
    one_line = one_line.replace("|", "\\|") if "|" in one_line else one_line
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", one_line)), default=0) + 1)
    pad = " " if one_line.startswith("`") or one_line.endswith("`") else ""
    return f"{ticks}{pad}{one_line}{pad}{ticks}"


def fence(text: str, language: str = "text", most_lines: int = 60) -> str:
    """Text as a fenced block that it cannot close."""
    lines = visible(text.replace("\r\n", "\n")).split("\n")
    if len(lines) > most_lines:
        head = most_lines * 2 // 3
        left_out = len(lines) - most_lines
        lines = [*lines[:head], f"[{left_out} lines left out]", *lines[-(most_lines - head):]]
    longest = max((len(run) for line in lines for run in re.findall(r"`{3,}", line)), default=2)
    ticks = "`" * (longest + 1)
    return "\n".join([f"{ticks}{language}", *lines, ticks])


def neutralise(text: str) -> str:
    """Take from a finished body what could act on a forge: mentions, references, commands, HTML, images.

    Code spans and blocks are left alone, since a forge does not act on them. The templates escape what is
    untrusted already; this is the second line of defence, over everything that is published.
    """
    kept: list[str] = []
    closing: str | None = None
    for line in visible(text).split("\n"):
        match = _FENCE.match(line)
        if closing is not None:
            kept.append(line)
            bare = line.strip()
            if match and bare[0] == closing[0] and set(bare) == {closing[0]} and len(bare) >= len(closing):
                closing = None
        elif match:
            closing = match.group(1)
            kept.append(line)
        else:
            kept.append(_outside_spans(line))
    return "\n".join(kept)


def _outside_spans(line: str) -> str:
    parts: list[str] = []
    end = 0
    for match in _SPAN.finditer(line):
        parts.extend((_disarmed(line[end:match.start()]), match.group()))
        end = match.end()
    parts.append(_disarmed(line[end:]))
    return "".join(parts)


def _disarmed(text: str) -> str:
    text = _MENTION.sub(f"@{_JOINER}", text)
    text = _REFERENCE.sub(lambda match: match.group() + _JOINER, text)
    text = _COMMAND.sub(rf"\1/{_JOINER}", text)
    text = re.sub(r"(?<!\\)<(?=[A-Za-z/!?])", r"\\<", text)
    return re.sub(r"!(?=\[)", r"!\\", text) if "![" in text else text


def cut(text: str, most: int) -> str:
    """Shorten a body to at most `most` characters, at a line's end, closing an open block."""
    if len(text) <= most:
        return text
    note = "\n\n[cut: the whole is in the cycle's record]"
    kept = text[: most - len(note) - 80].rsplit("\n", 1)[0]
    closing: str | None = None
    for line in kept.split("\n"):
        match = _FENCE.match(line)
        if match and closing is None:
            closing = match.group(1)
        elif match and line.strip() == closing:
            closing = None
    return kept + (f"\n{closing}" if closing else "") + note
