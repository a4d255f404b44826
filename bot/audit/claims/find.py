"""Finds the countable claims about tests in a report. What is not clearly a claim is left alone."""

from __future__ import annotations

from bot.audit.claims import header, listed, outcomes, prose, reproduced, shown, tables
from bot.audit.claims.markdown import units
from bot.audit.claims.places import Places
from bot.domain.claims import Claim


def find_claims(path: str, text: str) -> tuple[Claim, ...]:
    """All claims of a report, in the order of their lines, each once."""
    parts = units(text)
    places = Places(path, parts)
    found = [
        *header.claims(path, parts), *tables.claims(places), *listed.claims(places), *reproduced.claims(places),
    ]
    labelled = shown.labelled_blocks(parts)
    for unit in parts:
        if unit.kind == "row":
            continue
        if unit.kind == "code":
            found.extend(shown.summary(unit, places))
            found.extend(outcomes.claims(unit, places))
        if unit.block in labelled and (unit.kind in {"code", "item", "text"}):
            found.extend(shown.labels(unit, places))
            if unit.kind == "code":
                found.extend(prose.claims(unit, places, only_duration=True))
        if unit.kind != "code":
            found.extend(outcomes.claims(unit, places))
            found.extend(prose.claims(unit, places))
    unique: dict[tuple[object, ...], Claim] = {}
    for claim in found:
        unique.setdefault((claim.line, claim.subject, claim.quantity, claim.scope, claim.when), claim)
    return tuple(sorted(unique.values(), key=lambda claim: claim.line))
