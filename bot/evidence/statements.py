"""Judges one statement with its citations: what they carry, what the statement makes of them, what it claims beyond."""

from __future__ import annotations

import re

from bot.domain.evidence import CheckedCitation, Citation, CodeCitation, LogCitation
from bot.domain.logs import LogEntry
from bot.domain.moments import rfc3339
from bot.domain.visible import visible
from bot.evidence.citations import Snapshot, check_citation, place_of
from bot.evidence.claims import Evidence, unsupported, weigh
from bot.evidence.comments import running_part
from bot.evidence.contradictions import denied, mislabelled, misordered
from bot.evidence.ground import Ground
from bot.evidence.relevance import silent_part, unrelated
from bot.evidence.supports import Cited, Earlier, Statement, counts_of
from bot.evidence.times import mentions
from bot.evidence.words import statement_terms, terms

MOST_CITATIONS = 12
"""Citations of one statement that are looked at; a statement with more is not supported."""
_INSTANCE = (8, 12)
"""Lengths to which an instance's id is cut where people read it; the pack shows the second."""

_MOST_WORD = 200
_LONG_WORD = re.compile(rf"\S{{{_MOST_WORD + 1}}}")
_SHORT = 2
"""Characters of a held piece that tell nothing of the part in which they stand."""


class Judge:
    """Judges statements against one ground."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._code = ground.code
        self._snapshot = Snapshot(ground.entries)

    def check(self, citations: tuple[Citation, ...]) -> tuple[CheckedCitation, ...]:
        """Check each citation; those beyond the most that are looked at do not hold."""
        found = [check_citation(citation, self._snapshot, self._code) for citation in citations[:MOST_CITATIONS]]
        found += [CheckedCitation(citation=citation, holds=False, reason=f"At most {MOST_CITATIONS} are looked at.")
                  for citation in citations[MOST_CITATIONS:MOST_CITATIONS + 1]]
        return tuple(found)

    def judge(self, text: str, citations: tuple[Citation, ...], earlier: Earlier, *, of_tests: bool = False
              ) -> Statement:
        """Judge a statement: its citations hold, it speaks of them, and what it claims stands in them, not against it.

        A citation is used when the statement shares a term with its running part, with the function or file that it
        points at, or names its time, revision or instance. Names, values and times may also stand in what earlier
        cited whys use; names and quoted text also anywhere in a cited entry, but a number stands in the quote, or is a
        word that counts citations.
        Comments and docstrings do not run, and tests not in the service: they carry nothing, but tests may do so
        where `of_tests` is set.
        """
        checked = self.check(citations)
        problem = text_problem(text) or citation_problem(checked)
        if problem:
            return Statement(checked, (), problem)
        supports = tuple(self._support(text, item.citation, of_tests) for item in checked)
        found = Statement(checked, supports, "")
        if not any(support.running for support in supports):
            return found._replace(problem="All that it cites are comments or docstrings, which do not run, or "
                                          "tests, which do not run in the service. Cite the code itself, or the log.")
        if not any(support.running and support.used for support in supports):
            return found._replace(problem="It makes no use of what it cites: its words do not stand in its quotes.")
        own = Evidence().plus(*found.evidence)
        counts = counts_of(earlier.used + found.used)
        unheld = unsupported(text, own.plus(*found.around, earlier.held, counts))
        leaned = tuple(piece for piece in unsupported(text, own.plus(counts)) if piece not in unheld)
        if unheld:
            return found._replace(unheld=unheld, problem="It claims what does not stand in the quotes that it or an "
                                                         f"earlier cited why cites: {', '.join(unheld)}.")
        problem = unrelated(text, own.plus(earlier.held), found.running, found.terms, earlier.terms)
        return found._replace(leaned=leaned, problem=problem or self._speaks_against(text, found, earlier))

    def _speaks_against(self, text: str, found: Statement, earlier: Earlier) -> str:
        """What of its evidence speaks against a statement, or which part of it speaks of none; empty for neither."""
        own = Evidence().plus(*found.evidence)
        quotes = [piece.text for piece in own.plus(earlier.evidence).pieces() if piece.text]
        before = [piece.text for piece in earlier.evidence.pieces() if piece.text]
        others = "\n".join((*(line.text for line in found.code), *before))
        held = weigh(text, own.plus(*found.around, earlier.held)).held
        return (mislabelled(text, quotes) or misordered(text, found.code) or denied(text, found.logged, others)
                or silent_part(text, found.terms | earlier.terms, [piece for piece in held if len(piece) > _SHORT]))

    def running(self, citation: Citation) -> str:
        """The part of a quote that is no comment or docstring; a log quote as it is."""
        if isinstance(citation, LogCitation) or self._code is None:
            return citation.quote
        lines = self._code.lines(citation.path) or ()
        return running_part(citation.quote, citation.line, citation.path, lines)

    def _support(self, text: str, citation: Citation, of_tests: bool) -> Cited:
        said = statement_terms(text)
        if isinstance(citation, CodeCitation):
            running = self.running(citation) if of_tests or not self._ground.is_test(citation.path) else ""
            around = self._code.enclosing(citation.path, citation.line) if self._code is not None else None
            name = around.name if around is not None else ""
            evidence = self._code_facts(citation, name)
            found = terms(running) | terms(f"{name} {citation.path.rpartition('/')[2].strip('.').partition('.')[0]}")
            return Cited(citation, evidence, running, found, bool(running) and bool(said & found), function=name)
        entry = self._snapshot.holding(citation)
        assert entry is not None, "a log citation that holds has its entry"
        evidence = self._log_facts(citation, entry)
        # The service is in every entry: it makes no citation used, and yet it is no foreign word.
        found = terms(citation.quote) | terms(entry.logger.rpartition(".")[2])
        named = mentions(text, rfc3339(entry.time_ns)) or any(
            len(name) >= _INSTANCE[0] and name in text for name in (entry.revision, entry.instance[:_INSTANCE[0]]))
        used = bool(said & found) or named
        return Cited(citation, evidence, citation.quote, found | terms(entry.service), used, entry)

    def _log_facts(self, citation: LogCitation, entry: LogEntry) -> Evidence:
        shown = [item.id for item in self._ground.pack.items if item.kind == "log" and item.ref == citation.insert_id]
        facts = [
            entry.insert_id, rfc3339(entry.time_ns), entry.severity.value, entry.service, entry.revision, entry.logger,
            entry.instance, *(entry.instance[:length] for length in _INSTANCE), entry.project, entry.log_name,
            entry.trace, *(value for _, value in entry.labels), *shown,
        ]
        return Evidence(citation.quote, "\n".join(facts))

    def _code_facts(self, citation: CodeCitation, function: str) -> Evidence:
        """The evidence of a code citation."""
        shown = [item.id for item in self._ground.pack.items
                 if item.kind == "code" and item.ref.rpartition(":")[0] == citation.path]
        file = citation.path.rpartition("/")[2]
        places = (f"{citation.path}:{citation.line}", f"{file}:{citation.line}")
        facts = "\n".join([citation.path, *places, function, citation.commit, citation.commit[:7],
                           citation.commit[:12], *shown])
        return Evidence(citation.quote, facts, frozenset({citation.line}))


def text_problem(text: str) -> str:
    """Why a text is none that people can read; empty when it is."""
    if visible(text) != text:
        return "It contains characters that cannot be seen."
    return f"It has a word of more than {_MOST_WORD} characters." if _LONG_WORD.search(text) else ""


def citation_problem(checked: tuple[CheckedCitation, ...]) -> str:
    """Why a set of checked citations supports nothing; empty when all hold."""
    if not checked:
        return "It cites nothing."
    failed = [item for item in checked if not item.holds]
    if not failed:
        return ""
    return failed[0].reason if len(checked) == 1 else f"{len(failed)} of its {len(checked)} citations do not hold."


def failures_of(what: str, reason: str, checked: tuple[CheckedCitation, ...]) -> list[str]:
    """The reason as sentences for the model: each citation that does not hold with its own."""
    if all(item.holds for item in checked):
        return [f"{what}: {reason}"]
    return [f"{what}, citation {number} ({place_of(item.citation)}): {item.reason}"
            for number, item in enumerate(checked, 1) if not item.holds]
