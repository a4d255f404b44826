"""What a case of the corpus is: a little repository before and after a commit, and what a proof must say of it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["proven", "not_proven"]
Change = tuple[str, str, str]
"""A path, a text that stands there exactly once, and what becomes of it."""


@dataclass(frozen=True)
class Case:
    """A history of two commits. Texts are dedented.

    `base` are the files before. The commit with the fix makes `changes` in them, and writes `files` (None: deletes).
    `tests` are the paths that are given as the new tests. `verdict` and the words follow from what a proof is, not
    from what the code does today: `missing` and `notes` must hold each of `missing` and `notes`, case aside.
    `seconds` is the limit of one run.
    """

    name: str
    kind: str
    verdict: Verdict
    base: Mapping[str, str]
    tests: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    files: Mapping[str, str | None] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: int = 120

    @property
    def before(self) -> dict[str, str]:
        """The files of the base commit."""
        return {path: dedented(text) for path, text in self.base.items()}

    @property
    def after(self) -> dict[str, str]:
        """The files of the commit with the fix. Raises ValueError where a change does not fit exactly once."""
        now = self.before
        for path, old, new in self.changes:
            if now[path].count(old) != 1:
                raise ValueError(f"{self.name}: {old!r} stands {now[path].count(old)} times in {path}")
            now[path] = now[path].replace(old, new)
        for path, text in self.files.items():
            if text is None:
                del now[path]
            else:
                now[path] = dedented(text)
        return now


def dedented(text: str) -> str:
    """A file's text as it is meant: without the indentation and the empty line that a literal begins with."""
    return textwrap.dedent(text).lstrip("\n")
