"""Another order of the tests and another state of chance, by a seed; and processors that are busy meanwhile.

Copied out together with `whybot_probe.py` and loaded by it into the target's own Python, so it needs nothing but the
standard library of Python 3.9 or later.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

# The parent is named, since it may be gone before this begins.
_SPIN = "import os, sys\nwhile os.getppid() == int(sys.argv[1]):\n    sum(range(100000))\n"


class Order:
    """Draws the order of the tests, and sets `random` before each of them."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Shuffle files, then classes in a file, then tests in a class: what they share is still set up once."""
        chance = random.Random(self.seed)  # noqa: S311 - no secret

        def module(item: pytest.Item) -> str:
            return item.nodeid.partition("::")[0]

        def group(item: pytest.Item) -> str:
            return item.nodeid.partition("[")[0].rpartition("::")[0]

        chance.shuffle(items)
        for key in (group, module):
            items.sort(key=_drawn(chance, {key(item) for item in items}, key))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """The same chance for a test, wherever it stands in the order."""
        random.seed(f"{self.seed} {item.nodeid}")


def _drawn(chance: random.Random, keys: set[str], key: Callable[[pytest.Item], str]) -> Callable[[pytest.Item], int]:
    """A sort key that puts groups in an order that is drawn."""
    drawn = sorted(keys)
    chance.shuffle(drawn)
    places = {name: place for place, name in enumerate(drawn)}
    return lambda item: places[key(item)]


class Pressure:
    """Keeps processors busy until it is ended, or this process is gone."""

    def __init__(self, count: int) -> None:
        self._busy = [
            # -I and -S: nothing of the tests is imported.
            subprocess.Popen([sys.executable, "-I", "-S", "-c", _SPIN, str(os.getpid())], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(count)
        ]

    def end(self) -> None:
        """Let the processors go."""
        for process in self._busy:
            process.kill()
        for process in self._busy:
            process.wait()
