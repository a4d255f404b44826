"""The gate of step 1: makes checked whys of proposed ones, and ends the chain where support ends."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.domain.base import Frozen
from bot.domain.evidence import (
    CheckedCitation,
    Citation,
    EvidencePack,
    LogCitation,
    RootCause,
    RuledOut,
    Support,
    Why,
)
from bot.domain.proposals import ProposedRootCause, ProposedWhy, ProposedWhys
from bot.domain.results import FiveWhys
from bot.domain.visible import visible
from bot.evidence.citations import check_citation
from bot.evidence.claims import Evidence, unsupported
from bot.evidence.code import CodeAt

MOST_WHYS = 5
MOST_CITATIONS = 12
"""Citations of one statement that are looked at; a statement with more is not supported."""
MOST_RULED_OUT = 12
NO_CULPRIT = "No culprit in this evidence."
_WORD = re.compile(r"[^\W_]+")


class CheckedWhys(Frozen):
    """The result, and each failure as a sentence that can be given back to the model. None: all holds."""

    result: FiveWhys
    failures: tuple[str, ...]


def check_whys(proposed: ProposedWhys, pack: EvidencePack, snapshot: Mapping[str, str],
               code: CodeAt | None) -> CheckedWhys:
    """Return what of a proposal is supported.

    A why is cited when it has a citation, all its citations hold (`check_citation`), and every number, time
    and name in it stands in their quotes, in those of an earlier cited why, or in what was cited (path,
    line, function, time). The first why that is not, or that repeats an earlier one, ends the chain: it
    stays as unproven with the reason, later ones are dropped. The root cause is cited when a why is, its
    suspects are functions at the commit, a cited why points at one of them, and its own numbers and names
    are held. Rules: issue "Five whys that cannot make things up", DESIGN sections 1 and 2.
    """
    gate = _Gate(pack, snapshot, code)
    failures: list[str] = []
    whys: list[Why] = []
    stopped = ""
    for number, candidate in enumerate(proposed.whys[:MOST_WHYS], 1):
        checked = gate.check(candidate.citations)
        reason = gate.problem(candidate, checked, number)
        whys.append(Why(statement=candidate.statement, citations=checked, reason=reason,
                        support=Support.UNPROVEN if reason else Support.CITED))
        if reason:
            failures += _failures(f"Why {number}", reason, checked)
            dropped = len(proposed.whys) - number
            stopped = f"The chain ends at why {number}, which is unproven: {reason}{_dropped(dropped)}"
            break
        gate.accept(candidate, checked)
    if not proposed.whys:
        stopped = NO_CULPRIT
    elif not stopped and len(whys) < MOST_WHYS:
        stopped = f"The evidence carries the chain as far as why {len(whys)}."
    root_cause = None
    if proposed.root_cause is not None and proposed.whys:
        problem = gate.root_problem(proposed.root_cause)
        root_cause = RootCause(**dict(proposed.root_cause), support=Support.UNPROVEN if problem else Support.CITED)
        failures += [f"Root cause: {problem}"] if problem else []
    ruled_out = []
    for number, item in enumerate(proposed.ruled_out[:MOST_RULED_OUT], 1):
        checked = gate.check(item.citations)
        problem = _citation_problem(checked)
        ruled_out.append(RuledOut(hypothesis=item.hypothesis, citations=checked,
                                  support=Support.UNPROVEN if problem else Support.CITED))
        failures += _failures(f"Ruled-out hypothesis {number}", problem, checked) if problem else []
    result = FiveWhys(pack=pack, whys=tuple(whys), root_cause=root_cause, ruled_out=tuple(ruled_out),
                      remediation=proposed.remediation, stopped=stopped)
    return CheckedWhys(result=result, failures=tuple(failures))


class _Gate:
    """What is cited so far."""

    def __init__(self, pack: EvidencePack, snapshot: Mapping[str, str], code: CodeAt | None) -> None:
        self._pack = pack
        self._snapshot = snapshot
        self._code = code
        self._evidence = Evidence()
        self._accepted: list[tuple[str, frozenset[str]]] = []

    def check(self, citations: tuple[Citation, ...]) -> tuple[CheckedCitation, ...]:
        found = [check_citation(citation, self._snapshot, self._code) for citation in citations[:MOST_CITATIONS]]
        found += [CheckedCitation(citation=citation, holds=False, reason=f"At most {MOST_CITATIONS} are looked at.")
                  for citation in citations[MOST_CITATIONS:MOST_CITATIONS + 1]]
        return tuple(found)

    def problem(self, why: ProposedWhy, checked: tuple[CheckedCitation, ...], number: int) -> str:
        """Why this is not supported; empty when it is."""
        repeated = self._repeats(why)
        if repeated:
            return f"It says the same as why {repeated}."
        if visible(why.statement) != why.statement:
            return "It contains characters that cannot be seen."
        found = _citation_problem(checked)
        if found:
            return found
        missing = unsupported(why.statement, self._cited(checked).plus(self._evidence))
        if missing:
            where = "the quotes it cites" if number == 1 else "the quotes that it or an earlier cited why cites"
            return f"It claims what does not stand in {where}: {', '.join(missing)}."
        return ""

    def accept(self, why: ProposedWhy, checked: tuple[CheckedCitation, ...]) -> None:
        self._evidence = self._evidence.plus(self._cited(checked))
        self._accepted.append((why.statement, _cites(why)))

    def root_problem(self, cause: ProposedRootCause) -> str:
        if not self._accepted:
            return "No why is cited, so nothing supports it."
        if self._code is None:
            return "The commit that was running is not known, so its suspects cannot be looked up."
        evidence = self._evidence
        pointed = False
        for suspect in cause.suspects:
            span = self._code.find(suspect)
            if span is None:
                return f"There is no function {suspect.function} in {suspect.path} at {self._code.commit[:12]}."
            lines = self._code.lines(suspect.path) or ()
            name = suspect.function.rpartition(".")[2]
            cited = f"{self._evidence.text}\n{self._evidence.facts}"
            pointed = pointed or re.search(rf"(?<!\w){re.escape(name)}(?!\w)", cited) is not None
            body = "\n".join(lines[span.first - 1:span.last])
            evidence = evidence.plus(Evidence(body, f"{suspect.path} {suspect.function}",
                                              frozenset(range(span.first, span.last + 1))))
        if not pointed:
            return "No cited why points at any of its suspects."
        missing = unsupported(f"{cause.statement}\n{cause.mechanism}\n{cause.trigger}", evidence)
        if missing:
            return f"It claims what stands neither in the cited quotes nor in its suspects: {', '.join(missing)}."
        return ""

    def _cited(self, checked: tuple[CheckedCitation, ...]) -> Evidence:
        text, facts, numbers = [], [], set()
        for item in checked:
            citation = item.citation
            text.append(citation.quote)
            if isinstance(citation, LogCitation):
                shown = [entry for entry in self._pack.items if entry.kind == "log" and entry.ref == citation.insert_id]
                facts += [citation.insert_id, *(f"{entry.id} {entry.time} {entry.origin}" for entry in shown)]
                continue
            around = self._code.enclosing(citation.path, citation.line) if self._code is not None else None
            shown = [entry for entry in self._pack.items
                     if entry.kind == "code" and entry.ref.rpartition(":")[0] == citation.path]
            facts += [citation.path, f"{citation.path}:{citation.line}", around.name if around else "",
                      *(entry.id for entry in shown)]
            numbers.add(citation.line)
        return Evidence("\n".join(text), "\n".join(facts), frozenset(numbers))

    def _repeats(self, why: ProposedWhy) -> int:
        """The number of the earlier why that this one repeats: the same words, or much the same on the same quotes."""
        words, cites = _words(why.statement), _cites(why)
        for number, (statement, cited) in enumerate(self._accepted, 1):
            other = _words(statement)
            alike = len(words & other) / max(1, len(words | other))
            if alike >= 0.8 or (alike >= 0.5 and cites == cited):
                return number
        return 0


def _words(text: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _WORD.findall(text))


def _cites(why: ProposedWhy) -> frozenset[str]:
    return frozenset(citation.model_dump_json() for citation in why.citations)


def _citation_problem(checked: tuple[CheckedCitation, ...]) -> str:
    if not checked:
        return "It cites nothing."
    failed = [item for item in checked if not item.holds]
    if not failed:
        return ""
    return failed[0].reason if len(checked) == 1 else f"{len(failed)} of its {len(checked)} citations do not hold."


def _failures(what: str, reason: str, checked: tuple[CheckedCitation, ...]) -> list[str]:
    if all(item.holds for item in checked):
        return [f"{what}: {reason}"]
    return [f"{what}, citation {number} ({_place(item.citation)}): {item.reason}"
            for number, item in enumerate(checked, 1) if not item.holds]


def _place(citation: Citation) -> str:
    return citation.insert_id if isinstance(citation, LogCitation) else f"{citation.path}:{citation.line}"


def _dropped(count: int) -> str:
    if count <= 0:
        return ""
    return " The one after it was dropped." if count == 1 else f" The {count} after it were dropped."
