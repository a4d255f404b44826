"""The files of a cycle: tests with their lengths, and what the fix changes in which file."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.patch import Patch, StoredFile
from bot.domain.suite import Outcome
from bot.proof.edits import FILE, diff_parts


@dataclass(frozen=True)
class TestFile:
    """A test file. `lines` is None in older records; `tests` counts the tests that a run found in it."""

    __test__ = False

    path: str
    lines: int | None
    tests: int


@dataclass(frozen=True)
class ChangedFile:
    """A file that the fix changes, and the lines that came and went."""

    path: str
    added: int
    removed: int


def files_of_tests(files: tuple[StoredFile, ...], outcomes: tuple[Outcome, ...]) -> tuple[TestFile, ...]:
    """The test files with how many tests of each have an outcome."""
    return tuple(
        TestFile(file.path, file.lines, sum(one.test.partition("::")[0] == file.path for one in outcomes))
        for file in files
    )


def changed_files(patch: Patch) -> tuple[ChangedFile, ...]:
    """The files of a patch, counted from its diff; of one that the diff does not name nothing came or went."""
    counts: dict[str, list[int]] = {file.path: [0, 0] for file in patch.files}
    path = ""
    for sign, text in diff_parts(patch.diff):
        if sign == FILE:
            path = text
        elif path in counts:
            counts[path][0] += sign == "+"
            counts[path][1] += sign == "-"
    return tuple(ChangedFile(path, added, removed) for path, (added, removed) in counts.items())
