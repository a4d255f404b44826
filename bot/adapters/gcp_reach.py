"""How far the reading of one tier of a Google log came."""

from __future__ import annotations

import msgspec

from bot.adapters.gcp_spool import PageHead
from bot.domain.moments import rfc3339
from bot.logs.query import Tier


class Reach(msgspec.Struct):
    """How far the reading of a tier came: a page token, or a time in nanoseconds, from which on it goes on.

    `left` is what is known of entries that the limit left out: None until it is reached. `restarted` says that this
    process went on from a time before.
    """

    tier: Tier
    token: str = ""
    before: int = 0
    oldest: int = 0
    entries: int = 0
    complete: bool = False
    left: bool | None = None
    restarted: bool = False

    @property
    def filter(self) -> str:
        """What to ask for: the tier, from the time on that a restart goes on from."""
        if not self.before:
            return self.tier.filter
        return f'{self.tier.filter} AND timestamp<="{rfc3339(self.before)}"'

    def went(self, head: PageHead) -> None:
        """Take note of a page."""
        self.token, self.before = head.token, head.before
        self.oldest = head.oldest or self.oldest
        self.entries += head.entries
        self.complete = not head.token

    def told(self) -> str:
        """How far it came, for people."""
        if self.complete or self.left is False:
            return f"{self.tier.title}: complete"
        if not self.entries:
            return f"{self.tier.title}: not read"
        return f"{self.tier.title}: back to {rfc3339(self.oldest)}, older not read"
