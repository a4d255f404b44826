"""Untrusted text in Markdown: shown as it is, with no power to do anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from bot.domain.visible import visible
from bot.logs.redact import redact
from bot.reports.mermaid.grammar import begins_drawing

_JOINER = "\u2060"
_SPECIAL = re.compile(r"([\\`*_\[\]<#|~$&])|!(?=\[)")
_LEADING = re.compile(r"^([-+=>/])|^(\d{1,9})(?=[.)])")

# What a forge or a viewer makes a link of in plain text (GFM's extended autolinks, mentions). It is broken
# wherever it stands, for the viewers differ in what may stand before it.
# A bracket before `!` may begin an alert.
_LINK = re.compile(rf"@(?=[^\s{_JOINER}])|:(?=\\?/\\?/)|www(?=\\?\.)|\[(?=!)", re.IGNORECASE)
_REFERENCE = re.compile(r"#(?=\d)|GH\\?-(?=\d)", re.IGNORECASE)
# What may name a commit: from 7 hexadecimal digits on, not all of them decimal. In pieces of 6 it names none
# (docs.github.com, "Autolinked references and URLs").
_COMMIT = re.compile(r"(?<![0-9A-Za-z])(?=[0-9]*[a-f])[0-9a-f]{7,64}(?![0-9A-Za-z])", re.IGNORECASE)
_PIECE = re.compile(r".{6}(?!$)")
_SKIP = re.compile(r"\[(?=\w)|\*\*\*(?=NO_CI)", re.IGNORECASE)
_COMMAND = re.compile(r"^(\s*)/(?=[a-z])", re.IGNORECASE)
# An escape is stepped over whole, so that what follows `\\` is seen not to be escaped.
_ACTING = re.compile(r"(?P<escape>\\[!-/:-@\[-`{-~])|\$|!\[|\](?=[(:])|<(?=[A-Za-z/!?])|&(?=#?\w)")

_OURS = re.compile(r"\[\[(issue|pull|check|record)(?: ([A-Za-z0-9._/-]{1,160}))?\]\](?![(:\[])")
# What a forge would take for "this closes it" once the link after it is filled in (docs.github.com, "Linking a pull
# request to an issue").
_CLOSES = re.compile(
    r"\b[cfr](?=(?:lose|ix|esolve)(?:s|d|es|ed)?\b[\W_]{0,40}\[\[(?:issue|pull) )", re.IGNORECASE
)
_LANGUAGES = frozenset({"", "text", "diff", "sh", "python", "json", "toml"})
"""What a fenced block may be said to hold; GitHub makes pictures and formulas of some others."""

# CommonMark 0.31, 4.5: the info string of a backtick fence holds no backtick. Only fences that start a line
# are known as such here: an indented one may belong to a list item and end with it.
_FENCE = re.compile(r"(`{3,})[^`]*$|(~{3,})")
_NESTED_FENCE = re.compile(r"^([ \t>*+\-\d.)]+)(`{3,}|~{3,})")
_CLOSING = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*$")
_OPENING_TICKS = re.compile(r"\\.|(?P<ticks>`+)", re.DOTALL)
_DELIMITER_ROW = re.compile(r"[\s>*+\d.)|:-]*-[\s>*+\d.)|:-]*$")
_BARE_PIPE = re.compile(r"(?<!\\)(?:\\\\)*\|")

_BLANK = " \t"
"""Of what an empty line may consist (CommonMark 0.31, 2.1). One of other spaces goes on with its paragraph."""

FOLD = "<details><summary>Every run, and how to repeat it</summary>"
UNFOLD = "</details>"
"""The only HTML that is published: our own, on lines of their own, one pair in a body."""


def inline(text: str, most: int = 600) -> str:
    """Text as one line of prose: every character with a meaning in Markdown or HTML loses it.

    Links and mentions are broken with a WORD JOINER. Secrets are taken out before, while their patterns are whole.
    """
    escaped = _escaped(_one_line(redact(text), most))
    # At the start of a line these would make a list or a heading.
    return _LEADING.sub(lambda match: f"\\{match[1]}" if match[1] else f"{match[2]}\\", escaped)


def prose(text: str, most: int = 1_200, *, cell: bool = False) -> str:
    """A sentence of our own that quotes untrusted text between backticks: the quotes become code spans.

    `cell` says that it is to stand in a table.
    """
    one_line = _one_line(redact(text))
    if len(one_line) > most or one_line.count("`") % 2 or "``" in one_line:
        return inline(one_line, most)
    first, *parts = one_line.split("`")
    shown = [inline(first, most) + " " * (first != first.rstrip())]
    for index, part in enumerate(parts):
        shown.append(_escaped(part) if index % 2 else _code(part, cell=cell))
    return "".join(shown)


def span(text: str, most: int = 300) -> str:
    """Text as a code span, whatever backticks are in it."""
    return _code(_one_line(text, most), cell=False)


def cell(text: str, most: int = 300) -> str:
    """Text as a code span in a table, whatever backticks and pipes are in it."""
    return _code(_one_line(text, most), cell=True)


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


def plain(text: str, most: int = 1_200) -> str:
    """Text as one line for a commit's message: no Markdown is read there, but names, references and orders act.

    An order is what keeps CI from running, as in `[skip ci]`.
    """
    return _broken(_SKIP, _unlinked(_one_line(redact(text), most)))


def acts(text: str) -> bool:
    """Whether a line could do in a commit's message what `plain` takes from it; a commit that it names does nothing."""
    shown = _JOINER.join(visible(part) for part in text.split(_JOINER))
    return _broken(_SKIP, _broken(_REFERENCE, _broken(_LINK, shown))) != text


def _one_line(text: str, most: int | None = None) -> str:
    line = " ".join(visible(text).split())
    return line if most is None or len(line) <= most else line[: most - 1].rstrip() + "…"


def _escaped(text: str) -> str:
    # GitHub takes even an escaped dollar sign for the beginning of a formula, unless a letter or the like stands
    # before it: a WORD JOINER is enough.
    return _SPECIAL.sub(r"\\\g<0>", _unlinked(text).replace("$", f"{_JOINER}$"))


def _unlinked(text: str) -> str:
    """The text with a WORD JOINER in all that a forge or a viewer would make a link of."""
    plain = _broken(_REFERENCE, _broken(_LINK, text))
    return _COMMIT.sub(lambda match: _broken(_PIECE, match.group()), plain)


def _broken(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: match.group() + _JOINER, text)


def _code(text: str, *, cell: bool) -> str:
    text = text.strip() or " "
    if cell:
        # GitHub splits table cells at a pipe even within a code span, unless it is escaped. There a backslash
        # before the pipe would escape the escape, so the two are parted.
        text = re.sub(r"(\\?)\|", lambda match: match[1] + (_JOINER if match[1] else "") + "\\|", text)
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def neutralise(text: str) -> str:
    """Take from a finished body what could act on a forge: mentions, references, links, commands, HTML, images.

    Code spans and blocks are left alone, since a forge does not act on them; where it is not certain that
    something is code, it is taken for text. A block that is open at the end is closed. The templates escape
    what is untrusted already; this is the second line of defence, over everything that is published.
    """
    # The joiners that stand already are ours: what is untrusted went through `visible` before.
    shown = _JOINER.join(visible(part) for part in text.split(_JOINER))
    lines = list(_by_kind(shown))
    # What follows our HTML without an empty line between is HTML, too: code spans and escapes mean nothing there.
    below = [line.strip(_BLANK) for line, _ in lines[1:]]
    ours = [(line, beside) for (line, is_code), beside in zip(lines, [*below, ""], strict=True)
            if not is_code and line in {FOLD, UNFOLD}] == [(FOLD, ""), (UNFOLD, "")]
    if ours:
        # Left as they are, as code is.
        lines = [(line, is_code or line in {FOLD, UNFOLD}) for line, is_code in lines]
    return _closed("\n".join(_outside_code(lines, _disarmed)))


def redacted(text: str) -> str:
    """A finished body without secrets. Pictures of our own are left alone: each of their labels was redacted by itself,
    and between two labels a time or a number may look like the value of a password.
    """
    parts: list[tuple[bool, list[str]]] = [(False, [])]
    opened: str | None = None
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if opened is None:
            opened = _fence_of(line)
            if opened is not None and begins_drawing(lines, at):
                parts.append((True, []))
            parts[-1][1].append(line)
            continue
        parts[-1][1].append(line)
        if _closes(line, opened):
            opened = None
            if parts[-1][0]:
                parts.append((False, []))
    kept = ("\n".join(some) if drawn else redact("\n".join(some)) for drawn, some in parts if some)
    return "\n".join(kept)


def _outside_code(lines: Iterable[tuple[str, bool]], change: Callable[[str], str]) -> Iterator[str]:
    """The lines, each with whether it is code as a whole, with all changed that is not code for certain."""
    paragraph: list[str] = []
    for line, is_code in lines:
        if line.strip(_BLANK) and not is_code:
            paragraph.append(line)
            continue
        yield from _changed(paragraph, change)
        paragraph.clear()
        yield line
    yield from _changed(paragraph, change)


def _by_kind(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it belongs to a fenced block."""
    opened: str | None = None
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if opened is None:
            opened = _fence_of(line)
            yield line if opened and begins_drawing(lines, at) else _only_shown(line, opened), opened is not None
        else:
            yield line, True
            if _closes(line, opened):
                opened = None


def _fence_of(line: str) -> str | None:
    match = _FENCE.match(line)
    return None if match is None else match[1] or match[2]


def _only_shown(line: str, opened: str | None) -> str:
    """The line that opens a block that is no picture of our own, without a language that a forge draws one for."""
    if opened is None or line[len(opened):].strip().lower() in _LANGUAGES:
        return line
    return f"{opened}text"


def _closes(line: str, opened: str) -> bool:
    match = _CLOSING.match(line)
    return match is not None and match[1][0] == opened[0] and len(match[1]) >= len(opened)


def _closed(text: str) -> str:
    """The text with the fenced block closed that it leaves open."""
    opened: str | None = None
    for line in text.split("\n"):
        if opened is None:
            opened = _fence_of(line)
        elif _closes(line, opened):
            opened = None
    return text if opened is None else f"{text}\n{opened}"


def _changed(paragraph: list[str], change: Callable[[str], str]) -> Iterator[str]:
    """The lines of a paragraph, list or table, changed outside the code spans that are certain.

    A span is certain when it ends on its line, every span before it in the paragraph does, and no cell of a
    table can end within it.
    """
    tabular = any(_DELIMITER_ROW.match(line) for line in paragraph)
    certain = True
    for line in paragraph:
        whole = _NESTED_FENCE.sub(lambda match: match[1] + "".join(f"\\{tick}" for tick in match[2]), line)
        parts: list[str] = []
        end = 0
        while certain and (ticks := _next_ticks(whole, end)) is not None:
            closing = re.compile(f"(?<!`){ticks.group()}(?!`)").search(whole, ticks.end())
            if closing is None or (tabular and _BARE_PIPE.search(whole, ticks.end(), closing.start())):
                certain = False
                break
            parts.extend((change(whole[end:ticks.start()]), whole[ticks.start():closing.end()]))
            end = closing.end()
        yield "".join((*parts, change(whole[end:])))


def _next_ticks(line: str, start: int) -> re.Match[str] | None:
    """The next run of backticks that is not escaped."""
    return next((match for match in _OPENING_TICKS.finditer(line, start) if match["ticks"]), None)


def _disarmed(text: str) -> str:
    parts: list[str] = []
    end = 0
    for ours in _OURS.finditer(text):
        parts.extend((_without_power(text[end:ours.start()]), ours.group()))
        end = ours.end()
    return "".join((*parts, _without_power(text[end:])))


def _without_power(text: str) -> str:
    return _ACTING.sub(_escape, _COMMAND.sub(rf"\1/{_JOINER}", _unlinked(text)))


def _escape(match: re.Match[str]) -> str:
    found = match.group()
    if found in {"$", "\\$"}:
        joined = match.string[:match.start()].endswith(_JOINER)
        return f"{'' if joined else _JOINER}\\$"
    if match["escape"]:
        return found
    return r"!\[" if found == "![" else f"\\{found}"


Kind = Literal["issue", "pull", "check", "record"]


def link(kind: Kind, name: str = "") -> str:
    """A place in a body for a link to something of the bot's own, which only who publishes it can fill in.

    `name` is the issue's fingerprint, the pull request's branch, the check's commit; a record has none. As it stands
    it is text that can be read, and what is untrusted cannot hold it: brackets in it are escaped.
    """
    made = f"[[{kind} {name}]]" if name else f"[[{kind}]]"
    if not _OURS.fullmatch(made):
        raise ValueError(f"{name!r} is no name of a {kind}")
    return made


def linked(text: str, find: Callable[[Kind, str], str]) -> str:
    """Fill in the links of a finished body, after everything else was neutralised. Code is left alone.

    `find` gives the Markdown for a thing of the bot's own, say `#12`; empty where there is none yet. None of these is
    closed by the word before it: what a pull request closes is said by who publishes it.
    """
    text = _broken(_CLOSES, text)

    def filled(part: str) -> str:
        return _OURS.sub(lambda match: find(_KINDS[match[1]], match[2] or "") or "not published", part)

    return "\n".join(_outside_code(_by_kind(text), filled))


_KINDS: dict[str, Kind] = {"issue": "issue", "pull": "pull", "check": "check", "record": "record"}


def cut(text: str, most: int) -> str:
    """Shorten a body to at most `most` characters, at a line's end, closing an open block."""
    if len(text) <= most:
        return text
    note = "\n\n[cut: the whole is in the cycle's record]"
    # A line is kept whole or not at all: half a line may be a code span without its end.
    kept = _closed(text[: most - len(note) - 80].rpartition("\n")[0])
    folded = kept.split("\n")
    return kept + (f"\n\n{UNFOLD}" if FOLD in folded and UNFOLD not in folded else "") + note
