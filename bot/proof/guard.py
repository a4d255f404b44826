"""The fix guard: refuses patches that make tests green without mending the code, and notes what needs a look."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bot.domain.base import repo_path
from bot.domain.globs import matches_any
from bot.domain.patch import GuardFinding
from bot.logs.redact import redact
from bot.proof.guard_answers import answers_tests
from bot.proof.guard_callers import Program, signatures
from bot.proof.guard_checks import CHECKS
from bot.proof.guard_features import sole_switch
from bot.proof.guard_files import ChangedFile, parsed_all, read_changed
from bot.proof.guard_tests import guard_tests
from bot.proof.guard_timing import sole_change

__all__ = ["MOST_LINES", "folded", "guard", "guard_tests"]

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
    *,
    tests: Iterable[str] = (),
    others: Mapping[str, str] = MappingProxyType({}),
    new_tests: Mapping[str, str] = MappingProxyType({}),
) -> tuple[GuardFinding, ...]:
    """What speaks against a patch, hard findings first, then by path.

    `before` and `after` hold the same files; a path that is only in one was deleted or added. Paths, globs,
    `frozen_paths` (the accepted tests) and `tests` (folders and files that are tests) are relative to the same folder.
    `others` are product files that the patch leaves alone: callers are looked for in them. `new_tests` are the texts of
    the tests that the patch has to turn green: it must not just know their values. Files that are not Python
    are judged by their path alone. A path that `code_globs` names outright, without a wildcard, may be changed even
    where it decides how tests run or what is installed. Pure; never raises for anything in the files or their names.
    """
    changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    found: list[GuardFinding] = []
    files: list[ChangedFile] = []
    places = _Places(tuple(code_globs), tuple(forbidden_globs), frozenset(map(folded, frozen_paths)), tuple(tests))
    for path in changed:
        if not _is_path(path):
            found.append(GuardFinding(rule="odd-path", hard=True, path="?", message=f"{path!r} is no path to change."))
            continue
        found.extend(places.findings(path, before, after))
        if path.endswith(".py") and path in after:
            file = read_changed(path, before.get(path, ""), after[path])
            if isinstance(file, ChangedFile):
                files.append(file)
            else:
                found.append(GuardFinding(rule="syntax-error", hard=True, path=path,
                                          message=f"After the patch {path} is no valid Python: {file}."))
    if not changed:
        found.append(
            GuardFinding(
                rule="no-change", hard=True, path=next(filter(_is_path, sorted(before)), "?"),
                message="The patch changes nothing.",
            )
        )
    for file in files:
        for check in CHECKS:
            try:
                found.extend(check(file))
            except RecursionError:
                found.append(_too_deep(file))
        found.extend(answers_tests(file, new_tests))
    found.extend(_callers(files, {path: text for path, text in others.items() if path not in after and _is_path(path)}))
    if files and len(files) == len(changed):
        found.extend(sole_change(files))
        found.extend(sole_switch(files))
    shown = dict.fromkeys(map(_shown, found))
    return tuple(sorted(shown, key=lambda item: (not item.hard, item.path, item.rule, item.message)))


def _callers(files: list[ChangedFile], others: Mapping[str, str]) -> Iterator[GuardFinding]:
    try:
        program = Program.of(files, {path: (others[path], tree) for path, tree in parsed_all(others).items()})
    except RecursionError:
        program = Program.of([], {})
    for file in files:
        try:
            yield from signatures(file, program)
        except RecursionError:
            yield _too_deep(file)


def _too_deep(file: ChangedFile) -> GuardFinding:
    return file.finding("unreadable", "Its syntax is nested too deeply to be examined.", hard=True)


def _shown(finding: GuardFinding) -> GuardFinding:
    """A finding as it may be shown: it quotes code."""
    return finding.model_copy(update={"message": redact(finding.message), "hunk": redact(finding.hunk)})


def folded(path: str) -> str:
    """A path as a file system may see it that ignores case, forms of letters, and signs that nobody sees."""
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", path) if unicodedata.category(sign) != "Cf")
    return "/".join(part.rstrip(" .") or part for part in seen.casefold().split("/"))


def _is_path(path: str) -> bool:
    try:
        path.encode()
        return bool(repo_path(path))
    except ValueError:
        return False


@dataclass(frozen=True)
class _Places:
    """Where a patch may change something. Whatever forbids looks at the folded path, too."""

    code: tuple[str, ...]
    forbidden: tuple[str, ...]
    frozen: frozenset[str]
    tests: tuple[str, ...]

    def findings(self, path: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[GuardFinding]:
        """What speaks against changing this path."""

        def hard(rule: str, message: str) -> GuardFinding:
            return GuardFinding(rule=rule, hard=True, path=path, message=message)

        named = path in self.code
        if folded(path) in self.frozen:
            yield hard("frozen-test", f"{path} is an accepted test; a fix may not touch it.")
        elif not named and (_matches(path, _TESTS) or _matches(path, self.tests)):
            yield hard("test-file",
                       f"{path} belongs to the tests or decides how they run; a fix changes the code alone.")
        if glob := _matches(path, self.forbidden):
            yield hard("forbidden-path", f"{path} is forbidden by the policy ({glob}).")
        if not named and _matches(path, _DEPENDENCIES):
            yield hard("dependency-file", f"{path} decides what is installed; a fix may not change that.")
        if matches_any(path, self.code) is None:
            yield hard("outside-code",
                       f"{path} is outside the code that a fix may touch ({', '.join(self.code) or 'none'}).")
        if path not in after:
            yield hard("file-deleted", f"{path} is deleted.")
        elif path in before and (lines := after[path].count("\n")) > MOST_LINES:
            yield GuardFinding(
                rule="large-file", hard=False, path=path, message=f"{path} has {lines:,} lines after the patch."
            )


def _matches(path: str, globs: Iterable[str]) -> str | None:
    """The first of the globs that the path matches as it is or folded."""
    seen = folded(path)
    return next((glob for glob in globs if matches_any(path, (glob,)) or matches_any(seen, (folded(glob),))), None)
