"""Judges one statement with its citations: what they carry, what the statement makes of them, what it claims beyond."""

from __future__ import annotations

import re
from typing import NamedTuple

from bot.domain.evidence import CheckedCitation, Citation, CodeCitation, LogCitation
from bot.domain.logs import LogEntry
from bot.domain.moments import rfc3339
from bot.domain.visible import visible
from bot.evidence.citations import Snapshot, check_citation, place_of
from bot.evidence.claims import Evidence, unsupported
from bot.evidence.comments import running_part
from bot.evidence.ground import Ground
from bot.evidence.relevance import statement_terms, terms, unrelated
from bot.evidence.times import mentions

MOST_CITATIONS = 12
"""Citations of one statement that are looked at; a statement with more is not supported."""
_INSTANCE = (8, 12)
"""Lengths to which an instance's id is cut where people read it; the pack shows the second."""

_MOST_ENTRY = 20_000
_MOST_WORD = 200
_LONG_WORD = re.compile(rf"\S{{{_MOST_WORD + 1}}}")
_FIELDS = terms("instance revision")


class Support(NamedTuple):
    """What one citation that holds brings. `running` is the part of its quote that is no comment or docstring.

    `terms` are those of that part and of the facts that are its own, `used` whether the statement speaks of any.
    """

    citation: Citation
    evidence: Evidence
    running: str
    terms: frozenset[str]
    used: bool
    entry: LogEntry | None = None


class Statement(NamedTuple):
    """A judged statement. `problem` is empty when it stands; `unheld` is claimed and stands nowhere.

    `leaned` are pieces that only earlier whys' quotes hold, or the rest of a cited entry.
    """

    checked: tuple[CheckedCitation, ...]
    supports: tuple[Support, ...]
    problem: str
    unheld: tuple[str, ...] = ()
    leaned: tuple[str, ...] = ()

    @property
    def used(self) -> tuple[Support, ...]:
        """What the statement speaks of; the rest carries nothing."""
        return tuple(support for support in self.supports if support.used)

    @property
    def idle(self) -> tuple[str, ...]:
        """The places of citations that the statement makes no use of."""
        return tuple(place_of(support.citation) for support in self.supports if not support.used)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What later statements may rest on."""
        return tuple(support.evidence for support in self.used)

    @property
    def around(self) -> tuple[Evidence, ...]:
        """The whole of the entries that it speaks of. Names and quoted text may stand there, numbers may not."""
        return tuple(Evidence(facts=support.entry.text[:_MOST_ENTRY]) for support in self.used if support.entry)

    @property
    def running(self) -> str:
        """What runs of the quotes that it uses, or was logged."""
        return "\n".join(support.running for support in self.used)

    @property
    def terms(self) -> frozenset[str]:
        """The terms of what it speaks of."""
        return frozenset().union(*(support.terms for support in self.used))


class Earlier(NamedTuple):
    """What the cited whys before a statement hold: quotes and facts, entries as a whole, the terms of all of it."""

    evidence: Evidence = Evidence()
    around: Evidence = Evidence()
    terms: frozenset[str] = frozenset()

    def plus(self, statement: Statement, text: str) -> Earlier:
        """With one more."""
        return Earlier(self.evidence.plus(*statement.evidence), self.around.plus(*statement.around),
                       self.terms | statement.terms | statement_terms(text))

    @property
    def held(self) -> Evidence:
        """All that a later statement may name."""
        return self.evidence.plus(self.around)


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

    def judge(self, text: str, citations: tuple[Citation, ...], earlier: Earlier, *,
              hypothesis: bool = False) -> Statement:
        """Judge a statement: its citations hold, it speaks of them, and what it claims stands in them.

        A citation is used when the statement shares a term with its running part, with the function or file that it
        points at, or names its time, revision or instance. Names, values and times may also stand in what earlier
        cited whys use; names and quoted text also anywhere in a cited entry, but a number stands in the quote.
        A hypothesis is what the evidence speaks against, so it has few of its words: one is enough, and it may speak
        of the instance or the revision that an entry comes from.
        """
        checked = self.check(citations)
        problem = text_problem(text) or citation_problem(checked)
        if problem:
            return Statement(checked, (), problem)
        supports = tuple(self._support(text, item.citation, hypothesis) for item in checked)
        found = Statement(checked, supports, "")
        if not any(support.running for support in supports):
            return found._replace(problem="All that it cites are comments or docstrings, which do not run. "
                                          "Cite the code itself, or the log.")
        if not any(support.running and support.used for support in supports):
            return found._replace(problem="It makes no use of what it cites: its words do not stand in its quotes.")
        own = Evidence().plus(*found.evidence)
        unheld = unsupported(text, own.plus(*found.around, earlier.held))
        leaned = tuple(piece for piece in unsupported(text, own) if piece not in unheld)
        if unheld:
            return found._replace(unheld=unheld, problem="It claims what does not stand in the quotes that it or an "
                                                         f"earlier cited why cites: {', '.join(unheld)}.")
        unlike = "" if hypothesis else unrelated(text, own.plus(earlier.held), found.running, found.terms,
                                                   earlier.terms)
        return found._replace(leaned=leaned, problem=unlike)

    def running(self, citation: Citation) -> str:
        """The part of a quote that is no comment or docstring; a log quote as it is."""
        if isinstance(citation, LogCitation) or self._code is None:
            return citation.quote
        lines = self._code.lines(citation.path) or ()
        return running_part(citation.quote, citation.line, citation.path, lines)

    def _support(self, text: str, citation: Citation, hypothesis: bool) -> Support:
        running = self.running(citation)
        said = statement_terms(text)
        if isinstance(citation, CodeCitation):
            evidence, near = self._code_facts(citation)
            found = terms(running) | terms(near)
            return Support(citation, evidence, running, found, bool(running) and bool(said & found))
        entry = self._snapshot.holding(citation)
        assert entry is not None, "a log citation that holds has its entry"
        evidence = self._log_facts(citation, entry)
        # The service is in every entry: it makes no citation used, and yet it is no foreign word.
        found = terms(citation.quote) | terms(entry.logger.rpartition(".")[2])
        named = mentions(text, rfc3339(entry.time_ns)) or any(
            len(name) >= _INSTANCE[0] and name in text for name in (entry.revision, entry.instance[:_INSTANCE[0]]))
        used = bool(said & found) or named or (hypothesis and bool(said & _FIELDS))
        return Support(citation, evidence, running, found | terms(entry.service), used, entry)

    def _log_facts(self, citation: LogCitation, entry: LogEntry) -> Evidence:
        shown = [item.id for item in self._ground.pack.items if item.kind == "log" and item.ref == citation.insert_id]
        facts = [
            entry.insert_id, rfc3339(entry.time_ns), entry.severity.value, entry.service, entry.revision, entry.logger,
            entry.instance, *(entry.instance[:length] for length in _INSTANCE), entry.project, entry.log_name,
            entry.trace, *(value for _, value in entry.labels), *shown,
        ]
        return Evidence(citation.quote, "\n".join(facts))

    def _code_facts(self, citation: CodeCitation) -> tuple[Evidence, str]:
        """The evidence of a code citation, and the names that are near enough to be meant by it."""
        around = self._code.enclosing(citation.path, citation.line) if self._code is not None else None
        name = around.name if around is not None else ""
        stem = citation.path.rpartition("/")[2].strip(".").partition(".")[0]
        shown = [item.id for item in self._ground.pack.items
                 if item.kind == "code" and item.ref.rpartition(":")[0] == citation.path]
        file = citation.path.rpartition("/")[2]
        places = (f"{citation.path}:{citation.line}", f"{file}:{citation.line}")
        facts = "\n".join([citation.path, *places, name, citation.commit, citation.commit[:7], citation.commit[:12],
                           *shown])
        return Evidence(citation.quote, facts, frozenset({citation.line})), f"{name} {stem}"


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
