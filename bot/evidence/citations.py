"""Checks one citation against the redacted snapshot or the code at the commit. Exact text or nothing."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.evidence import CheckedCitation, Citation, CodeCitation, LogCitation
from bot.domain.logs import LogEntry
from bot.domain.visible import visible
from bot.evidence.code import CodeAt
from bot.evidence.hearsay import code_hearsay, log_hearsay

LEAST_QUOTE = 8
"""Characters of a quote, without surrounding blanks; at least half as many must be letters or digits."""
MOST_QUOTE = 2_000


class Snapshot:
    """The entries of a redacted snapshot by insertId. One insertId may occur twice (another project or time)."""

    def __init__(self, entries: Iterable[LogEntry]) -> None:
        self.entries = tuple(entries)
        self._named: dict[str, list[LogEntry]] = {}
        for entry in self.entries:
            self._named.setdefault(entry.insert_id, []).append(entry)
        self._all: str | None = None

    def named(self, insert_id: str) -> tuple[LogEntry, ...]:
        """The entries with an insertId, in the snapshot's order."""
        return tuple(self._named.get(insert_id, ()))

    def holding(self, citation: LogCitation) -> LogEntry | None:
        """The first entry with the cited insertId in which the quote stands."""
        return next((entry for entry in self.named(citation.insert_id) if stands(citation.quote, entry.text)), None)

    def somewhere(self, quote: str) -> bool:
        """Whether a text stands in any one entry."""
        if self._all is None:
            self._all = "\0".join(entry.text for entry in self.entries)
        return "\0" not in quote and quote in self._all


def stands(quote: str, text: str) -> bool:
    """Whether a quote stands in a text, as it is or as prompts show it (`visible`)."""
    return quote in text or ("\\u{" in quote and quote in visible(text))


def check_citation(citation: Citation, snapshot: Snapshot, code: CodeAt | None) -> CheckedCitation:
    """Return the citation with whether it holds, or why not.

    A log quote must be a substring of the redacted text of an entry with that insertId; a code quote a substring of
    that one (redacted) line of that file at that commit. Nothing is normalised: a look-alike character is another
    character. What people or the bot wrote about the code is no evidence (`bot/evidence/hearsay.py`).
    """
    reason = _quote_problem(citation.quote)
    if not reason:
        reason = _log(citation, snapshot) if isinstance(citation, LogCitation) else _code(citation, code)
    return CheckedCitation(citation=citation, holds=not reason, reason=reason)


def place_of(citation: Citation) -> str:
    """How a citation's place is named to people and to the model."""
    return citation.insert_id if isinstance(citation, LogCitation) else f"{citation.path}:{citation.line}"


def _quote_problem(quote: str) -> str:
    bare = quote.strip()
    if len(bare) < LEAST_QUOTE or sum(map(str.isalnum, bare)) < LEAST_QUOTE // 2:
        return f"The quote is too short: at least {LEAST_QUOTE} characters, half of them letters or digits."
    if len(quote) > MOST_QUOTE:
        return f"The quote has {len(quote)} characters; at most {MOST_QUOTE} are a quote."
    return ""


def _log(citation: LogCitation, snapshot: Snapshot) -> str:
    named = snapshot.named(citation.insert_id)
    if not named:
        return "There is no entry with this insertId in the snapshot."
    entry = snapshot.holding(citation)
    if entry is not None:
        return log_hearsay(entry)
    if snapshot.somewhere(citation.quote):
        return "The quote stands in another entry, not in the one with this insertId."
    return "The quote does not stand in that entry, character for character."


def _code(citation: CodeCitation, code: CodeAt | None) -> str:
    if code is None:
        return "The commit that was running is not known, so no code can be cited."
    if citation.commit != code.commit:
        return f"The citation names another commit than {code.commit[:12]}, at which the code is read."
    lines = code.lines(citation.path)
    if lines is None:
        return "There is no such file at this commit."
    if "\n" in citation.quote:
        return "A code quote is taken from one line."
    if not 1 <= citation.line <= len(lines):
        return f"The file has {len(lines)} lines at this commit."
    if stands(citation.quote, lines[citation.line - 1]):
        return code_hearsay(citation.path, lines)
    if any(citation.quote in line for line in lines):
        return "The quote stands in this file, but on another line."
    return "The quote does not stand on that line, character for character."
