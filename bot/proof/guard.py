"""The fix guard: refuses patches that make tests green without mending the code, and notes what needs a look."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping

from bot.domain.globs import matches_any
from bot.domain.patch import GuardFinding
from bot.logs.redact import redact
from bot.proof.guard_checks import CHECKS, ChangedFile
from bot.proof.trees import (
    logging_removed,
    parsed,
    timing_removed,
    without_docstrings,
)

MOST_LINES = 1_500
"""A file longer than this after the patch is noted."""


_DEPENDENCIES = (
    "**/requirements*.txt",
    "**/constraints*.txt",
    "**/pyproject.toml",
    "**/setup.py",
    "**/setup.cfg",
    "**/Pipfile*",
    "**/poetry.lock",
    "**/uv.lock",
    "**/environment.y*ml",
    "**/package.json",
    "**/Dockerfile*",
    "**/*.pth",
)


_TESTS = (
    "**/test_*.py",
    "**/*_test.py",
    "**/conftest.py",
    "**/pytest.ini",
    "**/.pytest.ini",
    "**/tox.ini",
    "**/noxfile.py",
)


def guard(
    before: Mapping[str, str],
    after: Mapping[str, str],
    code_globs: Iterable[str],
    forbidden_globs: Iterable[str] = (),
    frozen_paths: Iterable[str] = (),
) -> tuple[GuardFinding, ...]:
    """What speaks against a patch, hard findings first, then by path.

    `before` and `after` hold the same files; a path that is only in one was deleted or added. Paths, globs and
    `frozen_paths` (the accepted tests) are relative to the same folder. Files that are not Python are judged by
    their path alone. Pure; never raises for anything in the files.
    """
    changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    found: list[GuardFinding] = []
    files: list[ChangedFile] = []
    code, forbidden, frozen = tuple(code_globs), tuple(forbidden_globs), frozenset(frozen_paths)
    for path in changed:
        found.extend(_paths(path, before, after, code, forbidden, frozen))
        if path.endswith(".py") and path in after:
            file = _read(path, before.get(path, ""), after[path])
            if isinstance(file, ChangedFile):
                files.append(file)
            else:
                found.append(file)
    if not changed:
        found.append(
            GuardFinding(
                rule="no-change", hard=True, path=min(before, default="?"), message="The patch changes nothing."
            )
        )
    for file in files:
        for check in CHECKS:
            try:
                found.extend(check(file))
            except RecursionError:
                found.append(file.finding("unreadable", "Its syntax is nested too deeply to be examined.", hard=True))
    if files and len(files) == len(changed):
        found.extend(_sole_change(files))
    shown = dict.fromkeys(map(_shown, found))
    return tuple(sorted(shown, key=lambda item: (not item.hard, item.path, item.rule, item.message)))


def _shown(finding: GuardFinding) -> GuardFinding:
    """A finding as it may be shown: it quotes code."""
    return finding.model_copy(update={"message": redact(finding.message), "hunk": redact(finding.hunk)})


def _paths(
    path: str,
    before: Mapping[str, str],
    after: Mapping[str, str],
    code: tuple[str, ...],
    forbidden: tuple[str, ...],
    frozen: frozenset[str],
) -> Iterator[GuardFinding]:
    def hard(rule: str, message: str) -> GuardFinding:
        return GuardFinding(rule=rule, hard=True, path=path, message=message)

    if path in frozen:
        yield hard("frozen-test", f"{path} is an accepted test; a fix may not touch it.")
    elif matches_any(path, _TESTS) is not None:
        yield hard("test-file", f"{path} belongs to the tests or decides how they run; a fix changes the code alone.")
    if (glob := matches_any(path, forbidden)) is not None:
        yield hard("forbidden-path", f"{path} is forbidden by the policy ({glob}).")
    if matches_any(path, _DEPENDENCIES) is not None:
        yield hard("dependency-file", f"{path} decides what is installed; a fix may not change that.")
    if matches_any(path, code) is None:
        yield hard("outside-code", f"{path} is outside the code that a fix may touch ({', '.join(code) or 'none'}).")
    if path not in after:
        yield hard("file-deleted", f"{path} is deleted.")
    elif path in before:
        lines = after[path].count("\n")
        if lines > MOST_LINES:
            yield GuardFinding(
                rule="large-file", hard=False, path=path, message=f"{path} has {lines:,} lines after the patch."
            )


def _read(path: str, old: str, new: str) -> ChangedFile | GuardFinding:
    before, after = parsed(old), parsed(new)
    if isinstance(after, str):
        return GuardFinding(
            rule="syntax-error", hard=True, path=path, message=f"After the patch {path} is no valid Python: {after}."
        )
    if isinstance(before, str):
        before = ast.Module(body=[], type_ignores=[])
    return ChangedFile(path, old, new, before, after)


def _sole_change(files: list[ChangedFile]) -> Iterator[GuardFinding]:
    """Whether all that a patch changes is prose, logging, or numbers of time and patience."""

    def same(change: Callable[[ast.Module], ast.Module]) -> bool:
        try:
            return all(
                ast.dump(change(without_docstrings(file.before))) == ast.dump(change(without_docstrings(file.after)))
                for file in files
            )
        except RecursionError:
            return False

    first = files[0]
    if same(lambda tree: tree):
        yield first.finding(
            "no-semantic-change", "Only comments, docstrings or layout change: the program is the same.", hard=True
        )
    elif same(logging_removed):
        yield first.finding("only-logging", "All that changes is what is logged, or at which level.", hard=True)
    elif same(lambda tree: timing_removed(logging_removed(tree))):
        yield first.finding(
            "only-timing",
            "All that changes are timeouts, retries or sleeps: the race is made rarer, not impossible.",
            hard=True,
        )
