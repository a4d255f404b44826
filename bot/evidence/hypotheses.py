"""Whether a hypothesis is ruled out: what speaks against it is judged as a why is, and no why says it."""

from __future__ import annotations

from typing import NamedTuple

from bot.domain.evidence import RuledOut, Support
from bot.domain.proposals import ProposedRuledOut
from bot.evidence.contradictions import denied_terms
from bot.evidence.novelty import MOST_ALIKE
from bot.evidence.statements import Judge, text_problem
from bot.evidence.supports import Earlier
from bot.evidence.words import same_claim, statement_terms

LEAST_PART = 0.5
"""Part of a cited statement's terms that a hypothesis must have to say the same in fewer words."""
_LEAST_TERMS = 2


class Said(NamedTuple):
    """A statement that counts as cited, and what it is called: "why 2", "the root cause"."""

    what: str
    text: str


class Ruling(NamedTuple):
    """A hypothesis with whether it is ruled out, and why not."""

    ruled_out: RuledOut
    problem: str


def rule_out(proposed: ProposedRuledOut, judge: Judge, earlier: Earlier, said: tuple[Said, ...]) -> Ruling:
    """Judge a hypothesis.

    It is ruled out when `against` stands as a why does on its own citations and those of `earlier`; order and novelty
    are not asked of it, and tests may be cited, too. The hypothesis may speak of anything: it is what is not so. But it
    is none when a cited why or the cited root cause says it.
    """
    found = judge.judge(proposed.against, proposed.citations, earlier, of_tests=True)
    problem = text_problem(proposed.hypothesis) or _affirmed(proposed.hypothesis, said)
    if not problem and not proposed.against and all(item.holds for item in found.checked) and found.checked:
        problem = "It does not say how its quotes speak against it. Say so in `against`."
    problem = problem or found.problem
    return Ruling(RuledOut(hypothesis=proposed.hypothesis, against=proposed.against, citations=found.checked,
                           support=Support.UNPROVEN if problem else Support.CITED), problem)


def _affirmed(hypothesis: str, said: tuple[Said, ...]) -> str:
    """That a cited statement says what a hypothesis says, and not the contrary of it; empty when none does."""
    this = statement_terms(hypothesis)
    for what, text in said:
        other = statement_terms(text)
        contrary = (denied_terms(hypothesis) ^ denied_terms(text)) & this & other
        if (not contrary and min(len(this), len(other)) >= _LEAST_TERMS and same_claim(this, other) >= MOST_ALIKE
                and len(this & other) >= LEAST_PART * len(other)):
            return f"It is what {what} says, which is cited."
    return ""
