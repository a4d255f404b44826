"""What an incident shows that is back: since when, in which code, and what differs from before."""

from __future__ import annotations

from bot.domain.logs import Novelty
from bot.domain.results import Retrieved
from bot.reports.rendering import rendered


def news_of(retrieved: Retrieved) -> str:
    """The news of a regression as Markdown; empty for an incident that is none.

    All of it is from the log and from what the earlier cycle counted. A time or a commit that is not known is said
    to be so.
    """
    winner = retrieved.selection.winner
    if winner is None or winner.values.novelty is not Novelty.REGRESSED:
        return ""
    before, incident = winner.before, winner.incident
    known = () if before is None else before.revisions
    return rendered("regression.md.j2", {
        "why": winner.why,
        "since": retrieved.again_since,
        "incident": incident,
        "commit": retrieved.commit,
        "before": before,
        "new_revisions": tuple(name for name in incident.revisions if name not in known),
    })
