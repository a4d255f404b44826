"""Random numbers of a given seed: the same each time, so they are known."""

from __future__ import annotations

import random
from typing import Any

from bot.audit.interpret.values import MOST_ITEMS, Bounded, Tool, spend, undecided

_MOST_NUMBER = 2**64


class Seeded(Tool):
    """`random.Random` with a seed that is a plain value."""

    closed = Tool.closed | {"made"}

    def __init__(self, *seed: Any) -> None:
        if len(seed) != 1 or type(seed[0]) not in (int, str, float, bytes):
            undecided("random numbers without a plain seed")
        self.made = random.Random(seed[0])  # noqa: S311 - it serves tests

    def random(self) -> float:
        """From 0 to 1."""
        return self.made.random()

    def uniform(self, low: Any, high: Any) -> Any:
        """Between two numbers."""
        return self.made.uniform(_number(low), _number(high))

    def gauss(self, mean: Any = 0.0, sigma: Any = 1.0) -> Any:
        """Around a number."""
        return self.made.gauss(_number(mean), _number(sigma))

    def randint(self, low: Any, high: Any) -> Any:
        """A whole number, both ends among them."""
        return self.randrange(low, _number(high) + 1)

    def randrange(self, *bounds: Any) -> Any:
        """A whole number of a range."""
        if not 0 < len(bounds) < 4 or any(type(_number(item)) is not int for item in bounds) or not range(*bounds):
            undecided("an odd range of random numbers")
        return self.made.randrange(*bounds)

    def choice(self, items: Any) -> Any:
        """One item."""
        return items[self.made.randrange(len(_listed(items)))]

    def shuffle(self, items: Any) -> None:
        """Mix a list."""
        if type(items) is not list:
            undecided("a mixture of something odd")
        self.made.shuffle(_listed(items))

    def sample(self, items: Any, k: Any) -> Any:
        """Some items."""
        if type(k) is not int or not 0 <= k <= len(_listed(items)):
            undecided("an odd sample")
        return self.made.sample(items, k)

    def choices(self, items: Any, k: Any = 1) -> Any:
        """Items, the same one more than once."""
        if type(k) is not int or not 0 <= k <= MOST_ITEMS or not len(_listed(items)):
            undecided("an odd sample")
        spend(k >> 4)
        return self.made.choices(items, k=k)

    def getrandbits(self, count: Any) -> Any:
        """Bits."""
        if type(count) is not int or not 0 <= count <= 64:
            undecided("odd random bits")
        return self.made.getrandbits(count)


def _number(value: Any) -> Any:
    if type(value) not in (int, float):
        undecided("an odd number")
    if abs(value) > _MOST_NUMBER:
        raise Bounded("a number that is too large")
    return value


def _listed(items: Any) -> Any:
    """The items of a plain sequence that is not too long."""
    if type(items) not in (list, tuple, str, range):
        undecided("a choice of something odd")
    if len(items) > MOST_ITEMS:
        raise Bounded("too many items")
    spend(len(items) >> 4)
    return items
