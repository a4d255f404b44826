"""What citations bring to a judged statement, and what a statement may rest on."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from bot.domain.evidence import CheckedCitation, Citation, CodeCitation
from bot.domain.logs import LogEntry
from bot.evidence.claims import Evidence
from bot.evidence.contradictions import CodeLine
from bot.evidence.words import fold_digits, statement_terms

_MOST_ENTRY = 20_000


class Cited(NamedTuple):
    """What one citation that holds brings. `running` is the part of its quote that is no comment or docstring.

    `terms` are those of that part and of the facts that are its own, `used` whether the statement speaks of any.
    `function` is where quoted code stands.
    """

    citation: Citation
    evidence: Evidence
    running: str
    terms: frozenset[str]
    used: bool
    entry: LogEntry | None = None
    function: str = ""


class Statement(NamedTuple):
    """A judged statement. `problem` is empty when it stands; `unheld` is claimed and stands nowhere.

    `leaned` are pieces that only earlier whys' quotes hold, or the rest of a cited entry.
    """

    checked: tuple[CheckedCitation, ...]
    supports: tuple[Cited, ...]
    problem: str
    unheld: tuple[str, ...] = ()
    leaned: tuple[str, ...] = ()

    @property
    def used(self) -> tuple[Cited, ...]:
        """What the statement speaks of; the rest carries nothing."""
        return tuple(support for support in self.supports if support.used)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What later statements may rest on."""
        return tuple(support.evidence for support in self.used)

    @property
    def around(self) -> tuple[Evidence, ...]:
        """The whole of the entries that it speaks of. Names and quoted text may stand there, numbers may not."""
        return tuple(Evidence(facts=support.entry.text[:_MOST_ENTRY]) for support in self.used if support.entry)

    @property
    def logged(self) -> tuple[str, ...]:
        """The quotes from the log that it speaks of."""
        return tuple(support.citation.quote for support in self.used if support.entry is not None)

    @property
    def code(self) -> tuple[CodeLine, ...]:
        """The lines of code that it speaks of."""
        return tuple(CodeLine(support.citation.path, support.function, support.citation.line, support.running)
                     for support in self.used if isinstance(support.citation, CodeCitation))

    @property
    def running(self) -> str:
        """What runs of the quotes that it uses, or was logged."""
        return "\n".join(support.running for support in self.used)

    @property
    def terms(self) -> frozenset[str]:
        """The terms of what it speaks of."""
        return frozenset().union(*(support.terms for support in self.used))


class Earlier(NamedTuple):
    """What the cited whys before a statement hold: quotes and facts, entries as a whole, the terms of all of it.

    `used` are the citations that they speak of.
    """

    evidence: Evidence = Evidence()
    around: Evidence = Evidence()
    terms: frozenset[str] = frozenset()
    used: tuple[Cited, ...] = ()

    def plus(self, statement: Statement, text: str) -> Earlier:
        """With one more."""
        return Earlier(self.evidence.plus(*statement.evidence), self.around.plus(*statement.around),
                       self.terms | statement.terms | statement_terms(text), self.used + statement.used)

    @property
    def held(self) -> Evidence:
        """All that a later statement may name, and count."""
        return self.evidence.plus(self.around, counts_of(self.used))


def counts_of(used: tuple[Cited, ...]) -> Evidence:
    """How many entries are cited that read alike, digits aside, and of how many instances: a statement may say so."""
    alike: dict[str, set[str]] = defaultdict(set)
    instances = set()
    for support in used:
        if support.entry is not None:
            alike[fold_digits(support.entry.text)].add(support.entry.insert_id)
            instances.add(support.entry.instance)
    return Evidence(counts=frozenset({len(instances - {""}), *map(len, alike.values())} - {0, 1}))
