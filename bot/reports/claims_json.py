"""The judged claims of reports as one JSON document, for programs."""

from __future__ import annotations

from bot.domain.claims import ClaimsReport, Judgement, Quantity, Verdict

SCHEMA = "whybot/claims/1"


def claims_document(report: ClaimsReport) -> dict[str, object]:
    """The claims in their order. `least` and `most` are null where a quantity has no such bound."""
    return {
        "schema": SCHEMA,
        "reports": list(report.reports),
        "results": list(report.results),
        "counts": {verdict.value: len(report.of(verdict)) for verdict in Verdict},
        "notes": list(report.notes),
        "claims": [_claim(one) for one in report.judgements],
    }


def _claim(one: Judgement) -> dict[str, object]:
    claim = one.claim
    return {
        "path": claim.path,
        "line": claim.line,
        "quote": claim.quote,
        "subject": claim.subject,
        "quantity": _quantity(claim.quantity),
        "scope": {**claim.scope.model_dump(mode="json"), "text": str(claim.scope)},
        "when": claim.when,
        "verdict": one.verdict.value,
        "why": one.why,
        "facts": [fact.model_dump(mode="json") for fact in one.facts],
    }


def _quantity(quantity: Quantity) -> dict[str, object]:
    # A year of seconds is far; what is beyond stands for no bound.
    return {"text": quantity.text, "least": quantity.least, "most": quantity.most if quantity.most < 1e12 else None}
