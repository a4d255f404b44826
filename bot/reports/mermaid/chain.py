"""The chain of whys as a picture, down to the root cause, each with the quotes that it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.evidence import CheckedCitation, RootCause, Support, Suspect, Why
from bot.domain.results import FiveWhys
from bot.reports.mermaid.labels import block, label

MOST_WHYS = 10
MOST_CITATIONS = 4
"""Quotes of one why that are drawn; of the others the picture says how many there are."""
_QUOTE = 90


def causal_chain(whys: FiveWhys) -> str:
    """The whys from the first to the root cause, the quotes beside them. What is unproven is dashed.

    The statements are the model's; what decides about a dash are the checks.
    """
    if not whys.whys:
        return ""
    return block(_lines(whys))


def _lines(whys: FiveWhys) -> Iterator[str]:
    yield "flowchart TD"
    yield "    accTitle: The chain of whys"
    dashed: list[str] = []
    drawn = whys.whys[:MOST_WHYS]
    for number, why in enumerate(drawn, 1):
        state = why.support.value
        yield f'    w{number}["Why {number}, {state}: {label(why.statement)}"]'
        if number > 1:
            yield f'    w{number - 1} -->|"because"| w{number}'
        if why.support is not Support.CITED:
            dashed.append(f"w{number}")
        yield from _citations(number, why, dashed)
    if whys.root_cause is not None:
        yield from _root(whys.root_cause, len(drawn), dashed)
    yield "    classDef unproven stroke-dasharray: 6 4"
    yield "    classDef cause stroke-width: 3px"
    if dashed:
        yield f"    class {','.join(dashed)} unproven"
    if whys.root_cause is not None and whys.root_cause.support is Support.CITED:
        yield "    class cause cause"


def _citations(number: int, why: Why, dashed: list[str]) -> Iterator[str]:
    for place, item in enumerate(why.citations[:MOST_CITATIONS], 1):
        name = f"w{number}c{place}"
        yield f'    {name}(["{_citation(item)}"])'
        if item.holds:
            yield f"    w{number} --- {name}"
        else:
            dashed.append(name)
            yield f'    w{number} -.-|"does not hold"| {name}'
    left = len(why.citations) - MOST_CITATIONS
    if left > 0:
        yield f'    w{number}more(["and {left} more"])'
        yield f"    w{number} --- w{number}more"


def _citation(item: CheckedCitation) -> str:
    cited = item.citation
    if cited.kind == "log":
        return f"log entry {label(cited.insert_id, 60)}: {label(cited.quote, _QUOTE)}"
    return f"{label(cited.path, 80)}:{cited.line}: {label(cited.quote, _QUOTE)}"


def _root(cause: RootCause, last: int, dashed: list[str]) -> Iterator[str]:
    yield f'    cause["Root cause, {cause.support.value}: {label(cause.statement)}"]'
    yield f"    w{last} ==> cause" if cause.support is Support.CITED else f"    w{last} -.-> cause"
    if cause.support is not Support.CITED:
        dashed.append("cause")
    for place, suspect in enumerate(_first(cause.suspects), 1):
        yield f'    s{place}[/"{label(suspect.key, 120)}"/]'
        yield f"    cause --- s{place}"


def _first(items: Iterable[Suspect]) -> list[Suspect]:
    return list(items)[:MOST_CITATIONS]
