"""Which folders and files of a project are tests and which are code, by what they are called and where they lie."""

from __future__ import annotations

import os
import re
from pathlib import Path

from bot.standalone.files import python_files

_ROOT_MARKS = ("pyproject.toml", "setup.py", "setup.cfg", ".git")
_TEST_FOLDER = re.compile(r"tests?[_-].+|.+[_-]tests?|tests|unittests", re.IGNORECASE)
_MAYBE_TEST_FOLDER = frozenset({"test", "testing", "t", "spec", "specs"})
"""Folders of tests if there are any in them: `django.test` and `trio.testing` are products."""

NOT_CODE = frozenset({"docs", "doc", "example", "examples"})
NOT_MODULES = frozenset({"setup.py", "noxfile.py"})
COLLECTED = re.compile(r"test_.*\.py|.*_test\.py")
"""What the audit takes for a file of tests by its name (pytest's default)."""

USUAL_TEST_FILE = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py|tests\.py")


def root_of(folders: list[Path]) -> Path:
    """The folder of the project: the nearest above the tests with a mark of one, else the current or the tests' own."""
    common = Path(os.path.commonpath(folders))
    for folder in (common, *common.parents):
        if any((folder / mark).exists() for mark in _ROOT_MARKS):
            return folder
    # All that a machine or a person has is no project.
    too_wide = {Path(common.anchor), Path.home()}
    here = Path.cwd()
    inside = common.is_relative_to(here) and here not in too_wide
    # A project may be called test-something; one that is called just `tests` is most often the folder in it.
    if inside and here.name not in _MAYBE_TEST_FOLDER | {"tests", "unittests"}:
        return here
    named = [_named_after_tests(folder) for folder in (common, *common.parents)]
    if not any(named[:3]):
        return here if inside else common
    above = common.parents[named.index(False, named.index(True)) - 1]
    return common if above in too_wide else above


def _named_after_tests(folder: Path) -> bool:
    return _TEST_FOLDER.fullmatch(folder.name) is not None or folder.name in _MAYBE_TEST_FOLDER


def folder_of_tests(path: Path, within: Path) -> Path | None:
    """The outermost folder of tests above a file and below `within`."""
    return next((folder for folder in _folders(path, within) if _is_of_tests(folder)), None)


def own_folder_of_tests(path: Path, within: Path) -> Path | None:
    """The innermost folder of tests above a file and below `within`; of several, one in the other, the outermost.

    It is another than `folder_of_tests` where a project lies among the tests of another one.
    """
    found = None
    for folder in reversed(_folders(path, within)):
        if _is_of_tests(folder):
            found = folder
        elif found is not None:
            break
    return found


def _folders(path: Path, within: Path) -> list[Path]:
    if not path.is_relative_to(within):
        return []
    return [folder for folder in reversed(path.parents) if within in folder.parents]


def _is_of_tests(folder: Path) -> bool:
    if _TEST_FOLDER.fullmatch(folder.name):
        return True
    return folder.name in _MAYBE_TEST_FOLDER and _has_tests(folder)


def _has_tests(folder: Path) -> bool:
    return any(USUAL_TEST_FILE.fullmatch(path.name) for path in python_files(folder).paths)


def mostly_tests(folder: Path, given: list[Path]) -> bool:
    """Whether a folder that is not called after tests is one of tests all the same: most files in it are."""
    names = [path.name for path in python_files(folder).paths if path.parent == folder and path.name != "__init__.py"]
    tests = [name for name in names if USUAL_TEST_FILE.fullmatch(name)]
    return len(tests) * 2 > len(names) or (folder in given and bool(given) and not names)
