"""Exchange rates from a client, kept for a while."""

import asyncio
import time
from decimal import Decimal

from ledgerbook.errors import RateUnavailable
from ledgerbook.money import Money


class RateFeed:
    """Rates with a time to live; when the client fails, one that is not older than `max_stale` still serves."""

    def __init__(self, client, ttl=300.0, max_stale=3600.0, clock=time.monotonic):
        self.client = client
        self.ttl = ttl
        self.max_stale = max_stale
        self.clock = clock
        self._known = {}
        self._locks = {}

    async def rate(self, base, quote):
        """The rate from base to quote."""
        if base == quote:
            return Decimal(1)
        pair = (base, quote)
        async with self._locks.setdefault(pair, asyncio.Lock()):
            known = self._known.get(pair)
            if known is not None and self.clock() - known[1] < self.ttl:
                return known[0]
            try:
                fresh = Decimal(str(await self.client.fetch(base, quote)))
            except OSError as error:
                if known is not None and self.clock() - known[1] <= self.max_stale:
                    return known[0]
                raise RateUnavailable(f"{base}/{quote}") from error
            self._known[pair] = (fresh, self.clock())
            return fresh

    async def convert(self, money, quote):
        """An amount in another currency, rounded to its smallest unit."""
        rate = await self.rate(money.currency, quote)
        return Money(money.amount * rate, quote).rounded()
