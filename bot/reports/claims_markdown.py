"""The judged claims of reports as Markdown. What the reports say is shown and has no power in it."""

from __future__ import annotations

from bot.domain.claims import ClaimsReport, Verdict
from bot.reports.claims_view import in_words, place, summary
from bot.reports.markdown import cell, prose

MOST_ROWS = 200
"""So many claims a table shows; the rest is counted below it."""

_SECTIONS = (
    (Verdict.CONTRADICTED, "Contradicted"), (Verdict.UNVERIFIABLE, "Not verifiable"), (Verdict.SUPPORTED, "Supported"),
)


def claims_markdown(report: ClaimsReport) -> str:
    """One table for each verdict, the contradicted claims first."""
    lines = ["# Claims audit", "", summary(report)]
    for note in report.notes:
        lines += ["", prose(note)]
    for verdict, title in _SECTIONS:
        found = report.of(verdict)
        if not found:
            continue
        lines += ["", f"## {title} ({len(found):,})", "", "| claim | where | quote | why |", "|---|---|---|---|"]
        lines += [
            f"| {cell(in_words(one.claim))} | {cell(place(one.claim))} | {cell(one.claim.quote)} "
            f"| {prose(one.why, cell=True)} |"
            for one in found[:MOST_ROWS]
        ]
        if len(found) > MOST_ROWS:
            lines += ["", f"{len(found) - MOST_ROWS:,} more are not shown."]
    return "\n".join(lines) + "\n"
