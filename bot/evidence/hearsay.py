"""What is no evidence, however truly it is quoted: prose about the code, and what the bot itself reported.

A bot that believes its own reports proves whatever it once guessed. A README says what somebody meant.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from bot.domain.logs import LogEntry

OWN_REPORT = "It is a report of this bot's own, and no evidence. Cite the log or the code that it speaks of."
PROSE = "It is a document, which says what somebody believed, and no evidence. Cite the log or code that runs."

_PROSE = frozenset({
    ".md", ".markdown", ".mdx", ".rst", ".adoc", ".asciidoc", ".html", ".htm", ".org", ".pdf", ".docx",
})
_PROSE_NAMES = frozenset({"readme", "changelog", "changes", "history", "news", "notes", "todo", "authors", "license"})
_STATE = re.compile(r"(?:^|/)(?:\.bot|cycle-\d\d+)/")
# The marker that the publisher sets (bot/domain/effects.py) and the heads of bot/reports/templates. At the start of a
# line: the bot's own source speaks of them, too. A note like "[ERROR] " may stand before them in a log.
_MARKER = re.compile(r"^[ \t]*<!--[ \t]*whybot[ \t\u2060]*:", re.MULTILINE | re.IGNORECASE)
_LOGGED_MARKER = re.compile(r"<!--[ \t]*whybot[ \t\u2060]*:", re.IGNORECASE)
_HEAD = re.compile(
    r"^[ \t]*(?:#+ [^\n]{0,300}Debug Log [-–] Cycle \d+"
    r"|# Test (?:plan|audit|execution) [-–] [^\n]{0,300}, cycle \d+"
    r"|### whybot, run |> \*\*(?:Scripted model|Dry run|Weak sandbox)\.\*\*)",
    re.MULTILINE,
)
_LOGGED_HEAD = re.compile(r"Debug Log [-–] Cycle \d+|# Test (?:plan|audit|execution) [-–] |### whybot, run ")


def code_hearsay(path: str, lines: tuple[str, ...]) -> str:
    """Why a file at the commit is no evidence; empty when it may be."""
    if _STATE.search(path):
        return OWN_REPORT
    text = "\n".join(lines)
    if _MARKER.search(text) or _HEAD.search(text):
        return OWN_REPORT
    file = PurePosixPath(path)
    is_prose = file.suffix.lower() in _PROSE
    is_named = file.suffix.lower() in {"", ".txt"} and file.stem.lower() in _PROSE_NAMES
    return PROSE if is_prose or is_named else ""


def log_hearsay(entry: LogEntry) -> str:
    """Why an entry is no evidence; empty when it may be."""
    return OWN_REPORT if _LOGGED_MARKER.search(entry.text) or _LOGGED_HEAD.search(entry.text) else ""
