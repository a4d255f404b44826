"""`whybot/claims/1`: the countable statements of reports, judged."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.domain.base import Frozen
from bot.domain.claims import ClaimsReport, Fact, Judgement, Quantity, Subject, Verdict, When
from bot.reports.json.base import Document, FromOutside


class ClaimedQuantity(Frozen):
    """What is claimed: counts of tests, shares in percent, durations in seconds, dates as days, ratings as given."""

    text: str
    least: float | None
    most: float | None = Field(description="Null where there is no such bound.")


class ClaimScope(Frozen):
    """Which tests a claim is about, as far as the report says."""

    level: str
    file: str
    test: str
    about: str
    run: str
    text: str


class JudgedClaim(Frozen):
    """A claim and the verdict on it."""

    path: FromOutside
    line: int
    quote: str
    subject: Subject
    quantity: ClaimedQuantity
    scope: ClaimScope
    when: When
    verdict: Verdict
    why: str
    facts: tuple[Fact, ...] = Field(description="What it was held against.")


class VerdictCounts(Frozen):
    """How many claims there are of each verdict."""

    supported: int
    contradicted: int
    unverifiable: int


class ClaimsDocument(Document):
    """The claims in their order."""

    schema_name: Literal["whybot/claims/1"] = Field(default="whybot/claims/1", alias="schema")
    reports: tuple[FromOutside, ...]
    results: tuple[FromOutside, ...]
    counts: VerdictCounts
    notes: tuple[str, ...]
    claims: tuple[JudgedClaim, ...]


def claims_document(report: ClaimsReport) -> ClaimsDocument:
    """The judged claims as a document."""
    return ClaimsDocument(
        reports=report.reports, results=report.results,
        counts=VerdictCounts.model_validate({verdict.value: len(report.of(verdict)) for verdict in Verdict}),
        notes=report.notes, claims=tuple(map(_claim, report.judgements)),
    )


def _claim(one: Judgement) -> JudgedClaim:
    claim = one.claim
    return JudgedClaim(
        path=claim.path, line=claim.line, quote=claim.quote, subject=claim.subject, quantity=_quantity(claim.quantity),
        scope=ClaimScope(**dict(claim.scope), text=str(claim.scope)), when=claim.when, verdict=one.verdict,
        why=one.why, facts=one.facts,
    )


def _quantity(quantity: Quantity) -> ClaimedQuantity:
    # A year of seconds is far; what is beyond stands for no bound.
    return ClaimedQuantity(
        text=quantity.text, least=quantity.least, most=quantity.most if quantity.most < 1e12 else None
    )
