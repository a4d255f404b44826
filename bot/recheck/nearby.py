"""Finds the cycles of a run, a focus or a state, for whoever names the folder above them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_CYCLE = re.compile(r"cycle-\d+", re.ASCII)
_RECORD = "record.json"
_MOST_LEVELS = 4
"""STATE/FOCUS/RUN/cycle-NN, and the folder that the state lies in."""
_MOST_LOOKED_AT = 2_000
_MOST_NAMED = 3


def cycles_below(folder: Path) -> tuple[tuple[Path, ...], bool]:
    """The last few cycles by name that lie at most four levels below a folder, and whether there are more.

    Looks at a bounded number of names, follows no symlinks and opens no files.
    """
    found = sorted(_cycles(folder, _MOST_LEVELS, [_MOST_LOOKED_AT]), key=lambda path: path.parts[-2:])
    return tuple(found[-_MOST_NAMED:]), len(found) > _MOST_NAMED


def _cycles(folder: Path, levels: int, left: list[int]) -> Iterator[Path]:
    for name in _folders(folder, left):
        path = folder / name
        if _CYCLE.fullmatch(name):
            if (path / _RECORD).is_file():
                yield path
        elif levels > 1:
            yield from _cycles(path, levels - 1, left)


def _folders(folder: Path, left: list[int]) -> list[str]:
    """Names of the folders in a folder, in order; `left` counts down what may still be looked at."""
    names: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if left[0] <= 0:
                    break
                left[0] -= 1
                if entry.is_dir(follow_symlinks=False):
                    names.append(entry.name)
    except OSError:
        # What cannot be looked at has no cycles to name.
        pass
    return sorted(names)
