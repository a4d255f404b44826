"""At which level of the pyramid a test stands: what bot.toml, its folder, markers and names say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every
from bot.audit.reading.source import TestCase, marks_in
from bot.audit.rule import Context
from bot.audit.view import View
from bot.domain.config import AuditConfig
from bot.domain.plan import Level

__all__ = ["level_of", "markers", "opted_in"]

_WORDS = {
    Level.E2E: re.compile(r"^(e2e|end_?to_?end|acceptance|system)(_tests?)?$", re.IGNORECASE),
    Level.INTEGRATION: re.compile(r"^(integration|functional|int)(_?tests?)?$", re.IGNORECASE),
    Level.UNIT: re.compile(r"^units?(_?tests?)?$", re.IGNORECASE),
}
_OPT_IN = re.compile(r"network|internet|online|live|remote|external", re.IGNORECASE)
_NAMED = {
    Level.E2E: re.compile(r"(^|_)(e2e|end_to_end)(_|$)|E2E|EndToEnd"),
    Level.INTEGRATION: re.compile(r"(^|_)integration(_|$)|Integration"),
}


def markers(case: TestCase) -> Iterator[str]:
    """The names of the pytest marks on a test, its classes and its module."""
    decorators = [*case.node.decorator_list, *(item for cls in case.classes for item in cls.decorator_list)]
    yield from (last_name(decorator) for decorator in decorators)
    yield from case.source.marks
    for cls in case.classes:
        yield from marks_in(cls.body)


def opted_in(view: View) -> bool:
    """Whether the test runs only where somebody says that there is a network: by a mark, or a condition to skip it."""
    for owner in (view.node, *view.case.classes):
        for decorator in owner.decorator_list:
            if last_name(decorator) in {"skipif", "skipIf", "skipUnless"}:
                words = [item.id for item in every(decorator, ast.Name)]
                words += [str(item.value) for item in every(decorator, ast.Constant)]
                if any(map(_OPT_IN.search, words)):
                    return True
    return any(map(_OPT_IN.search, markers(view.case)))


def level_of(context: Context, case: TestCase) -> Level | None:
    """The level of a test: by bot.toml, else its innermost folder of such a name, its markers, its own names."""
    key = ("level", case)
    if key not in context.program.memo:
        found = _configured(context.conventions, case) or _by_folder(case) or _by_marker(case) or _by_name(case)
        context.program.memo[key] = found
    known: Level | None = context.program.memo[key]
    return known


def _configured(conventions: AuditConfig, case: TestCase) -> Level | None:
    marked = set(markers(case))
    for name, said in conventions.level.items():
        if any(fnmatchcase(case.source.path, pattern) for pattern in said.paths) or marked & set(said.markers):
            return Level(name)
    return None


def _by_folder(case: TestCase) -> Level | None:
    for part in reversed(PurePosixPath(case.source.path).parts[:-1]):
        for level, word in _WORDS.items():
            if word.match(part):
                return level
    return None


def _by_marker(case: TestCase) -> Level | None:
    marked = set(markers(case))
    return next((level for level, word in _WORDS.items() if any(word.match(name) for name in marked)), None)


def _by_name(case: TestCase) -> Level | None:
    names = [case.node.name, *(cls.name for cls in case.classes), PurePosixPath(case.source.path).stem]
    return next((level for level, word in _NAMED.items() if any(word.search(name) for name in names)), None)
