"""Checks one citation against the redacted snapshot or the code at the commit. Exact text or nothing."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.evidence import CheckedCitation, Citation, CodeCitation, LogCitation
from bot.evidence.code import CodeAt

LEAST_QUOTE = 8
"""Characters of a quote, without surrounding blanks; at least half as many must be letters or digits."""
MOST_QUOTE = 2_000


def check_citation(citation: Citation, snapshot: Mapping[str, str], code: CodeAt | None) -> CheckedCitation:
    """Return the citation with whether it holds, or why not.

    `snapshot` maps an insertId to the redacted text of its entry. A log quote must be a substring of that
    text; a code quote a substring of that one (redacted) line of that file at that commit. Nothing is
    normalised: a look-alike character is another character.
    """
    reason = _quote_problem(citation.quote)
    if not reason:
        reason = _log(citation, snapshot) if isinstance(citation, LogCitation) else _code(citation, code)
    return CheckedCitation(citation=citation, holds=not reason, reason=reason)


def _quote_problem(quote: str) -> str:
    bare = quote.strip()
    if len(bare) < LEAST_QUOTE or sum(character.isalnum() for character in bare) < LEAST_QUOTE // 2:
        return f"The quote is too short: at least {LEAST_QUOTE} characters, half of them letters or digits."
    if len(quote) > MOST_QUOTE:
        return f"The quote has {len(quote)} characters; at most {MOST_QUOTE} are a quote."
    return ""


def _log(citation: LogCitation, snapshot: Mapping[str, str]) -> str:
    text = snapshot.get(citation.insert_id)
    if text is None:
        return "There is no entry with this insertId in the snapshot."
    if citation.quote in text:
        return ""
    if any(citation.quote in other for other in snapshot.values()):
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
    if citation.quote in lines[citation.line - 1]:
        return ""
    if any(citation.quote in line for line in lines):
        return "The quote stands in this file, but on another line."
    return "The quote does not stand on that line, character for character."
