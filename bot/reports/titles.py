"""What an issue, a fix and its branch are called: short, and by what the log says, never by a model.

A pull request's title becomes the message of a commit when it is merged, so titles have no power there either.
"""

from __future__ import annotations

from bot.domain.base import headline
from bot.domain.effects import BranchName
from bot.domain.logs import GroupKind, Incident
from bot.domain.record import CycleRef
from bot.reports.markdown import plain

MOST_ISSUE = 160
MOST_FIX = 72
"""Git's convention for the first line of a commit's message, which this becomes, too."""

_MOST_WRITTEN = 250
"""Characters of a title in which what hides is written out, eight times as long as it was."""


def issue_title(focus: str, incident: Incident) -> str:
    """The focus and the whole of what failed: `Routing: router.broker.NotRunning: cannot add a route`."""
    return plain(headline(f"{focus}: {incident.root.type}: {incident.root.message}", MOST_ISSUE))[:_MOST_WRITTEN]


def fix_title(incident: Incident) -> str:
    """What is fixed and where: `Fix NotRunning in router/broker.py`; the issue has the rest."""
    return plain(headline(_fix_of(incident), MOST_FIX))[:_MOST_WRITTEN]


def _fix_of(incident: Incident) -> str:
    root = incident.root
    kind = incident.groups[0].kind if incident.groups else GroupKind.MESSAGE
    if kind is GroupKind.REQUEST:
        return f"Fix {root.type} of {', '.join(incident.services) or 'the service'}"
    if kind is GroupKind.TRACEBACK or root.location:
        # Of a long path the end tells most, and what does not fit would be cut off as a whole.
        path = "/".join(root.location.partition(":")[0].split("/")[-2:])
        return f"Fix {root.type.rpartition('.')[2]}{f' in {path}' if path else ''}"
    return f"Fix: {root.message or root.type}"


def branch_of(ref: CycleRef) -> BranchName:
    """The branch of a cycle's fix."""
    return f"whybot/{ref.focus}-{ref.run.lower()}-{ref.number:02d}"
