"""What the model claims, each claim with its citations: the whys, the cause, what was ruled out."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.evidence import RootCause, RuledOut, Support, Why
from bot.domain.results import FiveWhys
from bot.reports.site.evidence import Cited, Collection, Evidence
from bot.reports.site.material import Material
from bot.reports.site.words import Badge


@dataclass(frozen=True)
class Other:
    """An answer that was ruled out."""

    hypothesis: str
    against: str
    support: Badge
    citations: tuple[Cited, ...]


@dataclass(frozen=True)
class Claim:
    """A why: `notes` say what it lacks."""

    id: str
    number: int
    statement: str
    support: Badge
    confidence: str
    notes: tuple[str, ...]
    citations: tuple[Cited, ...]
    others: tuple[Other, ...]


@dataclass(frozen=True)
class Cause:
    """The root cause; `suspects` are names of functions with their code, where it is kept."""

    statement: str
    mechanism: str
    trigger: str
    not_caught: str
    reason: str
    support: Badge
    suspects: tuple[tuple[str, Cited | None], ...]


@dataclass(frozen=True)
class Claims:
    """The chain and its evidence, in the order in which it is cited."""

    claims: tuple[Claim, ...]
    cause: Cause | None
    others: tuple[Other, ...]
    stopped: str
    conclusion: str
    remedies: tuple[tuple[str, str], ...]
    looked_up: str
    evidence: tuple[Evidence, ...]


def claims_of(material: Material, whys: FiveWhys) -> Claims:
    """Put the page's left side together, and with it the right."""
    found = Collection(material, whys)
    claims = tuple(_claim(number, why, found) for number, why in enumerate(whys.whys, 1))
    cause = None if whys.root_cause is None else _cause(whys.root_cause, found)
    others = tuple(_other(one, "ruled-out", found) for one in whys.ruled_out)
    remedy = whys.remediation
    remedies = () if remedy is None else (
        ("Now", remedy.immediate), ("Soon", remedy.short_term), ("Later", remedy.long_term),
    )
    return Claims(claims, cause, others, whys.stopped, whys.conclusion.value,
                  tuple((name, text) for name, text in remedies if text), _looked_up(whys), found.all)


def _support(support: Support, of_cause: bool = False) -> Badge:
    if support is Support.CITED:
        return Badge("cited", "good")
    return Badge("unproven", "held" if of_cause else "bad")


def _claim(number: int, why: Why, found: Collection) -> Claim:
    name = f"why-{number}"
    notes = [why.reason] if why.reason else []
    if why.unheld:
        notes.append(f"In nothing that it cites: {', '.join(why.unheld)}")
    return Claim(
        name, number, why.statement, _support(why.support), why.confidence.value if why.confidence else "",
        tuple(notes), tuple(found.cite(one, name) for one in why.citations),
        tuple(_other(one, name, found) for one in why.ruled_out),
    )


def _other(one: RuledOut, used: str, found: Collection) -> Other:
    return Other(one.hypothesis, one.against, _support(one.support),
                 tuple(found.cite(citation, used) for citation in one.citations))


def _cause(cause: RootCause, found: Collection) -> Cause:
    return Cause(
        cause.statement, cause.mechanism, cause.trigger, cause.not_caught, cause.reason,
        _support(cause.support, of_cause=True),
        tuple((one.key, found.suspect(one, "root-cause")) for one in cause.suspects),
    )


def _looked_up(whys: FiveWhys) -> str:
    """What the model looked at of itself, in a sentence."""
    investigation = whys.investigation
    if investigation is None or not investigation.lookups:
        return ""
    tools: dict[str, int] = {}
    for one in investigation.lookups:
        tools[one.tool] = tools.get(one.tool, 0) + 1
    return ", ".join(f"{tool} ({times})" if times > 1 else tool for tool, times in tools.items())
