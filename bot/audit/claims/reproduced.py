"""Claims that something was reproduced, and the output that the report shows for them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.audit.claims.markdown import Unit
from bot.audit.claims.places import Places
from bot.audit.claims.wording import exactly, level_in
from bot.domain.claims import Claim

_SAID = re.compile(
    r"\b(?:successfully\s+)?reproduced\b|\b(?:are|is)\s+(?:successfully\s+|reliably\s+)?reproducing\b|"
    r"\breproduction\s*:\s*\W{0,6}(?:success|yes|confirmed)|\brace\s+conditions?\s+(?:is\s+|are\s+|was\s+|"
    r"were\s+)?confirmed\b|"
    r"\brace\s+conditions?\s+detected\s*:\s*(?:yes|true)\b|\bprov(?:es?|ing)\s+(?:that\s+)?the\s+(?:existence|race)",
    re.IGNORECASE)
_NOT = re.compile(
    r"\b(?:not|cannot|can't|could|couldn't|unable|fail(?:ed|s)?\s+to|never|no|without|if|whether|to\s+be|should|must|"
    r"will|would|"
    r"until|once|when|ensure|yet|partially|expected|previously|before|un)\b|\?", re.IGNORECASE)
_RACE = re.compile(r"\brac(?:e|es|y)\b|\btiming\b|\bdeadlock|\bconcurren|\bstorm\b|\btimeouts?\b|"
                   r"\b1011\b", re.IGNORECASE)


def claims(places: Places) -> Iterator[Claim]:
    """Each claim, with the code block right below it as `evidence`."""
    parts = places.parts
    for at, unit in enumerate(parts):
        if unit.kind == "row" or unit.checked is False or places.is_aim(unit) or len(unit.text) > 2_000:
            continue
        found = next((one for one in _SAID.finditer(unit.text) if not _negated(unit.text, one)), None)
        if found is None:
            continue
        word = "race" if _RACE.search(unit.text) or any(_RACE.search(one.text) for one in unit.headings) else "defect"
        if unit.kind == "code" and word != "race":
            continue
        yield places.claim(unit, "reproduced", exactly(1, "reproduced"), unit.line_at(found.start()), word=word,
                           level=level_in(unit.text), evidence=_shown(parts, at))


def _negated(text: str, found: re.Match[str]) -> bool:
    """Whether the sentence around it denies or only wishes it."""
    start = max(text.rfind(mark, 0, found.start()) for mark in (". ", "! ", "; ", ": "))
    ends = [end for mark in (". ", "! ", "; ") if (end := text.find(mark, found.end())) >= 0]
    return bool(_NOT.search(text[max(start, 0):min(ends, default=len(text))][:400]))


def _shown(parts: tuple[Unit, ...], at: int) -> str:
    """The code that stands right below, on one line."""
    if parts[at].kind != "item":
        return ""
    lines: list[str] = []
    for one in parts[at + 1:at + 12]:
        if one.kind != "code":
            break
        lines.append(one.raw.strip()[:300])
    return " ".join(lines)[:1_000]
