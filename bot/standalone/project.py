"""Finds what an audit needs: the tests that somebody named, what they are made of, and the code they are about."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain.base import counted
from bot.domain.config import TargetConfig
from bot.domain.errors import UsageProblem
from bot.domain.globs import matches_any
from bot.standalone.files import NO_PYTHON, Text, plain, python_files, read_text, shown
from bot.standalone.folders import (
    COLLECTED,
    NOT_CODE,
    NOT_MODULES,
    USUAL_TEST_FILE,
    folder_of_tests,
    mostly_tests,
    own_folder_of_tests,
    root_of,
)
from bot.standalone.imports import ModuleIndex, imports_of, reached
from bot.standalone.pytest_settings import PytestSettings, pytest_settings

MOST_TEST_FILES = 10_000
MOST_WHOLE = 500
"""Up to so many files of a project are all read as its implementation; of more, those that the tests lead to."""

MOST_CODE_FILES = 2_000
MOST_BYTES = 60_000_000
"""So much text of tests, and as much of the implementation, is read."""

_EVERYTHING = frozenset({"*.py", "*"})


@dataclass(frozen=True)
class Project:
    """What an audit reads. All paths in it are as `shown` gives them, from the current folder.

    `tests` holds the asked test files, `asked`, and what else is test code: conftest.py, helpers, the settings of
    pytest. `named` are test files whatever they are called. `only` are the node ids to which it was narrowed.
    `unreadable` says of files why their text is not known, and `notes` what was left out.
    """

    root: Path
    tests: Mapping[str, str]
    implementation: Mapping[str, str]
    asked: frozenset[str]
    named: frozenset[str] = frozenset()
    only: tuple[str, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def wants(self, test: str) -> bool:
        """Whether a test (or, given a path, what is said of a whole file) is among what was asked for."""
        path, node, _ = test.partition("::")
        if path not in self.asked:
            return not node and not COLLECTED.fullmatch(path.rpartition("/")[2])
        narrowed = [wanted for wanted in self.only if wanted.partition("::")[0] == path]
        return not narrowed or not node or any(test == one or test.startswith(f"{one}::") for one in narrowed)

    @property
    def judges_all(self) -> bool:
        """Whether every test in `tests` is among what was asked for."""
        return not self.only and all(map(self.wants, self.tests))


def find_project(
    paths: Iterable[str], implementation: Iterable[str] = (), targets: Iterable[tuple[Path, TargetConfig]] = (),
) -> Project:
    """Find the project of some tests: PATHs are files, folders, or node ids; none means what pytest would take.

    `implementation` are its files or folders; without them the code of `targets` (each with the folder of its
    repository), and without these what is found from the root of the project. Raises UsageProblem for a path that
    does not exist, an empty folder, and where there is no test file.
    """
    return _Finder().find(tuple(paths), tuple(implementation), tuple(targets))


def _called(folder: Path) -> str:
    return "this folder" if folder == Path.cwd() else shown(folder)


class _Finder:
    """Collects the files of one project; one use."""

    def __init__(self) -> None:
        self._texts: dict[Path, str] = {}
        self._problems: dict[str, str] = {}
        self._notes: list[str] = []
        self._named: set[Path] = set()
        self._only: list[tuple[Path, str]] = []
        self._whole: set[Path] = set()
        self._settings: dict[Path, PytestSettings] = {}
        self._root = Path.cwd()
        self._inside: tuple[str, ...] = ()

    def find(self, paths: tuple[str, ...], implementation: tuple[str, ...],
             targets: tuple[tuple[Path, TargetConfig], ...]) -> Project:
        given = [self._given(path) for path in paths] or self._default()
        self._root = root_of([path if path.is_dir() else path.parent for path in given])
        code_given = [self._given(path, code=True) for path in implementation]
        self._inside = tuple(os.path.realpath(path) for path in (self._root, *given, *code_given))
        asked = self._asked(given)
        self._root = self._nested(asked) or self._root
        tops = self._tops(asked, [path for path in given if path.is_dir()])
        support = self._support(asked, tops, frozenset(code_given))
        if code_given:
            code = self._within(code_given, asked)
        else:
            code = self._targeted(targets, tops, asked) or self._product(self._root, tops, asked)
        code, more = self._chosen(asked, support, code, whole=bool(code_given))
        if not code:
            self._notes.append(
                f"No code under test was found in {_called(self._root)}, so calls and values were "
                "not held against it; --implementation names it.")
        tests = [*asked, *support, *more]
        only = tuple(node for path, node in self._only if not self._whole & {path, *path.parents})
        configuration = {
            shown(found.path): found.text for found in self._settings.values() if found.path is not None
        }
        held = self._bounded(tests, "test code")
        return Project(
            root=self._root, tests={**configuration, **held},
            implementation=self._bounded([path for path in code if path not in set(tests)], "code"),
            asked=frozenset(map(shown, asked)), named=frozenset(map(shown, self._named)), only=only,
            unreadable=self._problems, notes=tuple(dict.fromkeys(self._notes)),
        )

    # what was asked for

    def _given(self, text: str, *, code: bool = False) -> Path:
        name, colons, rest = text.partition("::")
        if os.path.lexists(text) or code:
            name, colons, rest = text, "", ""
        if "\0" in name or not name or not os.path.exists(name):  # noqa: PTH110 - a name may be too long for Path
            raise UsageProblem(f"There is no file or folder {plain(name)!r}.", "Name one that is there.")
        path = Path(os.path.abspath(name))  # noqa: PTH100 - links stay, so that paths are shown as they were given
        if not path.is_dir():
            if path.suffix != ".py":
                raise UsageProblem(f"{plain(name)} is no Python file.", "Name a file that ends in .py, or a folder.")
            if not code:
                self._named.add(path)
        if colons and rest:
            self._only.append((path, f"{shown(path)}::{rest.partition('[')[0]}"))
        elif not code:
            self._whole.add(path)
        return path

    def _default(self) -> list[Path]:
        here = Path.cwd()
        settings = pytest_settings(here, here)
        found = [path for glob in settings.testpaths for path in sorted(here.glob(glob)) if path.is_dir()]
        return found or [here]

    def _settings_for(self, folder: Path) -> PytestSettings:
        if folder not in self._settings:
            self._settings[folder] = pytest_settings(folder, self._root)
        return self._settings[folder]

    def _asked(self, given: list[Path]) -> list[Path]:
        found: dict[Path, None] = {}
        for path in given:
            if not path.is_dir():
                self._settings_for(path.parent)
                found[path] = None
                continue
            settings = self._settings_for(path)
            files = self._listed(path)
            # Whoever collects every file means every file of the folders with tests.
            wide = bool(_EVERYTHING & set(settings.python_files))
            here = [
                file for file in files
                if settings.is_test_file(file) and file.name not in {"conftest.py", "__init__.py"}
                and (not wide or COLLECTED.fullmatch(file.name) or folder_of_tests(file, self._root) is not None)
            ]
            if not here and settings.path is None:
                # What unittest finds by default.
                here = [file for file in files if file.name.startswith("test") and "TestCase" in self._read(file)]
            django = [file for file in files if file.name == "tests.py" and "TestCase" in self._read(file)]
            for file in (*here, *django):
                found[file] = None
                if not COLLECTED.fullmatch(file.name):
                    self._named.add(file)
        if not found:
            folders = ", ".join(_called(path) for path in given)
            looked = " or ".join(self._settings_for(given[0]).python_files)
            raise UsageProblem(
                f"There is no test file in {folders}: looked for {looked} there and in the folders below.",
                "Name the files, or a folder that holds such files.",
            )
        asked = sorted(found)
        if len(asked) > MOST_TEST_FILES:
            self._notes.append(f"Of {counted(len(asked), 'test file')}, the first {MOST_TEST_FILES:,} were read.")
        return asked[:MOST_TEST_FILES]

    def _listed(self, folder: Path) -> tuple[Path, ...]:
        listing = python_files(folder)
        if listing.cut:
            self._notes.append(f"Not all files were looked at, for {_called(folder)} has too many.")
        return listing.paths

    def _nested(self, asked: list[Path]) -> Path | None:
        """The root of a project that lies among the tests of another one: what these tests import lies beside them."""
        tops = {own_folder_of_tests(path, self._root) for path in asked}
        (top, *more) = tops
        if more or top is None or folder_of_tests(asked[0], self._root) == top:
            return None
        names = {
            name.partition(".")[0] for path in asked for dots, name in imports_of(self._read(path)) if not dots and name
        }
        beside = {path.relative_to(top.parent).parts[0].removesuffix(".py") for path in self._listed(top.parent)
                  if top not in path.parents}
        return top.parent if names & beside else None

    # test code beside the tests

    def _tops(self, asked: list[Path], folders: list[Path]) -> tuple[Path, ...]:
        """The folders in which everything is test code, outermost first."""
        found: dict[Path, None] = {}
        for path in asked:
            top = own_folder_of_tests(path, self._root)
            if top is None and path.parent != self._root and mostly_tests(path.parent, folders):
                top = path.parent
            if top is not None:
                found[top] = None
        return tuple(top for top in found if not any(other in top.parents for other in found))

    def _support(self, asked: list[Path], tops: tuple[Path, ...], code: frozenset[Path]) -> list[Path]:
        """conftest.py files up to the root, and the helpers in the folders of tests."""
        found: dict[Path, None] = {}
        for folder in {above for path in asked for above in (path.parent, *path.parent.parents)
                       if above == self._root or self._root in above.parents or above == path.parent}:
            if (folder / "conftest.py").is_file():
                found[folder / "conftest.py"] = None
        start = [(path, self._read(path)) for path in (*asked, *found)]
        known = set(asked)
        inner = [
            path for top in tops for path in self._listed(top)
            if path not in known and path not in code
            and not any(folder in path.parents for folder in code if folder == top or top in folder.parents)
        ]
        # Not the rest: it is test data and examples, which need not even be Python. A plugin is named in a string.
        helpers = reached(start, ModuleIndex(inner), self._read, MOST_CODE_FILES, mentions=True)
        packages = {above / "__init__.py" for path in (*asked, *helpers) for above in path.parents}
        return sorted({*found, *helpers, *(packages & set(inner))})

    def _is_test(self, path: Path) -> bool:
        return USUAL_TEST_FILE.fullmatch(path.name) is not None

    # the implementation

    def _within(self, given: list[Path], asked: list[Path]) -> list[Path]:
        found: dict[Path, None] = {}
        known = set(asked)
        for path in given:
            files = (path,) if not path.is_dir() else tuple(
                file for file in self._listed(path)
                if not USUAL_TEST_FILE.fullmatch(file.name) and folder_of_tests(file, path) is None
            )
            if not files:
                raise UsageProblem(f"There is no Python code in {shown(path)}.", "Name a folder with the code.")
            found |= dict.fromkeys(file for file in files if file not in known)
        return list(found)

    def _targeted(self, targets: tuple[tuple[Path, TargetConfig], ...], tops: tuple[Path, ...],
                  asked: list[Path]) -> list[Path]:
        found: dict[Path, None] = {}
        for repository, target in targets:
            folder = repository / target.root
            globs = target.in_repository(target.code)
            if folder.is_dir():
                for path in self._product(folder, tops, asked):
                    if matches_any(path.relative_to(repository).as_posix(), globs):
                        found[path] = None
        return list(found)

    def _product(self, folder: Path, tops: tuple[Path, ...], asked: list[Path]) -> list[Path]:
        known = set(asked)
        return [
            path for path in self._listed(folder)
            if path not in known and not USUAL_TEST_FILE.fullmatch(path.name) and path.name not in NOT_MODULES
            and not any(top in path.parents for top in tops)
            and not (NOT_CODE & set(path.relative_to(folder).parts[:-1])) and folder_of_tests(path, folder) is None
        ]

    def _chosen(
        self, asked: list[Path], support: list[Path], code: list[Path], *, whole: bool
    ) -> tuple[list[Path], list[Path]]:
        """The implementation that is read, and test code from elsewhere that the tests import."""
        start = [(path, self._read(path)) for path in (*asked, *support)]
        total = len(code)
        if total > MOST_WHOLE and not whole:
            code = list(reached(start, ModuleIndex(code), self._read, MOST_CODE_FILES, mentions=True))
            self._notes.append(f"Of {counted(total, 'file')} of the project, the {len(code):,} were read that the "
                               "tests lead to by import; --implementation names others.")
        if whole:
            return code, []
        known = {*asked, *support, *code}
        near = ModuleIndex(known)
        rest = ModuleIndex([path for path in self._listed(self._root) if path not in known])
        # Only what the tests name in full and nothing nearer has: a name of one part may mean any file.
        wanted = {
            path: None for origin, text in start for one in imports_of(text)
            if (one[0] or "." in one[1]) and rest.exactly(one, origin) and not near.exactly(one, origin)
            for path in rest.find(one, origin)
        }
        others = list(wanted)[:MOST_WHOLE]
        tests = [path for path in others if self._is_test(path) or folder_of_tests(path, self._root) is not None]
        return [*code, *(path for path in others if path not in set(tests))], tests

    # texts

    def _read(self, path: Path) -> str:
        if path not in self._texts:
            # A file that is audited is quoted, and so what a link leads to could be shown to anybody.
            real = os.path.realpath(path)
            inside = any(real == folder or real.startswith(f"{folder}/") for folder in self._inside)
            found = read_text(path) if inside else Text(NO_PYTHON, "it is a link that leads out of the project")
            self._texts[path] = found.text
            if found.problem:
                self._problems[shown(path)] = found.problem
        return self._texts[path]

    def _bounded(self, paths: Iterable[Path], what: str) -> dict[str, str]:
        texts: dict[str, str] = {}
        room = MOST_BYTES
        left = 0
        for path in paths:
            text = self._read(path)
            if len(text) > room:
                left += 1
                continue
            room -= len(text)
            texts[shown(path)] = text
        if left:
            self._notes.append(f"{counted(left, 'file')} of {what} left out, for at most {MOST_BYTES:,} characters of "
                               "it are read.")
        return texts
