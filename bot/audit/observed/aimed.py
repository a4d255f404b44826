"""A change of the product that takes away what the title of a test names."""

from __future__ import annotations

from bot.domain.audit import Tried


class Aimed(Tried):
    """A behaviour taken away that the title of the test names, while the test ran. `certain`: the words leave no doubt.

    `noticed`: the test, green before, failed then.
    """

    certain: bool
