"""Fix guard for tests: pytest's configuration, and whether it runs less or tells less than before."""

from __future__ import annotations

import configparser
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

_INI = {"pytest.ini": "pytest", ".pytest.ini": "pytest", "tox.ini": "pytest", "setup.cfg": "tool:pytest"}
_TOML = {"pyproject.toml", "pytest.toml", ".pytest.toml"}
_LISTS = ("testpaths", "python_files", "python_classes", "python_functions")
_DESELECTING = re.compile(
    r"^(-k|-m|-c|-W|-p|--deselect|--ignore|--ignore-glob|--lf|--last-failed|--ff|--co|--collect-only|--reruns|--retries"
    r"|--confcutdir|--rootdir|--override-ini|-o|--pythonwarnings|--disable-warnings|--sw|--stepwise|--nf|--noconftest"
    r"|--continue-on-collection-errors|--no-cov|--assert|--pyargs|--force-flaky|--only-rerun|--timeout|--maxfail"
    r"|--cov-fail-under)(=|$)|^-[kmcWpo].")
_SOFT = ("--timeout", "--maxfail", "--no-cov", "--cov-fail-under", "--ff", "--nf", "--disable-warnings")


def is_settings(path: str) -> bool:
    """Whether a file may hold pytest's configuration."""
    return PurePosixPath(path).name in {*_INI, *_TOML}


def settings_changes(path: str, old: str | None, new: str | None) -> Iterator[tuple[bool, str, str]]:
    """What speaks against a change of a configuration file: whether hard, in one sentence, and the option."""
    was, now = _options(path, old or ""), _options(path, new or "")
    if isinstance(now, str):
        yield True, f"{path} cannot be read after the change: {now}.", ""
        return
    if isinstance(was, str):
        was = {}
    yield from _arguments(was.get("addopts", []), now.get("addopts", []))
    for name in _LISTS:
        gone = [item for item in was.get(name, []) if item not in now.get(name, [])]
        narrower = name in now and name not in was
        if (gone and name in now) or (narrower and not _covers_default(name, now[name])):
            yield True, f"{name} is narrower: {', '.join(gone) or 'it was not set before'}.", name
    added = [item for item in now.get("norecursedirs", []) if item not in was.get("norecursedirs", [])]
    if added:
        yield True, f"norecursedirs now leaves out {', '.join(added)}.", "norecursedirs"
    filters = [item for item in now.get("filterwarnings", []) if item not in was.get("filterwarnings", [])]
    lost = [item for item in was.get("filterwarnings", []) if item not in now.get("filterwarnings", [])]
    if any(not item.startswith("error") for item in filters):
        yield True, f"filterwarnings now lets pass {', '.join(filters)}.", "filterwarnings"
    elif any(item.startswith("error") for item in lost) and not filters:
        yield True, f"filterwarnings no longer has {', '.join(lost)}.", "filterwarnings"
    for name in ("xfail_strict", "strict", "strict_config", "strict_markers", "strict_xfail"):
        if was.get(name, [""])[0].lower() in _YES and now.get(name, [""])[0].lower() not in _YES:
            yield name.endswith("xfail") or name in {"xfail_strict", "strict"}, f"{name} is no longer set.", name
    for name in sorted({*was, *now} - {"addopts", *_LISTS, "norecursedirs", "filterwarnings"}):
        if was.get(name) != now.get(name) and name in _TELLING:
            yield _TELLING[name], f"{name} changes from {_said(was.get(name))} to {_said(now.get(name))}.", name


_YES = {"true", "1", "yes", "on"}
_TELLING = {"reruns": True, "retries": True, "collect_imported_tests": False, "timeout": False, "asyncio_mode": False,
            "faulthandler_timeout": False, "required_plugins": False, "env": False, "usefixtures": False,
            "pythonpath": False, "timeout_method": False}


def _said(values: list[str] | None) -> str:
    return " ".join(values) if values else "nothing"


def _covers_default(name: str, values: list[str]) -> bool:
    default = {"python_files": "test_*.py", "python_classes": "Test", "python_functions": "test"}.get(name)
    return (default is None and name != "testpaths") or any(
        value in {default, "*", "*.py", "test*.py", "test_*", "test", f"{default}*"} for value in values)


def _arguments(old: list[str], new: list[str]) -> Iterator[tuple[bool, str, str]]:
    rest = list(old)
    for number, item in enumerate(new):
        if item in rest:
            rest.remove(item)
        elif _DESELECTING.match(item):
            following = new[number + 1] if "=" not in item and number + 1 < len(new) else ""
            shown = f"{item} {following}".strip() if len(item) == 2 or item.startswith("--") else item
            if item in {"-p", "-W"} and not re.match(r"no:|ignore|default", following):
                continue
            if item.startswith("-W") and re.match(r"-W\s*error", item):
                continue
            yield not item.startswith(_SOFT), f"addopts now has {shown}.", "addopts"
        elif not item.startswith("-") and number and _DESELECTING.match(new[number - 1]) and new[number - 1] in old:
            yield True, f"addopts now has {new[number - 1]} {item}.", "addopts"
    for item in rest:
        if item.startswith("--strict") or (item.startswith("-W") and "error" in item):
            yield False, f"addopts no longer has {item}.", "addopts"


def _options(path: str, text: str) -> Mapping[str, list[str]] | str:
    """The options of pytest in a file, each as a list of texts; or why it cannot be read."""
    name = PurePosixPath(path).name
    if name in _TOML:
        try:
            return _from_toml(tomllib.loads(text), name)
        except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
            return str(error)
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except (configparser.Error, ValueError) as error:
        return " ".join(str(error).split())
    section = _INI.get(name, "pytest")
    if not parser.has_section(section):
        return {}
    return {key: _split(key, value or "") for key, value in parser.items(section)}


def _from_toml(data: Mapping[str, object], name: str) -> dict[str, list[str]]:
    table: object = data.get("tool") if name == "pyproject.toml" else data
    table = table.get("pytest") if isinstance(table, Mapping) else None
    found: dict[str, list[str]] = {}
    for part in (table, table.get("ini_options") if isinstance(table, Mapping) else None):
        for key, value in part.items() if isinstance(part, Mapping) else ():
            if isinstance(value, list):
                found[str(key)] = [str(item) for item in value]
            elif not isinstance(value, Mapping):
                found[str(key)] = _split(str(key), str(value))
    return found


def _split(key: str, value: str) -> list[str]:
    if key == "filterwarnings":
        return [line.strip() for line in value.splitlines() if line.strip()]
    if key in {"addopts", *_LISTS, "norecursedirs"}:
        try:
            return shlex.split(value, comments=True)
        except ValueError:
            return value.split()
    return [value.strip()]
