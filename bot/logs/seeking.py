"""What a focus asks of a text: its terms, its exclusions. Made once for a scan of a million entries."""

from __future__ import annotations

import re

from bot.domain.logs import Focus
from bot.logs.tracebacks import telling_text


class Seeker:
    """A focus's terms, loggers and exclusions. `everything` is True when it asks for nothing in particular."""

    def __init__(self, focus: Focus) -> None:
        self._loggers = focus.loggers
        self._least_status = focus.least_http_status
        told = [term.strip().lower() for term in focus.terms if term.strip()]
        self._words = tuple(term for term in told if not term.isdigit())
        self._numbers = tuple(
            (term, re.compile(f"(?<![0-9A-Za-z]){term}(?![0-9A-Za-z])")) for term in told if term.isdigit()
        )
        self._excluded = tuple(words.lower() for words in focus.exclude if words.strip())
        self.everything = not focus.terms and not focus.loggers and not focus.least_http_status
        self.excludes = bool(self._excluded)

    def speaks(self, text: str, logger: str = "", status: int = 0) -> bool:
        """Whether an entry speaks of the focus: by its HTTP status, its logger or a term.

        A term is found anywhere in a word, in any case; a number only where no letter or digit adjoins it.
        Frames of libraries are not looked at.
        """
        if self.everything or self.is_named(logger, status):
            return True
        return self.tells(telling_text(text))

    def tells(self, text: str) -> bool:
        """Whether a text, which must be without frames of libraries, holds a term."""
        lower = text.lower()
        # A plain loop: it runs for every severe entry, and a generator inside any() takes twice as long.
        for word in self._words:
            if word in lower:
                return True
        return any(number in lower and pattern.search(lower) for number, pattern in self._numbers)

    def is_named(self, logger: str, status: int = 0) -> bool:
        """Whether the logger or the HTTP status alone make an entry one of the focus."""
        if self._least_status and status >= self._least_status:
            return True
        if not logger:
            return False
        if any(logger == name or logger.startswith(f"{name}.") for name in self._loggers):
            return True
        return self.tells(logger)

    def excluded(self, text: str) -> bool:
        """Whether a text holds one of the exclusions, in any case of letters."""
        if not self._excluded:
            return False
        lower = text.lower()
        return any(words in lower for words in self._excluded)
