"""The gate of step 1: makes checked whys of proposed ones, and ends the chain where support ends."""

from __future__ import annotations

from bot.domain.base import Frozen
from bot.domain.evidence import CodeCitation, Confidence, RootCause, RuledOut, Support, Why
from bot.domain.logs import LogEntry
from bot.domain.proposals import ProposedRuledOut, ProposedWhy, ProposedWhys
from bot.domain.results import FiveWhys
from bot.evidence.ground import Ground
from bot.evidence.hypotheses import Said, rule_out
from bot.evidence.novelty import Told, nothing_new, told
from bot.evidence.order import Judged, Timeline
from bot.evidence.root_cause import check_root_cause, files_named
from bot.evidence.statements import MOST_CITATIONS, Judge, failures_of
from bot.evidence.supports import Cited, Earlier, Statement
from bot.evidence.times import BECAUSE, told_backwards
from bot.evidence.words import statement_terms

__all__ = ["MOST_CITATIONS", "MOST_RULED_OUT", "MOST_WHYS", "NO_CULPRIT", "CheckedWhys", "check_whys", "paths_used"]

MOST_WHYS = 5
MOST_RULED_OUT = 12
NO_CULPRIT = "No culprit in this evidence."
_AUDIT = "cloudaudit"


class CheckedWhys(Frozen):
    """The result, and each failure as a sentence that can be given back to the model. None: all holds."""

    result: FiveWhys
    failures: tuple[str, ...]


def check_whys(proposed: ProposedWhys, ground: Ground) -> CheckedWhys:
    """Return what of a proposal is supported. A pure function of its arguments.

    A why is cited when
    - it has a citation, and all its citations hold (`citations.py`) and are evidence (`hearsay.py`);
    - it speaks of what it cites, not of comments or tests alone, and each part of it does (`statements.py`,
      `relevance.py`, `comments.py`), and every number, time and name in it stands there or in what an earlier cited why
      uses (`claims.py`, `amounts.py`);
    - its quotes do not say otherwise (`contradictions.py`);
    - it brings a quote that no earlier why cites, and says what none says, nor turns one around (`novelty.py`);
    - the times of the log do not contradict it (`order.py`, `times.py`), and it rests on more than audit entries.
    The first why that is not ends the chain: it stays as unproven with the reason, later ones are dropped. The root
    cause is checked by `root_cause.py`. A hypothesis is ruled out when what is said against it stands as a why does
    (`hypotheses.py`). An empty chain without a root cause is an answer: no culprit.
    Rules: issue "Five whys that cannot make things up", DESIGN sections 1 and 2.
    """
    gate = _Gate(ground)
    for candidate in proposed.whys[:MOST_WHYS]:
        if not gate.take(candidate):
            break
    root_cause = None
    if proposed.root_cause is not None and not proposed.whys:
        gate.failures.append("Root cause: there is no why that leads to it. Give the whys, or leave it out.")
    elif proposed.root_cause is not None:
        checked = check_root_cause(proposed.root_cause, ground, gate.supports, gate.earlier)
        root_cause = checked.cause
        gate.failures += checked.failures
    said = gate.said(root_cause)
    whys = gate.with_ruled_out(proposed.whys, said)
    ruled_out = gate.rule_out(proposed.ruled_out[:MOST_RULED_OUT], "Ruled-out hypothesis", gate.earlier, said)
    result = FiveWhys(pack=ground.pack, whys=whys, root_cause=root_cause, ruled_out=ruled_out,
                      remediation=proposed.remediation, stopped=_stopped(proposed, whys))
    return CheckedWhys(result=result, failures=tuple(gate.failures))


def paths_used(proposed: ProposedWhys, ground: Ground) -> tuple[str, ...]:
    """The files at the commit on which `check_whys` may look for this proposal, sorted.

    With these, and the list of all paths, the check can be made again without the repository.
    """
    code, root = ground.code, proposed.root_cause
    if code is None:
        return ()
    claims: list[ProposedWhy | ProposedRuledOut] = [*proposed.ruled_out, *proposed.whys]
    claims += [item for why in proposed.whys for item in why.ruled_out]
    found = {citation.path for claim in claims for citation in claim.citations if isinstance(citation, CodeCitation)}
    if root is not None:
        found |= {suspect.path for suspect in root.suspects} | set(files_named(root.not_caught, code))
    return tuple(sorted(found & set(code.files)))


class _Gate:
    """The chain so far."""

    def __init__(self, ground: Ground) -> None:
        self._judge = Judge(ground)
        self._timeline = Timeline(ground.incident, ground.entries)
        self._told: list[Told] = []
        self._effect: tuple[LogEntry, ...] = ()
        self._rested: list[Earlier] = []
        self._whys: list[Why] = []
        self.earlier = Earlier()
        self.supports: tuple[Cited, ...] = ()
        self.failures: list[str] = []

    def take(self, why: ProposedWhy) -> bool:
        """Judge the next why and keep it; return whether it is cited."""
        number = len(self._whys) + 1
        found = self._judge.judge(why.statement, why.citations, self.earlier)
        this = told(why.statement, found.used)
        entries = tuple(dict.fromkeys(support.entry for support in found.used if support.entry is not None))
        reason = self._repeated(why) or found.problem or nothing_new(this, self._told)
        backwards = "" if reason else told_backwards(why.statement)
        if backwards:
            reason = f"Its cause is later than its effect: {backwards}."
        order = Judged() if reason else self._timeline.judge(why.statement, entries, self._effect,
                                                             with_code=bool(found.code))
        reason = reason or order.problem or _audited(found)
        if reason:
            self.failures += failures_of(f"Why {number}", reason, found.checked)
        else:
            self._told.append(this)
            self._effect = entries or self._effect
            self.earlier = self.earlier.plus(found, why.statement)
            self.supports += found.supports
        self._rested.append(self.earlier)
        self._whys.append(Why(
            statement=why.statement, citations=found.checked, reason=reason, unheld=found.unheld,
            support=Support.UNPROVEN if reason else Support.CITED, confidence=_confidence(why, found, order, reason),
        ))
        return not reason

    def said(self, root_cause: RootCause | None) -> tuple[Said, ...]:
        """What is cited, so that no hypothesis can be ruled out that says the same."""
        said = [Said(f"why {number}", why.statement) for number, why in enumerate(self._whys, 1)
                if why.support is Support.CITED]
        if root_cause is not None and root_cause.support is Support.CITED:
            said += [Said("the root cause", text) for text in (root_cause.statement, root_cause.mechanism)]
        return tuple(said)

    def with_ruled_out(self, proposed: tuple[ProposedWhy, ...], said: tuple[Said, ...]) -> tuple[Why, ...]:
        """The whys, each with its other answers, which may rest on the chain up to it."""
        return tuple(
            why.model_copy(update={
                "ruled_out": self.rule_out(other.ruled_out, f"Why {number}, ruled-out hypothesis", earlier, said)})
            for number, (why, other, earlier) in enumerate(zip(self._whys, proposed, self._rested, strict=False), 1)
        )

    def rule_out(self, hypotheses: tuple[ProposedRuledOut, ...], what: str, earlier: Earlier,
                 said: tuple[Said, ...]) -> tuple[RuledOut, ...]:
        """Judge hypotheses."""
        kept = []
        for number, item in enumerate(hypotheses, 1):
            ruling = rule_out(item, self._judge, earlier, said)
            kept.append(ruling.ruled_out)
            if ruling.problem:
                self.failures += failures_of(f"{what} {number}", ruling.problem, ruling.ruled_out.citations)
        return tuple(kept)

    def _repeated(self, why: ProposedWhy) -> str:
        """That a why repeats an earlier one in so many words: this is said before anything about its citations."""
        said = statement_terms(why.statement)
        number = next((number for number, other in enumerate(self._told, 1) if other.whole == said), 0)
        return f"It says the same as why {number}." if number else ""


def _audited(found: Statement) -> str:
    """That a why rests on audit entries alone; empty when it does not."""
    if all(support.entry is not None and _AUDIT in support.entry.log_name for support in found.used):
        return ("It rests on audit entries alone, which say that something was changed, and not what came of it. Cite "
                "that as well.")
    return ""


def _confidence(why: ProposedWhy, found: Statement, order: Judged, reason: str) -> Confidence:
    """Return how well a why stands, by the checks alone.

    NONE: unproven. Else it loses a step for each of: only log or only code is cited and used; a citation of which no
    use is made, or a comment or test among them; a name, value or time that does not stand in its own quotes, but in an
    earlier why's or elsewhere in a cited entry; log evidence of which none is known to come before the effect (it
    stands for what had not happened yet).
    HIGH: nothing lost. MEDIUM: one. LOW: more, or a "because" on log entries alone: they say what happened, not why.
    """
    if reason:
        return Confidence.NONE
    kinds = {support.citation.kind for support in found.used}
    lost = (
        len(kinds) < len(("log", "code")),
        any(not support.used or not support.running for support in found.supports),
        bool(found.leaned),
        "log" in kinds and not order.shown,
    )
    if sum(lost) > 1 or ("code" not in kinds and BECAUSE.search(why.statement)):
        return Confidence.LOW
    return Confidence.MEDIUM if any(lost) else Confidence.HIGH


def _stopped(proposed: ProposedWhys, whys: tuple[Why, ...]) -> str:
    if not whys:
        return NO_CULPRIT
    number, last = len(whys), whys[-1]
    if last.support is Support.UNPROVEN:
        dropped = len(proposed.whys) - number
        said = "" if not dropped else " The one after it was dropped." if dropped == 1 else \
            f" The {dropped} after it were dropped."
        return f"The chain ends at why {number}, which is unproven: {last.reason}{said}"
    return f"The evidence carries the chain as far as why {number}." if number < MOST_WHYS else ""
