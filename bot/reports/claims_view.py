"""What every format of a claims audit says: a claim in words, the counts, and which lines to mark."""

from __future__ import annotations

from bot.domain.base import counted
from bot.domain.claims import Claim, ClaimsReport, Judgement, Verdict
from bot.reports.annotations import MOST_OF_A_KIND, Annotation

_WORST_FIRST = (Verdict.CONTRADICTED, Verdict.UNVERIFIABLE, Verdict.SUPPORTED)


def in_words(claim: Claim) -> str:
    """A claim as a phrase: `4 passed (unit tests)`. It may hold anybody's text."""
    said = claim.quantity.text
    scope = f" ({str(claim.scope).rpartition('/')[2]})"
    match claim.subject:
        case "outcome":
            return f"{claim.scope.test}: {claim.word}"
        case "total":
            return f"{said} tests{scope}"
        case "passed share" | "failed share":
            return f"{said} {claim.subject.removesuffix(' share')}{scope}"
        case "duration":
            return f"took {said}{scope}"
        case "items":
            return f"{said} {claim.word}" if claim.word != "in the parts below" else f"{said} tests {claim.word}"
        case "date" | "rating" | "verdict" | "coverage":
            return f"{claim.subject}: {said}"
        case "reproduced":
            return f"reproduced{scope}"
        case _:
            return f"{said} {claim.subject}{scope}"


def place(claim: Claim) -> str:
    """`path:line`."""
    return f"{claim.path}:{claim.line}"


def summary(report: ClaimsReport) -> str:
    """The counts in one sentence."""
    counts = ", ".join(f"{len(report.of(verdict)):,} {verdict.value}" for verdict in _WORST_FIRST)
    return f"{counted(len(report.judgements), 'claim')} in {counted(len(report.reports), 'report')}: {counts}."


def contradicted(report: ClaimsReport) -> tuple[Judgement, ...]:
    """The claims that something speaks against."""
    return report.of(Verdict.CONTRADICTED)


def marks(report: ClaimsReport) -> tuple[Annotation, ...]:
    """A mark for each contradicted claim that GitHub will show, and a notice that sums all up."""
    found = contradicted(report)
    shown = [
        Annotation("error", "claim contradicted", f"{in_words(one.claim)}: {one.why}", one.claim.path, one.claim.line)
        for one in found[:MOST_OF_A_KIND]
    ]
    more = f" {len(found) - MOST_OF_A_KIND:,} more not marked." if len(found) > MOST_OF_A_KIND else ""
    return (*shown, Annotation("notice", "whybot", summary(report) + more))
