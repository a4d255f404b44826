"""Whether a statement speaks of what it cites: the words, names and numbers that both have.

A quote can be true and have nothing to do with the sentence beside it. Words are compared by rough stems, names by
their parts (`camelCase`, `snake_case`, `a/path.py`). This cannot tell a wrong claim that uses the right words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.evidence.claims import Evidence, weigh
from bot.evidence.times import CAUSE_AFTER
from bot.evidence.words import STOP, statement_terms

LEAST_SHARED = 2
"""Terms that a statement must share with its own citations, or all of its terms when it has fewer."""
LEAST_PART = 0.15
"""Part of a statement's terms that must stand in its own citations, in earlier cited whys, or in their citations."""

LEAST_SENTENCE = 3
"""Terms from which on a sentence must speak of the evidence."""
LEAST_CAUSE = 2
"""The same for what stands after "because"."""

_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n")
_CAUSE_END = re.compile(r"[.;:]\s")
_LOUD = re.compile(r"\b[A-Z]{4,}\b")
_LEAST_NUMBER = 3


def unrelated(text: str, evidence: Evidence, quoted: str, own: frozenset[str], earlier: frozenset[str]) -> str:
    """Why a statement does not speak of its evidence; empty when it does.

    `evidence` is its own and that of earlier whys, `quoted` what runs of its quotes, `own` and `earlier` are terms. A
    claimed piece (a number, a time, a name) that the evidence holds counts as a term; a name in its own quotes counts
    once more: nobody hits on it by chance. Small numbers are hit on by chance.
    """
    weighed = weigh(text, evidence)
    named = weigh(text, Evidence(quoted)).held
    sure = len(weighed.held) + sum(1 for piece in named if not piece[0].isdigit()) + len(_loud(text) & _loud(quoted))
    shared = {term for term in statement_terms(text) & own if not term.isdigit() or len(term) >= _LEAST_NUMBER}
    said = statement_terms(weighed.rest)
    if len(shared) + sure < min(LEAST_SHARED, len(said) + len(weighed.held)) or not (shared or sure):
        return ("It does not speak of what it cites: hardly a word of it stands in its quotes. Say it in their words, "
                "or cite what it speaks of.")
    if len(said & (own | earlier)) + sure < LEAST_PART * len(said):
        return "Most of what it says stands in nothing that it cites."
    return ""


def silent_part(text: str, known: frozenset[str], held: Sequence[str]) -> str:
    """Which sentence of a statement, or what it gives as the cause, speaks of nothing; empty when each part speaks.

    A part speaks when it has a term of its evidence (`known`, its own and that of earlier whys) or a held piece. One of
    few terms need not.
    """
    parts = [(f"Its sentence {number}", part, LEAST_SENTENCE) for number, part in enumerate(_SENTENCE.split(text), 1)]
    cause = CAUSE_AFTER.search(text)
    if cause is not None:
        what = f"What it says after “{cause.group().lower()}”"
        parts.append((what, _CAUSE_END.split(text[cause.end():])[0], LEAST_CAUSE))
    for what, part, least in parts:
        said = statement_terms(part)
        if len(said) >= least and not said & known and not any(piece in part for piece in held):
            return f"{what} speaks of nothing that is cited."
    return ""


def _loud(text: str) -> frozenset[str]:
    return frozenset(word for word in _LOUD.findall(text) if word.lower() not in STOP)
