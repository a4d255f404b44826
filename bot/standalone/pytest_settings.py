"""What a project's pytest configuration says of where tests are and what they are called."""

from __future__ import annotations

import configparser
import shlex
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from bot.standalone.files import read_text

_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
"""In the order in which pytest takes the first that has its section
(https://docs.pytest.org/en/stable/reference/customize.html)."""

_DEFAULT_FILES = ("test_*.py", "*_test.py")


@dataclass(frozen=True)
class PytestSettings:
    """What pytest was told. `path` is the file that decides, None without one; `text` is that file's.

    `python_files` are globs for a name or, with a slash, for the end of a path.
    """

    path: Path | None = None
    text: str = ""
    python_files: tuple[str, ...] = _DEFAULT_FILES
    testpaths: tuple[str, ...] = ()

    def is_test_file(self, path: Path) -> bool:
        """Whether pytest would collect a file found below a folder."""
        return any(
            fnmatch(path.as_posix(), f"*/{glob.lstrip('/')}") if "/" in glob else fnmatch(path.name, glob)
            for glob in self.python_files
        )


def pytest_settings(folder: Path, root: Path) -> PytestSettings:
    """The settings for the tests in a folder: those of the nearest file that has any, up to the root.

    A file that is not readable as what it should be has none; pytest itself says what is wrong with it.
    """
    for above in (folder, *folder.parents):
        for name in _FILES:
            path = above / name
            if path.is_file():
                text = read_text(path).text
                section = section_of(name, text)
                if section is not None:
                    return _settings(section, path, text)
        if above == root:
            break
    return PytestSettings()


def settings_in(read: Callable[[str], bytes | None]) -> PytestSettings:
    """The settings of a folder whose files are read by their names; None stands for no such file."""
    for name in _FILES:
        content = read(name)
        text = "" if content is None else content.decode("utf-8", "replace")
        section = None if content is None else section_of(name, text)
        if section is not None:
            return _settings(section, Path(name), text)
    return PytestSettings()


def _settings(section: dict[str, object], path: Path, text: str) -> PytestSettings:
    return PytestSettings(
        path, text, tuple(_words(section, "python_files")) or _DEFAULT_FILES, tuple(_words(section, "testpaths")))


def section_of(name: str, text: str) -> dict[str, object] | None:
    """The settings in a file; None when it has none for pytest, as far as it can be read."""
    if name.endswith(".toml"):
        try:
            document = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError):
            return None
        if name != "pyproject.toml":
            return _table(document, "pytest") or {}
        tool = _table(document, "tool") or {}
        table = _table(tool, "pytest")
        return None if table is None else _table(table, "ini_options") or table
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except (configparser.Error, ValueError):
        return None
    wanted = "tool:pytest" if name == "setup.cfg" else "pytest"
    if parser.has_section(wanted):
        return {key: value or "" for key, value in parser.items(wanted)}
    return {} if name in {"pytest.ini", ".pytest.ini"} else None


def _table(document: dict[str, object], key: str) -> dict[str, object] | None:
    value = document.get(key)
    return value if isinstance(value, dict) else None


def _words(section: dict[str, object], key: str) -> Iterator[str]:
    value = section.get(key, ())
    if isinstance(value, str):
        try:
            yield from shlex.split(value)
        except ValueError:
            yield from value.split()
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, str))
