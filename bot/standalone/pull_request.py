"""What two commits of a repository differ in: the side of the tests, the fix, and what no run depends on. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from bot.domain.globs import matches_any
from bot.standalone.folders import USUAL_TEST_FILE
from bot.standalone.pytest_settings import section_of

Read = Callable[[str], bytes | None]

_TEST_FOLDERS = frozenset({"tests", "unittests"})
_TEST_SETTINGS = frozenset({
    "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "noxfile.py", ".coveragerc",
})
_SHARED_SETTINGS = frozenset({"pyproject.toml", "setup.cfg"})
"""Settings of pytest stand there beside others."""
_ASIDE = (
    ".github/**", ".circleci/**", ".gitlab/**", ".gitlab-ci.yml", "azure-pipelines.yml", "**/.gitignore",
    "**/.gitattributes", "**/.dockerignore", "**/.editorconfig", "**/.pre-commit-config.yaml", "**/pyproject.toml",
    "**/setup.cfg", "**/*.lock", "**/Pipfile*", "**/requirements*.txt", "**/constraints*.txt", "**/requirements/*.txt",
    "**/environment.y*ml", "**/Dockerfile*", "**/docker-compose*.y*ml", "**/package-lock.json", "**/Makefile",
    "**/*.pyi", "**/py.typed", "**/CODEOWNERS", "**/MANIFEST.in", "bot.toml",
)
"""What decides how a project is installed, built or checked. The environment is made before the fix, so no run shows
anything of it."""
_TEST = re.compile(rb"^[ \t]*(?:async[ \t]+def|def|class)[ \t]+\w*test", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class PullRequest:
    """The files in which two commits differ, sorted, by what each is for: path to content, None for one not there.

    `unseen` are those that are no plain files in either, such as links.
    """

    tests: Mapping[str, tuple[bytes | None, bytes | None]] = field(default_factory=dict)
    fix: Mapping[str, tuple[bytes | None, bytes | None]] = field(default_factory=dict)
    aside: Mapping[str, tuple[bytes | None, bytes | None]] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()

    def before(self, *sides: Mapping[str, tuple[bytes | None, bytes | None]]) -> dict[str, bytes | None]:
        """The files of some sides as they were."""
        return {path: both[0] for side in sides for path, both in side.items()}

    def after(self, *sides: Mapping[str, tuple[bytes | None, bytes | None]]) -> dict[str, bytes | None]:
        """The files of some sides as they are."""
        return {path: both[1] for side in sides for path, both in side.items()}


def split(differing: Iterable[str], before: Read, after: Read, given: Iterable[str],
          folders: Iterable[str]) -> PullRequest:
    """Tell the sides of a change apart.

    `given` are the tests that the proof is about (files or folders), `folders` those that hold tests, both relative to
    the repository. Test files and conftest.py are told by their names, test configuration by what it says of pytest.
    """
    tests, fix, aside, unseen = {}, {}, {}, []
    wanted = (*(path.partition("::")[0] for path in given), *folders)
    for path in sorted(differing):
        both = before(path), after(path)
        if both[0] == both[1]:
            # A link, a submodule, or only another mode.
            unseen.append(path)
        elif is_test(path, wanted) or (PurePosixPath(path).name in _SHARED_SETTINGS and _other_settings(path, *both)):
            tests[path] = both
        elif matches_any(path, _ASIDE) is not None:
            aside[path] = both
        else:
            fix[path] = both
    return PullRequest(tests, fix, aside, tuple(unseen))


def is_test(path: str, wanted: Iterable[str]) -> bool:
    """Whether a file belongs to the tests, by where it is and what it is called."""
    pure = PurePosixPath(path)
    return (
        pure.name in _TEST_SETTINGS or USUAL_TEST_FILE.fullmatch(pure.name) is not None
        or bool(_TEST_FOLDERS & {*pure.parts[:-1]})
        or any(one != "." and holds(one, (path,)) for one in wanted)
    )


def _other_settings(path: str, before: bytes | None, after: bytes | None) -> bool:
    name = PurePosixPath(path).name
    left, right = (section_of(name, (text or b"").decode("utf-8", "replace")) for text in (before, after))
    return left != right


def files_with_tests(files: Iterable[str], read: Read, under: Iterable[str]) -> tuple[str, ...]:
    """The files at some paths (files, folders or node ids) in which there is something like a test."""
    wanted = tuple(path.partition("::")[0] for path in under)
    return tuple(
        path for path in sorted(files)
        if path.endswith(".py") and (path in wanted or (matches_any(path, wanted) is not None and collected(path)))
        and _TEST.search(read(path) or b"") is not None
    )


def collected(path: str) -> bool:
    """Whether a file would be collected from a folder, by its name."""
    name = PurePosixPath(path).name
    return USUAL_TEST_FILE.fullmatch(name) is not None and name != "conftest.py"


def suite_of(files: Iterable[str], settings: tuple[str, ...]) -> tuple[str, ...]:
    """The paths of a project's own tests: what its settings (`testpaths`) name, else its folders of tests, else the
    folders with test files. `files` are those with tests in them. Nothing where there are none.
    """
    there = tuple(files)
    named = tuple(path.rstrip("/").removeprefix("./") for path in settings)
    found = tuple(path for path in named if holds(path, there))
    if found:
        return found
    usual = tuple(path for path in ("tests", "test") if holds(path, there))
    rest = [path for path in there if not any(path.startswith(f"{one}/") for one in usual)]
    inner = [path for path in rest if _TEST_FOLDERS & {*PurePosixPath(path).parts}]
    more = () if usual else tuple(dict.fromkeys(_top(path) for path in (inner or rest)))
    return (*usual, *more)


def holds(path: str, files: Iterable[str]) -> bool:
    """Whether a file or folder is, or holds, one of the files. `.` holds all."""
    path = path.rstrip("/")
    return bool(path) and any(path in {".", one} or one.startswith(f"{path}/") for one in files)


def _top(path: str) -> str:
    """The folder of tests that a file lies in; itself where it lies in none."""
    parts = PurePosixPath(path).parts
    for number, part in enumerate(parts[:-1], 1):
        if part in _TEST_FOLDERS:
            return "/".join(parts[:number])
    return path
