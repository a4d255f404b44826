"""What earlier cycles on the same incident came to, for the cycle that looks at it again."""

from __future__ import annotations

from bot.domain.base import Frozen
from bot.domain.evidence import Support


class EarlierRuledOut(Frozen):
    """A hypothesis that an earlier cycle ruled out, in its model's words, and whether its evidence held."""

    hypothesis: str
    support: Support


class EarlierFinding(Frozen):
    """What one ended cycle came to. `cycle` is its reference, `ended` how it ended.

    `cause` is the root cause in its model's words, empty where it named none; `support` says whether its citations
    held, `proven` whether a fix proved it. `rejected` are sentences by code on why tests or a fix did not pass.
    """

    cycle: str
    ended: str
    cause: str = ""
    support: Support = Support.UNPROVEN
    proven: bool = False
    ruled_out: tuple[EarlierRuledOut, ...] = ()
    rejected: tuple[str, ...] = ()
